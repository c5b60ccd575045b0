"""Erasure that is interrupted: kill -9, power cuts, a full disk. It is finished after a restart.

Whatever happens in between: nothing is gone without its certificate, nothing else is gone at all,
and in the end no erased byte stands on the disk.
"""

import threading
import time

from harness import check, eventually, settings
from harness.loopfs import LoopFileSystem
from harness.stock import Stock, unpurged
from harness.world import World, done

SECONDS = 45
MIB = 1 << 20
ROUND = 360
# A reader that began before the files were swapped may hold the old one for a minute.
LAST_READER_SECONDS = 60 + 120


class Erasure:
    """POST /v1/erasures of a collection, in a thread, until an answer or the server's end."""

    def __init__(self, world, collection):
        self.reply = None
        self.client = world.people.client(world.server, "keeper", timeout=300)
        self.collection = collection
        self.thread = threading.Thread(target=self._erase, daemon=True)
        self.started = time.monotonic()
        self.thread.start()

    def _erase(self):
        try:
            self.reply = self.client.erase(collection=self.collection)
        except Exception:
            self.reply = None
        self.seconds = time.monotonic() - self.started

    def join(self):
        self.thread.join(300)
        check(not self.thread.is_alive(), "an erasure without an answer and without an end")
        return self.reply


def prepare(world, stock, rounds):
    """A collection for each round; all of it is due when the first round begins."""
    made = {}
    for number in range(rounds):
        name = f"round-{number}"
        big = 4 if number % 5 == 0 else 0
        # Of one month, so that files are copied; of two, so that they are unlinked.
        keep = {"retain": "7y" if number % 3 == 0 else "2s"}
        made[name] = stock.fill(world.writer, name, ROUND, 1500, lots=23, big=big, **keep)
        if number % 3:
            reply = world.keeper.hold(
                f"case/{number}", records=[i.index for i in made[name] if not i.short]
            )
            done(reply)
    stock.wait_until_due(2.0)
    return made


def finish(world, collection, items):
    """After a restart: what was begun is done, what was not is done again."""

    def settled():
        reply = world.keeper.erase(collection=collection)
        return reply if reply.status in (200, 201) else None

    eventually(settled, lambda: f"it cannot be finished: {world.keeper.erase()}")
    for item in items:
        item.erased = item.erased or item.short


def judge(world, stock, items):
    """In the middle: each payload is whole, or gone with a certificate; the kept ones are whole."""
    gone = 0
    for item in items:
        reply = world.auditor.payload(item.index)
        if reply.status == 410 and item.short:
            gone += 1
        else:
            check(
                reply.status == 200 and reply.body == stock.body(item),
                lambda i=item, r=reply: f"{i.index} (short: {i.short}) came back as {r}",
            )
    return gone


def conclude(env, world, stock):
    """Nothing of what is erased is left, everything else is there, and the records agree."""

    def purged():
        log = world.audit(sample=10)
        return None if unpurged(log) else log

    log = eventually(
        purged, lambda: f"not purged: {unpurged(world.audit())}", LAST_READER_SECONDS
    )
    stock.check_reads(world.auditor, stock.items)
    stock.check_gone(world.data)
    stock.check_receipts(world.key, env.random.sample(stock.items, min(500, len(stock.items))))
    no_strays(world.data)
    world.end()
    return log


def no_strays(data):
    """Every sealed file is one that its segment's SHA256SUMS names."""
    for sums in data.glob("segments/*/SHA256SUMS"):
        named = {line.split()[1].lstrip("*") for line in sums.read_text().splitlines() if line}
        there = {path.name for path in sums.parent.iterdir()} - {"SHA256SUMS"}
        strays = {name for name in there - named if not name.endswith("-lock")}
        check(not strays, f"{sums.parent.name}: files that nothing names: {sorted(strays)}")


