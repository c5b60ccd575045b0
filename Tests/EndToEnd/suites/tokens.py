"""Principals: tokens, roles, scopes, refusals, what is logged of reads, and what is never kept."""

import concurrent.futures
import hashlib
import json
import time

from harness import Server, cases, check, eventually
from harness.client import TOKEN
from harness.environment import token_in
from harness.world import World, done, in_future, receipts_of, refused
from verify_receipt import verify_receipt

SECONDS = 14
NAMES = ("boss", "writer", "auditor", "keeper", "breaker")
# What each role may do, of `attempts`; all else is forbidden to it.
MAY = {
    "writer": "append",
    "auditor": "read entries locks tokens-list clock",
    "keeper": "locks clock extend hold event erase",
    "breaker": "locks clock extend hold event erase bypass",
    "boss": "locks tokens-list clock extend hold release event policy tokens-make",
}


def attempts(client, index, number):
    """One harmless request for each thing that can be allowed: name -> reply."""
    policy = {"mode": "GOVERNANCE", "minimum": "1s", "default": "30d", "maximum": "100y"}
    far = in_future(days=200 + number)
    return {
        "append": client.put(b"x", "n"),
        "read": client.payload(index),
        "entries": client.get("/tile/entries/000.p/1"),
        "locks": client.lock(index),
        "extend": client.extend(index, far),
        "hold": client.hold(f"case/{number}", records=[index]),
        "release": client.release(f"case/{number}"),
        "event": client.record_event("never", records=[index]),
        "erase": client.erase(records=[index]),
        "bypass": client.bypass([index]),
        "policy": client.set_policy("payments", policy, dry_run=True),
        "tokens-list": client.get("/v1/tokens"),
        "tokens-make": client.create_token(f"made-{number}", "writer"),
        "clock": client.clock(),
    }


def test_each_role_may_its_own_and_nothing_else(env):
    world = World(env, NAMES)
    index, _ = world.put(retain="30d", mode="compliance")
    for number, name in enumerate(sorted(MAY)):
        replies = attempts(world.clients[name], index, number)
        allowed = set(MAY[name].split())
        for what, reply in replies.items():
            if what in allowed:
                check(
                    reply.status not in (401, 403), lambda n=name, w=what, r=reply: f"{n} {w}: {r}"
                )
            else:
                check(
                    reply.status == 403 and reply.problem == "forbidden",
                    lambda n=name, w=what, r=reply: f"{n} {w}: {r}",
                )
                check(name in reply.detail, lambda r=reply: f"it does not say who: {r}")
    nobody = world.server.client()
    for what, reply in attempts(nobody, index, 99).items():
        check(reply.status == 401 and reply.problem == "unauthorized", f"nobody {what}: {reply}")
        check("Bearer" in reply.headers.get("WWW-Authenticate", ""), f"{reply.headers}")
    for target in ("/checkpoint", "/tile/0/000.p/1", "/healthz", "/readyz", "/metrics"):
        check(nobody.get(target).status == 200, f"{target} needs a token")
    check(nobody.consistency(1, 2).status == 200, "the proof of growth needs a token")
    world.end()


