"""What locks, holds and erasure must do, as simply as it can be said; `suites/drive.py` compares.

A decision is YES, NO, or EITHER where the answer depends on the millisecond in which the server
decides. A lock that still holds when the answer has come back is never EITHER: that side is exact.
"""

from log_words import WITHOUT_END, after, milliseconds, nominal

YES, NO, EITHER, SAME = "yes", "no", "either", "same"
# What may pass between the end of a lock and the server's seeing it.
SLACK = 1500
GOVERNANCE, COMPLIANCE = "GOVERNANCE", "COMPLIANCE"


class Policy:
    def __init__(self, mode, minimum, default, maximum, event=None, sealed=False, weakest=None):
        self.mode, self.weakest = mode, weakest or mode
        self.minimum, self.default, self.maximum = minimum, default, maximum
        self.event, self.sealed = event, sealed

    @property
    def json(self):
        value = {"mode": self.mode, "minimum": self.minimum, "default": self.default}
        value["maximum"] = self.maximum
        if self.event:
            value["event"] = self.event
        if self.sealed:
            value["sealed"] = True
        return value

    @property
    def valid(self):
        lengths = [nominal(text) for text in (self.minimum, self.default, self.maximum)]
        return lengths == sorted(lengths)

    def grants(self, retain, mode):
        if mode == GOVERNANCE and self.weakest == COMPLIANCE:
            return NO
        length = nominal(retain or self.default)
        return YES if nominal(self.minimum) <= length <= nominal(self.maximum) else NO


class Row:
    """One piece of evidence."""

    def __init__(self, index, collection, name, labels, body, lock):
        self.index, self.collection, self.name = index, collection, name
        self.labels, self.body = labels, body
        self.mode, self.until, self.awaits = lock
        # What it once waited for; after the event it has a date.
        self.event = self.awaits
        self.erased = False
        self.matters = set()

    def __repr__(self):
        return (
            f"<{self.index} {self.collection} {self.mode} {self.until} awaits {self.awaits} "
            f"held {sorted(self.matters)} erased {self.erased}>"
        )


class Model:
    def __init__(self, standard):
        self.standard, self.policies = standard, {}
        self.rows = {}
        self.standing = []
        self.matters = set()

    def policy(self, collection):
        return self.policies.get(collection, self.standard)

    def add(self, row):
        self.rows[row.index] = row
        for matter, selection in self.standing:
            if self.selects(selection, row):
                row.matters.add(matter)

    # --- decisions; `begun` and `ended`: the clock around the request ---

    def due(self, row, begun, ended):
        if row.erased or row.matters or row.awaits or row.until >= ended:
            return NO
        return YES if row.until < begun - SLACK else EITHER

    def bypass(self, row, begun, ended):
        if row.erased or row.matters or row.mode != GOVERNANCE or row.until < begun - SLACK:
            return NO
        return YES if row.until >= ended + SLACK else EITHER

    def extend(self, row, until, mode, begun, ended):
        """The decision and, for YES and EITHER, the lock that it leads to."""
        mode = mode or row.mode
        if row.erased or (mode, row.mode) == (GOVERNANCE, COMPLIANCE):
            return NO, None
        if row.awaits:
            if until is not None:
                return NO, None
            return (SAME if mode == row.mode else YES), (mode, row.until)
        if not row.awaits and (mode, until) == (row.mode, row.until):
            return (SAME if until > ended + SLACK else EITHER), (mode, until)
        if until is None and row.until <= ended + SLACK:
            return EITHER, (mode, row.until)
        end = row.until if until is None else until
        if end < row.until or end <= begun - SLACK:
            return NO, None
        maximum = self.policy(row.collection).maximum
        longest = after(begun, maximum)
        if end > after(ended, maximum) + 2 * SLACK and until is not None:
            return NO, None
        if abs(end - longest) <= 86_400_000 + 2 * SLACK + ended - begun:
            return EITHER, (mode, end)
        if end <= ended + SLACK:
            return EITHER, (mode, end)
        return (SAME if (mode, end) == (row.mode, row.until) else YES), (mode, end)

    def event(self, row, name, at, begun):
        if row.erased or row.event is None or row.event[0] != name:
            return NO
        # A time to come may lead beyond the policy's maximum.
        is_ahead = at is not None and at > begun - SLACK
        return YES if row.awaits and not is_ahead else EITHER

    # --- changes ---

    def lock(self, row, lock):
        row.mode, row.until = lock

    def record_event(self, row, start):
        end = after(start, row.event[1])
        row.until = end if row.awaits else max(row.until, end)
        row.awaits = None

    def hold(self, matter, indexes):
        self.matters.add(matter)
        for index in indexes:
            self.rows[index].matters.add(matter)

    def hold_selection(self, matter, selection, standing):
        found = [row for row in self.rows.values() if self.selects(selection, row)]
        self.matters.add(matter)
        for row in found:
            row.matters.add(matter)
        if standing:
            self.standing.append((matter, selection))
        return found

    def release(self, matter, indexes=None):
        if indexes is None:
            self.matters.discard(matter)
            self.standing = [pair for pair in self.standing if pair[0] != matter]
            indexes = self.rows
        for index in indexes:
            self.rows[index].matters.discard(matter)

    @staticmethod
    def selects(selection, row):
        return (
            row.collection == selection["collection"]
            and row.name.startswith(selection.get("prefix", ""))
            and selection.get("labels", {}).items() <= row.labels.items()
        )


def until_of(lock):
    """(mode, until, awaits) of a lock in JSON."""
    if "event" in lock:
        return lock["mode"], WITHOUT_END, (lock["event"], lock["duration"])
    return lock["mode"], milliseconds(lock["until"]), None
