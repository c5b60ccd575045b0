"""The compliance clock on the real binary: faked wall clocks, restarts, borders, two persons."""

import datetime
import json
import time

from harness import cases, check, eventually, settings
from harness.faketime import faked
from harness.world import World, done, refused, refused_all
from log_words import DAY, EPOCH, milliseconds

SECONDS = 100
NAMES = ("boss", "second", "writer", "auditor", "keeper", "breaker")
BUDGET = 7 * DAY
HOUR = DAY // 24
BEFORE_1970 = "-70y"


def now():
    return int(time.time() * 1000)


class Clock:
    """GET /v1/clock, in milliseconds."""

    def __init__(self, client):
        reply = client.clock()
        check(reply.status == 200, lambda: f"clock: {reply}")
        self.json = reply.json
        self.compliance = milliseconds(self.json["compliance"])
        self.wall = milliseconds(self.json["wall"]) if self.json.get("wall") else None
        self.settled = self.json["settled"]

    @property
    def ahead(self):
        """How far it is before the true time of this machine."""
        return self.compliance - now()


def unsettled(reply):
    return refused(reply, status=(503,), slugs=("clock-unsettled",))


@cases(
    ("+10y", True),
    ("+10y", False),
    ("-10y", True),
    ("-10y", False),
    ("+12d", True),
    ("-2d", True),
    (BEFORE_1970, True),
    ("+9000y", True),
)
def test_a_wall_clock_that_jumps(env, case):
    """Nothing is taken and nothing is erased until it is put right; then all goes on."""
    world = World(env, NAMES)
    short, _ = world.put(retain="1s", body=b"expires at once")
    soft, _ = world.put(retain="1d", mode="governance", body=b"soft")
    strict, record = world.put(retain="30d", mode="compliance", body=b"strict")
    time.sleep(1.5)
    text, only_wall = case
    world.serve(env=faked(text, only_wall))
    clock = Clock(world.auditor)
    check(not clock.settled, f"it counts as settled: {clock.json}")
    check(-60_000 < clock.ahead < BUDGET + DAY, f"the compliance clock jumped too: {clock.json}")
    unsettled(world.writer.put(b"x", "n"))
    unsettled(world.writer.batch([("a", b"1")]))
    for reply in (world.keeper.erase(records=[short]), world.keeper.erase()):
        check(
            reply.status == 503 or not (reply.acts or reply.json.get("erased")),
            lambda r=reply: f"erased while unsettled: {r}",
        )
    refused_or_503(world.breaker.bypass([soft]), soft)
    refused_or_503(world.keeper.extend(strict, "2090-01-01T00:00:00Z"), strict)
    done(world.keeper.hold("case/clock", records=[short, strict]))
    policy = {"mode": "COMPLIANCE", "minimum": "1d", "default": "1y", "maximum": "7y"}
    done(world.boss.set_policy("other", policy), 201)
    ready = world.auditor.get("/readyz")
    check(ready.status == 503 and "clock" in ready.body.decode().lower(), lambda: f"{ready}")
    metrics = world.auditor.metrics()
    check(any("clock" in name for name in metrics), "no metric about the clock")
    shown = world.run("auditor", "clock", "show")
    check("unsettled" in shown.out.lower() or "not settled" in shown.out.lower(), shown.out)
    for index, body in ((short, b"expires at once"), (soft, b"soft"), (strict, b"strict")):
        check(world.auditor.payload(index).body == body, f"{index} is not readable")
    check(world.lock(strict) == record["lock"], f"{world.lock(strict)}")
    end(world, text)
    world.serve()
    clock = Clock(world.auditor)
    check(clock.settled, f"it stays unsettled with the right time: {clock.json}")
    check(clock.ahead < HOUR, f"the acts of then carried the clock away: {clock.json}")
    done(world.writer.put(b"x", "n"))
    done(world.boss.release("case/clock"))
    world.wait_until_released(short)
    done(world.keeper.erase(records=[short]))
    check(world.lock(strict) == record["lock"], f"{world.lock(strict)}")
    log = world.end()
    check(log.last_received < now() + HOUR, "a record has a time of the faked clock")


