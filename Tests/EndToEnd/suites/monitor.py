"""The monitor: it follows an honest log, and names what a dishonest one does."""

import copy
import fcntl
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from check_log import tile_path
from harness import cases, check, eventually
from harness.faketime import faked
from harness.madecopy import MadeLog
from harness.witness import Feed, make_witness, run_witness, twins, verify
from harness.workload import fill
from harness.world import World, done
from log_words import summary
from verify_receipt import leaf_hash

SECONDS = 35
LIMIT_SECONDS = 300
ENDED = "2026-11-22T00:00:00Z"
LOCKED = "2036-11-22T00:00:00Z"


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
    check(pass_over()["new"] == 0, "what was seen is new again")
    world.serve(env=faked("+3d"))
    reply = world.keeper.erase(collection="drafts")
    if reply.status == 503:
        # A clock that jumped three days: two persons, or a restart, settle it; here it may wait.
        env.note(f"not settled after three days: {reply.problem}")
    else:
        done(reply)
    found = pass_over()
    anew = pass_over("--from-start")
    check((anew["root"], anew["size"]) == (found["root"], found["size"]), f"{anew}, {found}")
    check(anew["new"] == anew["size"], f"{anew}")
    env.note(f"{anew['size']} records, {anew['acts']} acts, {anew['tiles']} tiles judged")
    text = env.run(
        *("monitor", "--once", "--server", world.server.url, "--key", world.key),
        *("--state", env.path("m.state")),
        env={"STRONGROOM_TOKEN": token},
    )
    check("0 new, all rules hold" in text.out, text.out)


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
    eventually(lambda: "all rules hold" in said("out"), 30, lambda: said("err"))
    with server.client() as client:
        fill(client, 20)
    eventually(lambda: "20 new, all rules hold" in said("out"), 30, lambda: said("out"))
    port = server.port
    server.terminate()
    eventually(lambda: "monitor.stale" in said("err"), 60, lambda: said("err"))
    again = env.serve_without_waiting(data)
    again.command[again.command.index("127.0.0.1:0")] = f"127.0.0.1:{port}"
    again.kill()
    again.start()
    with again.client() as client:
        fill(client, 7, tag="more")
    eventually(lambda: "7 new, all rules hold" in said("out"), 60, lambda: said("err"))
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


