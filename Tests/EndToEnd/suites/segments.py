"""Many segments: proofs across their borders, read-only sealed files, start-up, open files."""

import base64
import hashlib
import json
import os
import stat

from harness import cases, check, eventually, settings
from harness.workload import fill, filling, payload, verify_growth
from verify_receipt import Checkpoint, VerifierKey, verify_receipt

SECONDS = 13


def roots_of(client, key, sizes):
    """The signed root at each size, out of a verified receipt of record 0."""
    found = {}
    for size in sizes:
        receipt = verify_receipt(client.receipt(0, size).body, key)
        found[size] = receipt["_checkpoint"].root
    return found


def files_named(data, pattern):
    return sorted((data / "segments").glob(f"*/{pattern}"))


@cases(8, 16)
def test_proofs_and_reads_across_borders(env, height):
    data = env.init(height=height)
    key = VerifierKey(env.key_of(data))
    server = env.serve(data)
    span = 1 << height
    count = settings.segment_records if height == 8 else settings.large_records
    with server.client(timeout=300) as client:
        indexes = fill(client, count)
        numbers = {index: number for number, index in enumerate(indexes)}
        size = client.tree_size()
        check(len(numbers) == count and indexes[-1] == size - 1, "records are missing")
        if height == 8:
            sealed = count // span
            eventually(
                lambda: len(files_named(data, "log.mdb")) >= sealed - 1, "nothing is sealed"
            )
        borders = sorted(
            {0, 1, size - 1} | {b + d for b in range(span, size - 1, span) for d in (-1, 0, 1)}
        )
        borders = borders if len(borders) < 200 else env.random.sample(borders, 200)
        check_records(client, key, borders, numbers)
        sizes = sorted(env.random.sample(range(1, size + 1), 200))
        roots = roots_of(client, key, sizes)
        pairs = [tuple(sorted(env.random.sample(sizes, 2))) for _ in range(200)]
        verify_growth(client, None, [((a, roots[a]), (b, roots[b])) for a, b in pairs])
    for restart in ("clean", "killed"):
        code = server.terminate() if restart == "clean" else server.kill()
        check(code in (0, None), server.log)
        server = env.serve(data)
        env.note(
            f"start after {restart} end: {server.start_seconds:.2f} s with {count:,} records, "
            f"height {height}, {server.open_file_count} open files"
        )
        check(server.open_file_count < 1000, f"{server.open_file_count} open files")
        with server.client(timeout=300) as client:
            check_records(client, key, env.random.sample(borders, min(20, len(borders))), numbers)
            check(server.open_file_count < 1000, f"{server.open_file_count} open files")
            now = Checkpoint(client.checkpoint().body.decode(), key)
            verify_growth(client, None, [((s, r), (now.size, now.root)) for s, r in roots.items()])
    server.terminate()
    env.fsck(data)


def check_records(client, key, indexes, numbers):
    """`numbers`: index -> which record of `fill` it is; others are not evidence."""
    for index in indexes:
        reply = client.receipt(index)
        check(reply.status == 200, lambda: f"receipt of {index}: {reply}")
        if index not in numbers:
            kind = verify_receipt(reply.body, key)["_record"]["kind"]
            check(kind in ("log.created", "census"), f"record {index} is {kind}")
            check(client.payload(index).status == 404, f"{index} has a payload")
            continue
        number = numbers[index]
        body = filling(number, 100)
        receipt = verify_receipt(reply.body, key, body)
        check(receipt["_record"]["name"] == f"fill/{number}", f"{receipt['record']}")
        check(receipt["_record"]["sequence"] == number + 1, f"{receipt['record']}")
        check(client.record(index).body == receipt["record"].encode(), f"record {index} differs")
        reply = client.payload(index)
        check(reply.body == body, lambda: f"payload of {index}: {reply}")
    check(client.record(client.tree_size()).status == 404, "a record beyond the end")


def test_sealed_files_are_read_only_and_stay(env):
    data = env.init(height=8)
    server = env.serve(data)
    with server.client() as client:
        fill(client, 1200)
        eventually(lambda: len(files_named(data, "log.mdb")) >= 4, "nothing is sealed")
        eventually(
            lambda: len(files_named(data, "active.mdb")) <= 2, "active files are left behind"
        )
        before = {}
        for path in files_named(data, "log.mdb") + files_named(data, "payloads-*.mdb"):
            mode = stat.S_IMODE(os.stat(path).st_mode)
            check(mode & 0o222 == 0, f"{path} can be written: {mode:o}")
            before[path] = (path.read_bytes(), os.stat(path).st_ino)
        check(files_named(data, "payloads-*.mdb"), "payloads were not split by month")
        fill(client, 1200, tag="more")
        client.get("/v1/search?prefix=fill/1")
    server.terminate()
    server = env.serve(data)
    server.terminate()
    for path, (content, inode) in before.items():
        check(path.read_bytes() == content, f"{path} was changed after it was sealed")
        check(os.stat(path).st_ino == inode, f"{path} was replaced after it was sealed")
    env.fsck(data)