def test_wrong_revoked_and_expired_tokens(env):
    world = World(env, NAMES)
    reply = done(world.boss.create_token("ci", "writer", collections=["builds"], expires="90d"))
    token = world.people.add("ci", reply)
    (act,) = receipts_of(world, reply)
    check((act["token"], act["role"], act["principal"]) == ("ci", "writer", "boss"), f"{act}")
    check(act["collections"] == ["builds"], f"{act}")
    check(token.split("_", 2)[2] not in reply.json["receipt"]["record"], "the secret is in a leaf")
    ci = world.people.client(world.server, "ci")
    check(ci.put(b"x", "n", "builds").status == 201, "its own collection")
    refused(ci.put(b"x", "n", "payments"), "ci", status=(403,))
    record = json.loads(done(ci.put(b"x", "n", "builds")).json["record"])
    check(record["submitter"] == "ci", f"{record}")
    for bad in (
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        token.replace(token.split("_", 2)[1], "0" * 12),
        token.upper(),
        token + "x",
        "strongroom_",
        "",
        "x" * 5000,
    ):
        reply = world.server.client(token=bad).put(b"x", "n", "builds")
        check(reply.status in (400, 401, 429, 431), lambda b=bad, r=reply: f"{b[:80]}: {r}")
    for header in (f"bearer {token}", f"Bearer  {token}", token, f"Basic {token}", "Bearer"):
        reply = world.server.client().put(b"x", "n", "builds", headers={"Authorization": header})
        check(reply.status in (201, 400, 401, 429), lambda h=header, r=reply: f"{h}: {r}")
    world.serve()
    ci = world.people.client(world.server, "ci")
    check(ci.put(b"x", "n", "builds").status == 201, "after a restart")
    refused(world.boss.create_token("ci", "writer"), "ci")
    done(world.boss.revoke_token("ci"))
    refused(ci.put(b"x", "n", "builds"), status=(401,), slugs=("unauthorized",))
    check(world.boss.revoke_token("ci").status in (404, 409), "revoked twice")
    check(world.boss.revoke_token("nobody").status in (404, 409), "revoked what is not there")
    refused(world.boss.create_token("ci", "writer"), "ci")
    made = time.monotonic()
    world.people.add("brief", world.boss.create_token("brief", "auditor", expires="4s"))
    brief = world.people.client(world.server, "brief")
    status = brief.search().status
    check(status == 200 or time.monotonic() > made + 4, f"a token of four seconds: {status}")
    eventually(lambda: brief.search().status == 401, "it does not expire")
    listed = {row["name"]: row for row in world.auditor.get("/v1/tokens").json["tokens"]}
    check(listed["ci"]["state"] == "revoked" and listed["brief"]["state"] == "expired", f"{listed}")
    check(listed["boss"]["state"] == "active", f"{listed}")
    for grant in (
        {"name": "past", "role": "writer", "expires": "2001-01-01T00:00:00Z"},
        {"name": "anonymous", "role": "writer"},
        {"name": "strongroom", "role": "writer"},
        {"name": "local", "role": "admin"},
        {"name": "UPPER", "role": "writer"},
        {"name": "w", "role": "writer", "rights": ["bypass"]},
        {"name": "w", "role": "king"},
        {"name": "w", "role": "writer", "rights": ["fly"]},
        {"name": "w", "role": "writer", "collections": []},
        {"name": "w", "role": "writer", "collections": ["A"]},
        {"name": "w", "role": "writer", "expires": "soon"},
    ):
        refused(world.boss.create_token(**grant), status=(400, 409, 422))
    world.serve()
    check(world.people.client(world.server, "ci").search().status == 401, "revoked, restarted")
    world.end()


