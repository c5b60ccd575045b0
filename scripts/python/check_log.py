#!/usr/bin/env python3
"""A second opinion on what a Strongroom log says, written apart from the Swift code.

It reads every record through `/checkpoint` and `/tile/entries`, rebuilds the signed root from them,
and folds the acts anew: who might do what, which lock was in force, which hold stood when a payload
was erased, what was purged where. It shares nothing with the product and believes none of its
answers but the records.

    check_log.py --server URL --key VKEY [--token-file FILE]

Exit code 0: the log keeps its rules. 1: it does not; each finding is printed. 2: usage.
"""

import argparse
import sys
import urllib.request

from log_fold import Log
from log_targets import root_of
from verify_receipt import Checkpoint, Refused, VerifierKey


# --- reading --------------------------------------------------------------------------------------


def tile_path(number):
    parts = [f"{number % 1000:03d}"]
    while number := number // 1000:
        parts.insert(0, f"x{number % 1000:03d}")
    return "/".join(parts)


def bundle(data):
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 2], "big")
        yield data[at + 2 : at + 2 + length]
        at += 2 + length


def read_log(fetch, key, descriptions=None):
    """Folds the log behind `fetch` (target -> bytes); returns the `Log` and its checkpoint."""
    key = key if isinstance(key, VerifierKey) else VerifierKey(key)
    checkpoint = Checkpoint(fetch("/checkpoint").decode(), key)
    log = Log(descriptions)
    for number in range(-(-checkpoint.size // 256)):
        width = min(256, checkpoint.size - number * 256)
        suffix = "" if width == 256 else f".p/{width}"
        records = list(bundle(fetch(f"/tile/entries/{tile_path(number)}{suffix}")))
        if len(records) != width:
            raise Refused("entries", f"bundle {number} has {len(records)} records, not {width}")
        for record in records:
            log.apply(record)
    if root_of(log.leaves) != checkpoint.root:
        raise Refused("entries", "they do not lead to the signed root")
    return log, checkpoint


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--server", required=True)
    parser.add_argument("--key", required=True, help="the log's verifier key")
    parser.add_argument("--token-file", help="of an auditor of all collections")
    options = parser.parse_args()
    headers = {}
    if options.token_file:
        with open(options.token_file, encoding="ascii") as file:
            headers["Authorization"] = "Bearer " + file.read().strip()

    def fetch(target):
        request = urllib.request.Request(options.server.rstrip("/") + target, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.read()

    try:
        log, checkpoint = read_log(fetch, options.key)
    except Refused as refusal:
        print(f"REFUSED {refusal}")
        return 1
    except OSError as error:
        print(error, file=sys.stderr)
        return 2
    for finding in log.findings:
        print(f"FINDING {finding}")
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(log.kinds.items()))
    print(f"{checkpoint.size} records of {checkpoint.origin}: {kinds}")
    print(f"{len(log.findings)} findings")
    return 1 if log.findings else 0


if __name__ == "__main__":
    sys.exit(main())
