"""Vectors of Tests/Vectors/record/acts*.json, with the standard library only.

An independent writer of acts, the records that are no evidence. Each vector names the digests that
are computed over indexes, so that a reader can compute them too.
"""

import json
import struct

import clock_acts
import export_acts
import key_acts
import target_acts
from act_words import BAD_COUNTS, BAD_NAMES, BAD_REASONS, BAD_TIMES, LATEST, ODD, act
from record_vectors import NOT_INTEGERS, NOT_OBJECTS, NOT_STRINGS, canonical, changed, sha256, text

COMPLIANCE = {"mode": "COMPLIANCE", "until": "2033-11-22T00:00:00Z"}
GOVERNANCE = {"mode": "GOVERNANCE", "until": "2026-11-20T00:00:00Z"}
AWAITING = {"duration": "7y", "event": "contract-end", "mode": "COMPLIANCE"}
POLICY = {"default": "7y", "maximum": "100y", "minimum": "1d", "mode": "COMPLIANCE"}


def be(index):
    return struct.pack(">Q", index)


def selection_digest(indexes):
    return sha256(*(be(index) for index in sorted(indexes))).hex()


def leaf(index):
    """A leaf hash for the vectors."""
    return sha256(b"leaf", be(index))


def erasure_digest(indexes):
    return sha256(*(be(index) + leaf(index) for index in sorted(indexes))).hex()


def expand(ranges):
    return [index for first, last in ranges for index in range(first, last + 1)]


def erased(items, ground="expired", **more):
    indexes = [index for item in items for index in expand(item["records"])]
    return act(
        "payload.erased",
        clock={"compliance": "2033-11-23T00:00:00.001Z", "wall": "2033-11-23T00:00:01.000Z"},
        collection="payments",
        count=len(indexes),
        digest=erasure_digest(indexes),
        ground=ground,
        items=items,
        **more,
    )


def hold(selection, before, indexes, **more):
    return act(
        "hold.placed",
        matter="case-4711",
        selection=selection,
        before=before,
        count=len(indexes),
        digest=selection_digest(indexes),
        **more,
    )


def acts():
    """Title and act, all of them as they may stand in a log."""
    yield "a policy", act("policy.set", collection="payments", policy=POLICY)
    yield "a policy with all it can say", act(
        "policy.set",
        reason=ODD,
        collection="z" * 63,
        policy=POLICY | {"event": "contract-end", "mode": "GOVERNANCE", "sealed": True},
    )
    yield "an extension", act(
        "lock.extended", reason="audit", lock=COMPLIANCE, records=[[41, 41]]
    )
    yield "a firmer mode for what awaits an event", act(
        "lock.extended", reason="r", lock=AWAITING, records=[[1, 3], [5, 5], [7, LATEST]]
    )
    yield "a bypass", act("lock.bypassed", reason=ODD, records=[[0, 0], [2, 9]])
    yield "an event", act(
        "event.recorded", reason="r", event="contract-end", lock=COMPLIANCE, records=[[2, 3]]
    )
    yield "an event with its time", act(
        "event.recorded",
        reason="r",
        at="2026-11-01T00:00:00.000Z",
        event="contract-end",
        lock=GOVERNANCE | {"until": "9999-12-31T23:59:59Z"},
        records=[[2, 3]],
    )
    yield "a hold on records", act(
        "hold.placed", reason="r", matter="case-4711", records=[[4, 4], [6, 8]]
    )
    yield "a hold by collection", hold({"collection": "payments"}, 100, [3, 5, 8], reason="r")
    yield "a standing hold by all a selection can say", hold(
        {"collection": "a", "labels": {"a/b": "", "k": ODD}, "prefix": 'q"\\/é'},
        LATEST,
        [],
        reason=ODD,
        standing=True,
    )
    yield "a release of records", act(
        "hold.released", reason="r", matter="A:b/c@d.e_f-9", records=[[4, 4]]
    )
    yield "a release of a matter", act("hold.released", reason="r", matter="m" * 128)
    yield "an erasure", erased(
        [{"lock": COMPLIANCE, "records": [[3, 5]]}], principal="strongroom"
    )
    yield "an erasure of many locks and histories", erased(
        [
            {"history": [17, 40], "lock": COMPLIANCE, "records": [[3, 3], [7, 9]]},
            {"lock": COMPLIANCE, "records": [[4, 5], [12, 12]]},
            {"history": [40], "lock": GOVERNANCE, "records": [[6, 6]]},
        ],
        policy=2,
        reason="r",
    )
    yield "an erasure under a bypassed lock", erased(
        [{"lock": AWAITING | {"mode": "GOVERNANCE"}, "records": [[3, 3]]}],
        ground="bypass",
        bypass=40,
        reason="r",
    )
    yield "a purge", act(
        "payload.purged", principal="strongroom", erasure=41, copy="local", count=4
    )
    yield from target_acts.acts()
    yield from export_acts.acts()
    yield from key_acts.acts()
    yield from clock_acts.acts()
    yield "a census", act(
        "census",
        principal="strongroom",
        before=256,
        part=1,
        parts=1,
        collections={"payments": {"count": 41, "last": 255}},
    )
    yield "a part of a census", act(
        "census",
        principal="strongroom",
        before=LATEST,
        part=2,
        parts=3,
        collections={name: {"count": LATEST, "last": 0} for name in ("0", "a.b", "a-b", "a_b")},
    )
    yield "a token", act("access.changed", change="created", token="alice", role="writer")
    yield "a token with all it can say", act(
        "access.changed",
        principal="local",
        reason=ODD,
        change="created",
        collections=["a", "b.c"],
        expires="2027-01-01T00:00:00.000Z",
        rights=["bypass"],
        role="retention",
        token="team:ret@example.org_1-2",
    )
    yield "a revocation", act("access.changed", change="revoked", token="t" * 63)
    yield "a digest of accesses", act(
        "access.digest",
        principal="strongroom",
        count=0,
        day="2028-02-29",
        head=sha256(b"head").hex(),
    )
    yield "the end", act("log.closed", reason="r" * 1024, received="9999-12-31T23:59:59.999Z")


