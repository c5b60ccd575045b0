#!/usr/bin/env python3
"""Runs the end-to-end suites on the real binary.

    run.py [SUITE…]            all, or those named; `SUITE:part` only tests with `part` in the name
    run.py --list

A suite is a file in suites/, a test a function test_… in it. Suites run side by side, each in a
process of its own with a directory of its own under TMPDIR, which is gone afterwards.
"""

import argparse
import contextlib
import importlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import ROOT, Environment, Skip, settings  # noqa: E402
from harness.environment import remove, tests_of  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
# A suite that takes so long hangs; what it waits for has limits of its own.
LIMIT_SECONDS = 12 * 3600 if settings.soak else 900
MARKS = {"passed": "ok", "failed": "FAILED", "skipped": "SKIPPED"}


def suite_names():
    return sorted(path.stem for path in (HERE / "suites").glob("[a-z]*.py"))


# --- the worker: one suite, in this process -------------------------------------------------------


def run_suite(name, part, binary, directory, report):
    module = importlib.import_module(f"suites.{name}")
    results = []
    for label, function, arguments in tests_of(module):
        if part and part not in label:
            continue
        folder = pathlib.Path(directory) / f"{len(results)}"
        folder.mkdir(parents=True)
        environment = Environment(binary, folder, f"{name}/{label}")
        started, outcome, detail = time.monotonic(), "passed", ""
        try:
            function(environment, *arguments)
        except Skip as reason:
            outcome, detail = "failed" if settings.require_all else "skipped", str(reason)
        except Exception:
            outcome, detail = "failed", traceback.format_exc()
        try:
            environment.close(failed=outcome == "failed")
        except Exception:
            outcome, detail = "failed", detail + "\nin cleaning up:\n" + traceback.format_exc()
        seconds = time.monotonic() - started
        lines = [f"  {MARKS[outcome]:8}{name}/{label}  {seconds:.1f} s"]
        lines += [f"          {note}" for note in environment.notes]
        lines += [f"          {line}" for line in detail.rstrip().split("\n") if detail]
        if outcome == "failed":
            lines.append(f"          replay: STRONGROOM_SEED={settings.seed}")
        print("\n".join(lines), flush=True)
        results.append({"outcome": outcome, "lines": lines})
        pathlib.Path(report).write_text(json.dumps(results))


# --- the parent: suites side by side --------------------------------------------------------------


@contextlib.contextmanager
def with_stores(suites):
    """Starts the S3 stores that the suites name in STORES, unless some are at hand."""
    names = sorted({name for suite in suites for name in suite.stores})
    if not names or "STRONGROOM_S3_ENDPOINTS" in os.environ:
        yield
        return
    sys.path.insert(0, str(ROOT / "scripts" / "rigs"))
    import stores

    with contextlib.ExitStack() as stack:
        try:
            os.environ.update(stack.enter_context(stores.running(names)))
        except stores.RigError as error:
            print(f"NO S3 STORES, their tests are skipped: {error}", flush=True)
        yield


class Suite:
    def __init__(self, name, part):
        self.name, self.part = name, part
        module = importlib.import_module(f"suites.{name}")
        self.stores = getattr(module, "STORES", ())
        self.expected_seconds = getattr(module, "SECONDS", 5)
        self.planned = len([t for t in tests_of(module) if not part or part in t[0]])
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}
        self.seconds = 0.0
        self.output = ""
        self.failures = []

    def run(self, binary, directory):
        started = time.monotonic()
        work = pathlib.Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=directory))
        report = pathlib.Path(f"{work}.json")
        command = [sys.executable, __file__, "--worker", f"{self.name}:{self.part}"]
        command += ["--binary", str(binary), "--directory", str(work), "--report", str(report)]
        environment = {**os.environ, "STRONGROOM_SEED": str(settings.seed), "TMPDIR": str(work)}
        worker = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
        timer = threading.Timer(LIMIT_SECONDS, stop_group, (worker.pid,))
        timer.start()
        self.output = worker.communicate()[0].decode(errors="replace")
        timer.cancel()
        stop_group(worker.pid)
        for result in json.loads(report.read_text()) if report.exists() else []:
            self.counts[result["outcome"]] += 1
            if result["outcome"] == "failed":
                self.failures += result["lines"]
        missing = self.planned - sum(self.counts.values())
        if missing or worker.returncode:
            self.fail(f"the suite ended early ({worker.returncode})", max(missing, 1))
        release(work)
        self.seconds = time.monotonic() - started

    def fail(self, reason, count=1):
        self.counts["failed"] += count
        self.output += f"  FAILED  {self.name}: {reason}\n"
        self.failures += self.output.split("\n")[-20:]


