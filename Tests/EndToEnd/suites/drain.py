"""How a server ends: in order under load, and never twice on one directory."""

import http.client
import signal
import socket
import subprocess
import time

from harness import cases, check
from harness.raw import Raw
from harness.workload import Load, Receipts, payload
from verify_receipt import verify_receipt

SECONDS = 20


@cases(8, 16)
def test_sigterm_under_load_loses_nothing(env, height):
    data = env.init(height=height)
    key = env.key_of(data)
    receipts = Receipts()
    for round_number in range(4):
        server = env.serve(data)
        with Load(server, receipts, f"r{round_number}", clients=12, large_share=0.02) as load:
            time.sleep(env.random.uniform(0.2, 0.8))
            code = server.terminate()
            load.stop.set()
        check(code == 0, lambda: f"it ended with {code}:\n{server.log()}")
        others = [r for _, r in receipts.refused if r.status != 503]
        check(not others, lambda: f"refused while draining: {others[:3]}")
        server = env.serve(data)
        settled = receipts.settle(server, key)
        check(
            settled[200] == 0,
            f"{settled[200]} requests became records, and their clients got no receipt",
        )
        server.terminate()
    server = env.serve(data)
    count = receipts.verify(server, key)
    env.note(f"{count} receipts verified; {len(receipts.refused)} times 503 while draining")
    server.terminate()
    env.fsck(data)


@cases("SIGTERM", "SIGINT")
def test_idle_connections_do_not_delay_the_end(env, name):
    # It would wait so long for a request that is under way.
    config = env.write("strongroom.yaml", "http:\n  drainSeconds: 600\n")
    server = env.serve(env.init(), "--config", config)
    idle = [socket.create_connection((server.host, server.port)) for _ in range(50)]
    client = server.client()
    client.put(b"x", "n")
    started = time.monotonic()
    server.process.send_signal(getattr(signal, name))
    code = server.wait()
    seconds = time.monotonic() - started
    check(code == 0, lambda: f"it ended with {code}:\n{server.log()}")
    env.note(f"ended after {seconds:.2f} s")
    for connection in idle:
        connection.close()


def test_an_upload_under_way_is_finished(env):
    data = env.init()
    server = env.serve(data)
    key = env.key_of(data)
    body = payload(1, 4_000_000)
    with Raw(server) as raw:
        raw.send(
            b"POST /v1/collections/c/evidence?name=n HTTP/1.1\r\nHost: x\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body[:1_000_000]
        )
        time.sleep(0.3)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        raw.send(body[1_000_000:])
        answer = raw.answer()
    code = server.wait()
    check(code == 0, lambda: f"it ended with {code}:\n{server.log()}")
    check(answer.startswith((b"HTTP/1.1 201", b"HTTP/1.1 503")), f"{answer[:200]}")
    appended = answer.startswith(b"HTTP/1.1 201")
    if appended:
        verify_receipt(answer.split(b"\r\n\r\n", 1)[1], key, body)
    server = env.serve(data)
    with server.client() as client:
        check(client.tree_size() == (2 if appended else 1), "the answer is not what happened")


def test_nothing_is_accepted_after_sigterm(env):
    server = env.serve(env.init())
    server.process.send_signal(signal.SIGTERM)
    check(server.wait() == 0, server.log)
    try:
        with server.client() as client:
            reply = client.get("/healthz")
        raise AssertionError(f"it still answers: {reply}")
    except (OSError, http.client.HTTPException):
        pass


def test_a_second_server_on_the_same_directory_is_refused(env):
    data = env.init()
    server = env.serve(data)
    result = env.run("serve", data, "--listen", "127.0.0.1:0", expect=None)
    check(result.returncode not in (0, 70) and result.returncode > 0, f"{result}")
    check(str(data) in result.err, f"it does not say which directory: {result.err}")
    check("another process" in result.err or "in use" in result.err, result.err)
    with server.client() as client:
        check(client.put(b"x", "n").status == 201, "the first server is harmed")
    result = env.run("fsck", data, expect=None)
    check(result.returncode in (0, 4, 5), f"fsck beside a server: {result}")
    server.kill()
    env.serve(data).terminate()


def test_the_lock_does_not_outlive_the_process(env):
    data = env.init()
    for _ in range(3):
        server = env.serve(data)
        server.kill()
    env.serve(data).terminate()
    env.fsck(data)


def test_stopped_readers_do_not_hold_the_server(env):
    """Clients that ask for much and read nothing: others are served, and the end comes."""
    data = env.init()
    config = env.write("strongroom.yaml", "http:\n  drainSeconds: 3\n")
    server = env.serve(data, "--config", config)
    with server.client() as client:
        client.put(payload(1, 30_000_000), "big")
        readers = []
        for _ in range(40):
            raw = Raw(server)
            raw.send(b"GET /v1/records/1/payload HTTP/1.1\r\nHost: x\r\n\r\n")
            readers.append(raw)
        time.sleep(0.5)
        for number in range(20):
            check(client.put(b"x", f"f{number}").status == 201, "others are not served")
    started = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    try:
        code = server.wait()
    except subprocess.TimeoutExpired:
        raise AssertionError("it waits for clients that do not read") from None
    env.note(f"ended {time.monotonic() - started:.1f} s after SIGTERM with 40 stopped readers")
    check(code == 0, lambda: f"it ended with {code}:\n{server.log()}")
    for raw in readers:
        raw.close()
