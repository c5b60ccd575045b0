"""A whole node out of the bucket alone: what it serves, and when it may sign on."""

import base64
import json
import shutil
import time

from harness import cases, check, eventually, stores
from harness.audit import audit
from harness.environment import token_in
from harness.evidence import Evidence
from harness.site import Site
from harness.workload import fill
from harness.world import done, in_future, refused
from verify_receipt import Checkpoint, VerifierKey, verify_consistency, verify_receipt

SECONDS = 45
STORES = stores.NAMES
HEIGHT = 8
# For so long an object is locked at least that is sent when the lock of its record is over.
LEAST_UPLOAD_SECONDS = 60


def restore(site, name, *options, expect=0):
    """Restores into a new directory; returns it and what the command said."""
    directory = site.env.path(name)
    result = site.env.run(
        "restore", directory, *site.place, "--key", site.key, *options,
        expect=expect, env=site.credentials, timeout=300,
    )  # fmt: skip
    return directory, result


def serve(site, directory):
    return site.env.serve(directory, "--config", site.config, env=site.credentials)


def full_site(env, bucket):
    """A site with all that a record can go through; returns it and its evidence."""
    site = Site(env, bucket, names=(), height=HEIGHT, prefix="copy/")
    evidence = Evidence(site)
    rows = evidence.mixed(4)
    short = [evidence.put(f"short/{n}", "logs", 700, retain="1s") for n in range(3)]
    # Erased before they were packed: their bytes stand in journal objects, and this one's in an
    # object that is locked for as long as its upload might have taken.
    evidence.late = time.monotonic() + LEAST_UPLOAD_SECONDS
    short.append(evidence.put("short/large", "logs", 1_400_000, retain="1s"))
    fill(site.writer, 600)
    done(site.boss.hold("case/1", records=rows["open"][:2] + rows["large"][:1]))
    done(site.boss.hold("case/2", selection={"collection": "vault"}, standing=True))
    done(site.boss.extend(rows["soft"][0], in_future(days=400)))
    done(site.boss.extend(rows["soft"][1], in_future(days=400), mode="compliance"))
    done(site.boss.record_event("closed", records=rows["waiting"][:2]))
    evidence.erase(*short)
    evidence.mixed(1)
    site.wait()
    eventually(lambda: site.status()["pending"] == 0, lambda: f"pending: {site.status()}")
    return site, evidence


def lock_of(client, index):
    """All but what is known of copies: a log that must not sign asks no bucket."""
    return {name: value for name, value in client.lock(index).json.items() if name != "copies"}


@cases(*stores.NAMES)
def test_a_node_from_the_bucket_alone(env, name):
    bucket = stores.shared(name).bucket(env)
    site, evidence = full_site(env, bucket)
    large = bucket.keys("copy/payloads/logs/")
    is_late = time.monotonic() > evidence.late
    check(len(large) == 3 or is_late, f"of what was erased one object is to stand there: {large}")
    size = None
    # The record of a purge may come at any moment, and must not come between two readings.
    while size != site.auditor.tree_size():
        site.copy(descriptions=evidence.descriptions)
        size = site.auditor.tree_size()
        site.wait()
        log = audit(site.auditor, site.key, evidence.descriptions)
        locks = {i: lock_of(site.auditor, i) for i in evidence.bodies}
        checkpoint = Checkpoint(site.auditor.checkpoint().body.decode(), VerifierKey(site.key))
    kept = env.write("kept.key", (site.data / "log.key").read_bytes())
    site.stop()
    directory, result = restore(site, "restored", "--log-key", kept)
    check("read-only" in result.out, f"{result.out}{result.err}")
    check(not (directory / "log.key").exists(), "a log that must not sign has its key")
    env.fsck(directory)
    server = serve(site, directory)
    with server.client() as client:
        found = Checkpoint(client.checkpoint().body.decode(), VerifierKey(site.key))
        check((found.size, found.root) == (checkpoint.size, checkpoint.root), "another root")
        evidence.check(client, site.key, log)
        for index, lock in locks.items():
            again = lock_of(client, index)
            check(again == lock, lambda i=index, a=again: f"{i}: {a}, not {locks[i]}")
        again = audit(client, site.key, evidence.descriptions, "the restored log")
        check(again.size == log.size, f"{again.size} of {log.size} records")
        refused(client.put(b"x", "n"), "read-only", status=(503,))
        refused(client.hold("case/3", records=[min(locks)]), "read-only", status=(503,))
        check(client.tree_size() == checkpoint.size, "a read-only log has grown")
    check(server.terminate() == 0, server.log)
    env.fsck(directory)
    restore(site, "restored", expect=2)
    kinds = {version.key.split("/")[1] for version in bucket.versions("copy/")}
    env.note(f"{name}: {checkpoint.size} records restored in {result.seconds:.1f} s from {kinds}")
    if name == stores.NAMES[0]:
        is_whole_when_closed(env, site, evidence, kept)


