"""verify.py on bundles that are as Schemas/bundle.md has them, and on the same with damage.

The bundles are made in Python (harness/bundlemaker.py); Strongroom's binary is not needed.
"""

import json
import os
import shutil
import subprocess
import sys
import types

from harness import Skip, cases, check
from harness.bundlemaker import Bundle, Log, base64_of, canonical, leaf_hash, seal, write
from harness.bundlestory import BUNDLES, VERIFIER, Place, bundle_of, load, story

SECONDS = 25
LIMIT_SECONDS = 200
CHANGES = 100  # of each of two bundles
UNCOVERED = ("README.html", "verify.py")  # what is wrong with these is told too, but not promised


def bundle(name="payments", noise=20):
    log, _ = story(noise)
    return bundle_of(log, name), log.signer.vkey


def place(env, key, name="bundle"):
    return Place(env.path(name), load(), key)


def refused(verdict, what, path=None):
    """The verdict is no, with findings that a person can use; `path` is named among them."""
    check(verdict.code == 1 and verdict.findings, lambda: f"{what}: {verdict}")
    words = "something that this program can judge"
    check(words not in verdict.text, lambda: f"{what}: the verifier itself failed: {verdict}")
    for finding in verdict.findings:
        check(all(finding.values()), lambda: f"{what}: {finding}")
    check(path is None or verdict.names(path), lambda: f"{what}: {path} is not named: {verdict}")


# --- bundles that are right -----------------------------------------------------------------------


@cases(*BUNDLES)
def test_is_verified(env, name):
    made, key = bundle(name, noise=20 if name == "everything" else 130)
    report = place(env, key).verdict(made.files)
    check(report.code == 0 and report.report["verified"] is True, f"{report}")
    check(report.report["export"] == made.export, f"{report}")
    check(report.report["evidence"] == len(made.chosen), f"{report}")
    check(all(step["holds"] for step in report.report["steps"]), f"{report}")


def test_of_any_size_of_log(env):
    """Every place of the selection in small trees: nodes of all levels on either side."""
    where = place(env, Log().signer.vkey)
    for before in range(9):
        for after in (0, 1, 3, 6):
            log = Log()
            for number in range(before):
                log.put("noise", f"n{number}")
            chosen = [log.put("c", "f", b"payload")]
            made = Bundle(log, {"collection": "c"}, chosen, VERIFIER.read_bytes(), after)
            report = where.verdict(made.files)
            check(report.code == 0, lambda b=before, a=after, r=report: f"{b}, {a}: {r}")


def isolated(directory, *arguments, wrap=()):
    """Runs the bundle's own verify.py as an auditor does, with an empty environment."""
    command = [*wrap, sys.executable, "-I", "verify.py", *arguments]
    return subprocess.run(
        command, cwd=directory, env={}, capture_output=True, text=True, timeout=60, check=False
    )


def test_runs_alone(env):
    """Copied somewhere else, with nothing around it; and it leaves nothing there."""
    made, key = bundle("everything")
    write(made.files, env.path("there"))
    shutil.copytree(env.path("there"), env.path("copy"))
    result = isolated(env.path("copy"), "--key", key)
    check(result.returncode == 0, f"{result}")
    check(result.stdout.rstrip().endswith("\nverified"), result.stdout)
    check("none missing" in result.stdout and "alice asked for" in result.stdout, result.stdout)
    found = sorted(p.relative_to(env.path("copy")) for p in env.path("copy").rglob("*"))
    there = sorted(p.relative_to(env.path("there")) for p in env.path("there").rglob("*"))
    check(found == there, lambda: f"it has left {set(found) ^ set(there)}")
    keys = env.write("keys", f"# trusted\n\n{key}\n")
    check(isolated(env.path("copy"), "--key", str(keys), "--quiet").stdout == "verified\n", "quiet")
    help_text = isolated(env.path("copy"), "--help").stdout
    check(0 < help_text.count("\n") <= 24 and "--key" in help_text, help_text)


def test_without_a_network(env):
    made, key = bundle()
    write(made.files, env.path("b"))
    probe = subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False)
    if probe.returncode:
        raise Skip("no network namespace can be made here")
    unshare = shutil.which("unshare")
    result = isolated(env.path("b"), "--key", key, wrap=(unshare, "-n"))
    check(result.returncode == 0, f"{result}")


