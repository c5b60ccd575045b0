"""verify.py against forgers, against logs that lie, and against hostile files."""

import base64
import hashlib
import os
import shutil
import subprocess
import sys

from harness import cases, check
from harness.bundlemaker import COMPLIANCE, SHORT, Bundle, Log, Signer, canonical, seal
from harness.bundlemaker import write as write_files
from harness.bundlestory import VERIFIER, Place, Verdict, bundle_of, load, story

SECONDS = 12
LIMIT_SECONDS = 120


def refused(verdict, *words):
    check(verdict.code == 1 and verdict.findings, f"{words}: {verdict}")
    internal = "something that this program can judge"
    check(internal not in verdict.text, f"the verifier itself failed: {verdict}")
    for word in words:
        check(word in verdict.text, f"{word!r} is not said: {verdict}")


def place(env, key):
    return Place(env.path("bundle"), load(), key)


# --- forgers --------------------------------------------------------------------------------------


def test_forged_checkpoints(env):
    log, _ = story(2)
    made = bundle_of(log, "payments")
    where = place(env, log.signer.vkey)
    other, witness = Signer(log.signer.name, "thief"), Signer("witness.example/w", "w")

    def signed(*signers, **changes):
        files = {**made.files, "checkpoint": log.checkpoint(signers, **changes)}
        seal(files)
        return where.verdict(files)

    verdict = signed(log.signer, witness)
    check(verdict.code == 0 and "1 signature by keys that were not given" in verdict.text, verdict)
    refused(signed(other), "must be signed by one of the keys")
    refused(signed(witness), "witness.example/w")
    refused(signed(log.signer, root=bytes(32)), "log/entries.txt", "root")
    size = len(log.records)
    refused(signed(log.signer, root=log.tree()(0, size), size=size + 1), "log/entries.txt")
    text, line = log.checkpoint().decode().split("\n\n")
    for forged in (
        text.replace("log.example", "log.examplf") + "\n\n" + line,
        text + "\nextension\n\n" + line,
        text + "\n\n" + line + line,
        text + "\n\n",
        text + "\n",
        text.replace("\n", "\r\n") + "\n\n" + line,
    ):
        files = {**made.files, "checkpoint": forged.encode()}
        seal(files)
        refused(where.verdict(files), "checkpoint")
    where.put(made.files)
    for keys in ((other.vkey,), (witness.vkey,)):
        refused(Verdict(where.module, where.directory, *keys), "checkpoint")
    for keys in ((log.signer.vkey, witness.vkey), (other.vkey, log.signer.vkey)):
        check(Verdict(where.module, where.directory, *keys).code == 0, f"{keys}")


def rewrite(log, index, **changes):
    """The log itself says something else at this index."""
    value = {**log.values[index], **changes}
    log.values[index] = {key: item for key, item in value.items() if item is not None}
    log.records[index] = canonical(log.values[index])