def test_scopes(env):
    """A token for some collections sees and does nothing elsewhere, by any way."""
    scope = ("--collection", "ours", "--collection", "also-ours")
    others = {
        "w": ("writer", scope),
        "a": ("auditor", scope),
        "r": ("retention", ("--right", "bypass", *scope)),
        "m": ("admin", scope),
    }
    world = World(env, NAMES, others=others)
    ours, _ = world.put("n", "ours", retain="1s", mode="governance")
    theirs, _ = world.put("n", "theirs", retain="1s", mode="governance")
    done(world.clients["w"].put(b"x", "n", "also-ours"))
    refused(world.clients["w"].put(b"x", "n", "theirs"), status=(403,))
    refused(world.clients["w"].batch([("a", b"x")], "theirs"), status=(403,))
    check(world.a.payload(ours).status == 200, "its own")
    for path in ("", "/payload", "/receipt", "/lock", "/erasure"):
        reply = world.a.get(f"/v1/records/{theirs}{path}")
        check(reply.status in (403, 404), lambda p=path, r=reply: f"{p}: {r}")
        check("theirs" not in reply.body.decode() or path == "", lambda r=reply: f"{r}")
    refused(world.a.get("/tile/entries/000.p/1"), status=(403,))
    refused(world.a.search(collection="theirs"), status=(403,))
    everywhere = world.a.search()
    check(
        everywhere.status == 403 or "theirs" not in everywhere.body.decode(),
        lambda: f"search shows others': {everywhere}",
    )
    for client in (world.r, world.m):
        for reply in (
            client.extend(theirs, in_future(days=9)),
            client.hold("case/1", records=[theirs]),
            client.hold("case/1", selection={"collection": "theirs"}),
        ):
            check(reply.status in (403, 404), lambda r=reply: f"{r}")
    time.sleep(2.2)
    check(world.r.erase(collection="theirs").status == 403, "erases elsewhere")
    reply = world.r.erase(records=[theirs])
    check(reply.status in (403, 404) or theirs in reply.refused, lambda: f"{reply}")
    reply = world.r.bypass([theirs])
    check(reply.status in (403, 404, 409) or theirs in reply.refused, lambda: f"{reply}")
    reply = world.r.erase()
    check(reply.status in (200, 201, 403), lambda: f"{reply}")
    check(world.auditor.payload(theirs).status == 200, "a scoped token erased elsewhere")
    mixed = world.keeper.hold("case/both", records=[ours, theirs])
    check(mixed.status in (201, 410), lambda: f"{mixed}")
    refused(world.m.release("case/both"), status=(403, 404, 409))
    policy = {"mode": "GOVERNANCE", "minimum": "1s", "default": "30d", "maximum": "100y"}
    refused(world.m.set_policy("theirs", policy), status=(403,))
    done(world.m.set_policy("ours", policy))
    for grant in ({}, {"collections": ["theirs"]}, {"collections": ["ours", "theirs"]}):
        refused(world.m.create_token("sub", "admin", **grant), status=(403, 409, 422))
    done(world.m.create_token("sub", "writer", collections=["ours"]))
    refused(world.m.post("/v1/log/close", reason="x"), status=(403,))
    refused(world.m.resync(), status=(403,))
    world.end()


def test_without_tokens_it_is_open_on_loopback_only(env):
    data = env.init()
    server = env.serve(data)
    with server.client() as client:
        index = done(client.put(b"x", "n", retain="30d", mode="governance")).json["index"]
        done(client.extend(index, in_future(days=90)))
        done(client.hold("m", records=[index]))
        done(client.release("m"))
        for reply in (client.bypass([index]), client.resync()):
            refused(reply, "token", status=(403,))
        refused(client.create_token("first", "writer"), "admin", status=(403, 409, 422))
        refused(client.create_token("first", "admin", collections=["c"]), status=(403, 409, 422))
        web = {"Origin": "https://attacker.example"}
        reply = client.request(
            "POST", "/v1/holds", json.dumps({"matter": "m", "records": [index], "reason": "x"}),
            {"Content-Type": "application/json", **web},
        )  # fmt: skip
        check(reply.status == 403, lambda: f"a web page may place holds: {reply}")
        first = done(client.create_token("first", "admin")).json["token"]
        check(client.lock(index).status == 401, "open although there is a token")
        check(server.client(token=first).lock(index).status == 200, "the first token")
    server.terminate()
    for address in ("0.0.0.0:0", "[::]:0"):
        fresh = env.init(f"fresh{len(address)}")
        result = env.run("serve", fresh, "--listen", address, expect=(2, 4))
        check("token" in result.err.lower() and "loopback" in result.err.lower(), result.err)
    server = Server(env.binary, data)
    server.command[server.command.index("127.0.0.1:0")] = "0.0.0.0:0"
    env.defer(server.kill)
    server.launch()
    eventually(
        lambda: any("listening on" in line for line in server.lines), lambda: server.log()
    )
    server.terminate()
    env.fsck(data)


