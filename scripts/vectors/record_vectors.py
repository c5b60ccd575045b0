"""Vectors of Tests/Vectors/record, with the standard library only.

An independent writer of records, which shares no code with the product: `json` writes members
sorted (by code points, which is by UTF-16 code units for ASCII keys), `hashlib` hashes.
"""

import base64
import hashlib
import json

ORIGIN = "log.example/payments"


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def verifier_key(name, seed):
    """A well-formed verifier key; the 32 bytes only have to look like a public key."""
    data = b"\x01" + sha256(seed)
    key_id = sha256(name.encode(), b"\n", data)[:4].hex()
    return f"{name}+{key_id}+{base64.b64encode(data).decode()}"


def description(name, payload, **more):
    members = {
        "mediaType": "application/octet-stream",
        "name": name,
        "payload": {"sha256": sha256(payload).hex(), "size": len(payload)},
        "submitter": "anonymous",
    }
    return members | more


def placed(collection, mode, until, received, sequence):
    """What the log adds to a description or a commitment."""
    return {
        "collection": collection,
        "kind": "evidence",
        "lock": {"mode": mode, "until": until},
        "received": received,
        "sequence": sequence,
        "v": 1,
    }


def key_hash(collection, members):
    if "idempotencyKey" not in members:
        return None
    scope = (collection, members["submitter"], members["idempotencyKey"])
    return sha256(b"\x00".join(each.encode() for each in scope))[:16].hex()


def fingerprint(members, requested):
    asked = {"digest": members["payload"]["sha256"], "name": members["name"]}
    if "labels" in members:
        asked["labels"] = members["labels"]
    if requested:
        asked["lock"] = requested
    return sha256(canonical(asked).encode())[:16].hex()


def evidence(title, members, place, requested=None, salt=None):
    """One vector: what goes in, and every byte string that must come out."""
    vector = {"title": title, "description": members, "requestedLock": requested}
    if salt is None:
        record = canonical(members | place)
    else:
        text = canonical(members)
        commitment = sha256(b"\x02", salt, text.encode()).hex()
        vector |= {"salt": salt.hex(), "canonicalDescription": text}
        record = canonical(place | {"commitment": commitment})
    return vector | {
        "record": record,
        "leafHash": sha256(b"\x00", record.encode()).hex(),
        "fingerprint": fingerprint(members, requested),
        "keyHash": key_hash(place["collection"], members),
    }