LIES = {
    "a number is missing": (lambda log, at: rewrite(log, at[3], sequence=9), "missing: incomplete"),
    "a number twice": (lambda log, at: rewrite(log, at[3], sequence=2), "that ascend"),
    "time goes back": (
        lambda log, at: rewrite(log, at[3], received="2026-11-21T08:00:00.000Z"),
        "received must not be before",
    ),
    "erased while locked": (lambda log, at: log.erase([at[0]]), "the lock was in force"),
    "erased while held": (
        lambda log, at: (log.hold("m", [at[4]]), log.wait(days=9), log.erase([at[4]])),
        "the record was held: m",
    ),
    "erased twice": (
        lambda log, at: (log.wait(days=9), log.erase([at[4]]), log.erase([at[4]])),
        "it was erased before",
    ),
    "a certificate of other leaves": (
        lambda log, at: (log.wait(days=9), rewrite(log, log.erase([at[4]]), digest="0" * 64)),
        "a certificate, record",
    ),
    "a certificate with another lock": (
        lambda log, at: (
            log.wait(days=9),
            log.locks.update({at[4]: {**SHORT, "until": "2026-11-22T00:00:01Z"}}),
            log.erase([at[4]]),
        ),
        "the lock is another",
    ),
    "erased between two clocks": (
        lambda log, at: (
            log.wait(days=9),
            rewrite(
                log,
                log.erase([at[4]]),
                clock={"compliance": log.time(), "wall": "2027-01-01T00:00:00.000Z"},
            ),
        ),
        "the two clocks differ",
    ),
    "bypassed by nothing": (
        lambda log, at: log.erase([at[4]], log.hold("m", [at[0]])),
        "the lock was not bypassed",
    ),
    "a purge of more": (
        lambda log, at: (
            log.wait(days=9),
            log.purge(log.erase([at[4]])),
            rewrite(log, len(log.records) - 1, count=2),
        ),
        "a purge of 1 records",
    ),
    "a census of more": (
        lambda log, at: rewrite(
            log,
            log.census(),
            collections={"c": {"count": 6, "last": at[4] - 1}},
        ),
        "the census of record",
    ),
    "a census of less": (
        lambda log, at: rewrite(log, log.census(), collections={"c": {"count": 4, "last": at[3]}}),
        "the census of record",
    ),
    "a census with another last": (
        lambda log, at: rewrite(log, log.census(), collections={"c": {"count": 5, "last": at[3]}}),
        "the census of record",
    ),
    "a census of one that is not here": (
        lambda log, at: rewrite(
            log, log.census(), collections={"c": {"count": 6, "last": at[4] + 1}}
        ),
        "nothing: incomplete",
    ),
    "an act on what is not there yet": (
        lambda log, at: rewrite(log, log.hold("m", [at[0]]), records=[[at[0], 9999]]),
        "must speak of records before it",
    ),
    "another origin": (
        lambda log, at: rewrite(log, 0, origin="other", verifierKeys=[Signer("other", "o").vkey]),
        "log.created of other",
    ),
    "a newer version": (lambda log, at: rewrite(log, at[1], v=2), "the release that wrote"),
    "a kind that is not known": (
        lambda log, at: rewrite(log, log.hold("m", [at[0]]), kind="hold.lent"),
        "the release that wrote",
    ),
    "another verifier": (None, "take verify.py from the release"),
    "a wrong count": (None, "evidence is missing or was added"),
}


@cases(*LIES)
def test_a_log_that_lies(env, name):
    """The signature is right, and what is signed cannot be."""
    lie, words = LIES[name]
    log = Log()
    at = [log.put("c", f"f{number}", b"p%d" % number) for number in range(4)]
    at.append(log.put("c", "short", b"p4", SHORT))
    log.census()
    lie and lie(log, at)
    code = VERIFIER.read_bytes()
    made = Bundle(log, {"collection": "c"}, at, code)
    kept = {i for i, value in enumerate(log.values) if value["kind"] == "hold.lent"}
    if lie is None:
        change = {"verifier": "0" * 64} if "verifier" in name else {"count": 4}
        rewrite(log, made.export, **change)
    made.kept = sorted({*made.kept, *kept})
    made.files = made.make([])
    verdict = place(env, log.signer.vkey).verdict(made.files)
    refused(verdict)
    check(words in verdict.text, f"{words}: {verdict}")


WRONG_SELECTIONS = (
    {"collection": "d"},
    {"prefix": "zzz"},
    {"labels": {"a": "b"}},
    {"digest": "0" * 64},
    {"since": "2027-01-01T00:00:00.000Z"},
    {"until": "2026-11-21T09:00:00.000Z"},
    {"matter": "m"},
)


def test_evidence_that_was_not_asked_for(env):
    """The record of the export is signed, and the evidence is not what it selects."""
    log = Log()
    at = [log.put("c", f"f{number}", b"p", labels={"a": "c"}) for number in range(3)]
    where = place(env, log.signer.vkey)
    right = {"prefix": "f", "labels": {"a": "c"}, "digest": hashlib.sha256(b"p").hexdigest()}
    made = Bundle(log, right, at, VERIFIER.read_bytes())
    check(where.verdict(made.files).code == 0, "the right one")
    for change in [{"selection": wrong} for wrong in WRONG_SELECTIONS] + [{"before": at[2]}]:
        rewrite(log, made.export, **{"selection": {}, **change})
        refused(where.verdict(made.make([])), f"record {at[2]}")