def test_without_a_key_it_never_says_yes(env):
    made, _ = bundle()
    write(made.files, env.path("b"))
    for arguments in ((), ("--quiet",)):
        result = isolated(env.path("b"), *arguments)
        check(result.returncode == 2, f"{result}")
        check("proves nothing" in result.stdout, result.stdout)
        check("\nverified" not in result.stdout, result.stdout)
    check(json.loads(isolated(env.path("b"), "--json").stdout)["verified"] is False, "JSON")
    for key in ("keys.txt", "./keys.txt", "../b/keys.txt", "nothing", "", "a+b+c", "x" * 9999):
        result = isolated(env.path("b"), "--key", key)
        check(result.returncode == 2 and not result.stdout, f"{key}: {result}")
        check("Traceback" not in result.stderr, result.stderr)
    (env.path("b") / "checkpoint").write_bytes(b"x")
    check(isolated(env.path("b")).returncode == 1, "a damaged bundle, without a key")


def test_bagit_agrees(env):
    try:
        import pkg_resources  # noqa: F401  bagit asks it for its own version
    except ImportError:
        stub = types.ModuleType("pkg_resources")
        stub.DistributionNotFound = LookupError
        stub.get_distribution = dict().__getitem__
        sys.modules["pkg_resources"] = stub
    try:
        import bagit
    except ImportError as error:
        raise Skip(f"bagit is not installed: {error}") from None
    made, _ = bundle("everything")
    directory = write(made.files, env.path("b"))
    check(bagit.Bag(str(directory)).validate(), "bagit does not validate it")
    path = next(path for path in made.files if path.startswith("data/") and made.files[path])
    (directory / path).write_bytes(b"other")
    try:
        bagit.Bag(str(directory)).validate()
    except bagit.BagError:
        return
    raise AssertionError("bagit would accept anything")


# --- damage ---------------------------------------------------------------------------------------


@cases("hr", "payments")
def test_every_changed_byte_is_noticed(env, name):
    made, key = bundle(name, noise=4)
    where = place(env, key)
    check(where.verdict(made.files).code == 0, "it is good before")
    paths = [path for path, data in made.files.items() if data and path not in UNCOVERED]
    places = [path for path in paths for _ in range(3)]
    while len(places) < CHANGES:
        places.append(env.random.choice(paths))
    for path in places:
        data = bytearray(made.files[path])
        at = env.random.randrange(len(data))
        data[at] ^= env.random.randrange(1, 256)
        verdict = where.verdict({**made.files, path: bytes(data)})
        refused(verdict, f"byte {at} of {path}", path)
    check(where.verdict(made.files).code == 0, "it is good again")
    env.note(f"{len(places)} changes in {len(paths)} files")


