#!/usr/bin/env python3
"""Prints line coverage per target out of llvm-cov's JSON; `coverage.py REPORT.json`.

Ends with 1 if a pure or engine target is under its floor. Names the files with most lines unseen.
"""

import json
import pathlib
import sys

SOURCES = pathlib.Path(__file__).resolve().parent.parent / "Sources"
FLOOR_PERCENT = 90.0
WITH_FLOOR = ("EvidenceModel", "TransparencyLog", "HTTPMessage", "EvidenceStore")


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    report = json.loads(pathlib.Path(sys.argv[1]).read_text())
    targets, files = {}, []
    for entry in report["data"][0]["files"]:
        path = pathlib.Path(entry["filename"])
        if SOURCES not in path.parents:
            continue
        lines = entry["summary"]["lines"]
        relative = path.relative_to(SOURCES)
        counts = targets.setdefault(relative.parts[0], [0, 0])
        counts[0] += lines["covered"]
        counts[1] += lines["count"]
        files.append((lines["count"] - lines["covered"], relative))

    below = []
    print(f"{'target':<20}{'lines':>8}{'seen':>8}{'percent':>10}")
    for name, (covered, count) in sorted(targets.items()):
        percent = 100.0 * covered / count if count else 100.0
        mark = ""
        if name in WITH_FLOOR:
            mark = "  ok" if percent >= FLOOR_PERCENT else f"  UNDER {FLOOR_PERCENT:.0f} %"
            below += [name] if percent < FLOOR_PERCENT else []
        print(f"{name:<20}{count:>8}{covered:>8}{percent:>9.1f}%{mark}")
    missing = [name for name in WITH_FLOOR if name not in targets]
    print("\nmost lines unseen:")
    for unseen, path in sorted(files, reverse=True)[:10]:
        print(f"{unseen:>6}  {path}")
    if below or missing:
        print(f"\nunder {FLOOR_PERCENT:.0f} %: {', '.join(below)}  without tests: {missing}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
