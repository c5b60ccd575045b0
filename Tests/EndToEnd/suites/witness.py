"""A witness beside real logs: it cosigns what grows, and nothing that contradicts it."""

import base64
import hashlib
import time

from harness import check
from harness.witness import (
    Feed,
    body,
    head,
    library,
    make_witness,
    named,
    proof_between,
    run_witness,
    twins,
    verify,
)
from harness.workload import fill

SECONDS = 3


# --- what it is for -------------------------------------------------------------------------------


def test_growth_is_cosigned(env):
    data = env.init(height=8)
    server = env.serve(data)
    directory, key = make_witness(env)
    witness = run_witness(env, directory, env.key_of(data))
    feed = Feed(witness, server)
    origin = hashlib.sha256(head(feed.note())[0].encode()).hexdigest()
    with witness.client() as client:
        check(client.get(f"/{origin}/checkpoint").status == 404, "it has seen nothing yet")
    last = 0
    for count in (1, 2, 250, 100, 700):
        with server.client() as client:
            fill(client, count, tag=f"t{count}")
        note = feed.note()
        seen = verify(feed.send(last, note), note, key)
        check(abs(seen - time.time()) < 300, f"the cosignature says {seen}")
        last = head(note)[1]
        with witness.client() as client:
            served = client.get(f"/{origin}/checkpoint")
        check(served.status == 200 and served.body.startswith(note), f"{served}")
        check(named(feed.send(0)) == last, "it names another size")
    check(witness.terminate() == 0, lambda: f"it did not end with 0:\n{witness.log()}")
    witness = run_witness(env, directory, env.key_of(data))
    feed = Feed(witness, server)
    check(named(feed.send(0)) == last, "it has forgotten")
    verify(feed.send(last), feed.note(), key)


def test_a_fork_is_refused(env):
    """Two servers with the same key and different histories: only one of them is believed."""
    log_key, one, two = twins(env)
    directory, key = make_witness(env)
    witness = run_witness(env, directory, log_key)
    first, second = Feed(witness, one), Feed(witness, two)
    with one.client() as client:
        fill(client, 5, tag="truth")
    with two.client() as client:
        fill(client, 5, tag="fiction")
    verify(first.send(0), first.note(), key)
    size = head(first.note())[1]
    check(head(second.note())[1] == size, "the twins differ in size")
    check(named(second.send(0)) == size, "the other history is asked for a proof")
    reply = second.send(size)
    check(reply.status == 422 and b"two histories" in reply.body, f"{reply}")
    with two.client() as client:
        fill(client, 300, tag="more-fiction")
    check(second.send(size).status == 422, "the other history was cosigned when it had grown")
    check("witness.kept" in witness.log(), witness.log())
    with one.client() as client:
        fill(client, 3, tag="more-truth")
    verify(first.send(size), first.note(), key)
    size = head(first.note())[1]
    check(witness.terminate() == 0, "it did not end with 0")
    witness = run_witness(env, directory, log_key)
    check(Feed(witness, two).send(size).status == 422, "after a restart the fork was cosigned")
    kept = sorted(path.name.split("-")[0] for path in directory.glob("refused/*/*"))
    check(kept == ["fork", "inconsistent"], f"kept: {kept}")


def test_a_rollback_is_refused(env):
    data = env.init(height=8)
    server = env.serve(data)
    directory, key = make_witness(env)
    witness = run_witness(env, directory, env.key_of(data))
    feed = Feed(witness, server)
    with server.client() as client:
        fill(client, 10, tag="a")
        old = feed.note()
        fill(client, 10, tag="b")
    new = feed.note()
    verify(feed.send(0, new), new, key)
    size = head(new)[1]
    check(named(feed.send(0, old)) == size, "an old checkpoint")
    check(named(feed.send(head(old)[1], old)) == size, "an old checkpoint, without a proof")
    check(feed.send(size, old).status == 400, "an old size above the checkpoint's")
    check(named(feed.send(0, new)) == size, "it went back")


