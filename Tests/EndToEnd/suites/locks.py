"""Locks, policies, events: each rule by itself, over HTTP and on the command line.

Every refusal is a 4xx problem that names the rule and the state that it met, and exit code 4.
"""

import json
import time

from harness import cases, check
from harness.world import NAMES, World, done, in_future, receipts_of, refused, refused_all
from log_words import after, milliseconds

SECONDS = 19


def test_a_lock_is_extended_and_never_shortened(env):
    world = World(env)
    index, record = world.put(retain="30d", mode="compliance")
    first = record["lock"]["until"]
    later, latest = in_future(days=60), in_future(days=90)
    act = receipts_of(world, done(world.keeper.extend(index, later, reason="a trial")))[0]
    check(act["kind"] == "lock.extended" and act["principal"] == "keeper", f"{act}")
    check(act["reason"] == "a trial" and act["records"] == [[index, index]], f"{act}")
    check(world.lock(index) == {"mode": "COMPLIANCE", "until": later}, f"{world.lock(index)}")
    same = done(world.keeper.extend(index, later), 200)
    check(not same.acts, f"the same lock again is an act: {same}")
    for earlier in (first, in_future(days=59), in_future(seconds=30)):
        for client in (world.keeper, world.breaker, world.boss):
            refused(client.extend(index, earlier), later)
            refused(client.extend(index, earlier, "COMPLIANCE"), later)
    refused(world.keeper.extend(index, latest, "GOVERNANCE"), "compliance")
    refused(world.keeper.extend(index, None, "GOVERNANCE"), "compliance")
    done(world.boss.extend(index, latest))
    check(world.lock(index) == {"mode": "COMPLIANCE", "until": latest}, f"{world.lock(index)}")
    history = world.auditor.lock(index).json["history"]
    check(history[0]["event"] == "granted" and len(history) == 3, f"{history}")
    check(history[0]["lock"]["until"] == first, f"{history}")
    refused(world.keeper.extend(index), status=(400, 422))
    check(world.keeper.extend(99_999, latest).status == 404, "a record that is not there")
    refused(world.keeper.extend(0, latest))
    log = world.end()
    check(log.kinds["lock.extended"] == 2, f"{log.kinds}")


def test_governance_becomes_compliance_and_not_back(env):
    world = World(env)
    index, record = world.put(retain="30d", mode="governance")
    until = record["lock"]["until"]
    done(world.keeper.extend(index, None, "COMPLIANCE"))
    check(world.lock(index) == {"mode": "COMPLIANCE", "until": until}, f"{world.lock(index)}")
    refused(world.breaker.extend(index, None, "GOVERNANCE"), "compliance")
    refused(world.breaker.bypass([index]), "compliance", until)
    other, record = world.put(retain="30d", mode="governance")
    later = in_future(days=100)
    done(world.keeper.extend(other, later, "COMPLIANCE"))
    check(world.lock(other) == {"mode": "COMPLIANCE", "until": later}, f"{world.lock(other)}")
    world.end()


def test_a_bypass_needs_the_right_and_a_reason(env):
    world = World(env)
    index, record = world.put(retain="30d", mode="governance", body=b"of governance")
    strict, _ = world.put(retain="30d", mode="compliance")
    held, _ = world.put(retain="30d", mode="governance")
    done(world.keeper.hold("case/1", records=[held]))
    for name in ("keeper", "boss", "writer", "auditor"):
        refused(world.clients[name].bypass([index]), "bypass", status=(403,))
    refused(world.breaker.post("/v1/erasures/bypass", records=[index]), status=(400, 422))
    refused(world.breaker.bypass([index], reason=""), status=(400, 422))
    reply = world.breaker.bypass([index, strict, held], reason="a court order")
    check(reply.status in (200, 201), lambda: f"{reply}")
    check(set(reply.refused) == {strict, held}, lambda: f"{reply}")
    check("compliance" in reply.refused[strict]["detail"].lower(), lambda: f"{reply}")
    check("case/1" in reply.refused[held]["detail"], lambda: f"{reply}")
    gone = refused(world.auditor.payload(index), status=(410,), slugs=("erased",))
    bypass, act = reply.acts
    erased = json.loads(world.auditor.record(act).body)
    bypassed = json.loads(world.auditor.record(erased["bypass"]).body)
    check(erased["bypass"] == bypass, f"{reply}")
    check((erased["kind"], bypassed["kind"]) == ("payload.erased", "lock.bypassed"), f"{erased}")
    check(erased["reason"] == bypassed["reason"] == "a court order", f"{erased} {bypassed}")
    check(gone.json["certificate"] == act, lambda: f"{gone}")
    refused(world.breaker.bypass([index]))
    refused(world.breaker.extend(index, in_future(days=99)))
    world.end()