def is_whole_when_closed(env, site, evidence, kept):
    """Once a log is closed nothing newer can have been signed."""
    site.serve()
    site.command("log", "close", "--reason", "the year is over")
    site.wait()
    size = site.auditor.tree_size()
    site.kill()
    directory, result = restore(site, "closed", "--log-key", kept)
    check("may go on" in result.out and "log.closed" in result.out, result.out)
    server = serve(site, directory)
    with server.client() as client:
        check(client.tree_size() == size, "another size")
        evidence.check(client, site.key)
        refused(client.put(b"x", "n"), slugs=("log-closed",))
    check(server.terminate() == 0, server.log)
    env.fsck(directory)


class Lagging:
    """A log that went on without its bucket, and what was kept elsewhere of it."""

    def __init__(self, env):
        self.bucket = stores.shared("seaweedfs").bucket(env)
        self.site = site = Site(
            env, self.bucket, {"startSeconds": 1}, names=("boss", "writer", "auditor"),
            height=HEIGHT,
        )  # fmt: skip
        self.evidence = evidence = Evidence(site)
        # GOVERNANCE: so that the test may take an object away.
        soft = {"retain": "30d", "mode": "governance"}
        self.large = evidence.put("large", "soft", 1_400_000, **soft)
        for number in range(8):
            evidence.put(f"n/{number}")
        self.repeated = [
            ("plain", {}), ("mode", {"mode": "governance"}), ("long", {"retain": "40d"}),
        ]  # fmt: skip
        for name, lock in self.repeated:
            evidence.put(name, key=f"key-{name}", **lock)
        site.wait()
        self.known = env.write("known.txt", site.auditor.checkpoint().body)
        self.kept = env.write("kept.key", (site.data / "log.key").read_bytes())
        # It goes on without the bucket: what comes now is nowhere but here.
        site.serve(env={"AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"})
        for number in range(5):
            receipt = done(site.writer.put(b"lost", f"lost/{number}"))
        self.newest = env.write("newest.receipt.json", receipt.body)
        site.stop()
        self.size, self.ahead = (
            Checkpoint(text, VerifierKey(site.key)).size
            for text in (self.known.read_text(), receipt.json["checkpoint"])
        )


def test_what_is_signed_after_a_restore(env):
    """Without proof that nothing newer was signed nothing is; with it the log goes on."""
    lagging = Lagging(env)
    refuses_what_it_is_not(env, lagging)
    shows_what_is_there(env, lagging)
    successor(env, lagging)
    signs_on(env, lagging)
    names_what_is_missing(env, lagging)


def refuses_what_it_is_not(env, lagging):
    """Another key, another prefix, a checkpoint that is not covered: nothing is left behind."""
    site = lagging.site
    command = ["restore", env.path("none"), *site.place]
    other = env.key_of(env.init("other"))
    result = env.run(*command, "--key", other, expect=1, env=site.credentials)
    check("not signed by" in result.err, result.err)
    result = env.run(
        *command, "--prefix", "nothing/here/", "--key", site.key, expect=1, env=site.credentials
    )
    check("nothing/here" in result.err, result.err)
    _, result = restore(
        site, "none", "--log-key", lagging.kept, "--at-least", lagging.newest, expect=4
    )
    check(str(lagging.ahead) in result.err and "--successor" in result.err, result.err)
    check(not env.path("none").exists(), "it left a log behind")


def again(env, directory, name):
    """A new secret for a token whose own was lost with the machine."""
    return token_in(env.run("token", "create", name, "--data", directory, "--again"))


def shows_what_is_there(env, lagging):
    site = lagging.site
    directory, result = restore(site, "plain", "--log-key", lagging.kept)
    check("read-only" in result.out and "3 tokens" in result.err, result.out + result.err)
    token = again(env, directory, "auditor")
    env.run("token", "create", "auditor", "--data", directory, "--again", expect=2)
    env.run("token", "create", "nobody", "--data", directory, "--again", expect=2)
    server = serve(site, directory)
    with server.client() as client:
        check(client.record(0).status == 401, "a log with tokens is open to everybody")
    with server.client(token=token) as client:
        check(client.tree_size() == lagging.size, "another size")
        lagging.evidence.check(client, site.key)
    check(server.terminate() == 0, server.log)
    env.fsck(directory)


