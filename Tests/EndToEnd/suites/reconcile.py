"""Damage on either side is found and repaired from the other; on both it is only reported."""

import hashlib
import json
import subprocess

from harness import check, settings, stores
from harness.evidence import Evidence
from harness.site import Site
from harness.workload import MIB, fill

SECONDS = 60
LIMIT_SECONDS = 300
STORES = ("seaweedfs",)
ROUNDS = 20 if settings.soak else 4
IN_A_ROUND = 5


class Damages:
    """A site with one small pack per collection, and what can be broken of it.

    The locks are GOVERNANCE: the test takes objects away with the right to bypass, which our
    server never uses.
    """

    def __init__(self, env, items):
        self.env, self.bucket = env, stores.shared("seaweedfs").bucket(env)
        self.site = Site(env, self.bucket, names=(), height=8)
        self.evidence = Evidence(self.site)
        self.items = []
        for number in range(items):
            name = f"item-{number}"
            size = MIB + 60_000 if number % 4 == 3 else 3_000
            index = self.evidence.put(name, name, size, retain="30d", mode="governance")
            self.items.append((name, index, size))
        # The segment is sealed, so that every payload has its final file.
        fill(self.site.writer, 300)
        self.site.wait()
        self.site.copy()
        env.random.shuffle(self.items)

    def take(self, large=None):
        """An item that nothing has happened to, yet."""
        for at, item in enumerate(self.items):
            if large is None or (item[2] > MIB) == large:
                return self.items.pop(at)
        raise AssertionError("too few items")

    # --- the bucket's side ---

    def object_of(self, item):
        name, index, size = item
        folder = f"payloads/{name}/" if size > MIB else f"packs/{name}/"
        (version,) = [v for v in self.bucket.versions(folder) if v.is_latest]
        return version

    def missing_object(self):
        item = self.take()
        version = self.object_of(item)
        self.bucket.client.delete_object(
            Bucket=self.bucket.name, Key=version.key, VersionId=version.version,
            BypassGovernanceRetention=True,
        )  # fmt: skip
        return item, "target", version.key

    def other_bytes(self):
        item = self.take()
        version = self.object_of(item)
        data = bytearray(self.bucket.get(version.key))
        data[self.env.random.randrange(len(data))] ^= 4
        self.bucket.put(version.key, bytes(data))
        return item, "target", version.key

    def delete_marker(self):
        item = self.take()
        version = self.object_of(item)
        self.bucket.client.delete_object(Bucket=self.bucket.name, Key=version.key)
        return item, "target", version.key

    def marker_on_a_tile(self):
        self.bucket.client.delete_object(Bucket=self.bucket.name, Key="log/tile/entries/000")
        return None, "target", "log/tile/entries/000"

    # --- the disk's side: while the server is stopped ---

    def file_of(self, item):
        """The file in which a payload stands, and where."""
        _, index, size = item
        if size > MIB:
            return self.large_file(item)
        mark = self.evidence.bodies[index][:64]
        for path in sorted(self.site.data.glob("segments/*/payloads-*.mdb")):
            at = path.read_bytes().find(mark)
            if at >= 0:
                return path, at
        raise AssertionError(f"the payload of {index} is in no file")

    def large_file(self, item):
        """Large ones differ in size by nothing: the one whose content is the body's."""
        body = self.evidence.bodies[item[1]]
        for path in sorted(self.site.data.glob("payloads/*/*.zst")):
            done = subprocess.run(["zstd", "-dcq", path], capture_output=True, check=True)
            if done.stdout == body:
                return path, path.stat().st_size // 2
        raise AssertionError(f"the payload of {item[1]} is in no file")

    def flipped_file(self, item=None):
        item = item or self.take()
        path, at = self.file_of(item)
        path.chmod(0o600)
        with open(path, "r+b") as file:
            file.seek(at + 10)
            byte = file.read(1)[0]
            file.seek(at + 10)
            file.write(bytes([byte ^ 16]))
        path.chmod(0o440)
        return item, "local", str(item[1])

    def missing_file(self):
        item = self.take(large=True)
        path, _ = self.file_of(item)
        path.unlink()
        return item, "local", str(item[1])

    REMOTE = ("missing_object", "other_bytes", "delete_marker")
    LOCAL = ("flipped_file", "flipped_file", "missing_file")

    def do(self, names):
        """Breaks things while the server is stopped; returns what was broken."""
        self.site.stop()
        found = [(name, *getattr(self, name)()) for name in names]
        self.site.serve()
        return found


