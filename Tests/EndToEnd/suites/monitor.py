"""The monitor: it follows an honest log, and names what a dishonest one does."""

import copy
import fcntl
import json
import os
import random
import shutil
import signal
import subprocess
import time

from harness import cases, check, eventually
from harness.faketime import faked
from harness.liar import Liar, LyingLog, good_log, lies
from harness.witness import Feed, make_witness, run_witness, twins, verify
from harness.workload import fill
from harness.world import World, done

SECONDS = 35
LIMIT_SECONDS = 300


def look(env, url, key, *options, token=None, expect=0, state="m.state"):
    """One look; the summary, as an object."""
    arguments = ("monitor", "--once", "--json", "--server", url, "--key", key)
    extra = {"STRONGROOM_TOKEN": token} if token else {}
    result = env.run(*arguments, "--state", env.path(state), *options, expect=expect, env=extra)
    result.json = json.loads(result.out) if result.out.strip() else None
    return result


def caught(env, url, key, rule, *options, **named):
    """One look that ends with a violation of a rule, the same again, and the proof in a file."""
    result = look(env, url, key, *options, expect=1, **named)
    check(result.json is not None, lambda: f"no violation is named: {result.err}")
    check(result.json["violation"] == rule, lambda: f"not {rule}: {result.json}")
    proof = env.path(result.json["evidence"]).read_text()
    check(f"rule      {rule}\n" in proof and "\n— " in proof, proof)
    check(proof.count("the checkpoint") >= 1, proof)
    again = look(env, url, key, *options, expect=1, **named)
    check(again.json == result.json, lambda: f"said otherwise: {again.json}, {result.json}")
    return result.json


# --- an honest log --------------------------------------------------------------------------------


def test_an_honest_log_is_followed(env):
    """Pushes, holds, extensions, an event, erasures and a bypass, over restarts and years."""
    world = World(env, height=8)
    token = world.people.tokens["auditor"]

    def pass_over(*options):
        return look(env, world.server.url, world.key, *options, token=token).json

    size = pass_over()["size"]
    check(size > 4, f"{size}")
    policy = {"mode": "GOVERNANCE", "minimum": "1s", "default": "1d", "maximum": "10y"}
    done(world.boss.set_policy("drafts", policy))
    done(world.boss.set_policy("hidden", {**policy, "sealed": True}))
    waiting = {**policy, "event": "contract-end", "default": "30d"}
    done(world.boss.set_policy("contracts", waiting))
    fill(world.writer, 300, tag="a", collection="drafts")
    fill(world.writer, 40, tag="s", collection="hidden")
    first, _ = world.put("c/1", "contracts")
    found = pass_over()
    check(found["new"] >= 344 and found["unjudgedHolds"] == 0, f"{found}")
    drafts = fill(world.writer, 300, tag="b", collection="drafts")
    done(world.keeper.hold("case/1", records=drafts[:3]))
    some = {"collection": "drafts", "prefix": "b/2"}
    done(world.boss.hold("case/2", selection=some, standing=True))
    done(world.boss.hold("case/3", selection={"collection": "hidden", "prefix": "s/"}))
    done(world.keeper.record_event("contract-end", records=[first]))
    done(world.keeper.extend(drafts[10], until="2034-01-01T00:00:00Z", mode="COMPLIANCE"))
    done(world.breaker.bypass(records=[drafts[12]], reason="a mistake"))
    found = pass_over()
    check(found["unjudgedHolds"] == 1, f"the sealed collection's hold: {found}")
    check(found["new"] > 300 and found["tiles"] > 0, f"{found}")
    # The purge of what was bypassed is a record too, and comes when it comes.
    eventually(lambda: pass_over()["new"] == 0, "what was seen is new again")
    world.serve(env=faked("+3d"))
    reply = world.keeper.erase(collection="drafts")
    if reply.status == 503:
        # A clock that jumped three days: two persons, or a restart, settle it; here it may wait.
        env.note(f"not settled after three days: {reply.problem}")
    else:
        done(reply)
    found, anew = pass_over(), pass_over("--from-start")
    # The server writes acts of its own when it wants to.
    check(found["size"] <= anew["size"] == anew["new"], f"{found}, {anew}")
    if found["size"] == anew["size"]:
        check(found["root"] == anew["root"], f"{found}, {anew}")
    env.note(f"{anew['size']} records, {anew['acts']} acts, {anew['tiles']} tiles judged")

    def text():
        return env.run(
            *("monitor", "--once", "--server", world.server.url, "--key", world.key),
            *("--state", env.path("m.state")),
            env={"STRONGROOM_TOKEN": token},
        ).out

    eventually(lambda: "0 new, all rules hold" in text(), "it does not come to rest")


