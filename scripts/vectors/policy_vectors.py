"""tlog-policy files: keys as in note_vectors.py, verdicts by a few lines of Python.

The verdicts come from counting, over each group's members, straight from how each policy was put
together here, not from reading its text.
"""

import hashlib
import itertools

from merkle_vectors import to_json
from note_vectors import LOG, OTHER, RENEWED, Key, signed
from witness_vectors import TIME, checkpoint_text, cosignature, vkey

SOURCE = "cryptography 50.0.2; scripts/vectors/policy_vectors.py"
NAMES = ("X1", "X2", "X3", "Y1", "Y2")
WITNESSES = {name: Key(f"witness.example/{name.lower()}") for name in NAMES}

# (quorum, groups as (name, threshold, members)); a threshold is a number, "all" or "any".
SHAPES = {
    "nobody": ("none", []),
    "one witness": ("X1", []),
    "any of three": ("g", [("g", "any", ["X1", "X2", "X3"])]),
    "all of three": ("g", [("g", "all", ["X1", "X2", "X3"])]),
    "two of three": ("g", [("g", "2", ["X1", "X2", "X3"])]),
    "a group of one": ("g", [("g", "1", ["Y1"])]),
    "two organizations": (
        "both",
        [
            ("xs", "2", ["X1", "X2", "X3"]),
            ("ys", "any", ["Y1", "Y2"]),
            ("both", "all", ["xs", "ys"]),
        ],
    ),
    "a witness beside groups": (
        "top",
        [("xs", "all", ["X1", "X2"]), ("top", "2", ["xs", "X3", "Y1"])],
    ),
    "three levels": (
        "c",
        [("a", "any", ["X1", "X2"]), ("b", "all", ["a", "X3"]), ("c", "any", ["b", "Y1"])],
    ),
    "a group that nobody needs": ("X1", [("g", "all", ["X2", "X3"])]),
}


def policy(quorum, groups):
    lines = [f"log {LOG.verifier}"]
    lines += [f"witness {name} {vkey(key)}" for name, key in WITNESSES.items()]
    lines += [f"group {name} {need} {' '.join(members)}" for name, need, members in groups]
    return "\n".join([*lines, f"quorum {quorum}", ""])


def reached(name, groups, cosigned):
    if name == "none" or name in cosigned:
        return True
    for group, need, members in groups:
        if group == name:
            number = {"any": 1, "all": len(members)}.get(need) or int(need)
            return sum(reached(member, groups, cosigned) for member in members) >= number
    return False


def subsets():
    for count in range(len(NAMES) + 1):
        yield from itertools.combinations(NAMES, count)


def verdicts():
    text = checkpoint_text(42, hashlib.sha256(b"some root").digest())
    return {
        "provenance": SOURCE,
        "checkpoint": signed(text, LOG),
        "cosignatures": {name: cosignature(key, text, TIME) for name, key in WITNESSES.items()},
        "policies": [
            {
                "name": name,
                "policy": policy(quorum, groups),
                "quorum": quorum,
                "groups": len(groups),
                "accepted": [
                    " ".join(subset)
                    for subset in subsets()
                    if reached(quorum, groups, set(subset))
                ],
            }
            for name, (quorum, groups) in SHAPES.items()
        ],
    }


