"""tlog-proofs: notes as in note_vectors.py, trees by pymerkle."""

from merkle_vectors import Pymerkle, to_json
from note_vectors import LOG, OTHER, b64, signed

SOURCE = "pymerkle 7.0.0, cryptography 50.0.2; scripts/vectors/proof_vectors.py"

RECORD = (
    '{"collection":"payments","kind":"evidence","name":"sprint6/metrics.json","sequence":41,"v":1}'
)


def proof(index, size, extra):
    leaves = [RECORD.encode() if leaf == index else str(leaf).encode() for leaf in range(size)]
    tree = Pymerkle(leaves)
    note = signed(f"{LOG.name}\n{size}\n{b64(tree.root(size))}\n", LOG)
    lines = ["c2sp.org/tlog-proof@v1"]
    if extra:
        lines.append("extra " + b64(RECORD.encode()))
    lines.append(f"index {index}")
    lines += [b64(digest) for digest in tree.inclusion(index, size)]
    return "\n".join(lines) + "\n\n" + note


def refused_proofs():
    good = proof(41, 100, True)
    head, note = good.split("\n\n", 1)
    lines = head.split("\n")
    path = lines[3:]

    def with_note(text):
        return text + "\n\n" + note

    cases = {
        "empty": "",
        "a checkpoint alone": note,
        "no checkpoint": head + "\n\n",
        "no empty line": head + "\n" + note,
        "two empty lines": head + "\n\n\n" + note,
        "another version": good.replace("@v1", "@v2"),
        "a space behind the version": good.replace("@v1", "@v1 "),
        "carriage returns": good.replace("\n", "\r\n"),
        "extra before the version": "\n".join([lines[1], lines[0]] + lines[2:]) + "\n\n" + note,
        "index before extra": with_note("\n".join([lines[0], lines[2], lines[1]] + path)),
        "extra twice": with_note("\n".join(lines[:2] + lines[1:])),
        "extra without data": with_note("\n".join([lines[0], "extra "] + lines[2:])),
        "extra without a space": with_note("\n".join([lines[0], "extra"] + lines[2:])),
        "extra with superfluous padding": good.replace("\nindex", "=\nindex"),
        "no index": with_note("\n".join(lines[:2] + path)),
        "an empty index": good.replace("index 41", "index "),
        "a leading zero": good.replace("index 41", "index 041"),
        "a negative index": good.replace("index 41", "index -41"),
        "two spaces before the index": good.replace("index 41", "index  41"),
        "an index of 2^53": good.replace("index 41", f"index {1 << 53}"),
        "a short hash": with_note("\n".join(lines[:-1] + [b64(bytes(31))])),
        "a long hash": with_note("\n".join(lines[:-1] + [b64(bytes(33))])),
        "a hash without padding": with_note("\n".join(lines)[:-1]),
        "a space behind a hash": with_note("\n".join(lines) + " "),
        "65 hashes": with_note("\n".join(lines[:3] + path[:1] * 65)),
    }
    wrong = {
        "one hash too few": with_note("\n".join(lines[:-1])),
        "one hash too many": with_note("\n".join(lines + path[-1:])),
        "two hashes in each other's place": with_note(
            "\n".join(lines[:3] + [path[1], path[0]] + path[2:])
        ),
        "the neighbour's index": good.replace("index 41", "index 40"),
        "an index beyond the tree": good.replace("index 41", "index 100"),
        "another record": with_note("\n".join([lines[0], "extra " + b64(b"{}")] + lines[2:])),
        "the checkpoint of another size": head + "\n\n" + proof(41, 101, True).split("\n\n", 1)[1],
        "a checkpoint that another key has signed": head
        + "\n\n"
        + signed(note.split("\n\n")[0] + "\n", OTHER),
        "another log's checkpoint": head
        + "\n\n"
        + signed(note.split("\n\n")[0].replace("strongroom", "other") + "\n", OTHER),
    }
    return {
        "provenance": SOURCE,
        "verifierKey": LOG.verifier,
        "good": good,
        "malformed": [{"why": why, "proof": text} for why, text in cases.items()],
        "wrong": [{"why": why, "proof": text} for why, text in wrong.items()],
    }


def build():
    return {
        "tlog-proof/README.txt": f"Built by {SOURCE}.\n"
        "The proofs are of record.json; verifier-key.txt verifies them.\n",
        "tlog-proof/verifier-key.txt": LOG.verifier + "\n",
        "tlog-proof/record.json": RECORD,
        "tlog-proof/41-of-100.tlog-proof": proof(41, 100, True),
        "tlog-proof/0-of-1.tlog-proof": proof(0, 1, True),
        "tlog-proof/without-extra.tlog-proof": proof(99, 100, False),
        "tlog-proof/refused.json": to_json(refused_proofs()),
    }