@cases("http", "command line")
def test_policies(env, form):
    world = World(env)

    def set_policy(expected, mode, minimum, default, maximum, *extra, name="boss", dry=False):
        if form == "http":
            policy = {"mode": mode.upper(), "minimum": minimum, "default": default}
            policy |= {"maximum": maximum}
            policy |= {"event": extra[1]} if "--event" in extra else {}
            policy |= {"sealed": True} if "--sealed" in extra else {}
            reply = world.clients[name].set_policy("vault", policy, dry_run=dry)
            check((reply.status < 300) == (expected == 0), lambda: f"{policy}: {reply}")
            return reply.body.decode()
        lengths = ("--min", minimum, "--default", default, "--max", maximum)
        flags = ("--dry-run",) if dry else ()
        command = ("policy", "set", "vault", "--mode", mode, *lengths, *extra, *flags)
        result = world.run(name, *command, expect=expected)
        return result.out + result.err

    said = set_policy(4, "compliance", "10d", "5d", "1y")
    check("10d" in said and "5d" in said, f"min > default: {said}")
    said = set_policy(4, "compliance", "2y", "2y", "1y")
    check("2y" in said and "1y" in said, f"min > max: {said}")
    set_policy(4, "compliance", "1d", "7d", "1y", name="keeper")
    size = world.auditor.tree_size()
    said = set_policy(0, "compliance", "1d", "7d", "1y", dry=True)
    check("7d" in said, f"a dry run does not say what would change: {said}")
    check(world.auditor.tree_size() == size, "a dry run has added a record")
    old, record = world.put(collection="vault", retain="40d", mode="governance")
    set_policy(0, "compliance", "1d", "7d", "30d")
    check(world.lock(old) == record["lock"], "a policy has changed an existing lock")
    _, record = world.put(collection="vault")
    shortest = after(milliseconds(record["received"]), "7d")
    check(milliseconds(record["lock"]["until"]) == shortest, f"{record}")
    check(record["lock"]["mode"] == "COMPLIANCE", f"{record}")
    for query, word in (
        ({"mode": "governance"}, "compliance"),
        ({"retain": "40d"}, "30d"),
        ({"retain": "12h"}, "1d"),
        ({"retainUntil": in_future(days=50)}, "30d"),
    ):
        reply = world.writer.put(b"x", "n", "vault", **query)
        refused(reply, word, status=(422,), slugs=("retention-refused",))
    # What was longer stays; an extension is bound by the policy of the day that it is asked for.
    refused(world.keeper.extend(old, in_future(days=80)), "30d")
    set_policy(0, "compliance", "1d", "7d", "1y", "--event", "contract.ended", "--sealed")
    reply = done(world.writer.put(b"x", "secret/name", "vault"))
    record = json.loads(reply.json["record"])
    lock = {"duration": "7d", "event": "contract.ended", "mode": "COMPLIANCE"}
    check(record["lock"] == lock and "commitment" in record, f"{record}")
    shown = world.run("auditor", "policy", "show", "vault").out
    check("contract.ended" in shown and "sealed" in shown, shown)
    check("vault" in world.run("auditor", "policy", "show").out, "policy show")
    check(world.auditor.policy("vault").json["policy"]["sealed"] is True, "GET policy")
    log = world.end()
    check(log.kinds["policy.set"] == 2, f"{log.kinds}")


