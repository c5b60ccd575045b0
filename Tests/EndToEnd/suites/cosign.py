"""A log whose server asks witnesses: real witnesses, ours and another's, that are there or not."""

import base64
import contextlib
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import check, eventually, settled
from harness.panel import Panel, cosigned_receipt, damaged, panel, sample, voices
from harness.witness import SIZE_TYPE, library, make_witness, twins
from harness.workload import fill

SECONDS = 30
LIMIT_SECONDS = 200


# --- what it is for -------------------------------------------------------------------------------


def test_receipts_are_cosigned(env):
    made, server = panel(env)
    with server.client() as client:
        fill(client, 300)
        index = client.tree_size() - 1
    reply = cosigned_receipt(server, index)
    receipt = reply.json
    check(receipt["index"] == index and receipt["treeSize"] > index, f"{receipt}")
    found = voices(receipt["checkpoint"], made.keys)
    check(len(found) >= 2, f"{found}")
    path = env.write("receipt.json", reply.body)
    # The policy names the log's key: nothing else is needed.
    good = env.run("verify", "--receipt", path, "--policy", made.policy())
    for name in found:
        check(f"{name} at 20" in good.out, good.out)
    # Whoever knows nothing of witnesses reads it as before.
    env.run("verify", "--receipt", path, "--key", made.log_key)
    tlog, _ = library()
    note = tlog.parse_note(receipt["checkpoint"])
    check(tlog.verify_note(note, [tlog.parse_vkey(made.log_key)]), "another verifier says no")
    # A policy that asks for somebody else too.
    _, stranger = make_witness(env, "stranger")
    made.add("stranger", stranger, "http://127.0.0.1:1")
    whole = made.policy(needed=4, file="whole")
    bad = env.run("verify", "--receipt", path, "--policy", whole, expect=1)
    check("not by" in bad.out and "stranger" in bad.out, bad.out)
    named = made.policy(needed=4, log=False, file="nolog")
    env.run("verify", "--receipt", path, "--policy", named, expect=2)
    env.run("verify", "--receipt", path, "--policy", named, "--key", made.log_key, expect=1)
    forged = {**receipt, "checkpoint": damaged(receipt["checkpoint"])}
    path = env.write("forged.json", json.dumps(forged).encode())
    # Two would be enough; but somebody forges.
    bad = env.run("verify", "--receipt", path, "--policy", made.policy(["a", "b", "c"]), expect=1)
    check("not valid" in bad.out, bad.out)


def test_the_command_fetches_them(env):
    made, server = panel(env)
    with server.client() as client:
        fill(client, 20)
    cosigned_receipt(server, 20)
    at = ("--server", server.url, "--key", made.log_key)
    for form, name in (("json", "r.json"), ("tlog-proof", "r.tlog-proof")):
        path = env.path(name)
        env.run("prove", 20, "--cosigned", "--format", form, "-o", path, *at)
        env.run("verify", "--receipt", path, "--policy", made.policy())
    env.run("prove", 20, "--cosigned", "--before", "2020-01-01", *at, expect=3)
    env.run("prove", 20, "--cosigned", "--before", "2100-01-01", "-o", env.path("x"), *at)
    env.run("prove", 20, "--cosigned", "--size", "21", *at, expect=2)
    env.run("prove", 20, "--before", "2100-01-01", *at, expect=2)
    with server.client() as client:

        def adorned():
            return len(voices(client.checkpoint().body.decode(), made.keys)) >= 2

        eventually(adorned, "GET /checkpoint never shows cosignatures")
        kept = client.get("/checkpoint?cosigned=true")
        check(kept.status == 200 and len(voices(kept.body.decode(), made.keys)) >= 2, f"{kept}")
        for query in ("cosigned=1", "before=2100-01-01", "x=1"):
            check(client.get(f"/checkpoint?{query}").status == 400, query)
        check(client.get("/v1/records/3/receipt?cosigned=true&size=9").status == 400, "both")


def test_without_witnesses(env):
    server = env.serve(env.init(height=8))
    with server.client() as client:
        for target in ("/checkpoint?cosigned=true", "/v1/records/0/receipt?cosigned=true"):
            reply = client.get(target)
            check(reply.status == 404 and "no-witnesses" in reply.body.decode(), f"{reply}")
        check("strongroom_witnesses 0" in client.get("/metrics").body.decode(), "no metric")
    env.run("prove", 0, "--cosigned", "--server", server.url, expect=3)