def end(world, text, kill=False):
    """Ends the server; libfaketime lets nobody sleep before 1970, so it cannot drain there."""
    world.kill() if kill or text == BEFORE_1970 else world.stop()


def refused_or_503(reply, index):
    if reply.status == 503:
        return unsettled(reply)
    return refused_all(reply, index)


def test_restarts_far_ahead_do_not_move_the_clock(env):
    world = World(env, NAMES)
    strict, _ = world.put(retain="30d", mode="compliance", body=b"strict")
    started, slowest = time.monotonic(), 0.0
    for number in range(settings.clock_restarts):
        world.kill() if number % 3 == 0 else world.stop()
        world.serve(env=faked("+11y"))
        slowest = max(slowest, world.server.start_seconds)
        clock = Clock(world.auditor)
        check(clock.ahead <= BUDGET, f"restart {number}: {clock.json}")
        check(not clock.settled, f"restart {number}: {clock.json}")
        if number % 4 == 0:
            done(world.keeper.hold(f"case/{number}", records=[strict]))
        unsettled(world.writer.put(b"x", "n"))
        refused_or_503(world.keeper.erase(records=[strict]), strict)
    seconds = time.monotonic() - started
    moved = Clock(world.auditor).ahead
    env.note(
        f"{settings.clock_restarts} restarts at +11 years in {seconds:.1f} s (slowest start "
        f"{slowest:.2f} s): the compliance clock is {moved / 1000:.1f} s from the true time"
    )
    check(moved <= BUDGET, f"it moved by {moved} ms")
    world.serve()
    check(Clock(world.auditor).settled, "it stays unsettled with the right time")
    check(world.auditor.payload(strict).body == b"strict", "the payload is gone")
    world.end()


