#!/usr/bin/env python3
"""What `make test` runs after setup: lint, unit tests, release build, end-to-end suites.

Prints the time of each suite and, at the end, what failed and a line `N passed, N failed, N
skipped` over all of them. Ends with 1 if anything failed; with STRONGROOM_REQUIRE_ALL=1 a skipped
test has failed.
"""

import collections
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts" / "rigs"))

import stores  # noqa: E402

PYTHON = ROOT / ".cache" / "venv" / "bin" / "python"
REQUIRE_ALL = os.environ.get("STRONGROOM_REQUIRE_ALL") == "1"
OUTCOMES = ("passed", "failed", "skipped")


class Row:
    """One line of the closing table, and what is to be told of its failures."""

    def __init__(self, name, seconds, passed=0, failed=0, skipped=0, failures=()):
        self.name, self.seconds = name, seconds
        self.passed, self.failed, self.skipped = passed, failed, skipped
        self.failures = list(failures)

    def __str__(self):
        counts = ", ".join(f"{getattr(self, o)} {o}" for o in OUTCOMES)
        seconds = f"{self.seconds:>8.1f} s" if self.seconds is not None else " " * 10
        return f"  {self.name:<32}{seconds}   {counts if self.total else ''}".rstrip()

    @property
    def total(self):
        return self.passed + self.failed + self.skipped


class Step:
    """A command that ran with its output shown, but for lines that begin with one of `hidden`."""

    def __init__(self, title, *command, hidden=()):
        print(f"\n== {title}", flush=True)
        started = time.monotonic()
        self.shown, last = [], collections.deque(maxlen=40)
        with subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            for line in process.stdout:
                last.append(line.rstrip("\n"))
                if not line.startswith(hidden):
                    self.shown.append(last[-1])
                    print(line, end="", flush=True)
        self.code = process.returncode
        self.last = list(last)
        self.seconds = time.monotonic() - started
        ending = "done" if self.code == 0 else f"ended with {self.code}"
        print(f"== {title}: {ending} in {self.seconds:.1f} s", flush=True)


def step(rows, title, *command):
    """A step that either works or does not: counted as one test."""
    ran = Step(title, *command)
    works = ran.code == 0
    failures = [] if works else ran.last
    rows.append(Row(title, ran.seconds, int(works), int(not works), failures=failures))
    return works


@contextlib.contextmanager
def with_stores():
    """S3 stores for the tests that need some; without them those are skipped."""
    with contextlib.ExitStack() as stack:
        try:
            environment = stack.enter_context(stores.running())
        except stores.RigError as error:
            print(f"NO S3 STORES, their tests are skipped: {error}", flush=True)
            environment = {}
        os.environ.update(environment)
        yield
        for name in environment:
            del os.environ[name]


def unit_tests(rows, folder):
    report = folder / "unit.xml"
    ran = Step(
        "unit tests",
        "swift",
        "test",
        "--skip-build",
        "--disable-xctest",
        "--explicit-target-dependency-import-check",
        "error",
        "--xunit-output",
        str(report),
        # A line for each test that starts and each that passes: tens of thousands.
        hidden=("◇ ", "✔ Test ", "✔ Suite "),
    )
    found = read_xunit(report)
    # Passing runs have lines with arrows, too: what the library is.
    told = ran.shown if ran.code != 0 else []
    failures = [line for line in told if line.startswith(("✘ ", "↳ "))]
    # Swift Testing runs the suites of all targets at once: only their sum has a time.
    rows.append(Row("unit tests", ran.seconds, failures=failures))
    rows.extend(found)
    if ran.code != 0 and not any(row.failed for row in found):
        rows.append(Row("unit tests ended early", ran.seconds, failed=1, failures=ran.last))
    if not found:
        rows.append(Row("unit tests: none ran", ran.seconds, failed=1))


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
                line = f"SKIPPED {case.get('classname')}/{case.get('name')}"
                row.failures += [line] * int(REQUIRE_ALL)
                print(line, flush=True)
            else:
                row.passed += 1
    for name, row in modules.items():
        row.name = "  " + name
    return sorted(modules.values(), key=lambda row: row.name)


def end_to_end(rows, folder):
    report = folder / "end-to-end.json"
    runner = ROOT / "Tests" / "EndToEnd" / "run.py"
    ran = Step("end-to-end tests", str(PYTHON), str(runner), "--report", str(report))
    if not report.exists():
        rows.append(Row("end-to-end tests ended early", ran.seconds, failed=1, failures=ran.last))
        return
    suites = json.loads(report.read_text())
    for suite in suites:
        counts = [suite[outcome] for outcome in OUTCOMES]
        name = "EndToEnd/" + suite["name"]
        rows.append(Row(name, suite["seconds"], *counts, failures=suite["failures"]))
    if ran.code != 0 and not any(suite["failed"] for suite in suites):
        rows.append(Row("end-to-end tests ended early", ran.seconds, failed=1, failures=ran.last))


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
        debug = step(rows, "debug build", "make", "--no-print-directory", "debug")
        release = step(rows, "release build", "make", "--no-print-directory", "build")
        with with_stores():
            if debug:
                unit_tests(rows, folder)
            if release:
                end_to_end(rows, folder)
    print("\n== Suites")
    for row in rows:
        print(row)
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    print(f"  all of it: {minutes} min {seconds} s\n")
    for row in rows:
        if row.failures:
            print("\n".join([f"== {row.name.strip()}: failed", *row.failures, ""]))
    totals = {outcome: sum(getattr(row, outcome) for row in rows) for outcome in OUTCOMES}
    print(", ".join(f"{count} {outcome}" for outcome, count in totals.items()), flush=True)
    return 1 if totals["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
