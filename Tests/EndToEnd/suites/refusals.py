"""Bad input: each gets its documented answer, nothing is appended, others stay served."""

import json
import os
import socket
import time

from harness import Environment, cases, check, settings
from harness.client import content_digest
from harness.raw import Raw, exchange
from harness.server import MemoryWatch
from verify_receipt import verify_receipt

SECONDS = 12
MIB = 1 << 20
HEAD_SECONDS = 4
EVIDENCE = "/v1/collections/payments/evidence"


def start(env: Environment, *arguments, **options):
    data = env.init()
    return env.serve(data, *arguments, **options)


def unchanged(server, size=1):
    with server.client() as client:
        check(client.tree_size() == size, "a refused request has added a record")
        check(client.put(b"still works", "ok").status == 201, "a good request is refused now")


def expect(reply, statuses, what):
    statuses = (statuses,) if isinstance(statuses, int) else statuses
    check(reply.status in statuses, lambda: f"{what}: {reply}, expected {statuses}")
    check(reply.problem, lambda: f"{what}: not a problem+json: {reply.headers} {reply}")
    problem = reply.json
    check(problem["status"] == reply.status, lambda: f"{what}: {problem}")
    check(problem["title"] and problem["detail"], lambda: f"{what}: says nothing: {problem}")
    check(reply.headers.get("Strongroom-Request-Id"), f"{what}: no request id")
    return problem


BAD_NAMES = {
    "none": None,
    "empty": "",
    "dotdot": "a/../b",
    "only dotdot": "..",
    "dot": "./a",
    "empty part": "a//b",
    "leading slash": "/a",
    "trailing slash": "a/",
    "NUL": "a\0b",
    "newline": "a\nb",
    "DEL": "a\x7fb",
    "C1 control": "a\u0085b",
    "1025 bytes": "x" * 1025,
    "1025 bytes of umlauts": "ä" * 513,
}


def test_bad_names(env):
    server = start(env)
    with server.client() as client:
        for what, name in BAD_NAMES.items():
            expect(client.put(b"x", name), (400, 414, 422), f"name: {what}")
        reply = client.request("POST", EVIDENCE + "?name=%ff%fe", b"x")
        expect(reply, (400, 422), "name: not UTF-8")
        reply = client.request("POST", EVIDENCE + "?name=%zz", b"x")
        expect(reply, (400, 422), "name: bad percent code")
        reply = client.request("POST", EVIDENCE + "?name=a&name=b", b"x")
        expect(reply, (400, 422), "name: twice")
        expect(client.put(b"x", "n", bogus="1"), (400, 422), "an unknown parameter")
        check(client.put(b"x", "x" * 1024).status == 201, "a name of 1,024 bytes")
        check(client.put(b"x", "ä/" + "ü" * 500).status == 201, "a name with umlauts")
    unchanged(server, 3)


def test_bad_collections_labels_keys(env):
    server = start(env)
    with server.client() as client:
        for name in ("A", "a b", ".a", "-a", "a" * 64, "ä", "a%2fb"):
            reply = client.put(b"x", "n", collection=name)
            check(reply.status in (400, 404, 414, 422), lambda: f"collection {name}: {reply}")
        many = {f"k{n}": "v" for n in range(33)}
        problem = expect(client.put(b"x", "n", labels=many), 422, "33 labels")
        check("32" in problem["detail"], f"the limit is not said: {problem}")
        expect(client.put(b"x", "n", labels={"K": "v"}), 422, "label key in capitals")
        expect(client.put(b"x", "n", labels={"k" * 65: "v"}), (414, 422), "label key of 65")
        expect(client.put(b"x", "n", labels={"": "v"}), 422, "label key empty")
        expect(client.put(b"x", "n", labels={"k": "v" * 257}), (414, 422), "label value of 257")
        expect(client.put(b"x", "n", labels={"k": "a\tb"}), 422, "label value with a tab")
        reply = client.request("POST", EVIDENCE + "?name=n&label=novalue", b"x")
        expect(reply, 422, "a label without =")
        reply = client.request("POST", EVIDENCE + "?name=n&label=a=1&label=a=2", b"x")
        expect(reply, 422, "a label twice")
        expect(client.put(b"x", "n", key="k" * 129), (422, 431), "idempotency key of 129")
        expect(client.put(b"x", "n", key="with space"), 422, "idempotency key with a space")
        expect(client.put(b"x", "n", key=""), (400, 422), "idempotency key empty")
        good = {f"k{n}": "v" * 256 for n in range(32)}
        check(client.put(b"x", "n", labels=good, key="k" * 128).status == 201, "at the limits")
    unchanged(server, 2)