def test_kill_in_the_middle(env):
    world = World(env, height=8)
    stock = Stock(env)
    rounds = settings.erase_kills
    made = prepare(world, stock, rounds + 1)
    first = Erasure(world, f"round-{rounds}")
    done(first.join())
    for item in made[f"round-{rounds}"]:
        item.erased = item.short
    usual, begun, unanswered, again = first.seconds, 0, 0, 0
    for number in range(rounds):
        name = f"round-{number}"
        items = made[name]
        erasure = Erasure(world, name)
        time.sleep(env.random.uniform(0, 1.1 * usual))
        world.kill()
        unanswered += erasure.join() is None
        while env.random.random() < 0.35:
            # The recovery is killed too.
            starting = env.serve_without_waiting(world.data, "--config", world.config)
            time.sleep(env.random.uniform(0.0, 0.25))
            starting.kill()
            again += 1
        world.serve()
        gone = judge(world, stock, items)
        begun += 0 < gone
        finish(world, name, items)
        check(judge(world, stock, items) == sum(item.short for item in items), f"{name}: not all")
        if number % 10 == 0:
            stock.check_reads(world.auditor, stock.items)
    log = conclude(env, world, stock)
    env.note(
        f"{rounds} kills in erasures of {usual * 1000:.0f} ms ({unanswered} without an answer), "
        f"{again} more while starting; {begun} had begun; {log.kinds['payload.erased']} records of "
        f"erasure, all purged"
    )
    check(unanswered > 0, "no erasure was interrupted: the moments are wrong")


def test_power_cut_in_the_middle(env):
    disk = LoopFileSystem(env, 1024)
    world = World(env, height=8, at=disk.path("data"))
    stock = Stock(env)
    rounds = settings.erase_powercuts
    made = prepare(world, stock, rounds + 1)
    first = Erasure(world, f"round-{rounds}")
    done(first.join())
    for item in made[f"round-{rounds}"]:
        item.erased = item.short
    cut = 0
    for number in range(rounds):
        name = f"round-{number}"
        items = made[name]
        erasure = Erasure(world, name)
        time.sleep(env.random.uniform(0.0, 1.1 * first.seconds))
        disk.cut_power()
        time.sleep(env.random.uniform(0.0, 0.2))
        world.kill()
        reply = erasure.join()
        cut += reply is None or reply.status not in (200, 201)
        disk.unmount()
        disk.mount()
        world.serve()
        gone = judge(world, stock, items)
        if reply is not None and reply.status == 201:
            check(gone == reply.json["erased"], lambda r=reply, g=gone: f"{g} are gone: {r}")
        finish(world, name, items)
    conclude(env, world, stock)
    env.note(f"{rounds} power cuts, {cut} of them before the answer")


def test_a_full_disk_in_the_middle(env):
    """Erasing gives room back, so it must work where nothing else does, or later at the latest."""
    disk = LoopFileSystem(env, 192)
    world = World(env, height=8, at=disk.path("data"))
    stock = Stock(env)
    made = []
    for number in range(3):
        name = f"full-{number}"
        made.append(stock.fill(world.writer, name, 3000, 4000, lots=23, retain="2s"))
        held = [item.index for item in made[-1] if not item.short]
        for start in range(0, len(held), 500):
            done(world.keeper.hold(f"case/{number}", records=held[start : start + 500]))
    stock.wait_until_due(2.0)
    # A foreign file takes the rest: more than the reserve, some of it, nearly all of it.
    outcomes = []
    for number, leave in enumerate((6 * MIB, 2 * MIB, 0)):
        stranger = disk.occupy(leave)
        if world.server.running:
            erasure = Erasure(world, f"full-{number}")
            reply = erasure.join()
            outcomes.append(reply.status if reply is not None else "no answer")
        allowed = {200, 201, 503, 507, "no answer"}
        check(set(outcomes) <= allowed, f"{outcomes}: {reply}")
        time.sleep(1)
        stranger.unlink()
        # It may have ended by itself, or be about to: what it writes beside requests has no room.
        code = world.server.terminate()
        check(code in (0, 1, 6), f"it ended with {code}:\n{world.server.log()}")
        world.serve()
        judge(world, stock, made[number])
        finish(world, f"full-{number}", made[number])
    before = disk.free_bytes
    conclude(env, world, stock)
    env.note(
        f"erasures with 6 MiB, 2 MiB and nothing free: {outcomes}; {before / MIB:.0f} MiB free"
    )
