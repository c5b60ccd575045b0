"""Corners of the interface: races for one key, pipelines, ranges, limits that were set, time."""

import concurrent.futures
import datetime
import glob
import hashlib
import json

from harness import Skip, cases, check
from harness.client import content_digest
from harness.raw import Raw
from harness.workload import payload
from verify_receipt import verify_receipt

SECONDS = 7
EVIDENCE = "/v1/collections/payments/evidence"


def test_one_key_from_many_clients_is_one_record(env):
    server = env.serve(env.init())
    key = env.key_of(server.directory)

    def push(number):
        with server.client() as client:
            return [client.put(b"same", "n", key=f"k{n}") for n in range(30)]

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(push, range(16)))
    for n in range(30):
        found = [reply[n] for reply in replies]
        check({r.status for r in found} <= {200, 201}, f"{found}")
        check([r.status for r in found].count(201) == 1, f"k{n} was appended more than once")
        check(len({r.json["index"] for r in found}) == 1, f"k{n} became several records")
        for reply in found:
            verify_receipt(reply.body, key, b"same")
    with server.client() as client:
        check(client.tree_size() == 31, "there are more records than keys")


def test_one_key_with_two_contents_at_once(env):
    server = env.serve(env.init())

    def push(number):
        with server.client() as client:
            return client.put(b"%d" % (number % 2), "n", key="contended")

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        replies = list(pool.map(push, range(24)))
    counts = {status: [r.status for r in replies].count(status) for status in (200, 201, 409)}
    check(counts[201] == 1 and sum(counts.values()) == 24, f"{[r.status for r in replies]}")
    check(counts[409] == 12 and counts[200] == 11, f"{counts}")


def test_pipelined_requests_are_answered_in_order(env):
    server = env.serve(env.init())
    key = env.key_of(server.directory)
    request = b"POST %s?name=f%d HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%s\r\n%s"
    with Raw(server) as raw:
        data = b""
        for number in range(20):
            body = b"body %d" % number
            end = b"Connection: close\r\n" if number == 19 else b""
            data += request % (EVIDENCE.encode(), number, len(body), end, body)
        raw.send(data)
        answer = b""
        while more := raw.socket.recv(65536):
            answer += more
    answers = answer.split(b"HTTP/1.1 ")[1:]
    check(len(answers) == 20, f"{len(answers)} answers to 20 requests")
    for number, text in enumerate(answers):
        check(text.startswith(b"201"), f"{text[:100]}")
        receipt = verify_receipt(text.split(b"\r\n\r\n", 1)[1], key, b"body %d" % number)
        check(receipt["_record"]["name"] == f"f{number}", "the answers are out of order")


@cases(
    ("bytes=0-0", 206, slice(0, 1)),
    ("bytes=0-", 206, slice(0, None)),
    ("bytes=5-4", 200, slice(0, None)),
    ("bytes=1048570-1048580", 206, slice(1048570, 1048581)),
    ("bytes=0-99999999999", 206, slice(0, None)),
    ("bytes=-99999999999", 206, slice(0, None)),
    ("bytes=-0", 416, None),
    ("bytes=2500000-", 416, None),
    ("bytes=a-b", 200, slice(0, None)),
    ("lines=1-2", 200, slice(0, None)),
    ("bytes=0-1,5-6", (200, 206, 416), None),
    ("bytes=18446744073709551616-", (200, 416), None),
)
def test_range(env, case):
    text, statuses, part = case
    server = env.serve(env.init())
    body = payload(1, 2_500_000)
    with server.client() as client:
        client.put(body, "n")
        reply = client.payload(1, {"Range": text})
        expected = (statuses,) if isinstance(statuses, int) else statuses
        check(reply.status in expected, f"{text}: {reply}")
        if part is not None:
            check(reply.body == body[part], f"{text}: {len(reply.body)} other bytes")
        if reply.status == 416:
            check(reply.headers["Content-Range"] == "bytes */2500000", f"{reply.headers}")


def test_conditional_reads(env):
    server = env.serve(env.init())
    with server.client() as client:
        client.put(b"x" * 100, "n")
        tag = client.payload(1).headers["ETag"]
        reply = client.payload(1, {"If-None-Match": tag})
        check(reply.status in (200, 304), f"{reply}")
        check(reply.status == 200 or reply.body == b"", f"{reply}")
        reply = client.payload(1, {"Range": "bytes=0-9", "If-Range": tag})
        check(reply.status in (200, 206), f"{reply}")
        reply = client.payload(1, {"Range": "bytes=0-9", "If-Range": '"another"'})
        check(reply.status == 200 and len(reply.body) == 100, f"{reply}")


def test_head_is_get_without_the_body(env):
    server = env.serve(env.init())
    with server.client() as client:
        client.put(b"x" * 100, "n")
        for target in (
            "/v1/records/1",
            "/v1/records/1/payload",
            "/v1/records/1/receipt",
            "/checkpoint",
            "/tile/0/000.p/2",
            "/healthz",
            "/v1/search",
            "/v1/records/99",
        ):
            get, head = client.get(target), client.request("HEAD", target)
            check(head.status == get.status and head.body == b"", f"{target}: {head}")
            for name in ("Content-Type", "Content-Length"):
                check(head.headers[name] == get.headers[name], f"{target}: {name} differs")


