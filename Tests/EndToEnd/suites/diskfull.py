"""A disk that fills up: early refusal with 507, reads go on, and it accepts again."""

import os
import threading
import time

from harness import check, eventually
from harness.loopfs import LoopFileSystem, run
from harness.server import ends_by_itself
from harness.workload import Load, Receipts, payload
from verify_receipt import verify_receipt

SECONDS = 12
MIB = 1 << 20


def push_until_refused(client, tag, size, limit=4000):
    """Pushes until the first refusal; returns the accepted (index, seed) and that reply."""
    accepted = []
    for number in range(limit):
        body = payload(f"{tag}{number}", size)
        reply = client.put(body, f"{tag}/{number}", key=f"{tag}-{number}")
        if reply.status != 201:
            return accepted, reply
        accepted.append((reply.json["index"], f"{tag}{number}", reply.body))
    raise AssertionError(f"{limit} payloads of {size} bytes, and the disk is not full")


def check_readable(server, key, accepted, size):
    with server.client() as client:
        for index, seed, receipt in accepted[:: max(1, len(accepted) // 50)]:
            body = payload(seed, size)
            check(client.payload(index).body == body, f"payload {index} cannot be read")
            verify_receipt(receipt, key, body)
            verify_receipt(client.receipt(index).body, key, body)


def refusals(client):
    return {k: v for k, v in client.metrics().items() if "refus" in k and v > 0}


def test_early_refusal_and_recovery(env):
    disk = LoopFileSystem(env, 256)
    data = env.init(at=disk.path("data"))
    key = env.key_of(data)
    server = env.serve(data)
    with server.client() as client:
        accepted, reply = push_until_refused(client, "a", 300_000)
        check(reply.status == 507 and reply.problem, f"{reply}")
        check(disk.free_bytes > 4 * MIB, f"only {disk.free_bytes} bytes were kept free")
        check(len(accepted) > 100, f"only {len(accepted)} of 300 kB went onto 256 MiB")
        check(refusals(client), "the refusal is not in /metrics")
        other = disk.occupy(5 * MIB)
        ready = client.get("/readyz")
        check(ready.status in (503, 507) and ready.problem, f"readyz: {ready}")
        check(client.get("/healthz").status == 200, "healthz")
        large = client.put(payload(1, 3 * MIB), "large")
        check(large.status == 507, f"a large one: {large}")
        small = client.put(b"x", "small")
        check(small.status == 507, f"a small one: {small}")
        batch = client.batch([("a", b"1"), ("b", b"2")])
        check(batch.status == 507, f"a batch: {batch}")
        other.unlink()
    check_readable(server, key, accepted, 300_000)
    env.write("f", os.urandom(400_000))
    env.run("put", "f", "--collection", "c", "--server", server.url, expect=6)
    server.terminate()
    env.fsck(data)

    server = env.serve(data)
    check_readable(server, key, accepted, 300_000)
    server.terminate()
    # The same log on a larger disk takes evidence again.
    disk.unmount()
    os.truncate(disk.image, 400 * MIB)
    run("losetup", "--set-capacity", disk.device)
    run("e2fsck", "-f", "-p", disk.device)
    run("resize2fs", disk.device)
    disk.mount()
    server = env.serve(data)
    with server.client() as client:
        check(client.put(b"again", "again").status == 201, "it does not take evidence again")
        check(client.get("/readyz").status == 200, "readyz")
    check_readable(server, key, accepted, 300_000)
    server.terminate()
    env.fsck(data)


def test_it_accepts_again_when_room_is_made(env):
    disk = LoopFileSystem(env, 256)
    data = env.init(at=disk.path("data"))
    server = env.serve(data)
    with server.client() as client:
        check(client.put(b"x", "n").status == 201, "the first one")
        other = disk.occupy(5 * MIB)
        eventually(lambda: client.put(b"y", "m").status == 507, "it goes on with 5 MiB of room")
        check(client.payload(1).body == b"x", "reads do not go on")
        other.unlink()
        eventually(
            lambda: client.put(b"z", "o").status == 201,
            "it stays closed although room is there",
        )
    server.terminate()
    env.fsck(data)


def test_a_really_full_disk_under_load(env):
    """Another process takes the last byte while clients push: no receipt is lost."""
    disk = LoopFileSystem(env, 256)
    data = env.init(at=disk.path("data"))
    key = env.key_of(data)
    receipts = Receipts()
    server = env.serve(data)
    with Load(server, receipts, "a", clients=4, large_share=0.05) as load:
        filler = threading.Thread(target=disk.occupy, args=(0,))
        filler.start()
        filler.join()
        eventually(
            lambda: receipts.refused or not server.running, "nothing is refused on a full disk"
        )
        load.stop.set()
    statuses = {reply.status for _, reply in receipts.refused}
    check(statuses <= {503, 507}, f"refused with {statuses}")
    # A write that fails although it was within the reserve ends the server; either is in order.
    time.sleep(1)
    ended = ends_by_itself(server, lambda: receipts.verify(server, key, 100, env.random))
    if ended:
        check(server.wait() in (1, 6), lambda: f"it ended with {server.wait()}:\n{server.log()}")
    else:
        server.terminate()
    disk.path("somebody-elses").unlink()
    server = env.serve(data)
    receipts.refused.clear()
    receipts.settle(server, key)
    count = receipts.verify(server, key)
    with server.client() as client:
        check(client.put(b"again", "again").status == 201, "it does not take evidence again")
    env.note(
        f"{count} receipts verified; refusals {sorted(statuses)}; "
        + ("the server had ended with a reason" if ended else "the server went on")
    )
    server.terminate()
    env.fsck(data)


def test_start_on_a_full_disk(env):
    """The server starts and serves what is there, though it takes nothing."""
    disk = LoopFileSystem(env, 128)
    data = env.init(at=disk.path("data"))
    key = env.key_of(data)
    server = env.serve(data)
    with server.client() as client:
        accepted = []
        for number in range(50):
            reply = client.put(payload(f"b{number}", 1000), f"b{number}")
            accepted.append((reply.json["index"], f"b{number}", reply.body))
    server.terminate()
    other = disk.occupy(0)
    server = env.serve(data)
    check_readable(server, key, accepted, 1000)
    with server.client() as client:
        check(client.put(b"x", "n").status == 507, "it takes evidence on a full disk")
    server.kill()
    env.fsck(data)
    other.unlink()
    server = env.serve(data)
    with server.client() as client:
        check(client.put(b"x", "n").status == 201, "it does not take evidence again")
    server.terminate()
