"""Acts that bring a key, and what they must not say. A part of `act_vectors`."""

from act_words import BAD_COUNTS, LATEST, act
from note_vectors import LOG, OTHER, RENEWED, Key, b64
from record_vectors import NOT_OBJECTS, NOT_STRINGS

SIZE = 42
UNTIL = "2026-12-21T01:02:03.456Z"


def statement(previous, key):
    return f"strongroom key rotation v1\n{key.name}\n{previous.verifier}\n{key.verifier}\n".encode()


def rotation(previous, key, size=SIZE, signers=None, **more):
    first, second = signers or (previous, key)
    signed = statement(previous, key)
    return act(
        "key.rotated",
        reason="yearly",
        key=key.verifier,
        previous=previous.verifier,
        signatures={
            "key": b64(second.private.sign(signed)),
            "previous": b64(first.private.sign(signed)),
        },
        size=size,
        until=UNTIL,
        **more,
    )


def acts():
    """Title and act."""
    yield "a rotation", rotation(LOG, RENEWED)
    long = "l" * 255
    yield "a rotation of a log with the longest name", rotation(
        Key(long), Key(long, bytes(range(32))), LATEST
    )


def refused():
    """Acts with one fault each."""
    yield rotation(LOG, OTHER)
    yield rotation(LOG, LOG)
    yield rotation(LOG, RENEWED, signers=(RENEWED, RENEWED))
    yield rotation(LOG, RENEWED, signers=(LOG, LOG))
    yield rotation(LOG, RENEWED) | {"previous": RENEWED.verifier, "key": LOG.verifier}
    yield rotation(Key("l" * 256), Key("l" * 256, bytes(range(32))))


BAD_KEYS = NOT_STRINGS + ("", "log", OTHER.verifier, LOG.verifier[:-1], LOG.verifier + " ")
SHORT, LONG = b64(bytes(63)), b64(bytes(65))
BAD_SIGNATURES = NOT_STRINGS + ("", SHORT, LONG, b64(bytes(64)), b64(bytes(64)) + "\n")
WRONG = (
    ("a rotation", ("key",), BAD_KEYS),
    ("a rotation", ("previous",), BAD_KEYS[:-2] + (RENEWED.verifier,)),
    ("a rotation", ("signatures",), NOT_OBJECTS + ({}, {"key": b64(bytes(64))})),
    ("a rotation", ("signatures", "key"), BAD_SIGNATURES),
    ("a rotation", ("signatures", "previous"), BAD_SIGNATURES),
    ("a rotation", ("signatures", "x"), ("y",)),
    ("a rotation", ("size",), BAD_COUNTS),
    ("a rotation", ("until",), NOT_STRINGS + ("", "2026-12-21T01:02:03Z")),
)
