"""Acts about bundles that were handed out, and what they must not say. A part of `act_vectors`."""

from act_words import BAD_COUNTS, BAD_NAMES, LATEST, ODD, act
from record_vectors import NOT_OBJECTS, NOT_STRINGS, sha256

BAD_DIGESTS = NOT_STRINGS + ("", "A" * 64, "a" * 63)


def export(selection, before, count, **more):
    return act(
        "access.exported",
        selection=selection,
        before=before,
        count=count,
        digest=sha256(b"indexes").hex(),
        verifier=sha256(b"verify.py").hex(),
        **more,
    )


def acts():
    """Title and act."""
    yield "an export", export({}, 0, 0)
    yield "an export of a part", export(
        {
            "collection": "payments",
            "digest": sha256(b"payload").hex(),
            "labels": {"a/b": "", "sprint": "6"},
            "matter": "case-4711",
            "prefix": "sprint6/",
            "since": "2026-11-01T00:00:00.000Z",
            "until": "2026-11-21T00:00:00.001Z",
        },
        LATEST,
        LATEST,
        reason=ODD,
    )


WRONG = (
    ("an export of a part", ("before",), BAD_COUNTS + (1,)),
    ("an export of a part", ("count",), BAD_COUNTS),
    ("an export of a part", ("digest",), BAD_DIGESTS),
    ("an export of a part", ("verifier",), BAD_DIGESTS),
    ("an export of a part", ("selection",), NOT_OBJECTS + ({"x": 1}, {"labels": {}})),
    ("an export of a part", ("selection", "collection"), BAD_NAMES),
    ("an export of a part", ("selection", "digest"), BAD_DIGESTS),
    ("an export of a part", ("selection", "labels"), NOT_OBJECTS + ({}, {"A": ""}, {"a": 1})),
    ("an export of a part", ("selection", "matter"), NOT_STRINGS + ("", "a b", "m" * 129)),
    ("an export of a part", ("selection", "prefix"), NOT_STRINGS + ("", "\n", "p" * 1025)),
    ("an export of a part", ("selection", "since"), NOT_STRINGS + ("", "2026-11-21T00:00:00Z")),
    ("an export of a part", ("selection", "until"), NOT_STRINGS + ("", "2026-11-21")),
)