def test_a_policy_that_cannot_be_used(env):
    data = env.init(height=8)
    _, key = make_witness(env, "w")
    _, other = env.run("init", env.path("other"), "--origin", "log.example/x"), env.path("other")
    cases = {
        "quorum": f"witness w {key} http://127.0.0.1:1\n",
        "not among them": f"log {env.key_of(other)}\nwitness w {key} http://h\nquorum w\n",
        "nobody can be asked": f"witness w {key}\nquorum w\n",
        "no http": f"witness w {key} ftp://127.0.0.1\nquorum w\n",
    }
    for words, text in cases.items():
        policy = env.write("policy", text.encode())
        config = env.write("c.yaml", f"witnesses:\n  policyFile: {policy}\n".encode())
        result = env.run("serve", data, "--listen", "127.0.0.1:0", "--config", config, expect=2)
        check(words in result.err, f"{words}: {result.err}")
    config = env.write("c.yaml", b"witnesses:\n  policyFile: /nowhere/policy\n")
    env.run("serve", data, "--listen", "127.0.0.1:0", "--config", config, expect=3)


# --- who is silent, slow or hostile ---------------------------------------------------------------


def test_one_is_down_and_comes_back(env):
    made, server = panel(env)
    with server.client() as client:
        fill(client, 10)
    cosigned_receipt(server, 10)
    made.kill("a")
    with server.client() as client:
        fill(client, 10, tag="two")
        last = client.tree_size() - 1
    found = voices(cosigned_receipt(server, last).json["checkpoint"], made.keys)
    check(set(found) == {"b", "c"}, f"{found}")
    labels = {"witness": "a", "reason": "silent"}
    eventually(
        lambda: sample(server, "strongroom_witness_failures_total", **labels) > 0, "no failure"
    )
    check(sample(server, "strongroom_witness_contradicts", witness="a") == 0, "it is only silent")
    made.kill("b")
    with server.client() as client:
        fill(client, 10, tag="three")
        last = client.tree_size() - 1
        reply = client.get(f"/v1/records/{last}/receipt?cosigned=true")
        check(reply.status == 503, f"{reply}")
        check(client.get("/readyz").status == 200, "witnesses decide nothing about writes")
        # What was confirmed before still is.
        check(client.get("/v1/records/10/receipt?cosigned=true").status == 200, "the old one")
    # A server that starts while they are away remembers.
    check(server.terminate() == 0, server.log())
    server = env.serve(server.directory, "--config", made.config())
    with server.client() as client:
        note = client.get("/checkpoint?cosigned=true").body.decode()
    check(set(voices(note, made.keys)) == {"b", "c"}, note)
    made.start("a")
    found = voices(cosigned_receipt(server, last).json["checkpoint"], made.keys)
    check("b" not in found and len(found) == 2, f"{found}")
    size = int(sample(server, "strongroom_cosigned_tree_size"))
    check(size > last, f"{size}")
    eventually(
        lambda: sample(server, "strongroom_witness_cosigned_size", witness="a") > last, "its size"
    )