def test_payloads_are_split_by_month_and_mode(env):
    data = env.init(height=8)
    config = env.write("strongroom.yaml", "retention:\n  mode: governance\n")
    server = env.serve(data, "--config", config)
    until = ("2035-03-09T00:00:00Z", "2035-04-01T00:00:00Z", "2041-12-31T00:00:00Z")
    with server.client() as client:
        for number in range(300):
            mode = "governance" if number % 7 == 0 else "compliance"
            reply = client.put(
                b"%d" % number, f"f{number}", retainUntil=until[number % 3], mode=mode
            )
            check(reply.status == 201, f"{reply}")
        eventually(lambda: files_named(data, "log.mdb"), "nothing is sealed")
        names = {path.name for path in files_named(data, "payloads-*.mdb")}
        expected = {f"payloads-{u[:7]}-{mode}.mdb" for u in until for mode in ("C", "G")}
        check(names == expected, f"{sorted(names)}")
        for number in range(0, 255, 11):
            check(client.payload(number + 1).body == b"%d" % number, f"payload {number + 1}")


def test_search_covers_sealed_and_active_segments(env):
    data = env.init(height=8)
    server = env.serve(data)
    indexes = []
    with server.client() as client:
        for number in range(700):
            labels = {"build": str(number // 100), "kind": "log"}
            reply = client.put(payload(number, 40), f"d{number % 5}/f{number}", labels=labels)
            check(reply.status == 201, f"{reply}")
            indexes.append(reply.json["index"])
        eventually(lambda: len(files_named(data, "log.mdb")) >= 2, "nothing is sealed")
    for _ in range(2):
        with server.client() as client:
            expect_pages(client, indexes[::-1], limit=64, collection="payments")
            expect_pages(client, indexes[199:99:-1], limit=30, label="build=1")
            expect_pages(client, indexes[3::5][::-1], limit=50, prefix="d3/")
            for index in (1, 255, indexes[255], indexes[256], indexes[511], indexes[-1]):
                digest = json.loads(client.record(index).body)["payload"]["sha256"]
                expect_pages(client, [index], digest=digest)
            expect_pages(client, [], collection="payments", label="build=77")
        server.terminate()
        server = env.serve(data)


def expect_pages(client, expected, limit=100, **query):
    found, cursor = [], None
    for _ in range(100):
        extra = {"cursor": cursor} if cursor is not None else {}
        reply = client.search(limit=limit, **query, **extra)
        check(reply.status == 200, lambda: f"{query}: {reply}")
        page = reply.json
        entries = next(v for v in page.values() if isinstance(v, list))
        check(len(entries) <= limit, f"{query}: {len(entries)} in a page of {limit}")
        found += [entry["index"] for entry in entries]
        cursor = page.get("cursor")
        if cursor is None:
            break
    check(found == expected, lambda: f"{query}: {found[:20]}…, expected {expected[:20]}…")


def test_idempotency_over_a_border_and_a_restart(env):
    data = env.init(height=8)
    server = env.serve(data)
    key = env.key_of(data)
    with server.client() as client:
        first = {n: client.put(b"%d" % n, f"k{n}", key=f"key{n}").json["index"] for n in range(50)}
        fill(client, 600)
        eventually(lambda: len(files_named(data, "log.mdb")) >= 2, "nothing is sealed")
    for attempt in range(3):
        with server.client() as client:
            size = client.tree_size()
            for number, index in first.items():
                reply = client.put(b"%d" % number, f"k{number}", key=f"key{number}")
                check(reply.status == 200 and reply.json["index"] == index, f"{reply}")
                verify_receipt(reply.body, key, b"%d" % number)
                check(client.put(b"?", f"k{number}", key=f"key{number}").status == 409, "no 409")
            check(client.tree_size() == size, "a repeated request has added a record")
        server.terminate() if attempt == 0 else server.kill()
        server = env.serve(data)


def test_tiles_of_every_size_are_right(env):
    """Tiles and entry bundles of a growing log agree with hashes computed here."""
    data = env.init(height=8)
    server = env.serve(data)
    with server.client() as client:
        fill(client, 700)
        size = client.tree_size()
        leaves = [hashlib.sha256(b"\0" + client.record(n).body).digest() for n in range(size)]
        for tile in range(3):
            width = min(256, size - tile * 256)
            suffix = "" if width == 256 else f".p/{width}"
            reply = client.get(f"/tile/0/{tile:03d}{suffix}")
            check(reply.status == 200, f"{reply}")
            check(reply.body == b"".join(leaves[tile * 256 :][:width]), f"tile {tile}")
            cache = reply.headers.get("Cache-Control", "")
            check(("immutable" in cache) or width < 256, f"tile {tile}: Cache-Control {cache!r}")
        check(len(client.get("/tile/1/000.p/2").body) == 64, "the tile of level 1")
        proof = client.consistency(300, 600).json["proof"]
        check(all(len(base64.b64decode(item)) == 32 for item in proof), f"{proof}")