def test_as_a_service(env):
    """It looks again by itself, outlives a server that is away, and ends in order."""
    data = env.init(height=8)
    server = env.serve(data)
    command = [env.binary, "monitor", "--server", server.url, "--key", env.key_of(data)]
    command += ["--state", str(env.path("m.state")), "--interval", "1s", "--max-age", "1s"]
    with open(env.path("out"), "w") as out, open(env.path("err"), "w") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err)
    env.defer(process.kill)
    said = lambda name: env.path(name).read_text()  # noqa: E731
    eventually(lambda: "all rules hold" in said("out"), lambda: said("err"))
    with server.client() as client:
        fill(client, 20)
    eventually(lambda: "20 new, all rules hold" in said("out"), lambda: said("out"))
    port = server.port
    server.terminate()
    eventually(lambda: "monitor.stale" in said("err"), lambda: said("err"))
    again = env.serve_without_waiting(data)
    again.command[again.command.index("127.0.0.1:0")] = f"127.0.0.1:{port}"
    again.kill()
    again.start()
    with again.client() as client:
        fill(client, 7, tag="more")
    eventually(lambda: "7 new, all rules hold" in said("out"), lambda: said("err"))
    process.send_signal(signal.SIGTERM)
    check(process.wait(30) == 0, lambda: f"it did not end with 0: {said('err')}")


def test_a_fork_and_a_rollback_are_caught(env):
    """Two servers with one key and different histories, one after the other behind one name."""
    key, one, two = twins(env)
    directory, cosigner = make_witness(env)
    witness = run_witness(env, directory, key)
    with one.client() as client:
        fill(client, 5, tag="truth")
    with two.client() as client:
        fill(client, 5, tag="fiction")
    look(env, one.url, key, state="same")
    look(env, one.url, key, state="grown")
    found = caught(env, two.url, key, "fork", state="same")
    check("two trees" in found["detail"], f"{found}")
    proof = env.path(found["evidence"]).read_text()
    check(proof.count("\n— log.example") == 2, f"both checkpoints are the proof: {proof}")
    verify(Feed(witness, one).send(0), Feed(witness, one).note(), cosigner)
    size = int(Feed(witness, one).note().split(b"\n")[1])
    check(Feed(witness, two).send(size).status == 422, "the witness has cosigned a fork")
    with two.client() as client:
        fill(client, 300, tag="more-fiction")
    caught(env, two.url, key, "fork", state="grown")
    caught(env, one.url, key, "fork", state="grown")
    # Less than was signed: of another history that is proof of a fork, of the same it is none.
    look(env, two.url, key, state="less")
    caught(env, one.url, key, "fork", state="less")
    one.terminate()
    older = env.path("older")
    shutil.copytree(env.path("one"), older)
    one, older = env.serve(env.path("one")), env.serve(older)
    with one.client() as client:
        fill(client, 5, tag="later")
    look(env, one.url, key, state="rolled")
    found = look(env, older.url, key, state="rolled", expect=1).json
    check(found["violation"] == "rollback", f"{found}")
    check("older checkpoint of the same log" in found["detail"], f"{found}")
    again = look(env, older.url, key, state="rolled", expect=1).json
    check(again == found, f"{again}")
    # Nothing was signed twice: it is over as soon as all is shown again.
    look(env, one.url, key, state="rolled")


# --- a log that lies ------------------------------------------------------------------------------


