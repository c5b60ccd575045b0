"""Parts of verify.py against RFC 8032, `cryptography` and the vectors of the formats."""

import base64
import json

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from harness import ROOT, check
from harness.bundlemaker import escaped
from harness.bundlestory import load

SECONDS = 5
VECTORS = ROOT / "Tests" / "Vectors"
FORM_ONLY = ("clock.", "access.changed", "access.digest", "target.", "log.closed")


# --- signatures -----------------------------------------------------------------------------------

RFC8032 = (
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
)

# Encodings that are no public keys: points of order 1, 2, 4 and 8, and y beyond the field.
NO_KEYS = (
    "01" + "00" * 31,
    "01" + "00" * 30 + "80",
    "ec" + "ff" * 30 + "7f",
    "00" * 32,
    "00" * 31 + "80",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "ee" + "ff" * 30 + "7f",
    "ed" + "ff" * 30 + "7f",
    "ff" * 32,
)


def valid_by_another(public, signature, message):
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def test_ed25519_is_that_of_others(env):
    verify = load().ed25519_verify
    for public, message, signature in (map(bytes.fromhex, vector) for vector in RFC8032):
        check(verify(public, signature, message), "a vector of RFC 8032")
        check(not verify(public, signature, message + b"x"), "over another message")
    for _ in range(12):
        key = Ed25519PrivateKey.from_private_bytes(env.random.randbytes(32))
        public, message = key.public_key().public_bytes_raw(), env.random.randbytes(60)
        good = [public, key.sign(message), message]
        check(verify(*good), "a signature by `cryptography`")
        for part in range(3):
            for _ in range(2):
                data = bytearray(good[part])
                data[env.random.randrange(len(data))] ^= 1 << env.random.randrange(8)
                bad = good[:part] + [bytes(data)] + good[part + 1 :]
                check(verify(*bad) is valid_by_another(*bad) is False, f"{bad}")
        late = int.from_bytes(good[1][32:], "little") + load().ORDER
        again = good[1][:32] + late.to_bytes(32, "little")
        check(not verify(public, again, message), "the same signature in another spelling")
        for size in (0, 63, 65):
            check(not verify(public, (good[1] + b"x")[:size], message), f"{size} bytes")


def test_keys_that_anybody_can_sign_for(env):
    """Under a point of small order one signature fits many messages: R = S*B, and S = 0."""
    module = load()
    neutral = bytes.fromhex(NO_KEYS[0])
    for text in NO_KEYS:
        public = bytes.fromhex(text)
        check(module.public_point(public) is None, text)
        for message in (b"a", b"b", b"c", b"d"):
            check(not module.ed25519_verify(public, neutral + bytes(32), message), text)


def test_notes_keys_and_checkpoints(env):
    """The vectors that Strongroom itself is tested with."""
    module = load()

    def fails(function, *arguments):
        try:
            function(*arguments)
        except module.Refused:
            return True
        return False

    notes = json.loads((VECTORS / "note/notes.json").read_text())["notes"]
    for case in notes:
        note = module.Note(case["note"].encode())
        check(note.signers(module.read_keys(case["verifierKeys"])), case["name"])
        check(len(note.signatures) == case["signatures"], case["name"])
    for case in json.loads((VECTORS / "note/refused-notes.json").read_text())["refused"]:
        check(fails(module.Note, base64.b64decode(case["base64"])), case["why"])
    for case in json.loads((VECTORS / "note/refused-keys.json").read_text())["refused"]:
        check(fails(module.VerifierKey, case["key"]), case["why"])
    vectors = json.loads((VECTORS / "checkpoint/checkpoints.json").read_text())
    for case in vectors["accepted"]:
        module.Checkpoint((case["text"] + "\n— a AAAAAAA=\n").encode())
    for case in vectors["refused"]:
        text = (case["text"] + "\n— a AAAAAAA=\n").encode()
        check(fails(module.Checkpoint, text), f"{case}")


def test_records_are_those_of_the_format(env):
    """Every vector of records: what is right is read, what has one fault is not."""
    module = load()

    def vectors(name):
        return json.loads((VECTORS / "record" / name).read_text())

    successors = vectors("successors.json")
    good = vectors("records.json") + vectors("acts.json") + vectors("log-created.json")
    for case in good + successors["accepted"]:
        module.parse_record(case["record"].encode())
    count = 0
    bad = vectors("refused.json") + vectors("acts-refused.json") + successors["refused"]
    for case in bad:
        data = case["record"].encode("utf-8", "surrogatepass")
        if any(f'"kind":"{kind}' in case["record"] for kind in FORM_ONLY):
            continue  # they say nothing of evidence: only their form is looked at
        try:
            module.parse_record(data)
        except module.Refused as refusal:
            newer = case["error"] in ("newerVersion", "unknownKind")
            check(isinstance(refusal, module.Newer) is newer, f"{case}: {refusal}")
            count += 1
            continue
        raise AssertionError(f"accepted: {case}")
    check(count > 1000, f"only {count} vectors")
    for case in json.loads((VECTORS / "canonical-json" / "drawn.json").read_text()):
        text = '{"a":%s}' % case["canonical"]
        check(module.parse_canonical(text.encode(), 10**6)["a"] is not ..., text)


