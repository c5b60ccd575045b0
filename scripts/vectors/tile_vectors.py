"""Tiles, entry bundles and their paths: aics-tlog."""

import hashlib

from aics_tlog import tiles

TREE_SIZE = 70_000

PATH_INDEXES = [0, 1, 7, 42, 255, 256, 999, 1000, 1001, 1_234_067, 999_999, 1_000_000, 10**9 + 1]
PATH_WIDTHS = [256, 1, 17, 255]

# Each is a second spelling of a path, or no path at all.
REFUSED_PATHS = """
tile
tile/
tile/0
tile/0/
/tile/0/000
tile/0/000/
tile//000
tile/0//000
tile/00/000
tile/01/000
tile/-1/000
tile/+1/000
tile/64/000
tile/x/000
tile/ 0/000
tile/0/0
tile/0/00
tile/0/0000
tile/0/1
tile/0/x000
tile/0/000/000
tile/0/x000/000
tile/0/x000/001
tile/0/x001/x000
tile/0/x001/00
tile/0/x1/000
tile/0/001/x000
tile/0/X001/000
tile/0/x001/000.p
tile/0/x001/000.p/
tile/0/000.p/0
tile/0/000.p/00
tile/0/000.p/01
tile/0/000.p/256
tile/0/000.p/1000
tile/0/000.p/-1
tile/0/000.p/1/
tile/0/000.p/1/1
tile/0/000.P/1
tile/0/000.p.p/1
tile/0/000.p1
tile/0/.p/1
tile/0/00a
tile/0/0٣0
tile/0/000\u0338
Tile/0/000
tiles/0/000
tile/entries
tile/entries/
tile/entries/0
tile/entries/x000/001
tile/entries/000.p/0
tile/entries/000.p/256
tile/Entries/000
tile/data/000
tile/8/000
tile/0/x999/x999/x999/x999/x999/999
tile/0/x001/x000/x000/x000/x000/x000/000
""".replace("\\u0338", "\u0338").split("\n")[1:-1]


def leaf(index):
    return str(index).encode()


def paths():
    lines = [
        "# level (or entries), index, width, path: aics-tlog 0.2.1; scripts/vectors/tile_vectors.py"
    ]
    for index in PATH_INDEXES:
        for width in PATH_WIDTHS:
            partial = None if width == 256 else width
            for level in (0, 1):
                path = tiles.tile_path(level, index, partial)
                assert tiles.parse_tile_path(path) == (level, index, partial)
                lines.append(f"{level} {index} {width} {path}")
            path = tiles.entry_bundle_path(index, partial)
            assert tiles.parse_entry_bundle_path(path) == (index, partial)
            lines.append(f"entries {index} {width} {path}")
    return "\n".join(lines) + "\n"


def refused_paths():
    forms = (
        (tiles.parse_tile_path, tiles.tile_path),
        (tiles.parse_entry_bundle_path, tiles.entry_bundle_path),
    )
    for path in REFUSED_PATHS:
        for parse, write in forms:
            try:
                found = parse(path)
            except ValueError:
                continue
            # aics-tlog reads superfluous groups of zeros too, but writes the path without them.
            # Else the path is well-formed, but beyond the largest tree of 2^53 - 1 leaves.
            assert write(*found) != path or found[0] == 8 or found[1] > 10**12, path
    return "\n".join(["# Paths that must be refused, one a line."] + REFUSED_PATHS) + "\n"


def tree():
    """All resources of one tree, each by the hash of its bytes."""
    resources = tiles.materialise_tiles([leaf(index) for index in range(TREE_SIZE)])
    widths = [path for path in resources if ".p/" in path and "entries" not in path]
    # The example that the specification works out for this size.
    assert sorted(widths) == ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]
    lines = [
        f"# Every tile and entry bundle of a tree of {TREE_SIZE} leaves, leaf i being the decimal",
        "# text of i: path, size in bytes, SHA-256. aics-tlog 0.2.1; "
        "scripts/vectors/tile_vectors.py",
    ]
    for path, data in sorted(resources.items()):
        lines.append(f"{path} {len(data)} {hashlib.sha256(data).hexdigest()}")
    return "\n".join(lines) + "\n"


def build():
    return {
        "tiles/paths.txt": paths(),
        "tiles/refused-paths.txt": refused_paths(),
        "tiles/tree-70000.txt": tree(),
    }
