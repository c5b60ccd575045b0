"""Targets: what is replicated where, and what was purged there. A part of `log_fold`.

Rules are written out here once more, from `Schemas/record.md`.
"""

import hashlib
import re

from verify_receipt import node_hash

PHASES = ("local", "dual", "s3-primary", "local-backup")
RULES = {
    "delete-locked",
    "shorten-lock",
    "weaken-mode",
    "delete-held",
    "delete-mixed",
    "lock-told",
}
FINDINGS = {"enforced", "ignored", "unknown"}
MOST_TARGETS, MOST_NAMED = 8, 64
NAME = re.compile("[a-z0-9][a-z0-9-]{0,31}")
DESCRIPTION = {"bucket", "logRetention", "region", "target"}
DESCRIPTION |= {"endpoint", "kmsKey", "pathStyle", "prefix", "profile", "retentionProfile"}
COMMON = {"kind", "principal", "reason", "received", "v"}


class Target:
    """A target as the log tells of it."""

    def __init__(self, index, record):
        self.added, self.phase, self.compliant = index, "local", None
        # With an endpoint the region is only what requests are signed for.
        endpoint = record.get("endpoint")
        self.place = (record["bucket"], endpoint, None if endpoint else record["region"])
        self.prefix = record.get("prefix", "")

    def is_among(self, other):
        """Whether objects of both stand among each other."""
        inside = self.prefix.startswith(other.prefix) or other.prefix.startswith(self.prefix)
        return self.place == other.place and inside


class Targets:
    """The part of the fold that knows the targets."""

    def on_target_added(self, index, record, received):
        name, target = record["target"], Target(index, record)
        self.check_members(index, record, DESCRIPTION)
        self.require(NAME.fullmatch(name) and name != "local", index, f"no name: {name}")
        self.require(name not in self.target_names, index, f"the name {name} is used again")
        self.require(len(self.targets) < MOST_TARGETS, index, "too many targets")
        for other, state in self.targets.items():
            self.require(not target.is_among(state), index, f"{name} stands among {other}")
        self.require(re.fullmatch("([!-~]+/)?", target.prefix), index, f"prefix {target.prefix}")
        self.target_names.add(name)
        self.targets[name] = target

    def on_target_probed(self, index, record, received):
        self.check_members(
            index, record, {"target", "findings", "conditions", "checksums", "detail"}
        )
        found = record["findings"]
        self.require(set(found) == RULES, index, f"rules {sorted(found)}")
        self.require(set(found.values()) <= FINDINGS, index, f"findings {found}")
        target = self.target_of(index, record)
        if target:
            target.compliant = set(found.values()) == {"enforced"}

    def on_target_phase(self, index, record, received):
        """Both roots are that of the log's own records."""
        self.check_members(
            index,
            record,
            {"target", "from", "to", "size", "localRoot", "targetRoot", "differences"},
        )
        self.require(record.get("reason"), index, "a phase without a reason")
        self.require(record["differences"] == 0, index, f"{record['differences']} differences")
        size = record["size"]
        if self.require(0 < size <= index, index, f"it compares {size} records"):
            root = root_of(self.leaves[:size]).hex()
            for side in ("localRoot", "targetRoot"):
                self.require(record[side] == root, index, f"the {side} of {size} records is {root}")
        steps = abs(PHASES.index(record["from"]) - PHASES.index(record["to"]))
        self.require(steps == 1, index, f"{steps} phases at once")
        target = self.target_of(index, record)
        if target:
            self.require(target.phase == record["from"], index, f"its phase was {target.phase}")
            target.phase = record["to"]

    def on_target_removed(self, index, record, received):
        self.check_members(index, record, {"target"})
        self.require(record.get("reason"), index, "a removal without a reason")
        target = self.target_of(index, record)
        if target:
            self.require(target.phase != "s3-primary", index, "payloads may stand there only")
            del self.targets[record["target"]]

    def on_payload_purged(self, index, record, received):
        """A copy is purged of what it held: of what was erased since it was added."""
        erasure, copy = record["erasure"], record["copy"]
        erased = self.erasures.get(erasure)
        if not self.require(erased is not None, index, f"{erasure} is no erasure"):
            return
        self.require((erasure, copy) not in self.purged, index, f"{copy} is purged twice")
        self.require(record["count"] == len(erased), index, f"{record['count']} of {len(erased)}")
        if copy == "local":
            self.require("objects" not in record, index, "the disk has no objects")
        elif self.require(copy in self.targets, index, f"there is no copy {copy}"):
            added = self.targets[copy].added
            self.require(added < erasure, index, f"{copy} was added at {added}, and owes nothing")
            self.check_objects(index, record["objects"])
        self.purged[(erasure, copy)] = index

    def check_objects(self, index, objects):
        self.require(set(objects) <= {"count", "digest", "versions"}, index, f"{objects}")
        self.require(re.fullmatch("[0-9a-f]{64}", objects["digest"]), index, "no digest")
        lines, count = objects.get("versions", []), objects["count"]
        if lines or count == 0:
            digest = hashlib.sha256("".join(line + "\n" for line in lines).encode()).hexdigest()
            self.require(digest == objects["digest"], index, "its versions have another digest")
            self.require(lines == sorted(set(lines)), index, "its versions do not ascend")
            self.require(len(lines) == count <= MOST_NAMED, index, f"{len(lines)} of {count}")

    def unpurged(self, copy):
        """Erasures, and their records, that a copy still owes a `payload.purged`."""
        if copy != "local" and copy not in self.targets:
            return {}
        added = -1 if copy == "local" else self.targets[copy].added
        return {
            erasure: indexes
            for erasure, indexes in self.erasures.items()
            if erasure > added and (erasure, copy) not in self.purged
        }

    # --- helpers ---

    def target_of(self, index, record):
        target = self.targets.get(record["target"])
        self.require(target is not None, index, f"there is no target {record['target']}")
        return target

    def check_members(self, index, record, members):
        other = set(record) - members - COMMON
        self.require(not other, index, f"members {sorted(other)}")


def root_of(leaves):
    """RFC 6962: the root over leaf hashes, with a stack of whole subtrees."""
    stack = []
    for leaf in leaves:
        stack.append((0, leaf))
        while len(stack) > 1 and stack[-1][0] == stack[-2][0]:
            (level, left), (_, right) = stack[-2], stack.pop()
            stack[-1] = (level + 1, node_hash(left, right))
    if not stack:
        return hashlib.sha256().digest()
    root = stack.pop()[1]
    while stack:
        root = node_hash(stack.pop()[1], root)
    return root
