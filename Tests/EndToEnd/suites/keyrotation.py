"""A log changes its signing key: who must trust what, before, during and after."""

import base64
import json
import os
import stat
import subprocess
import sys
import tarfile

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from harness import check, eventually
from harness.panel import Panel, cosigned_receipt, voices
from harness.workload import fill
from harness.world import World, done

SECONDS = 35
LIMIT_SECONDS = 180


def rotate(world, overlap=None):
    """Rotates by the command; returns the reply and the new key."""
    options = ("--overlap", overlap) if overlap else ()
    found = command(world, "boss", "key", "rotate", "--reason", "yearly", "--json", *options)
    reply = json.loads(found.out)
    return reply, reply["keys"][-1]["key"]


def command(world, who, *arguments, expect=0):
    token = {"STRONGROOM_TOKEN": world.people.tokens[who]} if who else {}
    target = ("--server", world.server.url) if who else ()
    return world.env.run(*arguments, *target, env=token, expect=expect)


def push(world, name):
    """Pushes one, whoever signs its receipt; returns its index."""
    return done(world.writer.put(b"a payload", name, "payments")).json["index"]


def only_signs(world, key):
    """Waits until checkpoints are signed by this key and no other."""

    def holds():
        push(world, "another")
        return signers(world) == [key_id(key)]

    eventually(holds, f"not only {key} signs")


def signers(world):
    """The key IDs that signed the newest checkpoint, in hexadecimal."""
    note = done(world.auditor.get("/checkpoint"), 200).body.decode()
    lines = note.split("\n\n", 1)[1].splitlines()
    return [base64.b64decode(line.split(" ")[2])[:4].hex() for line in lines]


def key_id(key):
    return key.split("+")[1]


def saved_receipt(world, index, name):
    path = world.env.path(name)
    command(world, "auditor", "prove", index, "-o", path)
    return path


def verifies(world, receipt, *keys):
    options = [word for key in keys for word in ("--key", key)]
    command(world, None, "verify", "--receipt", receipt, *options)


def refuses(world, receipt, key):
    found = command(world, None, "verify", "--receipt", receipt, "--key", key, expect=1)
    check("signature" in found.out + found.err, found.out + found.err)


def test_both_keys_sign_and_then_the_new_one(env):
    world = World(env, height=8)
    old = world.key
    index = push(world, "before")
    before = saved_receipt(world, index, "before.json")
    reply, new = rotate(world, overlap="4s")
    check(new != old and new.split("+")[0] == old.split("+")[0], f"{old} {new}")
    check(signers(world) == [key_id(old), key_id(new)], f"{signers(world)}")

    # What the record says is signed by both keys, by another implementation.
    record = json.loads(reply["receipt"]["record"])
    check(record["key"] == new and record["previous"] == old, f"{record}")
    check(record["size"] == reply["act"] + 1, f"{record}")
    origin = old.split("+")[0]
    statement = f"strongroom key rotation v1\n{origin}\n{old}\n{new}\n".encode()
    for key, member in ((new, "key"), (old, "previous")):
        public = base64.b64decode(key.split("+", 2)[2])[1:]
        signature = base64.b64decode(record["signatures"][member])
        Ed25519PublicKey.from_public_bytes(public).verify(signature, statement)

    # The key file has both, and nobody else can read it.
    file = world.data / "log.key"
    lines = file.read_text().splitlines()
    check(len(lines) == 2 and all(line.startswith("PRIVATE+KEY+") for line in lines), f"{file}")
    check(stat.S_IMODE(os.stat(file).st_mode) == 0o600, "the key file can be read by others")

    index = push(world, "during")
    during = saved_receipt(world, index, "during.json")
    for key in (old, new):
        verifies(world, during, key)
    listed = command(world, "auditor", "key", "list").out.splitlines()
    check(len(listed) == 2 and "signs until" in listed[0] and new in listed[1], f"{listed}")

    only_signs(world, new)
    index = push(world, "end")
    after = saved_receipt(world, index, "after.json")
    verifies(world, after, new)
    verifies(world, after, old, new)
    refuses(world, after, old)
    # Old receipts are good for whoever has the old key.
    verifies(world, before, old)
    refuses(world, before, new)
    command(world, "auditor", "consistency", "--from", 2, "--to", index + 1, "--key", new)

    # Killed, and without the old key in its file, it goes on.
    fill(world.writer, 300)
    world.kill()
    file.write_text(lines[1] + "\n")
    world.serve()
    index = push(world, "without the old key")
    verifies(world, saved_receipt(world, index, "last.json"), new)
    world.stop()
    env.fsck(world.data)

    # Without the new one it does not, and says what it lacks.
    file.write_text(lines[0] + "\n")
    server = env.serve_without_waiting(world.data)
    check(server.process.wait(60) != 0 and new in server.log(), server.log())
    file.write_text("\n".join(lines) + "\n")
    world.serve()
    check(signers(world) == [key_id(new)], "it does not go on")


def test_keys_are_rotated_by_admins_with_a_reason(env):
    world = World(env, height=8)
    command(world, "auditor", "key", "rotate", "--reason", "r", expect=4)
    command(world, "boss", "key", "rotate", expect=2)
    command(world, "boss", "key", "rotate", "--reason", "r", "--overlap", "soon", expect=4)
    check(len((world.data / "log.key").read_text().splitlines()) == 1, "a key was made")
    for _ in range(3):
        rotate(world)
    found = command(world, "boss", "key", "rotate", "--reason", "r", expect=4)
    check("at most 4 keys" in found.err, found.err)
    check(len(signers(world)) == 4, f"{signers(world)}")


