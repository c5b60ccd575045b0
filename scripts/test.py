#!/usr/bin/env python3
"""What `make test` runs after setup: lint, unit tests, release build, end-to-end suites.

Prints the time of each suite and, at the end, a line `N passed, N failed, N skipped` over all of
them. Ends with 1 if anything failed; with STRONGROOM_REQUIRE_ALL=1 a skipped test has failed.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".cache" / "venv" / "bin" / "python"
REQUIRE_ALL = os.environ.get("STRONGROOM_REQUIRE_ALL") == "1"
OUTCOMES = ("passed", "failed", "skipped")


class Row:
    """One line of the closing table."""

    def __init__(self, name, seconds, passed=0, failed=0, skipped=0):
        self.name, self.seconds = name, seconds
        self.passed, self.failed, self.skipped = passed, failed, skipped

    def __str__(self):
        counts = ", ".join(f"{getattr(self, o)} {o}" for o in OUTCOMES)
        seconds = f"{self.seconds:>8.1f} s" if self.seconds is not None else " " * 10
        return f"  {self.name:<32}{seconds}   {counts if self.total else ''}".rstrip()

    @property
    def total(self):
        return self.passed + self.failed + self.skipped


def run(title, *command):
    """Runs a step with its output shown; returns its exit code and how long it took."""
    print(f"\n== {title}", flush=True)
    started = time.monotonic()
    code = subprocess.run(command, cwd=ROOT).returncode
    seconds = time.monotonic() - started
    print(
        f"== {title}: {'done' if code == 0 else f'ended with {code}'} in {seconds:.1f} s",
        flush=True,
    )
    return code, seconds


def step(rows, title, *command):
    """A step that either works or does not: counted as one test."""
    code, seconds = run(title, *command)
    rows.append(Row(title, seconds, passed=int(code == 0), failed=int(code != 0)))
    return code == 0


def unit_tests(rows, folder):
    report = folder / "unit.xml"
    code, seconds = run(
        "unit tests",
        "swift",
        "test",
        "--skip-build",
        "--disable-xctest",
        "--explicit-target-dependency-import-check",
        "error",
        "--xunit-output",
        str(report),
    )
    found = read_xunit(report)
    # Swift Testing runs the suites of all targets at once: only their sum has a time.
    rows.append(Row("unit tests", seconds))
    rows.extend(found)
    if code != 0 and not any(row.failed for row in found):
        rows.append(Row("unit tests ended early", seconds, failed=1))
    if not found:
        rows.append(Row("unit tests: none ran", seconds, failed=1))


def read_xunit(report):
    """A row for each test target, out of the report of Swift Testing."""
    modules = {}
    # The tool adds the library's name to the file's.
    for path in sorted(report.parent.glob(report.stem + "*.xml")):
        for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
            row = modules.setdefault(case.get("classname").split(".")[0], Row("", None))
            if case.find("failure") is not None or case.find("error") is not None:
                row.failed += 1
            elif case.find("skipped") is not None:
                row.failed += int(REQUIRE_ALL)
                row.skipped += int(not REQUIRE_ALL)
                print(f"SKIPPED {case.get('classname')}/{case.get('name')}", flush=True)
            else:
                row.passed += 1
    for name, row in modules.items():
        row.name = "  " + name
    return sorted(modules.values(), key=lambda row: row.name)


def end_to_end(rows, folder):
    report = folder / "end-to-end.json"
    runner = ROOT / "Tests" / "EndToEnd" / "run.py"
    code, seconds = run("end-to-end tests", str(PYTHON), str(runner), "--report", str(report))
    if not report.exists():
        rows.append(Row("end-to-end tests ended early", seconds, failed=1))
        return
    suites = json.loads(report.read_text())
    for suite in suites:
        name = "EndToEnd/" + suite["name"]
        rows.append(Row(name, suite["seconds"], *(suite[outcome] for outcome in OUTCOMES)))
    if code != 0 and not any(suite["failed"] for suite in suites):
        rows.append(Row("end-to-end tests ended early", seconds, failed=1))


def main():
    started = time.monotonic()
    rows = []
    with tempfile.TemporaryDirectory(
        prefix="strongroom-test-", ignore_cleanup_errors=True
    ) as folder:
        folder = pathlib.Path(folder)
        # Whatever a test leaves behind is gone with it.
        os.environ["TMPDIR"] = str(folder / "tmp")
        os.mkdir(os.environ["TMPDIR"])
        step(rows, "lint", "scripts/lint.sh")
        if step(rows, "debug build", "make", "--no-print-directory", "debug"):
            unit_tests(rows, folder)
        if step(rows, "release build", "make", "--no-print-directory", "build"):
            end_to_end(rows, folder)
    print("\n== Suites")
    for row in rows:
        print(row)
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    print(f"  all of it: {minutes} min {seconds} s\n")
    totals = {outcome: sum(getattr(row, outcome) for row in rows) for outcome in OUTCOMES}
    print(", ".join(f"{count} {outcome}" for outcome, count in totals.items()), flush=True)
    return 1 if totals["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
