"""libfaketime: another wall clock for one process."""

import glob

from .environment import Skip


def faked(text, only_wall=True):
    """The environment of a process with a faked clock.

    `text`: as FAKETIME takes it: +10y, -3d, or @2038-01-19 03:13:55, which runs on from there.
    `only_wall`: the clocks that count from boot stay as they are.
    """
    library = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)
    if library is None:
        raise Skip("libfaketime is not installed")
    env = {"LD_PRELOAD": library, "FAKETIME": text, "TZ": "UTC"}
    if only_wall:
        env["DONT_FAKE_MONOTONIC"] = "1"
    return env
