"""Acts about targets, and what they must not say. A part of `act_vectors`."""

from act_words import BAD_COUNTS, BAD_REASONS, LATEST, ODD, act
from record_vectors import NOT_OBJECTS, NOT_STRINGS, sha256

PROBE_RULES = (
    "delete-held",
    "delete-locked",
    "delete-mixed",
    "lock-told",
    "shorten-lock",
    "weaken-mode",
)


def objects(lines, named=True):
    """What a purge says of the versions that it deleted."""
    digest = sha256(*(f"{line}\n".encode() for line in sorted(lines))).hex()
    found = {"count": len(lines), "digest": digest}
    return found | {"versions": sorted(lines)} if named and lines else found


def purge(copy, deleted):
    return act(
        "payload.purged",
        principal="strongroom",
        erasure=41,
        copy=copy,
        count=4,
        objects=deleted,
    )


def probe(finding, **more):
    findings = {rule: finding for rule in PROBE_RULES}
    return act("target.probed", principal="strongroom", target="s3", findings=findings, **more)


def acts():
    """Title and act."""
    yield "a purge of a target", purge(
        "s3-1", objects(["packs/payments/COMPLIANCE/x.tar.zst v1", "payloads/payments/7.zst v2"])
    )
    yield "a purge of nothing", purge("s3-1", objects([]))
    yield "a purge of many objects", purge(
        "0" * 32, objects([f"payloads/payments/{n}.zst {n}" for n in range(65)], named=False)
    )
    yield "a target", act(
        "target.added",
        bucket="evidence",
        logRetention="10y",
        region="eu-central-1",
        target="s3",
    )
    yield "a target with all it can say", act(
        "target.added",
        reason=ODD,
        bucket="a.b-" + "9" * 59,
        endpoint="http://[::1]:8333",
        kmsKey="arn:aws:kms:eu-central-1:111122223333:key/" + "k" * 214,
        logRetention="100y",
        pathStyle=True,
        prefix="p" * 255 + "/",
        profile="\"'\\%",
        region="Z_-0",
        retentionProfile="retention",
        target="s3-" + "z" * 29,
    )
    yield "a probe", probe("enforced", checksums=True, conditions=True)
    yield "a probe that found a store to be avoided", probe("ignored", detail=ODD)
    yield "a phase", act(
        "target.phase",
        reason="r",
        differences=0,
        localRoot=sha256(b"root").hex(),
        size=41,
        target="s3",
        targetRoot=sha256(b"root").hex(),
        **{"from": "local", "to": "dual"},
    )
    yield "a phase back", act(
        "target.phase",
        reason="r",
        differences=0,
        localRoot=sha256(b"root").hex(),
        size=LATEST,
        target="s3",
        targetRoot=sha256(b"root").hex(),
        **{"from": "local-backup", "to": "s3-primary"},
    )
    yield "a removal", act("target.removed", reason=ODD, target="s3")


