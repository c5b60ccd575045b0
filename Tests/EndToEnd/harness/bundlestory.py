"""A log in which everything happens that a bundle can show, and a directory that holds bundles."""

import contextlib
import importlib.util
import io
import json
import shutil
import sys

from . import ROOT
from .bundlemaker import AWAITING, COMPLIANCE, SHORT, Bundle, Log, canonical, write

VERIFIER = ROOT / "Sources" / "EvidenceBundle" / "verify.py"
LONGER = {"mode": "COMPLIANCE", "until": "2040-01-01T00:00:00Z"}
FAR = {"mode": "GOVERNANCE", "until": "2035-01-01T00:00:00Z"}
ENDED = {"mode": "GOVERNANCE", "until": "2034-02-01T00:00:00Z"}
LENGTHS = {"minimum": "1s", "default": "7y", "maximum": "100y"}

# What is hard about names: nesting, escapes, dots and a minus at the ends, length.
NAMES = [
    "plain.json",
    "a/b/c/deep.json",
    "a/with space & ümlaut=100%.txt",
    "a/.hidden.",
    "-minus",
    "a/...",
    "日本語/" + "証拠" * 40,
    "a/" + "x" * 98 + "ü",
    "y" * 1024,
]


def story(noise=0):
    """(log, indexes by collection); `noise`: records of another collection between the others."""
    log = Log()

    def pause(count=noise):
        for number in range(count):
            log.put("noise", f"n{number}")

    log.act("policy.set", collection="payments", policy={"mode": "GOVERNANCE", **LENGTHS})
    sealed = {"mode": "COMPLIANCE", "sealed": True, **LENGTHS}
    log.act("policy.set", collection="hr", policy=sealed)
    pause()
    found = {"payments": [], "hr": [], "contracts": []}
    for number, name in enumerate(NAMES):
        payload = b"%d" % number * (number * 700)
        labels = {"sprint": str(number % 3)}
        found["payments"].append(log.put("payments", name, payload, labels=labels))
    pause()
    for lock in (SHORT, SHORT, SHORT, FAR):
        found["payments"].append(log.put("payments", "short/lived", b"gone soon", lock))
    for number in range(5):
        lock = SHORT if number == 4 else COMPLIANCE
        labels = {"who": str(number % 2)}
        index = log.put("hr", f"h/{number}", b"secret %d" % number, lock, labels, sealed=True)
        found["hr"].append(index)
    for number in range(3):
        found["contracts"].append(log.put("contracts", f"c{number}", b"signed", AWAITING))
    pause()
    acts(log, found, pause)
    return log, found


def acts(log, found, pause):
    pay, hr, contracts = found["payments"], found["hr"], found["contracts"]
    log.relock("lock.extended", pay[:2], LONGER, reason="audit")
    log.relock("lock.extended", pay[1:2], {**LONGER, "until": "2041-01-01T00:00:00Z"}, reason="r")
    log.relock("event.recorded", contracts[1:], ENDED, event="contract-end", reason="it ended")
    pause()
    log.hold("case-1", [pay[0], hr[1], contracts[0]])
    log.hold("case-2", pay[1:4] + pay[5:6] + pay[7:8], {"collection": "payments", "prefix": "a/"})
    labels = {"collection": "hr", "labels": {"who": "0"}}
    log.hold("case-3", [hr[0], hr[2], hr[4]], labels, standing=True)
    found["hr"].append(log.put("hr", "h/later", b"s", sealed=True, labels={"who": "0"}))
    log.held[hr[-1]].add("case-3")
    log.release("case-1", [hr[1]])
    log.release("case-3", [hr[4]])
    log.hold("over", [pay[2]])
    log.release("over")
    pause()
    log.wait(days=4)
    first = log.erase(pay[-4:-2])
    bypass = log.relock("lock.bypassed", pay[-1:], reason="wrong")
    second = log.erase(pay[-1:], bypass)
    third = log.erase(hr[4:5])
    log.purge(first)
    log.purge(first, "s3-1")
    log.purge(second)
    log.purge(third)
    pause()
    log.census()
    found["payments"].append(log.put("payments", "after/the census", b"late"))
    pause()


def matching(log, test):
    """The indexes of evidence for whose leaf `test` is true."""
    values = enumerate(log.values)
    return [i for i, value in values if value["kind"] == "evidence" and test(i, value)]


def bundle_of(log, name, after=3):
    """A bundle by the name of what is selected."""
    code = VERIFIER.read_bytes()
    if name == "everything":
        return Bundle(log, {}, matching(log, lambda i, v: True), code, after)
    if name == "matter":
        held = matching(log, lambda i, v: "case-1" in log.held[i])
        return Bundle(log, {"matter": "case-1"}, held, code, after)
    if name == "part":
        limits = {"since": log.values[5]["received"], "until": log.values[-1]["received"]}
        selection = {"collection": "payments", "labels": {"sprint": "1"}, "prefix": "a", **limits}

        def test(index, value):
            return (
                value["collection"] == "payments"
                and value["labels" if "labels" in value else "v"] == {"sprint": "1"}
                and value["name"].startswith("a")
                and limits["since"] <= value["received"] < limits["until"]
            )

        return Bundle(log, selection, matching(log, test), code, after)
    chosen = matching(log, lambda i, v: v["collection"] == name)
    reads = list(reads_of(chosen))
    return Bundle(log, {"collection": name}, chosen, code, after, reads)


def reads_of(indexes):
    for number, index in enumerate(indexes, 5):
        yield canonical(
            {
                "action": "record",
                "n": number * 2,
                "previous": f"{number:064x}",
                "principal": "auditor",
                "status": 200,
                "target": f"/v1/records/{index}" + ("/payload" if number % 2 else ""),
                "time": "2026-11-21T10:00:00.000Z",
            }
        )


BUNDLES = ("payments", "hr", "contracts", "everything", "matter", "part")


# --- the verifier in this process -----------------------------------------------------------------


def load():
    """verify.py as a module, anew; writes nothing beside it."""
    spec = importlib.util.spec_from_file_location("strongroom_verify", VERIFIER)
    module = importlib.util.module_from_spec(spec)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


class Verdict:
    """What the verifier said of a directory."""

    def __init__(self, module, directory, *keys):
        arguments = [str(directory), "--json"]
        for key in keys:
            arguments += ["--key", key]
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            self.code = module.main(arguments)
        self.text = output.getvalue()
        self.report = json.loads(self.text) if self.code != 2 or self.text[:1] == "{" else {}
        self.findings = self.report.get("findings", [])

    def names(self, path):
        """Whether a finding is about this file, or tells it as the one that says otherwise."""
        return any(path in f["file"] or path in f["expected"] for f in self.findings)

    def __str__(self):
        return f"exit code {self.code}\n{self.text}"


class Place:
    """A directory that holds a bundle; `put` brings it to other files, by what differs."""

    def __init__(self, directory, module, key):
        self.directory, self.module, self.key = directory, module, key
        self.files = {}

    def put(self, files):
        for path in [path for path in self.files if path not in files]:
            place = self.directory / path
            place.unlink()
            if len(list(place.parent.iterdir())) == 0:
                place.parent.rmdir()
        changed = {path: data for path, data in files.items() if self.files.get(path) != data}
        write(changed, self.directory)
        self.files = dict(files)

    def verdict(self, files=None):
        if files is not None:
            self.put(files)
        return Verdict(self.module, self.directory, self.key)

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)
