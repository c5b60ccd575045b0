"""What the command line promises beside the good days of `basics`: retries, bench, keys …"""

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

from harness import cases, check, eventually, stores
from harness.server import Server
from harness.workload import payload

SECONDS = 18

BENCH_FIELDS = (
    "clients size seconds records recordsPerSecond p50Ms p90Ms p99Ms p999Ms "
    "fdatasyncPerSecond commitsPerSecond"
).split()


@cases("path", "abstract")
def test_the_service_manager_is_told(env, form):
    data = env.init()
    name = f"@strongroom-{os.getpid()}-{env.random.random()}"
    if form == "path":
        name = str(env.path("notify"))
    manager = env.enter(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    manager.bind(name if form == "path" else "\0" + name[1:])
    manager.settimeout(120)
    server = env.serve(data, env={"NOTIFY_SOCKET": name})
    check(b"READY=1\n" in manager.recv(4096), "no READY=1")
    server.process.send_signal(signal.SIGTERM)
    check(b"STOPPING=1\n" in manager.recv(4096), "no STOPPING=1")
    check(server.wait() == 0, "it did not end with 0")


def test_put_outlives_a_killed_server(env):
    data = env.init()
    count = 3_000
    for number in range(count):
        env.write(f"in/{number}", payload(number, 200))
    # A port that the kernel gives nobody else between one server and the next.
    address = f"127.0.0.1:{stores.rigs.free_ports(1)}"
    server, again = Server(env.binary, data), Server(env.binary, data)
    for one in (server, again):
        one.command[one.command.index("127.0.0.1:0")] = address
        env.defer(one.kill)
    server.start()
    put = subprocess.Popen(
        [env.binary, "put", env.path("in"), "--server", server.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    env.defer(put.kill)
    output = []
    reader = threading.Thread(target=lambda: output.extend(put.communicate()))
    reader.start()
    with server.client() as client:
        eventually(lambda: client.tree_size() > 300, "put did not begin")
    server.kill()
    # It meets a server that is gone. How long it goes on trying is not what this is about, and how
    # long a start takes neither.
    time.sleep(0.2)
    put.send_signal(signal.SIGSTOP)
    server = again.start()
    put.send_signal(signal.SIGCONT)
    reader.join(300)
    check(put.returncode == 0, lambda: f"put ended with {put.returncode}: {output[1].decode()}")
    lines = output[0].decode().strip().split("\n")
    names = sorted(str(number) for number in range(count))
    check([line.split()[2] for line in lines] == names, "the lines are not the files in order")
    with server.client() as client:
        check(client.tree_size() == count + 1, "a file was lost, or kept twice")
    server.terminate()
    env.fsck(data)


def test_put_goes_on_after_a_bad_file_and_says_the_gravest(env):
    server = env.serve(env.init())
    env.write("in/good", b"1")
    env.write("in/bad\x01name", b"2")
    os.symlink("/etc/passwd", env.path("in", "link"))
    url = ("--server", server.url)
    result = env.run("put", "in", "nowhere", *url, expect=4)
    check([line.split()[2] for line in result.out.strip().split("\n")] == ["good"], result.out)
    check("link" in result.err and "nowhere" in result.err, result.err)
    check("\x01" not in result.err, "a control character reached the terminal")
    row = json.loads(env.run("put", "in/good", "--json", *url).out)
    check(row["status"] == "unchanged" and row["name"] == "good", f"{row}")


def test_put_labels_locks_and_keys(env):
    server = env.serve(env.init())
    env.write("f", b"x")
    url = ("--server", server.url)

    def index(*arguments):
        return int(env.run("put", "f", *arguments, *url).out.split()[0])

    first = index()
    check(index() == first, "the same request is not one record")
    others = [
        index("--label", "a=b"),
        index("--name", "g"),
        index("--collection", "other"),
        index("--retain", "30d"),
        index("--mode", "governance", "--retain-until", "2040-01-01"),
    ]
    check(len({first, *others}) == 6, f"different requests became one: {first} {others}")
    check(index("--media-type", "text/plain") == first, "the media type is part of the key")
    shown = json.loads(env.run("show", others[-1], "--json", *url).out)
    lock = {"mode": "GOVERNANCE", "until": "2040-01-01T00:00:00Z"}
    check(shown["record"]["lock"] == lock, f"{shown}")
    env.run("put", "f", "--retain", "200y", *url, expect=4)
    env.run("put", "f", "--retain", "7x", *url, expect=2)
    env.run("put", "f", "--label", "A=b", *url, expect=2)
    env.run("put", "f", "--collection", "UPPER", *url, expect=2)
    env.run("put", "f", "--retain", "1y", "--retain-until", "2040-01-01", *url, expect=2)
    env.write("h", b"y")
    env.run("put", "f", "--idempotency-key", "k", "--name", "k", *url)
    env.run("put", "h", "--idempotency-key", "k", "--name", "k", *url, expect=4)


def test_list_pages_through_everything(env):
    server = env.serve(env.init())
    with server.client() as client:
        for start in range(0, 2_400, 800):
            files = [(f"d/{number:05}", b"%d" % number) for number in range(start, start + 800)]
            check(client.batch(files).status == 201, "batch")
    url = ("--server", server.url)
    lines = env.run("list", *url).out.strip().split("\n")
    indexes = [int(line.split()[0]) for line in lines]
    check(indexes == list(range(2_400, 0, -1)), "not all, newest first")
    check(len(env.run("list", "--limit", 1_500, *url).out.strip().split("\n")) == 1_500, "limit")
    check(env.run("list", "--prefix", "d/00007", *url).out.split()[2] == "d/00007", "prefix")
    env.run("list", "--digest", "xyz", *url, expect=2)


def test_keys_may_live_elsewhere(env):
    env.run("keygen", "--origin", "a.example/log", "-o", "keys/none.key", expect=3)
    env.write("keys/.keep", "")
    public = env.run("keygen", "--origin", "a.example/log", "-o", "keys/log.key").out.strip()
    check(env.path("keys/log.key").stat().st_mode & 0o777 == 0o600, "the key can be read by others")
    env.run("keygen", "-o", "keys/log.key", expect=4)
    env.run("init", "other", "--origin", "b.example", "--key", "keys/log.key", expect=2)
    check(not env.path("other").exists(), "a failed init left a directory")
    printed = env.run("init", "data", "--key", "keys/log.key").out.strip()
    check(printed == public == env.key_of(env.path("data")), f"{printed} {public}")
    check(not env.path("data", "log.key").exists(), "the key is in the log's directory")
    env.run("serve", "data", "--listen", "127.0.0.1:0", expect=3)
    env.serve(env.path("data"), "--key", env.path("keys/log.key")).terminate()
    config = env.write("c.yaml", f"signingKey: {env.path('keys/log.key')}\n")
    env.serve(env.path("data"), "--config", config).terminate()
    env.run("keygen", "-o", "wrong.key")
    result = env.run("serve", "data", "--key", "wrong.key", expect=2)
    check("PRIVATE" not in result.err, "the secret key is shown")


def test_consistency_with_a_checkpoint_that_was_kept(env):
    server = env.serve(env.init())
    key = env.key_of(env.path("data"))
    url = ("--server", server.url)
    with server.client() as client:
        client.put(b"1", "one")
        kept = env.write("kept.checkpoint", client.checkpoint().body)
        receipt = env.write("r.json", client.put(b"2", "two").body)
        for number in range(5):
            client.put(b"%d" % number, f"f{number}")
    for older in (kept, receipt, 1, 7):
        out = env.run("consistency", "--from", older, "--key", key, *url).out
        check("only grew" in out, out)
    env.run("consistency", "--from", 5, "--to", 3, "--key", key, *url, expect=2)
    env.run("consistency", "--from", 99, "--key", key, *url, expect=(3, 4))
    stranger = env.init("stranger")
    env.run("consistency", "--from", kept, "--key", env.key_of(stranger), *url, expect=1)


def test_bench_verifies_and_leaves_nothing(env):
    env.write("tmp/.keep", "")
    own = {"TMPDIR": str(env.path("tmp"))}
    for arguments in (("--clients", 3), ("--clients", 1, "--size", 100_000), ("--receipts",)):
        result = env.run("bench", *arguments, "--seconds", 0.5, "--json", env=own)
        report = json.loads(result.out)
        check(list(report) == BENCH_FIELDS, f"{list(report)}")
        check(report["records"] > 0 and report["recordsPerSecond"] > 0, f"{report}")
        latencies = [report[name] for name in ("p50Ms", "p90Ms", "p99Ms", "p999Ms")]
        check(latencies == sorted(latencies), f"{report}")
        check(report["fdatasyncPerSecond"] > 0 and report["commitsPerSecond"] > 0, f"{report}")
    check(os.listdir(env.path("tmp")) == [".keep"], f"{os.listdir(env.path('tmp'))}")


def test_an_interrupted_bench_leaves_nothing(env):
    env.write("tmp/.keep", "")
    bench = subprocess.Popen(
        [env.binary, "bench", "--seconds", "60", "--directory", env.path("tmp")],
        stderr=subprocess.PIPE,
    )
    env.defer(bench.kill)
    eventually(lambda: len(os.listdir(env.path("tmp"))) > 1, "bench made no directory")
    time.sleep(0.5)
    bench.send_signal(signal.SIGINT)
    check(bench.wait(120) == 5, f"{bench.returncode} {bench.stderr.read()}")
    check(os.listdir(env.path("tmp")) == [".keep"], f"{os.listdir(env.path('tmp'))}")


def test_bench_on_a_running_server(env):
    server = env.serve(env.init())
    key = env.key_of(env.path("data"))
    url = ("--server", server.url)
    report = json.loads(env.run("bench", "--seconds", 0.2, "--key", key, "--json", *url).out)
    with server.client() as client:
        check(client.tree_size() == report["records"] + 1, f"{client.tree_size()} {report}")
    stranger = env.key_of(env.init("stranger"))
    env.run("bench", "--seconds", 0.2, "--key", stranger, *url, expect=1)
    server.kill()
    env.run("bench", "--seconds", 0.2, *url, expect=5)


def test_output_to_a_closed_pipe_ends_quietly(env):
    server = env.serve(env.init())
    with server.client() as client:
        client.batch([(f"f{number}", b"x") for number in range(900)])
    command = f"'{env.binary}' list --server {server.url} | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=300)
    check(done.stderr == b"" and done.stdout.startswith(b"900 "), f"{done}")


def test_nothing_goes_to_the_wrong_stream(env):
    server = env.serve(env.init())
    env.write("f", b"x")
    url = ("--server", server.url)
    put = env.run("put", "f", *url)
    check(re.fullmatch(r"1  [0-9a-f]{64}  f  \d{4}-\d\d-\d\dT00:00:00Z\n", put.out), put.out)
    check("\x1b" not in put.err and "\r" not in put.err, "colour or progress in a pipe")
    check(env.run("get", 1, *url).stdout == b"x", "the payload alone goes to standard output")
    check(env.run("init", "other").out.count("\n") == 1, "the verifier key alone is the result")


def test_two_options_for_the_address(env):
    """The command line wins over the configuration; `Server` adds --listen itself."""
    config = env.write("c.yaml", "listen: 0.0.0.0:7\n")
    server = Server(env.binary, env.init(), "--config", config)
    env.defer(server.kill)
    server.start()
    with server.client() as client:
        check(client.get("/healthz").status == 200, "healthz")