BAD_DATES = {
    "past": "2001-01-01T00:00:00Z",
    "a second ago": None,
    "beyond the calendar": "10000-01-01T00:00:00Z",
    "far beyond it": "99999999-01-01T00:00:00Z",
    "beyond the policy": "9999-12-31T23:59:59Z",
    "not in the calendar": "2040-02-30T00:00:00Z",
    "no date": "tomorrow",
    "empty": "",
}


@cases(*BAD_DATES)
def test_bad_dates(env, what):
    world = World(env)
    index, record = world.put(retain="30d")
    date = BAD_DATES[what] if BAD_DATES[what] is not None else in_future(seconds=-1)
    reply = refused(world.keeper.extend(index, date))
    check(reply.status in (400, 409, 422), lambda: f"{reply}")
    if what in ("past", "a second ago"):
        check(record["lock"]["until"] in reply.detail, lambda: f"the lock is not named: {reply}")
    command = ("lock", index, "--until", date, "--reason", "x")
    result = world.run("keeper", *command, expect=4)
    check(result.err.strip(), "the command says nothing")
    reply = world.writer.put(b"x", "n", retainUntil=date)
    check(reply.status in (400, 422) and reply.problem, lambda: f"put: {reply}")
    check(world.lock(index) == record["lock"], "the lock has changed")
    world.end()


def test_retention_that_begins_with_an_event(env):
    world = World(env)
    policy = {"mode": "GOVERNANCE", "minimum": "1s", "default": "2s", "maximum": "30d"}
    done(world.boss.set_policy("cases", {**policy, "event": "closed"}), 201)
    first, record = world.put(collection="cases")
    check(
        record["lock"] == {"duration": "2s", "event": "closed", "mode": "GOVERNANCE"}, f"{record}"
    )
    longer, record = world.put(collection="cases", retain="1d", mode="compliance")
    check(record["lock"]["duration"] == "1d", f"{record}")
    strange, _ = world.put(collection="payments")
    reply = world.writer.put(b"x", "n", "cases", retainUntil=in_future(days=3))
    refused(reply, "closed", status=(422,))
    refused(world.writer.put(b"x", "n", "cases", retain="40d"), "30d", status=(422,))
    time.sleep(2.5)
    refused(world.keeper.extend(first, in_future(days=3)), "closed")
    refused_all(world.keeper.erase(records=[first]), first, "closed")
    refused_all(world.keeper.record_event("other", records=[first]), first, "closed")
    refused_all(world.keeper.record_event("closed", records=[strange]), strange)
    long_ago = "2020-01-01T00:00:00Z"
    reply = world.keeper.record_event("closed", records=[first, longer, strange], at=long_ago)
    done(reply)
    check(set(reply.refused) == {strange}, lambda: f"{reply}")
    acts = receipts_of(world, reply)
    check(all(act["event"] == "closed" and act["at"] for act in acts), f"{acts}")
    for index, duration in ((first, "2s"), (longer, "1d")):
        end = after(milliseconds(acts[0]["received"]), duration)
        check(milliseconds(world.lock(index)["until"]) == end, f"{world.lock(index)}")
    # A later event prolongs; one that would come to an earlier end changes nothing.
    reply = world.keeper.record_event("closed", records=[first], at=in_future(days=2))
    until = milliseconds(world.lock(first)["until"])
    check(reply.status >= 400 or until > milliseconds(in_future(days=1)), lambda: f"{reply}")
    world.keeper.record_event("closed", records=[first], at=long_ago)
    check(milliseconds(world.lock(first)["until"]) >= until, "an event has shortened a lock")
    # By selection, and on the command line.
    more = [world.put(f"dir/{n}", "cases")[0] for n in range(5)]
    result = world.run(
        "keeper", "event", "record", "closed", "--collection", "cases", "--prefix", "dir/",
        "--reason", "over",
    )  # fmt: skip
    check(result.out.strip(), "event record says nothing")
    for index in more:
        check("until" in world.lock(index), f"{world.lock(index)}")
    world.wait_until_released(*more)
    done(world.keeper.erase(records=more), 201)
    world.run("writer", "event", "record", "closed", longer, "--reason", "x", expect=4)
    world.run("keeper", "event", "record", "other", longer, "--reason", "x", expect=4)
    world.end()


