"""Reads of evidence: each a line in a chain of hashes, and the day's head a record of the log."""

import datetime
import hashlib
import json

from harness import check, eventually, within_a_day
from harness.faketime import faked
from harness.world import World, refused

SECONDS = 7
NAMES = ("boss", "writer", "auditor", "keeper", "breaker")


def chain(path, head=b"\0" * 32):
    """The entries of an access log, and the head behind them, computed here."""
    entries = []
    for line in path.read_bytes().split(b"\n")[:-1]:
        entry = json.loads(line)
        check(entry["previous"] == head.hex(), f"{path.name}: {line[:200]} does not follow")
        head = hashlib.sha256(head + line).digest()
        entries.append(entry)
    return entries, head


def access_files(world):
    return sorted((world.data / "state" / "access").glob("*.log"))


def test_reads_of_evidence_are_logged(env):
    within_a_day()
    world = World(env, NAMES)
    index, _ = world.put("dir/name", body=b"read me")
    for target in ("", "/payload", "/receipt"):
        check(world.auditor.get(f"/v1/records/{index}{target}").status == 200, target)
    world.auditor.search(collection="payments")
    refused(world.keeper.payload(index), status=(403,))
    world.server.client().payload(index)
    world.auditor.payload(9999)
    world.run("auditor", "get", index, "-o", "out")

    def written(count):
        """The lines reach the disk in lots: the file, once it has so many."""
        files = eventually(lambda: access_files(world), "there is no file of this day")
        (path,) = files
        entries = eventually(
            lambda: (rows := chain(path)[0])[count - 1 :] and rows,
            lambda: f"not {count} lines: {chain(path)[0]}",
        )
        return path, entries

    path, entries = written(6)
    check([entry["n"] for entry in entries] == list(range(1, len(entries) + 1)), "numbers")
    found = {(entry["principal"], entry["action"], entry["status"]) for entry in entries}
    check({entry["principal"] for entry in entries} >= {"auditor"}, f"{found}")
    for word in (f"/v1/records/{index}/payload", f"/v1/records/{index}/receipt", "/v1/search"):
        check(any(word in entry["target"] for entry in entries), f"{word} is not in {entries}")
    check(any(e["status"] == 200 and "payload" in e["target"] for e in entries), f"{found}")
    check(path.stat().st_mode & 0o077 == 0, "others can read who reads what")
    world.kill()
    world.serve()
    world.auditor.payload(index)
    _, again = written(len(entries) + 1)
    check(again[: len(entries)] == entries, "lines were lost")
    world.end()


def test_a_days_digest_is_a_record_and_binds_the_file(env):
    start = datetime.datetime.now(datetime.timezone.utc).replace(hour=23, minute=57, second=0)

    def clock_at(moment):
        return faked(f"@{moment:%Y-%m-%d %H:%M:%S}")

    world = World(env, NAMES, faked=clock_at(start))
    index, _ = world.put(retain="30d")
    for _ in range(20):
        world.auditor.payload(index)
    world.stop()
    (path,) = access_files(world)
    entries, head = chain(path)
    world.serve(env=clock_at(start + datetime.timedelta(seconds=240)))

    def digests():
        log = world.audit()
        return [act for act in log.acts if kind(world, act) == "access.digest"]

    found = eventually(digests, "no access.digest on the next day")
    record = json.loads(world.auditor.record(found[0]).body)
    check(record["day"] == path.stem and record["principal"] == "strongroom", f"{record}")
    check((record["count"], record["head"]) == (len(entries), head.hex()), f"{record}")
    check(len(found) == 1, f"{found}")
    world.serve(env=clock_at(start + datetime.timedelta(seconds=300)))
    check(digests() == found, "a second digest of one day")
    world.stop()
    env.fsck(world.data)
    original = path.read_bytes()
    at = original.index(b'"status":200')
    for text in (
        original[:at] + b'"status":403' + original[at + 12 :],
        original[: original.rindex(b"\n", 0, -1) + 1],
        b"",
    ):
        path.write_bytes(text)
        out = env.fsck(world.data, expect=1)
        check(path.stem in out.out + out.err, f"fsck does not name the day: {out.out}")
    path.unlink()
    env.fsck(world.data, expect=1)
    path.write_bytes(original)
    env.fsck(world.data)


def kind(world, index):
    return json.loads(world.auditor.record(index).body)["kind"]
