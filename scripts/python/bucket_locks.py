"""Which locks, holds and deletions a copy must show. A part of `check_bucket`."""

import collections

from bucket_objects import meaning_of
from log_fold import STRENGTH
from log_words import DAY, milliseconds


class Locks:
    """The part of `Copy` that compares the objects with the fold of the log."""

    def check_objects(self):
        """The lock and the hold of each object are those that it says itself."""
        for key, versions in self.objects.items():
            kind = meaning_of(key).kind
            for version in versions:
                lock = getattr(version, "lock", None)
                if lock is None:
                    continue
                if kind == "checkpoint":
                    self.require(lock.mode is None and not lock.hold, key, f"it has {lock}")
                elif kind in ("entries", "tile", "journal", "state"):
                    good = lock.mode == "COMPLIANCE" and not lock.hold
                    over = lock.until <= self.now and not (self.lapsing and kind == "journal")
                    self.require(good and not over, key, f"it has {lock}")
        for key, pack in self.packs.items():
            lock, said = pack.version.lock, pack.index["lock"]
            self.require(lock.mode == said["mode"], key, f"it has {lock}, not {said}")
            if "until" in said:
                good = ends(pack.version, milliseconds(said["until"]))
                self.require(good, key, f"{lock}, not {said}")
            self.check_not_too_long(key, pack)

    def check_not_too_long(self, key, pack):
        """No record is locked beyond its own date because of its neighbours."""
        rows = [self.log.evidence[index] for index in pack.entries if index in self.log.evidence]
        awaited = [row for row in rows if row.awaits or row.awaited]
        for row in rows:
            if not awaited and row.bypassed is None:
                good = pack.version.lock.until <= row.until or ends(pack.version, row.until)
                self.require(good, key, f"{row.index}: {row.lock} is shorter")
        held = [row for row in rows if row.awaits or self.log.holding(row.index)]
        if self.complete and pack.version.lock.hold:
            self.require(held, key, NOT_NEEDED)

    def homes(self):
        """record -> the versions that hold its payload under a lock of its own."""
        found = collections.defaultdict(list)
        for pack in self.packs.values():
            for index, entry in pack.entries.items():
                if "object" not in entry:
                    found[index].append(pack.version)
        for index, _, version in self.large.values():
            found[index].append(version)
        return found

    def check_homes(self):
        """Each payload that was not erased stands there, under its lock and its holds."""
        homes, copies = self.homes(), set()
        for journal in self.journals.values():
            copies |= set(journal.payloads)
        packed = {index for pack in self.packs.values() for index in pack.entries}
        self.waiting = []
        for index, evidence in self.log.evidence.items():
            if evidence.erased is not None:
                continue
            where = f"record {index}"
            there = homes.get(index, [])
            if not self.complete:
                self.require(there or index in copies, where, "its payload is nowhere")
                continue
            if not self.require(there and index in packed, where, "it is in no pack"):
                continue
            held = bool(self.log.holding(index)) or evidence.awaits is not None
            if not any(covers(version, evidence, held) for version in there):
                self.finding(
                    where,
                    f"{evidence.lock}, {'held' if held else 'not held'}, is not in force there: "
                    + "; ".join(f"{version.key} {version.lock}" for version in there),
                )

    def check_purges(self):
        """Of what is purged no byte is left, nor what would open the record."""
        holding = collections.defaultdict(list)
        for key, pack in {**self.packs, **self.journals}.items():
            for index in {*pack.payloads, *pack.openings}:
                holding[index].append(key)
        for key, (index, _, _) in self.large.items():
            holding[index].append(key)
        self.unpurged = []
        for erasure, indexes in self.log.erasures.items():
            if (erasure, self.target) in self.log.purged:
                left = {index: holding[index] for index in indexes if index in holding}
                self.require(
                    not left,
                    f"erasure {erasure}",
                    lambda found=left: f"purged, and {len(found)} stand there: {first(found)}",
                )
            else:
                self.unpurged.append(erasure)


def first(found):
    return dict(list(found.items())[:3])


NOT_NEEDED = "a legal hold, and nothing in it is held"
# Stores take no lock that is over, or nearly: what comes then is locked for a minute, and a second
# more for each MiB (Schemas/target.md). A second each for what is rounded.
LATE = 5_000 + 1_000
LEAST = 60_000 + 2_000


def ends(version, until):
    """Whether the lock of an object ends when it should."""
    lock = version.lock
    if lock.until == until or lock.stored is None:
        return lock.until == until
    longest = lock.stored + LEAST + (version.size >> 20) * 1_000
    return until < lock.stored + LATE and until < lock.until <= longest


def covers(version, evidence, held):
    """Whether an object's lock is what the record's state asks for, neither less nor longer."""
    lock = version.lock
    if held and not lock.hold:
        return False
    if evidence.awaits:
        return STRENGTH.get(lock.mode, -1) >= STRENGTH[evidence.mode]
    same = lock.mode == evidence.mode and ends(version, evidence.until)
    longer = evidence.awaited and lock.until <= max(evidence.until, evidence.received + 2 * DAY)
    return same or bool(longer and lock.mode == evidence.mode and lock.until >= evidence.until)