def test_the_double_is_honest_when_it_is(env):
    """Without a lie the made log passes, over every tile boundary: so what is caught is the lie."""
    log, *_ = good_log()
    for number in range(700):
        log.put(f"many/{number}")
    liar = Liar(env, log)
    for size in (1, 9, 255, 256, 257, 511, 513, len(log.records)):
        liar.size = size
        found = look(env, liar.url, log.key).json
        check(found["size"] == size and found["rulesHold"], f"{found}")


def test_every_lie_is_named(env):
    for rule, ways in lies().items():
        for way in ways:
            log, *facts = good_log()
            liar, state = Liar(env, log), f"{way.__name__}.state"
            look(env, liar.url, log.key, state=state)
            log.seconds += 3 * 86_400
            way(log, *facts)
            liar.size = len(log.records)
            found = look(env, liar.url, log.key, state=state, expect=1)
            check(
                found.json is not None and found.json["violation"] == rule,
                lambda w=way, f=found: f"{w.__name__}: {f.json} {f.err}",
            )
            check(found.json["records"][0] >= len(log.records) - 2, f"{found.json}")
    log, *facts = good_log()
    log.seconds += 3 * 86_400
    liar = Liar(env, log)
    look(env, liar.url, log.key)
    lies()["erased-held"][0](log, *facts)
    liar.size = len(log.records)
    caught(env, liar.url, log.key, "erased-held")


def test_what_is_served_is_what_was_signed(env):
    """Changed entries, new and old, wrong tiles, withheld records, another key."""
    log, *_ = good_log()
    for number in range(600):
        log.put(f"many/{number}")
    liar = Liar(env, log)
    liar.size = 300
    for state in ("new", "old", "tile", "top", "gone", "key", "back"):
        look(env, liar.url, log.key, state=state)
    parts = liar.parts()
    liar.size = len(log.records)
    parts = liar.parts()
    entries = parts["/tile/entries/001"]
    # A bundle of another width, one with another record, and one whose old records changed.
    liar.changes = {"/tile/entries/001": entries.replace(b"many/400", b"many/4OO")}
    found = caught(env, liar.url, log.key, "entries", state="new")
    record = log.encoded(found["records"][0])
    check(b"many/400" in record, f"{found} names {record}")
    liar.changes = {"/tile/entries/001": entries.replace(b"many/270", b"many/27O")}
    found = caught(env, liar.url, log.key, "entries", state="old")
    check(b"many/270" in log.encoded(found["records"][0]), f"{found}")
    tile = bytearray(parts["/tile/0/001"])
    tile[32 * 200] ^= 1
    liar.changes = {"/tile/0/001": bytes(tile)}
    check("hash 200" in caught(env, liar.url, log.key, "tiles", state="tile")["detail"], "")
    name = next(path for path in parts if path.startswith("/tile/1/"))
    tile = bytearray(parts[name])
    tile[40] ^= 1
    liar.changes = {name: bytes(tile)}
    caught(env, liar.url, log.key, "tiles", state="top")
    liar.changes = {"/tile/entries/001": None}
    real, liar.right = liar.right, lambda path: None if "entries/001" in path else real(path)
    found = look(env, liar.url, log.key, state="gone", expect=1)
    check("does not serve" in found.err and found.json is None, found.err)
    liar.right, liar.changes = real, {}
    look(env, liar.url, log.key, state="gone")
    other = LyingLog()
    found = look(env, liar.url, other.key, state="key", expect=1)
    check("not signed by a trusted key" in found.err, found.err)
    look(env, liar.url, log.key, state="key")
    liar.size = 290
    found = look(env, liar.url, log.key, state="key", expect=1)
    check(found.json["violation"] == "rollback", f"{found.json}")
    check("older checkpoint of the same log" in found.json["detail"], f"{found.json}")
    # The same key, and another log of the same size.
    liar.size = len(log.records)
    forged = copy.copy(log)
    forged.records = copy.deepcopy(log.records)
    forged.records[20]["name"] = "another"
    liar.log = forged
    caught(env, liar.url, log.key, "fork", state="key")


# --- its own state --------------------------------------------------------------------------------