def files():
    w = {name: vkey(key) for name, key in WITNESSES.items()}
    x1, x2 = f"witness X1 {w['X1']}\n", f"witness X2 {w['X2']}\n"
    renamed = Key("witness.example/renamed", WITNESSES["X1"].seed)
    other_log = Key("log.example/renamed", LOG.seed)
    accepted = {
        "the smallest": "quorum none\n",
        "comments and empty lines": "# a comment\n\n \t \n\t # another\nquorum none\n",
        "tabs and spaces": f"\t witness \t X1   {w['X1']}\t\n quorum\tX1 \n",
        "URLs": f"log {LOG.verifier} https://log.example/\n"
        f"witness X1 {w['X1']} https://witness.example/x1\nquorum X1\n",
        "definitions behind the quorum": x1 + "quorum X1\n" + x2 + f"log {LOG.verifier}\n",
        "several logs": f"log {LOG.verifier}\nlog {OTHER.verifier}\nlog {RENEWED.verifier}\n"
        "quorum none\n",
        "names beyond ASCII": f"witness Ключ {w['X1']}\ngroup Группа any Ключ\nquorum Группа\n",
        "names that are keywords": f"witness log {w['X1']}\ngroup quorum all log\nquorum quorum\n",
        "a name that is a number": f"witness 1 {w['X1']}\ngroup 2 1 1\nquorum 2\n",
        "32 of each": "".join(
            f"log {Key(f'log.example/{n}').verifier}\n"
            f"witness w{n} {vkey(Key(f'witness.example/{n}'))}\ngroup g{n} all w{n}\n"
            for n in range(32)
        )
        + "quorum g31\n",
    }
    # The line with the fault, and the text.
    refused = {
        "nothing": (0, ""),
        "no quorum": (0, x1),
        "no newline at the end": (0, "quorum none"),
        "two quorums": (2, "quorum none\nquorum none\n"),
        "an unknown word": (1, "server x\nquorum none\n"),
        "an upper-case word": (1, "Quorum none\n"),
        "a word without a space": (1, "quorumnone\n"),
        "carriage returns": (1, "quorum none\r\n"),
        "a form feed": (1, "quorum\fnone\n"),
        "a delete character": (1, "# \x7f\nquorum none\n"),
        "a zero byte": (1, "# \0\nquorum none\n"),
        "a no-break space": (1, "quorum\u00a0none\n"),
        "a quorum without a name": (1, "quorum\n"),
        "a quorum of two": (3, x1 + x2 + "quorum X1 X2\n"),
        "a comment behind a line": (1, "quorum none # nobody\n"),
        "a quorum that is not defined": (1, "quorum X1\n"),
        "a quorum that is defined later": (1, "quorum X1\n" + x1),
        "a log without a key": (1, "log\nquorum none\n"),
        "a log with two URLs": (1, f"log {LOG.verifier} a b\nquorum none\n"),
        "a log with the key of a witness": (1, f"log {w['X1']}\nquorum none\n"),
        "a witness with the key of a log": (1, f"witness X1 {LOG.verifier}\nquorum none\n"),
        "a witness without a key": (1, "witness X1\nquorum none\n"),
        "a witness without a name": (1, f"witness {w['X1']}\nquorum none\n"),
        "a witness with two URLs": (1, f"witness X1 {w['X1']} a b\nquorum none\n"),
        "a damaged key": (1, f"witness X1 {w['X1'].replace('+', '+0', 1)}\nquorum none\n"),
        "a key that is no key": (1, "log x\nquorum none\n"),
        "a log twice": (2, f"log {LOG.verifier}\nlog {LOG.verifier}\nquorum none\n"),
        "a log under another name": (
            2,
            f"log {LOG.verifier}\nlog {other_log.verifier}\nquorum none\n",
        ),
        "a key of a witness twice": (3, x1 + x2 + f"witness X3 {w['X1']}\nquorum none\n"),
        "a key of a witness under another name": (
            2,
            x1 + f"witness X2 {vkey(renamed)}\nquorum none\n",
        ),
        "a name twice": (2, x1 + f"witness X1 {w['X2']}\nquorum none\n"),
        "a group with the name of a witness": (2, x1 + "group X1 any X1\nquorum none\n"),
        "a witness called none": (1, f"witness none {w['X1']}\nquorum none\n"),
        "a group called none": (2, x1 + "group none any X1\nquorum none\n"),
        "none in a group": (2, x1 + "group g any X1 none\nquorum none\n"),
        "a group without members": (2, x1 + "group g any\nquorum none\n"),
        "a group without a number": (2, x1 + "group g X1\nquorum none\n"),
        "a group with an unknown member": (2, x1 + "group g any X1 X2\nquorum none\n"),
        "a group of itself": (2, x1 + "group g any X1 g\nquorum none\n"),
        "a group of a later witness": (1, "group g any X1\n" + x1 + "quorum none\n"),
        "a member twice in a group": (2, x1 + "group g 2 X1 X1\nquorum none\n"),
        "a member of two groups": (3, x1 + "group g any X1\ngroup h any X1\nquorum none\n"),
        "a threshold of nothing": (2, x1 + "group g 0 X1\nquorum none\n"),
        "a threshold beyond the members": (2, x1 + "group g 2 X1\nquorum none\n"),
        "a threshold with a leading zero": (2, x1 + "group g 01 X1\nquorum none\n"),
        "a threshold with a sign": (2, x1 + "group g +1 X1\nquorum none\n"),
        "a threshold that is no number": (2, x1 + "group g most X1\nquorum none\n"),
        "a threshold of twenty digits": (
            2,
            x1 + "group g 18446744073709551617 X1\nquorum none\n",
        ),
        "names that only look alike": (2, x1.replace("X1", "K", 1) + "quorum \u212a\n"),
    }
    return {
        "provenance": SOURCE,
        "accepted": [{"name": name, "policy": text} for name, text in accepted.items()],
        "refused": [
            {"why": why, "line": line, "policy": text} for why, (line, text) in refused.items()
        ],
    }


def build():
    return {
        "policy/verdicts.json": to_json(verdicts()),
        "policy/files.json": to_json(files()),
    }
