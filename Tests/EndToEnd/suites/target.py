"""The second copy in real stores: journal, packs, locks that hold, packs that `tar` unpacks."""

import datetime
import hashlib
import json
import subprocess
import time

from botocore.exceptions import ClientError
from bucket_objects import PACKS, meaning_of
from harness import cases, check, eventually, stores
from harness.evidence import Evidence
from harness.site import TOO_LATE, Site
from harness.world import done, refused
from log_words import milliseconds

SECONDS = 85
STORES = stores.NAMES


def command(site, *arguments, **options):
    return site.command("target", *arguments, **options)


@cases(*stores.NAMES)
def test_the_second_copy(env, name):
    bucket = stores.shared(name).bucket(env)
    # The least time between journal objects is that of production.
    site = Site(env, bucket, {"journalMilliseconds": 1000}, prefix="some/where/", add=False)
    evidence = Evidence(site)
    early = evidence.mixed(2)
    store = bucket.store
    place = ("--bucket", bucket.name, "--endpoint", store.endpoint, "--region", store.region)
    place += ("--path-style", "--prefix", site.prefix, "--retention-profile", "retention")
    command(site, "add", "second", *place)
    shown = json.loads(command(site, "show", "second", "--json").out)
    check(shown["phase"] == "local" and shown["name"] == "second", f"{shown}")
    check("second" in command(site, "list").out, "target list does not name it")
    check_probe(site, name)
    check_near(env, site, evidence)
    late = evidence.mixed(3)
    done(site.keeper.hold("case/1", records=early["open"]))
    done(site.keeper.hold("case/2", selection={"collection": "logs"}, standing=True))
    evidence.put("standing", "logs", retain="30d")
    result = command(site, "wait", "second")
    env.note(f"{name}: target wait took {result.seconds:.1f} s")
    copy = site.copy(descriptions=evidence.descriptions)
    check(copy.kinds["original"] > 4 and copy.kinds["held"] > 0, f"{copy.kinds}")
    check(copy.kinds["payload"] == 4, f"{copy.kinds}")
    check_told_locks(site, copy)
    check_refused_deletions(site)
    check_unpacking(env, site, evidence)
    evidence.check(indexes=late["open"] + late["large"])
    site.end(evidence.descriptions)
    env.note(f"{name}: {dict(copy.kinds)}")


def check_probe(site, store):
    """The store enforces locks; the record says so, and what else was found."""
    for _ in range(4):
        out = json.loads(command(site, "probe", "second", "--json", expect=(0, 1, 4)).out)
        # A machine that stalls misses the short locks that it tries; then it is asked again.
        if TOO_LATE not in json.dumps(out):
            break
    check(out["report"]["compliant"] is True, f"{out}")
    record = json.loads(site.auditor.record(out["act"]).body)
    check(record["kind"] == "target.probed" and record["target"] == "second", f"{record}")
    check(set(record["findings"].values()) == {"enforced"}, f"{record}")
    keeps = store == "seaweedfs"
    check(record.get("conditions", False) == keeps, f"{record}")
    status = site.status()
    check(status["lastProbe"]["record"] == out["act"], f"{status}")
    check(status["conditionalWrites"] == keeps, f"{status}")
    metrics = site.auditor.metrics()
    check(metrics['strongroom_target_probe_compliant{target="second"}'] == 1, "the metric")


def check_near(env, site, evidence):
    """In `local` the journal follows; in `dual` it comes before the acknowledgement."""
    waits = []
    for number in range(3):
        index = evidence.put(f"near/{number}")
        acknowledged = time.monotonic()
        eventually(
            lambda i=index: site.status()["replicated"] > i,
            lambda i=index: f"{i} is not there: {site.status()}",
        )  # fmt: skip
        waits.append(time.monotonic() - acknowledged)
        check(index in in_journal(site), f"{index} counts as replicated and is in no journal")
        time.sleep(0.3)
    env.note(f"from the acknowledgement to the bucket: {min(waits):.2f} to {max(waits):.2f} s; "
        "meant: 2")
    command(site, "phase", "second", "dual", "--reason", "both copies count")
    for number in range(3):
        index = evidence.put(f"dual/{number}")
        check(index in in_journal(site), f"{index} was acknowledged before it was in the bucket")
    command(site, "phase", "second", "local", "--reason", "back")


def in_journal(site):
    found = set()
    for version in site.bucket.versions(site.prefix + "journal/"):
        meaning = meaning_of(version.key.removeprefix(site.prefix))
        found |= set(range(meaning.first, meaning.first + meaning.count))
    return found


def check_told_locks(site, copy):
    """`aws s3api` tells the mode and the exact date of every pack and payload object."""
    rows = [(key, pack.version, pack.index["lock"]) for key, pack in copy.packs.items()]
    for index, _, version in copy.large.values():
        rows.append((version.key, version, copy.log.evidence[index].lock))
    site.env.random.shuffle(rows)
    strict = 0
    for number, (key, version, lock) in enumerate(rows):
        # The tool takes most of a second to start: the library asks for the rest.
        if number < 3:
            # An id may begin with a hyphen.
            named = ("--key", site.prefix + key, f"--version-id={version.version}")
            told = site.bucket.aws("get-object-retention", *named)["Retention"]
            end = datetime.datetime.fromisoformat(told["RetainUntilDate"])
        else:
            named = {"Key": site.prefix + key, "VersionId": version.version}
            bucket = site.bucket
            reply = bucket.client.get_object_retention(Bucket=bucket.name, **named)
            told, end = reply["Retention"], reply["Retention"]["RetainUntilDate"]
        check(told["Mode"] == lock["mode"], f"{key}: {told}, not {lock}")
        if "until" in lock:
            until = round(end.timestamp()) * 1000
            check(until == milliseconds(lock["until"]), f"{key}: {told}, not {lock}")
        strict += told["Mode"] == "COMPLIANCE"
    check(strict >= 3, f"only {strict} of {len(rows)} are COMPLIANCE")


