#!/usr/bin/env python3
"""Runs a command with S3 stores beside it.

    run.py [--folder DIR] [STORE…] -- COMMAND…     STORE: seaweedfs, radosgw; default: both

The command finds them in STRONGROOM_S3_ENDPOINTS. Without a folder the data is gone afterwards.
"""

import argparse
import os
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from stores import STORES, RigError, running  # noqa: E402


def main():
    own, separator, command = [], False, []
    for word in sys.argv[1:]:
        if separator:
            command.append(word)
        elif word == "--":
            separator = True
        else:
            own.append(word)
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=pathlib.Path)
    parser.add_argument("stores", nargs="*", metavar="STORE", help=" or ".join(STORES))
    options = parser.parse_args(own)
    unknown = [name for name in options.stores if name not in STORES]
    if unknown or not command:
        parser.error(f"no store {', '.join(unknown)}" if unknown else "no command behind --")
    # Ended from outside it still stops what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with running(tuple(options.stores or STORES), options.folder) as environment:
            return subprocess.run(command, env={**os.environ, **environment}).returncode
    except RigError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
