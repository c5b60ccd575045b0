"""What the acts of the vectors have in common. A part of `act_vectors`."""

from record_vectors import NOT_INTEGERS, NOT_STRINGS

LATEST = 2**53 - 1
RECEIVED = "2026-11-21T01:02:03.456Z"
ODD = 'a "quoted"\\reason: Zoë, e\u0301, \U0001f600, \ufb33 / \u2028'
BAD_NAMES = NOT_STRINGS + ("", "-a", "A", "a b", "é", "a" * 64, "a/b")
BAD_REASONS = NOT_STRINGS + ("", "a\nb", "\x7f", "\x85", "r" * 1_025, "é" * 513)
BAD_TIMES = NOT_STRINGS + ("", "2026-11-21", "2026-11-21T01:02:03Z", "2026-02-30T00:00:00.000Z")
BAD_COUNTS = NOT_INTEGERS + (-1,)


def act(kind, principal="alice", received=RECEIVED, reason=None, **members):
    """One act; members that are None are absent."""
    members = {name: value for name, value in members.items() if value is not None}
    common = {"kind": kind, "principal": principal, "received": received, "v": 1}
    if reason is not None:
        common["reason"] = reason
    return members | common
