#!/usr/bin/env python3
"""Rebuilds the test vectors of log and records without any code of Strongroom.

    build.py            compares the files below Tests/Vectors with what is built anew; exits with
                        1 if one differs
    build.py --write    writes them

What computes the vectors is named in each module: the packages `pymerkle`, `aics-tlog`,
`aics-witness`, `cryptography` and `botocore`, and the definitions of RFC 6962 and of the C2SP
specifications written out here. Where two of them can compute the same thing they are compared
first, and published values are asserted. A difference is a defect to be understood, never a reason
to run --write.
"""

import argparse
import pathlib
import sys

import act_vectors
import calendar_vectors
import merkle_vectors
import note_vectors
import policy_vectors
import proof_vectors
import receipt_vectors
import record_vectors
import sigv4_vectors
import successor_vectors
import tile_vectors
import witness_vectors

ROOT = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "Vectors"
MODULES = (
    merkle_vectors,
    tile_vectors,
    note_vectors,
    proof_vectors,
    calendar_vectors,
    record_vectors,
    act_vectors,
    successor_vectors,
    receipt_vectors,
    sigv4_vectors,
    witness_vectors,
    policy_vectors,
)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--write", action="store_true", help="write the files")
    write = arguments.parse_args().write
    different = 0
    for module in MODULES:
        for name, text in module.build().items():
            path = ROOT / name
            if write:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            elif not path.exists() or path.read_text(encoding="utf-8") != text:
                print(f"differs: {path.relative_to(ROOT.parents[1])}", file=sys.stderr)
                different += 1
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