class Hostile(BaseHTTPRequestHandler):
    """What a witness must not do: chosen by the first part of the path."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        kind = self.path.split("/")[1]
        if kind == "slow":
            self.server.hold.wait(60)
            return
        status, type_, body = {
            "garbage": (200, "text/html", b"<html>hello</html>\n"),
            "huge": (200, "text/plain", b"x" * (8 << 20)),
            "claims": (200, "text/plain", self.server.claims),
            "ahead": (409, SIZE_TYPE, b"9000000\n"),
            "moved": (302, "text/plain", b""),
        }[kind]
        self.send_response(status)
        self.send_header("Content-Type", type_)
        self.send_header("Location", "/garbage/add-checkpoint")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *_):
        pass


def hostile_server(env, claims):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
    server.daemon_threads = True
    server.claims, server.hold = claims, threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    env.defer(server.shutdown)
    env.defer(server.hold.set)
    return f"http://127.0.0.1:{server.server_port}"


def test_who_is_hostile_holds_up_nobody(env):
    data = env.init(height=8)
    made = Panel(env, ["a", "b"], 2, env.key_of(data))
    # Lines that claim to be by another witness and by the log.
    name, key_id, _ = made.keys["a"].split("+", 2)
    log_name = made.log_key.split("+")[0]
    blob = base64.b64encode(bytes.fromhex(key_id) + bytes(71) + b"\x01").decode()
    claims = f"— {name} {blob}\n— {log_name} {blob}\n".encode()
    url = hostile_server(env, claims)
    kinds = {
        "garbage": "garbage", "huge": "silent", "claims": "invalid", "ahead": "ahead",
        "moved": "failing", "slow": "silent",
    }
    for kind in kinds:
        made.add(kind, make_witness(env, kind)[1], f"{url}/{kind}")
    server = env.serve(data, "--config", made.config(timeoutSeconds=2))
    for turn in range(3):
        with server.client() as client:
            fill(client, 50, tag=f"t{turn}")
            last = client.tree_size() - 1
        note = cosigned_receipt(server, last).json["checkpoint"]
        check(set(voices(note, made.keys)) == {"a", "b"}, note)
        check(note.count("\n— ") == 3, note)
    for kind, reason in kinds.items():
        labels = {"witness": kind, "reason": reason}
        eventually(
            lambda: sample(server, "strongroom_witness_failures_total", **labels) > 0,
            lambda: f"{kind} is not counted as {reason}:\n{server.log()}",
        )
    check(sample(server, "strongroom_witness_contradicts", witness="ahead") == 1, "ahead")
    check(server.terminate() == 0, server.log())


# --- two histories --------------------------------------------------------------------------------


def test_the_second_history_is_refused(env):
    """Two servers with one key: the one that is second learns it from the witness, and says so."""
    log_key, one, two = twins(env)
    directories = (one.directory, two.directory)
    check(one.terminate() == 0 and two.terminate() == 0, "they did not end")
    made = Panel(env, ["a"], 1, log_key)
    first = env.serve(directories[0], "--config", made.config())
    with first.client() as client:
        fill(client, 40, tag="truth")
        last = client.tree_size() - 1
    cosigned_receipt(first, last)
    check(sample(first, "strongroom_witness_contradicts", witness="a") == 0, "the first is right")
    second = env.serve(directories[1], "--config", made.config())

    def contradicted():
        return sample(second, "strongroom_witness_contradicts", witness="a") == 1

    # Smaller than what the witness has seen: set back, as far as it can tell.
    eventually(contradicted, lambda: f"nothing is told:\n{second.log()}")
    check("witness.contradicts" in second.log(200), second.log(200))
    check("kind=ahead" in second.log(200), second.log(200))
    with second.client() as client:
        fill(client, 90, tag="fiction")
    labels = {"witness": "a", "reason": "inconsistent"}
    eventually(
        lambda: sample(second, "strongroom_witness_failures_total", **labels) > 0,
        lambda: f"the fork is not told:\n{second.log()}",
    )
    check("two histories" in second.log(200), second.log(200))
    check(contradicted(), "the metric is gone")
    with second.client() as client:
        reply = client.get("/v1/records/50/receipt?cosigned=true")
    check(reply.status == 503, f"it has a cosigned receipt: {reply}")
    # The witness has kept what proves it, and goes on with the first.
    kept = [*(pathlib.Path(made.directories["a"]) / "refused").rglob("inconsistent-*")]
    check(kept, "the witness has kept nothing")
    with first.client() as client:
        fill(client, 5, tag="more")
        last = client.tree_size() - 1
    cosigned_receipt(first, last)


# --- another's witness ----------------------------------------------------------------------------


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_another_witness(env):
    """aics-witness, from PyPI."""
    library()
    data = env.init(height=8)
    key = env.key_of(data)
    program = pathlib.Path(sys.executable).with_name("aics-witness")
    folder = env.path("theirs")
    folder.mkdir()
    config = folder / "witness.json"
    address = f"127.0.0.1:{free_port()}"

    def run(*words):
        result = subprocess.run(
            [program, *words], capture_output=True, text=True, timeout=60, cwd=folder, check=False
        )
        check(result.returncode == 0, f"{result}")
        return result.stdout

    name = "witness.example/theirs"
    made = run("init", "--config", config, "--name", name, "--listen", address)
    vkey = next(word for word in made.split() if word.startswith(name + "+"))
    run("add-log", "--config", config, "--origin", key.split("+")[0], "--vkey", key)
    process = subprocess.Popen(
        [program, "serve", "--config", config], cwd=folder, stderr=subprocess.DEVNULL
    )
    env.defer(process.wait)
    env.defer(process.kill)
    panel_ = Panel(env, ["ours"], 2, key)
    panel_.add("theirs", vkey, f"http://{address}")
    server = env.serve(data, "--config", panel_.config())
    for turn in range(3):
        with server.client() as client:
            fill(client, 300, tag=f"t{turn}")
            last = client.tree_size() - 1
        reply = cosigned_receipt(server, last)
        found = voices(reply.json["checkpoint"], panel_.keys)
        check(set(found) == {"ours", "theirs"}, f"{found}")
    path = env.write("receipt.json", reply.body)
    env.run("verify", "--receipt", path, "--policy", panel_.policy())
    # A log that was set back, and knows nothing of what it has asked before.
    check(server.terminate() == 0, server.log())
    before = env.path("before")
    shutil.copytree(data, before)
    server = env.serve(data, "--config", panel_.config())
    with server.client() as client:
        fill(client, 20, tag="later")
        last = client.tree_size() - 1
    cosigned_receipt(server, last)
    check(server.terminate() == 0, server.log())
    (before / "state" / "cosignatures.mdb").unlink()
    server = env.serve(before, "--config", panel_.config())
    for name in ("ours", "theirs"):
        eventually(
            lambda n=name: sample(server, "strongroom_witness_contradicts", witness=n) == 1,
            lambda: f"nothing is told:\n{server.log()}",
        )
    size = settled(lambda: sample(server, "strongroom_cosigned_tree_size"), "it is not settled")
    check(size == 0, f"{size}")
