"""Bundles out of a real server: what is in them, who gets them, and what is refused of them.

Two verifiers judge every bundle: `strongroom verify` on the archive, and verify.py, unpacked.
"""

import hashlib
import io
import json
import subprocess
import sys
import tarfile

from harness import check, eventually
from harness.workload import MIB, fill, payload
from harness.world import World, done, in_future, receipts_of, refused

SECONDS = 40
LIMIT_SECONDS = 240
CHANGES = 120
# Of another log.
OTHER_KEY = "AYWSSkZ4tg6mbo4cZ2k7wlqt8IaZFValPgkKUm4G+/ot"
OTHERS = {"limited": ("auditor", ("--collection", "payments"))}
GONE = hashlib.sha256(b"gone").hexdigest()
SEALED = {"mode": "GOVERNANCE", "minimum": "1s", "default": "7y", "maximum": "100y", "sealed": True}


class Story:
    """A log in which everything has happened that a bundle can tell of."""

    def __init__(self, env):
        self.world = world = World(env, height=8, others=OTHERS)
        self.files = {}
        done(world.boss.set_policy("secret", SEALED))
        self.noise = fill(world.writer, 150, collection="noise", tag="other")
        for number in range(120):
            self.put(f"2026/q{number % 4}/ä {number}.txt", b"%d\n" % number, "payments")
        self.put("empty", b"", "payments")
        self.put("x" * 300 + ".bin", payload(3 * MIB, 7), "payments")
        self.put(".hidden", b"h", "payments", labels={"kind": "evidence"})
        hidden = [self.put(f"name-{n}", b"sealed %d" % n, "secret") for n in range(12)]
        # The same bytes again: these stay.
        self.twice = {self.put("copy", b"gone", name) for name in ("payments", "secret")}
        short, _ = world.put("short", "payments", b"gone", retain="1s")
        sealed, _ = world.put("veiled", "secret", b"gone", retain="1s")
        held = list(self.files)[10:14]
        done(world.keeper.hold("case/7", records=held))
        done(world.keeper.hold("case/8", selection={"collection": "secret"}, standing=True))
        done(world.boss.release("case/8"))
        done(world.keeper.hold("case/9", records=hidden[:3]))
        for index in held[:2]:
            done(world.keeper.extend(index, until=in_future(days=4000), mode="COMPLIANCE"))
        bypassed = list(self.files)[50]
        done(world.breaker.bypass([bypassed]))
        world.wait_until_released(short, sealed)
        done(world.keeper.erase(records=[short]))
        done(world.keeper.erase(records=[sealed]))
        self.held, self.hidden = held, hidden
        self.erased = {short: "payments", sealed: "secret", bypassed: "payments"}
        self.files.pop(bypassed)
        fill(world.writer, 300, collection="noise", tag="more")
        self.tail = self.put("last", b"after the seal", "payments")
        for index in (held[0], hidden[0]):
            done(world.auditor.payload(index), 200)
            # Refused, and yet in the access log.
            refused(world.auditor.get(f"/v1/records/00{index}"))
            refused(world.auditor.get(f"/v1/records/{index}?collection=x"))

    def put(self, name, body, collection, **query):
        index, _ = self.world.put(name, collection, body, **query)
        self.files[index] = (collection, name, body)
        return index

    def of(self, collection):
        return {index for index, (found, _, _) in self.files.items() if found == collection}


def export(world, *selection, who="auditor", name="bundle.tar"):
    path = world.env.path(name)
    result = world.run(who, "export", *selection, "-o", path, "--json")
    told = json.loads(result.out)
    data = path.read_bytes()
    check(told["size"] == len(data), f"{told}")
    check(told["sha256"] == hashlib.sha256(data).hexdigest(), f"{told}")
    return path, told["id"]


def verified(world, path, expect=0):
    """Both verifiers say yes; returns the report of verify.py, and the bundle's directory."""
    world.env.run("verify", path, "--key", world.key, expect=expect)
    place = world.env.path(f"{path.stem}.unpacked")
    place.mkdir()
    subprocess.run(["tar", "-xf", path, "-C", place], check=True)
    (directory,) = place.iterdir()
    command = [sys.executable, "-I", "verify.py", "--key", world.key, "--json"]
    result = subprocess.run(command, cwd=directory, env={}, capture_output=True, text=True)
    check(result.returncode == expect, lambda: f"{result.stdout}{result.stderr}")
    return json.loads(result.stdout), directory


def payloads(directory):
    return {
        int(path.parent.name): path.read_bytes()
        for path in (directory / "data" / "payloads").glob("*/*")
    }


