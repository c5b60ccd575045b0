"""The power goes off in mid-write: every acknowledged receipt verifies afterwards."""

import time

from harness import check, settings
from harness.loopfs import LoopFileSystem
from harness.server import ServerFailed
from harness.workload import Load, Receipts

SECONDS = settings.powercut_seconds + 15
LEAST_CUTS = 5


def test_nothing_acknowledged_is_lost(env):
    disk = LoopFileSystem(env, 4096)
    data = env.init(at=disk.path("data"), height=8)
    key = env.key_of(data)
    receipts = Receipts()
    deadline = time.monotonic() + settings.powercut_seconds
    cuts, by_itself = 0, 0
    while time.monotonic() < deadline or cuts < LEAST_CUTS:
        server = env.serve(data)
        receipts.settle(server, key)
        receipts.verify(server, key, 200, env.random)
        load = Load(server, receipts, f"r{cuts}", clients=6, large_share=0.02)
        with load:
            if not receipts.held:
                load.wait_for_more(settings.powercut_seconds)
            time.sleep(env.random.uniform(0.05, 1.5))
            disk.cut_power()
            time.sleep(env.random.uniform(0.0, 0.3))
            load.stop.set()
            by_itself += 0 if server.running else 1
            server.kill()
        disk.unmount()
        disk.mount()
        cuts += 1
        if disk.free_bytes < 1 << 30:
            break
    server = env.serve(data)
    settled = receipts.settle(server, key)
    count = receipts.verify(server, key)
    check(server.terminate() == 0, lambda: f"it did not drain:\n{server.log()}")
    env.fsck(data)
    check(count > cuts, f"only {count} receipts in {cuts} cuts: the load was no load")
    env.note(
        f"{cuts} power cuts: {count} receipts verified; the server had ended by itself in "
        f"{by_itself}; last round sent again: {settled}"
    )


def test_a_failed_sync_is_fatal(env):
    """A disk that takes no more writes: no receipt after it, and the server ends with a reason."""
    disk = LoopFileSystem(env, 512)
    data = env.init(at=disk.path("data"))
    key = env.key_of(data)
    server = env.serve(data)
    with server.client() as client:
        check(client.put(b"before", "before").status == 201, "the first one is refused")
        disk.cut_power()
        try:
            reply = client.put(b"after", "after", key="k")
            check(reply.status in (500, 503, 507), f"acknowledged on a dead disk: {reply}")
        except OSError:
            pass
    try:
        code = server.wait()
        check(code not in (0, -6, -11), f"it ended with {code}:\n{server.log()}")
    except Exception as error:
        raise ServerFailed(f"it goes on after a failed sync ({error}):\n{server.log()}") from None
    disk.unmount()
    disk.mount()
    server = env.serve(data)
    receipts = Receipts()
    receipts.verify(server, key)
    with server.client() as client:
        check(client.payload(1).body == b"before", "the first one is gone")
        check(client.put(b"after", "after", key="k").status in (200, 201), "not taken again")
    server.terminate()
    env.fsck(data)