def test_every_refusal_on_the_command_line_is_4_and_says_why(env):
    world = World(env)
    until = in_future(days=300)
    strict, _ = world.put(retain="30d", mode="compliance")
    soft, _ = world.put(retain="30d", mode="governance")
    strict_until = world.lock(strict)["until"]
    done(world.keeper.hold("case/7", records=[soft]))
    done(world.keeper.hold("case/8", records=[soft]))
    done(world.boss.release("case/8"))
    reason = ("--reason", "x")
    for name, command, words in (
        ("writer", ("lock", strict, "--until", until, *reason), ("writer",)),
        ("keeper", ("lock", strict, "--until", in_future(days=2), *reason), (strict_until,)),
        ("keeper", ("erase", "bypass", soft, *reason), ("bypass",)),
        ("breaker", ("erase", "bypass", strict, *reason), ("compliance", strict_until)),
        ("breaker", ("erase", "bypass", soft, *reason), ("case/7",)),
        ("keeper", ("hold", "release", "case/7", *reason), ("keeper",)),
        ("boss", ("hold", "release", "nowhere", *reason), ("nowhere",)),
        ("boss", ("hold", "release", "case/8", *reason), ("case/8",)),
        ("boss", ("hold", "release", "case/7", strict, *reason), ("case/7",)),
        ("breaker", ("clock", "resync", *reason), ("breaker",)),
        ("auditor", ("token", "create", "x", "--role", "writer"), ("auditor",)),
        ("keeper", ("log", "close", *reason), ("keeper",)),
        ("writer", ("get", strict), ("writer",)),
        ("auditor", ("put", "strongroom.yaml"), ("auditor",)),
    ):
        result = world.run(name, *command, expect=4)
        for word in words:
            check(
                word.lower() in (result.err + result.out).lower(),
                f"{name} {command}: {word!r} is not in: {result.out}{result.err}",
            )
    # Several: it goes on after a refused one, and ends with the gravest code.
    other, _ = world.put(retain="1d")
    result = world.run("keeper", "lock", strict, other, "--until", in_future(days=9), *reason,
                       expect=4)  # fmt: skip
    check(str(other) in result.out, f"the other one is not reported: {result.out}")
    check(world.lock(other)["until"] > in_future(days=8), f"{world.lock(other)}")
    for command in (
        ("lock", strict, "--until", until),
        ("lock", "--until", until, *reason),
        ("hold", "place", "m", *reason),
        ("hold", "place", "m", strict, "--standing", *reason),
        ("erase", "bypass", soft),
        ("policy", "set", "c", "--mode", "compliance"),
        ("token", "create", "x", "--role", "emperor"),
        ("hold", "sell"),
        ("hold",),
    ):
        world.run("boss", *command, expect=2)
    world.run("keeper", "lock", 99_999, "--until", until, *reason, expect=3)
    world.run("auditor", "hold", "list", "nowhere", expect=3)
    world.run("auditor", "erase", "proof", strict, expect=3)
    world.end()


def test_the_command_line_shows_the_state(env):
    world = World(env)
    index, record = world.put(retain="30d", mode="governance")
    later = in_future(days=40)
    out = world.run("keeper", "lock", index, "--until", later, "--reason", "longer").out
    check(str(index) in out and later in out, out)
    out = world.run(
        "keeper", "lock", index, "--until", later, "--mode", "compliance", "--reason", "harder"
    ).out
    check("COMPLIANCE" in out, out)
    world.run("keeper", "hold", "place", "case/9", index, "--reason", "asked for")
    shown = world.run("auditor", "show", index).out
    for word in (later, "COMPLIANCE", "case/9", "keeper"):
        check(word in shown, f"{word} is not in: {shown}")
    value = json.loads(world.run("auditor", "lock", index, "--until", later, "--reason", "x",
                                 expect=4).out or "{}")  # fmt: skip
    check(value == {}, f"{value}")
    out = world.run("auditor", "hold", "list").out
    check("case/9" in out, out)
    out = world.run("auditor", "hold", "list", "case/9").out
    check("case/9" in out and "keeper" in out, out)
    world.end()


