"""Cosignatures, requests to a witness, and what a witness answers.

Signatures come from the package `cryptography`; messages are put together here as C2SP
tlog-cosignature and tlog-witness say. What should be accepted is read by aics-tlog and aics-witness
first, and the table of answers is what the witness of aics-witness, given each request, answers.
"""

import base64
import hashlib
import logging
import pathlib
import tempfile

import aics_witness
from aics_tlog import cosign as aics_cosign
from aics_tlog import note as aics_note
from aics_witness import protocol as aics_protocol
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from merkle_vectors import Tree, to_json
from note_vectors import LOG, OTHER, RENEWED, WITNESS, Key, b64, signature_line, signed

SOURCE = (
    "cryptography 50.0.2, aics-tlog 0.2.1, aics-witness 0.1.0; scripts/vectors/witness_vectors.py"
)
logging.getLogger("aics_witness").disabled = True
for name in ("aics_witness.service", "aics_witness.store"):
    logging.getLogger(name).disabled = True

FOREIGN_WITNESS = Key("свидетель.example/w")
TIME = 1_679_315_147

# Two histories of one log that part behind their second record: the leaves of the first are the
# numbers, those of the second are empty from the third on.
SIZES = range(9)
HISTORIES = {"a": Tree(SIZES), "b": Tree([0, 1])}


def vkey(key, kind=0x04):
    return f"{key.name}+{key.key_id(kind).hex()}+" + b64(bytes([kind]) + key.public)


def secret(key):
    return f"PRIVATE+KEY+{key.name}+{key.key_id(0x04).hex()}+" + b64(b"\x04" + key.seed)


def message(text, time):
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def cosignature(key, text, time, signed_time=None):
    signed_time = time if signed_time is None else signed_time
    blob = time.to_bytes(8, "big") + key.private.sign(message(text, signed_time))
    return signature_line(key.name, key.key_id(0x04) + blob)


def checkpoint_text(size, root, *lines, origin=LOG.name):
    return f"{origin}\n{size}\n{b64(root)}\n" + "".join(line + "\n" for line in lines)


# --- cosignatures ---------------------------------------------------------------------------------


def cosignatures():
    empty = hashlib.sha256(b"").digest()
    root = hashlib.sha256(b"some root").digest()
    cases = [
        ("a checkpoint", WITNESS, checkpoint_text(20_852_163, root), TIME),
        ("no leaves", WITNESS, checkpoint_text(0, empty), TIME),
        ("extension lines", WITNESS, checkpoint_text(7, root, "one", "two"), TIME),
        ("the first second", WITNESS, checkpoint_text(7, root), 1),
        ("the last second", WITNESS, checkpoint_text(7, root), (1 << 63) - 1),
        ("a name beyond ASCII", FOREIGN_WITNESS, checkpoint_text(7, root), TIME),
    ]
    accepted = []
    for name, key, text, time in cases:
        line = cosignature(key, text, time)
        note = signed(text, LOG, extra=[line])
        read = aics_note.parse_note(note).signatures[1]
        lines = text.split("\n")
        size, extensions = int(lines[1]), lines[3:-1]
        assert aics_cosign.verify_cosignature(
            read.signature, key.name, key.public, lines[0], size, root_of(text), extensions
        ), name
        theirs = aics_cosign.cosignature_vkey(key.name, key.public)
        assert aics_note.format_vkey(theirs) == vkey(key)
        accepted.append(
            {
                "name": name,
                "witnessKey": vkey(key),
                "secretKey": secret(key),
                "timestamp": time,
                "text": text,
                "line": line,
                "note": note,
            }
        )
    return {"provenance": SOURCE, "accepted": accepted, "refused": false_cosignatures(root)}


def root_of(text):
    return base64.b64decode(text.split("\n")[2])


