"""Locks that change and holds: records move to packs of their own, the others go at their date."""

import hashlib
import json

from harness import check, eventually, stores
from harness.evidence import Evidence
from harness.site import Site
from harness.workload import MIB
from harness.world import done, in_future

SECONDS = 70
STORES = ("seaweedfs",)
KEYS = {"journalLockSeconds": 2}


def homes(copy, index):
    """kind of pack -> lock of its version, for the packs that hold a record."""
    return {
        pack.index["home"]: pack.version.lock
        for pack in copy.packs.values()
        if index in pack.entries
    }


def purges(site, copy):
    """The records payload.purged of the target, by erasure."""
    found = {}
    for act in copy.log.acts:
        record = json.loads(site.auditor.record(act).body)
        if record["kind"] == "payload.purged" and record["copy"] == site.target:
            found[record["erasure"]] = record
    return found


def test_two_of_a_thousand(env):
    """One held, one extended; the other 998 leave the bucket at their date."""
    bucket = stores.shared("seaweedfs").bucket(env)
    site = Site(env, bucket, KEYS)
    evidence = Evidence(site)
    until = in_future(seconds=14)
    rows = evidence.batch(1000, "short", 800, retainUntil=until, mode="compliance")
    other = evidence.put("other", "other", retain="30d", mode="compliance")
    site.wait()
    before = site.copy()
    (pack,) = [p for p in before.packs.values() if p.index["collection"] == "short"]
    check(len(pack.entries) == 1000, f"{len(pack.entries)} records in the pack")
    held, extended = rows[500], rows[501]
    done(site.keeper.hold("case/1", records=[held]))
    done(site.keeper.extend(extended, in_future(days=30)))
    site.wait_settled()
    copy = site.copy()
    check(homes(copy, held)["held"].hold, f"{homes(copy, held)}")
    longer = copy.log.evidence[extended].until
    check(homes(copy, extended)["extended"].until == longer, f"{homes(copy, extended)}")
    same = [p for p in copy.packs.values() if p.version.key == pack.version.key]
    check(same and same[0].version.lock.until == pack.version.lock.until, "the pack was changed")
    check(not same[0].version.lock.hold, "the neighbours are held, too")

    rest = [index for index in rows if index not in (held, extended)]
    certificate = evidence.erase(*rest)
    site.wait_settled()
    copy = site.copy()
    check(set(homes(copy, held)) == {"held"}, f"{homes(copy, held)}")
    check(set(homes(copy, extended)) == {"extended"}, f"{homes(copy, extended)}")
    check(not bucket.versions(pack.version.key), "the pack of the thousand still stands")
    record = purges(site, copy)[certificate]
    check(record["count"] == 998, f"{record}")
    check_named(bucket, record, pack.version)
    evidence.check(indexes=[held, extended, other, *rest[::97]], log=copy.log)

    # The last two follow when nothing keeps them any more.
    done(site.boss.release("case/1"))
    evidence.erase(held)
    site.wait_settled()
    copy = site.copy()
    check(not homes(copy, held), f"still there: {homes(copy, held)}")
    check(other in homes_of_all(copy), "a record too many is gone")
    site.end()


def homes_of_all(copy):
    return {index for pack in copy.packs.values() for index in pack.entries}


def check_named(bucket, record, version):
    """`payload.purged` names the versions that are gone, or at least their digest."""
    objects = record["objects"]
    check(objects["count"] >= 1, f"{record}")
    if "versions" in objects:
        lines = objects["versions"]
        check(len(lines) == objects["count"] and lines == sorted(lines), f"{objects}")
        check(f"{version.key} {version.version}" in lines, f"{version.key} is not in {lines}")
        text = "".join(line + "\n" for line in lines)
        check(hashlib.sha256(text.encode()).hexdigest() == objects["digest"], f"{objects}")
        there = {f"{v.key} {v.version}" for v in bucket.versions()}
        check(not there & set(lines), lambda: f"still there: {there & set(lines)}")


