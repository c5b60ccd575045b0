"""Legal holds: of many records at once, standing, of several matters, against an erasure."""

import concurrent.futures
import json
import threading
import time

from harness import cases, check, settings
from harness.workload import MIB, fill, payload
from harness.world import World, done, in_future, receipts_of, refused, refused_all

SECONDS = 23
NAMES = ("boss", "writer", "auditor", "keeper", "breaker")


def timed(action):
    started = time.monotonic()
    reply = action()
    return reply, time.monotonic() - started


def test_a_hold_over_many_records_is_one_record(env):
    world = World(env, NAMES, height=8)
    count = settings.held_records
    indexes = fill(world.writer, count, tag="in/some/dir", collection="evidence", batch=1000)
    other = fill(world.writer, 50, tag="elsewhere", collection="evidence")
    size = world.auditor.tree_size()
    selection = {"collection": "evidence", "prefix": "in/some/"}
    reply, seconds = timed(lambda: world.keeper.hold("case/big", selection=selection))
    done(reply)
    check(reply.json["count"] == count, lambda: f"{reply}")
    check(world.auditor.tree_size() - size <= 2, "it is not a bounded number of records")
    (act,) = receipts_of(world, reply)
    check(act["count"] == count and act["before"] == size, f"{act}")
    whole, whole_seconds = timed(
        lambda: world.keeper.hold("case/all", selection={"collection": "evidence"})
    )
    check(done(whole).json["count"] == count + 50, lambda: f"{whole}")
    again, again_seconds = timed(lambda: world.keeper.hold("case/big2", selection=selection))
    done(again)
    env.note(
        f"a hold over {count:,} records by prefix: {seconds * 1000:.0f} ms, again "
        f"{again_seconds * 1000:.0f} ms; of a whole collection: {whole_seconds * 1000:.0f} ms; "
        "meant: less than a second"
    )
    for index in env.random.sample(indexes, 20):
        check(set(world.auditor.lock(index).json["holds"]) == {"case/all", "case/big", "case/big2"},
              lambda i=index: f"{i} is not held")  # fmt: skip
    check(world.auditor.lock(other[7]).json["holds"] == ["case/all"], "a record too many is held")
    for matter in ("case/big", "case/big2", "case/all"):
        done(world.boss.release(matter))
    check(world.auditor.lock(indexes[3]).json["holds"] == [], "it is still held")
    world.end()


def test_a_hold_and_an_erasure_at_the_same_time(env):
    """For each record one of them comes first in the log, and that one is right."""
    world = World(env, NAMES, height=8)
    count = min(settings.held_records, 10_000) // 2
    indexes = []
    for number in range(0, count, 500):
        files = [(f"d{number % 1000}/{n}", b"%d" % n) for n in range(number, number + 500)]
        reply = done(world.writer.batch(files, "race", retain="1s"))
        indexes += [receipt["index"] for receipt in reply.json["receipts"]]
    world.wait_until_released(indexes[-1])
    stop, placed, sizes = threading.Event(), [], []

    def erase():
        with world.people.client(world.server, "keeper") as client:
            return client.erase(collection="race")

    def hold():
        """Small ones all over, and at some moment one over half of all."""
        with world.people.client(world.server, "boss") as client:
            number = 0
            while not stop.is_set() and number < 400:
                number += 1
                if number == 5:
                    selection = {"collection": "race", "prefix": "d500/"}
                    reply = client.hold("race/half", selection=selection)
                else:
                    some = env.random.sample(indexes, 20)
                    reply = client.hold(f"race/{number % 7}", records=some)
                placed.append(reply.status)
                sizes.append(reply.status < 300)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        holder = pool.submit(hold)
        # The first holds may come before, the last ones after the erasure.
        time.sleep(env.random.uniform(0.0, 0.05))
        erased = pool.submit(erase).result()
        stop.set()
        holder.result()
    check(erased.status in (200, 201), lambda: f"{erased}")
    check(set(placed) <= {200, 201, 409, 410}, f"{set(placed)}")
    log = world.audit()
    outcomes = {"held": 0, "erased": 0, "neither": 0}
    first_hold = holds_by_record(log, world.auditor)
    for index in indexes:
        evidence, held_at = log.evidence[index], first_hold.get(index)
        if evidence.erased is not None:
            check(
                held_at is None or evidence.erased < held_at,
                f"{index} is erased by {evidence.erased}, and was held by {held_at}",
            )
            check(world.auditor.payload(index).status == 410, f"{index} is still there")
            outcomes["erased"] += 1
        else:
            check(world.auditor.payload(index).status == 200, f"{index} is gone without a record")
            outcomes["held" if held_at is not None else "neither"] += 1
    env.note(
        f"{sum(sizes)} holds beside one erasure over {len(indexes)} records: {outcomes}; "
        f"{log.kinds.get('payload.erased', 0)} records of erasure"
    )
    check(outcomes["neither"] == 0, f"{outcomes}: neither held nor erased")
    check(erased.json["erased"] == outcomes["erased"], lambda: f"{outcomes}: {erased}")
    world.end()