def test_selections(env):
    """Each bundle holds what was asked for, all of it and nothing else."""
    story = Story(env)
    world, files = story.world, story.files
    wanted = {
        "payments": (("--collection", "payments"), story.of("payments")),
        "secret": (("--collection", "secret"), story.of("secret")),
        "matter": (("--matter", "case/7"), set(story.held)),
        "sealed-matter": (("--matter", "case/9"), set(story.hidden[:3])),
        "prefix": (
            ("--collection", "payments", "--prefix", "2026/q1/"),
            {i for i in story.of("payments") if files[i][1].startswith("2026/q1/")},
        ),
        "label": (("--label", "kind=evidence"), {i for i in files if files[i][1] == ".hidden"}),
        "digest": (("--digest", GONE.upper()), story.twice),
        "sealed-name": (("--collection", "secret", "--prefix", "name-1"), None),
    }
    for name, (selection, indexes) in wanted.items():
        path, index = export(world, *selection, "--reason", f"for {name}", name=f"{name}.tar")
        report, directory = verified(world, path)
        check(report["verified"] is True and report["export"] == index, f"{name}: {report}")
        if indexes is None:
            indexes = {i for i in story.of("secret") if files[i][1].startswith("name-1")}
        found = payloads(directory)
        check(set(found) == indexes, lambda n=name, f=found, w=indexes: f"{n}: {set(f) ^ w}")
        for number, data in found.items():
            check(data == files[number][2], f"{name}: the payload of {number}")
        record = json.loads(world.auditor.record(index).body)
        told = (GONE in (directory / "README.html").read_text(), "digest" in record["selection"])
        check(told == (name == "digest",) * 2, f"{name}: {told}")
        check(record["kind"] == "access.exported", f"{record}")
        check(record["reason"] == f"for {name}", f"{record}")
        version = world.env.run("version", "--json")
        check(record["verifier"] == json.loads(version.out)["verifier"], f"{record}")
    created = json.loads(world.auditor.record(0).body)
    check(created["verifier"] == record["verifier"], f"{created}")
    everything, _ = export(world, name="everything.tar")
    report, directory = verified(world, everything)
    found = payloads(directory)
    check(set(files) <= set(found) and not set(story.erased) & set(found), "everything")
    env.note(f"a bundle of {report['evidence']} records; {everything.stat().st_size:,} bytes")
    locks = [json.loads(line) for line in (directory / "locks.jsonl").read_text().splitlines()]
    locks = {line["index"]: line for line in locks}
    for index, collection in story.erased.items():
        check("erased" in locks[index] and "local" in locks[index]["purged"], f"{collection}")
    check(locks[story.held[0]]["holds"] == ["case/7"], f"{locks[story.held[0]]}")
    check(locks[story.held[0]]["lock"]["mode"] == "COMPLIANCE", f"{locks[story.held[0]]}")
    reads = (directory / "access.jsonl").read_text()
    check(f"/v1/records/{story.held[0]}/payload" in reads, "the read is not told")
    world.end()


def test_ranges_and_restarts(env):
    """The same bytes at any time, whole or in parts."""
    story = Story(env)
    world = story.world
    path, index = export(world, "--collection", "payments")
    whole = path.read_bytes()
    target = f"/v1/exports/{index}"
    tag = world.auditor.get(target, {"Range": "bytes=0-0"}).headers["ETag"]
    again, _ = export(world, "--id", index, name="again.tar")
    check(again.read_bytes() == whole, "other bytes the second time")
    world.serve()
    parts, start = [], 0
    while start < len(whole):
        count = env.random.choice((1, 511, 512, 70_000, 900_000))
        reply = world.auditor.get(
            target, {"Range": f"bytes={start}-{start + count - 1}", "If-Range": tag}
        )
        check(reply.status == 206, lambda r=reply: f"{r}")
        check(reply.headers["Content-Range"].endswith(f"/{len(whole)}"), f"{reply}")
        parts.append(reply.body)
        start += len(reply.body)
    check(b"".join(parts) == whole, "parts of another bundle")
    for _ in range(40):
        first = env.random.randrange(len(whole))
        last = min(first + env.random.randrange(5000), len(whole) - 1)
        reply = world.auditor.get(target, {"Range": f"bytes={first}-{last}"})
        check(reply.body == whole[first : last + 1], f"bytes {first} to {last}")
    check(world.auditor.get(target, {"Range": f"bytes={len(whole)}-"}).status == 416, "beyond")
    other = world.auditor.get(target, {"Range": "bytes=5-9", "If-Range": '"other"'})
    check(other.status == 200 and other.body == whole, "If-Range of another")
    check(world.auditor.get(target, {"If-None-Match": tag}).status == 304, "If-None-Match")
    world.end()