def test_bodies_are_strict(env):
    world = World(env)
    index, _ = world.put(retain="30d")
    until = in_future(days=60)
    target = f"/v1/records/{index}/lock"
    json_type = {"Content-Type": "application/json"}
    for body in (
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"null",
        b'{"until":"%s","reason":"x","extra":1}' % until.encode(),
        b'{"until":"%s","until":"%s","reason":"x"}' % (until.encode(), until.encode()),
        b'{"until":5,"reason":"x"}',
        b'{"until":"%s","reason":"a\\u0000b"}' % until.encode(),
        b'{"until":"%s","reason":"%s"}' % (until.encode(), b"x" * 1025),
        b'{"until":"%s","reason":null}' % until.encode(),
        b'{"mode":"WEAK","reason":"x"}',
        b"\xff\xfe",
        b'{"reason":"' + b"x" * (2 << 20) + b'"}',
        b"[" * 100_000,
    ):
        try:
            reply = world.keeper.request("POST", target, body, json_type)
        except OSError:
            continue
        check(
            reply.status in (400, 413, 422) and reply.problem,
            lambda b=body, r=reply: f"{b[:80]} {r}",
        )
    for target, value in (
        ("/v1/holds", {"matter": "", "records": [1], "reason": "x"}),
        ("/v1/holds", {"matter": "a b", "records": [1], "reason": "x"}),
        ("/v1/holds", {"matter": "m" * 129, "records": [1], "reason": "x"}),
        ("/v1/holds", {"matter": "m", "records": [], "reason": "x"}),
        ("/v1/holds", {"matter": "m", "records": [-1], "reason": "x"}),
        ("/v1/holds", {"matter": "m", "records": [1.5], "reason": "x"}),
        ("/v1/holds", {"matter": "m", "records": ["1"], "reason": "x"}),
        ("/v1/holds", {"matter": "m", "records": [2**60], "reason": "x"}),
        ("/v1/holds", {"matter": "m", "reason": "x"}),
        (
            "/v1/holds",
            {"matter": "m", "records": [1], "selection": {"collection": "c"}, "reason": "x"},
        ),
        ("/v1/holds", {"matter": "m", "selection": {"collection": "C"}, "reason": "x"}),
        ("/v1/holds", {"matter": "m", "selection": {"prefix": "a"}, "reason": "x"}),
        ("/v1/holds", {"matter": "m", "records": [1], "standing": True, "reason": "x"}),
        ("/v1/events", {"event": "A B", "records": [1], "reason": "x"}),
        ("/v1/events", {"event": "e", "at": "now", "records": [1], "reason": "x"}),
    ):
        reply = world.keeper.post(target, **value)
        check(400 <= reply.status < 500 and reply.problem, lambda v=value, r=reply: f"{v}: {r}")
    log = world.end()
    check(not log.acts[len(NAMES) :], f"a bad request became an act: {log.kinds}")


def test_closing_the_log(env):
    world = World(env)
    index, _ = world.put(retain="1s")
    refused(world.keeper.post("/v1/log/close", reason="x"), status=(403,))
    reply = done(world.boss.post("/v1/log/close", reason="moved"))
    for attempt in (
        world.writer.put(b"x", "n"),
        world.keeper.extend(index, in_future(days=4)),
        world.keeper.hold("m", records=[index]),
        world.boss.post("/v1/log/close", reason="again"),
        world.boss.create_token("late", "writer"),
    ):
        refused(attempt, status=(409,), slugs=("log-closed",))
    check(world.auditor.payload(index).status == 200, "a closed log is read no more")
    check(reply.acts == [world.auditor.tree_size() - 1], lambda: f"{reply}")
    world.stop()
    env.fsck(world.data)
    world.serve()
    refused(world.writer.put(b"x", "n"), status=(409,), slugs=("log-closed",))
    world.end()