def test_a_damaged_state_is_refused(env):
    log, *_ = good_log()
    for number in range(300):
        log.put(f"many/{number}")
    liar = Liar(env, log)
    look(env, liar.url, log.key)
    path = env.path("m.state")
    good = path.read_bytes()
    refusals = 0
    for _ in range(15):
        changed = bytearray(good)
        place = env.random.randrange(len(good))
        changed[place] ^= env.random.randrange(1, 256)
        path.write_bytes(changed)
        # A byte that stands in no value and in no structure changes nothing.
        result = look(env, liar.url, log.key, expect=(0, 1))
        check(result.returncode or result.json["new"] == 0, f"byte {place}: {result.json}")
        refusals += result.returncode
        check(not result.returncode or "damaged" in result.err, f"byte {place}: {result.err}")
    check(refusals > 0, "no damage was noticed")
    env.note(f"{refusals} of 15 changed bytes are refused; the others stand where nothing does")
    for cut in (0, 1, 4096, len(good) // 2):
        path.write_bytes(good[:cut])
        result = look(env, liar.url, log.key, expect=1)
        check("damaged" in result.err and "copy" in result.err, result.err)
    path.write_bytes(good)
    look(env, liar.url, log.key)
    value = good.index(b"many/123")
    path.write_bytes(good[:value] + b"MANY" + good[value + 4 :])
    result = look(env, liar.url, log.key, expect=1)
    check("damaged" in result.err, result.err)
    path.write_bytes(good)
    key = log.key.replace("o+", "another+", 1)
    look(env, liar.url, key, expect=(2, 4))
    look(env, liar.url, f"{LyingLog().key}", expect=1)
    with open(f"{path}.lock", "w") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        check("another monitor" in look(env, liar.url, log.key, expect=5).err, "no lock is taken")
    look(env, liar.url, log.key)


def test_killed_at_any_moment(env):
    """kill -9 again and again: the state is always one that goes on."""
    data = env.init(height=8)
    server = env.serve(data)
    with server.client() as client:
        fill(client, 3000)
    key = env.key_of(data)
    command = [env.binary, "monitor", "--once", "--server", server.url, "--key", key]
    command += ["--state", str(env.path("m.state"))]
    source = random.Random(env.random.random())
    for _ in range(8):
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ
        )
        time.sleep(source.random() * 0.6)
        process.kill()
        process.wait()
        with server.client() as client:
            fill(client, 5, tag=f"t{source.random()}")
    found = look(env, server.url, key).json
    check(found["rulesHold"], f"{found}")
    with server.client() as client:
        root = client.checkpoint().body.decode().split("\n")[2]
    check(found["root"] == root, f"{found}, {root}")
    fresh = look(env, server.url, key, state="fresh").json
    check((fresh["root"], fresh["size"]) == (found["root"], found["size"]), f"{fresh}, {found}")


@cases("none", "old")
def test_a_server_that_is_away(env, memory):
    data = env.init()
    server = env.serve(data)
    key, url = env.key_of(data), server.url
    if memory == "old":
        look(env, url, key)
    server.terminate()
    result = look(env, url, key, expect=5)
    check("cannot be reached" in result.err, result.err)
    result = look(env, url, key, "--max-age", "1s", expect=1 if memory == "none" else (1, 5))
    if memory == "old":
        eventually(
            lambda: look(env, url, key, "--max-age", "1s", expect=(1, 5)).returncode == 1,
            "it never gets too old",
        )


def test_the_command_line(env):
    data = env.init()
    key, state = env.key_of(data), env.path("m.state")
    env.run("monitor", "--key", key, expect=2)
    env.run("monitor", "--state", state, "--once", expect=2)
    env.run("monitor", "--state", state, "--once", "--key", "x", expect=2)
    env.run("monitor", "--state", state, "--key", key, "--once", "--tiles", "x", expect=2)
    env.run("monitor", "--state", state, "--key", key, "--once", "--interval", "1s", expect=2)
    env.run("monitor", "--state", state, "--key", key, "--interval", "1", expect=2)
    other = LyingLog().key
    env.run("monitor", "--state", state, "--key", key, "--key", other, "--once", expect=2)
    check(not state.exists(), "a refused command left something behind")