def test_who_gets_what(env):
    world = World(env, height=8, others=OTHERS)
    mine, _ = world.put("mine", "payments", b"1")
    world.put("other", "hr", b"2")
    for name in ("writer", "boss"):
        refused(world.clients[name].post("/v1/exports", collection="payments"), status=(403,))
    refused(world.limited.post("/v1/exports"), "collection", status=(403,))
    refused(world.limited.post("/v1/exports", collection="hr"), status=(404,))
    reply = done(world.limited.post("/v1/exports", collection="payments", reason="mine"))
    (record,) = receipts_of(world, _with_acts(reply))
    check(record["principal"] == "limited" and record["count"] == 1, f"{record}")
    check(reply.headers["Location"] == f"/v1/exports/{reply.json['id']}", f"{reply}")
    others = done(world.auditor.post("/v1/exports", collection="hr")).json["id"]
    check(world.limited.get(f"/v1/exports/{reply.json['id']}").status == 200, "its own")
    for index in (others, mine, 10**6, 0):
        refused(world.limited.get(f"/v1/exports/{index}"), status=(404,))
    refused(world.writer.get(f"/v1/exports/{others}"), status=(403,))
    for index in (mine, 10**6, 0):
        refused(world.auditor.get(f"/v1/exports/{index}"), status=(404,))
    refused(world.auditor.get("/v1/exports/x"), status=(400, 404))
    for body, words in (
        ({"collection": "nothing"}, ("no evidence",)),
        ({"matter": "case/none"}, ("no evidence",)),
        ({"collection": "A B"}, ("collection",)),
        ({"prefix": ""}, ("prefix",)),
        ({"digest": "abc"}, ("digest",)),
        ({"since": "yesterday"}, ("time",)),
        ({"labels": {"A": "x"}}, ("label",)),
        ({"colection": "payments"}, ("colection",)),
        ({"labels": []}, ("labels",)),
    ):
        size = world.auditor.tree_size()
        refused(world.auditor.post("/v1/exports", **body), *words)
        check(world.auditor.tree_size() == size, f"{body} became a record")
    world.run("auditor", "export", "-o", env.path("x"), "--id", "1", "--collection", "a", expect=2)
    world.run("auditor", "export", "-o", env.path("x"), "--digest", "abc", expect=2)
    world.run("auditor", "export", "-o", env.path("x"), "--id", "9999", expect=3)
    world.run("auditor", "export", "-o", env.path("x"), "--matter", "none", expect=3)
    check(not env.path("x").exists(), "a file is left of what was refused")
    world.end()


def _with_acts(reply):
    """The reply of an export names its one act `id`."""
    value = {**reply.json, "act": reply.json["id"]}
    reply.body = json.dumps(value).encode()
    return reply


def is_purged(world):
    log = world.audit()
    return any(
        record["kind"] == "payload.purged" and record["copy"] == "local"
        for record in (json.loads(world.auditor.record(act).body) for act in log.acts)
    )


def test_erased_since(env):
    """What was erased after the export is not given out, and nothing else takes its place."""
    world = World(env, height=8)
    done(world.boss.set_policy("c", SEALED))
    kept = fill(world.writer, 20, collection="c")
    doomed, _ = world.put("doomed by its name", "c", b"d" * 100_000)
    other = fill(world.writer, 5, collection="other")
    path, index = export(world, "--collection", "c")
    stays, stays_index = export(world, "--collection", "other", name="other.tar")
    there = world.data / "exports"
    check(b"doomed by its name" in (there / str(index) / "head").read_bytes(), "no opening")
    done(world.breaker.bypass([doomed]))
    # Before the log says that the bytes are gone, what repeats them in a bundle is gone.
    eventually(lambda: is_purged(world), "it is never purged")
    check(not (there / str(index)).exists(), "the bundle with the erased opening is still there")
    refused(world.auditor.get(f"/v1/exports/{index}"), status=(404,))
    again, _ = export(world, "--id", stays_index, name="other-again.tar")
    check(again.read_bytes() == stays.read_bytes(), "another bundle was changed")
    check(set(payloads(verified(world, again)[1])) == set(other), "another bundle")
    result = world.run("auditor", "export", "--id", index, "-o", env.path("late.tar"), expect=None)
    check(result.returncode not in (0, 70) and not env.path("late.tar").exists(), f"{result}")
    verified(world, path)  # what was taken out before is as good as ever
    again, _ = export(world, "--collection", "c", name="again.tar")
    report, directory = verified(world, again)
    check(set(payloads(directory)) == set(kept) and report["evidence"] == 21, f"{report}")
    world.end()