def test_wrong_digest_and_wrong_encodings(env):
    server = start(env)
    with server.client() as client:
        right = content_digest(b"right")
        problem = expect(
            client.put(b"wrong", "n", headers={"Content-Digest": right}), 400, "wrong digest"
        )
        check("digest" in json.dumps(problem).lower(), f"{problem}")
        large = os.urandom(3 * MIB)
        expect(client.put(large, "n", headers={"Content-Digest": right}), 400, "wrong, 3 MiB")
        for value in ("sha-256=right", "sha-256=:AAAA:", "sha-256=:????:", "?1", "="):
            reply = client.put(b"x", "n", headers={"Content-Digest": value})
            expect(reply, (400, 422), f"Content-Digest {value!r}")
        expect(client.put(b"x", "n", headers={"Content-Encoding": "gzip"}), 415, "gzip")
        check(
            client.put(b"x", "n", headers={"Content-Encoding": "identity"}).status == 201,
            "identity is refused",
        )
    unchanged(server, 2)


@cases(
    "retain=0s",
    "retain=101y",
    "retain=7",
    "retain=-1d",
    "retain=7y7d",
    "retain=9999999999999999999y",
    "retainUntil=2000-01-01T00:00:00Z",
    "retainUntil=2200-01-01T00:00:00Z",
    "retainUntil=tomorrow",
    "retainUntil=2040-02-30T00:00:00Z",
    "retain=7y&retainUntil=2040-01-01T00:00:00Z",
    "mode=weak",
    "mode=",
)
def test_retention_out_of_range(env, query):
    server = start(env)
    with server.client() as client:
        reply = client.request("POST", f"{EVIDENCE}?name=n&{query}", b"x")
        expect(reply, (400, 422), query)
    unchanged(server)


def test_retention_in_range_is_granted(env):
    config = env.write("strongroom.yaml", "retention:\n  mode: governance\n")
    server = start(env, "--config", config)
    key = env.key_of(server.directory)
    with server.client() as client:
        for query in ({"retain": "1s"}, {"retain": "100y"}, {"mode": "governance"}):
            reply = client.put(b"x", "n", **query)
            check(reply.status == 201, f"{query}: {reply}")
            verify_receipt(reply.body, key, b"x")
        lock = verify_receipt(reply.body, key)["_record"]["lock"]
        check(lock["mode"] == "GOVERNANCE", f"{lock}")
        until = "2040-01-01T00:00:00Z"
        lock = verify_receipt(client.put(b"x", "n", retainUntil=until).body, key)["_record"]["lock"]
        check(lock["until"] == until, f"{lock}")


def test_paths_and_methods(env):
    server = start(env)
    with server.client() as client:
        for target, statuses in {
            "/": (404,),
            "/v1": (404,),
            "/v1/records/99": (404,),
            "/v1/records/-1": (400, 404, 422),
            "/v1/records/01": (400, 404, 422),
            "/v1/records/9007199254740993": (400, 404, 422),
            "/v1/records/99999999999999999999999": (400, 404, 422),
            "/v1/records/0/payload": (404, 409),
            "/v1/records/0/receipt?size=x": (400, 422),
            "/v1/records/0/receipt?size=0": (400, 404, 422),
            "/v1/consistency": (400, 422),
            "/v1/consistency?from=1&to=99": (400, 404, 422),
            "/v1/consistency?from=2&to=1": (400, 404, 422),
            "/v1/search?limit=0": (400, 422),
            "/v1/search?limit=x": (400, 422),
            "/v1/search?cursor=!!": (400, 422),
            "/v1/search?since=yesterday": (400, 422),
            "/v1/search?digest=xyz": (400, 422),
            "/tile/0/000.p/2": (404,),
            "/tile/0/000.p/0": (400, 404),
            "/tile/0/000.p/01": (400, 404),
            "/tile/0/0": (400, 404),
            "/tile/64/000": (400, 404),
            "/tile/entries/001": (404,),
            "/%2e%2e/%2e%2e/etc/passwd": (400, 404),
        }.items():
            expect(client.get(target), statuses, target)
        for method in ("DELETE", "PUT", "PATCH", "POST"):
            reply = client.request(method, "/v1/records/0", b"")
            expect(reply, 405, f"{method} of a record")
            check(reply.headers.get("Allow"), "405 without Allow")
        expect(client.get(EVIDENCE), 405, "GET of evidence")
    unchanged(server)