@cases(20, 23, 36, 167)
def test_the_clock_cannot_be_led_away_in_small_steps(env, hours):
    """Each restart a little further, with a record whose time the next start believes."""
    world = World(env, NAMES)
    strict, _ = world.put(retain="30d", mode="compliance", body=b"strict")
    soft, _ = world.put(retain="13d", mode="compliance", body=b"soft")
    taken = 0
    for number in range(1, 8 + 40 * 24 // hours if settings.soak else 16):
        world.kill() if env.random.random() < 0.5 else world.stop()
        world.serve(env=faked(f"+{number * hours}h"))
        if world.writer.put(b"%d" % number, "n", retain="1s").status == 201:
            taken += 1
        world.keeper.hold(f"case/{number}", records=[strict])
        world.boss.release(f"case/{number}")
        clock = Clock(world.auditor)
        check(clock.ahead <= BUDGET + 1000, f"at +{number * hours} h: {clock.json}")
        # Settled with the wall clock up to a day ahead of it: no more than 8 days in all.
        check(not clock.settled or clock.wall - now() <= BUDGET + DAY + 1000, f"{clock.json}")
        reply = world.keeper.erase(records=[strict, soft])
        for index in (strict, soft):
            refused_or_503(reply, index)
    env.note(
        f"steps of {hours} h: {taken} records were taken; the clock is "
        f"{Clock(world.auditor).ahead / DAY:.2f} days ahead"
    )
    check(taken > 0, "not even the first step was taken")
    world.serve(env=faked("+11y"))
    check(Clock(world.auditor).ahead <= BUDGET + 1000, f"{Clock(world.auditor).json}")
    world.end()


def test_no_clock_shortens_a_compliance_lock(env):
    """Random clocks, forward and back, with every kind of request in between."""
    world = World(env, NAMES)
    rows = [world.put(f"n{n}", retain="40d", mode="compliance", body=b"%d" % n) for n in range(6)]
    until = {index: record["lock"]["until"] for index, record in rows}
    offsets = (
        "-70y -10y -366d -8d -25h -1h +0d +1h +25h +6d +8d +30d +366d +10y +80y +9000y".split()
    )
    text, used = "+0d", []
    for number in range(150 if settings.soak else 12):
        end(world, text, kill=env.random.random() < 0.5)
        text = "+0d" if number % 4 == 0 else env.random.choice(offsets)
        used.append(text)
        # No machine has been up for 9000 years: that many nanoseconds are no number of 64 bits.
        only_wall = env.random.random() < 0.7 or "-" in text or text == "+9000y"
        world.serve(env=faked(text, only_wall))
        for index, _ in env.random.sample(rows, 3):
            for reply in (world.keeper.erase(records=[index]), world.breaker.bypass([index])):
                refused_or_503(reply, index)
            for wanted in ("2026-01-01T00:00:00Z", "2038-01-19T03:14:07Z", "2106-02-07T06:28:15Z"):
                reply = world.keeper.extend(index, wanted)
                check(reply.status in (200, 201, 409, 422, 503), lambda r=reply: f"{r}")
            found = world.lock(index)
            check(found["mode"] == "COMPLIANCE", f"at {text}: {found}")
            check(found["until"] >= until[index], f"at {text}: {found}, was {until[index]}")
            until[index] = found["until"]
        world.keeper.erase()
        reply = world.writer.put(b"x", f"w{number}", retain="30d")
        check(reply.status in (201, 503), lambda r=reply: f"{r}")
    env.note(f"clocks: {' '.join(used)}")
    end(world, text)
    world.serve()
    for number, (index, _) in enumerate(rows):
        check(world.auditor.payload(index).body == b"%d" % number, f"{index} is gone")
    world.end()


BORDERS = {
    "2038": "2038-01-19 03:14:08",
    "2106": "2106-02-07 06:28:16",
    "leap": "2028-03-01 00:00:00",
}


@cases(*BORDERS)
def test_a_border_of_the_calendar_of_machines(env, name):
    """Locks granted before and after the second in which 32 bits end."""
    border = datetime.datetime.fromisoformat(BORDERS[name] + "+00:00")
    end = (border - EPOCH) // datetime.timedelta(milliseconds=1)

    def clock_at(seconds, only_wall=True):
        return faked(
            f"@{border + datetime.timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S}", only_wall
        )

    world = World(env, NAMES, faked=clock_at(-10))
    before, record = world.put(retain="1s", body=b"before")
    check(milliseconds(record["received"]) < end, f"it began too late: {record['received']}")
    across, record = world.put(retain="60s", body=b"across")
    year, lock = world.put(retain="1y", mode="compliance")
    eventually(
        lambda: min((c := Clock(world.auditor)).wall, c.compliance) >= end + 1500,
        lambda: f"the clock stands still: {Clock(world.auditor).json}",
    )
    check(Clock(world.auditor).settled, f"{Clock(world.auditor).json}")
    after, late = world.put(retain="1s", body=b"after")
    check(milliseconds(late["received"]) >= end, f"{late}")
    refused_all(world.keeper.erase(records=[across, year]), across)
    done(world.keeper.erase(records=[before]))
    # On with a restart behind the border, and then with one a minute before it.
    world.serve(env=clock_at(80))
    check(Clock(world.auditor).settled, f"{Clock(world.auditor).json}")
    done(world.keeper.erase(records=[across, after]))
    refused_all(world.keeper.erase(records=[year]), year)
    world.put("n2")
    world.serve(env=clock_at(-60))
    clock = Clock(world.auditor)
    check(clock.settled and clock.compliance >= end + 80_000, f"it went back: {clock.json}")
    world.put("n3")
    done(world.keeper.extend(year, f"{border.year + 2}-06-01T00:00:00Z"))
    world.serve(env=clock_at(400 * 86_400))
    unsettled(world.writer.put(b"x", "n"))
    refused_or_503(world.keeper.erase(records=[year]), year)
    world.end()


def test_a_resync_takes_two_persons(env):
    world = World(env, NAMES)
    index, _ = world.put(retain="30d", mode="compliance")
    world.people.add("child", world.boss.create_token("child", "admin"))
    world.people.add("grandchild", world.clients["boss"].create_token("grandchild", "admin"))
    world.serve(env=faked("+3y"))
    unsettled(world.writer.put(b"x", "n"))
    for name in ("writer", "auditor", "keeper", "breaker"):
        refused(world.clients[name].resync(), status=(403,))
    refused(world.boss.post("/v1/clock/resync"), status=(400, 422))
    pending = done(world.boss.resync("the clock was wrong"), 202)
    check("boss" in json.dumps(world.auditor.clock().json["pendingResync"]), lambda: f"{pending}")
    for _ in range(2):
        # The same person again, and one whom that person has made: nobody else.
        refused(world.clients["child"].resync(), "boss")
        again = world.boss.resync("again")
        check(again.status in (202, 409), lambda: f"{again}")
        check(not Clock(world.auditor).settled, "one person has moved the clock")
    result = world.run("boss", "clock", "resync", "--reason", "again", expect=(0, 4))
    check(not Clock(world.auditor).settled, f"one person has moved the clock: {result.out}")
    world.run("child", "clock", "resync", "--reason", "again", expect=4)
    reply = done(world.second.resync("so it is"))
    clock = Clock(world.auditor)
    check(clock.settled, f"{clock.json}")
    act = json.loads(world.auditor.record(reply.acts[0]).body)
    check(act["kind"] == "clock.resynced", f"{act}")
    check((act["principal"], act["with"]) == ("second", "boss"), f"{act}")
    check((act["reason"], act["firstReason"]) == ("so it is", "the clock was wrong"), f"{act}")
    world.put("n2")
    # By the new time the lock has ended; that is what two persons have answered for.
    done(world.keeper.erase(records=[index]))
    world.stop()
    world.serve(env=faked("+3y"))
    check(Clock(world.auditor).settled, "a restart forgets the resync")
    world.put("n3")
    world.serve()
    check(not Clock(world.auditor).settled, "three years of difference count as settled")
    for name in ("boss", "second"):
        reply = world.clients[name].resync("back")
        check(reply.status == 202 or 400 <= reply.status < 500, lambda r=reply: f"{r}")
    check(Clock(world.auditor).ahead > 1000 * DAY, "the compliance clock went back")
    world.end()


def test_founders_are_who_they_are(env):
    """Where a log has founders, others who come in by the data directory are one person."""
    others = {name: ("admin", ()) for name in ("zoe", "bob", "carl")}
    world = World(env, ("auditor", "writer"), others=others, arguments=("--founder", "zoe"))
    world.serve(env=faked("+3y"))
    done(world.bob.resync(), 202)
    refused(world.carl.resync(), "bob")
    check(not Clock(world.auditor).settled, "two who came in by the same door moved the clock")
    done(world.zoe.resync())
    check(Clock(world.auditor).settled, "a founder and another are not two persons")
    world.end()


def test_while_it_runs_the_clock_runs(env):
    """The wall clock is set while the server runs: the compliance clock goes on as it was."""
    offset = env.write("offset", "+0d")
    variables = faked("+0d") | {"FAKETIME_TIMESTAMP_FILE": str(offset), "FAKETIME_NO_CACHE": "1"}
    del variables["FAKETIME"]
    world = World(env, NAMES)
    index, _ = world.put(retain="2d")
    world.serve(env=variables)

    def change(text):
        # In one step: half a file is no clock.
        env.write("offset.new", text + "\n").rename(offset)

    for text in ("+40d", "-40d", "+10y"):
        change(text)
        eventually(
            lambda: not Clock(world.auditor).settled,
            lambda t=text: f"at {t}: {Clock(world.auditor).json}",
        )
        clock = Clock(world.auditor)
        check(abs(clock.ahead) < 60_000, f"at {text}: {clock.json}")
        unsettled(world.writer.put(b"x", "n"))
        refused_or_503(world.keeper.erase(records=[index]), index)
    change("+0d")
    eventually(lambda: Clock(world.auditor).settled, "it stays unsettled")
    world.put("n2")
    world.serve()
    world.end()