def stop_group(pid):
    """Ends what a worker has left behind: it and its children are a session of their own."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def release(work):
    """Unmounts what is still mounted below `work` and removes it."""
    for line in reversed(pathlib.Path("/proc/mounts").read_text().split("\n")):
        fields = line.split(" ")
        if len(fields) > 1 and fields[1].startswith(str(work) + "/"):
            subprocess.run(["umount", "-l", fields[1]], check=False)
    for line in subprocess.run(
        ["losetup", "-nO", "NAME,BACK-FILE"], capture_output=True, text=True, check=False
    ).stdout.split("\n"):
        fields = line.split(None, 1)
        if len(fields) == 2 and fields[1].startswith(str(work) + "/"):
            subprocess.run(["losetup", "-d", fields[0]], check=False)
    if not settings.keep:
        remove(work)


def run_all(suites, binary, directory, jobs):
    waiting = sorted(suites, key=lambda suite: -suite.expected_seconds)
    lock = threading.Lock()

    def work():
        while True:
            with lock:
                if not waiting:
                    return
                suite = waiting.pop(0)
            try:
                suite.run(binary, directory)
            except Exception:
                suite.fail(traceback.format_exc())
            with lock:
                counts = ", ".join(f"{n} {what}" for what, n in suite.counts.items())
                print(f"suite {suite.name}: {counts} in {suite.seconds:.1f} s")
                print(suite.output, end="", flush=True)

    threads = [threading.Thread(target=work) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("suites", nargs="*", metavar="SUITE[:PART]")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--jobs", type=int, default=int(os.environ.get("STRONGROOM_JOBS", 3)))
    default = os.environ.get("STRONGROOM_BINARY", ROOT / ".build/release/strongroom")
    parser.add_argument("--binary", default=default)
    parser.add_argument("--report", help="writes the counts here, as JSON")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--directory", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.list:
        print("\n".join(suite_names()))
        return 0
    if options.worker:
        name, part = options.worker.split(":", 1)
        run_suite(name, part, options.binary, options.directory, options.report)
        return 0

    binary = pathlib.Path(options.binary).resolve()
    if not os.access(binary, os.X_OK):
        parser.error(f"{binary} is not there; run `make build` first")
    wanted = [text.partition(":")[::2] for text in options.suites or suite_names()]
    unknown = [name for name, _ in wanted if name not in suite_names()]
    if unknown:
        parser.error(f"no suite {', '.join(unknown)}; there are {', '.join(suite_names())}")
    suites = [Suite(name, part) for name, part in wanted]
    directory = tempfile.mkdtemp(prefix="strongroom-e2e-")
    try:
        with with_stores(suites):
            run_all(suites, binary, directory, options.jobs)
    finally:
        if not settings.keep:
            shutil.rmtree(directory, ignore_errors=True)
    counts = {what: sum(s.counts[what] for s in suites) for what in MARKS}
    if options.report:
        rows = [
            {"name": s.name, "seconds": s.seconds, "failures": s.failures, **s.counts}
            for s in suites
        ]
        pathlib.Path(options.report).write_text(json.dumps(rows))
    print(", ".join(f"{n} {what}" for what, n in counts.items()))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
