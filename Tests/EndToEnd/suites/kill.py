"""kill -9 at any moment: nothing acknowledged is lost, and nothing is there twice."""

import base64
import json
import time

from harness import cases, check, settings
from harness.raw import Raw
from harness.workload import Load, Receipts, verify_growth
from verify_receipt import Checkpoint, VerifierKey

SECONDS = 42
CLIENTS = 6


@cases(16, 8)
def test_nothing_acknowledged_is_lost(env, height):
    """Half of the kills on a log of many segments, half on one that stays in its first."""
    kills = max(1, settings.kills // 2 + (settings.kills % 2 if height == 8 else 0))
    data = env.init(height=height)
    key = env.key_of(data)
    receipts, heads, settled = Receipts(), [], {200: 0, 201: 0}
    slowest = 0.0
    for round_number in range(kills + 1):
        server = env.serve(data)
        slowest = max(slowest, server.start_seconds)
        with server.client() as client:
            checkpoint = Checkpoint(client.checkpoint().body.decode(), VerifierKey(key))
            heads.append((checkpoint.size, checkpoint.root))
            verify_growth(client, key, [(heads[max(0, len(heads) - 2)], heads[-1])])
        for status, count in receipts.settle(server, key).items():
            settled[status] += count
        receipts.verify(server, key, 150, env.random)
        check(server.terminate() == 0, lambda: f"it did not drain:\n{server.log()}")
        env.fsck(data)
        if round_number == kills:
            break
        server = env.serve(data)
        load = Load(server, receipts, f"r{round_number}", clients=CLIENTS, large_share=0.02)
        with load:
            if not receipts.held:
                load.wait_for_more(kills + 1)
            time.sleep(env.random.uniform(0.02, 1.0))
            server.kill()
    server = env.serve(data)
    count = receipts.verify(server, key)
    with server.client() as client:
        newest = heads[-1]
        verify_growth(client, key, [(old, newest) for old in heads[:-1]])
        size = client.tree_size()
        check_no_duplicates(client, size)
    check(not receipts.refused, lambda: f"refused under load: {receipts.refused[:3]}")
    check(count > kills, f"only {count} receipts in {kills} kills: the load was no load")
    env.note(
        f"{kills} kills: {count} receipts verified of {size} records; sent again without an "
        f"answer: {settled[200]} were there, {settled[201]} were not; slowest start {slowest:.2f} s"
    )


def check_no_duplicates(client, size):
    """Each name stands in the log once: a request sent twice under one key is one record."""
    seen = {}
    for start in range(0, size, 256):
        width = min(256, size - start)
        suffix = "" if width == 256 else f".p/{width}"
        reply = client.get(f"/tile/entries/{tile_number(start // 256)}{suffix}")
        check(reply.status == 200, lambda: f"entries {start}: {reply}")
        for offset, record in enumerate(bundle(reply.body)):
            name = json.loads(record).get("name")
            if name is not None:
                check(name not in seen, f"{name} is record {seen.get(name)} and {start + offset}")
                seen[name] = start + offset


def tile_number(number):
    parts = [f"{number % 1000:03d}"]
    while number := number // 1000:
        parts.insert(0, f"x{number % 1000:03d}")
    return "/".join(parts)


def bundle(data):
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 2], "big")
        yield data[at + 2 : at + 2 + length]
        at += 2 + length


def test_kill_while_starting(env):
    """The recovery itself is killed, again and again."""
    data = env.init(height=8)
    key = env.key_of(data)
    receipts = Receipts()
    server = env.serve(data)
    with Load(server, receipts, "first", clients=CLIENTS) as load:
        load.wait_for_more()
        time.sleep(0.5)
        server.kill()
    for _ in range(10):
        starting = env.serve_without_waiting(data)
        time.sleep(env.random.uniform(0.0, 0.08))
        starting.kill()
    server = env.serve(data)
    receipts.settle(server, key)
    receipts.verify(server, key)
    server.terminate()
    env.fsck(data)


def test_unfinished_uploads_leave_no_files(env):
    """A payload of which half had come when the server was killed is gone after the next start."""
    data = env.init()
    server = env.serve(data)
    raw = [Raw(server) for _ in range(4)]
    for connection in raw:
        connection.send(
            b"POST /v1/collections/c/evidence?name=n HTTP/1.1\r\nHost: x\r\n"
            b"Content-Length: 50000000\r\n\r\n" + bytes(20_000_000)
        )
    time.sleep(0.3)
    server.kill()
    server = env.serve(data)
    with server.client() as client:
        check(client.tree_size() == 1, "half an upload has become a record")
    server.terminate()
    left = [path for path in (data / "payloads").rglob("*") if path.is_file()]
    check(not left, f"files left by broken uploads: {left}")
    env.fsck(data)


def test_proofs_of_every_receipt_reach_the_newest_head(env):
    """After a kill an old receipt's checkpoint is a prefix of today's tree."""
    data = env.init(height=8)
    key = VerifierKey(env.key_of(data))
    receipts = Receipts()
    server = env.serve(data)
    with Load(server, receipts, "a", clients=4) as load:
        load.wait_for_more()
        time.sleep(0.5)
        server.kill()
    server = env.serve(data)
    with server.client() as client:
        now = Checkpoint(client.checkpoint().body.decode(), key)
        old = {}
        for _, text in receipts.held:
            head = Checkpoint(json.loads(text)["checkpoint"], key)
            check(old.setdefault(head.size, head.root) == head.root, "two roots of one size")
        heads = env.random.sample(sorted(old.items()), min(100, len(old)))
        verify_growth(client, key, [(head, (now.size, now.root)) for head in heads])
        reply = client.consistency(1, now.size)
        check(all(len(base64.b64decode(h)) == 32 for h in reply.json["proof"]), f"{reply}")