def test_a_bundle_holds_every_rotation(env):
    world = World(env, height=8)
    old = world.key
    push(world, "a")
    _, new = rotate(world, overlap="1s")
    only_signs(world, new)
    bundle = env.path("bundle.tar")
    command(world, "auditor", "export", "--collection", "payments", "-o", bundle)
    command(world, None, "verify", bundle, "--key", new)
    command(world, None, "verify", bundle, "--key", old, expect=1)
    with tarfile.open(bundle) as archive:
        archive.extractall(env.path("unpacked"), filter="data")
    (root,) = env.path("unpacked").iterdir()
    check((root / "keys.txt").read_text() == f"{old}\n{new}\n", "keys.txt")
    check('"kind":"key.rotated"' in (root / "log/entries.txt").read_text(), "no rotation")
    for key, code in ((new, 0), (old, 1)):
        run = [sys.executable, "-I", "verify.py", "--key", key]
        found = subprocess.run(run, cwd=root, capture_output=True, text=True)
        check(found.returncode == code, found.stdout + found.stderr)


def test_a_monitor_follows_from_one_key_to_the_next(env):
    world = World(env, height=8)
    old = world.key

    def look(state, key, expect=0):
        state = ("--state", env.path(state), "--key", key)
        return command(world, "auditor", "monitor", "--once", "--json", *state, expect=expect)

    look("followed", old)
    _, new = rotate(world, overlap="2s")
    look("followed", old)
    only_signs(world, new)
    check(json.loads(look("followed", old).out)["new"] > 0, "nothing new")
    # One that begins later has to be given a key that signs.
    look("begun", old, expect=1)
    look("begun", new)


def test_a_key_that_lies_ready_is_taken(env):
    """For keys that come from elsewhere: a line of the file, before the server starts."""
    world = World(env, height=8)
    world.stop()
    origin = world.key.split("+")[0]
    made = env.run("keygen", "--origin", origin, "-o", env.path("next.key")).out
    file = world.data / "log.key"
    with file.open("a") as out:
        out.write(env.path("next.key").read_text())
    world.serve()
    check(signers(world) == [key_id(world.key)], "a key signs that the log does not know")
    _, new = rotate(world)
    check(new in made, f"{new} {made}")
    check(len(file.read_text().splitlines()) == 2, "another key was made")


def test_witnesses_follow_from_one_key_to_the_next(env):
    """They cosign what both keys sign, and then what the new one alone signs."""
    data = env.init(height=8)
    old = env.key_of(data)
    panel = Panel(env, ["a", "b"], 2, old)
    server = env.serve(data, "--config", panel.config())

    def receipt(name):
        with server.client() as client:
            reply = client.put(name.encode(), name)
        check(reply.status == 201, f"{reply}")
        found = cosigned_receipt(server, reply.json["index"])
        note = found.json["checkpoint"]
        check(set(voices(note, panel.keys)) == {"a", "b"}, note)
        return env.write(f"{name}.json", found.body), signed_by_log(note, old)

    before, ids = receipt("before")
    check(ids == [key_id(old)], f"{ids}")
    at = ("--server", server.url)
    made = env.run("key", "rotate", "--reason", "yearly", "--overlap", "15s", "--json", *at).out
    new = json.loads(made)["keys"][-1]["key"]
    during, ids = receipt("during")
    check(ids == [key_id(old), key_id(new)], f"{ids}")

    # Before the overlap ends the witnesses are told of the new key, as the runbook has it.
    for name in panel.keys:
        panel.running[name].command += ["--log", new]
        panel.kill(name)
        panel.start(name)

    def only_new():
        with server.client() as client:
            check(client.put(b"another", "another").status == 201, "an append was refused")
            return signed_by_log(client.checkpoint().body.decode(), old) == [key_id(new)]

    eventually(only_new, "the old key signs on")
    after, ids = receipt("after")
    check(ids == [key_id(new)], f"{ids}")

    # Who has the old policy reads what the old key signed, who has the new one all since.
    of_old = panel.policy(file="of-old")
    panel.log_key = new
    of_new = panel.policy(file="of-new")
    for path, policy, code in (
        (before, of_old, 0),
        (during, of_old, 0),
        (during, of_new, 0),
        (after, of_new, 0),
        (after, of_old, 1),
        (before, of_new, 1),
    ):
        said = env.run("verify", "--receipt", path, "--policy", policy, expect=code).out
        check(code or ("a at 20" in said and "b at 20" in said), said)
    check(server.terminate() == 0, server.log())
    counts = env.run("fsck", data, "--json").out.splitlines()[-1]
    check(json.loads(counts)["cosignedCheckpoints"] >= 2, counts)


def signed_by_log(note, key):
    """The key IDs of the log's own signatures, in hexadecimal."""
    origin = key.split("+")[0]
    lines = [line.split(" ") for line in note.split("\n\n", 1)[1].splitlines()]
    return [base64.b64decode(blob)[:4].hex() for _, name, blob in lines if name == origin]
