"""A whole node out of the bucket alone: what it serves, and when it may sign on."""

import base64
import json
import shutil

from harness import cases, check, eventually, stores
from harness.audit import audit
from harness.evidence import Evidence
from harness.site import Site
from harness.workload import fill
from harness.world import done, in_future, refused
from verify_receipt import Checkpoint, VerifierKey, verify_consistency, verify_receipt

SECONDS = 60
LIMIT_SECONDS = 300
STORES = stores.NAMES
HEIGHT = 8
# Journal objects that nobody needs any more can be deleted soon: erased payloads stand in them.
KEYS = {"journalLockSeconds": 3}


def place(site):
    """Where a site's bucket is, on the command line."""
    store = site.bucket.store
    found = ["--bucket", site.bucket.name, "--endpoint", store.endpoint, "--region", store.region]
    found += ["--path-style"]
    return [*found, "--prefix", site.prefix] if site.prefix else found


def restore(site, name, *options, expect=0):
    """Restores into a new directory; returns it and what the command said."""
    directory = site.env.path(name)
    result = site.env.run(
        "restore", directory, *place(site), "--key", site.key, *options,
        expect=expect, env=site.credentials, timeout=300,
    )  # fmt: skip
    return directory, result


def serve(site, directory):
    return site.env.serve(directory, "--config", site.config, env=site.credentials)


def full_site(env, bucket):
    """A site with all that a record can go through; returns it and its evidence."""
    site = Site(env, bucket, KEYS, names=(), height=HEIGHT, prefix="copy/")
    evidence = Evidence(site)
    rows = evidence.mixed(4)
    short = [evidence.put(f"short/{n}", "logs", 700, retain="2s") for n in range(5)]
    short.append(evidence.put("short/large", "logs", 1_400_000, retain="2s"))
    fill(site.writer, 600)
    done(site.boss.hold("case/1", records=rows["open"][:2] + rows["large"][:1]))
    done(site.boss.hold("case/2", selection={"collection": "vault"}, standing=True))
    done(site.boss.extend(rows["soft"][0], in_future(days=400)))
    done(site.boss.extend(rows["soft"][1], in_future(days=400), mode="compliance"))
    done(site.boss.record_event("closed", records=rows["waiting"][:2]))
    evidence.erase(*short)
    evidence.mixed(1)
    site.wait_settled()
    return site, evidence


@cases(*stores.NAMES)
def test_a_node_from_the_bucket_alone(env, name):
    bucket = stores.shared(name).bucket(env)
    site, evidence = full_site(env, bucket)
    site.copy(descriptions=evidence.descriptions)
    log = audit(site.auditor, site.key, evidence.descriptions)
    locks = {i: site.auditor.lock(i).json for i in evidence.bodies}
    checkpoint = Checkpoint(site.auditor.checkpoint().body.decode(), VerifierKey(site.key))
    unknown = site.env.path("nowhere")
    site.stop()
    shutil.rmtree(site.data)
    directory, result = restore(site, "restored")
    check("read-only" in (result.out + result.err).lower(), f"{result.out}{result.err}")
    check((directory / "log.json").exists() and not unknown.exists(), "no log was restored")
    env.fsck(directory)
    server = serve(site, directory)
    with server.client() as client:
        found = Checkpoint(client.checkpoint().body.decode(), VerifierKey(site.key))
        check((found.size, found.root) == (checkpoint.size, checkpoint.root), "another root")
        evidence.check(client, site.key, log)
        for index, lock in locks.items():
            again = client.lock(index).json
            check(again == lock, lambda i=index, a=again: f"{i}: {a}, not {locks[i]}")
        again = audit(client, site.key, evidence.descriptions, "the restored log")
        check(again.size == log.size, f"{again.size} of {log.size} records")
        before = client.tree_size()
        refused(client.put(b"x", "n"), "read-only", status=(409, 503))
        refused(client.hold("case/3", records=[1]), status=(409, 503))
        check(client.tree_size() == before, "a read-only log has grown")
    check(server.terminate() == 0, server.log)
    env.fsck(directory)
    restore(site, "restored", expect=(2, 4))
    kinds = {version.key.split("/")[1] for version in bucket.versions("copy/")}
    env.note(f"{name}: {checkpoint.size} records restored in {result.seconds:.1f} s from {kinds}")


