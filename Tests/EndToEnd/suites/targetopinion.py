"""The second opinion on targets and predecessors: it passes an honest log and finds each rule that
is broken."""

import hashlib
import json

from harness import ROOT, cases, check
from log_fold import Log
from log_targets import RULES, root_of
from suites.opinion import SOON, Story
from verify_receipt import canonical, leaf_hash

SECONDS = 1
FOUND = {rule: "enforced" for rule in RULES}


class TargetStory(Story):
    """Records about targets, as the product writes them unless it is told otherwise."""

    def target(self, name, principal="boss", **members):
        members = {"prefix": f"{name}/", **members}
        common = {"bucket": "evidence", "logRetention": "10y", "region": "r", "target": name}
        return self.add("target.added", principal, **{**common, **members})

    def phase(self, name, old, new, **members):
        size = len(self.records)
        root = root_of([leaf_hash(self.encoded(i)) for i in range(size)]).hex()
        found = {"size": size, "localRoot": root, "targetRoot": root, "differences": 0}
        found |= {"from": old, "to": new, "target": name, "reason": "r"}
        return self.add("target.phase", "boss", **{**found, **members})

    def purge(self, erasure, copy, lines=("a v", "b v"), **changes):
        text = "".join(line + "\n" for line in lines)
        digest = hashlib.sha256(text.encode()).hexdigest()
        objects = {"count": len(lines), "digest": digest, "versions": list(lines)}
        objects = {"objects": objects | changes} if copy != "local" else {}
        return self.add(
            "payload.purged", "strongroom", erasure=erasure, copy=copy, count=1, **objects
        )


def honest():
    """A story with everything in it that is allowed, the index of an erasure, a record."""
    story = TargetStory()
    first, second = story.evidence(1, SOON), story.evidence(2, SOON)
    story.target("s3")
    story.target("cold", endpoint="http://127.0.0.1:1", pathStyle=True, profile="p")
    story.add("target.probed", "strongroom", target="s3", findings=FOUND, conditions=True)
    story.phase("s3", "local", "dual")
    story.minute += 60
    erasure = story.erase([first], SOON)
    story.target("young")
    story.purge(erasure, "s3")
    story.purge(erasure, "local")
    story.phase("s3", "dual", "s3-primary")
    story.phase("s3", "s3-primary", "dual")
    story.add("target.removed", "boss", target="s3", reason="r")
    story.target("next", prefix="s3/")
    return story, erasure, second


def test_an_honest_log_has_no_findings(env):
    story, erasure, _ = honest()
    log = Log()
    for index in range(len(story.records)):
        log.apply(story.encoded(index))
    check(not log.findings, f"{log.findings}")
    check(set(log.unpurged("cold")) == {erasure}, f"{log.unpurged('cold')}")
    for copy in ("local", "s3", "young", "nowhere"):
        check(not log.unpurged(copy), f"{copy} owes {log.unpurged(copy)}")


