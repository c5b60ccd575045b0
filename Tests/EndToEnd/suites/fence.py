"""Two nodes with one bucket, and a node that was set back: who may go on, and who stops."""

import shutil
import time

from harness import check, eventually, stores
from harness.evidence import Evidence
from harness.server import ServerFailed
from harness.site import Site
from harness.world import done, refused
from verify_receipt import Checkpoint, VerifierKey

SECONDS = 33
STORES = ("seaweedfs",)


class Twin:
    """A second node on a copy of the first one's directory."""

    def __init__(self, site, name="twin"):
        self.site, self.data = site, site.env.path(name)
        shutil.copytree(site.data, self.data)

    def serve(self):
        self.server = self.site.env.serve(
            self.data, "--config", self.site.config, env=self.site.credentials
        )
        self.client = self.server.client()
        return self

    def status(self):
        return self.client.get(self.site.at()).json


def fenced(status):
    return status["health"] == "fenced"


def check_restored(site, winner):
    """What the loser left in the journal does not come back: the register's tree does."""
    directory = site.env.path("restored")
    site.env.run("restore", directory, *site.place, "--key", site.key, env=site.credentials)
    site.env.fsck(directory)
    server = site.env.serve(directory, "--config", site.config, env=site.credentials)
    with server.client() as client, winner.client() as whole:
        check(client.checkpoint().body == whole.checkpoint().body, "it has another tree")
    server.terminate()


def test_two_nodes_and_one_bucket(env):
    bucket = stores.shared("seaweedfs").bucket(env)
    site = Site(env, bucket, names=())
    evidence = Evidence(site)
    evidence.mixed(1)
    site.wait()
    site.stop()
    twin = Twin(site)
    site.serve()
    twin.serve()
    # Both have the same records; each goes on with records of its own.
    for number in range(30):
        evidence.put(f"ours/{number}")
        done(twin.client.put(b"theirs", f"theirs/{number}"))
        time.sleep(0.02)
    nodes = {"first": site.status, "twin": twin.status}
    eventually(
        lambda: any(fenced(status()) for status in nodes.values()),
        lambda: f"nobody noticed: {site.status()} {twin.status()}",
    )  # fmt: skip
    time.sleep(1)
    stopped = [name for name, status in nodes.items() if fenced(status())]
    check(len(stopped) == 1, f"{stopped} have stopped")
    loser = nodes[stopped[0]]()
    check("another" in loser["reason"] or "register" in loser["reason"], f"{loser['reason']}")
    winner, server = (twin, twin.server) if stopped == ["first"] else (site, site.server)
    lost = site.server if stopped == ["first"] else twin.server
    # The loser goes on acknowledging, in `local`, and keeps all that it had; it replicates no more.
    with lost.client() as client:
        replicated = client.get(site.at()).json["replicated"]
        index = done(client.put(b"still here", "still")).json["index"]
        check(client.payload(index).body == b"still here", "it is not there")
        metrics = client.metrics()
        name = 'strongroom_target_health{target="second",state="fenced"}'
        check(metrics.get(name) == 1, "no metric says so")
        time.sleep(1.5)
        check(client.get(site.at()).json["replicated"] == replicated, "it replicates on")
    eventually(
        lambda: any("second" in line and "fence" in line.lower() for line in list(lost.lines)),
        lambda: f"the log does not say so:\n{lost.log()}",
    )
    # The winner's copy is whole and of one tree.
    with server.client() as client:
        reply = done(client.post(site.at("wait"), seconds=60), 200)
        check(reply.json["done"], f"{reply}")
        check(not fenced(reply.json["target"]), f"{reply}")
        size = client.tree_size()
    check_restored(site, server)
    copy = bucket.copy(site.key, complete=True, size=size, strays=True)
    strays = {f"journal/{s.index['first']:016}-{s.index['count']}.tar.zst" for s in copy.strays}
    check_strays(site, bucket, server, lost, strays)
    # A restart does not forget it.
    lost.terminate()
    (twin if winner is site else site).serve()
    again = nodes[stopped[0]]
    eventually(lambda: fenced(again()), lambda: f"forgotten: {again()}")
    twin.server.terminate()
    site.stop()
    for data in (site.data, twin.data):
        env.fsck(data)
    env.note(f"the one that stopped: {stopped[0]}; journal objects that it left: {sorted(strays)}")


