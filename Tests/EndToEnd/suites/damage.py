"""A file of each kind, truncated and bit-flipped: found by fsck, reported, never served."""

import hashlib
import json
import pathlib
import shutil
import subprocess

from harness import Server, ServerFailed, cases, check, eventually, settings
from harness.stock import end_of_month
from harness.workload import fill, payload
from verify_receipt import Refused, VerifierKey, verify_receipt

SECONDS = 20
FLIPS = 40 if settings.soak else 5
RECORDS = 600

# What a log consists of: the kind's name, and where its files are.
KINDS = {
    "active": "segments/*/active.mdb",
    "log": "segments/0000000000/log.mdb",
    "payloads": "segments/0000000000/payloads-*.mdb",
    "payloads, rewritten": "segments/0000000000/payloads-*.2.mdb",
    "digests": "segments/0000000000/SHA256SUMS",
    "payload file": "payloads/*/*.zst",
    "log.json": "log.json",
    "catalog": "catalog/*.mdb",
    "state": "state/*.mdb",
}
# Kinds that the log makes good again: with a damaged one everything is still served.
HEALED = {"catalog"}
MAY_BE_LOST = {"catalog", "state", "digests"}
# Kinds in which no changed byte may go unnoticed, whether or not it holds anything.
WATCHED = {"log", "payloads", "payloads, rewritten", "digests", "payload file", "log.json"}
TRUNCATIONS = {
    "empty": lambda size: 0,
    "half": lambda size: size // 2,
    "a page less": lambda size: max(0, size - 4096),
    "a byte less": lambda size: size - 1,
}

_base = {}


def base(env):
    """One log with everything in it, made once for the suite; each try damages a copy."""
    if not _base:
        # Beside the tests' own directories, so that it outlives the first one.
        data = env.directory.parent / "base"
        env.init(at=data, height=8)
        key = VerifierKey(env.key_of(data))
        server = env.serve(data)
        with server.client() as client:
            # Of one month and mode: the file is written anew when half of it is erased.
            until = end_of_month()
            fill(client, 40, tag="gone", collection="some", size=300, retain="1s")
            kept = fill(client, 40, tag="kept", collection="some", size=300, retainUntil=until)
            client.hold("case/1", records=kept[:9])
            fill(client, RECORDS - 80, size=300)
            for number in range(3):
                client.put(payload(number, 1_500_000 + number), f"large{number}")
            eventually(lambda: len(list(data.glob(KINDS["log"]))) > 0, "nothing is sealed")
            eventually(
                lambda: len(client.due(collection="some", limit=100).json["due"]) == 40,
                lambda: f"{client.due(collection='some').json}",
            )
            reply = client.erase(collection="some")
            check(reply.status == 201, lambda: f"{reply}")
            eventually(
                lambda: list(data.glob(KINDS["payloads, rewritten"])), "nothing is written anew"
            )
            # The last act of the erasure: from here on nothing changes.
            eventually(
                lambda: client.lock(1).json["copies"] == [{"copy": "local", "state": "gone"}],
                lambda: f"{client.lock(1)}",
            )  # fmt: skip
            content = read_all(client, key)
        check(server.terminate() == 0, server.log)
        env.fsck(data)
        _base.update(data=data, key=key, content=content)
    return _base["data"], _base["key"], _base["content"]