def holds_by_record(log, client):
    """The first hold.placed that covers a record, by the records alone."""
    first = {}
    for act in log.acts:
        record = json.loads(client.record(act).body)
        if record["kind"] != "hold.placed":
            continue
        if "records" in record:
            covered = [i for a, b in record["records"] for i in range(a, b + 1)]
        else:
            prefix = record["selection"].get("prefix", "")
            covered = [
                e.index
                for e in log.evidence.values()
                if e.collection == record["selection"]["collection"]
                and e.index < record["before"]
                and e.description["name"].startswith(prefix)
            ]
        for index in covered:
            first.setdefault(index, act)
    return first


def test_many_matters_and_many_records(env):
    world = World(env, NAMES)
    index, _ = world.put(retain="1s")
    others = [world.put(f"o{n}", retain="1s")[0] for n in range(30)]
    matters = [f"case/{n}" for n in range(40)]
    for matter in matters:
        done(world.keeper.hold(matter, records=[index, *others[:3]]))
    check(sorted(world.auditor.lock(index).json["holds"]) == sorted(matters), "not all are named")
    listed = {row["matter"] for row in world.auditor.get("/v1/holds").json["matters"]}
    check(listed == set(matters), f"{listed}")
    world.wait_until_released(index, *others)
    for matter in matters[:-1]:
        done(world.boss.release(matter))
        refused_all(world.keeper.erase(records=[index]), index, matters[-1])
    done(world.boss.release(matters[-1], [index]))
    done(world.keeper.erase(records=[index]))
    refused_all(world.keeper.erase(records=others[:3]), others[0], matters[-1])
    refused_all(world.keeper.hold("late", records=[index]), index)
    reply = done(world.keeper.hold("late", records=[index, *others]))
    check(set(reply.refused) == {index} and reply.json["count"] == 30, lambda: f"{reply}")
    again = world.keeper.hold("late", records=others)
    check(again.status == 200 and not again.acts, lambda: f"held twice: {again}")
    done(world.boss.release("late", others[:10]))
    refused(world.boss.release("late", others[:1]), "late")
    refused(world.boss.release("never", others), "never")
    done(world.boss.release("late"))
    refused(world.boss.release("late"), "late", "released")
    check(world.auditor.get("/v1/holds/late").json["released"] is True, "GET of a matter")
    check(world.auditor.get("/v1/holds/never").status == 404, "GET of no matter")
    for name in ("keeper", "breaker", "auditor", "writer"):
        refused(world.clients[name].release(matters[-1]), status=(403,))
    for name in ("auditor", "writer"):
        refused(world.clients[name].hold("x", records=others), status=(403,))
    done(world.keeper.hold("late", records=others[:2]))
    check(world.auditor.lock(others[0]).json["holds"][-1] in ("late", matters[-1]), "placed again")
    world.end()


