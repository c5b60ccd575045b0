"""The second opinion itself: it passes an honest log and finds each rule that is broken."""

import hashlib
import struct

from harness import cases, check
from log_fold import Log
from log_words import summary
from verify_receipt import canonical, leaf_hash

SECONDS = 2
POLICY = {"mode": "GOVERNANCE", "minimum": "1s", "default": "1d", "maximum": "1y"}


class Story:
    """Records made by hand, a minute after one another."""

    def __init__(self):
        self.records, self.minute = [], 0
        self.add("log.created", founders=[], origin="o", segmentHeight=8, verifierKeys=["k"])
        for name, role, rights in (
            ("boss", "admin", []),
            ("second", "admin", []),
            ("keeper", "retention", []),
            ("breaker", "retention", ["bypass"]),
        ):
            extra = {"rights": rights} if rights else {}
            self.add("access.changed", "local", change="created", token=name, role=role, **extra)

    def time(self, plus=0):
        minute = self.minute + plus
        return f"2026-11-{21 + minute // 1440:02}T{minute // 60 % 24:02}:{minute % 60:02}:00.000Z"

    def add(self, kind, principal=None, **members):
        """Returns the index; a member that is None is left out."""
        record = {"kind": kind, "received": self.time(), "v": 1, **members}
        if principal:
            record["principal"] = principal
        self.minute += 1
        self.records.append({k: v for k, v in record.items() if v is not None})
        return len(self.records) - 1

    def evidence(self, sequence, until, mode="GOVERNANCE", collection="c", lock=None, **members):
        lock = lock or {"mode": mode, "until": until}
        payload = {"sha256": "0" * 64, "size": 1}
        common = {"collection": collection, "sequence": sequence, "lock": lock}
        return self.add("evidence", name=f"n/{sequence}", payload=payload, **common, **members)

    def erase(self, indexes, until, mode="GOVERNANCE", history=(), **changes):
        digest = hashlib.sha256()
        for index in indexes:
            digest.update(struct.pack(">Q", index) + leaf_hash(self.encoded(index)))
        lock = {"mode": mode, "until": until}
        members = {
            "collection": "c",
            "ground": "expired",
            "items": [
                {"records": [[i, i]], "lock": lock, "history": list(history)} for i in indexes
            ],
            "clock": {"compliance": self.time(), "wall": self.time()},
            "count": len(indexes),
            "digest": digest.hexdigest(),
        }
        members.update(changes)
        return self.add("payload.erased", members.pop("principal", "keeper"), **members)

    def encoded(self, index):
        return canonical(self.records[index]).encode()

    def findings(self):
        log = Log()
        for index in range(len(self.records)):
            log.apply(self.encoded(index))
        return log.findings


SOON, LATER, LAST = "2026-11-21T00:20:00Z", "2026-11-30T00:00:00Z", "2027-02-01T00:00:00Z"


def honest():
    """A story with everything in it that is allowed."""
    story = Story()
    story.add("policy.set", "boss", collection="events", policy={**POLICY, "event": "closed"})
    first = story.evidence(1, SOON)
    second = story.evidence(2, SOON)
    lock = {"duration": "1d", "event": "closed", "mode": "GOVERNANCE"}
    third = story.evidence(1, None, collection="events", lock=lock)
    lock = {"mode": "COMPLIANCE", "until": LATER}
    story.add("lock.extended", "keeper", records=[[second, second]], lock=lock, reason="r")
    count, digest = summary([first, second])
    selection = {"collection": "c", "prefix": "n/"}
    story.add("hold.placed", "keeper", matter="m", selection=selection, before=9, count=count,
              digest=digest, standing=True, reason="r")  # fmt: skip
    story.add("hold.placed", "boss", matter="k", records=[[first, first]], reason="r")
    story.add("hold.released", "boss", matter="k", reason="r")
    story.add("hold.released", "boss", matter="m", records=[[first, first]], reason="r")
    lock = {"mode": "GOVERNANCE", "until": "2026-11-23T00:00:00Z"}
    story.add("event.recorded", "keeper", event="closed", records=[[third, third]], lock=lock,
              reason="r")  # fmt: skip
    story.minute += 60
    erasure = story.erase([first], SOON)
    story.add("payload.purged", "strongroom", erasure=erasure, copy="local", count=1)
    fourth = story.evidence(3, LATER)
    collections = {"c": {"count": 3, "last": fourth}, "events": {"count": 1, "last": third}}
    story.add("census", "strongroom", before=fourth + 1, part=1, parts=1, collections=collections)
    story.add("clock.resynced", "second", **{"from": story.time(), "to": story.time(5)},
              **{"with": "boss"}, firstReason="r", reason="r")  # fmt: skip
    story.add("clock.resynced", "strongroom", **{"from": story.time(), "to": story.time(5)},
              times=times(story))  # fmt: skip
    story.add("access.changed", "boss", change="revoked", token="keeper")
    return story, first, second, third


def times(story, *sources):
    """Two authenticated times; nobody verifies them here."""
    return [
        {"evidence": data, "kind": "timestamp", "size": 1, "source": name, "time": story.time(5)}
        for name, data in zip(sources or ("a", "b"), ("AQID", "AQIE"))
    ]


def test_an_honest_log_has_no_findings(env):
    story, *_ = honest()
    check(not story.findings(), f"{story.findings()}")