def false_cosignatures(root):
    """Lines that claim the witness's key, and are not its cosignature of the text."""
    text = checkpoint_text(7, root)
    key_id = WITNESS.key_id(0x04)

    def line(blob):
        return signature_line(WITNESS.name, key_id + blob)

    def blob(data, time=TIME):
        return time.to_bytes(8, "big") + WITNESS.private.sign(data)

    good = blob(message(text, TIME))
    cases = {
        "another time": line((TIME + 1).to_bytes(8, "big") + good[8:]),
        "no time": line(blob(message(text, 0), 0)),
        "a time beyond 63 bits": line(blob(message(text, 1 << 63), 1 << 63)),
        "the time with a leading zero": line(
            blob(message(text, TIME).replace(b"time ", b"time 0"))
        ),
        "another checkpoint": line(blob(message(checkpoint_text(8, root), TIME))),
        "the text alone": line(blob(text.encode())),
        "no time in the message": line(blob(b"cosignature/v1\n" + text.encode())),
        "another version": line(blob(message(text, TIME).replace(b"/v1", b"/v2"))),
        "the text without its last newline": line(blob(message(text, TIME)[:-1])),
        "a little-endian time": line(TIME.to_bytes(8, "little") + good[8:]),
        "a signature of a log": signature_line(
            WITNESS.name, key_id + WITNESS.private.sign(text.encode())
        ),
        "a time alone": line(good[:8]),
        "71 bytes": line(good[:-1]),
        "73 bytes": line(good + b"\x00"),
        "another key": line(
            TIME.to_bytes(8, "big") + OTHER.private.sign(message(text, TIME))
        ),
    }
    return {
        "witnessKey": vkey(WITNESS),
        "text": text,
        "good": line(good),
        "lines": [{"why": why, "line": text} for why, text in cases.items()],
    }


# --- requests -------------------------------------------------------------------------------------


def body(old, proof, note):
    return f"old {old}\n" + "".join(b64(item) + "\n" for item in proof) + "\n" + note


def requests():
    tree = Tree(range(130))
    cases = [
        ("the first checkpoint", 0, 1, [LOG]),
        ("growth by one", 7, 8, [LOG]),
        ("growth with a long proof", 85, 130, [LOG]),
        ("nothing new", 130, 130, [LOG]),
        ("two signatures", 64, 100, [LOG, RENEWED]),
    ]
    accepted = []
    for name, old, new, keys in cases:
        proof = tree.consistency(old, 0, new) if old else []
        note = signed(checkpoint_text(new, tree.root(0, new)), *keys)
        text = body(old, proof, note)
        read = aics_protocol.parse_add_checkpoint_request(text.encode())
        assert (read.old_size, list(read.proof), read.checkpoint.decode()) == (old, proof, note)
        accepted.append(
            {
                "name": name,
                "oldSize": old,
                "proof": [item.hex() for item in proof],
                "note": note,
                "body": text,
            }
        )
    long = [hashlib.sha256(bytes([n])).digest() for n in range(64)]
    note = signed(checkpoint_text(8, tree.root(0, 8)), LOG)
    good = body(7, tree.consistency(7, 0, 8), note)
    assert aics_protocol.parse_add_checkpoint_request(body(7, long[:63], note).encode())
    hashes = good.split("\n")[1:4]
    refused = {
        "nothing": "",
        "a checkpoint alone": note,
        "no checkpoint": good.split("\n\n")[0] + "\n\n",
        "no empty line": good.replace("\n\n", "\n", 1),
        "no old size": good.split("\n", 1)[1],
        "old without a size": good.replace("old 7", "old "),
        "old without a space": good.replace("old 7", "old7"),
        "two spaces": good.replace("old 7", "old  7"),
        "a space behind the size": good.replace("old 7", "old 7 "),
        "an upper-case word": good.replace("old 7", "Old 7"),
        "another word": good.replace("old 7", "new 7"),
        "a leading zero": good.replace("old 7", "old 07"),
        "a negative size": good.replace("old 7", "old -7"),
        "a size of twenty digits": good.replace("old 7", "old 18446744073709551616"),
        "carriage returns": good.replace("\n", "\r\n"),
        "a byte order mark": "\ufeff" + good,
        "a space before a hash": good.replace(hashes[0], " " + hashes[0]),
        "a space behind a hash": good.replace(hashes[0], hashes[0] + " "),
        "two hashes in a line": good.replace(hashes[0] + "\n", hashes[0]),
        "a short hash": good.replace(hashes[0], b64(bytes(31))),
        "a long hash": good.replace(hashes[0], b64(bytes(33))),
        "a hash without padding": good.replace(hashes[0], hashes[0].rstrip("=")),
        "a hash in hexadecimal": good.replace(hashes[0], bytes(32).hex()),
        "64 hashes": body(7, long, note),
        "no newline at the end": good[:-1],
        "text behind the checkpoint": good + "more\n",
        "no signature": good.split("\n—")[0] + "\n",
    }
    for why, text in refused.items():
        try:
            aics_note.parse_note(
                aics_protocol.parse_add_checkpoint_request(text.encode()).checkpoint
            )
        except ValueError:
            continue
        raise AssertionError(why)
    return {
        "provenance": SOURCE,
        "accepted": accepted,
        "good": good,
        "refused": [{"why": why, "body": text} for why, text in refused.items()],
    }