def test_truncated_and_missing_files(env):
    made, key = bundle("hr")
    where = place(env, key)
    for path, data in made.files.items():
        rest = {name: content for name, content in made.files.items() if name != path}
        refused(where.verdict(rest), f"without {path}", path)
        for size in {0, len(data) // 2, len(data) - 1} - {len(data)}:
            if size >= 0:
                cut = where.verdict({**made.files, path: data[:size]})
                refused(cut, f"{size} bytes of {path}", path)
    for path in ("log/entries.txt", "log/openings.txt", "locks.jsonl", "access.jsonl"):
        for size in (0, len(made.files[path]) // 2, len(made.files[path]) - 1):
            files = {**made.files, path: made.files[path][:size]}
            seal(files)
            refused(where.verdict(files), f"{size} bytes of {path}, sealed again", path)


# --- an attacker who makes both manifests fit -----------------------------------------------------


@cases("log/entries.txt", "log/openings.txt", "locks.jsonl")
def test_lines_removed_doubled_and_swapped(env, path):
    made, key = bundle("hr", noise=1)
    where = place(env, key)
    lines = made.files[path].splitlines(keepends=True)
    for at in range(len(lines)):
        changed = [lines[:at] + lines[at + 1 :], lines[: at + 1] + lines[at:]]
        if at + 1 < len(lines):
            changed.append(lines[:at] + [lines[at + 1], lines[at]] + lines[at + 2 :])
        for number, other in enumerate(changed):
            files = {**made.files, path: b"".join(other)}
            if not files[path]:
                del files[path]
            seal(files)
            what = ("removed", "doubled", "swapped")[number]
            refused(where.verdict(files), f"line {at} {what} in {path}", path)


@cases("log/entries.txt", "log/openings.txt", "locks.jsonl", "checkpoint", "bundle.json")
def test_bytes_changed_and_sealed_again(env, path):
    """Only what is signed stands against it."""
    made, key = bundle("hr")
    where = place(env, key)
    for at in env.random.sample(range(len(made.files[path])), 15):
        if path == "bundle.json" and at > made.files[path].index(b'"software"'):
            continue  # which program made it is its own word
        data = bytearray(made.files[path])
        data[at] ^= env.random.choice((1, 2, 4, 16, 128))
        files = {**made.files, path: bytes(data)}
        seal(files)
        refused(where.verdict(files), f"byte {at} of {path}, sealed again")


def recount(files, **changes):
    """Has bundle.json and bag-info.txt agree with the files, as far as they claim anything."""
    claims = json.loads(files["bundle.json"])
    sizes = [len(data) for path, data in files.items() if path.startswith("data/")]
    claims.update(payloads=len(sizes), payloadBytes=sum(sizes), **changes)
    files["bundle.json"] = canonical(claims) + b"\n"
    lines = files["bag-info.txt"].decode().split("\n")
    lines[3] = f"Payload-Oxum: {sum(sizes)}.{len(sizes)}"
    files["bag-info.txt"] = "\n".join(lines).encode()
    seal(files)


def test_payloads_changed_and_sealed_again(env):
    made, key = bundle("everything", noise=0)
    where = place(env, key)
    payloads = [path for path in made.files if path.startswith("data/")]
    for path in payloads:
        data = made.files[path]
        files = {**made.files, path: bytes([data[0] ^ 1]) + data[1:] if data else b"x"}
        recount(files)
        refused(where.verdict(files), f"{path} changed", path)
        files = {name: content for name, content in made.files.items() if name != path}
        recount(files)
        verdict = where.verdict(files)
        refused(verdict, f"{path} removed", path)
        check("incomplete" in verdict.text, f"{verdict}")
        check(not os.path.exists(where.directory / path), "it is removed")
    moved = payloads[0].replace("/0/", "/1/").rsplit("/", 1)[0] + "/other"
    files = {name: content for name, content in made.files.items() if name != payloads[0]}
    files[moved] = made.files[payloads[0]]
    recount(files)
    refused(where.verdict(files), "a payload under another name", moved)
    extra = {**made.files, "data/payloads/999/extra": b"extra"}
    recount(extra)
    refused(where.verdict(extra), "a payload of nobody", "data/payloads/999/extra")


def without_record(made, index):
    """The bundle without one record of evidence, its leaf behind a true hash: all else fits."""
    log, files = made.log, dict(made.files)
    leaf = b"leaf %d %s\n" % (index, log.records[index])
    node = f"node {index} 0 {base64_of(leaf_hash(log.records[index]))}\n".encode()
    check(leaf in files["log/entries.txt"], "it is there before")
    files["log/entries.txt"] = files["log/entries.txt"].replace(leaf, node)
    for path, own in (
        ("locks.jsonl", made.lock_line(index)),
        ("log/openings.txt", b"%d " % index),
        ("access.jsonl", b"/v1/records/%d" % index),
    ):
        lines = files.get(path, b"").splitlines(keepends=True)
        kept = [line for line in lines if own not in line[: len(own)] and own not in line[40:]]
        files[path] = b"".join(kept)
        if not kept:
            del files[path]
    for path in [path for path in files if path.startswith(f"data/payloads/{index}/")]:
        del files[path]
    claims = json.loads(files["bundle.json"])
    recount(files, entries=claims["entries"], evidence=claims["evidence"] - 1)
    return files


@cases("payments", "hr", "matter", "part")
def test_a_record_removed_with_everything_of_it(env, name):
    """The tree still gives the signed root; the record of the export says what there was."""
    made, key = bundle(name)
    where = place(env, key)
    for index in made.chosen:
        if index in made.log.erased:
            continue
        verdict = where.verdict(without_record(made, index))
        refused(verdict, f"without record {index}", "log/entries.txt")