BAD_TARGETS = NOT_STRINGS + ("", "-a", "A", "a b", "a.b", "a_b", "é", "a" * 33, "local")
BAD_WORDS = NOT_STRINGS + ("", "a b", "é", "\n", "\x7f", "w" * 257)
BAD_FLAGS = (1, "true", False, [], {})
NAMED = [f"payloads/a/{n:02d}.zst v" for n in range(65)]
TWO = ["a v", "b v"]
BAD_OBJECTS = NOT_OBJECTS + (
    {},
    {"count": 0},
    {"digest": objects([])["digest"]},
    objects([]) | {"x": 1},
    objects([]) | {"versions": []},
    objects([]) | {"digest": "0" * 64},
    objects(TWO) | {"count": 1},
    objects(TWO) | {"count": 3},
    objects(TWO) | {"count": -1},
    objects(TWO) | {"digest": "0" * 64},
    objects(TWO) | {"digest": "A" * 64},
    objects(TWO) | {"versions": ["b v", "a v"]},
    objects(TWO) | {"versions": ["a v", 1]},
    objects(TWO) | {"versions": "a v"},
    objects(["a v", "a v"]),
    objects(NAMED),
    objects([f"{n}" + "k" * 511 + " v" for n in range(48)]),
    objects(["a"]),
    objects(["a "]),
    objects([" v"]),
    objects(["a b c"]),
    objects(["é v"]),
    objects(["a\tv"]),
)
BAD_FINDINGS = NOT_OBJECTS + (
    {},
    {rule: "enforced" for rule in PROBE_RULES[1:]},
    {rule: "enforced" for rule in PROBE_RULES} | {"x": "enforced"},
    {rule: "Enforced" for rule in PROBE_RULES},
    {rule: True for rule in PROBE_RULES},
)
BAD_PHASES = NOT_STRINGS + ("", "Local", "s3", "local-backup")
WRONG = (
    ("a purge", ("objects",), BAD_OBJECTS + (objects([]), objects(TWO))),
    ("a purge of a target", ("copy",), BAD_TARGETS),
    ("a purge of a target", ("objects",), BAD_OBJECTS),
    ("a target", ("target",), BAD_TARGETS),
    (
        "a target",
        ("bucket",),
        NOT_STRINGS + ("", "ab", "Abc", "a_b", "-ab", "ab.", "a..b", "a" * 64),
    ),
    (
        "a target",
        ("endpoint",),
        NOT_STRINGS
        + ("", "host", "ftp://a", "http://", "http://A", "HTTP://a", "http://a/", "http://a/b")
        + ("http://a:", "http://a:0", "http://a:080", "http://a:65536", "http://a:1x", "http://a b")
        + ("http://u@a", "http://a?b", "http://[::1", "http://::1", "http://[]", "http://é")
        + ("https://" + "a" * 249,),
    ),
    ("a target", ("region",), NOT_STRINGS + ("", "eu central", "é", "r" * 65)),
    (
        "a target",
        ("prefix",),
        NOT_STRINGS
        + ("", "a", "/", "/a/", "a//", "a//b/", "./", "a/../", "a b/", "é/", "\x7f/")
        + ("p" * 256 + "/",),
    ),
    ("a target", ("kmsKey",), BAD_WORDS),
    ("a target", ("profile",), BAD_WORDS),
    ("a target", ("retentionProfile",), BAD_WORDS),
    ("a target", ("pathStyle",), BAD_FLAGS),
    ("a target", ("logRetention",), NOT_STRINGS + ("", "0y", "010y", "10", "101y", "36525d")),
    ("a probe", ("target",), BAD_TARGETS),
    ("a probe", ("findings",), BAD_FINDINGS),
    ("a probe", ("checksums",), BAD_FLAGS),
    ("a probe", ("conditions",), BAD_FLAGS),
    ("a probe", ("detail",), BAD_REASONS),
    ("a phase", ("target",), BAD_TARGETS),
    ("a phase", ("from",), BAD_PHASES + ("dual",)),
    ("a phase", ("to",), BAD_PHASES + ("local", "s3-primary")),
    ("a phase", ("size",), BAD_COUNTS + (0,)),
    ("a phase", ("differences",), BAD_COUNTS + (1,)),
    ("a phase", ("localRoot",), NOT_STRINGS + ("", "A" * 64, "0" * 64)),
    ("a phase", ("targetRoot",), NOT_STRINGS + ("", "A" * 64, "0" * 64)),
    ("a removal", ("target",), BAD_TARGETS),
    # It must be there for a target.
    ("a purge of a target", ("objects",), (None,)),
)
OPTIONAL = {"checksums", "conditions", "detail"}
OPTIONAL |= {"endpoint", "kmsKey", "pathStyle", "prefix", "profile", "retentionProfile"}
# What belongs to one sort of copy only.
INSTEAD = {("payload.purged", "objects")}