def broken_stories():
    """what is broken -> a story that breaks it, and a word of the finding."""
    found = {}

    def case(what, word):
        story, first, second, third = honest()
        found[what] = (story, word)
        return story, first, second, third

    story, _, second, _ = case("shortened", "shortened")
    lock = {"mode": "COMPLIANCE", "until": "2026-11-25T00:00:00Z"}
    story.add("lock.extended", "boss", records=[[second, second]], lock=lock)
    story, _, second, _ = case("weakened", "weaker")
    lock = {"mode": "GOVERNANCE", "until": LAST}
    story.add("lock.extended", "boss", records=[[second, second]], lock=lock)
    story, first, _, _ = case("erased twice", "erased")
    story.erase([first], SOON, principal="breaker")
    story, *_ = case("erased too early", "is erased at")
    story.erase([story.evidence(4, LATER)], LATER, principal="breaker")
    story, _, second, _ = case("erased under a hold", "held for m")
    story.minute += 60 * 24 * 8
    story.erase([second], LATER, "COMPLIANCE", [9], principal="breaker")
    story, *_ = case("erased under a standing hold", "held for m")
    index = story.evidence(4, "2026-11-21T02:00:00Z")
    story.minute += 600
    story.erase([index], "2026-11-21T02:00:00Z", principal="breaker")
    story, _, second, _ = case("bypassed a COMPLIANCE lock", "COMPLIANCE")
    story.add("lock.bypassed", "breaker", records=[[second, second]], reason="r")
    story, _, _, third = case("bypassed without the right", "may not write lock.bypassed")
    story.add("lock.bypassed", "boss", records=[[third, third]], reason="r")
    story, *_ = case("erased while the clocks differ", "clocks differ")
    index = story.evidence(4, SOON)
    clock = {"compliance": "2031-01-01T00:00:00.000Z", "wall": story.time()}
    story.erase([index], SOON, principal="breaker", clock=clock)
    story, *_ = case("another digest", "digest")
    story.erase([third], "2026-11-23T00:00:00Z", principal="breaker", digest="0" * 64)
    story, *_ = case("a gap in the sequence", "sequence")
    story.evidence(7, LATER)
    story, *_ = case("a census that leaves one out", "census of")
    story.evidence(1, LATER, collection="d")
    story.add("census", "strongroom", before=len(story.records), part=1, parts=1,
              collections={"c": {"count": 3, "last": 20}})  # fmt: skip
    story.add("log.closed", "boss", reason="r")
    story, *_ = case("a revoked token", "was revoked")
    story.add("hold.placed", "keeper", matter="z", records=[[6, 6]])
    story, *_ = case("a role that may not", "may not write hold.released")
    story.add("hold.released", "breaker", matter="m")
    for what, word, name, named in (
        ("a person with authenticated times", "by a person", "boss", ("a", "b")),
        ("one authenticated time", "not two sources", "strongroom", ("a",)),
        ("one source twice", "not two sources", "strongroom", ("a", "a")),
    ):
        story, *_ = case(what, word)
        story.add("clock.resynced", name, **{"from": story.time(), "to": story.time(5)},
                  times=times(story, *named))  # fmt: skip
    for what, word, change in (
        ("a tree to come", "a tree to come", {"size": 10_000}),
        ("one evidence for two times", "one evidence", {"evidence": "AQIE"}),
        ("a cosignature of another time", "another time", {"kind": "cosignature"}),
    ):
        story, *_ = case(what, word)
        story.add("clock.resynced", "strongroom", **{"from": story.time(), "to": story.time(5)},
                  times=[{**times(story)[0], **change}, times(story)[1]])  # fmt: skip
    story, *_ = case("a clock ahead of authenticated times", "is earlier")
    story.add("clock.resynced", "strongroom", **{"from": story.time(), "to": story.time(6)},
              times=times(story))  # fmt: skip
    story, *_ = case("one person for two", "two persons")
    story.add("access.changed", "boss", change="created", token="child", role="admin")
    story.add("clock.resynced", "child", **{"from": story.time(), "to": story.time(5)},
              **{"with": "boss"}, firstReason="r", reason="r")  # fmt: skip
    story, *_ = case("time that goes back", "before the last")
    story.minute -= 30
    story.evidence(4, LATER)
    story, *_ = case("a record after the end", "log.closed")
    story.add("log.closed", "boss", reason="r")
    story.evidence(4, LATER)
    story, *_ = case("an event that counts too early", "is before")
    lock = {"duration": "1d", "event": "closed", "mode": "GOVERNANCE"}
    index = story.evidence(2, None, collection="events", lock=lock)
    lock = {"mode": "GOVERNANCE", "until": story.time()[:19] + "Z"}
    story.add("event.recorded", "boss", event="closed", records=[[index, index]], lock=lock)
    story, *_ = case("a hold over more than it says", "it holds")
    count, digest = summary([6])
    selection = {"collection": "c"}
    story.add("hold.placed", "boss", matter="z", selection=selection, before=9, count=count,
              digest=digest)  # fmt: skip
    story, *_ = case("a lock outside of its policy", "longer than the maximum")
    story.add("policy.set", "boss", collection="c", policy=POLICY)
    story.evidence(4, "2040-01-01T00:00:00Z")
    return found


@cases(*broken_stories())
def test_a_broken_rule_is_found(env, what):
    story, word = broken_stories()[what]
    findings = story.findings()
    check(any(word in finding for finding in findings), f"{word!r} is not in {findings}")