# --- locks and names ------------------------------------------------------------------------------


def test_locks_are_those_of_the_table(env):
    """bundle.md section 5: what a leaf's lock and an act's give together."""
    module = load()

    def lock(mode, until=None):
        end = {"until": f"20{until}-01-01T00:00:00Z"} if until else {"duration": "1y", "event": "e"}
        return {**end, "mode": mode}

    governance, compliance = "GOVERNANCE", "COMPLIANCE"
    for leaf, given, event, expected in (
        (lock(governance, 30), None, None, lock(governance, 30)),
        (lock(governance, 30), lock(compliance, 40), None, lock(compliance, 40)),
        (lock(compliance, 40), lock(governance, 30), None, lock(compliance, 40)),
        (lock(governance), lock(governance, 30), "e", lock(governance, 30)),
        (lock(compliance), lock(governance, 30), "e", lock(compliance, 30)),
        (lock(governance), lock(compliance, 30), None, lock(compliance)),
        (lock(governance), lock(governance, 30), "other", lock(governance)),
        (lock(governance), lock(compliance), None, lock(compliance)),
        (lock(governance, 30), lock(governance), None, lock(governance)),
    ):
        description = {"name": "n", "payload": {"sha256": "", "size": 0}}
        record = {"collection": "c", "sequence": 1, "received": "", "lock": leaf, **description}
        row = module.Evidence(1, record, b"")
        row.given, row.event = given, event
        check(row.lock() == expected, lambda g=given, r=row: f"{r.granted}, {g}: {r.lock()}")
    for name in ("a", ".", ".a.", "-a", "a/b.", "ä" * 60, "x" * 99 + "ü", "x" * 101, "%=~ "):
        check(module.payload_file(name) == escaped(name), name)


# --- policies -------------------------------------------------------------------------------------


def test_policies(env):
    module = load()
    files = json.loads((VECTORS / "policy" / "files.json").read_text())
    for case in files["accepted"]:
        module.Policy(case["policy"].encode())
    for case in files["refused"]:
        data = bytes.fromhex(case["hex"]) if "hex" in case else case["policy"].encode()
        try:
            module.Policy(data)
        except module.Refused:
            continue
        raise AssertionError(f"{case['name']} is taken for a policy")


def test_cosignatures(env):
    """Every policy over every set of witnesses; and none of it if a byte is another."""
    module = load()
    vectors = json.loads((VECTORS / "policy" / "verdicts.json").read_text())
    lines, text = vectors["cosignatures"], vectors["checkpoint"]
    names = sorted(lines)
    notes = {}
    for chosen in range(1 << len(names)):
        there = [name for bit, name in enumerate(names) if chosen >> bit & 1]
        notes[" ".join(there)] = module.Note((text + "".join(lines[n] for n in there)).encode())
    for case in vectors["policies"]:
        policy = module.Policy(case["policy"].encode())
        # Each signature costs some milliseconds in Python: asked for once.
        times = policy.judge(notes[" ".join(names)])[0]
        check(all(times.values()), f"{case['name']}: {times}")
        for there, note in notes.items():
            for name, key in policy.witnesses.items():
                claims = any((key.name, key.id) == claim[:2] for claim in note.signatures)
                check(claims == (name in there.split()), f"{there}: {name}")
            known = Known(policy, {name: times[name] for name in there.split()})
            accepted = there in case["accepted"]
            check(known.enough() == accepted, f"{case['name']} of [{there}]: not {accepted}")
    policy = module.policy_of_all([policy.witnesses["X1"].text])
    line = lines["X1"].split(" ")
    raw = base64.b64decode(line[2])
    for place in range(4, len(raw)):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        forged = f"{line[0]} {line[1]} {base64.b64encode(changed).decode()}\n"
        try:
            policy.judge(module.Note((text + forged).encode()))
        except module.Refused:
            continue
        raise AssertionError(f"byte {place} does not matter")


class Known:
    """A policy whose signatures were verified before."""

    def __init__(self, policy, times):
        self.policy, self.times = policy, times

    def enough(self):
        real = self.policy.witnesses
        self.policy.witnesses = {name: Said(self.times.get(name)) for name in real}
        try:
            return self.policy.judge(None)[1]
        finally:
            self.policy.witnesses = real


class Said:
    def __init__(self, time):
        self.time = time

    def cosigned(self, _):
        return self.time
