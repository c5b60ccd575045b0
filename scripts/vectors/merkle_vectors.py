"""Roots and proofs: pymerkle, compared with the recursive definitions of RFC 6962."""

import hashlib
import json

from pymerkle import InmemoryTree

# The eight leaves that implementations of RFC 6962 have shared since the first one (the tests of
# google/certificate-transparency), and the roots published with them.
REFERENCE_LEAVES = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
PUBLISHED_ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
EXHAUSTIVE_SIZE = 130

# Far beyond what can be built: sizes around powers of two, and some without a pattern.
LARGE_TREES = [
    # size, index, older size
    (1000, 999, 1),
    (65_537, 65_535, 65_536),
    (1_000_003, 524_288, 999_999),
    ((1 << 32) + 5, (1 << 32) + 4, 1 << 32),
    ((1 << 40) - 1, 123_456_789_012, 1 << 39),
    (0x1A2B3C4D5E6F7, 0xA2B3C4D5E6F7, 0x192837465564),
    ((1 << 53) - 1, (1 << 53) - 2, (1 << 52) + 1),
    ((1 << 53) - 1, 0, (1 << 53) - 2),
]


def leaf_hash(data):
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(count):
    """The largest power of two that is smaller than `count`."""
    return 1 << ((count - 1).bit_length() - 1)


class Tree:
    """RFC 6962, section 2.1, word for word, over leaves that need not all be written down.

    Leaf i is the text of i for the `special` indexes, the empty text for all others; a range
    without a special leaf depends on its width only.
    """

    def __init__(self, special):
        self.special = sorted(special)
        self.known = {}

    def leaf(self, index):
        return leaf_hash(str(index).encode() if index in self.special else b"")

    def root(self, start, end):
        """MTH(D[start:end])."""
        if end == start:
            return hashlib.sha256(b"").digest()
        if end - start == 1:
            return self.leaf(start)
        plain = not any(start <= index < end for index in self.special)
        key = end - start if plain else (start, end)
        if key not in self.known:
            middle = start + split(end - start)
            self.known[key] = node_hash(self.root(start, middle), self.root(middle, end))
        return self.known[key]

    def inclusion(self, index, start, end):
        """PATH(m, D[start:end]), section 2.1.1; `index` counts from 0."""
        if end - start == 1:
            return []
        middle = start + split(end - start)
        if index < middle:
            return self.inclusion(index, start, middle) + [self.root(middle, end)]
        return self.inclusion(index, middle, end) + [self.root(start, middle)]

    def consistency(self, size, start, end, whole=True):
        """SUBPROOF(m, D[start:end], b), section 2.1.2; `size` counts from `start`."""
        if size == end - start:
            return [] if whole else [self.root(start, end)]
        width = split(end - start)
        middle = start + width
        if size <= width:
            return self.consistency(size, start, middle, whole) + [self.root(middle, end)]
        return self.consistency(size - width, middle, end, False) + [self.root(start, middle)]


class Pymerkle:
    """The same from pymerkle, brought into the form of RFC 6962."""

    def __init__(self, leaves):
        self.tree = InmemoryTree(algorithm="sha256")
        self.tree.append_entries(leaves)

    def root(self, size):
        return self.tree.get_state(size)

    def inclusion(self, index, size):
        proof = self.tree.prove_inclusion(index + 1, size)
        proof.verify(proof.path[0], self.root(size))
        return proof.path[1:]

    def consistency(self, old, new):
        if old == new:
            return []  # pymerkle gives the root itself
        proof = self.tree.prove_consistency(old, new)
        proof.verify(self.root(old), self.root(new))
        path = proof.path
        # pymerkle takes the part right of the older tree down to one leaf where the older tree ends
        # at its edge; RFC 6962 gives the root of that part.
        first = proof.subset.index(1)
        right = path[:first]
        if right:
            folded = right[0]
            for digest in right[1:]:
                folded = node_hash(folded, digest)
            right = [folded]
        # The older tree itself is left out where the verifier has it: a complete tree.
        seed = [] if old & (old - 1) == 0 else [path[first]]
        return seed + right + path[first + 1 :]


def hexes(hashes):
    return [digest.hex() for digest in hashes]


def reference():
    leaves = [bytes.fromhex(leaf) for leaf in REFERENCE_LEAVES]
    other = Pymerkle(leaves)
    for size, root in PUBLISHED_ROOTS.items():
        assert other.root(size).hex() == root, f"the published root of size {size}"
    sizes = range(1, len(leaves) + 1)
    return {
        "provenance": "leaves and roots: tests of google/certificate-transparency (RFC 6962); "
        "paths: pymerkle 7.0.0; scripts/vectors/merkle_vectors.py",
        "leaves": REFERENCE_LEAVES,
        "roots": [PUBLISHED_ROOTS[size] for size in range(len(leaves) + 1)],
        "inclusion": [
            {"index": index, "size": size, "path": hexes(other.inclusion(index, size))}
            for size in sizes
            for index in range(size)
        ],
        "consistency": [
            {"from": old, "to": new, "path": hexes(other.consistency(old, new))}
            for new in sizes
            for old in range(1, new + 1)
        ],
    }


def exhaustive():
    """One line a size: its root, and one hash over all its inclusion and consistency paths."""
    mine = Tree(range(EXHAUSTIVE_SIZE))
    other = Pymerkle([str(index).encode() for index in range(EXHAUSTIVE_SIZE)])
    lines = [
        "# For sizes 1...130, leaf i being the decimal text of i: size, root, SHA-256 over all",
        "# inclusion paths (index 0 up), SHA-256 over all consistency paths (from size 1 up to the",
        "# size itself), the hashes of the paths joined without anything between. pymerkle 7.0.0",
        "# and the recursive definitions of RFC 6962; scripts/vectors/merkle_vectors.py",
    ]
    for size in range(1, EXHAUSTIVE_SIZE + 1):
        root = mine.root(0, size)
        assert root == other.root(size)
        inclusion = hashlib.sha256()
        for index in range(size):
            path = mine.inclusion(index, 0, size)
            assert path == other.inclusion(index, size), f"inclusion {index} in {size}"
            inclusion.update(b"".join(path))
        consistency = hashlib.sha256()
        for old in range(1, size + 1):
            path = mine.consistency(old, 0, size)
            assert path == other.consistency(old, size), f"consistency {old} to {size}"
            consistency.update(b"".join(path))
        lines.append(f"{size} {root.hex()} {inclusion.hexdigest()} {consistency.hexdigest()}")
    return "\n".join(lines) + "\n"


def large():
    trees = []
    for size, index, old in LARGE_TREES:
        special = sorted({0, index, index ^ 1, old - 1, min(old, size - 1), size // 3, size - 1})
        special = [leaf for leaf in special if leaf < size]
        tree = Tree(special)
        trees.append(
            {
                "size": size,
                "special": special,
                "root": tree.root(0, size).hex(),
                "index": index,
                "inclusion": hexes(tree.inclusion(index, 0, size)),
                "from": old,
                "oldRoot": tree.root(0, old).hex(),
                "consistency": hexes(tree.consistency(old, 0, size)),
            }
        )
    return {
        "provenance": "the recursive definitions of RFC 6962 over sparse trees: leaf i is the "
        "decimal text of i for the special indexes, the empty text else; "
        "scripts/vectors/merkle_vectors.py",
        "trees": trees,
    }


def to_json(value):
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def build():
    return {
        "merkle/reference.json": to_json(reference()),
        "merkle/exhaustive.txt": exhaustive(),
        "merkle/large.json": to_json(large()),
    }