BAD_LOCKS = NOT_OBJECTS + (
    {},
    {"mode": "COMPLIANCE"},
    {"until": "2033-11-22T00:00:00Z"},
    COMPLIANCE | {"until": "2033-11-22T00:00:00.000Z"},
    COMPLIANCE | {"mode": "compliance"},
    COMPLIANCE | {"x": 1},
    COMPLIANCE | AWAITING,
    AWAITING | {"duration": "07y"},
    AWAITING | {"event": "Contract"},
    {"event": "e", "mode": "COMPLIANCE"},
    {"duration": "7y", "mode": "COMPLIANCE"},
)
BAD_RECORDS = (
    1,
    "x",
    {},
    [],
    [[]],
    [1],
    [[1]],
    [[1, 2, 3]],
    [[2, 1]],
    [[-1, 1]],
    [["1", "2"]],
    [[1, 2], [3, 4]],
    [[1, 2], [2, 4]],
    [[5, 6], [1, 2]],
    [[2 * n, 2 * n] for n in range(1_501)],
)
BAD_POLICIES = NOT_OBJECTS + (
    {},
    POLICY | {"x": 1},
    POLICY | {"minimum": "8y"},
    POLICY | {"maximum": "6y"},
    POLICY | {"default": "0s"},
    POLICY | {"mode": "NONE"},
    POLICY | {"event": ""},
    POLICY | {"sealed": False},
    POLICY | {"sealed": 1},
)
BAD_SELECTIONS = NOT_OBJECTS + (
    {},
    {"collection": "A"},
    {"collection": "a", "x": 1},
    {"collection": "a", "prefix": ""},
    {"collection": "a", "prefix": "p" * 1_025},
    {"collection": "a", "prefix": "\n"},
    {"collection": "a", "labels": {}},
    {"collection": "a", "labels": []},
    {"collection": "a", "labels": {"k": 1}},
    {"collection": "a", "labels": {"K": ""}},
)
PARTS = (target_acts, export_acts, key_acts, clock_acts)
# Title of an act, a path into it, and values that must not stand there.
WRONG = (
    ("a policy", ("policy",), BAD_POLICIES),
    ("a policy", ("collection",), BAD_NAMES),
    ("a policy", ("principal",), BAD_NAMES),
    ("a policy", ("received",), BAD_TIMES),
    ("a policy", ("v",), NOT_INTEGERS + (0, -1)),
    ("a policy", ("kind",), NOT_STRINGS),
    ("an extension", ("lock",), BAD_LOCKS),
    ("an extension", ("records",), BAD_RECORDS),
    ("an extension", ("reason",), BAD_REASONS),
    ("a bypass", ("records",), BAD_RECORDS),
    ("an event", ("lock",), BAD_LOCKS + (AWAITING,)),
    ("an event", ("event",), BAD_NAMES),
    ("an event", ("records",), BAD_RECORDS),
    ("an event with its time", ("at",), BAD_TIMES),
    ("a hold on records", ("records",), BAD_RECORDS),
    ("a hold on records", ("matter",), NOT_STRINGS + ("", "-a", "a b", "é", "m" * 129)),
    ("a hold by collection", ("selection",), BAD_SELECTIONS),
    ("a hold by collection", ("before",), BAD_COUNTS + (2,)),
    ("a hold by collection", ("count",), BAD_COUNTS + (101,)),
    ("a hold by collection", ("digest",), NOT_STRINGS + ("", "A" * 64, "0" * 63)),
    ("a hold by collection", ("standing",), (1, "true", False, [], {})),
    ("a release of records", ("records",), BAD_RECORDS),
    ("an erasure", ("clock",), NOT_OBJECTS),
    ("an erasure", ("clock", "compliance"), BAD_TIMES),
    ("an erasure", ("clock", "wall"), BAD_TIMES),
    ("an erasure", ("count",), BAD_COUNTS + (2, 4)),
    ("an erasure", ("digest",), NOT_STRINGS + ("", "A" * 64)),
    ("an erasure", ("ground",), NOT_STRINGS + ("", "expiry")),
    ("an erasure", ("policy",), BAD_COUNTS),
    (
        "an erasure",
        ("items",),
        (
            1,
            "x",
            {},
            [],
            [1],
            [{"lock": COMPLIANCE, "records": [[3, 6]]}],
            [{"history": [], "lock": COMPLIANCE, "records": [[3, 5]]}],
            [{"history": [2, 2], "lock": COMPLIANCE, "records": [[3, 5]]}],
            [{"history": [2, 1], "lock": COMPLIANCE, "records": [[3, 5]]}],
            [{"history": ["1"], "lock": COMPLIANCE, "records": [[3, 5]]}],
            [{"history": 1, "lock": COMPLIANCE, "records": [[3, 5]]}],
            [{"history": list(range(257)), "lock": COMPLIANCE, "records": [[3, 5]]}],
            [
                {"lock": COMPLIANCE, "records": [[4, 5]]},
                {"lock": GOVERNANCE, "records": [[3, 3]]},
            ],
            [
                {"lock": COMPLIANCE, "records": [[3, 4]]},
                {"lock": GOVERNANCE, "records": [[4, 4]]},
            ],
        ),
    ),
    ("an erasure under a bypassed lock", ("bypass",), BAD_COUNTS),
    ("a purge", ("copy",), BAD_NAMES + ("s3", "a.b", "a_b", "a" * 33)),
    ("a purge", ("count",), BAD_COUNTS),
    ("a purge", ("erasure",), BAD_COUNTS),
    ("a census", ("before",), BAD_COUNTS + (255,)),
    ("a census", ("part",), BAD_COUNTS + (0, 2)),
    ("a census", ("parts",), BAD_COUNTS + (0, 1_000_000_001)),
    (
        "a census",
        ("collections",),
        NOT_OBJECTS
        + (
            {},
            {"A": {"count": 1, "last": 1}},
            {"a": {"count": 0, "last": 1}},
            {"a": {"count": 1, "last": -1}},
            {"a": {"count": 1, "last": 256}},
            {"a": 1},
            {f"c{n}": {"count": 1, "last": 1} for n in range(501)},
        ),
    ),
    ("a token", ("change",), NOT_STRINGS + ("", "made")),
    ("a token", ("role",), NOT_STRINGS + ("", "Writer", "root")),
    ("a token", ("token",), BAD_NAMES),
    (
        "a token",
        ("collections",),
        (1, "a", {}, [], ["b", "a"], ["a", "a"], [1], ["A"], [f"c{n:03d}" for n in range(257)]),
    ),
    ("a token", ("rights",), (1, "bypass", {}, [], ["x"], ["bypass", "bypass"], [1])),
    ("a token", ("expires",), BAD_TIMES),
    ("a digest of accesses", ("count",), BAD_COUNTS),
    ("a digest of accesses", ("day",), NOT_STRINGS + ("", "2027-02-29", "2028-2-9", "20280229")),
    ("a digest of accesses", ("head",), NOT_STRINGS + ("", "A" * 64)),
)
OPTIONAL = {"at", "collections", "expires", "policy", "reason", "rights", "standing"}
OPTIONAL |= target_acts.OPTIONAL
# Without their records a hold is one by selection, and a release is one of the matter.
INSTEAD = {("hold.placed", "records"), ("hold.released", "records")}
INSTEAD |= target_acts.INSTEAD


