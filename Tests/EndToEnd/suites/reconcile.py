"""Damage on either side is found and repaired from the other; on both it is only reported."""

import hashlib
import http.client
import json
import os
import subprocess

from harness import check, settings, stores
from harness.evidence import Evidence
from harness.site import Site
from harness.workload import MIB, fill
from harness.world import done

SECONDS = 25
STORES = ("seaweedfs",)
ROUNDS = 20 if settings.soak else 4
IN_A_ROUND = 5


class Damages:
    """A site with one small pack per collection, and what can be broken of it.

    The locks are GOVERNANCE: the test takes objects away with the right to bypass, which our
    server never uses.
    """

    def __init__(self, env, items, files=0):
        self.env, self.bucket = env, stores.shared("seaweedfs").bucket(env)
        self.site = Site(env, self.bucket, names=(), height=8)
        self.evidence = Evidence(self.site)
        self.items = [self.item(f"item-{n}", n % 4 == 3) for n in range(items)]
        # Of these nothing else is broken: however the damages fall there is one for each.
        self.files = [self.item(f"file-{n}", True) for n in range(files)]
        # The segment is sealed, so that every payload has its final file; but for the last one's.
        fill(self.site.writer, 300)
        self.late = ("late", self.evidence.put("late", "late", 3_000, retain="30d"), 3_000)
        self.site.wait()
        self.large = self.large_files()
        env.random.shuffle(self.items)

    def item(self, name, is_large):
        """Pushes one into a collection of its own: (name, index, size)."""
        size = MIB + 60_000 if is_large else 3_000
        return name, self.evidence.put(name, name, size, retain="30d", mode="governance"), size

    def sort(self):
        """The small items, and the large ones."""
        small = [item for item in self.items if item[2] <= MIB]
        return small, [item for item in self.items if item[2] > MIB]

    def take(self):
        """An item that nothing has happened to, yet."""
        return self.items.pop(0)

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

    def no_register(self):
        # A start writes it anew.
        self.site.wait()
        for version in self.bucket.versions("log/checkpoint"):
            self.bucket.client.delete_object(
                Bucket=self.bucket.name, Key=version.key, VersionId=version.version
            )
        return None, "target", "log/checkpoint"

    # --- the disk's side: while the server is stopped ---

    def path_of(self, item):
        """The file in which a payload stands, and where."""
        _, index, size = item
        if size > MIB:
            return self.large[index], self.large[index].stat().st_size // 2
        mark = self.evidence.bodies[index][:64]
        name = "active" if item == self.late else "payloads-*"
        for path in sorted(self.site.data.glob(f"segments/*/{name}.mdb")):
            at = path.read_bytes().find(mark)
            if at >= 0:
                return path, at
        raise AssertionError(f"the payload of {index} is in no file")

    def large_files(self):
        """By index: their names say nothing, so that the content has to."""
        contents = {}
        for path in sorted(self.site.data.glob("payloads/*/*.zst")):
            plain = subprocess.run(["zstd", "-dcq", path], capture_output=True, check=True)
            contents[plain.stdout] = path
        bodies = self.evidence.bodies
        items = [item for item in self.items + self.files if item[2] > MIB]
        return {index: contents[bodies[index]] for _, index, _ in items}

    def flipped_file(self, item=None):
        item = item or self.take()
        path, at = self.path_of(item)
        mode = path.stat().st_mode
        path.chmod(0o600)
        with open(path, "r+b") as file:
            file.seek(at + 10)
            byte = file.read(1)[0]
            file.seek(at + 10)
            file.write(bytes([byte ^ 16]))
        path.chmod(mode)
        return item, "local", str(item[1])

    def flipped_active(self):
        return self.flipped_file(self.late)

    def missing_file(self, item=None):
        item = item or self.files.pop()
        path, _ = self.path_of(item)
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
    """The findings about a key or a record."""
    return [row for row in report["findings"] if row["what"] in (what, f"record {what}")]


def words(report):
    return json.dumps(report["findings"][:12])


def told(damages, number):
    """What differs; in turns as the server tells it, and as the command line does."""
    if number % 2:
        return damages.site.reconcile()
    return command(damages, expect=1)


def command(damages, *options, expect):
    site = damages.site
    result = site.command("target", "reconcile", site.target, "--json", *options, expect=expect)
    return json.loads(result.out)