def broken_stories():
    """what is broken -> a story that breaks it, and a word of the finding."""
    found = {}

    def case(what, word):
        story, erasure, second = honest()
        found[what] = (story, word)
        return story, erasure, second

    story, *_ = case("a target by the wrong role", "may not write target.added")
    story.target("x", "keeper")
    story, *_ = case("a name given again", "is used again")
    story.target("s3", prefix="x/")
    story, *_ = case("a name of the disk", "no name")
    story.target("local")
    story, *_ = case("a target within another", "stands among cold")
    story.target("x", prefix="cold/in/", endpoint="http://127.0.0.1:1", region="z")
    story, *_ = case("too many targets", "too many")
    for number in range(6):
        story.target(f"n{number}")
    story, *_ = case("a member too many", "['secret']")
    story.target("x", secret="s")
    story, *_ = case("a probe by a person", "may not write target.probed")
    story.add("target.probed", "boss", target="cold", findings=FOUND)
    story, *_ = case("a probe that leaves a rule out", "rules")
    story.add("target.probed", "strongroom", target="cold", findings={"lock-told": "enforced"})
    story, *_ = case("a probe of nothing", "no target s3")
    story.add("target.probed", "strongroom", target="s3", findings=FOUND)
    story, *_ = case("a phase that was not", "its phase was local")
    story.phase("cold", "dual", "local")
    story, *_ = case("two phases at once", "2 phases")
    story.phase("cold", "local", "s3-primary")
    story, *_ = case("a phase with differences", "1 differences")
    story.phase("cold", "local", "dual", differences=1)
    story, *_ = case("a phase with another root", "the targetRoot of")
    story.phase("cold", "local", "dual", targetRoot="0" * 64)
    story, *_ = case("a phase of less than it says", "the localRoot of 9")
    story.phase("cold", "local", "dual", size=9)
    story, *_ = case("a phase of what is not there", "it compares")
    story.phase("cold", "local", "dual", size=999)
    story, *_ = case("a removal of what may stand there only", "there only")
    story.phase("cold", "local", "dual")
    story.phase("cold", "dual", "s3-primary")
    story.add("target.removed", "boss", target="cold", reason="r")
    story, *_ = case("a removal without a reason", "without a reason")
    story.add("target.removed", "boss", target="cold")
    story, erasure, _ = case("a purge of a target that is gone", "no copy s3")
    story.purge(erasure, "s3")
    story, erasure, _ = case("a purge twice", "purged twice")
    story.purge(erasure, "local")
    story, erasure, _ = case("a purge of what was never there", "owes nothing")
    story.purge(erasure, "young")
    story, erasure, _ = case("a purge without its objects", "KeyError")
    story.add("payload.purged", "strongroom", erasure=erasure, copy="cold", count=1)
    story, erasure, _ = case("a purge with another digest", "another digest")
    story.purge(erasure, "cold", digest="0" * 64)
    story, erasure, _ = case("a purge that names a few", "of 3")
    story.purge(erasure, "cold", count=3)
    story, erasure, _ = case("a purge out of order", "do not ascend")
    story.purge(erasure, "cold", lines=("b v", "a v"))
    return found


@cases(*broken_stories())
def test_a_broken_rule_is_found(env, what):
    story, word = broken_stories()[what]
    findings = story.findings()
    check(len(findings) > 0, "nothing was found")
    check(any(word in finding for finding in findings), f"{word!r} is not in {findings}")


def successors():
    path = ROOT / "Tests" / "Vectors" / "record" / "successors.json"
    with open(path, encoding="utf-8") as file:
        return {row["title"]: row["record"] for row in json.load(file)["accepted"]}


def findings_of(record):
    log = Log()
    log.apply(record.encode())
    return log.findings


@cases(*successors())
def test_an_honest_successor_has_no_findings(env, title):
    found = findings_of(successors()[title])
    check(not found, f"{found}")


WRONG = {
    "another root": "signature",
    "another key": "signature",
    "its own name": "its own predecessor",
    "a gap before what is lost": "cannot be lost",
    "a member too many": "'x'",
    "no keys": "no keys",
}


@cases(*WRONG)
def test_a_wrong_predecessor_is_found(env, what):
    record = json.loads(successors()["a predecessor of which records are lost"])
    other = json.loads(successors()["a predecessor of a foreign name"])["predecessor"]
    found = record["predecessor"]
    if what == "another root":
        found["checkpoint"] = found["checkpoint"].replace("1000", "1001")
    elif what == "another key":
        found["keys"] = other["keys"]
    elif what == "its own name":
        record["origin"] = found["checkpoint"].split("\n")[0]
    elif what == "a gap before what is lost":
        found["lost"] = [1001, 1002]
    elif what == "a member too many":
        found["x"] = 1
    else:
        found["keys"] = []
    findings = findings_of(canonical(record))
    check(any(WRONG[what] in finding for finding in findings), f"{findings}")