def test_a_restored_node_signs_on_only_with_proof(env):
    """After log.closed, or if the largest checkpoint known outside is covered; else a successor."""
    bucket = stores.shared("seaweedfs").bucket(env)
    site = Site(env, bucket, names=())
    evidence = Evidence(site)
    rows = [evidence.put(f"n/{n}") for n in range(20)]
    site.wait()
    known = env.write("known.txt", site.auditor.checkpoint().body)
    kept = env.write("kept.key", (site.data / "log.key").read_bytes())
    # It goes on without the bucket: what comes now is nowhere but here.
    site.stop()
    lost = env.serve(site.data, env={"AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"})
    with lost.client() as client:
        for number in range(5):
            done(client.put(b"lost", f"lost/{number}"))
        newest = env.write("newest.txt", client.checkpoint().body)
    lost.terminate()
    ahead = Checkpoint(newest.read_text(), VerifierKey(site.key)).size

    # Nothing is known of what was signed: read-only. With what is not covered: refused.
    directory, result = restore(site, "plain", "--log-key", kept)
    said = (result.out + result.err).lower()
    check("read-only" in said, said)
    _, result = restore(site, "behind", "--log-key", kept, "--at-least", newest, expect=(1, 4))
    said = result.out + result.err
    check(str(ahead) in said and "successor" in said, said)
    check(not (env.path("behind") / "log.json").exists(), "a refused restore left a log behind")

    # The largest checkpoint that is known outside is covered.
    directory, result = restore(site, "covered", "--log-key", kept, "--at-least", known)
    server = serve(site, directory)
    with server.client() as client:
        receipt = done(client.put(b"it goes on", "next")).json
        verify_receipt(json.dumps(receipt, ensure_ascii=False), site.key, b"it goes on")
        evidence.check(client, site.key)
        old = Checkpoint(known.read_text(), VerifierKey(site.key))
        new = Checkpoint(client.checkpoint().body.decode(), VerifierKey(site.key))
        check_growth(client, old, new)
    server.terminate()
    env.fsck(directory)
    check(rows, "nothing was pushed")


def check_growth(client, old, new):
    path = client.consistency(old.size, new.size).json["proof"]
    path = [base64.b64decode(item) for item in path]
    verify_consistency(old.size, new.size, old.root, new.root, path)


def test_a_closed_log_is_whole(env):
    bucket = stores.shared("seaweedfs").bucket(env)
    site = Site(env, bucket, names=())
    evidence = Evidence(site)
    evidence.mixed(2)
    site.command("log", "close", "--reason", "the year is over")
    site.wait()
    size = site.auditor.tree_size()
    kept = env.write("kept.key", (site.data / "log.key").read_bytes())
    site.stop()
    directory, result = restore(site, "closed", "--log-key", kept)
    said = (result.out + result.err).lower()
    check("closed" in said and "read-only" not in said, said)
    server = serve(site, directory)
    with server.client() as client:
        check(client.tree_size() == size, "another size")
        evidence.check(client, site.key)
        refused(client.put(b"x", "n"), slugs=("log-closed",))
    server.terminate()
    env.fsck(directory)


def test_a_successor_names_its_predecessor(env):
    bucket = stores.shared("seaweedfs").bucket(env)
    site = Site(env, bucket, names=())
    evidence = Evidence(site)
    evidence.mixed(2)
    site.wait()
    site.kill()
    directory, result = restore(site, "next", "--successor", "--origin", "log.example/next")
    document = json.loads((directory / "log.json").read_text())
    key = env.key_of(directory)
    check(document["origin"] == "log.example/next" and key != site.key, f"{document}")
    server = serve(site, directory)
    with server.client() as client:
        record = json.loads(client.record(0).body)
        check(record["kind"] == "log.created", f"{record}")
        predecessor = record["predecessor"]
        checkpoint = Checkpoint(predecessor["checkpoint"], VerifierKey(site.key))
        check(checkpoint.size > len(evidence.bodies), f"{predecessor}")
        check(site.key in json.dumps(predecessor["keys"]), f"{predecessor}")
        receipt = done(client.put(b"on it goes", "n")).json
        verify_receipt(json.dumps(receipt, ensure_ascii=False), key, b"on it goes")
    server.terminate()
    env.fsck(directory)
    check("lost" in result.out + result.err or "successor" in result.out + result.err, result.err)


def test_restoring_refuses_what_is_not_whole(env):
    """Another key, a damaged object, an empty prefix: each said, and nothing left behind."""
    bucket = stores.shared("seaweedfs").bucket(env)
    site = Site(env, bucket, names=(), height=HEIGHT)
    evidence = Evidence(site)
    # GOVERNANCE: so that the test may take an object away.
    soft = [evidence.put(f"n/{n}", "soft", retain="30d", mode="governance") for n in range(5)]
    site.wait()
    site.stop()
    other = env.key_of(env.init("other"))
    directory = env.path("wrong-key")
    command = ["restore", directory, *place(site)]
    result = env.run(*command, "--key", other, expect=(1, 2, 4), env=site.credentials)
    check(site.key.split("+")[0] in result.err or "origin" in result.err, result.err)
    check(not (directory / "log.json").exists(), "it left a log behind")
    result = env.run(
        *command, "--prefix", "nothing/here/", "--key", site.key,
        expect=(1, 3, 4), env=site.credentials,
    )  # fmt: skip
    check("nothing/here" in result.err, result.err)
    (pack,) = bucket.versions("packs/soft/")
    bucket.client.put_object_legal_hold(
        Bucket=bucket.name, Key=pack.key, VersionId=pack.version, LegalHold={"Status": "OFF"}
    )
    bucket.client.delete_object(
        Bucket=bucket.name, Key=pack.key, VersionId=pack.version, BypassGovernanceRetention=True
    )
    eventually(lambda: not bucket.versions("packs/soft/"), 5, "the pack cannot be taken away")
    for version in bucket.versions("journal/"):
        bucket.put(version.key, b"not what it was")
    directory, result = restore(site, "damaged", expect=(0, 1))
    said = result.out + result.err
    check(str(soft[0]) in said or "journal" in said, f"it does not say what is missing: {said}")
