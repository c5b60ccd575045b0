"""Completeness: nothing can be left out unseen; and the state is a fold that can be made anew."""

import json
import shutil
import time

from harness import cases, check, eventually, settings
from harness.workload import fill
from harness.world import World, done, in_future, refused
from log_words import milliseconds
from verify_receipt import verify_receipt

SECONDS = 22
NAMES = ("boss", "writer", "auditor", "keeper", "breaker")


def export(world, collection, folder):
    """Receipts of all of a collection, as an auditor would collect them."""
    cursor, count = None, 0
    world.env.path(folder).mkdir()
    while True:
        query = {"collection": collection, "limit": 500}
        if cursor is not None:
            query["cursor"] = cursor
        page = world.auditor.search(**query).json
        for row in next(value for value in page.values() if isinstance(value, list)):
            receipt = world.auditor.receipt(row["index"])
            check(receipt.status == 200, lambda r=receipt: f"{r}")
            number = json.loads(receipt.json["record"])["sequence"]
            world.env.write(f"{folder}/{number:06}.json", receipt.body)
            count += 1
        cursor = page.get("cursor")
        if cursor is None:
            return count


def verify(world, collection, *what, expect):
    arguments = ("verify", "--complete", collection, *what, "--key", world.key)
    return world.env.run(*arguments, expect=expect)


@cases("open", "sealed")
def test_a_missing_receipt_is_found_by_its_number(env, form):
    world = World(env, NAMES, height=8)
    if form == "sealed":
        policy = {"mode": "COMPLIANCE", "minimum": "1d", "default": "30d", "maximum": "7y"}
        done(world.boss.set_policy("audited", {**policy, "sealed": True}))
    for number in range(4):
        fill(world.writer, 70, tag=f"a{number}", collection="audited")
        fill(world.writer, 150, tag=f"b{number}", collection="noise")
    world.run("auditor", "prove", "--census", "audited", "-o", "census.json")
    proof = verify_receipt(env.path("census.json").read_bytes(), world.key)
    entry = proof["_record"]["collections"]["audited"]
    check(proof["_record"]["kind"] == "census" and 0 < entry["count"] <= 280, f"{entry}")
    count = export(world, "audited", "all")
    check(count == 280, f"{count} receipts")
    stop = verify(world, "audited", "all", expect=(0, 1))
    env.note(f"without a census: exit {stop.returncode}; the census counts {entry['count']}")
    verify(world, "audited", "all", "census.json", expect=0)
    last = entry["count"]
    for gone in ([1], [140], [139, 140], [last], [last - 1, last], list(range(200, last + 1))):
        for number in gone:
            env.path(f"all/{number:06}.json").rename(env.path(f"{number:06}.away"))
        out = verify(world, "audited", "all", "census.json", expect=1)
        said = out.out + out.err
        check(str(gone[0]) in said, f"{gone[:3]} is missing, and it says: {said}")
        for number in gone:
            env.path(f"{number:06}.away").rename(env.path(f"all/{number:06}.json"))
    # All of the newest ones gone and no census: nothing could tell; with it, it is told.
    verify(world, "audited", "all", "census.json", expect=0)
    changed = env.path("all/000007.json")
    text = changed.read_text()
    changed.write_text(text.replace('"leafHash":"', '"leafHash":"A', 1))
    verify(world, "audited", "all", "census.json", expect=1)
    changed.write_text(text)
    extra = env.path("all/zz.json")
    extra.write_text(text)
    verify(world, "audited", "all", "census.json", expect=(0, 1))
    extra.unlink()
    verify(world, "noise", "all", "census.json", expect=1)
    verify(world, "audited", "nowhere", expect=(2, 3))
    world.run("auditor", "prove", "--census", "never-seen", expect=3)
    check(world.auditor.get("/v1/collections/never-seen/census").status == 404, "a census of none")
    refused(world.writer.get("/v1/collections/audited/census"), status=(403,))
    world.end()


