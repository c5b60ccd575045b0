"""Assertions, and waits for what must come; nothing here depends on how fast a machine is."""

import datetime
import time

# No promise: a machine may be slow for a while, and a wait ends as soon as the thing is there.
PATIENCE_SECONDS = 120


def check(condition, message):
    """An assertion that says what was expected and what came."""
    if not condition:
        raise AssertionError(message() if callable(message) else message)


def eventually(condition, message, seconds=PATIENCE_SECONDS):
    """Waits until `condition()` is true, and returns its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        check(time.monotonic() < deadline, message)
        time.sleep(0.02)


def settled(reading, message, seconds=1.0):
    """Waits until two readings so far apart are equal, and returns it: for what nobody moves."""
    last = [reading()]

    def is_same():
        time.sleep(seconds)
        before, last[0] = last[0], reading()
        return before == last[0]

    eventually(is_same, message)
    return last[0]


def within_a_day(seconds=60):
    """Waits until the day (UTC) has at least so many seconds left: what is made is of one day."""
    now = datetime.datetime.now(datetime.timezone.utc)
    left = 86_400 - (now.hour * 3600 + now.minute * 60 + now.second)
    if left < seconds:
        time.sleep(left + 1)