def test_limits_of_the_configuration_hold(env):
    config = env.write("c.yaml", "limits:\n  payload: 1 MiB\n")
    server = env.serve(env.init(), "--config", config)
    mib = 1 << 20
    with server.client() as client:
        check(client.put(bytes(mib), "n").status == 201, "a payload at its limit")
        reply = client.put(bytes(mib + 1), "n")
        check(reply.status == 413 and str(mib) in reply.json["detail"], f"{reply}")
        try:
            pieces = (bytes(100_000) for _ in range(12))
            reply = client.put(pieces, "n")
            check(reply.status == 413, f"chunked: {reply}")
        except OSError:
            pass
    with server.client() as client:
        check(client.tree_size() == 2, "something over the limit was appended")


def test_the_largest_record_of_one_request(env):
    """Every part at its limit: the record still fits, and everything comes back."""
    server = env.serve(env.init())
    key = env.key_of(server.directory)
    labels = {f"{n:02d}" + "k" * 62: '"\\' * 128 for n in range(14)}
    name = "ü" * 512
    with server.client() as client:
        reply = client.put(
            b"x", name, "c" * 63, labels, key='"' * 128, headers={"Content-Type": "a/b"}
        )
        check(reply.status == 201, f"{reply}")
        receipt = verify_receipt(reply.body, key, b"x")
        check(receipt["_record"]["labels"] == labels, "the labels differ")
        check(len(receipt["record"].encode()) <= 65_535, "the record is too long")
        env.note(f"the largest record has {len(receipt['record'].encode())} bytes")
        check(client.search(prefix=name).json["treeSize"] == 2, "search")


def test_traceparent_and_media_type_are_kept(env):
    server = env.serve(env.init())
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with server.client() as client:
        headers = {"traceparent": trace, "Content-Type": 'text/plain; charset="utf-8"'}
        record = json.loads(client.put(b"x", "n", headers=headers).json["record"])
        check(record["traceparent"] == trace, f"{record}")
        check(record["mediaType"].startswith("text/plain"), f"{record}")
        bad = client.put(b"x", "n", headers={"traceparent": "00-zz-01"})
        check(bad.status == 201 and "traceparent" not in bad.json["record"], f"{bad}")
        for value in ("", "text", "text/", "a" * 300 + "/b", "text/plain\x7f"):
            reply = client.put(b"x", "n", headers={"Content-Type": value})
            check(reply.status in (201, 400, 415, 422, 431), f"{value!r}: {reply}")


def test_locks_are_rounded_up(env):
    server = env.serve(env.init())
    with server.client() as client:

        def lock(**query):
            record = json.loads(client.put(b"x", "n", **query).json["record"])
            return moment(record["received"]), moment(record["lock"]["until"])

        for retain, least, step in (("1s", 1, 1), ("90s", 90, 1), ("12h", 43_200, 1)):
            received, until = lock(retain=retain)
            extra = (until - received).total_seconds() - least
            check(0 <= extra < step, f"{retain}: {received} until {until}")
        for retain, days in (("1d", 1), ("30d", 30)):
            received, until = lock(retain=retain)
            exact = received + datetime.timedelta(days=days)
            check(until >= exact and until - exact < datetime.timedelta(days=1), f"{until}")
            check(until.time() == datetime.time(0), f"{retain} ends at {until}")
        received, until = lock(retain="7y")
        check(until.year - received.year in (7, 8) and until.time() == datetime.time(0), f"{until}")
        received, until = lock(retainUntil="2050-06-01T12:00:00.001Z")
        check(until == moment("2050-06-01T12:00:01Z"), f"{until}")


def moment(text):
    return datetime.datetime.fromisoformat(text)


def test_a_clock_that_goes_back(env):
    """The receive times in the log never go back, whatever the wall clock does."""
    library = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)
    if library is None:
        raise Skip("libfaketime is not installed")
    data = env.init()
    times = []
    for offset in ("+0d", "-3d", "+0d"):
        extra = {"LD_PRELOAD": library, "FAKETIME": offset, "DONT_FAKE_MONOTONIC": "1"}
        server = env.serve(data, env=extra)
        with server.client() as client:
            for number in range(3):
                reply = client.put(b"%d" % number, "n")
                if reply.status == 201:
                    times.append(moment(json.loads(reply.json["record"])["received"]))
                else:
                    check(reply.status == 503, f"{reply}")
        server.terminate()
    check(times == sorted(times), f"received: {times}")
    check(len(times) >= 6, f"{times}")
    env.fsck(data)


def test_digest_fields_of_every_form(env):
    server = env.serve(env.init())
    body = payload(3, 1000)
    both = "sha-512=:" + "A" * 86 + "==:, " + content_digest(body)
    with server.client() as client:
        reply = client.put(body, "n", headers={"Content-Digest": content_digest(body)})
        check(reply.status == 201, f"{reply}")
        reply = client.put(body, "n", headers={"Content-Digest": both})
        check(reply.status in (201, 400), f"{reply}")
        digest = hashlib.sha256(body).hexdigest()
        check(digest in client.record(1).body.decode(), "the digest is not in the record")
