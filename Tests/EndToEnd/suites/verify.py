"""One changed byte anywhere, and `strongroom verify` ends with 1 and names the step."""

import concurrent.futures
import json

from harness import cases, check, settings
from verify_receipt import Refused, verify_receipt

SECONDS = 5
BODY = b"the payload that the receipts of this suite are about\n"


def prepare(env, sealed):
    """A log with some records; a receipt of one of them, its file, and the key."""
    data = env.init()
    server = env.serve(data)
    env.seal(server, "secret")
    with server.client() as client:
        collection = "secret" if sealed else "payments"
        for number in range(6):
            client.put(b"%d" % number, f"before{number}", collection)
        reply = client.put(BODY, "dir/name.txt", collection, {"sprint": "6"})
        check(reply.status == 201, f"{reply}")
        for number in range(5):
            client.put(b"%d" % number, f"after{number}", collection)
        receipt = client.receipt(reply.json["index"]).body
    server.terminate()
    return env.write("f", BODY), receipt, env.key_of(data)


def flips(text, step):
    """Variants of a string with one character changed, in every `step`-th place."""
    for at in range(0, len(text), step):
        old = text[at]
        new = chr(ord(old) ^ 1) if ord(old) < 128 and old not in "\n" else "x"
        yield at, text[:at] + (new if new != old else "y") + text[at + 1 :]


def variants(receipt, step):
    """(what was changed, receipt) for each byte of each part of a parsed receipt."""
    parsed = json.loads(receipt)

    def encoded(**changes):
        return json.dumps({**parsed, **changes}, ensure_ascii=False, separators=(",", ":"))

    check(encoded().encode() == receipt, "the receipt is not in its one form")
    for field in ("record", "leafHash", "checkpoint", "type"):
        for at, text in flips(parsed[field], step):
            yield f"{field}[{at}]", encoded(**{field: text})
    for position, item in enumerate(parsed["proof"]):
        for at, text in flips(item, step):
            proof = list(parsed["proof"])
            proof[position] = text
            yield f"proof[{position}][{at}]", encoded(proof=proof)
    for field in ("index", "treeSize"):
        for other in (0, 1, parsed[field] - 1, parsed[field] + 1, parsed[field] + 2**32):
            if other != parsed[field]:
                yield f"{field}={other}", encoded(**{field: other})
    yield "proof shortened", encoded(proof=parsed["proof"][:-1])
    yield "proof lengthened", encoded(proof=parsed["proof"] + parsed["proof"][:1])
    yield "proof empty", encoded(proof=[])
    if "opening" in parsed:
        for field in ("salt", "description"):
            for at, text in flips(parsed["opening"][field], step):
                opening = {**parsed["opening"], field: text}
                yield f"opening.{field}[{at}]", encoded(opening=opening)
        yield "opening gone", json.dumps({k: v for k, v in parsed.items() if k != "opening"})


@cases("open", "sealed")
def test_every_changed_byte_is_refused(env, form):
    file, receipt, key = prepare(env, form == "sealed")
    verify_receipt(receipt, key, BODY)
    good = env.write("good.json", receipt)
    result = env.run("verify", file, "--receipt", good, "--key", key)
    for step in ("payload", "record", "leaf", "inclusion", "signature"):
        check(step in result.out, f"the step {step} is not printed:\n{result.out}")
    jobs = []
    step = settings.flip_step
    for number, (what, text) in enumerate(variants(receipt, step)):
        try:
            verify_receipt(text, key, BODY)
            raise AssertionError(f"our own verifier accepts {what}")
        except Refused:
            pass
        path = env.write(f"bad/{number}.json", text)
        jobs.append((what, ("verify", file, "--receipt", path, "--key", key)))
    for at in range(0, len(BODY), step):
        changed = BODY[:at] + bytes([BODY[at] ^ 4]) + BODY[at + 1 :]
        path = env.write(f"bad/file{at}", changed)
        jobs.append((f"file[{at}]", ("verify", path, "--receipt", good, "--key", key)))
    for at, text in flips(key, max(1, step // 4)):
        jobs.append((f"key[{at}]", ("verify", file, "--receipt", good, "--key", text)))
    for at in range(0, len(receipt), step * 3):
        changed = receipt[:at] + bytes([receipt[at] ^ 1]) + receipt[at + 1 :]
        path = env.write(f"bad/raw{at}", changed)
        jobs.append((f"receipt[{at}]", ("verify", file, "--receipt", path, "--key", key)))

    def attempt(job):
        what, arguments = job
        result = env.run(*arguments, expect=None)
        return what, result.returncode, (result.out + result.err).strip()

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(attempt, jobs))
    accepted = [what for what, code, _ in outcomes if code == 0]
    check(not accepted, f"accepted although changed: {accepted}")
    other = [(what, code, text) for what, code, text in outcomes if code != 1]
    check(not other, lambda: f"refused with another code than 1: {other[:5]}")
    silent = [what for what, _, text in outcomes if not text]
    check(not silent, f"refused without a word: {silent[:5]}")
    env.note(f"{len(jobs)} changed inputs refused")


def test_the_failing_step_is_named(env):
    file, receipt, key = prepare(env, sealed=True)
    parsed = json.loads(receipt)

    def refused(step, file=file, key=key, **changes):
        text = json.dumps({**parsed, **changes}, ensure_ascii=False, separators=(",", ":"))
        path = env.write("bad.json", text)
        result = env.run("verify", file, "--receipt", path, "--key", key, expect=1)
        said = result.out + result.err
        check(step in said.lower(), f"{step} is not named in:\n{said}")

    other = env.write("other", b"something else")
    refused("payload", file=other)
    opening = {**parsed["opening"], "salt": "A" * 43 + "="}
    refused("opening", opening=opening)
    refused("leaf", leafHash="A" * 43 + "=")
    refused("inclusion", proof=parsed["proof"][:-1])
    env.run("keygen", "--origin", "x.example", expect=None)
    stranger = env.init("stranger")
    refused("signature", key=env.key_of(stranger))


def test_another_logs_receipt_is_refused(env):
    """Same origin, same records, another key: only the signature tells them apart."""
    file, _, key = prepare(env, sealed=False)
    other = env.init("other")
    server = env.serve(other)
    with server.client() as client:
        receipt = env.write("other.json", client.put(BODY, "dir/name.txt").body)
    env.run("verify", file, "--receipt", receipt, "--key", key, expect=1)
    env.run("verify", file, "--receipt", receipt, "--key", env.key_of(other))
    both = ("--key", key, "--key", env.key_of(other))
    env.run("verify", file, "--receipt", receipt, *both)


def test_missing_files_are_named(env):
    file, receipt, key = prepare(env, sealed=False)
    good = env.write("good.json", receipt)
    for arguments in (
        ("nowhere", "--receipt", good, "--key", key),
        (file, "--receipt", "nowhere", "--key", key),
    ):
        result = env.run("verify", *arguments, expect=(2, 3))
        check("nowhere" in result.err, result.err)
    env.run("verify", file, "--receipt", good, expect=2)
    env.run("verify", file, "--key", key, expect=2)