def test_what_is_not_asked_rightly_is_refused(env):
    data = env.init(height=8)
    stranger = env.init("stranger", origin="log.example/stranger")
    server, other = env.serve(data), env.serve(stranger)
    directory, key = make_witness(env)
    witness = run_witness(env, directory, env.key_of(data))
    note = Feed(witness, server).note()
    good = body(0, [], note)
    check(Feed(witness, other).send(0).status == 404, "a log that it does not follow")
    text, line = note.decode().split("\n\n")
    forged = text.replace("\n1\n", "\n2\n") + "\n\n" + line
    check(witness.add(0, [], forged).status == 403, "a checkpoint that the log has not signed")
    with witness.client() as client:
        for broken in (b"", b"\n", good[:-1], good + b"x\n", b"old 00" + good[5:], good * 2):
            reply = client.request("POST", "/add-checkpoint", broken)
            check(reply.status == 400, f"{broken[:60]}: {reply}")
        check(client.request("GET", "/add-checkpoint").status == 405, "GET")
        check(client.request("PUT", "/add-checkpoint", good).status == 405, "PUT")
        check(client.get("/").status == 404 and client.get("/x/checkpoint").status == 404, "paths")
        large = client.request("POST", "/add-checkpoint", b"x" * 200_000)
        check(large.status == 413, f"{large}")
        chunks = client.request("POST", "/add-checkpoint", (b"x" * 9_999 for _ in range(20)))
        check(chunks.status == 413, f"{chunks}")
        for position in range(len(good)):
            changed = bytearray(good)
            changed[position] ^= env.random.choice((1, 2, 4, 8, 16, 32, 64, 128, 255))
            reply = client.request("POST", "/add-checkpoint", bytes(changed))
            check(400 <= reply.status < 500, f"byte {position}: {reply}")
    verify(witness.add(0, [], note), note, key)


def test_the_command_line(env):
    data = env.init()
    log = env.key_of(data)
    directory, key = make_witness(env)
    env.run("witness", directory, "--init", expect=4)
    env.run("witness", env.path("none"), "--log", log, expect=3)
    env.run("witness", directory, expect=2)
    env.run("witness", directory, "--log", "x", expect=2)
    env.run("witness", directory, "--log", key, expect=2)
    env.run("witness", directory, "--log", log, "--listen", "here", expect=2)
    env.run("witness", directory, "--log", log, "--name", "other", expect=2)
    env.run("witness", env.path("new"), "--init", "--log", log, expect=2)
    env.run("witness", env.path("new"), "--init", "--name", "a b", expect=2)
    check(not env.path("new").exists(), "a refused command left something behind")
    check((directory / "witness.key").stat().st_mode & 0o777 == 0o600, "others can read the key")
    witness = run_witness(env, directory, str(env.write("keys", f"# logs\n\n{log}\n")))
    check(f"cosigning as {key}" in witness.log(), witness.log())
    second = env.run("witness", directory, "--log", log, "--listen", "127.0.0.1:0", expect=5)
    check("another process" in second.err, second.err)
    port = witness.port
    other, _ = make_witness(env, "other")
    taken = ("--listen", f"127.0.0.1:{port}")
    env.run("witness", other, "--log", log, *taken, expect=5)
    check(witness.terminate() == 0, "it did not end with 0")
    state = next(iter([*(directory / "logs").iterdir()]), None)
    check(state is None, "it remembers what it has not seen")
    (directory / "logs").rmdir()
    env.run("witness", directory, "--log", log, expect=1)


# --- others' tools --------------------------------------------------------------------------------


def test_their_client_is_served(env):
    """The client of aics-witness gets its cosignatures from our witness."""
    tlog, theirs = library()
    log_key, one, two = twins(env)
    directory, key = make_witness(env)
    witness = run_witness(env, directory, log_key)
    state = env.path("their-state.json")

    def proofs(server):
        def between(old, new):
            with server.client() as client:
                return [base64.b64decode(item) for item in proof_between(client, old, new)]

        return between

    with theirs.WitnessClient(witness.url, key, state_path=state) as client:
        for count in (2, 40, 300):
            with one.client() as log:
                fill(log, count, tag=f"t{count}")
                note = log.checkpoint().body.decode()
            line = client.submit(note, proofs(one))
            merged = theirs.merge_cosignatures(note, line)
            known = [tlog.parse_vkey(log_key)]
            check(tlog.verify_note(tlog.parse_note(merged), known), "the merged note")
        with two.client() as log:
            fill(log, 1000, tag="fiction")
            note = log.checkpoint().body.decode()
        try:
            client.submit(note, proofs(two))
        except theirs.WitnessRejected as error:
            check(error.status == 422, f"{error}")
        else:
            raise AssertionError("the other history was cosigned")