@cases("open", "sealed")
def test_standing_holds_cover_what_comes_later(env, form):
    world = World(env, NAMES, height=8)
    descriptions = {}
    policy = {"mode": "GOVERNANCE", "minimum": "1s", "default": "1s", "maximum": "1y"}
    done(world.boss.set_policy("mail", {**policy, "sealed": form == "sealed"}))

    def put(name, labels=None, body=b"x"):
        reply = done(world.writer.put(body, name, "mail", labels))
        receipt = reply.json
        if "opening" in receipt:
            descriptions[receipt["index"]] = json.loads(receipt["opening"]["description"])
        return receipt["index"]

    early = put("2031/jane/1")
    stray = put("2031/john/1")
    labelled = put("2032/x", {"team": "pay", "day": "5"})
    selection = {"collection": "mail", "prefix": "2031/jane/"}
    reply = done(world.keeper.hold("case/jane", selection=selection, standing=True))
    check(reply.json["count"] == 1, lambda: f"{reply}")
    by_label = {"collection": "mail", "labels": {"team": "pay"}}
    done(world.keeper.hold("case/pay", selection=by_label, standing=True))
    once = {"collection": "mail", "prefix": "2031/"}
    done(world.keeper.hold("case/once", selection=once))
    empty = {"collection": "nothing-yet"}
    done(world.keeper.hold("case/empty", selection=empty, standing=True))
    late = put("2031/jane/2")
    late_pay = put("2033/y", {"team": "pay"}, payload(1, 2 * MIB))
    late_stray = put("2031/john/2", {"team": "ops"})
    first = done(world.writer.put(b"x", "n", "nothing-yet", retain="1s")).json["index"]
    expected = {
        early: {"case/jane", "case/once"},
        stray: {"case/once"},
        labelled: {"case/pay"},
        late: {"case/jane"},
        late_pay: {"case/pay"},
        late_stray: set(),
        first: {"case/empty"},
    }

    def check_all(when):
        for index, matters in expected.items():
            found = set(world.auditor.lock(index).json["holds"])
            check(found == matters, f"{when}: {index} is held for {found}, not {matters}")

    check_all("at once")
    # The segment is sealed: descriptions are then read from its files.
    fill(world.writer, 600, collection="bulk")
    check_all("sealed")
    world.wait_until_released(late_stray)
    world.serve()
    check_all("after a restart")
    reply = world.keeper.erase(collection="mail")
    check(done(reply).json["erased"] == 1, lambda: f"{reply}")
    check(world.auditor.payload(late_stray).status == 410, "what nobody holds is not erased")
    done(world.boss.release("case/jane", [late]))
    expected[late] = set()
    del expected[late_stray]
    check_all("one is released")
    more = put("2031/jane/3")
    expected[more] = {"case/jane"}
    check_all("after the release of one")
    done(world.boss.release("case/pay"))
    free = put("2034/z", {"team": "pay"})
    expected[labelled], expected[late_pay], expected[free] = set(), set(), set()
    check_all("a matter is over")
    world.wait_until_released(late, labelled, late_pay, more)
    reply = done(world.keeper.erase(records=[late, labelled, late_pay]))
    check(reply.json["erased"] == 3, lambda: f"{reply}")
    refused_all(world.keeper.erase(records=[more]), more, "case/jane")
    world.end(descriptions)


def test_standing_holds_on_the_command_line(env):
    world = World(env, NAMES)
    selection = {"collection": "mail", "prefix": "x" * 1025}
    refused(world.keeper.hold("m", selection=selection), "1,024")
    options = ("--collection", "mail", "--prefix", "2031/john", "--label", "team=ops", "--standing")
    world.run("boss", "hold", "place", "case/cli", *options, "--reason", "on the command line")
    covered, _ = world.put("2031/johnny", "mail", labels={"team": "ops", "x": "y"})
    other, _ = world.put("2031/johnny", "mail", labels={"team": "pay"})
    check(world.auditor.lock(covered).json["holds"] == ["case/cli"], "by the command line")
    check(world.auditor.lock(other).json["holds"] == [], "a record too many is held")
    out = world.run("auditor", "hold", "list", "case/cli").out
    check("2031/john" in out and "team=ops" in out, out)
    world.run("boss", "hold", "release", "case/cli", "--reason", "over")
    check(world.auditor.lock(covered).json["holds"] == [], "it is still held")
    world.end()


def test_a_hold_outlasts_locks_extensions_and_restarts(env):
    world = World(env, NAMES)
    index, _ = world.put(retain="1s", mode="governance")
    done(world.keeper.hold("case/1", records=[index]))
    done(world.keeper.extend(index, in_future(seconds=3)))
    refused_all(world.breaker.bypass([index]), index, "case/1")
    world.wait_until_released(index)
    for action in ("stop", "kill"):
        getattr(world, action)()
        world.serve()
        refused_all(world.keeper.erase(records=[index]), index, "case/1")
        rows = world.auditor.due(whyNot="true").json["due"]
        (row,) = [row for row in rows if row["index"] == index]
        check(not row["isDue"] and "case/1" in row["reason"], f"{row}")
    done(world.boss.release("case/1"))
    rows = world.auditor.due().json["due"]
    check([row["index"] for row in rows] == [index], f"{rows}")
    done(world.keeper.erase(records=[index]))
    world.end()