# --- answers --------------------------------------------------------------------------------------


def proof_between(tree, old, new):
    return tree.consistency(old, 0, new) if 0 < old <= new else []


def changed(proof):
    """One bit of the first hash, or a hash too many."""
    if not proof:
        return [bytes(32)]
    return [bytes([proof[0][0] ^ 1]) + proof[0][1:], *proof[1:]]


def answers():
    """What aics-witness answers to every request of small trees, in every state of small trees."""
    log = aics_note.parse_vkey(LOG.verifier)
    seed = Ed25519PrivateKey.from_private_bytes(WITNESS.seed)
    lines = [
        f"# {SOURCE}",
        "# Columns: the size that was cosigned last, of history a (0: never); the old size in",
        "# the request; size and history of the checkpoint; which proof: right for the two sizes",
        "# of the request, from the size that was cosigned last, none, or the right one with a",
        "# bit changed; the status; the size in a 409.",
    ]
    with tempfile.TemporaryDirectory() as folder:
        count = 0

        def witness(last):
            nonlocal count
            count += 1
            store = aics_witness.WitnessStore(pathlib.Path(folder) / f"{count}.db", create=True)
            initial = (last, HISTORIES["a"].root(0, last)) if last else None
            config = aics_witness.LogConfig(LOG.name, (log,), initial=initial)
            return aics_witness.Witness(WITNESS.name, seed, store, [config])

        for last in SIZES:
            current = witness(last)
            for old in SIZES:
                for new in SIZES:
                    for history, tree in HISTORIES.items():
                        if history == "b" and new < 3:
                            continue  # the same tree
                        note = signed(checkpoint_text(new, tree.root(0, new)), LOG)
                        right = proof_between(tree, old, new)
                        proofs = {
                            "right": right,
                            "latest": proof_between(tree, last, new),
                            "none": [],
                            "changed": changed(right),
                        }
                        for kind, proof in proofs.items():
                            request = body(old, proof, note).encode()
                            said = ""
                            try:
                                current.add_checkpoint(request)
                                status = 200
                                current.store.close()
                                current = witness(last)
                            except aics_witness.WitnessError as error:
                                status = error.status
                                if status == 409:
                                    said = " " + error.body.decode().strip()
                            lines.append(f"{last} {old} {new} {history} {kind} {status}{said}")
            current.store.close()
    return "\n".join(lines) + "\n"


def build():
    return {
        "witness/cosignatures.json": to_json(cosignatures()),
        "witness/requests.json": to_json(requests()),
        "witness/answers.txt": answers(),
    }
