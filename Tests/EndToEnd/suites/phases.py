"""From the disk to the bucket and back: no read fails on the way, and the records prove it.

In `s3-primary` large payloads leave the disk, and come back when they are read.
"""

import json
import threading
import time

from bucket_copy import roots_at
from check_log import read_log
from harness import check, eventually, stores
from harness.evidence import Evidence
from harness.site import Site
from harness.workload import fill, filling
from harness.world import done, refused
from verify_receipt import leaf_hash

SECONDS = 32
STORES = ("seaweedfs",)
RECORDS = 10_000
WALK = ("dual", "s3-primary", "local-backup", "s3-primary", "dual", "local")


class Readers:
    """Clients that read payloads, records and receipts all the time; `bad` is what failed."""

    def __init__(self, site, indexes, evidence, count=2):
        self.site, self.indexes, self.evidence = site, indexes, evidence
        self.bad, self.good, self.stop = [], 0, threading.Event()
        self.threads = [threading.Thread(target=self._read, args=(n,)) for n in range(count)]

    def _read(self, number):
        try:
            self._read_on(number)
        except Exception as error:
            self.bad.append((number, error))

    def _read_on(self, number):
        source = self.site.env.random.__class__(number)
        large = list(self.evidence.bodies)
        with self.site.client("auditor") as client:
            while not self.stop.is_set():
                at = source.randrange(len(self.indexes) + len(large))
                if at < len(self.indexes):
                    index, body = self.indexes[at], filling(at, 100)
                else:
                    index = large[at - len(self.indexes)]
                    body = self.evidence.bodies[index]
                reply = client.payload(index)
                if reply.status != 200 or reply.body != body:
                    self.bad.append((index, reply))
                if client.receipt(index).status != 200:
                    self.bad.append((index, "receipt"))
                self.good += 1
                time.sleep(0.003)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join(60)


def size_on_disk(site):
    paths = [*site.data.glob("segments/*/payloads-*.mdb"), *site.data.glob("payloads/*/*.zst")]
    return sum(size_of(path) for path in paths)


def size_of(path):
    """A payload may leave the disk while the others are looked at."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def evicted(site):
    return [path.stem for path in site.data.glob("payloads/*/*.evicted")]


def test_forward_and_back(env):
    bucket = stores.shared("seaweedfs").bucket(env)
    site = Site(env, bucket, {"evictAfterSeconds": 1}, names=(), height=8)
    evidence = Evidence(site)
    evidence.mixed(3)
    indexes = fill(site.writer, RECORDS)
    large = len(list(site.data.glob("payloads/*/*.zst")))
    check(large, "there is no large payload")
    acts, sizes, seconds = [], [size_on_disk(site)], []
    with Readers(site, indexes, evidence) as readers:
        for phase in WALK:
            started = time.monotonic()
            with site.client("boss", timeout=300) as boss:
                reply = boss.post(site.at("phase"), phase=phase, reason=f"on to {phase}")
            done(reply)
            seconds.append(f"{phase} {time.monotonic() - started:.1f} s")
            acts.append(reply.json["act"])
            check(site.status()["phase"] == phase, f"{site.status()}")
            evidence.put(f"in/{phase}")
            if phase == "s3-primary":
                eventually(lambda: evicted(site), lambda: "no payload has left the disk")
                sizes.append(size_on_disk(site))
                continue
            check(not evicted(site), lambda: f"{phase}: {evicted(site)} are not on the disk")
            time.sleep(0.5)
            sizes.append(size_on_disk(site))
        eventually(
            lambda: readers.good > 100 or readers.bad, lambda: f"only {readers.good} reads"
        )
    check(len(list(site.data.glob("payloads/*/*.zst"))) == large, "not all payloads are back")
    check(not readers.bad, lambda: f"{len(readers.bad)} reads have failed: {readers.bad[:3]}")
    check_records(site, acts)
    evidence.check()
    site.wait()
    site.copy(descriptions=evidence.descriptions)
    env.note(f"{readers.good} reads; {', '.join(seconds)}")
    env.note(f"KiB of payload files: {', '.join(str(size >> 10) for size in sizes)}")
    site.stop()
    env.fsck(site.data)


def check_records(site, acts):
    """Each `target.phase` has both roots of one size, which the records lead to."""
    log, _ = read_log(lambda target: site.auditor.get(target).body, site.key)
    check(not log.findings, lambda: f"{log.findings[:4]}")
    rows = [json.loads(site.auditor.record(act).body) for act in acts]
    leaves = [leaf_hash(site.auditor.record(n).body) for n in range(max(r["size"] for r in rows))]
    roots = roots_at(leaves, {row["size"] for row in rows})
    before = "local"
    for act, row, phase in zip(acts, rows, WALK, strict=True):
        check(row["kind"] == "target.phase" and row["target"] == site.target, f"{row}")
        check((row["from"], row["to"]) == (before, phase), f"{row}")
        check(row["differences"] == 0 and row["size"] <= act, f"{row}")
        root = roots[row["size"]].hex()
        check(row["localRoot"] == row["targetRoot"] == root, f"{row}, the root is {root}")
        before = phase


def test_a_difference_stops_a_change_of_phase(env):
    bucket = stores.shared("seaweedfs").bucket(env)
    site = Site(env, bucket, names=())
    evidence = Evidence(site)
    for number in range(4):
        evidence.put(f"n/{number}", f"c{number}", retain="30d", mode="governance")
    site.wait()
    (pack,) = bucket.versions("packs/c1/")
    bucket.client.delete_object(Bucket=bucket.name, Key=pack.key)
    reply = site.boss.post(site.at("phase"), phase="dual", reason="r")
    refused(reply, "1", "reconcile", status=(409,), slugs=("target-refused",))
    check(site.status()["phase"] == "local", f"{site.status()}")
    report = site.reconcile(repair=True)
    check(report["differences"] == report["repaired"] >= 1, f"{report}")
    site.phase("dual")
    site.phase("local")
    site.stop()
    env.fsck(site.data)