def test_a_kill_leaves_no_half_bundle(env):
    world = World(env, height=8)
    fill(world.writer, 3000, collection="c", batch=1000)
    for _ in range(4):
        process = subprocess.Popen(
            [env.binary, "export", "-o", str(env.path("k.tar")), "--server", world.server.url],
            env={"STRONGROOM_TOKEN": world.people.tokens["auditor"]},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        exports = world.data / "exports"
        eventually(lambda: exports.exists() or process.poll() is not None, "no export begins")
        world.kill()
        process.kill()
        process.wait(30)
        env.path("k.tar").unlink(missing_ok=True)
        world.serve()
        for place in exports.iterdir():
            if place.suffix != ".part":
                target, (name, number) = env.path(f"{place.name}.tar"), ("--id", place.name)
                world.run("auditor", "export", name, number, "-o", target)
                env.run("verify", target, "--key", world.key)
                target.unlink()
    path, _ = export(world, "--collection", "c")
    env.run("verify", path, "--key", world.key)
    world.end()


def small_bundle(env):
    world = World(env, height=8)
    for number in range(30):
        world.put(f"d/{number}.txt", "c", b"%d" % number)
    fill(world.writer, 260, collection="noise")
    path, index = export(world, "--collection", "c")
    world.stop()
    return world, path, index


def test_a_changed_byte_is_noticed(env):
    """Anywhere in the archive, headers and what fills them up too."""
    world, path, _ = small_bundle(env)
    data = path.read_bytes()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = {member.name: member for member in archive.getmembers()}
    places = env.random.sample(range(len(data)), CHANGES)
    for name, member in members.items():
        short = name.split("/", 1)[-1]
        if member.size and not short.startswith("data/"):
            places.append(member.offset_data + env.random.randrange(member.size))
    changed = env.path("changed.tar")
    for place in places:
        bit = 1 << env.random.randrange(8)
        changed.write_bytes(data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :])
        result = env.run("verify", changed, "--key", world.key, expect=(1, 2))
        check("verified:" not in result.out, f"byte {place}: {result.out}")
        for name, member in members.items():
            if member.offset_data <= place < member.offset_data + member.size:
                check(name.split("/", 1)[1] in result.out, f"byte {place} of {name}: {result.out}")
    env.note(f"{len(places)} changed bytes of {len(data):,} were all refused")


def test_hostile(env):
    """Refused with a word, and nothing is written anywhere."""
    world, path, index = small_bundle(env)
    data = path.read_bytes()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = [(m, archive.extractfile(m)) for m in archive.getmembers()]
        members = [(m, content.read() if content else b"") for m, content in members]

    def packed(entries, form=tarfile.USTAR_FORMAT):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
            for member, content in entries:
                archive.addfile(member, io.BytesIO(content))
        return stream.getvalue()

    def extra(name, content=b"x", **fields):
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(content), 0o444
        for field, value in fields.items():
            setattr(member, field, value)
        return member, content

    root = f"bundle-{index}"
    link = extra(f"{root}/l", b"", type=tarfile.SYMTYPE, linkname="/etc")
    device = extra(f"{root}/d", b"", type=tarfile.CHRTYPE)
    hostile = {
        "cut": data[: env.random.randrange(600, len(data) - 1)],
        "longer": data + bytes(512),
        "twice": packed(members + [members[-1]]),
        "traversal": packed(members + [extra(f"{root}/../../escaped")]),
        "absolute": packed([extra("/tmp/escaped")] + members),
        "link": packed([link] + members),
        "device": packed(members + [device]),
        "bomb": data[:124] + b"77777777777\0" + data[136:],
        "pax": packed([extra(f"{root}/ü" * 90)] + members, tarfile.PAX_FORMAT),
        "zeros": bytes(10_240),
        "reordered": packed(members[1:2] + members[:1] + members[2:]),
        "removed": packed([e for e in members if not e[0].name.endswith("locks.jsonl")]),
        "text": b"no archive at all\n" * 100,
        "empty": b"",
    }
    place = env.path("hostile.tar")
    place.write_bytes(data)
    before = sorted(p.name for p in env.directory.iterdir())
    other = env.key_of(world.data).split("+")[0] + "+c417b591+" + OTHER_KEY
    env.run("verify", place, "--key", other, expect=(1, 2))
    for what, content in hostile.items():
        place.write_bytes(content)
        result = env.run("verify", place, "--key", world.key, expect=(1, 2))
        check("verified:" not in result.out, f"{what}: {result.out}")
        check(0 < len(result.err.splitlines()) <= 4, f"{what}: {result.err}")
    check(sorted(p.name for p in env.directory.iterdir()) == before, "something was written")