def refused(found):
    """Acts with one fault each, by the case of the error that must be given."""
    for record in found.values():
        kind = json.loads(record)["kind"]
        for name in json.loads(record):
            if name in ("kind", "v") or name in OPTIONAL - {"collections", "policy"}:
                continue
            if name == "collections" and kind == "access.changed":
                continue
            if name == "policy" and kind == "payload.erased":
                continue
            if (kind, name) in INSTEAD:
                continue
            yield "missingMember", changed(record, name)
        for name in ("", "a", "zz", "\U0001f600"):
            yield "unknownMember", changed(record, name, to=1)
        yield "newerVersion", changed(record, "v", to=2)
        yield "notCanonical", record.replace('"v":1', '"v": 1')
        yield "notCanonical", record.replace('"kind"', '"\\u006bind"')
    yield "unknownMember", changed(found["a hold on records"], "selection", to={"collection": "a"})
    yield "unknownMember", changed(found["a hold on records"], "standing", to=True)
    yield "unknownMember", changed(found["an erasure"], "bypass", to=1)
    yield "unknownMember", changed(found["a revocation"], "role", to="writer")
    yield "unknownMember", changed(found["an erasure"], "clock", "x", to=1)
    for title, path, values in sum((part.WRONG for part in PARTS), WRONG):
        for value in values:
            yield None, changed(found[title], *path, to=value)
    for value in key_acts.refused():
        yield None, canonical(value)


def build():
    found = {title: canonical(value) for title, value in acts()}
    return {
        "record/acts.json": text(
            [
                {
                    "title": title,
                    "record": record,
                    "leafHash": sha256(b"\x00", record.encode()).hex(),
                }
                for title, record in found.items()
            ]
        ),
        "record/acts-refused.json": text(
            [{"error": error, "record": record} for error, record in refused(found)]
        ),
    }