def targets(client, size):
    """What a full reading of the log asks for."""
    for index in [0, *range(1, size, 23), 256, *range(size - 4, size)]:
        yield f"/v1/records/{index}"
        yield f"/v1/records/{index}/receipt?size={size}"
        if client.payload(index).status == 200:
            yield f"/v1/records/{index}/payload"
        if client.lock(index).status == 200:
            yield f"/v1/records/{index}/lock"
    yield "/v1/holds"
    yield "/v1/policies"
    for number in range(-(-size // 256)):
        width = min(256, size - number * 256)
        suffix = "" if width == 256 else f".p/{width}"
        yield f"/tile/0/{number:03d}{suffix}"
        yield f"/tile/entries/{number:03d}{suffix}"
    yield "/v1/search?prefix=fill/1&limit=1000"
    yield "/v1/search?collection=bulk&limit=1000"


def read_all(client, key):
    """The digest of each answer of the undamaged log."""
    content = {}
    for target in targets(client, client.tree_size()):
        reply = client.get(target)
        check(reply.status == 200, lambda: f"{target}: {reply}")
        content[target] = digest(target, reply.body)
    return content


def digest(target, body):
    if "/receipt" in target:
        # The signature may be made anew; what it signs may not differ.
        parsed = json.loads(body)
        parsed["checkpoint"] = parsed["checkpoint"].split("\n\n")[0]
        body = json.dumps(parsed).encode()
    return hashlib.sha256(body).hexdigest()


def judge_reading(server, key, content, what, all_right):
    """Every answer is the right one, or a problem that says `damaged`. Returns the refused ones."""
    refused = []
    with server.client() as client:
        for target, expected in content.items():
            try:
                reply = client.get(target)
            except OSError as error:
                check(server.running, lambda: f"{what}: {target} ended the server:\n{server.log()}")
                refused.append(f"{target}: {error}")
                continue
            except Exception as error:  # a payload that breaks off in its middle
                refused.append(f"{target}: {error}")
                continue
            if reply.status == 200:
                check(
                    digest(target, reply.body) == expected, f"{what}: {target} served wrong bytes"
                )
                if "/receipt" in target:
                    try:
                        verify_receipt(reply.body, key)
                    except Refused as refusal:
                        raise AssertionError(f"{what}: {target}: {refusal}") from None
            else:
                check(reply.status >= 500, lambda: f"{what}: {target}: {reply}")
                check(reply.problem == "damaged", lambda: f"{what}: {target}: {reply}")
                refused.append(target)
    if all_right:
        check(not refused, lambda: f"{what}: refused {refused[:5]}")
    return refused


def attempt(env, data, key, content, what, kind, path):
    """With one damaged file: what fsck says, whether the server starts, what it then serves.

    Returns True if the damage was noticed by anyone.
    """
    name = path.relative_to(data).as_posix()
    found = env.run("fsck", data, expect=(0, 1))
    noticed = found.returncode == 1
    if noticed:
        check(
            path.name in found.out + found.err or name in found.out + found.err,
            f"{what}: fsck does not name {name}:\n{found.out}{found.err}",
        )
    server = Server(env.binary, data)
    try:
        server.start()
    except ServerFailed:
        code = server.process.returncode
        check(code == 1, f"{what}: serve ended with {code}, not 1:\n{server.log()}")
        check(path.name in server.log(), f"{what}: serve does not name {name}:\n{server.log()}")
        check(kind not in HEALED, f"{what}: serve refuses although it can rebuild:\n{server.log()}")
        check(noticed, f"{what}: serve refuses, and fsck finds nothing:\n{server.log()}")
        return True
    try:
        refused = judge_reading(server, key, content, what, all_right=kind in MAY_BE_LOST)
        check(server.running, lambda: f"{what}: the server has ended:\n{server.log()}")
        if refused:
            check(noticed, f"{what}: reads are refused, and fsck finds nothing: {refused[:3]}")
    finally:
        server.kill()
    if kind in HEALED:
        env.fsck(data)
    return noticed or bool(refused)


def copy_of(env, data, number):
    copy = env.path(f"copy{number}")
    subprocess.run(["cp", "-a", "--sparse=always", str(data), str(copy)], check=True)
    return copy


def pick(copy, kind):
    """The newest file of a kind (of active files the last one, of payload files any)."""
    files = sorted(copy.glob(KINDS[kind]))
    check(files, f"the log has no file of the kind {kind}")
    return files[-1]


@cases(*KINDS)
def test_truncated(env, kind):
    data, key, content = base(env)
    for number, (what, length) in enumerate(TRUNCATIONS.items()):
        copy = copy_of(env, data, number)
        path = pick(copy, kind)
        path.chmod(0o600)
        size = path.stat().st_size
        with open(path, "r+b") as file:
            file.truncate(length(size))
        noticed = attempt(env, copy, key, content, f"{kind}, {what}", kind, path)
        missed = kind not in WATCHED and kind in MAY_BE_LOST
        check(noticed or missed, f"{kind}, {what}: nobody noticed")
        shutil.rmtree(copy, ignore_errors=True)


def flippable(path, kind):
    """Offsets that hold something: pages of a database that are all zero are free."""
    data = path.read_bytes()
    if kind in WATCHED:
        return range(len(data))
    offsets = []
    for page in range(0, len(data), 4096):
        block = data[page : page + 4096]
        # Stored bytes stand at the end of a page; its middle is often empty.
        offsets += [page + at for at, byte in enumerate(block) if byte]
    return offsets


@cases(*KINDS)
def test_bit_flipped(env, kind):
    data, key, content = base(env)
    noticed, tried = 0, 0
    # Where a byte may hold nothing the first that is noticed is waited for.
    while tried < FLIPS or not (noticed or kind in MAY_BE_LOST or tried >= 100):
        number, tried = tried, tried + 1
        copy = copy_of(env, data, number)
        path = pick(copy, kind)
        path.chmod(0o600)
        at = env.random.choice(flippable(path, kind))
        bit = env.random.randrange(8)
        with open(path, "r+b") as file:
            file.seek(at)
            old = file.read(1)[0]
            file.seek(at)
            file.write(bytes([old ^ 1 << bit]))
        what = f"{kind}, bit {bit} of byte {at}"
        noticed += attempt(env, copy, key, content, what, kind, path)
        shutil.rmtree(copy, ignore_errors=True)
    env.note(f"{noticed} of {tried} flips noticed; the others changed nothing that is served")
    if kind in WATCHED:
        check(noticed == FLIPS, f"{kind}: {FLIPS - noticed} flips went unnoticed")
    elif kind not in MAY_BE_LOST:
        check(noticed > 0, f"{kind}: nobody noticed any flip")


@cases("catalog", "state")
def test_may_be_deleted(env, kind):
    """The trust table says that it may be lost: the next start goes on without it."""
    data, key, content = base(env)
    copy = copy_of(env, data, 0)
    shutil.rmtree(copy / kind)
    server = env.serve(copy)
    judge_reading(server, key, content, f"{kind} deleted", all_right=True)
    with server.client() as client:
        check(client.put(b"x", "n").status == 201, "it does not take evidence")
    check(server.terminate() == 0, server.log)
    env.fsck(copy)


def test_missing_segment_and_files(env):
    data, key, content = base(env)
    for number, pattern in enumerate(("segments/0000000001/log.mdb", "payloads/*/*.zst")):
        copy = copy_of(env, data, number)
        path = sorted(copy.glob(pattern))[0]
        path.unlink()
        found = env.run("fsck", copy, expect=1)
        where = path.relative_to(copy).as_posix()
        said = found.out + found.err
        check(path.name in said or where in said, f"fsck does not name {where}:\n{said}")
        server = Server(env.binary, copy)
        try:
            server.start()
            judge_reading(server, key, content, f"without {where}", all_right=False)
        except ServerFailed:
            check(server.process.returncode == 1, server.log)
        finally:
            server.kill()


def test_a_log_that_was_set_back_is_not_served(env):
    """Yesterday's copy of the segments with today's state: it must not sign a second history."""
    data = env.init(height=8)
    server = env.serve(data)
    with server.client() as client:
        fill(client, 20)
    check(server.terminate() == 0, server.log)
    shutil.copytree(data / "segments", env.path("yesterday"))
    server = env.serve(data)
    with server.client() as client:
        fill(client, 20, tag="more")
    check(server.terminate() == 0, server.log)
    shutil.rmtree(data / "segments")
    shutil.copytree(env.path("yesterday"), data / "segments")
    shutil.rmtree(data / "catalog")
    result = env.run("serve", data, "--listen", "127.0.0.1:0", expect=1)
    check("21" in result.err and "41" in result.err, f"it does not say why: {result.err}")
    env.fsck(data, expect=1)


def test_not_a_log(env):
    env.path("empty").mkdir()
    for command in ("serve", "fsck"):
        result = env.run(command, env.path("empty"), expect=(1, 2, 3))
        check("empty" in result.err, result.err)
    result = env.run("serve", env.path("nowhere"), expect=(1, 2, 3))
    check("nowhere" in result.err, result.err)


def test_a_newer_format_is_refused(env):
    data, _, _ = base(env)
    copy = copy_of(env, data, 0)
    path = pathlib.Path(copy / "log.json")
    text = path.read_text()
    description = json.loads(text)
    version = next(k for k in description if "ersion" in k)
    path.chmod(0o600)
    path.write_text(text.replace(f'"{version}":{description[version]}', f'"{version}":99', 1))
    check(path.read_text() != text, f"no format version in {text}")
    result = env.run("serve", copy, expect=None)
    check(result.returncode in (2, 4), f"{result}")
    check("newer" in result.err or "version" in result.err, result.err)