def rows_about(report, what):
    """The findings that name a key, or a record."""
    return [row for row in report["findings"] if what in f"{row['what']} {row['problem']}"]


def words(report):
    return json.dumps(report["findings"][:12])


def test_random_damages_are_found_and_repaired(env):
    damages = Damages(env, ROUNDS * IN_A_ROUND + 5)
    site, count = damages.site, 0
    clean = site.reconcile()
    check(clean["differences"] == 0, lambda: f"differences without a damage: {words(clean)}")
    check(clean["checkedObjects"] > 10 and clean["checkedPayloads"] > 10, f"{clean}")
    for number in range(ROUNDS):
        names = env.random.choices(damages.REMOTE, k=3) + env.random.choices(damages.LOCAL, k=2)
        if number == 1:
            names.append("marker_on_a_tile")
        broken = damages.do(names)
        count += len(broken)
        found = site.reconcile()
        for name, item, side, what in broken:
            rows = rows_about(found, what)
            check(rows, lambda n=name, w=what: f"{n}: {w} is not in {words(found)}")
            check(
                all(row["side"] == side for row in rows),
                lambda n=name, r=rows: f"{n} counts as damage of another side: {r}",
            )
            check(not any(row["repaired"] for row in rows), f"repaired without being asked: {rows}")
        repaired = site.reconcile(repair=True)
        check(
            all(row["repaired"] for row in repaired["findings"]),
            lambda: f"not repaired: {words(repaired)}",
        )
        again = site.reconcile()
        check(again["differences"] == 0, lambda: f"after the repair: {words(again)}")
        damages.evidence.check(indexes=[item[1] for _, item, _, _ in broken if item])
    site.wait()
    site.copy()
    site.stop()
    env.fsck(site.data)
    env.note(f"{count} damages in {ROUNDS} rounds")


def test_what_is_damaged_on_both_sides_is_left_alone(env):
    damages = Damages(env, 8)
    site, bucket = damages.site, damages.bucket
    small, large = damages.take(large=False), damages.take(large=True)
    site.stop()
    damages.flipped_file(small)
    damages.flipped_file(large)
    for item in (small, large):
        version = damages.object_of(item)
        data = bytearray(bucket.get(version.key))
        data[len(data) // 2] ^= 1
        # Gone, and others under the same key: no good version is left.
        bucket.client.delete_object(
            Bucket=bucket.name, Key=version.key, VersionId=version.version,
            BypassGovernanceRetention=True,
        )  # fmt: skip
        bucket.put(version.key, bytes(data))
    clear_journals(site, bucket)
    site.serve()

    def state():
        files = {
            path: hashlib.sha256(path.read_bytes()).hexdigest()
            for pattern in ("payloads/*/*.zst", "segments/*/payloads-*.mdb")
            for path in site.data.glob(pattern)
        }
        objects = {(v.key, v.version) for v in bucket.versions("p")}
        return files, objects

    before = state()
    report = site.reconcile(repair=True)
    for item in (small, large):
        rows = [row for row in report["findings"] if row["side"] == "both"]
        key = damages.object_of(item).key
        about = [r for r in rows if str(item[1]) in r["what"] or key in f"{r}"]
        check(about, lambda i=item: f"{i[1]} is not reported as damaged on both: {words(report)}")
        check(not any(row["repaired"] for row in about), f"it says that it is repaired: {about}")
    after = state()
    check(before[0] == after[0], "a file of the disk was changed")
    check(before[1] <= after[1], "a version is gone")
    fresh = after[1] - before[1]
    keys = {damages.object_of(item).key for item in (small, large)}
    check(not {key for key, _ in fresh} & keys, f"written over: {fresh}")


def clear_journals(site, bucket):
    """Other bytes in every journal object: they held the payloads, too."""
    for version in bucket.versions("journal/"):
        bucket.put(version.key, b"nothing of what was there")