def test_random_damages_are_found_and_repaired(env):
    damages = Damages(env, ROUNDS * IN_A_ROUND, ROUNDS * 2)
    site, count = damages.site, 0
    clean = command(damages, expect=0)
    check(clean["differences"] == 0, lambda: f"differences without a damage: {words(clean)}")
    check(clean["checkedObjects"] > 10 and clean["checkedPayloads"] > 10, f"{clean}")
    check(not clean["strays"], f"{clean['strays']}")
    for number in range(ROUNDS):
        names = env.random.choices(damages.REMOTE, k=3) + env.random.choices(damages.LOCAL, k=2)
        if number == 1:
            names += ["marker_on_a_tile", "flipped_active"]
        broken = damages.do(names)
        if number == 2:
            broken.append(("no_register", *damages.no_register()))
        count += len(broken)
        found = told(damages, number)
        for name, _, side, what in broken:
            rows = rows_about(found, what)
            check(rows, lambda n=name, w=what: f"{n}: {w} is not in {words(found)}")
            check(
                all(row["side"] == side for row in rows),
                lambda n=name, r=rows: f"{n} counts as damage of another side: {r}",
            )
            check(not any(row["repaired"] for row in rows), f"repaired without being asked: {rows}")
        files = sum(row["what"].startswith("segment ") for row in found["findings"])
        check(found["differences"] == len(broken) + files, lambda: f"more: {words(found)}")
        repaired = site.reconcile(repair=True) if number % 2 == 0 else command(
            damages, "--repair", expect=0
        )  # fmt: skip
        check(
            repaired["repaired"] == repaired["differences"] == found["differences"],
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
    (small, *_), larges = damages.sort()
    large, sound = larges
    site.stop()
    for item in (small, large):
        damages.flipped_file(item)
        version = damages.object_of(item)
        data = bytearray(bucket.get(version.key))
        data[len(data) // 2] ^= 1
        # Gone, and others under the same key: no good version is left.
        bucket.client.delete_object(
            Bucket=bucket.name, Key=version.key, VersionId=version.version,
            BypassGovernanceRetention=True,
        )  # fmt: skip
        bucket.put(version.key, bytes(data))
    # One that only one side has lost, so that there is something to repair.
    damages.missing_file(sound)
    site.serve()
    path, _ = damages.path_of(large)
    key = damages.object_of(large).key

    def state():
        versions = {v.version for v in bucket.versions(key)}
        return versions, hashlib.sha256(path.read_bytes()).hexdigest()

    before = state()
    result = site.command("target", "reconcile", site.target, "--repair", expect=1)
    lines = result.out.splitlines()
    for what in (f"record {large[1]}", key):
        (line,) = [line for line in lines if f"  {what}  " in line]
        check(line.startswith("both  ") and not line.endswith("  repaired"), line)
    # The small one stands in a journal object, too; that is enough for both sides.
    for what in (f"record {small[1]}", damages.object_of(small).key, f"record {sound[1]}"):
        (line,) = [line for line in lines if f"  {what}  " in line]
        check(not line.startswith("both  ") and line.endswith("  repaired"), line)
    check("repaired" in result.err and "ops/runbooks/" in result.err, result.err)
    check(state() == before, "the damaged payload was written over")
    again = command(damages, expect=1)
    check([row["side"] for row in again["findings"]] == ["both", "both"], lambda: words(again))
    check(is_refused(site, large[1]), "a damaged payload is served")
    damages.evidence.check(indexes=[small[1], sound[1]])
    progress(damages)


def is_refused(site, index):
    """Whether a payload does not come, or only in part."""
    try:
        return site.auditor.payload(index).status == 500
    except http.client.IncompleteRead:
        return True


def progress(damages):
    """A person at a terminal sees how far it is; what was begun can be asked for again."""
    site = damages.site
    reader, writer = os.openpty()
    arguments = [site.env.binary, "target", "reconcile", site.target]
    own = {"STRONGROOM_SERVER": site.server.url}
    result = subprocess.run(
        arguments, stdout=subprocess.PIPE, stderr=writer, env={**os.environ, **own}
    )
    os.close(writer)
    shown = os.read(reader, 1 << 16).decode()
    os.close(reader)
    check(result.returncode == 1, f"it ended with {result.returncode}: {shown}")
    check("[" in shown and " % " in shown and "left" in shown, f"no progress: {shown!r}")
    at = site.at("reconcile")
    begun = site.boss.post(at, seconds=0)
    check(begun.status == (200 if begun.json["done"] else 202), f"{begun}")
    run = begun.json["run"]
    for _ in range(2):
        ended = done(site.boss.post(at, run=run, seconds=60), 200).json
        check(ended["done"] and ended["run"] == run and ended["differences"] == 2, f"{ended}")
