"""Random steps on locks, holds, events and erasures, against a simple model, in real time.

Locks last seconds and are waited for. Whatever is asked, by whomever: a lock is never shortened,
and nothing is erased under one. The seed is printed; STRONGROOM_SEED replays the choices.
"""

import json
import time

from harness import check, settings
from harness.audit import agree, audit
from harness.lockdrive import COLLECTIONS, EVENTS, LockDrive, now, rfc3339
from harness.lockmodel import (
    COMPLIANCE,
    EITHER,
    GOVERNANCE,
    NO,
    SLACK,
    YES,
    Policy,
    Row,
    until_of,
)
from log_words import after, milliseconds

SECONDS = 19


class Drive(LockDrive):
    """What can be asked of locks, each in all its forms."""

    def __init__(self, env):
        super().__init__(env)
        self.steps = {
            self.put: 30,
            self.extend: 22,
            self.look: 12,
            self.erase: 10,
            self.hold: 6,
            self.hold_selection: 2,
            self.release: 5,
            self.bypass: 5,
            self.event: 5,
            self.payload: 4,
            self.erase_collection: 1,
            self.policy: 1,
            self.due: 1,
        }

    # --- steps ---

    def put(self):
        collection = self.pick(*COLLECTIONS)
        policy = self.model.policy(collection)
        retain = self.pick(None, "1s", "1s", "2s", "3s", "4s", "6s", "5h", "200y", "400d")
        mode = self.pick(None, None, None, GOVERNANCE, COMPLIANCE)
        labels = {"team": self.pick("x", "y")} if self.random.random() < 0.5 else {}
        name = f"{self.pick('a', 'b', 'c')}/{len(self.model.rows)}"
        body = b"payload of " + name.encode() * self.random.randint(1, 40)
        who, allowed = self.who("writer")
        reply = self.clients[who].put(body, name, collection, labels, retain=retain, mode=mode)
        if not allowed:
            check(reply.status == 403, lambda: f"put by {who}: {reply}")
            return
        expected = policy.grants(retain, mode)
        self.count("put", reply.status)
        if expected == NO:
            check(reply.status == 422, lambda: f"put {retain} {mode} under {policy.json}: {reply}")
            return
        check(reply.status == 201, lambda: f"put {retain} {mode} under {policy.json}: {reply}")
        receipt = reply.json
        record = json.loads(receipt["record"])
        lock = until_of(record["lock"])
        check(lock[0] == (mode or policy.mode), lambda: f"{record} for {mode}")
        if policy.event:
            wanted = (policy.event, retain or policy.default)
            check(lock[2] == wanted, lambda: f"{record} for {wanted}")
        else:
            shortest = after(milliseconds(record["received"]), retain or policy.default)
            check(shortest <= lock[1] <= shortest + 2000, lambda: f"{record} for {retain}")
        if policy.sealed:
            self.descriptions[receipt["index"]] = json.loads(receipt["opening"]["description"])
        self.model.add(Row(receipt["index"], collection, name, labels, body, lock))

    def extend(self):
        for row in self.rows():
            ahead = self.pick(-5000, -1000, 2000, 3000, 5000, 8000, 86_400_000 * 20)
            base = self.pick(now(), row.until if row.until < now() + 10**8 else now())
            if ahead > 10**6 and self.random.random() < 0.7:
                ahead = 4000
            until = self.pick(None, (base + ahead) // 1000 * 1000, (base + ahead) // 1000 * 1000)
            mode = self.pick(None, None, GOVERNANCE, COMPLIANCE)
            if until is None and mode is None:
                until = row.until if row.awaits is None else None
            who, allowed = self.who("keeper", "boss", "breaker")
            begun = now()
            text = rfc3339(until) if until is not None else None
            reply = self.clients[who].extend(row.index, text, mode)
            if not allowed:
                check(reply.status == 403, lambda w=who, r=reply: f"extend by {w}: {r}")
                return
            if until is None and mode is None:
                self.refused(reply, "an extension of nothing")
                return
            expected, lock = self.model.extend(row, until, mode, begun, now())
            what = f"extend {row} until {text} {mode}"
            self.count("extend", f"{expected} {reply.status}")
            if expected == NO or (expected == EITHER and reply.status >= 400):
                self.refused(reply, what)
                return
            check(
                reply.status in {YES: (201,), EITHER: (200, 201)}.get(expected, (200,)),
                lambda w=what, r=reply: f"{w}: {r}",
            )
            found = until_of(reply.json["lock"])[:2]
            check(found == lock, lambda w=what, r=reply: f"{w}: {r}")
            self.model.lock(row, lock)

    def look(self):
        for row in self.rows(3):
            reply = self.clients["auditor"].lock(row.index)
            check(reply.status == 200, lambda r=reply: f"lock: {r}")
            value = reply.json
            check(
                until_of(value["lock"]) == (row.mode, row.until, row.awaits),
                lambda r=row, v=value: f"{r}: {v}",
            )
            check(("erased" in value) == row.erased, lambda r=row, v=value: f"{r}: {v}")
            check(
                row.erased or set(value["holds"]) == row.matters,
                lambda r=row, v=value: f"{r}: {v}",
            )

    def erase(self):
        rows = self.rows(self.pick(1, 1, 5, 30))
        if not rows:
            return
        who, allowed = self.who("keeper", "breaker")
        begun = now()
        reply = self.clients[who].erase(records=[row.index for row in rows])
        ended = now()
        expected = {row.index: self.model.due(row, begun, ended) for row in rows}
        for row in self.judge("erase", reply, expected, rows, allowed):
            row.erased = True

    def erase_collection(self):
        collection = self.pick(*COLLECTIONS)
        who, allowed = self.who("keeper")
        begun = now()
        reply = self.clients[who].erase(collection=collection)
        ended = now()
        if not allowed:
            check(reply.status in (200, 201, 403), lambda: f"{reply}")
            if reply.status == 403:
                return
        check(reply.status in (200, 201), lambda: f"erase {collection}: {reply}")
        self.settle(collection, begun, ended)

    def hold(self):
        rows = self.rows(self.pick(1, 4, 20))
        if not rows:
            return
        matter = f"case/{self.random.randrange(6)}"
        who, allowed = self.who("keeper", "boss", "breaker")
        reply = self.clients[who].hold(matter, records=[row.index for row in rows])
        # One that is held already need not be named again; it stays held.
        expected = {
            row.index: NO if row.erased else EITHER if matter in row.matters else YES
            for row in rows
        }
        done = self.judge("hold", reply, expected, rows, allowed)
        if done:
            self.model.hold(matter, [row.index for row in done])

    def hold_selection(self):
        selection = {"collection": self.pick(*COLLECTIONS)}
        if self.random.random() < 0.7:
            selection["prefix"] = self.pick("a/", "b/", "c", "a/1")
        if self.random.random() < 0.5:
            selection["labels"] = {"team": self.pick("x", "y")}
        matter = f"matter/{self.random.randrange(4)}"
        standing = self.random.random() < 0.3
        who, allowed = self.who("keeper", "boss", "breaker")
        extra = {"standing": True} if standing else {}
        reply = self.clients[who].hold(matter, selection=selection, **extra)
        if not allowed:
            check(reply.status == 403, lambda: f"hold by {who}: {reply}")
            return
        self.count("hold by selection", reply.status)
        if reply.status >= 300:
            self.refused(reply, "hold by selection")
            found = [r for r in self.model.rows.values() if self.model.selects(selection, r)]
            check(
                all(row.erased for row in found) and not standing,
                lambda: f"hold of {len(found)} by {selection}: {reply}",
            )
            return
        self.model.hold_selection(matter, selection, standing)

    def release(self):
        matters = sorted(self.model.matters) or ["case/0"]
        matter = self.random.choice(matters)
        who, allowed = self.who("boss")
        if self.random.random() < 0.4:
            reply = self.clients[who].release(matter)
            if not allowed:
                check(reply.status == 403, lambda: f"release by {who}: {reply}")
                return
            known = matter in self.model.matters
            check((reply.status < 300) == known, lambda: f"release of {matter}: {reply}")
            self.count("release", "done" if known else "refused")
            if known:
                self.model.release(matter)
            return
        rows = [row for row in self.rows(8) if not row.erased]
        if not rows:
            return
        reply = self.clients[who].release(matter, [row.index for row in rows])
        expected = {row.index: YES if matter in row.matters else NO for row in rows}
        done = self.judge("release", reply, expected, rows, allowed)
        self.model.release(matter, [row.index for row in done])

    def bypass(self):
        rows = self.rows(self.pick(1, 3))
        if not rows:
            return
        who, allowed = self.who("breaker")
        begun = now()
        reply = self.clients[who].bypass([row.index for row in rows])
        ended = now()
        expected = {row.index: self.model.bypass(row, begun, ended) for row in rows}
        for row in self.judge("bypass", reply, expected, rows, allowed):
            row.erased = True

    def event(self):
        rows = self.rows(8, collection="events") or self.rows()
        if not rows:
            return
        name = self.pick(EVENTS[0], EVENTS[0], EVENTS[0], EVENTS[1])
        at = self.pick(None, None, now() - 86_400_000, now() + 3000)
        scope = {"records": [row.index for row in rows]}
        if at is not None:
            scope["at"] = rfc3339(at)
        who, allowed = self.who("keeper", "boss", "breaker")
        begun = now()
        reply = self.clients[who].record_event(name, **scope)
        ended = now()
        expected = {row.index: self.model.event(row, name, at, begun) for row in rows}
        done = self.judge("event", reply, expected, rows, allowed)
        if not done:
            return
        for row in done:
            found = until_of(self.clients["auditor"].lock(row.index).json["lock"])
            # It counts from the act, or from a later time that was given.
            given = milliseconds(scope["at"]) if at is not None else 0
            soonest, latest = (
                max(after(max(start, given), row.event[1]), 0 if row.awaits else row.until)
                for start in (begun - SLACK, ended + SLACK)
            )
            check(
                found[2] is None and soonest <= found[1] <= latest + 2000,
                lambda r=row, f=found, s=soonest: f"event of {r}: {f}, at least {s}",
            )
            row.until, row.awaits = found[1], None

    def payload(self):
        for row in self.rows(2):
            reply = self.clients["auditor"].payload(row.index)
            if row.erased:
                check(reply.status == 410, lambda r=row, p=reply: f"{r}: {p}")
                check(reply.json["certificate"] > row.index, lambda p=reply: f"{p}")
            else:
                check(
                    reply.status == 200 and reply.body == row.body,
                    lambda r=row, p=reply: f"{r}: {p}",
                )

    def policy(self):
        collection = self.pick("strict", "events", "hidden")
        old = self.model.policies[collection]
        new = Policy(
            self.pick(GOVERNANCE, COMPLIANCE),
            self.pick("1s", "2s"),
            self.pick("2s", "3s", "1s"),
            self.pick("1d", "30d", "2s"),
            old.event,
            old.sealed,
        )
        who, allowed = self.who("boss")
        dry = self.random.random() < 0.3
        reply = self.clients[who].set_policy(collection, new.json, dry_run=dry)
        if not allowed:
            check(reply.status == 403, lambda: f"policy by {who}: {reply}")
        elif not new.valid:
            self.refused(reply, f"policy {new.json}")
        else:
            check(reply.status in (200, 201), lambda: f"policy {new.json}: {reply}")
            if not dry:
                self.model.policies[collection] = new

    def due(self):
        collection = self.pick(*COLLECTIONS)
        found, cursor, begun = {}, None, now()
        while True:
            query = {"collection": collection, "whyNot": "true", "limit": 500}
            if cursor is not None:
                query["cursor"] = cursor
            reply = self.clients["auditor"].due(**query)
            check(reply.status == 200, lambda r=reply: f"due: {r}")
            found.update((row["index"], row) for row in reply.json["due"])
            cursor = reply.json.get("cursor")
            if cursor is None:
                break
        ended = now()
        for row in self.model.rows.values():
            if row.collection != collection or row.erased:
                continue
            entry = found.get(row.index)
            check(entry is not None, lambda r=row: f"not listed at all: {r}")
            expected = self.model.due(row, begun, ended)
            check(
                expected == EITHER or entry["isDue"] == (expected == YES),
                lambda r=row, e=entry: f"{r}: {e}",
            )
            check(entry["isDue"] or entry.get("reason"), lambda e=entry: f"no reason: {e}")

    def finish(self):
        """All short locks lapse, all holds are released: what is due goes, and nothing else."""
        for matter in sorted(self.model.matters):
            reply = self.clients["boss"].release(matter)
            check(reply.status < 300, lambda r=reply: f"release: {r}")
            self.model.release(matter)
        lapsing = [row.until for row in self.model.rows.values() if row.until < now() + 12_000]
        time.sleep(max(0, (max(lapsing, default=0) - now() + 2500) / 1000))
        for collection in COLLECTIONS:
            begun = now()
            reply = self.clients["keeper"].erase(collection=collection)
            check(reply.status in (200, 201), lambda r=reply: f"erase: {r}")
            self.settle(collection, begun, now())
        log = audit(self.clients["auditor"], self.key, self.descriptions, "the drive's log")
        kept = 0
        for row in self.model.rows.values():
            evidence = log.evidence[row.index]
            check((evidence.erased is not None) == row.erased, lambda r=row: f"in the log: {r}")
            found = (evidence.mode, evidence.until, evidence.awaits)
            check(found == (row.mode, row.until, row.awaits), lambda r=row, f=found: f"{r}: {f}")
            kept += not row.erased
            reply = self.clients["auditor"].payload(row.index)
            check(
                reply.status == 410 if row.erased else reply.body == row.body,
                lambda r=row, p=reply: f"{r}: {p}",
            )
        for index in self.random.sample(list(self.model.rows), min(300, len(self.model.rows))):
            agree(self.clients["auditor"], log, index)
        return log, kept


def test_no_sequence_of_requests_shortens_a_lock(env):
    drive = Drive(env)
    started = time.monotonic()
    drive.run(settings.drive_steps)
    seconds = time.monotonic() - started
    log, kept = drive.finish()
    check(drive.server.terminate() == 0, drive.server.log)
    env.fsck(drive.data)
    for step in ("extend", "erase", "hold", "release", "bypass", "event"):
        found = {key: n for key, n in drive.outcomes.items() if key.startswith(step + ": ")}
        env.note(", ".join(f"{key} {n}" for key, n in sorted(found.items())))
        check(len(found) > 1, f"{step} has only one outcome: {found}")
    env.note(
        f"seed {settings.seed}: {settings.drive_steps:,} steps in {seconds:.1f} s; {log.size} "
        f"records, {len(drive.model.rows)} of evidence, {kept} still locked; no lock was shortened"
    )