def test_secrets_are_nowhere(env):
    config = "log:\n  level: debug\nretention:\n  default: 30d\n"
    world = World(env, NAMES, config=config)
    world.run("boss", "token", "create", "filed", "--role", "auditor", "-o", "filed.token")
    path = env.path("filed.token")
    check(path.stat().st_mode & 0o777 == 0o600, f"{path.stat().st_mode:o}")
    world.people.tokens["filed"] = TOKEN.findall(path.read_text())[0]
    env.run("search", "--help", expect=2)
    env.run("list", "--token-file", path, "--server", world.server.url)
    out = world.run("boss", "token", "create", "shown", "--role", "auditor", "--expires", "90d")
    world.people.tokens["shown"] = token_in(out)
    again = world.run("boss", "token", "create", "shown", "--role", "auditor", expect=4)
    check(not TOKEN.search(again.out + again.err), "a refused creation shows a token")
    listed = world.run("auditor", "token", "list").out
    check(all(name in listed for name in ("filed", "shown", "boss")), listed)
    check("retention" in listed and "bypass" in listed, listed)
    world.run("boss", "token", "revoke", "shown")
    for client in world.people.clients(world.server).values():
        client.search()
        client.get(f"/v1/search?token={client.token}")
    index, _ = world.put()
    world.auditor.payload(index)
    world.serve()
    world.stop()
    lines = "\n".join(world.server.lines)
    for name, token in world.people.tokens.items():
        _, identifier, secret = token.split("_", 2)
        digests = [hashlib.sha256(text.encode()).digest() for text in (token, secret)]
        for needle in (token.encode(), secret.encode(), *digests):
            for path in sorted(world.data.rglob("*")):
                if path.is_file():
                    check(needle not in path.read_bytes(), f"{name}'s secret is in {path}")
        check(secret not in lines, f"{name}'s secret is in the log lines")
        check(identifier, "a token has an identifier")
    (database,) = (world.data / "state").glob("state.mdb")
    check(database.stat().st_mode & 0o077 == 0, f"others can read {database}")
    world.serve()
    world.end()


def test_failed_tries_are_limited(env):
    world = World(env, NAMES)
    statuses = []
    for number in range(30):
        client = world.server.client(token=f"strongroom_{number:012x}_{'A' * 43}")
        statuses.append(client.search().status)
    check(set(statuses) == {401, 429}, f"{statuses}")
    check(statuses[:5] == [401] * 5 and statuses[-1] == 429, f"{statuses}")
    reply = world.server.client(token="strongroom_0_x").search()
    check(reply.status == 429 and reply.headers.get("Retry-After"), f"{reply} {reply.headers}")
    refused(reply, status=(429,), slugs=("too-many-failures",))
    # Who has a right token is served all the same, or the limit is a weapon against others here.
    answer = world.writer.put(b"x", "n").status
    env.note(f"a right token from the same address meanwhile: {answer}")
    check(answer in (201, 429), f"{answer}")
    check(world.server.client().get("/healthz").status == 200, "the probes are limited too")

    def guess(number):
        with world.server.client(token=f"strongroom_{number:012x}_{'B' * 43}") as client:
            return client.search().status

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        check(set(pool.map(guess, range(100))) == {429}, "tries at the same time get through")
    world.stop()


@cases("put", "lock")
def test_the_command_line_takes_its_token_from_three_places(env, command):
    world = World(env, NAMES)
    index, _ = world.put(retain="30d")
    who = "writer" if command == "put" else "keeper"
    env.write("f", b"x")
    arguments = {
        "put": ("put", "f", "--server", world.server.url),
        "lock": ("lock", index, "--until", in_future(days=60), "--reason", "x", "--server",
                 world.server.url),
    }[command]  # fmt: skip
    token = world.people.tokens[who]
    env.run(*arguments, expect=4)
    env.run(*arguments, env={"STRONGROOM_TOKEN": token})
    path = env.write("token", token + "\n")
    env.run(*arguments, "--token-file", path)
    env.run(*arguments, "--token-file", "nowhere", expect=(2, 3))
    env.run(*arguments, "--token-file", env.write("empty", b""), expect=2)
    env.run(*arguments, env={"STRONGROOM_TOKEN": "not a token"}, expect=(2, 4))
    result = env.run(*arguments, env={"STRONGROOM_TOKEN": token[:-1] + "_"}, expect=4)
    check(token[:-1] not in result.err + result.out, "the token is shown")
    reply = world.auditor.receipt(index)
    verify_receipt(reply.body, world.key)
    world.end()
