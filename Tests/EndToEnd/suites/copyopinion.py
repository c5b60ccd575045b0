"""The second opinion of a bucket itself: it passes an honest copy and finds each damage."""

import datetime
import hashlib
import os
import struct
import subprocess
import sys

from harness import ROOT, cases, check, stores
from harness.madecopy import FAR, MadeBucket, MadeLog, days_later
from log_words import milliseconds
from verify_receipt import canonical, leaf_hash

SECONDS = 10
STORES = stores.NAMES
UNTIL, LATER = "2033-11-22T00:00:00Z", "2035-01-01T00:00:00Z"
LOCK = {"mode": "COMPLIANCE", "until": UNTIL}
LONGER = {"mode": "COMPLIANCE", "until": LATER}
NOW = milliseconds("2026-11-21T02:00:00Z")
MIB = 1 << 20


class Made:
    """A log of one full tile and some more, with a held, an extended and a large record."""

    def __init__(self):
        self.log = log = MadeLog()
        self.rows = [log.evidence(b"body %d" % n, UNTIL) for n in range(4)]
        self.large = log.evidence(b"0123456789abcdef" * (MIB // 16 + 1), UNTIL)
        self.sealed = log.evidence(b"secret", UNTIL, collection="vault", sealed=True)
        self.held, self.extended = self.rows[1], self.rows[2]
        while len(log.records) < 258:
            log.add("hold.released", "boss", matter=self.matter())
        log.add("hold.placed", "keeper", matter="case/1", records=[[self.held, self.held]])
        spans = [[self.extended, self.extended]]
        log.add("lock.extended", "keeper", records=spans, lock=LONGER, reason="r")
        self.bucket = bucket = MadeBucket(log)
        bucket.tiles()
        self.early = bucket.journal(0, 100, large=[self.large])
        self.late = bucket.journal(240, len(log.records))
        rows = [*self.rows, self.large]
        self.pack = bucket.pack(rows, LOCK, large=[self.large])
        self.vault = bucket.pack([self.sealed], LOCK)
        self.held_pack = bucket.pack(
            [self.held], LOCK, "held", "case%2F1", hold=True,
            change=lambda index, _: index.update(held="case/1"),
        )  # fmt: skip
        self.extended_pack = bucket.pack([self.extended], LONGER, "extended")
        self.object = bucket.payload(self.large)
        bucket.register(100)
        bucket.register()

    def matter(self):
        """A matter that is there: placed just before."""
        name = f"m{len(self.log.records)}"
        self.log.add("hold.placed", "keeper", matter=name, records=[[3, 3]])
        return name

    def findings(self, **options):
        options = {"complete": True, "now": NOW, "target": "second", **options}
        return self.bucket.findings(**options)


def test_an_honest_copy_has_no_findings(env):
    made = Made()
    check(not made.findings(), lambda: f"{made.findings()}")
    check(not made.findings(complete=False, size=len(made.log.records)), "not complete")
    early = MadeBucket(made.log)
    early.journal(0, 100, large=[made.large])
    early.payload(made.large)
    early.register(100)
    check(not early.findings(now=NOW), lambda: f"{early.findings(now=NOW)}")


DAMAGES = {}


def damage(word, **options):
    """The function does some harm to what it is given; `word` stands in a finding then."""

    def mark(function):
        DAMAGES[function.__name__] = (function, word, options)
        return function

    return mark


@damage("delete marker")
def a_marker(made):
    made.bucket.put(made.pack, None)


@damage("2 versions")
def a_second_version(made):
    made.bucket.put(made.pack, made.bucket.rows[made.pack][0][1], **LOCK | {"until": FAR})


@damage("no key of a copy")
def a_foreign_key(made):
    made.bucket.put("packs/readme.txt", b"x")


@damage("is in no pack")
def a_pack_is_missing(made):
    del made.bucket.rows[made.vault]


@damage("its payload is nowhere", complete=False)
def a_journal_is_missing(made):
    del made.bucket.rows[made.early]
    del made.bucket.rows[made.vault]


@damage("covers 261 records, and there are 256")
def the_tail_is_missing(made):
    del made.bucket.rows[made.late]


@damage("257 records, and there are 256")
def a_checkpoint_runs_ahead(made):
    del made.bucket.rows[made.late]
    made.bucket.register(257)


@damage("do not lead to its root")
def another_tree(made):
    made.log.records[-1]["reason"] = "another"
    made.bucket.register()


@damage("it is not the key's")
def another_signature(made):
    version, data, lock = made.bucket.rows["log/checkpoint"][-1]
    made.bucket.rows["log/checkpoint"][-1] = (version, data.replace(b"\n261\n", b"\n259\n"), lock)


@damage("covers 100 of 261")
def a_register_that_stayed(made):
    made.bucket.rows["log/checkpoint"].pop()


@damage("other hashes")
def a_tile_is_another(made):
    version, data, lock = made.bucket.rows["log/tile/0/000"][0]
    made.bucket.rows["log/tile/0/000"][0] = (version, data[:-1] + b"?", lock)


@damage("tiles of level 0")
def a_tile_is_missing(made):
    del made.bucket.rows["log/tile/0/000"]


@damage("another than elsewhere")
def a_record_is_another(made):
    version, data, lock = made.bucket.rows["log/tile/entries/000"][0]
    changed = data.replace(b'"matter":"m9"', b'"matter":"m8"')
    check(changed != data, "nothing was changed")
    made.bucket.rows["log/tile/entries/000"][0] = (version, changed, lock)


@damage("Damaged")
def flipped_bytes(made):
    version, data, lock = made.bucket.rows[made.pack][0]
    made.bucket.rows[made.pack][0] = (version, data[:-9] + bytes(9), lock)


def repacked(made, change, key=None, **options):
    """The pack of the first four, made anew with a difference."""
    del made.bucket.rows[key or made.pack]
    rows = options.pop("rows", [*made.rows, made.large])
    made.bucket.pack(rows, options.pop("lock", LOCK), large=[made.large], change=change, **options)


@damage("its payload is another")
def a_payload_is_another(made):
    def change(index, members):
        at = next(n for n, row in enumerate(members) if row[0].startswith("payloads/"))
        members[at] = (members[at][0], b"body x", members[at][2])

    repacked(made, change)


@damage("another payload")
def a_payload_and_its_entry_are_others(made):
    made.log.bodies[made.rows[0]] = b"something else"
    repacked(made, None)


@damage("not in order")
def members_out_of_order(made):
    repacked(made, lambda _, members: members.insert(0, members.pop()))


@damage("another record")
def a_packed_record_is_another(made):
    changed = canonical({**made.log.records[made.rows[0]], "name": "z"}).encode()
    repacked(made, lambda _, m: m.__setitem__(0, (m[0][0], changed, m[0][2])))


@damage("it is of another collection")
def a_pack_of_another_collection(made):
    repacked(made, lambda index, _: index.update(collection="vault"))


@damage("payloads/c/")
def a_large_payload_is_missing(made):
    del made.bucket.rows[made.object]


@damage("not ('")
def a_large_payload_is_another(made):
    made.log.bodies[made.large] += b"!"
    del made.bucket.rows[made.object]
    made.bucket.payload(made.large)


@damage("is not in force")
def a_lock_is_gone(made):
    made.bucket.lock(made.vault, mode=None, until=0)


@damage("not {'mode'")
def a_lock_is_shorter(made):
    made.bucket.lock(made.vault, until=days_later(400))


@damage("not {'mode'")
def a_mode_is_weaker(made):
    made.bucket.lock(made.vault, mode="GOVERNANCE")


@damage("is shorter")
def a_neighbour_is_locked_longer(made):
    repacked(made, None, key=made.extended_pack, rows=made.rows, lock=LONGER, home="extended")


@damage("is not in force")
def an_extension_is_not_there(made):
    del made.bucket.rows[made.extended_pack]


@damage("held, is not in force")
def a_hold_is_not_there(made):
    del made.bucket.rows[made.held_pack]


@damage("held, is not in force")
def a_hold_was_taken_away(made):
    made.bucket.lock(made.held_pack, hold=False)


@damage("nothing in it is held")
def a_hold_is_left(made):
    made.bucket.lock(made.vault, hold=True)


@damage("is not in force")
def a_large_payload_is_locked_too_long(made):
    made.bucket.lock(made.object, until=FAR)


@damage("it has None")
def a_tile_without_lock(made):
    made.bucket.lock("log/tile/0/000", mode=None, until=0)


@damage("it has COMPLIANCE")
def a_journal_whose_lock_is_over(made):
    made.bucket.lock(made.late, until=NOW - 1)


@damage("it has COMPLIANCE")
def a_locked_register(made):
    made.bucket.lock("log/checkpoint", mode="COMPLIANCE", until=FAR)


@damage("the opening of")
def an_opening_is_anothers(made):
    made.log.openings[made.sealed]["salt"] = "A" * 43 + "="
    del made.bucket.rows[made.vault]
    made.bucket.pack([made.sealed], LOCK)


@cases(*DAMAGES)
def test_a_damage_is_found(env, name):
    function, word, options = DAMAGES[name]
    made = Made()
    function(made)
    findings = made.findings(**options)
    check(any(word in finding for finding in findings), f"{word!r} is not in {findings}")


def test_what_is_purged_must_be_gone(env):
    log = MadeLog()
    log.add("target.added", "boss", bucket="b", logRetention="1y", region="r", target="second")
    rows = [log.evidence(b"body %d" % n, "2026-11-21T00:00:30Z") for n in range(3)]
    keep = log.evidence(b"kept", UNTIL)
    log.seconds = 60
    digest = hashlib.sha256(
        b"".join(struct.pack(">Q", i) + leaf_hash(log.encoded(i)) for i in rows)
    ).hexdigest()
    lock = {"mode": "COMPLIANCE", "until": "2026-11-21T00:00:30Z"}
    items = [{"records": [[rows[0], rows[-1]]], "lock": lock}]
    clock = {"compliance": log.time(), "wall": log.time()}
    erasure = log.add("payload.erased", "keeper", collection="c", ground="expired", items=items,
                      clock=clock, count=3, digest=digest)  # fmt: skip
    objects = {"count": 1, "digest": "0" * 64}
    log.add("payload.purged", "strongroom", erasure=erasure, copy="second", count=3,
            objects=objects)  # fmt: skip
    bucket = MadeBucket(log)
    bucket.pack([keep], LOCK)
    bucket.journal(0, len(log.records), erased=rows)
    bucket.register()
    options = {"complete": True, "now": NOW, "target": "second"}
    check(not bucket.findings(**options), lambda: f"{bucket.findings(**options)}")
    bucket.pack(rows, lock)
    findings = bucket.findings(**options)
    check(any("purged, and 3 stand" in finding for finding in findings), f"{findings}")
    check(not bucket.findings(**{**options, "target": "third"}), "of another copy")


def test_the_objects_of_a_second_signer_are_set_aside(env):
    """Only if that is asked for; what is left must be whole."""
    made = Made()
    honest = made.log.records[-1]
    made.log.records[-1] = {**honest, "reason": "another history"}
    made.bucket.journal(250, len(made.log.records))
    made.log.records[-1] = honest
    findings = made.findings()
    check(any("another than elsewhere" in finding for finding in findings), f"{findings}")
    check(not made.findings(strays=True), lambda: f"{made.findings(strays=True)}")
    del made.bucket.rows[made.late]
    check(made.findings(strays=True), "without the winner's objects it is not whole")


@cases(*stores.NAMES)
def test_a_copy_in_a_real_store(env, name):
    made, bucket = Made(), stores.shared(name).bucket(env)
    for version in made.bucket.versions():
        lock, options = version.head(), {}
        if lock.mode:
            until = datetime.datetime.fromtimestamp(lock.until / 1000, datetime.timezone.utc)
            options = {"ObjectLockMode": lock.mode, "ObjectLockRetainUntilDate": until}
            options["ObjectLockLegalHoldStatus"] = "ON" if lock.hold else "OFF"
        bucket.put("copy/" + version.key, version.read(), **options)
    bucket.put("copy-2/other", b"of somebody else")
    copy = bucket.copy(made.log.key, prefix="copy/", complete=True, now=NOW)
    check(copy.size == len(made.log.records) and copy.kinds["checkpoint"] == 1, f"{copy.kinds}")
    command = [sys.executable, str(ROOT / "scripts/python/check_bucket.py"), "--bucket"]
    command += [bucket.name, "--endpoint", bucket.store.endpoint, "--key", made.log.key]
    command += ["--prefix", "copy/", "--target", "second", "--complete"]
    keys = {"AWS_ACCESS_KEY_ID": bucket.store.access_key}
    keys["AWS_SECRET_ACCESS_KEY"] = bucket.store.secret_key
    environment = {**os.environ, **stores.NO_CREDENTIALS, **keys}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180)
    check(result.returncode == 0, lambda: f"{result.stdout}{result.stderr}")
    bucket.client.delete_object(Bucket=bucket.name, Key="copy/" + made.held_pack)
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180)
    found = f"{result.stdout}{result.stderr}"
    check(result.returncode == 1 and "1 delete markers" in found, found)