NONSENSE = {
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\r\n\r\n",
    "no version": b"GET /healthz\r\n\r\n",
    "version 9": b"GET /healthz HTTP/9.1\r\nHost: x\r\n\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "space before colon": b"GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n",
    "folded header": b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    "NUL in header": b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n",
    "NUL in target": b"GET /healthz\0 HTTP/1.1\r\nHost: x\r\n\r\n",
    "two lengths": b"POST %s?name=n HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
    b"Content-Length: 2\r\n\r\nab",
    "two equal lengths": b"POST %s?name=n HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
    b"Content-Length: 2\r\n\r\nab",
    "length list": b"POST %s?name=n HTTP/1.1\r\nHost: x\r\nContent-Length: 2, 2\r\n\r\nab",
    "length with sign": b"POST %s?name=n HTTP/1.1\r\nHost: x\r\nContent-Length: +2\r\n\r\nab",
    "negative length": b"POST %s?name=n HTTP/1.1\r\nHost: x\r\nContent-Length: -2\r\n\r\nab",
    "length not a number": b"POST %s?name=n HTTP/1.1\r\nHost: x\r\nContent-Length: two\r\n\r\nab",
    "length of 2^64": b"POST %s?name=n HTTP/1.1\r\nHost: x\r\n"
    b"Content-Length: 18446744073709551616\r\n\r\nab",
    "length and chunked": b"POST %s?name=n HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    "chunk size nonsense": b"POST %s?name=n HTTP/1.1\r\nHost: x\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n",
    "chunk size negative": b"POST %s?name=n HTTP/1.1\r\nHost: x\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n-1\r\nab\r\n0\r\n\r\n",
    "chunk size too large": b"POST %s?name=n HTTP/1.1\r\nHost: x\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nab\r\n0\r\n\r\n",
    "chunk without end": b"POST %s?name=n HTTP/1.1\r\nHost: x\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n2\r\nabXX0\r\n\r\n",
    "unknown coding": b"POST %s?name=n HTTP/1.1\r\nHost: x\r\n"
    b"Transfer-Encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    "chunked twice": b"POST %s?name=n HTTP/1.1\r\nHost: x\r\n"
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    "header of 1 MiB": b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: " + b"a" * MIB + b"\r\n\r\n",
    "100,000 headers": b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 100_000 + b"\r\n",
    "target of 1 MiB": b"GET /" + b"a" * MIB + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "too large by its length": b"POST %s?name=n HTTP/1.1\r\nHost: x\r\n"
    b"Content-Length: 999999999999\r\n\r\n",
}


def test_nonsense_on_the_wire(env):
    server = start(env)
    for what, data in NONSENSE.items():
        data = data.replace(b"%s", EVIDENCE.encode())
        try:
            status = exchange(server, data)
        except OSError:
            status = None
        check(
            status is None or 400 <= status < 500 or (what == "version 9" and status == 505),
            f"{what}: answered with {status}",
        )
        check(server.running, lambda: f"{what} has ended the server:\n{server.log()}")
    unchanged(server)


def test_random_bytes_on_the_wire(env):
    server = start(env)
    good = b"POST %s?name=n HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab" % EVIDENCE.encode()
    for _ in range(300):
        data = bytearray(good)
        for _ in range(env.random.randrange(1, 6)):
            data[env.random.randrange(len(data))] = env.random.randrange(256)
        with Raw(server) as raw:
            raw.send(bytes(data))
            raw.socket.shutdown(socket.SHUT_WR)
            status = raw.status()
        check(status is None or status in (200, 201, 501, 505) or status < 500, f"{data}: {status}")
    check(server.running, lambda: server.log())
    with server.client() as client:
        check(client.put(b"still works", "ok").status == 201, "a good request is refused now")


