"""Acts that move the compliance clock, and what they must not say. A part of `act_vectors`."""

from act_words import BAD_COUNTS, BAD_NAMES, BAD_REASONS, BAD_TIMES, LATEST, ODD, act
from note_vectors import b64
from record_vectors import NOT_STRINGS

NEW_DAY = 1_795_219_200
LATEST_TIME = "9999-12-31T23:59:59.000Z"


def cosignature(seconds, more=b""):
    """Key ID, time and signature, as in the line of a note."""
    return b64(bytes(4) + seconds.to_bytes(8, "big") + bytes(range(64)) + more)


BAD_EVIDENCE = NOT_STRINGS + (
    *("", "AQI", "A QID", "AQID"),
    *(cosignature(NEW_DAY + 1), cosignature(NEW_DAY, b"x"), cosignature(0), cosignature(2**63)),
)


def acts():
    yield "a resync", act(
        "clock.resynced",
        principal="bob",
        reason="r",
        firstReason=ODD,
        to="2026-11-21T00:00:00.000Z",
        **{"from": "2026-11-20T23:59:59.999Z", "with": "alice"},
    )
    yield "a resync by authenticated times", act(
        "clock.resynced",
        principal="strongroom",
        to="2026-11-21T00:00:00.000Z",
        times=[
            {
                "evidence": cosignature(NEW_DAY),
                "kind": "cosignature",
                "size": 1,
                "source": "witness.example/w",
                "time": "2026-11-21T00:00:00.000Z",
            },
            {
                "evidence": "MIIB",
                "kind": "timestamp",
                "size": LATEST,
                "source": "!" + "~" * 255,
                "time": "9999-12-31T23:59:59.999Z",
            },
        ],
        **{"from": "2026-11-20T23:59:59.999Z"},
    )


WRONG = (
    ("a resync", ("from",), BAD_TIMES + ("2026-11-21T00:00:00.000Z",)),
    ("a resync", ("to",), BAD_TIMES),
    ("a resync", ("with",), BAD_NAMES),
    ("a resync", ("firstReason",), BAD_REASONS),
    ("a resync by authenticated times", ("to",), BAD_TIMES + ("2026-11-21T00:00:00.001Z",)),
    ("a resync by authenticated times", ("times",), (None, {}, [], "x", [{}], [{}, {}])),
    ("a resync by authenticated times", ("times", 0, "evidence"), BAD_EVIDENCE),
    ("a resync by authenticated times", ("times", 0, "kind"), ("clock", "", 1, "timestamp ")),
    ("a resync by authenticated times", ("times", 0, "size"), BAD_COUNTS + (0,)),
    ("a resync by authenticated times", ("times", 0, "time"), BAD_TIMES + (LATEST_TIME,)),
    ("a resync by authenticated times", ("times", 1, "evidence"), (cosignature(NEW_DAY), "")),
    ("a resync by authenticated times", ("times", 1, "kind"), ("cosignature",)),
    (
        "a resync by authenticated times",
        ("times", 1, "source"),
        ("", "a b", "a\n", "é", "a" * 257, 1),
    ),
)