def test_every_seal_counts_what_has_changed(env):
    world = World(env, NAMES, height=8)
    names = [f"c{number:03}" for number in range(120)]
    for number, name in enumerate(names):
        fill(world.writer, 3 + number % 4, collection=name)
    fill(world.writer, 900, collection="large")
    # Acts alone make no census: nothing was counted on.
    index, _ = world.put(collection="large", retain="30d")
    for number in range(600):
        done(world.keeper.hold(f"case/{number % 50}-{number}", records=[index]))
    log = world.audit()
    check(log.kinds["census"] >= 4, f"{log.kinds}")
    check(set(log.census) == {*names, "large"}, f"{set(names) - set(log.census)} are not counted")
    world.end()


def test_the_catalog_is_made_anew_from_many_acts(env):
    """Deleted, it is rebuilt at start, and fsck says that it is equal to the fold."""
    count = settings.acts
    world = World(env, NAMES, height=16 if settings.soak else 8)
    indexes = fill(world.writer, min(2000, count // 2), collection="c", retain="30d")
    until = milliseconds(in_future(days=40))
    started = time.monotonic()
    with world.people.client(world.server, "keeper") as client:
        for number in range(count):
            index = env.random.choice(indexes)
            choice = number % 4
            if choice == 0:
                reply = client.hold(f"case/{number % 97}", records=env.random.sample(indexes, 3))
            elif choice == 1:
                # Each later than all before: never refused.
                reply = client.extend(index, text_of(until + number * 1000))
            elif choice == 2:
                reply = world.boss.release(f"case/{(number - 2) % 97}")
            else:
                selection = {"collection": "c", "prefix": f"fill/{number % 89}"}
                reply = client.hold(f"some/{number % 61}", selection=selection)
            check(reply.status in (200, 201, 409), lambda r=reply: f"{r}")
    env.note(f"{count:,} acts in {time.monotonic() - started:.1f} s")
    log = world.audit()
    check(len(log.acts) > count // 2, f"{log.kinds}")
    world.stop()
    before = env.fsck(world.data).out
    for folder in ("catalog",):
        shutil.rmtree(world.data / folder)
    world.serve()
    rebuilt = world.server.start_seconds
    again = world.audit()
    check(again.kinds == log.kinds, f"{again.kinds} {log.kinds}")
    world.stop()
    after = env.fsck(world.data).out
    check("catalog" in after, f"fsck does not speak of the catalog: {after}")
    world.serve()
    env.note(
        f"{len(log.acts):,} acts: start with a new catalog {rebuilt:.2f} s, with an old one "
        f"{world.server.start_seconds:.2f} s"
    )
    check(before.count("\n") == after.count("\n"), f"{before}\n{after}")
    world.end()


def text_of(value):
    import datetime

    moment = datetime.datetime.fromtimestamp(value / 1000, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_state_that_is_lost_costs_no_rule(env):
    """Without `state/` the tokens are gone, the acts are not; a new admin comes in by the door."""
    world = World(env, NAMES)
    index, record = world.put(retain="30d")
    done(world.keeper.hold("case/1", records=[index]))
    done(world.boss.revoke_token("breaker"))
    world.stop()
    shutil.rmtree(world.data / "state")
    world.serve()
    check(world.auditor.lock(index).status == 401, "a token whose secret is lost is taken")
    world.stop()
    for name, role in (("boss2", "admin"), ("auditor2", "auditor"), ("keeper2", "retention")):
        world.people.tokens[name] = env.token(world.data, name, role)
    env.run("token", "create", "boss", "--role", "admin", "--data", world.data, expect=4)
    world.serve()
    world.auditor = world.auditor2
    check(world.lock(index) == record["lock"], f"{world.lock(index)}")
    check(world.auditor.lock(index).json["holds"] == ["case/1"], "the hold is gone")
    clock = world.auditor.clock().json
    check(clock["budgetSeconds"] < 3600, f"a lost state gives budget: {clock}")
    done(world.clients["boss2"].release("case/1"))
    eventually(lambda: world.auditor.clock().json["settled"], "the clock stays unsettled")
    world.end()