def vectors():
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    full = description(
        "sprint6/metrics.json",
        b'{"coverage":91}\n',
        idempotencyKey="build-17/metrics",
        labels={"sprint": "6", "branch": "main", "a/b.c_d-e": ""},
        mediaType="application/json",
        submitter="pipeline:payments-ci",
        traceparent=trace,
    )
    odd = description(
        'a "quoted"\\name/Zoë/e\u0301/\U0001f600/\ufb33/...',
        b"",
        labels={"k": '\\"\u2028\x7e'},
        mediaType='text/plain; charset="utf-8"; x="\\\\ \\""',
        idempotencyKey='"\\~!',
    )
    largest = description(
        "n" * 1_024,
        b"x" * 100,
        idempotencyKey="\\" * 128,
        mediaType="a/" + "b" * 253,
        labels={f"{n:02d}" + "k" * 62: '"' * 256 for n in range(32)},
        submitter='"' * 256,
        traceparent=trace,
    )
    small = placed("a", "COMPLIANCE", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z", 1)
    usual = placed("payments", "COMPLIANCE", "2033-11-22T00:00:00Z", "2026-11-21T01:02:03.456Z", 41)
    last = placed(
        "z" * 63, "GOVERNANCE", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999Z", 2**53 - 1
    )
    salt = sha256(b"salt")
    requests = [
        None,
        {"mode": "COMPLIANCE"},
        {"retain": "7y"},
        {"mode": "GOVERNANCE", "retain": "90s"},
        {"until": "2033-11-22T00:00:00.000Z"},
        {"mode": "COMPLIANCE", "until": "2033-11-22T00:00:00.001Z"},
    ]
    return [
        evidence("the least", description("n", b""), small),
        evidence("every member", full, usual, requests[1]),
        evidence("text that needs care", odd, usual, requests[2]),
        evidence("every limit reached", largest, last, requests[3]),
        evidence("sealed, the least", description("n", b""), small, salt=bytes(32)),
        evidence("sealed, every member", full, usual, requests[4], salt),
        evidence("sealed, text that needs care", odd, usual, requests[5], salt),
        evidence("sealed, every limit reached", largest, last, salt=salt),
    ]


def log_creations():
    for founders, height, seeds in (([], 16, [b"1"]), (["Zoë Example", "bob"], 8, [b"1", b"2"])):
        yield canonical(
            {
                "founders": founders,
                "kind": "log.created",
                "origin": ORIGIN,
                "received": "2026-11-21T00:00:00.000Z",
                "segmentHeight": height,
                "v": 1,
                "verifierKeys": [verifier_key(ORIGIN, seed) for seed in seeds],
            }
        )


def changed(record, *path, to=None):
    """The record with one member (a path into it) changed, or without it."""
    value = json.loads(record)
    inner = value
    for name in path[:-1]:
        inner = inner[name]
    if to is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = to
    return canonical(value)


def refused(record, creation, sealed):
    """Records with one fault each, by the case of the error that must be given."""
    for name in json.loads(record):
        optional = name in ("idempotencyKey", "labels", "traceparent")
        if not optional:
            yield "missingMember", changed(record, name)
    for name in json.loads(creation):
        yield "missingMember", changed(creation, name)
    for name in json.loads(sealed):
        # Without its commitment a sealed record is an open one that lacks everything else.
        yield "missingMember", changed(sealed, name)
    for path in (("lock", "mode"), ("lock", "until"), ("payload", "sha256"), ("payload", "size")):
        yield "missingMember", changed(record, *path)
    for name in ("a", "collectio", "labelz", "vv", "V", "\U0001f600", "\ufb33", ""):
        yield "unknownMember", changed(record, name, to=1)
        yield "unknownMember", changed(creation, name, to="x")
        yield "unknownMember", changed(sealed, name, to={})
    yield "unknownMember", changed(record, "lock", "x", to=1)
    yield "unknownMember", changed(record, "payload", "md5", to="")
    yield "unknownMember", changed(sealed, "name", to="n")
    yield "newerVersion", changed(record, "v", to=2)
    yield "newerVersion", changed(changed(record, "v", to=3), "new", to=[1])
    yield "newerVersion", changed(changed(creation, "v", to=2), "kind", to="new.kind")
    yield "unknownKind", changed(record, "kind", to="new.kind")
    yield "unknownKind", changed(creation, "kind", to="")
    yield "unknownKind", canonical({"kind": "key.forged", "lock": "x", "v": 1})
    for path, wrong in WRONG_VALUES:
        for value in wrong:
            yield "invalidMember", changed(record, *path, to=value)
    for path, wrong in WRONG_CREATION_VALUES:
        for value in wrong:
            yield "invalidMember", changed(creation, *path, to=value)
    for value in ("", "0" * 63, "0" * 65, "A" * 64, "g" * 64, 1, [], {}):
        yield "invalidMember", changed(sealed, "commitment", to=value)
    for text in ("[]", "1", '"x"', "true", "[{}]"):
        yield "notAnObject", text
    for text in (
        "",
        " " + record,
        record + " ",
        record + "\n",
        record[:-1],
        record + "}",
        record.replace('"v":1', '"v":1.0'),
        record.replace('"v":1', '"v":1,"v":1'),
        record.replace('{"collection"', '{"v":1,"collection"'),
        record.replace('"kind"', '"\\u006bind"'),
        record.replace("/", "\\/"),
        record.replace('"payments"', '"\\u0070ayments"'),
        record.replace(":41", ":041"),
        record.replace(":41", ":41e0"),
        record.replace(":41", ":-0"),
        record.replace(":41", ":9007199254740992"),
        record.replace('{"mode"', '{ "mode"'),
        record.replace('"v":1', '"v": 1'),
        changed(record, "name", to="\x01").replace("\\u0001", "\x01"),
        changed(record, "name", to="\x0b").replace("\\u000b", "\\u000B"),
        changed(record, "name", to="\n").replace("\\n", "\\u000a"),
        changed(record, "name", to="@").replace("@", "\\ud83d\\ude00"),
        changed(record, "name", to="@").replace("@", "\\ud83d"),
    ):
        yield "notCanonical", text


NOT_STRINGS = (1, True, [], {}, ["x"])
NOT_INTEGERS = ("1", True, [], {})
NOT_OBJECTS = (1, "x", True, [], [{}])
WRONG_VALUES = (
    (("collection",), NOT_STRINGS + ("", "A", "-a", ".", "a b", "é", "a" * 64)),
    (("idempotencyKey",), NOT_STRINGS + ("", " ", "a b", "é", "\x7f", "k" * 129)),
    (
        ("labels",),
        NOT_OBJECTS
        + (
            {},
            {"K": ""},
            {"": ""},
            {"k": 1},
            {"k": "\x85"},
            {"k" * 65: ""},
            {"k": "v" * 257},
            {"é": ""},
            {'"': ""},
            {str(n): "" for n in range(33)},
        ),
    ),
    (("lock",), NOT_OBJECTS),
    (("lock", "mode"), NOT_STRINGS + ("", "compliance", "Compliance", "NONE")),
    (
        ("lock", "until"),
        NOT_STRINGS
        + (
            "",
            "2033-11-22",
            "2033-11-22T00:00:00.000Z",
            "2033-11-22T00:00:00z",
            "2033-11-22T00:00:00+00:00",
            "2033-02-29T00:00:00Z",
            "2033-11-22T24:00:00Z",
            "2033-11-22T23:59:60Z",
            "1969-12-31T23:59:59Z",
            "2033-13-01T00:00:00Z",
            "2033-00-01T00:00:00Z",
            "2033-01-00T00:00:00Z",
            "2033-11-22 00:00:00Z",
            "02033-11-22T0:00:00Z",
        ),
    ),
    (
        ("mediaType",),
        NOT_STRINGS
        + (
            "",
            "text",
            "text/",
            "/x",
            "a/b;c",
            "a/b; c=",
            "a/é",
            "a/b\t",
            'a/b;c="d',
            "a/" + "b" * 254,
        ),
    ),
    (
        ("name",),
        NOT_STRINGS
        + (
            "",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "a/./b",
            "a/..",
            "a\nb",
            "\x7f",
            "\x80",
            "\x9f",
            "n" * 1_025,
            "é" * 513,
        ),
    ),
    (("payload",), NOT_OBJECTS),
    (("payload", "sha256"), NOT_STRINGS + ("", "A" * 64, "0" * 63, "0" * 65)),
    (("payload", "size"), NOT_INTEGERS + (-1,)),
    (
        ("received",),
        NOT_STRINGS
        + (
            "",
            "2026-11-21",
            "2026-11-21T01:02:03Z",
            "2026-11-21T01:02:03.4567Z",
            "2026-11-21T01:02:03,456Z",
        ),
    ),
    (("sequence",), NOT_INTEGERS + (0, -1)),
    (("submitter",), NOT_STRINGS + ("", "a b", "é", "s" * 257)),
    (
        ("traceparent",),
        NOT_STRINGS
        + (
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ),
    ),
    (("v",), NOT_INTEGERS + (0, -1)),
    (("kind",), NOT_STRINGS),
)
WRONG_CREATION_VALUES = (
    (
        ("founders",),
        (
            1,
            "x",
            {},
            [1],
            ["x", 1],
            [[]],
            [""],
            ["a\nb"],
            ["x", "x"],
            ["x" * 257],
            [str(n) for n in range(17)],
        ),
    ),
    (("origin",), NOT_STRINGS + ("", "other", "a b", "a+b", "o" * 256)),
    (("segmentHeight",), NOT_INTEGERS + (0, 7, 9, 15, 17, 256, -8)),
    (
        ("verifierKeys",),
        (
            1,
            "x",
            {},
            [],
            [1],
            ["x"],
            [verifier_key("other", b"1")],
            [verifier_key(ORIGIN, b"1")] * 2,
            [verifier_key(ORIGIN, b"1") + " "],
            [verifier_key(ORIGIN, str(n).encode()) for n in range(17)],
        ),
    ),
    (("received",), NOT_STRINGS + ("2026-11-21T01:02:03Z",)),
)


def text(value):
    return json.dumps(value, indent=1, ensure_ascii=True) + "\n"


def build():
    found = vectors()
    creations = list(log_creations())
    created = [
        {"record": each, "leafHash": sha256(b"\x00", each.encode()).hex()} for each in creations
    ]
    return {
        "record/records.json": text(found),
        "record/log-created.json": text(created),
        "record/refused.json": text(
            [
                {"error": error, "record": record}
                for error, record in refused(found[1]["record"], creations[1], found[5]["record"])
            ]
        ),
    }
