"""A log that was off for a month: witnesses and authorities settle its clock, or they do not.

What they signed stands in the record, and is verified here with `cryptography` and `openssl ts`.
"""

import base64
import json
import time

from harness import cases, check, eventually
from harness.authority import Authority, verified
from harness.faketime import faked
from harness.panel import Panel, voices
from harness.world import CONFIG, World, done, refused
from log_words import milliseconds

SECONDS = 60
NAMES = ("boss", "second", "writer", "auditor", "keeper")
DAYS = 30


class Sources:
    """Witnesses and authorities by name, and the configuration that names them."""

    def __init__(self, env, witnesses, authorities, log_key, names=None):
        self.env = env
        self.panel = Panel(env, witnesses, 1, log_key)
        self.authorities = {name: Authority(env.path(f"tsa-{name}"), name) for name in authorities}
        for authority in self.authorities.values():
            env.defer(authority.close)
        # More names than authorities: one of them under two.
        self.named = names or {name: name for name in authorities}

    def config(self):
        lines = [CONFIG]
        if self.panel.keys:
            lines.append(self.panel.config().read_text())
        if self.named:
            lines.append("timestamps:\n  authorities:")
        for name, real in self.named.items():
            authority = self.authorities[real]
            lines.append(f'    - {{name: {name}, url: "{authority.url}", caFile: {authority.ca}}}')
        return self.env.write("with-sources.yaml", "\n".join(lines) + "\n")


def sleeper(env, witnesses, authorities, names=None):
    """A log whose clock is a month behind, with sources from its next start on."""
    world = World(env, NAMES, faked=faked(f"-{DAYS}d"))
    old, _ = world.put("old", retain="1d", body=b"over by now")
    world.stop()
    sources = Sources(env, witnesses, authorities, world.key, names)
    world.config = sources.config()
    return world, sources, old


def settled(world):
    return world.auditor.clock().json["settled"]


def records(world):
    size = world.auditor.tree_size()
    return [json.loads(world.auditor.record(index).body) for index in range(size)]


def checkpoint_text(world, size):
    """What was signed for a tree, as the runbook has it."""
    note = world.auditor.get(f"/v1/records/0/receipt?size={size}").json["checkpoint"]
    text = note[: note.index("\n\n") + 1]
    check(text.split("\n")[1] == str(size), text)
    return text


@cases((("a",), ("one",)), ((), ("one", "two")), (("a", "b"), ()), (("a", "b"), ("one", "two")))
def test_two_sources_settle_the_clock(env, case):
    world, sources, old = sleeper(env, *case)
    world.serve()
    eventually(lambda: settled(world), lambda: f"unsettled:\n{world.server.log()}")
    shown = world.run("auditor", "clock", "show").out
    check(f"{len(case[0]) + len(case[1])} witnesses and authorities" in shown, shown)
    check("clock.sources" in world.server.log(100), world.server.log(100))
    world.put("new")
    found = [record for record in records(world) if record["kind"] == "clock.resynced"]
    check(len(found) == 1 and found[0]["principal"] == "strongroom", f"{found}")
    act = found[0]
    check("clock.settled" in world.server.log(), world.server.log())
    check(len({(one["kind"], one["source"]) for one in act["times"]}) == 2, f"{act}")
    for one in act["times"]:
        check(act["from"] < act["to"] <= one["time"], f"{act}")
        text = checkpoint_text(world, one["size"])
        if one["kind"] == "timestamp":
            authority = sources.authorities[one["source"]]
            token = env.path("token.tst")
            token.write_bytes(base64.b64decode(one["evidence"]))
            check(verified(token, env.write("text", text.encode()), authority.ca), f"{one}")
        else:
            note = f"{text}\n— {one['source']} {one['evidence']}\n"
            (seconds,) = voices(note, sources.panel.keys).values()
            check(seconds * 1000 == milliseconds(one["time"]), f"{one} {seconds}")
    # Its lock was over long ago; from now on that counts.
    done(world.keeper.erase(records=[old]))
    # The record is enough: with neither state nor sources the next start is settled.
    world.stop()
    (world.data / "state" / "state.mdb").unlink()
    world.config = env.write("strongroom.yaml", CONFIG)
    world.serve()
    check(settled(world), f"{world.auditor.clock()}")
    world.put("newer")
    world.end()


def stays(world, words):
    """The server has asked, and tells why its clock stays as it is."""
    eventually(lambda: words in world.server.log(100), lambda: f"{words}: {world.server.log(100)}")
    check(not settled(world), f"{world.auditor.clock()}")
    refused(world.writer.put(b"x", "n"), status=(503,), slugs=("clock-unsettled",))


def test_one_source_under_two_names_is_one(env):
    world, sources, _ = sleeper(env, (), ("one",), {"first": "one", "second": "one"})
    world.serve()
    stays(world, "clock.unsettled")
    check(sources.authorities["one"].requests >= 2, "it was not asked under both names")
    for name in ("boss", "second"):
        world.clients[name].resync("two persons instead")
    check(settled(world), "two persons do not settle it")
    world.end()


def test_one_of_two_is_silent(env):
    world, sources, _ = sleeper(env, ("a",), ("one",))
    sources.authorities["one"].mode = "error"
    world.serve()
    stays(world, "clock.unsettled")
    # Back again: the next start asks at once.
    sources.authorities["one"].mode = "granted"
    world.serve()
    eventually(lambda: settled(world), lambda: f"unsettled:\n{world.server.log()}")
    world.end()


@cases((("a", "b"), ()), (("a",), ("one",)), ((), ("one", "two")))
def test_a_wall_clock_that_nobody_vouches_for(env, case):
    """Set three years ahead: two honest sources do not let it count."""
    world, *_ = sleeper(env, *case)
    world.serve(env=faked("+3y"))
    stays(world, "clock.unsettled")
    moved = milliseconds(world.auditor.clock().json["compliance"])
    check(moved < time.time() * 1000, f"it moved to {moved}")
    found = [record["kind"] for record in records(world)]
    check("clock.resynced" not in found, f"{found}")
    world.end()