class Liar:
    """A made log, served as C2SP tlog-tiles; `changes` are given instead of what is right."""

    def __init__(self, env, log):
        self.log, self.changes, self.size = log, {}, len(log.records)
        liar = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = liar.changes.get(self.path) or liar.right(self.path)
                self.send_response(200 if body is not None else 404)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        thread.start()
        env.defer(self.server.server_close)
        env.defer(self.server.shutdown)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def right(self, path):
        if path == "/checkpoint":
            return self.log.checkpoint(self.size).encode()
        return self.parts().get(path)

    def parts(self):
        """Every tile and bundle of the tree, full and partial."""
        rows = [self.log.encoded(index) for index in range(self.size)]
        level, hashes, parts = 0, [leaf_hash(row) for row in rows], {}
        while hashes:
            for start in range(0, len(hashes), 256):
                piece = hashes[start : start + 256]
                suffix = "" if len(piece) == 256 else f".p/{len(piece)}"
                number = tile_path(start // 256) + suffix
                parts[f"/tile/{level}/{number}"] = b"".join(piece)
                if level == 0:
                    bundle = rows[start : start + 256]
                    parts[f"/tile/entries/{number}"] = b"".join(
                        len(row).to_bytes(2, "big") + row for row in bundle
                    )
            full = len(hashes) // 256
            hashes = [root(hashes[at * 256 : at * 256 + 256]) for at in range(full)]
            level += 1
        return parts


def root(hashes):
    while len(hashes) > 1:
        pairs = zip(hashes[::2], hashes[1::2])
        hashes = [hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return hashes[0]


class LyingLog(MadeLog):
    """A log in which every kind of record can be made, right or wrong."""

    def __init__(self):
        super().__init__()
        self.records[0]["verifierKeys"] = [self.key]
        self.add(
            *("access.changed", "local"),
            **{"change": "created", "token": "breaker", "role": "retention", "rights": ["bypass"]},
        )

    def put(self, name="n", until=LOCKED, **options):
        index = self.evidence(b"x", until, **options)
        record = self.records[index]
        record.setdefault("v", 1)
        if "commitment" not in record:
            record.update(mediaType="text/plain", name=name, submitter="ci")
        return index

    def years_pass(self):
        self.seconds += 20 * 365 * 86_400

    def erase(self, *indexes, lock=None, **changes):
        now = self.time()
        digest = hashlib.sha256()
        for index in indexes:
            digest.update(index.to_bytes(8, "big") + leaf_hash(self.encoded(index)))
        first = self.records[indexes[0]]
        record = {
            "clock": {"compliance": now, "wall": now},
            "collection": first["collection"],
            "count": len(indexes),
            "digest": digest.hexdigest(),
            "ground": "expired",
            "items": [{"lock": lock or first["lock"], "records": ranges(indexes)}],
        }
        return self.add("payload.erased", "keeper", **{**record, **changes})

    def hold(self, matter="case/1", **members):
        return self.add("hold.placed", "keeper", matter=matter, reason="r", **members)

    def extend(self, index, until, mode="COMPLIANCE"):
        lock = {"mode": mode, "until": until}
        records = [[index, index]]
        return self.add("lock.extended", "keeper", lock=lock, reason="r", records=records)

    def census(self, **entries):
        members = {"before": len(self.records), "collections": entries, "part": 1, "parts": 1}
        return self.add("census", "strongroom", **members)

    def selection(self, *indexes, **selection):
        count, digest = summary(indexes)
        return {
            "before": len(self.records),
            "count": count,
            "digest": digest,
            "selection": {"collection": "c", **selection},
        }


def ranges(indexes):
    return [[index, index] for index in indexes]


def good_log():
    """Of everything some, and all of it right."""
    log = LyingLog()
    one, two = log.put("a/1", ENDED), log.put("b/2", ENDED, mode="GOVERNANCE")
    three = log.put("a/3", mode="GOVERNANCE")
    log.put("x", collection="d", sealed=True)
    log.hold(records=[[one, one]])
    log.hold("case/2", **log.selection(two, prefix="b/"))
    log.add("hold.released", "boss", matter="case/1", reason="r")
    log.census(c={"count": 3, "last": three}, d={"count": 1, "last": three + 1})
    log.extend(three, "2040-01-01T00:00:00Z", "GOVERNANCE")
    log.seconds += 3 * 86_400
    log.erase(one)
    log.add("hold.released", "boss", matter="case/2", reason="r")
    log.erase(two)
    return log, one, two, three


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


def lies():
    """name -> (what is done to a good log, the rule that names it)."""

    def erased_early(log, *_):
        index = log.put("e", LOCKED)
        log.erase(index, lock={"mode": "COMPLIANCE", "until": ENDED})

    def erased_early_by_its_own_clock(log, *_):
        index = log.put("e", LOCKED)
        far = "2037-01-01T00:00:00.000Z"
        log.erase(index, clock={"compliance": far, "wall": far})

    def erased_under_a_hold(log, *_):
        index = log.put("e", ENDED)
        log.hold("case/9", records=[[index, index]])
        log.erase(index)

    def erased_under_a_standing_hold(log, *_):
        log.hold("case/9", standing=True, **log.selection(prefix="zz/"))
        index = log.put("zz/1", ENDED)
        log.erase(index)

    def gap(log, *_):
        log.sequences["c"] += 1
        log.put("gap")

    def shortened(log, one, two, three):
        log.extend(three, "2039-01-01T00:00:00Z", "GOVERNANCE")

    def shortened_first(log, *_):
        log.extend(log.put("s"), "2030-01-01T00:00:00Z")

    def wrong_census(log, *_):
        index = log.put("c")
        log.census(c={"count": 5, "last": index})

    def forgetful_census(log, *_):
        log.put("c")
        index = log.put("d", collection="d")
        log.census(d={"count": 2, "last": index})

    def bypass(log, *_):
        index = log.put("b", mode="COMPLIANCE")
        log.add("lock.bypassed", "breaker", reason="r", records=[[index, index]])

    def bypass_without_right(log, *_):
        index = log.put("b", mode="GOVERNANCE")
        log.add("lock.bypassed", "keeper", reason="r", records=[[index, index]])

    def wrong_digest(log, *_):
        index = log.put("w", ENDED)
        log.erase(index, digest="0" * 64)

    def wrong_count(log, *_):
        log.hold("case/9", **log.selection(4, prefix="a/"))

    def weak(log, *_):
        policy = {"default": "7y", "maximum": "9y", "minimum": "1y", "mode": "COMPLIANCE"}
        log.add("policy.set", "boss", collection="c", policy=policy)
        log.put("w", mode="GOVERNANCE")

    def short(log, *_):
        policy = {"default": "40y", "maximum": "99y", "minimum": "30y", "mode": "GOVERNANCE"}
        log.add("policy.set", "boss", collection="c", policy=policy)
        log.put("w")

    def back(log, *_):
        log.seconds -= 9 * 86_400
        log.put("b")

    def after_the_end(log, *_):
        log.add("log.closed", "boss", reason="r")
        log.put("late")

    def purge(log, *_):
        log.add("payload.purged", "strongroom", copy="local", count=1, erasure=3)

    def no_record(log, *_):
        log.records.append("not an object")

    return {
        "erased-locked": (erased_early, erased_early_by_its_own_clock),
        "erased-held": (erased_under_a_hold, erased_under_a_standing_hold),
        "sequence": (gap,),
        "lock": (shortened, shortened_first),
        "census": (wrong_census, forgetful_census),
        "bypass": (bypass, bypass_without_right),
        "certificate": (wrong_digest,),
        "hold": (wrong_count,),
        "policy": (weak, short),
        "received": (back,),
        "closed": (after_the_end,),
        "purge": (purge,),
        "record": (no_record,),
    }


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
            60,
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
