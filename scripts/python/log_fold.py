"""The fold over a log's records, written apart from the Swift code: finds the rules it breaks.

Who might do what, which lock was in force, which hold stood when a payload was erased: all from
the records alone. `check_log` reads them from a server.
"""

import bisect
import hashlib
import json
import re
import struct

from log_access import ALLOWED, Access, ground_of
from log_origin import Origin
from log_targets import Targets
from log_words import (
    DAY,
    Evidence,
    Hold,
    Matter,
    after,
    indexes_of,
    milliseconds,
    nominal,
    selects,
    since_until,
    summary,
)
from verify_receipt import canonical, leaf_hash

EVIDENCE, CREATED = "evidence", "log.created"
STRENGTH = {"GOVERNANCE": 0, "COMPLIANCE": 1}
# A certificate names so many acts of a lock's history, the newest.
MOST_HISTORY = 256


class Log(Access, Origin, Targets):
    """The fold. `findings` holds what breaks a rule; an honest log has none.

    `descriptions`: index -> description, of sealed records whose opening the caller knows.
    """

    def __init__(self, descriptions=None):
        self.size, self.last_received, self.closed = 0, 0, None
        self.evidence = {}
        self.by_collection = {}
        self.policies, self.matters, self.tokens = {}, {}, {}
        self.founders, self.bypasses, self.purged = [], {}, {}
        self.keys = []
        self.census, self.census_before, self.census_parts = {}, 0, []
        self.erasures, self.kinds, self.acts = {}, {}, []
        self.targets, self.target_names, self.leaves = {}, set(), []
        self.predecessor, self.lost = None, None
        self.descriptions = descriptions or {}
        self.findings = []

    def finding(self, index, text):
        self.findings.append(f"record {index}: {text}")

    def require(self, condition, index, text):
        if not condition:
            self.finding(index, text() if callable(text) else text)
        return condition

    # --- one record after the other ---

    def apply(self, data):
        index, self.size = self.size, self.size + 1
        self.leaves.append(leaf_hash(data))
        try:
            text = data.decode()
            record = json.loads(text)
            self.require(canonical(record) == text, index, "its JSON is not canonical")
            self._apply(index, record, data)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            self.finding(index, f"it cannot be read: {type(error).__name__} {error}: {data[:200]}")

    def _apply(self, index, record, data):
        kind, received = record["kind"], milliseconds(record["received"])
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        self.require(received >= self.last_received, index, "its time is before the last one's")
        self.last_received = max(received, self.last_received)
        self.require(self.closed is None, index, f"it follows log.closed at {self.closed}")
        self.require(record["v"] == 1, index, f"version {record['v']}")
        if kind != "census" and self.census_parts:
            self.end_census(index)
        if kind == CREATED:
            self.require(index == 0, index, "a second log.created")
            self.check_creation(index, record)
        elif kind == EVIDENCE:
            self.append(index, record, self.leaves[index])
        elif self.require(kind in ALLOWED, index, f"kind {kind} is not known"):
            self.acts.append(index)
            self.authorize(index, record, kind, received)
            getattr(self, "on_" + kind.replace(".", "_"))(index, record, received)

    def append(self, index, record, leaf):
        evidence = Evidence(index, record, leaf)
        if evidence.description is None:
            evidence.description = self.descriptions.get(index)
        earlier = self.by_collection.setdefault(evidence.collection, [])
        self.require(
            evidence.sequence == len(earlier) + 1,
            index,
            f"sequence {evidence.sequence} of {evidence.collection} follows {len(earlier)}",
        )
        earlier.append(index)
        self.evidence[index] = evidence
        policy = self.policies.get(evidence.collection)
        if policy:
            self.check_grant(index, evidence, record, policy[1])

    def check_grant(self, index, evidence, record, policy):
        """What was granted is what the policy of that moment allows."""
        sealed = "commitment" in record
        self.require(sealed == policy.get("sealed", False), index, "sealed or open, not as set")
        self.require(
            STRENGTH[evidence.mode] >= STRENGTH[policy["mode"]], index, "a weaker mode than set"
        )
        if policy.get("event"):
            event, duration = evidence.awaits or (None, None)
            self.require(event == policy["event"], index, f"it does not await {policy['event']}")
            if event:
                fits = nominal(policy["minimum"]) <= nominal(duration) + DAY
                fits &= nominal(duration) <= nominal(policy["maximum"]) + DAY
                self.require(fits, index, f"{duration} is outside of the policy")
            return
        if not self.require(evidence.awaits is None, index, "it awaits an event without policy"):
            return
        shortest = after(evidence.received, policy["minimum"])
        self.require(
            shortest is None or evidence.until >= shortest - DAY, index, "shorter than the minimum"
        )
        # The wall clock may be up to a day ahead of the time in the record.
        longest = after(evidence.received + DAY, policy["maximum"])
        self.require(
            longest is None or evidence.until <= longest + DAY, index, "longer than the maximum"
        )

    # --- acts ---

    def on_policy_set(self, index, record, received):
        policy = record["policy"]
        lengths = [nominal(policy[name]) for name in ("minimum", "default", "maximum")]
        self.require(lengths == sorted(lengths), index, f"minimum, default, maximum: {policy}")
        self.policies[record["collection"]] = (index, policy)

    def records_of(self, index, record):
        """The evidence that an act names; each must be there, and not be erased."""
        found = []
        for i in indexes_of(record["records"]):
            evidence = self.evidence.get(i)
            if not self.require(evidence is not None, index, f"{i} is no evidence"):
                continue
            self.require(evidence.erased is None, index, f"{i} is erased")
            found.append(evidence)
        self.require(found, index, "it names no evidence")
        return found

    def on_lock_extended(self, index, record, received):
        for evidence in self.records_of(index, record):
            old = (evidence.mode, evidence.until, evidence.awaits)
            evidence.take(record["lock"])
            evidence.acts.append(index)
            self.require(
                STRENGTH[evidence.mode] >= STRENGTH[old[0]],
                index,
                f"{evidence.index}: weaker than {old[0]}",
            )
            self.require(
                evidence.until >= old[1] and evidence.awaits == old[2],
                index,
                lambda e=evidence, o=old: f"{e.index}: {o} is shortened to {e.lock}",
            )
            self.require(evidence.until > received, index, "an end in the past")
            self.require((evidence.mode, evidence.until) != old[:2], index, "it changes nothing")

    def on_lock_bypassed(self, index, record, received):
        self.require(record.get("reason"), index, "a bypass without a reason")
        for evidence in self.records_of(index, record):
            self.require(evidence.mode == "GOVERNANCE", index, f"{evidence.index} is COMPLIANCE")
            self.check_no_hold(index, evidence)
            evidence.bypassed = index
            evidence.acts.append(index)

    def on_event_recorded(self, index, record, received):
        """The duration counts from the act, or from a later time that was given."""
        lock, at = record["lock"], record.get("at")
        start = max(received, milliseconds(at) if at else 0)
        for evidence in self.records_of(index, record):
            where, old = evidence.index, evidence.until
            event, duration = evidence.awaits or evidence.awaited or (None, None)
            if not self.require(event == record["event"], index, f"{where} awaits {event}"):
                continue
            first = evidence.awaits is not None
            mode = evidence.mode
            evidence.take(lock)
            evidence.acts.append(index)
            evidence.awaited = (event, duration)
            self.require(evidence.awaits is None, index, "an event that leads to waiting")
            self.require(evidence.mode == mode, index, f"{where}: an event changes its mode")
            soonest = after(start, duration)
            # The wall clock, which may be a day ahead of the record's time, counts too.
            latest = after(start + DAY, duration)
            self.require(
                soonest is not None and evidence.until >= soonest,
                index,
                lambda e=evidence, s=soonest: f"{e.index}: {e.lock} is before {s}",
            )
            self.require(
                latest is None or evidence.until <= max(latest, 0 if first else old),
                index,
                lambda e=evidence, s=latest: f"{e.index}: {e.lock} is after {s}",
            )
            self.require(first or evidence.until >= old, index, f"{where} is shortened")

    def on_hold_placed(self, index, record, received):
        matter = self.matters.setdefault(record["matter"], Matter())
        if "records" in record:
            for evidence in self.records_of(index, record):
                matter.records.add(evidence.index)
            return
        hold = Hold(index, record)
        self.require(hold.before <= index, index, "a selection of records that are not there yet")
        rows = self.by_collection.get(hold.selection["collection"], [])
        rows = [self.evidence[i] for i in rows[: bisect.bisect_left(rows, hold.before)]]
        matching = [(row, selects(hold.selection, row)) for row in rows]
        if all(known is not None for _, known in matching):
            every = [row.index for row, known in matching if known]
            kept = [row.index for row, known in matching if known and row.erased is None]
            said = (record["count"], record["digest"])
            self.require(
                said in (summary(every), summary(kept)),
                index,
                lambda: f"it holds {said}; there are {summary(every)}, or {summary(kept)}",
            )
        matter.selections.append(hold)

    def on_hold_released(self, index, record, received):
        matter = self.matters.get(record["matter"])
        if not self.require(matter is not None, index, "a matter that is not there"):
            return
        if "records" not in record:
            del self.matters[record["matter"]]
            return
        for i in indexes_of(record["records"]):
            matter.records.discard(i)
            for hold in matter.selections:
                hold.released.add(i)

    def check_no_hold(self, index, evidence):
        for name, matter in self.matters.items():
            self.require(not matter.covers(evidence), index, f"{evidence.index} is held for {name}")

    def on_payload_erased(self, index, record, received):
        clock = record["clock"]
        compliance, wall = milliseconds(clock["compliance"]), milliseconds(clock["wall"])
        self.require(abs(compliance - wall) <= DAY, index, "erased while the clocks differ")
        releasing = min(compliance, wall)
        bypass = ground_of(record)
        policy = self.policies.get(record["collection"], (None,))[0]
        self.require(record.get("policy") == policy, index, f"the policy is of record {policy}")
        digest, count, last = hashlib.sha256(), 0, -1
        rows = []
        for item in record["items"]:
            for evidence in self.records_of(index, item):
                rows.append(evidence)
                self.check_item(index, record, item, evidence)
                self.check_no_hold(index, evidence)
                if bypass is None:
                    self.require(
                        evidence.awaits is None and releasing > evidence.until,
                        index,
                        lambda e=evidence: f"{e.index} is erased at {releasing} under {e.lock}",
                    )
                else:
                    self.require(
                        evidence.mode == "GOVERNANCE" and evidence.bypassed == bypass,
                        index,
                        f"{evidence.index} is not bypassed by {bypass}",
                    )
        for evidence in sorted(rows, key=lambda row: row.index):
            self.require(evidence.index > last, index, f"{evidence.index} stands there twice")
            last, count = evidence.index, count + 1
            digest.update(struct.pack(">Q", evidence.index) + evidence.leaf)
            evidence.erased = index
        self.require(count == record["count"], index, f"{record['count']}, and there are {count}")
        self.require(digest.hexdigest() == record["digest"], index, "its digest is another")
        self.erasures[index] = [row.index for row in rows]

    def check_item(self, index, record, item, evidence):
        where = evidence.index
        self.require(
            evidence.collection == record["collection"], index, f"{where} is of another collection"
        )
        self.require(
            item["lock"] == evidence.lock,
            index,
            lambda: f"{where}: {item['lock']} is named; in force is {evidence.lock}",
        )
        # The bypass itself is the ground of the erasure, and named as such.
        acts = [act for act in evidence.acts if act != record.get("bypass")]
        self.require(
            item.get("history", []) == acts[-MOST_HISTORY:],
            index,
            lambda: f"{where}: history {item.get('history')}, not {acts}",
        )

    def on_census(self, index, record, received):
        if not self.census_parts:
            self.census_seen = set()
            self.require(record["before"] <= index, index, "a census of what is not there")
        self.census_parts.append((record["part"], record["parts"], record["before"]))
        for name, entry in record["collections"].items():
            rows = self.by_collection.get(name, [])
            at = bisect.bisect_left(rows, record["before"])
            found = {"count": at, "last": rows[at - 1] if at else None}
            self.require(
                entry == found, index, lambda e=entry, f=found, n=name: f"{n}: {e}, not {f}"
            )
            self.require(name not in self.census_seen, index, f"{name} stands there twice")
            self.census_seen.add(name)
            self.census[name] = index
        if len(self.census_parts) == record["parts"]:
            self.end_census(index)

    def end_census(self, index):
        parts, self.census_parts = self.census_parts, []
        total, before = parts[0][1], parts[0][2]
        numbers = [part for part, _, _ in parts]
        self.require(
            len(parts) == total
            and numbers == list(range(numbers[0], numbers[0] + total))
            and {(t, b) for _, t, b in parts} == {(total, before)},
            index,
            f"the parts of a census: {parts}",
        )
        changed = {
            name
            for name, rows in self.by_collection.items()
            if bisect.bisect_left(rows, self.census_before) < bisect.bisect_left(rows, before)
        }
        self.require(
            self.census_seen == changed,
            index,
            f"a census of {self.census_seen}; since the last one {changed} have changed",
        )
        self.census_before = before

    def on_access_digest(self, index, record, received):
        self.require(re.fullmatch("[0-9a-f]{64}", record["head"]), index, "no digest")
        self.require(re.fullmatch(r"\d{4}-\d\d-\d\d", record["day"]), index, "no day")

    def on_access_exported(self, index, record, received):
        """What is said to have been handed out is what the selection means."""
        self.require(re.fullmatch("[0-9a-f]{64}", record["verifier"]), index, "no verifier")
        self.require(record["before"] <= index, index, "it selects what is not there yet")
        found = {
            number: self.exports(record["selection"], evidence)
            for number, evidence in self.evidence.items()
            if number < record["before"]
        }
        if None in found.values():
            return
        chosen = sorted(number for number, is_meant in found.items() if is_meant)
        digest = hashlib.sha256(b"".join(struct.pack(">Q", number) for number in chosen))
        fits = (record["count"], record["digest"]) == (len(chosen), digest.hexdigest())
        self.require(fits, index, f"{len(chosen)} are meant")

    def exports(self, selection, evidence):
        """True or False; None where only the description would tell, and it is not known."""
        if not since_until(selection, evidence.received):
            return False
        matter = selection.get("matter")
        held = matter is None or matter in self.matters and self.matters[matter].covers(evidence)
        if not held:
            return held
        return selects({"collection": evidence.collection, **selection}, evidence)

    def on_log_closed(self, index, record, received):
        self.closed = index

    # --- what can be asked ---

    def holding(self, index):
        """The matters that hold a record; None among them: not known (sealed)."""
        evidence = self.evidence[index]
        found = {name: matter.covers(evidence) for name, matter in self.matters.items()}
        return sorted(name for name, covers in found.items() if covers)