def check_strays(site, bucket, winner, loser, strays):
    """What the loser left is told as such and left alone; it itself repairs nothing."""
    before = {(v.key, v.version) for v in bucket.versions("journal/")}
    with winner.client() as client:
        report = done(client.post(site.at("reconcile"), repair=True), 200).json
    check(report["differences"] == 0, f"{report}")
    found = {row["what"] for row in report["strays"] if "another node" in row["problem"]}
    check(found == strays and report["strayCount"] == len(strays), f"{report}, not {strays}")
    with loser.client() as client:
        refused(client.post(site.at("reconcile"), repair=True), "fenced", status=(409,))
    check({(v.key, v.version) for v in bucket.versions("journal/")} == before, "it was changed")


def test_dual_stops_acknowledging_when_fenced(env):
    bucket = stores.shared("seaweedfs").bucket(env)
    site = Site(env, bucket, {"acknowledgementSeconds": 2}, names=())
    site.phase("dual")
    index = site.acknowledged(b"first", "first", key="k")
    site.stop()
    twin = Twin(site).serve()
    eventually(
        lambda: twin.client.put(b"theirs", "theirs", key="k2").status in (200, 201),
        lambda: f"the twin acknowledges nothing: {twin.status()}",
    )
    twin.server.terminate()
    # Now the bucket is ahead of the first node, by a record that it never saw.
    size = index + 1
    try:
        site.serve()
    except ServerFailed as failure:
        check("bucket" in str(failure).lower() or "second" in str(failure), f"{failure}")
    else:
        reply = site.writer.put(b"ours", "ours")
        check(reply.status == 503, f"two nodes have acknowledged: {reply}")
        check(site.auditor.tree_size() == size, "it has signed on")
        ready = site.auditor.get("/readyz")
        check(ready.status == 503, f"it says it is ready: {ready}")


def test_a_directory_that_was_set_back_does_not_sign(env):
    """All of it, `state/` too, so that only the bucket knows better."""
    bucket = stores.shared("seaweedfs").bucket(env)
    site = Site(env, bucket, names=())
    evidence = Evidence(site)
    first = [evidence.put(f"n/{n}") for n in range(5)]
    site.wait()
    site.stop()
    snapshot = Twin(site, "snapshot")
    site.serve()
    later = [evidence.put(f"later/{n}") for n in range(5)]
    site.wait_replicated()
    signed = Checkpoint(site.auditor.checkpoint().body.decode(), VerifierKey(site.key))
    site.kill()
    before = bucket.quiet_versions()
    shutil.rmtree(site.data)
    shutil.copytree(snapshot.data, site.data)
    size_then = first[-1] + 1
    try:
        site.serve()
    except ServerFailed as failure:
        said = str(failure)
    else:
        reply = site.writer.put(b"another future", "n")
        check(reply.status == 503, f"it signs another tree of size {size_then + 1}: {reply}")
        check(site.auditor.tree_size() < signed.size, "it has signed on")
        check(site.auditor.get("/readyz").status == 503, "it says that it is ready")
        check(site.auditor.payload(first[0]).status == 200, "reads are refused, too")
        said = site.server.log()
        site.stop()
    check(str(signed.size) in said, f"it does not say how large the bucket's is: {said}")
    check("runbooks/" in said, f"it does not say what to do: {said}")
    check({(v.key, v.version) for v in bucket.versions()} == before, "it has written to the bucket")
    check(later, "nothing came later")