def test_subtrees_are_the_largest(env):
    """Two halves give the same root; but the list has one spelling."""
    log, _ = story(20)
    made = bundle_of(log, "hr")
    lines, hash_of, split = made.files["log/entries.txt"].splitlines(keepends=True), log.tree(), 0
    where = place(env, log.signer.vkey)
    for at, line in enumerate(lines):
        if not line.startswith(b"node") or line.split()[2] == b"0":
            continue
        first, level = int(line.split()[1]), int(line.split()[2]) - 1
        halves = b""
        for start in (first, first + (1 << level)):
            text = base64.b64encode(hash_of(start, start + (1 << level))).decode()
            halves += f"node {start} {level} {text}\n".encode()
        files = {**made.files, "log/entries.txt": b"".join([*lines[:at], halves, *lines[at + 1 :]])}
        seal(files)
        refused(where.verdict(files), "largest subtrees")
        split += 1
    check(split > 2, f"only {split} nodes were split")


def test_unsigned_words_that_do_not_agree(env):
    log, _ = story(1)
    made = bundle_of(log, "hr")
    where = place(env, log.signer.vkey)
    for path, old, new in (
        ("bag-info.txt", b"Payload-Oxum: ", b"Payload-Oxum: 1"),
        ("bag-info.txt", b"log.example", b"log.examplf"),
        ("bundle.json", b'"entries":', b'"entries":1'),
        ("bundle.json", b'"software"', b'"extra":1,"software"'),
        ("keys.txt", b"+", b""),
        ("access.jsonl", b'"status":200', b'"status":"200"'),
        ("access.jsonl", b'"n":12,', b'"n":11,'),  # 10 and 11 follow each other: a broken chain
        ("access.jsonl", b'"n":12,', b'"n":9,'),
    ):
        check(old in made.files[path], f"{path}: {old}")
        files = {**made.files, path: made.files[path].replace(old, new, 1)}
        seal(files)
        refused(where.verdict(files), path)


# --- hostile bundles ------------------------------------------------------------------------------


def test_hostile_contents(env):
    log, _ = story(2)
    made = bundle_of(log, "hr")
    where = place(env, log.signer.vkey)
    entries = made.files["log/entries.txt"].split(b"\n")
    leaf = entries[0]
    zeros = b"0" * 64
    hostile = [
        ("bundle.json", b'{"a":' + b"[" * 60_000 + b"]" * 60_000 + b"}\n"),
        ("bundle.json", b'{"a":' * 17 + b"1" + b"}" * 17 + b"\n"),
        ("bundle.json", b'{"size":' + b"9" * 60_000 + b"}\n"),
        ("bundle.json", b'{"size":1e400,"type":NaN}\n'),
        ("bundle.json", b"[1]\n"),
        ("bundle.json", b"\x00" * 100),
        ("bundle.json", b"\xff\xfe{}\n"),
        ("bundle.json", b"{" + b" " * 9_000_000 + b"}\n"),
        ("bundle.json", made.files["bundle.json"].replace(b"{", b'{"\\ud800":1,', 1)),
        ("checkpoint", b"x\n" + b"9" * 100_000 + b"\n" + b"A" * 43 + b"=\n\n"),
        ("checkpoint", b"\n\n" * 50_000),
        ("keys.txt", b"+" * 100_000 + b"\n"),
        ("keys.txt", b"\xff\n"),
        ("log/entries.txt", b"node 0 99999999999999 " + b"A" * 43 + b"=\n"),
        ("log/entries.txt", leaf + b"\nnode 1 0 " + b"A" * 43 + b"=\n" * 3),
        ("log/entries.txt", b"leaf " + b"9" * 100_000 + b" {}\n"),
        ("log/entries.txt", b"leaf 0 " + b"[" * 60_000 + b"\n"),
        ("log/entries.txt", leaf * 3_000),
        ("log/entries.txt", b"\x00" * 3_000_000),
        ("log/entries.txt", b"\n" * 1_000),
        ("log/entries.txt", leaf + b"\n\n"),
        ("log/openings.txt", b"\n" * 1_000),
        ("log/openings.txt", b"9" * 100_000 + b" a b\n"),
        ("log/openings.txt", b"1 " + b"=" * 50 + b" {}\n"),
        ("locks.jsonl", b"\xff\x00\n" * 100),
        ("access.jsonl", b"{}\n\xff\n[[[[\n" + b"[" * 60_000 + b"\n"),
        ("access.jsonl", made.files["access.jsonl"].replace(b"/v1/records/", b"/v1/records/9")),
        ("manifest-sha256.txt", zeros + b"  ../../../../etc/passwd\n"),
        ("manifest-sha256.txt", zeros + b"  /etc/passwd\n"),
        ("manifest-sha256.txt", zeros + b"  data/payloads/\xff\n\x00\n"),
        ("manifest-sha256.txt", (zeros + b"  data/payloads/1/x\n") * 1_000),
        ("tagmanifest-sha256.txt", b"\n" * 1_000),
        ("tagmanifest-sha256.txt", zeros + b"  ../secret\n"),
        ("bag-info.txt", b"\xff" * 100_000),
        ("bagit.txt", b"BagIt-Version: 0.97\n"),
    ]
    for path, data in hostile:
        files = {**made.files, path: data}
        refused(where.verdict(files), path)
        if path != "tagmanifest-sha256.txt":
            manifest = made.files["manifest-sha256.txt"]
            seal(files)
            sealed = {**files, path: data}
            check(path == "manifest-sha256.txt" or sealed["manifest-sha256.txt"] == manifest, path)
            refused(where.verdict(sealed))