def test_every_change_of_a_lock_comes_into_force(env):
    """Extensions, modes, events, holds, their release; small and large, open and sealed."""
    bucket = stores.shared("seaweedfs").bucket(env)
    site = Site(env, bucket, KEYS)
    evidence = Evidence(site)
    rows = evidence.mixed(5)
    soft_large, sealed_large = rows["large"]
    # Collections with the names of folders.
    odd = [evidence.put("odd", name, retain="30d") for name in ("held", "extended")]
    site.wait()
    site.copy()
    keeper, boss = site.keeper, site.boss
    done(keeper.extend(rows["soft"][0], in_future(days=90)))
    done(keeper.extend(rows["soft"][1], in_future(days=90), mode="compliance"))
    done(keeper.extend(rows["sealed"][0], in_future(days=300)))
    done(keeper.extend(soft_large, in_future(days=4000)))
    done(keeper.extend(odd[0], in_future(days=90)))
    done(keeper.hold("COMPLIANCE", records=odd[1:]))
    done(keeper.record_event("closed", records=rows["waiting"][:2]))
    done(keeper.record_event("closed", records=rows["waiting"][2:3], at=in_future(days=30)))
    done(keeper.hold("case/a", records=[*rows["open"][:2], sealed_large, rows["waiting"][4]]))
    done(keeper.hold("case/b", selection={"collection": "vault"}, standing=True))
    # More than one matter, names that must be written otherwise in a key.
    done(keeper.hold("Fall-1/x:y@z", records=rows["open"][1:3]))
    late = evidence.put("late", "vault")
    pending = site.status()["pending"]
    site.wait_settled()
    copy = site.copy(descriptions=evidence.descriptions)
    check(homes(copy, late).get("held"), f"under a standing hold: {homes(copy, late)}")
    check(pending > 0 or copy.kinds["extended"] > 2, f"{pending} {copy.kinds}")
    keys = bucket.keys("packs/held/")
    check(any("Fall-1%2Fx%3Ay%40z" in key for key in keys), f"{keys}")
    # A hold ends: what nobody else holds is no longer held, nor is its lock longer than it was.
    done(boss.release("case/a", [rows["open"][0]]))
    done(boss.release("case/b"))
    done(boss.release("Fall-1/x:y@z"))
    site.wait_settled()
    site.copy(descriptions=evidence.descriptions)
    done(boss.release("case/a"))
    site.wait_settled()
    copy = site.copy(descriptions=evidence.descriptions)
    evidence.check(log=copy.log)
    site.end(evidence.descriptions)


def test_the_mode_of_a_large_payload(env):
    """Stores refuse GOVERNANCE to COMPLIANCE without the bypass, which is never sent."""
    bucket = stores.shared("seaweedfs").bucket(env)
    site = Site(env, bucket, KEYS)
    evidence = Evidence(site)
    large = evidence.put("large", "logs", MIB + 70_000, retain="30d", mode="governance")
    other = evidence.put("other", "logs", retain="30d", mode="governance")
    site.wait()
    done(site.keeper.extend(large, in_future(days=90), mode="compliance"))
    done(site.keeper.hold("case/1", records=[other]))
    site.wait_settled()
    site.copy()
    eventually(lambda: site.status()["health"] == "running", lambda: f"{site.status()}")
    evidence.check()
    site.end()


def test_a_change_before_the_pack_is_closed(env):
    """What changes while it is only in the journal goes where it belongs at once."""
    bucket = stores.shared("seaweedfs").bucket(env)
    site = Site(env, bucket, {**KEYS, "packSeconds": 3600})
    evidence = Evidence(site)
    done(site.keeper.hold("case/s", selection={"collection": "kept"}, standing=True))
    rows = [evidence.put(f"n/{n}", "c", retain="30d") for n in range(6)]
    kept = evidence.put("k", "kept", retain="30d")
    short = evidence.put("short", "c", retain="1s")
    done(site.keeper.extend(rows[0], in_future(days=60)))
    done(site.keeper.hold("case/t", records=[rows[1]]))
    gone = evidence.erase(short)
    site.wait_settled()
    copy = site.copy()
    check(set(homes(copy, kept)) == {"held"}, f"{homes(copy, kept)}")
    check(not homes(copy, short), f"an erased payload was packed: {homes(copy, short)}")
    check(gone in purges(site, copy), f"no payload.purged of {gone}")
    site.end()


def test_without_rights_to_delete_nothing_is_said_to_be_purged(env):
    bucket = stores.shared("seaweedfs").bucket(env)
    site = Site(env, bucket, KEYS, add=False)
    site.add(retentionProfile=None)
    evidence = Evidence(site)
    short = evidence.put("short", "c", retain="2s")
    keep = evidence.put("keep", "c", retain="30d")
    site.wait()
    certificate = evidence.erase(short)
    eventually(lambda: site.status()["unpurged"] == 1, lambda: f"{site.status()}")
    copy = site.copy()
    check(copy.unpurged == [certificate], f"{copy.unpurged}")
    check(not purges(site, copy), "purged without the right to delete")
    metrics = site.auditor.metrics()
    check(metrics['strongroom_target_unpurged_records{target="second"}'] == 1, "the metric")
    shown = json.loads(site.auditor.erasure(short).body)["record"]
    check("payload.erased" in shown, shown)
    check(site.auditor.payload(keep).status == 200, "its neighbour is gone")
    site.end()