def successor(env, lagging):
    """A log of its own that says where it took over, beside what there is of its predecessor."""
    site = lagging.site
    options = ("--successor", "--origin", "log.example/next", "--at-least", lagging.newest)
    options += ("--log-key", lagging.kept)
    restore(site, "next", "--successor", "--origin", site.key.split("+")[0], expect=2)
    check(not env.path("next").exists(), "it left a log behind")
    # The predecessor's key is of no use to it; a file that is not there becomes its own.
    made = env.path("made.key")
    directory, _ = restore(site, "elsewhere", "--successor", "--log-key", made)
    check(made.exists() and not (directory / "log.key").exists(), "where is its key?")
    directory, result = restore(site, "next", *options)
    check("log.example/next" in result.out and "lost" in result.err, result.out + result.err)
    key = env.key_of(directory)
    check(key.startswith("log.example/next+"), key)
    check(lagging.kept.exists() and (directory / "log.key").exists(), "where are the keys?")
    server = serve(site, directory)
    with server.client() as client:
        record = json.loads(client.record(0).body)
        check(record["kind"] == "log.created", f"{record}")
        found = record["predecessor"]
        checkpoint = Checkpoint(found["checkpoint"], VerifierKey(site.key))
        check(checkpoint.size == lagging.size and found["keys"] == [site.key], f"{found}")
        check(found["lost"] == [lagging.size, lagging.ahead - 1], f"{found}")
        receipt = done(client.put(b"on it goes", "n")).json
        verify_receipt(json.dumps(receipt, ensure_ascii=False), key, b"on it goes")
    check(server.terminate() == 0, server.log)
    result = env.fsck(directory)
    check(site.key.split("+")[0] in result.out + result.err, f"{result.out}{result.err}")
    env.fsck(directory / "predecessor")
    # It never signs, whoever has the key.
    shutil.copy(lagging.kept, directory / "predecessor" / "log.key")
    token = again(env, directory / "predecessor", "writer")
    server = serve(site, directory / "predecessor")
    with server.client(token=token) as client:
        refused(client.put(b"x", "n"), "read-only", "log.example/next", status=(503,))
    server.terminate()


def signs_on(env, lagging):
    """The largest checkpoint that is known outside is covered: the log and its copy go on."""
    site, evidence = lagging.site, lagging.evidence
    options = ("--log-key", lagging.kept, "--at-least", lagging.known)
    site.data, result = restore(site, "covered", *options)
    check("may go on" in result.out, result.out)
    for name in site.people.tokens:
        site.people.tokens[name] = again(env, site.data, name)
    site.serve()
    evidence.check()
    for name, lock in lagging.repeated:
        (index,) = (index for index, found in evidence.names.items() if found == name)
        body, key = evidence.bodies[index], f"key-{name}"
        receipt = done(site.writer.put(body, name, key=key, **lock), 200).json
        check(receipt["index"] == index, f"{name} was taken twice: {receipt}")
        refused(site.writer.put(body + b"x", name, key=key, **lock), status=(409,))
        refused(site.writer.put(body, name, key=key, retain="50d"), status=(409,))
    for number in range(300):
        evidence.put(f"next/{number}")
    old, new = (
        Checkpoint(text, VerifierKey(site.key))
        for text in (lagging.known.read_text(), site.auditor.checkpoint().body.decode())
    )
    proof = site.auditor.consistency(old.size, new.size).json["proof"]
    path = [base64.b64decode(item) for item in proof]
    verify_consistency(old.size, new.size, old.root, new.root, path)
    site.copy()
    site.end()


def names_what_is_missing(env, lagging):
    """The payload's own object is gone: everything else is restored, and the gap is named."""
    site, bucket = lagging.site, lagging.bucket
    (version,) = bucket.versions("payloads/soft/")
    bucket.client.delete_object(
        Bucket=bucket.name, Key=version.key, VersionId=version.version,
        BypassGovernanceRetention=True,
    )  # fmt: skip
    eventually(lambda: not bucket.versions("payloads/soft/"), "it cannot be taken away")
    directory, result = restore(site, "damaged", "--json", expect=1)
    check(f"record {lagging.large}\n" in result.err, result.err)
    report = json.loads(result.out)
    check(report["missing"] == 1, f"{report}")
    check(report["missingRecords"] == [str(lagging.large)], f"{report}")
    env.fsck(directory, expect=1)