def check_refused_deletions(site):
    """No version of the copy can be deleted, one by one or many at once."""
    bucket = site.bucket
    before = {(v.key, v.version) for v in bucket.versions(site.prefix)}
    locked = [
        (key, version)
        for key, version in sorted(before)
        if meaning_of(key.removeprefix(site.prefix)).kind not in ("checkpoint", "probe", "state")
    ]
    for key, version in locked:
        try:
            bucket.client.delete_object(Bucket=bucket.name, Key=key, VersionId=version)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            check(status in (400, 403), f"{key}: {error}")
        else:
            raise AssertionError(f"{key} {version} could be deleted")
    rows = [{"Key": key, "VersionId": version} for key, version in locked]
    reply = bucket.client.delete_objects(Bucket=bucket.name, Delete={"Objects": rows})
    check(not reply.get("Deleted"), lambda: f"deleted: {reply['Deleted'][:3]}")
    after = {(v.key, v.version) for v in bucket.versions(site.prefix)}
    check(before <= after, lambda: f"gone: {sorted(before - after)[:3]}")
    key, version = next(row for row in locked if "/COMPLIANCE/" in row[0])
    named = ("--key", key, f"--version-id={version}", "--bypass-governance-retention")
    bucket.aws("delete-object", *named, expect=1)


def check_unpacking(env, site, evidence):
    """The first pack, with the tools that every machine has."""
    bucket = site.bucket
    packs = [v for v in bucket.versions(site.prefix + "packs/")
             if meaning_of(v.key.removeprefix(site.prefix)).kind in PACKS]  # fmt: skip
    chosen = next(v for v in packs if "/payments/" in v.key)
    file = env.write("first.tar.zst", bucket.get(chosen.key, chosen.version))
    folder = env.path("unpacked")
    folder.mkdir()
    subprocess.run(["tar", "--zstd", "-xf", str(file), "-C", str(folder)], check=True)
    index = json.loads((folder / "index.json").read_text())
    check(index["records"] and index["collection"] == "payments", f"{index}")
    for entry in index["records"]:
        number = entry["index"]
        record = (folder / f"records/{number}.json").read_bytes()
        check(record == site.auditor.record(number).body, f"record {number} is another")
        body = (folder / f"payloads/{number}").read_bytes()
        stated = json.loads(record)["payload"]
        check(hashlib.sha256(body).hexdigest() == stated["sha256"], f"payload {number}")
        check(body == evidence.bodies[number] and len(body) == stated["size"], f"{number}")


def test_add_list_and_remove(env):
    bucket = stores.shared("seaweedfs").bucket(env)
    site = Site(env, bucket)
    index, _ = site.put("before")
    for person in ("writer", "keeper", "auditor"):
        reply = site.clients[person].post("/v1/targets", **{**site.description, "name": "other"})
        refused(reply, status=(403,))
        reply = site.clients[person].post(site.at("phase"), phase="dual", reason="r")
        refused(reply, status=(403,))
    for person in ("auditor", "keeper"):
        check(site.clients[person].get("/v1/targets").status == 200, f"{person} may not read")
    refused(site.writer.get("/v1/targets"), status=(403,))
    refused(site.boss.post("/v1/targets", **site.description), "second", slugs=("target-exists",))
    refused(site.boss.get("/v1/targets/never"), "never", slugs=("target-unknown",))
    reply = site.boss.post(site.at("phase"), phase="s3-primary", reason="r")
    refused(reply, "dual", status=(409,))
    refused(site.boss.post(site.at("phase"), phase="nearly", reason="r"), "local-backup")
    refused(site.boss.post(site.at("phase"), phase="dual"), "reason")
    site.command("target", "phase", "second", "s3-primary", "--reason", "r", expect=4)
    site.command("target", "show", "never", expect=3)
    # Names and buckets are looked at before anything is asked of a store.
    for changes, word in (
        ({"name": "Second"}, "a-z"),
        ({"name": "local"}, "local"),
        ({"name": "n", "bucket": ""}, "bucket"),
        ({"name": "n", "endpoint": "ftp://x"}, "endpoint"),
        ({"name": "n", "endpoint": "http://user:secret@127.0.0.1"}, "endpoint"),
        ({"name": "n", "prefix": "/a"}, "prefix"),
        ({"name": "n", "logRetention": "10 years"}, "duration"),
    ):
        reply = site.boss.post("/v1/targets", **{**site.description, **changes})
        refused(reply, word, status=(400, 422))
    site.wait()
    site.command("target", "remove", "second", "--reason", "moved")
    refused(site.auditor.get(site.at()), slugs=("target-unknown",))
    before = bucket.quiet_versions()
    site.put("after")
    time.sleep(1)
    check(bucket.quiet_versions() == before, "a removed target still receives")
    reply = site.boss.post("/v1/targets", **site.description)
    refused(reply, "never", status=(409,))
    done(site.boss.post("/v1/targets", **{**site.description, "name": "third"}))
    site.target = "third"
    site.wait()
    site.copy()
    check(site.auditor.payload(index).status == 200, "a payload is gone")
    site.end()
