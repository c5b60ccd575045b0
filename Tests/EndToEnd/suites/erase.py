"""Erasure: bytes go, proofs stay. Half of a large log, certificates, sealed names, due lists."""

import datetime
import json
import threading
import time

from harness import cases, check, eventually, settings
from harness.loopfs import LoopFileSystem
from harness.stock import Stock, end_of_month, unpurged
from harness.workload import MIB, fill
from harness.world import World, done, refused, refused_all
from verify_receipt import VerifierKey, leaf_hash, verify_receipt

SECONDS = 50
SIZE = 3000
# A reader that began before the files were swapped may hold the old one for a minute.
LAST_READER_SECONDS = 60 + 120


class Pushes:
    """Clients that push 1 KiB again and again, and how long each had to wait."""

    def __init__(self, world, clients=3, pause=0.02):
        self.samples, self.statuses = [], set()
        self.stop = threading.Event()
        self.world, self.pause = world, pause
        self.threads = [threading.Thread(target=self._push, args=(n,)) for n in range(clients)]

    def _push(self, number):
        body = b"x" * 1024
        with self.world.people.client(self.world.server, "writer") as client:
            while not self.stop.is_set():
                started = time.monotonic()
                reply = client.put(body, f"push/{number}", "pushes", retain="30d")
                self.samples.append((started, time.monotonic() - started))
                self.statuses.add(reply.status)
                time.sleep(self.pause)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()
        check(self.statuses == {201}, f"pushes were answered with {self.statuses}")

    def between(self, begin, end):
        """(p50, p99, count) of the requests that began in a time, in milliseconds."""
        waits = sorted(wait * 1000 for at, wait in self.samples if begin <= at < end)
        waits = waits or [float("nan")]
        return waits[len(waits) // 2], waits[int(len(waits) * 0.99)], len(waits)


def test_half_of_a_large_log(env):
    """Room is given back, the other half is as it was, every old proof holds, appends go on."""
    count = settings.erase_records
    disk = LoopFileSystem(env, max(512, count * 3 // 100))
    world = World(env, height=8, at=disk.path("data"))
    key = VerifierKey(world.key)
    stock = Stock(env)
    started = time.monotonic()
    # Short and long locks in one month: files are copied without the erased. In two: unlinked.
    stock.fill(world.writer, "one", count // 2, SIZE, retainUntil=end_of_month())
    stock.fill(world.writer, "two", count // 2, SIZE, big=4, retain="7y")
    env.note(f"{count:,} records of {SIZE} bytes in {time.monotonic() - started:.1f} s")
    doomed = [item for item in stock.items if item.short]
    sealed = count // 256 - 1
    eventually(
        lambda: len(list(world.data.glob("segments/*/log.mdb"))) >= sealed, "nothing is sealed"
    )
    stock.wait_until_due()
    held = doomed[5::1000]
    done(world.keeper.hold("case/stays", records=[item.index for item in held]))
    with Pushes(world) as pushes:
        eventually(lambda: len(pushes.samples) > 100, "nothing is taken before the erasure")
        quiet = pushes.between(0, time.monotonic())
        before = disk.free_bytes
        begin = time.monotonic()
        acts = []
        with world.people.client(world.server, "keeper", timeout=1200) as keeper:
            for collection in ("one", "two"):
                acts += done(keeper.erase(collection=collection)).acts
        end = time.monotonic()
        taken = len(pushes.samples)
        eventually(lambda: len(pushes.samples) > taken + 20, "nothing is taken after the erasure")
    for item in doomed:
        item.erased = item not in held
    busy = pushes.between(begin, end)
    pushed = 1024 * sum(at >= begin for at, _ in pushes.samples)
    erased = sum(item.size for item in stock.items if item.erased)
    wanted = 0.9 * erased
    eventually(
        lambda: disk.free_bytes - before + pushed >= wanted,
        lambda: f"{disk.free_bytes - before} bytes came back of {erased} erased",
        LAST_READER_SECONDS,
    )
    seen = time.monotonic() - end
    eventually_purged(world)
    grown = disk.free_bytes - before
    env.note(
        f"{len(doomed) - len(held):,} erased by {len(acts)} records in {end - begin:.1f} s; free "
        f"space grew by {grown / MIB:.1f} MiB, {100 * grown / erased:.0f} % of the "
        f"{erased / MIB:.1f} MiB erased, beside {pushed / MIB:.1f} MiB pushed; 90 % "
        f"{seen:.1f} s after the reply"
    )
    ratio = busy[1] / quiet[1]
    env.note(
        f"pushes beside it: p50 {busy[0]:.1f} ms, p99 {busy[1]:.1f} ms ({busy[2]}); without: p50 "
        f"{quiet[0]:.1f} ms, p99 {quiet[1]:.1f} ms ({quiet[2]}); ratio of p99 {ratio:.2f}"
    )
    reader = world.auditor
    stock.check_reads(reader, stock.items if settings.soak else sample(env, stock.items, 6000))
    started = time.monotonic()
    chosen = stock.items if settings.soak else sample(env, stock.items, 5000)
    stock.check_receipts(key, chosen)
    env.note(f"{len(chosen):,} old receipts verified in {time.monotonic() - started:.1f} s")
    for item in sample(env, doomed, 40):
        fresh = verify_receipt(reader.receipt(item.index).body, key)
        check(leaf_hash(fresh["record"].encode()) == leaf_of(item), "another record")
    stock.check_gone(world.data)
    world.serve()
    stock.check_reads(world.auditor, sample(env, stock.items, 1000))
    stock.check_gone(world.data)
    world.end()


def sample(env, items, count):
    return env.random.sample(items, min(count, len(items)))


def leaf_of(item):
    return leaf_hash(json.loads(item.receipt)["record"].encode())


def eventually_purged(world, seconds=LAST_READER_SECONDS):
    """Waits until every erasure says that its bytes are gone; returns the folded log."""

    def settled():
        log = world.audit(sample=10)
        return None if unpurged(log) else log

    return eventually(settled, lambda: f"not purged: {unpurged(world.audit())}", seconds)


# --- certificates ---------------------------------------------------------------------------------


@cases("expired", "bypass")
def test_the_certificate(env, ground):
    world = World(env, height=8)
    key = VerifierKey(world.key)
    bodies = [b"evidence number %d" % number for number in range(6)]
    receipts = []
    for number, body in enumerate(bodies):
        retain = "1s" if ground == "expired" and number < 4 else "30d"
        reply = done(world.writer.put(body, f"dir/{number}", "papers", retain=retain))
        receipts.append(env.write(f"r{number}.json", reply.body))
    indexes = [json.loads(path.read_text())["index"] for path in receipts]
    if ground == "expired":
        done(world.keeper.extend(indexes[0], seconds_from_now(5)))
        world.wait_until_released(*indexes[:4])
        reply = done(world.keeper.erase(records=indexes[:4]))
    else:
        done(world.keeper.extend(indexes[0], seconds_from_now(100 * 86_400)))
        reply = done(world.breaker.bypass(indexes[:4], reason="personal data"))
    check(reply.json["erased"] == 4, lambda: f"{reply}")
    certificate = reply.acts[-1]
    for index, path, body in zip(indexes[:4], receipts, bodies, strict=False):
        for target in ("payload", "payload?"):
            gone = refused(world.auditor.get(f"/v1/records/{index}/{target}"), status=(410,))
            check(gone.json["certificate"] == certificate, lambda g=gone: f"{g}")
        head = world.auditor.request("HEAD", f"/v1/records/{index}/payload")
        check(head.status == 410 and head.body == b"", lambda h=head: f"{h}")
        ranged = world.auditor.payload(index, {"Range": "bytes=0-3"})
        check(ranged.status == 410, lambda r=ranged: f"{r}")
        check(world.auditor.record(index).status == 200, "the record itself is gone")
        verify_receipt(path.read_bytes(), key, body)
        verify_receipt(world.auditor.receipt(index).body, key, body)
        check(world.auditor.lock(index).json["erased"] == certificate, "GET lock")
    proof = verify_receipt(world.auditor.erasure(indexes[0]).body, key)
    record = proof["_record"]
    check(record["kind"] == "payload.erased" and record["ground"] == ground, f"{record}")
    check(record["count"] == 4 and record["collection"] == "papers", f"{record}")
    check(proof["index"] == certificate, f"{proof['index']}")
    check(world.auditor.erasure(indexes[5]).status == 404, "a certificate of what is there")
    for position in range(4):
        world.run("auditor", "erase", "proof", indexes[position], "-o", f"c{position}.json")
        verify_receipt(env.path(f"c{position}.json").read_bytes(), key)
    file = env.write("f0", bodies[0])
    arguments = ("verify", "--receipt", receipts[0], "--certificate", "c0.json", "--key", world.key)
    out = env.run(*arguments).out.lower()
    check("erased" in out and ground in out, f"verify does not say on what ground: {out}")
    check("erased" in env.run(arguments[0], file, *arguments[1:]).out.lower(), "with the payload")
    # A certificate is for the records that it names and for no other.
    for other in (receipts[4], receipts[5]):
        command = ("verify", "--receipt", other, "--certificate", "c0.json", "--key", world.key)
        env.run(*command, expect=1)
    tampered = env.path("c0.json").read_text().replace('"count\\\\":4', '"count\\\\":5')
    tampered = tampered.replace('\\"count\\":4', '\\"count\\":5')
    bad = env.write("bad.json", tampered)
    check(bad.read_text() != env.path("c0.json").read_text(), "nothing was changed")
    env.run("verify", "--receipt", receipts[0], "--certificate", bad, "--key", world.key, expect=1)
    swapped = ("verify", "--receipt", "c0.json", "--certificate", receipts[0], "--key", world.key)
    env.run(*swapped, expect=1)
    world.run("auditor", "erase", "proof", indexes[5], expect=3)
    world.run("auditor", "get", indexes[0], "-o", "never", expect=(3, 4))
    check(not env.path("never").exists(), "get left a file of what is erased")
    shown = world.run("auditor", "show", indexes[0]).out
    check("erased" in shown.lower() and str(certificate) in shown, shown)
    # The same again is one and the same record, erased or not.
    world.end()


def seconds_from_now(count):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=count)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_repeated_push_of_what_is_erased(env):
    world = World(env)
    first = done(world.writer.put(b"body", "n", key="k1", retain="1s"))
    world.wait_until_released(first.json["index"])
    done(world.keeper.erase(records=[first.json["index"]]))
    for _ in range(2):
        again = world.writer.put(b"body", "n", key="k1", retain="1s")
        check(again.status == 200, lambda r=again: f"{r}")
        check(again.json["index"] == first.json["index"], lambda r=again: f"{r}")
        check(world.writer.put(b"other", "n", key="k1").status == 409, "another request, one key")
        world.serve()
    world.end()


# --- what is due ----------------------------------------------------------------------------------


def test_due_lists_and_the_command_line(env):
    world = World(env, height=8)
    due = [world.put(f"d{n}", "bin", retain="1s")[0] for n in range(7)]
    later, record = world.put("later", "bin", retain="30d")
    held, _ = world.put("held", "bin", retain="1s")
    elsewhere, _ = world.put("x", "other", retain="1s")
    done(world.keeper.hold("case/3", records=[held]))
    fill(world.writer, 300, collection="bulk", retain="30d")
    world.wait_until_released(*due, held, elsewhere)
    size = world.auditor.tree_size()
    page = world.auditor.due(collection="bin").json
    check([row["index"] for row in page["due"]] == due, f"{page}")
    rows = {r["index"]: r for r in world.auditor.due(collection="bin", whyNot="true").json["due"]}
    check(set(rows) == {*due, later, held}, f"{rows.keys()}")
    check(record["lock"]["until"] in rows[later]["reason"], f"{rows[later]}")
    check("case/3" in rows[held]["reason"], f"{rows[held]}")
    everything, cursor = [], None
    while True:
        query = {"limit": 3} | ({"cursor": cursor} if cursor is not None else {})
        page = world.auditor.due(**query).json
        check(len(page["due"]) <= 3, f"{page}")
        everything += [row["index"] for row in page["due"]]
        cursor = page.get("cursor")
        if cursor is None:
            break
    check(everything == [*due, elsewhere], f"{everything}")
    out = world.run("auditor", "erase", "due").out
    check(all(str(index) in out for index in due), out)
    out = world.run("auditor", "erase", "due", "--collection", "bin", "--why-not").out
    check("case/3" in out and record["lock"]["until"] in out, out)
    check(world.auditor.tree_size() == size, "a dry run has added records")
    check(world.auditor.payload(due[0]).status == 200, "a dry run has erased")
    world.run("auditor", "erase", "due", "--collection", "bin", "--apply", expect=4)
    world.run("keeper", "erase", "due", "--collection", "bin", "--apply")
    for index in due:
        check(world.auditor.payload(index).status == 410, f"{index} is still there")
    for index in (later, held, elsewhere):
        check(world.auditor.payload(index).status == 200, f"{index} is gone")
    refused_all(world.keeper.erase(records=[later]), later, record["lock"]["until"])
    refused_all(world.keeper.erase(records=[due[0]]), due[0])
    check(world.auditor.due(collection="bin").json["due"] == [], "still listed as due")
    world.end()


def test_the_retention_job(env):
    """It counts what is due; only if the configuration says so it erases, and honours holds."""
    job = "retention:\n  mode: governance\n  default: 30d\n  interval: 1s\n"
    world = World(env, config=job + "  apply: false\n")
    due = [world.put(f"d{number}", retain="1s")[0] for number in range(5)]
    held, _ = world.put("held", retain="1s")
    kept, _ = world.put("kept")
    done(world.keeper.hold("case/1", records=[held]))

    def counted():
        return world.auditor.metrics().get("strongroom_due_records") == 5

    eventually(counted, lambda: f"it does not count: {world.auditor.metrics()}")
    time.sleep(2)
    for index in (*due, held, kept):
        check(world.auditor.payload(index).status == 200, f"{index} was erased by a dry run")
    env.write("strongroom.yaml", job + "  apply: true\n")
    world.serve()
    eventually(lambda: world.auditor.payload(due[4]).status == 410, "the job erases nothing")
    for index in due:
        check(world.auditor.payload(index).status == 410, f"{index} was left")
    for index in (held, kept):
        check(world.auditor.payload(index).status == 200, f"{index} was erased")
    record = json.loads(world.auditor.erasure(due[0]).json["record"])
    check(record["principal"] == "strongroom" and record["count"] == 5, f"{record}")
    done(world.boss.release("case/1"))
    eventually(lambda: world.auditor.payload(held).status == 410, "it runs only once")
    world.end()


# --- sealed records: nothing stays ----------------------------------------------------------------


@cases("active segment", "sealed segment", "payload file", "sealed with a payload file")
def test_a_sealed_name_is_nowhere_after_its_purge(env, where):
    world = World(env, height=8)
    policy = {"mode": "GOVERNANCE", "minimum": "1s", "default": "1s", "maximum": "1y"}
    done(world.boss.set_policy("vault", {**policy, "sealed": True}))
    # Letters without any pattern: they do not compress, so they are found as they are.
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~!*'()+,;:@$&="
    word = "".join(env.random.choice(letters) for _ in range(60))
    label = "".join(env.random.choice(letters) for _ in range(60))
    body = env.random.randbytes(MIB + 12_345 if "file" in where else 900)
    labels = {"person": label}
    reply = done(
        world.writer.put(body, f"people/{word}", "vault", labels, key="key-of-" + word[:9])
    )
    index = reply.json["index"]
    description = json.loads(reply.json["opening"]["description"])
    other = "".join(env.random.choice(letters) for _ in range(60))
    kept = done(world.writer.put(b"kept", f"people/{other}", "vault", {}, retain="30d")).json
    keeper_of_descriptions = {
        entry["index"]: json.loads(entry["opening"]["description"]) for entry in (reply.json, kept)
    }
    check(f"people/{word}" in world.auditor.receipt(index).body.decode(), "no opening at first")
    world.auditor.search(collection="vault", prefix=f"people/{word[:40]}")
    world.run("auditor", "show", index)
    needles = [word.encode(), label.encode(), body[:24], body[-24:]]
    needles += [description["payload"]["sha256"].encode()]
    needles += [bytes.fromhex(description["payload"]["sha256"])]
    needles += [json_escaped(word), json_escaped(label)]
    if where.startswith("sealed"):
        fill(world.writer, 600, collection="bulk")
        eventually(
            lambda: (world.data / "segments/0000000000/log.mdb").exists(), "nothing is sealed"
        )
    world.wait_until_released(index)
    found = files_with(world.data, needles)
    check({0, 2, 4} <= set(found) or {0, 2, 5} <= set(found), f"the search finds nothing: {found}")
    done(world.keeper.erase(records=[index]))
    eventually_purged(world)
    eventually(
        lambda: not files_with(world.data, needles),
        lambda: f"{where}: found after the purge, by needle: {files_with(world.data, needles)}",
    )
    found = files_with(world.data, [other.encode(), b"kept"])
    check(0 in found, f"the neighbour's name is gone too: {found}")
    world.serve()
    left = files_with(world.data, needles)
    check(not left, lambda: f"{where}: found after a restart, by needle: {left}")
    refused(world.auditor.payload(index), status=(410,))
    fresh = verify_receipt(world.auditor.receipt(index).body, world.key)
    check("opening" not in fresh, "a fresh receipt still opens it")
    verify_receipt(reply.body, world.key, body)
    check(world.auditor.payload(kept["index"]).body == b"kept", "the neighbour is gone")
    hits = world.auditor.search(collection="vault", prefix="people/").json
    check(word not in json.dumps(hits), f"search still knows it: {hits}")
    check(word not in world.server.log(10_000), "the log lines show the name")
    world.audit(keeper_of_descriptions)
    world.stop()
    check(not files_with(world.data, needles), "found after the end")
    env.fsck(world.data)


def json_escaped(text):
    return json.dumps(text)[1:-1].encode()


def files_with(directory, needles):
    """needle number -> files in which it stands, of all files below a directory."""
    found = {}
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                # The server has just removed it.
                continue
            for number, needle in enumerate(needles):
                if needle in data:
                    found.setdefault(number, []).append(path.relative_to(directory).as_posix())
    return found
