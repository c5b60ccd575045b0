"""The words of a log's records, for `log_fold`: times, ranges, evidence, holds, tokens."""

import calendar
import datetime
import hashlib
import struct

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
SECOND, DAY = 1000, 86_400_000
UNITS = {"s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND, "d": DAY}
WITHOUT_END = 253_402_300_799_000


# --- time -----------------------------------------------------------------------------------------


def milliseconds(text):
    """RFC 3339 -> milliseconds since 1970."""
    moment = datetime.datetime.fromisoformat(text)
    return (moment - EPOCH) // datetime.timedelta(milliseconds=1)


def after(start, duration):
    """`start` and a duration such as 90s or 7y, rounded up as locks are; None beyond 9999."""
    count, unit = int(duration[:-1]), duration[-1]
    if unit == "y":
        moment = EPOCH + datetime.timedelta(milliseconds=start)
        year = moment.year + count
        if year > 9999:
            return None
        day = min(moment.day, calendar.monthrange(year, moment.month)[1])
        end = (moment.replace(year=year, day=day) - EPOCH) // datetime.timedelta(milliseconds=1)
    else:
        end = start + count * UNITS[unit]
    step = DAY if unit == "y" or count * UNITS[unit] >= DAY else SECOND
    rounded = -(-end // step) * step
    return rounded if rounded <= WITHOUT_END else None


def nominal(duration):
    """The length of a duration, for comparing; a year has 365.2425 days."""
    count, unit = int(duration[:-1]), duration[-1]
    return count * (UNITS[unit] if unit != "y" else 31_556_952 * SECOND)


def indexes_of(ranges):
    """[[first, last], …] -> indexes; the form itself is checked."""
    end = -2
    for first, last in ranges:
        if not end + 1 < first <= last:
            raise ValueError(f"ranges that are not in order: {ranges}")
        end = last
        yield from range(first, last + 1)


def summary(indexes):
    data = b"".join(struct.pack(">Q", index) for index in indexes)
    return len(indexes), hashlib.sha256(data).hexdigest()


# --- what is folded -------------------------------------------------------------------------------


class Evidence:
    """One piece of evidence and the lock that is in force over it."""

    __slots__ = (
        "index collection sequence received leaf mode until awaits awaited acts bypassed erased "
        "description"
    ).split()

    def __init__(self, index, record, leaf):
        self.index, self.leaf = index, leaf
        self.collection, self.sequence = record["collection"], record["sequence"]
        self.received = milliseconds(record["received"])
        self.description = None if "commitment" in record else record
        self.take(record["lock"])
        # What it once awaited stays known when it has a date.
        self.awaited = self.awaits
        self.acts, self.bypassed, self.erased = [], None, None

    def take(self, lock):
        self.mode = lock["mode"]
        if "event" in lock:
            self.until, self.awaits = WITHOUT_END, (lock["event"], lock["duration"])
        else:
            self.until, self.awaits = milliseconds(lock["until"]), None

    @property
    def lock(self):
        """In the form of records."""
        if self.awaits:
            return {"duration": self.awaits[1], "event": self.awaits[0], "mode": self.mode}
        moment = EPOCH + datetime.timedelta(milliseconds=self.until)
        return {"mode": self.mode, "until": moment.isoformat()[:19] + "Z"}


class Hold:
    """One `hold.placed` by selection."""

    def __init__(self, index, record):
        self.index, self.before = index, record["before"]
        self.selection, self.standing = record["selection"], record.get("standing", False)
        self.released = set()

    def covers(self, evidence):
        """True or False; None where only the description would tell, and it is not known."""
        if evidence.index in self.released:
            return False
        if evidence.index >= self.before and not self.standing:
            return False
        return selects(self.selection, evidence)


def since_until(selection, received):
    """Whether a time, in milliseconds, lies between those that a selection may have."""
    since, until = selection.get("since"), selection.get("until")
    if since is not None and received < milliseconds(since):
        return False
    return until is None or received < milliseconds(until)


def selects(selection, evidence):
    if evidence.collection != selection["collection"]:
        return False
    prefix, labels = selection.get("prefix"), selection.get("labels", {})
    digest = selection.get("digest")
    if prefix is None and digest is None and not labels:
        return True
    if evidence.description is None:
        return None
    if digest not in (None, evidence.description["payload"]["sha256"]):
        return False
    if prefix is not None and not evidence.description["name"].startswith(prefix):
        return False
    found = evidence.description.get("labels", {})
    return all(found.get(key) == value for key, value in labels.items())


class Matter:
    def __init__(self):
        self.records, self.selections = set(), []

    def covers(self, evidence):
        if evidence.index in self.records:
            return True
        found = [hold.covers(evidence) for hold in self.selections]
        return True if True in found else None if None in found else False


class Token:
    def __init__(self, record, creator):
        self.role, self.rights = record["role"], set(record.get("rights", []))
        self.collections = record.get("collections")
        expires = record.get("expires")
        self.expires = milliseconds(expires) if expires else WITHOUT_END
        self.revoked = False
        self.chain = creator