STRANGE = "bad\udcff\x1b[2J"
AS_A_PROCESS = ("log/entries.txt", "log", "json.py", STRANGE)


def test_hostile_files(env):
    """Links, FIFOs, directories and strangers: nothing is opened but regular files of the bag."""
    log, _ = story(2)
    made = bundle_of(log, "hr")
    outside = env.write("outside/payload", b"secret 0")
    payload = next(path for path in made.files if path.startswith("data/"))

    def in_place_of(path, make):
        def change(root):
            shutil.rmtree(root / path, ignore_errors=True)
            (root / path).exists() and (root / path).unlink()
            make(root / path)

        return path, change

    changes = [in_place_of(p, lambda p: p.symlink_to(outside)) for p in ("checkpoint", payload)]
    changes += [in_place_of(p, os.mkfifo) for p in ("log/entries.txt", payload, "bundle.json")]
    changes += [in_place_of(path, os.mkdir) for path in ("checkpoint", "keys.txt", payload)]
    changes += [
        in_place_of("log", lambda p: p.symlink_to(outside.parent)),
        in_place_of("data", lambda p: p.symlink_to("log")),
        in_place_of("data/payloads", lambda p: p.write_bytes(b"")),
        in_place_of("data/payloads/7", lambda p: p.symlink_to("..")),
        in_place_of("stranger", lambda p: p.write_bytes(b"x")),
        in_place_of("json.py", lambda p: p.write_bytes(b"raise SystemExit(0)")),
        in_place_of("data/payloads/07", os.mkdir),
        in_place_of("log/more", os.mkdir),
        in_place_of(STRANGE, lambda p: p.write_bytes(b"x")),
    ]
    module = load()
    for number, (path, change) in enumerate(changes):
        root = write_files(made.files, env.path(f"b{number}"))
        change(root)
        verdict = Verdict(module, root, log.signer.vkey)
        refused(verdict)
        check(any(f["file"].startswith(path[:3]) for f in verdict.findings), f"{path}: {verdict}")
        check("\x1b" not in verdict.text, "control characters are printed")
        if path not in AS_A_PROCESS:
            continue
        command = [sys.executable, "-I", str(VERIFIER), str(root), "--key", log.signer.vkey]
        result = subprocess.run(command, env={}, capture_output=True, timeout=60, check=False)
        check(result.returncode == 1 and not result.stderr, f"{path}: {result}")
        check(b"\x1b" not in result.stdout, f"{path}: control characters are printed")


def test_all_findings_are_counted(env):
    log = Log()
    chosen = [log.put("c", f"f{number}", b"p%d" % number, COMPLIANCE) for number in range(30)]
    made = Bundle(log, {"collection": "c"}, chosen, VERIFIER.read_bytes())
    payloads = [path for path in made.files if path.startswith("data/")]
    files = {**made.files, **{path: b"other" for path in payloads}}
    verdict = place(env, log.signer.vkey).verdict(files)
    refused(verdict)
    check(len(verdict.findings) == 20 and verdict.report["findingCount"] >= 30, f"{verdict}")
