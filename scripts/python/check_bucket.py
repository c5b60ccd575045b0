#!/usr/bin/env python3
"""A second opinion on the copy of a log in a bucket, written apart from the Swift code.

It lists every version, reads every object with standard tools, rebuilds the signed root from what
stands there, folds the acts anew, and compares each payload, lock and hold with the records.

    check_bucket.py --endpoint URL --bucket B [--prefix P] --key VKEY [--target NAME] [--complete]

Credentials come from where the AWS tools take them. `--complete`: nothing is under way any more, so
everything must be in packs and every lock in force. Exit code 0: the copy keeps its rules. 1: it
does not; each finding is printed. 2: usage.
"""

import argparse
import sys

from bucket_copy import Copy
from bucket_source import BucketSource


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--endpoint")
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--prefix", default="")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--key", required=True, help="the log's verifier key")
    parser.add_argument("--target", help="the name that the log gave this copy")
    parser.add_argument("--complete", action="store_true", help="nothing is under way any more")
    options = parser.parse_args()
    source = BucketSource.open(options.endpoint, options.region, options.bucket, options.prefix)
    try:
        copy = Copy(source, options.key, options.target, options.complete).check()
    except source.errors as error:
        print(error, file=sys.stderr)
        return 2
    for finding in copy.findings:
        print(f"FINDING {finding}")
    print(", ".join(f"{count} {kind}" for kind, count in sorted(copy.kinds.items())))
    print(f"{copy.size} records, {len(copy.log.evidence)} of them evidence")
    print(f"{len(copy.findings)} findings")
    return 1 if copy.findings else 0


if __name__ == "__main__":
    sys.exit(main())