def test_chunked_upload_works(env):
    server = start(env)
    key = env.key_of(server.directory)
    body = os.urandom(3 * MIB)
    with server.client() as client:
        pieces = (body[at : at + 70_000] for at in range(0, len(body), 70_000))
        reply = client.put(pieces, "n")
        check(reply.status == 201, f"{reply}")
        verify_receipt(reply.body, key, body)


def test_expect_100_continue(env):
    server = start(env)
    with Raw(server) as raw:
        raw.send(
            b"POST %s?name=n HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
            b"Expect: 100-continue\r\nConnection: close\r\n\r\n" % EVIDENCE.encode()
        )
        check(raw.socket.recv(100).startswith(b"HTTP/1.1 100"), "no 100 Continue")
        check(raw.send(b"ab").status() == 201, "the upload was refused after all")
    with Raw(server) as raw:
        raw.send(
            b"POST %s?name=../n HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
            b"Expect: 100-continue\r\nConnection: close\r\n\r\n" % EVIDENCE.encode()
        )
        check(raw.status() in (400, 422), "a bad request was told to continue")


def test_slow_headers_are_closed_and_others_served(env):
    """A header now and then: after `headSeconds` the connection is closed or told 408."""
    config = env.write("strongroom.yaml", f"http:\n  headSeconds: {HEAD_SECONDS}\n")
    server = start(env, "--config", config)
    started = time.monotonic()
    slow = [Raw(server) for _ in range(20)]
    for raw in slow:
        raw.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
    ended = {}
    with server.client() as client:
        while len(ended) < len(slow) and time.monotonic() - started < 120:
            for number, raw in enumerate(slow):
                if number in ended:
                    continue
                try:
                    raw.send(b"A: b\r\n")
                    if raw.closed_within(0.001):
                        ended[number] = time.monotonic() - started
                except OSError:
                    ended[number] = time.monotonic() - started
            check(client.get("/healthz").status == 200, "a good client is not served")
            time.sleep(0.4)
    check(len(ended) == len(slow), f"{len(slow) - len(ended)} slow clients live after two minutes")
    first, last = min(ended.values()), max(ended.values())
    env.note(f"slow clients ended after {first:.1f}-{last:.1f} s; meant: {HEAD_SECONDS}")
    check(first >= HEAD_SECONDS, f"one was ended after {first:.1f} s")
    for raw in slow:
        raw.close()


def test_slow_bodies_do_not_hold_the_server(env):
    server = start(env)
    head = b"POST %s?name=n HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n"
    slow = [Raw(server).send(head % EVIDENCE.encode() + bytes(10_000)) for _ in range(100)]
    with server.client() as client:
        for number in range(50):
            check(client.put(b"x", f"f{number}").status == 201, "a good client is not served")
    for raw in slow:
        raw.close()
    with server.client() as client:
        check(client.tree_size() == 51, "an unfinished upload has become a record")


def test_ten_thousand_idle_connections(env):
    server = start(env)
    before = server.anonymous_bytes
    idle = []
    try:
        with MemoryWatch(server) as watch:
            for number in range(settings.idle_connections):
                try:
                    idle.append(socket.create_connection((server.host, server.port), 60))
                    if number % 2:
                        idle[-1].send(b"GET /healthz HTTP/1.1\r\nHo")
                except OSError:
                    continue
                if number % 500 == 0:
                    # A new connection: one that has waited since the last time gives way to others.
                    with server.client() as client:
                        reply = client.put(b"x", f"during/{number}")
                    check(reply.status == 201, f"with {number} idle connections: {reply}")
            for number in range(20):
                with server.client() as fresh:
                    check(fresh.put(b"x", f"f{number}").status == 201, "a new client is refused")
        grown = (watch.peak - before) / MIB
        env.note(
            f"{len(idle)} idle connections: {grown:.0f} MiB more, {server.open_file_count} fds"
        )
        check(grown < 300, f"the memory has grown by {grown:.0f} MiB")
        check(server.running, lambda: server.log())
    finally:
        for connection in idle:
            connection.close()
    unchanged_size = server.client().tree_size()
    unchanged(server, unchanged_size)
