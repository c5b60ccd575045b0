"""Vectors of Tests/Vectors/record/successors.json: records `log.created` that name a predecessor.

Signatures come from the package `cryptography`, as in `note_vectors`; the rest is `record_vectors`.
"""

import base64
import json

from note_vectors import FOREIGN, LOG, OTHER, RENEWED, WITNESS, signature_line, signed
from record_vectors import (
    NOT_OBJECTS,
    NOT_STRINGS,
    canonical,
    changed,
    log_creations,
    sha256,
    text,
)

LATEST = 2**53 - 1
SIZE = 1_000


def checkpoint(*keys, origin=None, size=SIZE, extra=()):
    root = base64.b64encode(sha256(b"root")).decode()
    return signed(f"{origin or keys[0].name}\n{size}\n{root}\n", *keys, extra=extra)


def successor(predecessor):
    return changed(list(log_creations())[1], "predecessor", to=predecessor)


def keys(*found):
    return [key.verifier for key in found]


def accepted():
    """Title and record."""
    stranger = signature_line("stranger.example", b"\x00\x01\x02\x03" + bytes(range(200)))
    plain = {"checkpoint": checkpoint(LOG), "keys": keys(LOG)}
    yield "a predecessor", successor(plain)
    yield "a predecessor of which records are lost", successor(plain | {"lost": [SIZE, SIZE]})
    yield "a predecessor of which many are lost", successor(plain | {"lost": [SIZE, LATEST - 1]})
    yield "a predecessor with two keys, and signatures of others", successor(
        {
            "checkpoint": checkpoint(LOG, RENEWED, WITNESS, extra=[stranger]),
            "keys": keys(RENEWED, LOG),
        }
    )
    yield "one of two keys has signed", successor(
        {"checkpoint": checkpoint(RENEWED), "keys": keys(LOG, RENEWED)}
    )
    yield "a predecessor of a foreign name", successor(
        {"checkpoint": checkpoint(FOREIGN, size=1), "keys": keys(FOREIGN), "lost": [1, 9]}
    )
    yield "as long as it may be", successor(
        {"checkpoint": padded(16_384), "keys": keys(LOG)},
    )


def padded(size):
    """A checkpoint of so many bytes: an extension line fills it."""
    root = base64.b64encode(sha256(b"root")).decode()
    body = f"{LOG.name}\n{SIZE}\n{root}\n"
    short = signed(body + "x\n", LOG)
    note = signed(body + "x" * (size - len(short.encode()) + 1) + "\n", LOG)
    assert len(note.encode()) == size
    return note


def flipped(note):
    """The note with a bit of its last signature flipped."""
    head, data = note.rstrip("\n").rsplit(" ", 1)
    found = bytearray(base64.b64decode(data))
    found[-1] ^= 1
    return f"{head} {base64.b64encode(bytes(found)).decode()}\n"


def refused(record):
    """Records with one fault each, by the case of the error that must be given."""
    yield "missingMember", changed(record, "predecessor", "checkpoint")
    yield "missingMember", changed(record, "predecessor", "keys")
    for name in ("", "a", "lostt", "origin", "zz"):
        yield "unknownMember", changed(record, "predecessor", name, to="x")
    note = checkpoint(LOG)
    wrong = (
        ((), NOT_OBJECTS),
        (
            ("checkpoint",),
            NOT_STRINGS
            + ("", "x", note[:-1], note + "\n", note.replace(str(SIZE), f"0{SIZE}"))
            + (note.replace(str(SIZE), str(SIZE + 1)), flipped(note), checkpoint(RENEWED))
            + (checkpoint(OTHER), checkpoint(LOG, origin=OTHER.name), padded(16_385))
            + (note.split("\n\n")[0] + "\n", checkpoint(WITNESS, origin=LOG.name)),
        ),
        (
            ("keys",),
            (1, "x", {}, [], [1], ["x"], keys(LOG, LOG), keys(OTHER), keys(LOG, OTHER))
            + (keys(LOG, WITNESS), [LOG.verifier + " "], keys(RENEWED))
            + ([LOG.verifier] + [f"k{n}" for n in range(16)],),
        ),
        (
            ("lost",),
            (1, "x", {}, [], [SIZE], [SIZE, SIZE, SIZE], [SIZE, SIZE - 1], [SIZE - 1, SIZE])
            + ([SIZE + 1, SIZE + 2], [SIZE, LATEST], [SIZE, "x"], [[SIZE, SIZE]], [-1, SIZE]),
        ),
    )
    for path, values in wrong:
        for value in values:
            yield "invalidMember", changed(record, "predecessor", *path, to=value)
    # Its own name: a log that signs on under the same origin is no successor.
    same = json.loads(record) | {"origin": LOG.name, "verifierKeys": keys(RENEWED)}
    yield "invalidMember", canonical(same)


def build():
    found = dict(accepted())
    return {
        "record/successors.json": text(
            {
                "accepted": [
                    {
                        "title": title,
                        "record": record,
                        "leafHash": sha256(b"\x00", record.encode()).hex(),
                    }
                    for title, record in found.items()
                ],
                "refused": [
                    {"error": error, "record": record}
                    for error, record in refused(found["a predecessor of which records are lost"])
                ],
            }
        )
    }
