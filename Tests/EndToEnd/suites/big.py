"""A payload far larger than memory may hold streams in and out."""

import hashlib
import http.client
import os
import threading
import time

from harness import check, eventually, settings
from harness.raw import Raw
from harness.server import MemoryWatch
from verify_receipt import verify_receipt

SECONDS = 10
MIB = 1 << 20
MEMORY_LIMIT = 150 * MIB
NOISE = os.urandom(MIB)


def block(number):
    """One MiB of a payload: random, and unlike any other block of it."""
    return number.to_bytes(8, "big") + NOISE[8:]


def upload(server, blocks, target="/v1/collections/big/evidence?name=big"):
    connection = http.client.HTTPConnection(server.host, server.port, timeout=600)
    connection.request(
        "POST", target, (block(n) for n in range(blocks)), {"Content-Length": str(blocks * MIB)}
    )
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, body


def test_a_big_payload_streams_in_and_out(env):
    data = env.init()
    server = env.serve(data)
    key = env.key_of(data)
    blocks = settings.big_mib
    digest = hashlib.sha256()
    for number in range(blocks):
        digest.update(block(number))
    with MemoryWatch(server) as watch:
        started = time.monotonic()
        status, receipt = upload(server, blocks)
        seconds_in = time.monotonic() - started
        check(status == 201, f"{status} {receipt[:300]}")
        verify_receipt(receipt, key, (digest.hexdigest(), blocks * MIB))

        connection = http.client.HTTPConnection(server.host, server.port, timeout=600)
        started = time.monotonic()
        connection.request("GET", "/v1/records/1/payload")
        response = connection.getresponse()
        check(int(response.headers["Content-Length"]) == blocks * MIB, f"{response.headers}")
        back = hashlib.sha256()
        while chunk := response.read(MIB):
            back.update(chunk)
        seconds_out = time.monotonic() - started
        check(back.digest() == digest.digest(), "the payload came back changed")

        middle = blocks // 2
        started = time.monotonic()
        first, last = middle * MIB - 3, middle * MIB + 12
        connection.request(
            "GET", "/v1/records/1/payload", headers={"Range": f"bytes={first}-{last}"}
        )
        response = connection.getresponse()
        part = response.read()
        seconds_range = time.monotonic() - started
        check(response.status == 206, f"{response.status}")
        check(part == block(middle - 1)[-3:] + block(middle)[:13], "the range is wrong")
        env.run("get", 1, "-o", "out", "--server", server.url, timeout=600)
        check(env.path("out").stat().st_size == blocks * MIB, "get wrote another size")
        env.run("put", "out", "--collection", "again", "--server", server.url, timeout=600)
    env.note(
        f"{blocks} MiB: in {seconds_in:.1f} s, out {seconds_out:.1f} s, range "
        f"{seconds_range * 1000:.0f} ms, anonymous memory {watch.peak / MIB:.0f} MiB"
    )
    check(watch.peak < MEMORY_LIMIT, f"anonymous memory reached {watch.peak / MIB:.0f} MiB")
    server.terminate()
    env.fsck(data)


def test_many_uploads_at_once_stay_within_memory(env):
    data = env.init()
    server = env.serve(data)
    statuses = []

    def push(number):
        statuses.append(upload(server, 12, f"/v1/collections/big/evidence?name=f{number}")[0])

    with MemoryWatch(server) as watch:
        threads = [threading.Thread(target=push, args=(n,)) for n in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    env.note(f"24 uploads of 12 MiB: anonymous memory {watch.peak / MIB:.0f} MiB")
    check(set(statuses) <= {201, 503}, f"{statuses}")
    check(statuses.count(201) > 0, f"{statuses}")
    check(watch.peak < 2 * MEMORY_LIMIT, f"anonymous memory reached {watch.peak / MIB:.0f} MiB")


def files_of_payloads(data):
    return [p for p in (data / "payloads").rglob("*") if p.is_file()]


def test_a_broken_upload_leaves_nothing(env):
    data = env.init()
    server = env.serve(data)
    for size in (100, 500_000, 40 * MIB):
        with Raw(server) as raw:
            head = (
                b"POST /v1/collections/c/evidence?name=n HTTP/1.1\r\nHost: x\r\n"
                b"Content-Length: %d\r\n\r\n" % size
            )
            raw.send(head + os.urandom(size // 2))
            time.sleep(0.2)
    with Raw(server) as raw:
        raw.send(
            b"POST /v1/collections/c/evidence?name=n HTTP/1.1\r\nHost: x\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n" + b"300000\r\n" + os.urandom(0x300000)
        )
        time.sleep(0.2)
    eventually(
        lambda: not files_of_payloads(data), lambda: f"files left: {files_of_payloads(data)}"
    )
    with server.client() as client:
        check(client.tree_size() == 1, "a broken upload has become a record")
        check(client.put(b"x", "n").status == 201, "the server is harmed")
    server.terminate()
    env.fsck(data)


def test_get_checks_and_leaves_no_wrong_file(env):
    """A payload that is damaged on the server's disk never becomes a file of the client's."""
    data = env.init()
    server = env.serve(data)
    check(upload(server, 8)[0] == 201, "the upload was refused")
    (file,) = files_of_payloads(data)
    text = bytearray(file.read_bytes())
    text[len(text) * 3 // 4] ^= 0x10
    file.chmod(0o600)
    file.write_bytes(text)
    result = env.run("get", 1, "-o", "out", "--server", server.url, expect=(1, 5))
    check(not env.path("out").exists(), "get left a file that is not what was pushed")
    check(result.err.strip(), "get says nothing")
    check(not list(env.directory.glob("out*")), f"get left {list(env.directory.glob('out*'))}")
