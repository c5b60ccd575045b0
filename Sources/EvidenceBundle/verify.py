#!/usr/bin/env python3
"""Verifies a Strongroom matter bundle, without Strongroom and without a network.

    python3 -I verify.py --key VKEY [DIR]

DIR is the unpacked bundle, if it is not the directory of this file. VKEY is the log's verifier
key, or a file that holds it; you must have it from somewhere else than from this bundle. The
option -I keeps Python from loading anything that lies beside this file.

How the proof works. The key verifies the signature on `checkpoint`, which states the root of a hash
tree over all records of the log. `log/entries.txt` holds the records of this bundle and hashes for
all others; together they give that root, so each record is one that the log holds, unchanged and
at its place. Records state the digests of the payloads, or commit to an opening that does. One of
the records says what was asked for and how much that was. So nothing here is believed because this
bundle says so, except what the report calls unsigned.

This file needs Python 3.9 or newer and nothing else. It only reads, only inside DIR, and follows no
links. The format is written down in Strongroom's Schemas/bundle.md and record.md.

Exit codes: 0 verified; 1 refused; 2 wrong usage, or nothing to trust was given.
"""

import argparse
import base64
import binascii
import bisect
import datetime
import hashlib
import json
import os
import re
import stat
import struct
import sys

if sys.version_info < (3, 9):
    sys.stderr.write("verify.py: Python 3.9 or newer is needed\n")
    sys.exit(2)

VERSION = 1
MOST = 2**53 - 1  # the largest integer in canonical JSON and the largest size of a log
RECORD_BYTES = 65_535
NOTE_BYTES = 128 * 1024
NOTE_SIGNATURES = 100
LINE_BYTES = 128 * 1024  # no line of a list is longer
PIECE_BYTES = 1 << 20
LEVELS = 16
FINDINGS_SHOWN = 20
HISTORY_NAMED = 256  # so many acts of a lock's history are named in a certificate
DAY = datetime.timedelta(days=1)

ENTRIES, OPENINGS = "log/entries.txt", "log/openings.txt"
LOCKS, ACCESS = "locks.jsonl", "access.jsonl"
MANIFEST, TAG_MANIFEST = "manifest-sha256.txt", "tagmanifest-sha256.txt"
# bundle.md section 1: the members that tagmanifest-sha256.txt lists, in this order.
MEMBERS = (
    "bagit.txt bag-info.txt README.html verify.py bundle.json keys.txt checkpoint "
    f"{ENTRIES} {OPENINGS} {LOCKS} {ACCESS} {MANIFEST}"
).split()
OPTIONAL = {OPENINGS, LOCKS, ACCESS}
# Directly behind the checkpoint, in the order of their names.
STAMP_FILE = re.compile(r"timestamps/[a-z0-9][a-z0-9._-]{0,62}\.tst")
STAMP_BYTES = 256 * 1024
UNESCAPED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
BAGIT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"

FETCH = "get the bundle again from the log; if this stays, keep both and ask whoever sent it"
MOVE = "move it out of the bundle's directory, if it was put there after unpacking"
DISTRUST = "do not rely on this bundle; ask the log, or a monitor of it, for the same records"
NEWER = "use the verify.py of the release that wrote this log"


class Refused(Exception):
    """Something does not hold. `expected` says what should, as in `must be …`."""

    def __init__(self, expected, found="", file=""):
        super().__init__(expected)
        self.found, self.file = found, file


class Newer(Refused):
    """A record of a kind or version that this program does not know."""


def require(condition, expected, found=""):
    if not condition:
        raise Refused(expected, found)


def shown(value, most=160):
    """Text out of a bundle, safe to print: one line, no control characters, not too long."""
    text = value if isinstance(value, str) else repr(value)
    cut = text[:most] + ("…" if len(text) > most else "")
    return "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in cut)


def counted(number, noun, plural=None):
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


# --- Hash tree: RFC 6962 section 2.1 --------------------------------------------------------------


def leaf_hash(record):
    return hashlib.sha256(b"\x00" + record).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """The root over complete subtrees that come from left to right, each behind the last.

    `edge` holds what is complete so far: (level, hash), the levels descending.
    """

    def __init__(self):
        self.size = 0
        self.edge = []

    def add(self, level, digest):
        """A complete subtree of 2^level leaves; the size so far is a multiple of that."""
        self.size += 1 << level
        while self.edge and self.edge[-1][0] == level:
            digest = node_hash(self.edge.pop()[1], digest)
            level += 1
        self.edge.append((level, digest))

    def root(self):
        if not self.edge:
            return hashlib.sha256(b"").digest()
        digest = self.edge[-1][1]
        for _, left in reversed(self.edge[:-1]):
            digest = node_hash(left, digest)
        return digest


# --- Ed25519: RFC 8032 section 5.1 ----------------------------------------------------------------
# Points are (X, Y, Z, T) with x = X/Z, y = Y/Z, x*y = T/Z. Nothing here is secret: only verifying.

FIELD = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
CURVE_D = -121665 * pow(121666, -1, FIELD) % FIELD
ROOT_OF_MINUS_ONE = pow(2, (FIELD - 1) // 4, FIELD)
NEUTRAL = (0, 1, 1, 0)


def point_add(p, q):
    """RFC 8032 section 5.1.4; the formulas are complete, so they also double."""
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % FIELD, (p[1] + p[0]) * (q[1] + q[0]) % FIELD
    c, d = 2 * p[3] * q[3] * CURVE_D % FIELD, 2 * p[2] * q[2] % FIELD
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % FIELD, g * h % FIELD, f * g % FIELD, e * h % FIELD


def point_sum(s, p, k, q):
    """[s]p + [k]q, with one doubling for each bit of both."""
    ones = {(1, 0): p, (0, 1): q, (1, 1): point_add(p, q)}
    result = NEUTRAL
    for bit in reversed(range(256)):
        result = point_add(result, result)
        pair = (s >> bit & 1, k >> bit & 1)
        if pair in ones:
            result = point_add(result, ones[pair])
    return result


def point_decode(data):
    """RFC 8032 section 5.1.3; None for bytes that are not the one encoding of a point."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if len(data) != 32 or y >= FIELD:
        return None
    square = (y * y - 1) * pow(CURVE_D * y * y + 1, -1, FIELD) % FIELD
    x = pow(square, (FIELD + 3) // 8, FIELD)
    if x * x % FIELD != square:
        x = x * ROOT_OF_MINUS_ONE % FIELD
    if x * x % FIELD != square or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = FIELD - x
    return x, y, 1, x * y % FIELD


def point_encode(point):
    inverse = pow(point[2], -1, FIELD)
    x, y = point[0] * inverse % FIELD, point[1] * inverse % FIELD
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = point_decode((4 * pow(5, -1, FIELD) % FIELD).to_bytes(32, "little"))


def public_point(public):
    """The point of a public key; None if it is no point, or one of small order (no key at all)."""
    point = eightfold = point_decode(public)
    if point is None:
        return None
    for _ in range(3):
        eightfold = point_add(eightfold, eightfold)
    is_neutral = eightfold[0] == 0 and eightfold[1] == eightfold[2]
    return None if is_neutral else point


def ed25519_verify(public, signature, message):
    """RFC 8032 section 5.1.7, without the cofactor: [S]B = R + [k]A, the R of these very bytes."""
    point = public_point(public)
    if point is None or len(signature) != 64:
        return False
    encoded_r, s = signature[:32], int.from_bytes(signature[32:], "little")
    if s >= ORDER:
        return False
    k = int.from_bytes(hashlib.sha512(encoded_r + public + message).digest(), "little") % ORDER
    minus_a = (FIELD - point[0], point[1], 1, FIELD - point[3])
    return point_encode(point_sum(s, BASE, k, minus_a)) == encoded_r


# --- Numbers, base64, keys and signed notes: C2SP signed-note, tlog-checkpoint --------------------


def number(text, most=MOST):
    """A decimal number as it stands in bytes, without leading zeros."""
    require(re.fullmatch(rb"0|[1-9][0-9]{0,15}", text), "must be a number")
    value = int(text)
    require(value <= most, f"must be a number up to {most}")
    return value


def unbase64(text, size=None):
    """Standard base64 with padding, in the one spelling that an encoder gives."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = None
    require(data is not None and base64.b64encode(data) == text, "must be base64")
    require(size is None or len(data) == size, f"must be base64 of {size} bytes")
    return data


def is_key_name(name):
    return bool(name) and not any(c.isspace() or c < " " or c == "+" for c in name)


class VerifierKey:
    """`<name>+<8 hexadecimal digits>+<base64 of 0x01 and 32 bytes>`, an Ed25519 key with a name."""

    TYPE = b"\x01"  # of a log; a witness's cosignatures have another

    def __init__(self, text):
        parts = text.split("+", 2)
        require(len(parts) == 3 and is_key_name(parts[0]), "must be <name>+<id>+<key>")
        self.text, self.name = text, parts[0]
        data = unbase64(parts[2].encode())
        kind = f"must be an Ed25519 key of type {self.TYPE[0]}"
        require(data[:1] == self.TYPE and len(data) == 33, kind)
        self.id = hashlib.sha256(self.name.encode() + b"\n" + data).digest()[:4]
        self.public = data[1:]
        require(parts[1] == self.id.hex(), "must have the ID that its name and key give; mistyped?")
        require(public_point(self.public) is not None, "must be a public key that is safe to use")

    def label(self):
        return f"{self.name}+{self.id.hex()}"


class WitnessKey(VerifierKey):
    """The key of a witness, type 4: what it signs states a time (C2SP tlog-cosignature)."""

    TYPE = b"\x04"

    def cosigned(self, note):
        """When this witness cosigned, in seconds since 1970; None if it has not."""
        for name, key_id, signature in note.signatures:
            if (self.name, self.id) == (name, key_id):
                seconds = int.from_bytes(signature[:8], "big")
                said = b"cosignature/v1\ntime %d\n" % seconds + note.bytes
                good = len(signature) == 72 and 0 < seconds < 2**63
                good = good and ed25519_verify(self.public, signature[8:], said)
                require(good, f"must be cosigned by {self.label()}: that cosignature is not valid")
                return seconds
        return None


class Policy:
    """Who must have cosigned (C2SP tlog-policy). `keys`: of the logs that are listed."""

    def __init__(self, data):
        self.keys, self.witnesses, self.groups, self.quorum = [], {}, {}, None
        require(len(data) <= 256 * 1024 and data.endswith(b"\n"), "must be a policy, not cut short")
        self.members = set()
        for count, line in enumerate(data[:-1].split(b"\n"), 1):
            try:
                require(all(c >= 32 and c != 127 or c == 9 for c in line), "must be plain text")
                words = [word for word in re.split("[ \t]+", as_text(line)) if word]
                if words and not words[0].startswith("#"):
                    self.add(words[0], words[1:])
                    for keys in (self.keys, list(self.witnesses.values())):
                        once = {k.public for k in keys}, {(k.name, k.id) for k in keys}
                        require(all(len(x) == len(keys) for x in once), "must list a key once")
            except Refused as refusal:
                raise Refused(f"must be a policy (tlog-policy): line {count} {refusal}") from None
        require(self.quorum is not None, "must be a policy with a quorum line")

    def add(self, kind, words):
        if kind == "log" and len(words) in (1, 2):
            self.keys.append(VerifierKey(words[0]))
        elif kind == "witness" and len(words) in (2, 3):
            self.define(words[0], self.witnesses, WitnessKey(words[1]))
        elif kind == "group" and len(words) >= 3:
            name, least, *members = words
            for member in members:
                require(self.has(member), f"must name what stands before it, not {shown(member)}")
                require(member not in self.members, f"must name {shown(member)} in one group only")
                self.members.add(member)
            words = {"any": 1, "all": len(members)}
            least = words[least] if least in words else number(least.encode(), len(members))
            require(least, "must need one member at least")
            self.define(name, self.groups, (least, members))
        elif kind == "quorum" and len(words) == 1:
            require(self.quorum is None, "must be the only quorum line")
            require(words[0] == "none" or self.has(words[0]), "must name what stands before it")
            self.quorum = words[0]
        else:
            raise Refused("must begin with log, witness, group or quorum, and have its form")

    def has(self, name):
        return name in self.witnesses or name in self.groups

    def define(self, name, table, value):
        require(name != "none" and not self.has(name), f"must give {shown(name)} a name of its own")
        table[name] = value

    def judge(self, note):
        """When each witness cosigned, or None; and whether those are enough."""
        times = {name: key.cosigned(note) for name, key in self.witnesses.items()}
        reached = {name for name, time in times.items() if time}
        for name, (least, members) in self.groups.items():  # members stand before their group
            if len(reached.intersection(members)) >= least:
                reached.add(name)
        return times, self.quorum == "none" or self.quorum in reached


def policy_of_all(texts):
    """The policy that every one of these witnesses must have cosigned."""
    lines = [f"witness {count} {text.strip()}" for count, text in enumerate(texts, 1)]
    names = " ".join(str(count) for count in range(1, len(texts) + 1))
    return Policy("\n".join([*lines, f"group all all {names}", "quorum all", ""]).encode())


class Note:
    """A text and claims of signatures under it. `bytes`: what is signed."""

    def __init__(self, data):
        require(len(data) <= NOTE_BYTES, f"must be a note of at most {NOTE_BYTES} bytes")
        at = data.rfind(b"\n\n")
        require(at >= 0, "must be a text, an empty line and signatures")
        self.bytes, lines = data[: at + 1], data[at + 2 :]
        require(
            all(c >= 0x20 or c == 0x0A for c in self.bytes),
            "must have no control characters in its text",
        )
        try:
            self.text, lines = self.bytes.decode(), lines.decode()
        except UnicodeDecodeError:
            raise Refused("must be UTF-8") from None
        require(lines.endswith("\n"), "must end with signatures and a line feed")
        self.signatures = []  # (name, key id, signature)
        for line in lines[:-1].split("\n"):
            require(len(self.signatures) < NOTE_SIGNATURES, "must not have so many signatures")
            match = re.fullmatch(r"— ([^ ]+) ([^ ]+)", line)
            require(match and is_key_name(match[1]), "must have signature lines: — name base64")
            raw = unbase64(match[2].encode("utf-8"))
            require(len(raw) > 4, "must have signatures of a key ID and more")
            claim = (match[1], raw[:4])
            require(claim not in (s[:2] for s in self.signatures), "must not be signed twice alike")
            self.signatures.append((*claim, raw[4:]))

    def signers(self, keys):
        """Those of `keys` that signed; at least one. A claim of one of them must be true."""
        found = []
        for name, key_id, signature in self.signatures:
            for key in keys:
                if (key.name, key.id) == (name, key_id):
                    valid = ed25519_verify(key.public, signature, self.bytes)
                    require(valid, f"must be signed by {key.label()}: that signature is not valid")
                    found.append(key)
        require(found, "must be signed by one of the keys that were given; none of them signed")
        return found


class Checkpoint:
    """Origin, size and root: the text of a note. What it says holds if the note is signed."""

    def __init__(self, data):
        self.note = Note(data)
        lines = self.note.text[:-1].split("\n")
        require(len(lines) >= 3 and all(lines), "must be a checkpoint: origin, size, root")
        self.origin, self.size = lines[0], number(lines[1].encode())
        self.root = unbase64(lines[2].encode(), 32)
        require(self.size or self.root == Tree().root(), "must have the root of an empty tree")


# --- Time-stamp tokens: RFC 3161 ------------------------------------------------------------------


def der(data, tag, what="a time-stamp"):
    """The content of the element of this tag that `data` begins with, and what follows it."""
    require(len(data) >= 2 and data[0] == tag, f"must be {what} in DER")
    count, start = data[1], 2
    if count >= 0x80:
        start += count & 0x7F
        count = int.from_bytes(data[2:start], "big")
        shortest = 3 <= start <= 6 and count >= 0x80 and data[2:3] != b"\0"
        require(shortest, f"must be {what} in DER, with its lengths as short as they can be")
    require(len(data) >= start + count, f"must be {what} that is not cut off")
    return data[start : start + count], data[start + count :]


class Token:
    """A time-stamp token (RFC 3161): what it is over, and when it says that this existed.

    Whose signature it bears is for `openssl ts -verify` to say.
    """

    SIGNED, STAMP = bytes.fromhex("2a864886f70d010702"), bytes.fromhex("2a864886f70d0109100104")
    DIGESTS = {
        bytes.fromhex("6086480165030402") + bytes([number]): name
        for number, name in ((1, "sha256"), (2, "sha384"), (3, "sha512"))
    }

    def __init__(self, data):
        require(len(data) <= STAMP_BYTES, f"must be at most {STAMP_BYTES} bytes")
        message = self.alone(der(data, 0x30))
        kind, rest = der(message, 0x06)
        require(kind == self.SIGNED, "must be a signed message")
        signed = self.alone(der(self.alone(der(rest, 0xA0)), 0x30))
        _, rest = der(signed, 0x02)
        _, rest = der(rest, 0x31)
        kind, content = der(der(rest, 0x30)[0], 0x06)
        require(kind == self.STAMP, "must be signed over a time-stamp")
        info = self.alone(der(self.alone(der(self.alone(der(content, 0xA0)), 0x04)), 0x30))
        version, rest = der(info, 0x02)
        require(version == b"\1", "must be of version 1")
        _, rest = der(rest, 0x06)
        imprint, rest = der(rest, 0x30)
        algorithm, digest = der(imprint, 0x30)
        name, self.imprint = der(algorithm, 0x06)[0], self.alone(der(digest, 0x04))
        require(name in self.DIGESTS, "must be over a digest of SHA-256, SHA-384 or SHA-512")
        self.digest = self.DIGESTS[name]
        _, rest = der(rest, 0x02)
        text = as_text(der(rest, 0x18)[0], "replace")
        form = re.fullmatch(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\.\d+)?Z", text, re.ASCII)
        require(form, "must have a time in UTC", text)
        self.time = "{}-{}-{}T{}:{}:{}{}Z".format(*form.groups(""))

    @staticmethod
    def alone(found):
        require(not found[1], "must be a time-stamp with nothing behind it")
        return found[0]


# --- Canonical JSON: RFC 8785, restricted as in record.md section 1 -------------------------------


def read_integer(text):
    require(len(text) <= 17 and abs(int(text)) <= MOST, "must hold integers below 2^53 only")
    return int(text)


def not_an_integer(text):
    raise Refused(f"must hold no number like {shown(text, 20)}")


DECODER = json.JSONDecoder(
    parse_int=read_integer, parse_float=not_an_integer, parse_constant=not_an_integer
)
ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)


def utf16(key):
    return key.encode("utf-16-be", "surrogatepass")


def check_shape(value, level=1):
    """Levels, and the order of keys; what else is canonical shows when it is encoded again."""
    if isinstance(value, dict):
        keys = list(value)
        require(keys == sorted(keys, key=utf16), "must be canonical JSON: keys in their order")
        value = value.values()
    elif not isinstance(value, list):
        return
    require(level <= LEVELS, f"must be JSON of at most {LEVELS} levels")
    for item in value:
        if isinstance(item, (dict, list)):
            check_shape(item, level + 1)


def parse_canonical(data, most=RECORD_BYTES):
    """The object that these bytes are the only spelling of."""
    require(len(data) <= most, f"must be at most {most} bytes")
    try:
        text = data.decode()
        value = DECODER.decode(text)
    except UnicodeDecodeError:
        raise Refused("must be UTF-8") from None
    except (ValueError, RecursionError):
        raise Refused("must be JSON") from None
    require(isinstance(value, dict), "must be a JSON object")
    check_shape(value)
    require(ENCODER.encode(value) == text, "must be canonical JSON (RFC 8785)")
    return value


# --- Rules for members: a rule takes a value and refuses it with words ----------------------------


def matching(pattern, form):
    compiled = re.compile(pattern)

    def rule(value):
        if type(value) is not str or not compiled.fullmatch(value):
            raise Refused(f"must be {form}")

    return rule


def plain(least, most):
    """Text of so many bytes without control characters (Unicode category Cc)."""
    control = re.compile("[\x00-\x1f\x7f-\x9f]")

    def rule(value):
        good = type(value) is str and not control.search(value)
        if not good or not least <= len(value.encode()) <= most:
            raise Refused(f"must be text of {least} to {most} bytes without control characters")

    return rule


def integer(least=0, most=MOST):
    def rule(value):
        if type(value) is not int or not least <= value <= most:
            raise Refused(f"must be an integer from {least} to {most}")

    return rule


def only(expected):
    def rule(value):
        if type(value) is not type(expected) or value != expected:
            raise Refused(f"must be {json.dumps(expected)}")

    return rule


def members(table):
    """An object of these members and no others; those with a question mark may be absent."""
    rules = {name.rstrip("?"): rule for name, rule in table.items()}
    needed = [name for name in table if not name.endswith("?")]

    def rule(value):
        if type(value) is not dict:
            raise Refused("must be an object")
        for name in needed:
            if name not in value:
                raise Refused(f"must have the member {name}")
        for name, item in value.items():
            if name not in rules:
                raise Refused(f"must not have a member {shown(name, 40)}")
            try:
                rules[name](item)
            except Refused as refusal:
                raise Refused(f"{name} {refusal}") from None

    return rule


def array(item_rule, least, most):
    def rule(value):
        if type(value) is not list or not least <= len(value) <= most:
            raise Refused(f"must be an array of {least} to {most}")
        for item in value:
            item_rule(item)

    return rule


def mapping(key_rule, value_rule, least, most):
    def rule(value):
        if type(value) is not dict or not least <= len(value) <= most:
            raise Refused(f"must be an object of {least} to {most} members")
        for key, item in value.items():
            key_rule(key)
            value_rule(item)

    return rule


def all_of(*rules):
    def rule(value):
        for one in rules:
            one(value)

    return rule


def instant(fraction, form):
    """A time of the calendar, UTC, years 1970 to 9999, in exactly one spelling (RFC 3339)."""
    clock = "T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    compiled = re.compile("(19[7-9][0-9]|[2-9][0-9]{3})-([0-9]{2})-([0-9]{2})" + clock + fraction)

    def rule(value):
        match = compiled.fullmatch(value) if type(value) is str else None
        try:
            datetime.date(*map(int, match.groups()))
        except (AttributeError, ValueError):
            raise Refused(f"must be a time {form}") from None

    return rule


def duration(value):
    longest = {"s": 315_576_000_000, "m": 5_259_600_000, "h": 87_660_000, "d": 3_652_500}
    match = re.fullmatch("([1-9][0-9]{0,11})([smhdy])", value) if type(value) is str else None
    if not match or int(match[1]) > longest.get(match[2], 10_000):
        raise Refused("must be a duration such as 90s or 7y, at most 10,000 years")


def nominal_seconds(value):
    """The length of a duration for comparing; a year has 365.2425 days."""
    units = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "y": 31_556_952}
    return int(value[:-1]) * units[value[-1]]


def ascending(values, what):
    for before, after in zip(values, values[1:]):
        require(before < after, f"must have {what} in ascending order, each once")


def ranges(value):
    if type(value) is not list or not 1 <= len(value) <= 1_500:
        raise Refused("must be 1 to 1,500 ranges")
    end = -2
    for item in value:
        good = type(item) is list and len(item) == 2 and all(type(n) is int for n in item)
        if not good or not end + 1 < item[0] <= item[1] <= MOST or item[0] < 0:
            raise Refused("must be ranges [first,last], ascending, not touching each other")
        end = item[1]


def span(pairs):
    return sum(last - first + 1 for first, last in pairs)


# --- The rules of records: record.md sections 2 to 6, bundle.md section 4 -------------------------

TIME = instant(r"\.[0-9]{3}Z", "YYYY-MM-DDTHH:MM:SS.mmmZ")
DATE = instant("Z", "YYYY-MM-DDTHH:MM:SSZ")
HASH = matching("[0-9a-f]{64}", "64 lower-case hexadecimal digits")
COLLECTION = EVENT = matching(r"[a-z0-9][a-z0-9._-]{0,62}", "a name [a-z0-9][a-z0-9._-]{0,62}")
PRINCIPAL = matching(r"[a-z0-9][a-z0-9._:@-]{0,62}", "a principal's name")
MATTER = matching(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}", "a matter's name")
COPY = matching(r"[a-z0-9][a-z0-9-]{0,31}", "local or the name of a target")
MODE = matching("COMPLIANCE|GOVERNANCE", "COMPLIANCE or GOVERNANCE")
TOKEN = "[!#-'*+.^_`|~0-9A-Za-z-]+"
PARAMETER = TOKEN + r"=(?:" + TOKEN + r'|"(?:[ !#-\[\]-~]|\\[ -~])*")'
MEDIA_TYPE = all_of(
    plain(3, 255),
    matching(f"{TOKEN}/{TOKEN}(?: *;(?: *{PARAMETER})?)*(?:(?<=;) +)?", "a media type (RFC 9110)"),
)
LABEL_KEY = matching("[a-z0-9._/-]{1,64}", "labels named [a-z0-9._/-]{1,64}")
LABELS = mapping(LABEL_KEY, plain(0, 256), 1, 32)
VISIBLE = "of visible ASCII"
PREFIX_AND_LABELS = {"prefix?": plain(1, 1_024), "labels?": LABELS}


LOCK_UNTIL = members({"mode": MODE, "until": DATE})
LOCK_AWAITING = members({"mode": MODE, "event": EVENT, "duration": duration})
SHORT_TEXT = plain(1, 1_024)


def lock(value):
    awaits = type(value) is dict and "duration" in value
    (LOCK_AWAITING if awaits else LOCK_UNTIL)(value)


def evidence_name(value):
    SHORT_TEXT(value)
    parts = value.split("/")
    require(not {"", ".", ".."}.intersection(parts), "must have no part that is empty, . or ..")


DESCRIPTION = {
    "idempotencyKey?": matching("[!-~]{1,128}", "1 to 128 characters " + VISIBLE),
    "labels?": LABELS,
    "mediaType": MEDIA_TYPE,
    "name": evidence_name,
    "payload": members({"sha256": HASH, "size": integer()}),
    "submitter": matching("[!-~]{1,256}", "1 to 256 characters " + VISIBLE),
    "traceparent?": matching(
        "(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}",
        "a traceparent (W3C Trace Context)",
    ),
}
SECTION_2 = {"kind": matching(".+", "a kind"), "received": TIME, "v": only(1)}
EVIDENCE = {**SECTION_2, "collection": COLLECTION, "lock": lock, "sequence": integer(1)}
OPEN_EVIDENCE = members({**EVIDENCE, **DESCRIPTION})
SEALED_EVIDENCE = members({**EVIDENCE, "commitment": HASH})
OPENING = members(DESCRIPTION)


def evidence(record):
    (SEALED_EVIDENCE if "commitment" in record else OPEN_EVIDENCE)(record)


def read_keys(texts):
    return [VerifierKey(item) for item in texts]


def origin(value):
    plain(1, 255)(value)
    require(is_key_name(value), "must be a log's name: no white space, no +")


def predecessor(value):
    """The log before this one: its checkpoint is signed, and what is lost begins behind it."""
    members({"checkpoint": note_text, "keys": KEYS, "lost?": array(integer(), 2, 2)})(value)
    note, keys = Checkpoint(value["checkpoint"].encode()), read_keys(value["keys"])
    require(all(k.name == note.origin for k in keys), "must have keys named like its origin")
    note.note.signers(keys)
    if "lost" in value:
        first, last = value["lost"]
        require(first == note.size <= last < MOST, "must have lost what is from its end on")


def note_text(value):
    require(type(value) is str and len(value.encode()) <= 16_384, "must be at most 16,384 bytes")


def each_once(value):
    require(len(set(value)) == len(value), "must all be different")


KEYS = all_of(array(matching(".+", "verifier keys"), 1, 16), each_once)


def log_created(record):
    members(
        {
            **SECTION_2,
            "founders": all_of(array(plain(1, 256), 0, 16), each_once),
            "origin": origin,
            "predecessor?": predecessor,
            "segmentHeight": integer(8, 16),
            "verifier?": HASH,
            "verifierKeys": KEYS,
        }
    )(record)
    require(record["segmentHeight"] in (8, 16), "segmentHeight must be 8 or 16")
    named = all(key.name == record["origin"] for key in read_keys(record["verifierKeys"]))
    require(named, "verifierKeys must be named like the origin")
    if "predecessor" in record:
        before = Checkpoint(record["predecessor"]["checkpoint"].encode())
        require(before.origin != record["origin"], "predecessor must be of another origin")


def act(table, check=None):
    """The rule of an act: its members, those that all acts have, and what binds them."""
    common = {**SECTION_2, "principal": PRINCIPAL, "reason?": plain(1, 1_024)}
    rule = members({**common, **table})
    return all_of(rule, check) if check else rule


def policy(value):
    lengths = ("minimum", "default", "maximum")
    table = {"mode": MODE, "event?": EVENT, "sealed?": only(True)}
    members({**table, **{name: duration for name in lengths}})(value)
    seconds = [nominal_seconds(value[name]) for name in lengths]
    require(seconds == sorted(seconds), "must have minimum <= default <= maximum")


def until(value):
    lock(value)
    require("until" in value, "must end at a date")


def hold_placed(record):
    if "records" in record:
        HOLD_OF_RECORDS(record)
        return
    HOLD_BY_SELECTION(record)
    require(record["count"] <= record["before"], "count must be at most before")


HOLD_OF_RECORDS = act({"matter": MATTER, "records": ranges})
HOLD_BY_SELECTION = act(
    {
        "matter": MATTER,
        "selection": members({"collection": COLLECTION, **PREFIX_AND_LABELS}),
        "before": integer(),
        "count": integer(),
        "digest": HASH,
        "standing?": only(True),
    }
)


def payload_erased(record):
    bypass = record.get("ground") == "bypass"
    (ERASED_BY_BYPASS if bypass else ERASED_AS_EXPIRED)(record)
    items = record["items"]
    ascending([item["records"][0][0] for item in items], "items")
    for item in items:
        ascending(item.get("history", []), "history")
    every = sorted(pair for item in items for pair in item["records"])
    apart = all(before[1] < after[0] for before, after in zip(every, every[1:]))
    require(apart, "items must have each record once")
    require(span(every) == record["count"], f"count must be {span(every)}")


ERASED = {
    "collection": COLLECTION,
    "items": array(
        members({"records": ranges, "lock": lock, "history?": array(integer(), 1, HISTORY_NAMED)}),
        1,
        RECORD_BYTES,
    ),
    "policy?": integer(),
    "clock": members({"compliance": TIME, "wall": TIME}),
    "count": integer(1),
    "digest": HASH,
}
ERASED_AS_EXPIRED = act({**ERASED, "ground": only("expired")})
ERASED_BY_BYPASS = act({**ERASED, "ground": only("bypass"), "bypass": integer()})


def purged_objects(value):
    line = matching("[!-~]+ [!-~]+", "a line <key> <version>")
    members({"count": integer(), "digest": HASH, "versions?": array(line, 1, 64)})(value)
    lines = value.get("versions", [])
    if lines:
        ascending(lines, "versions")
        require(len(lines) == value["count"], "must have as many versions as its count")
        require(sum(map(len, lines)) <= 24_576, "must have versions of at most 24,576 bytes")
    if lines or not value["count"]:
        digest = hashlib.sha256("".join(line + "\n" for line in lines).encode()).hexdigest()
        require(digest == value["digest"], "must have the digest of its versions")


def payload_purged(record):
    of_target = record.get("copy") != "local"
    (PURGED_TARGET if of_target else PURGED_LOCAL)(record)


PURGED = {"erasure": integer(), "copy": COPY, "count": integer()}
PURGED_LOCAL = act(PURGED)
PURGED_TARGET = act({**PURGED, "objects": purged_objects})


def census(record):
    require(record["part"] <= record["parts"], "part must be at most parts")
    for entry in record["collections"].values():
        require(entry["last"] < record["before"], "last must be below before")


def access_exported(record):
    require(record["count"] <= record["before"], "count must be at most before")


def signature(value):
    require(type(value) is str, "must be base64")
    require(len(unbase64(value.encode())) == 64, "must be 64 bytes in base64")


def key_rotated(record):
    """Both keys are of one log, and have signed that the one follows the other."""
    new, old = read_keys([record["key"], record["previous"]])
    require(new.name == old.name and record["key"] != record["previous"], "key must be another")
    require(len(new.name.encode()) <= 255, "key must have a log's name")
    statement = f"strongroom key rotation v1\n{new.name}\n{record['previous']}\n{record['key']}\n"
    for key, name in ((new, "key"), (old, "previous")):
        signed = unbase64(record["signatures"][name].encode())
        valid = ed25519_verify(key.public, signed, statement.encode())
        require(valid, f"signatures.{name} must be that of the statement")


def other_act(record):
    members(SECTION_2)({name: record[name] for name in SECTION_2 if name in record})


CENSUS_ENTRY = members({"count": integer(1), "last": integer()})
SELECTED = {
    "collection?": COLLECTION,
    **PREFIX_AND_LABELS,
    "digest?": HASH,
    "since?": TIME,
    "until?": TIME,
    "matter?": MATTER,
}

KINDS = {
    "evidence": evidence,
    "log.created": log_created,
    "policy.set": act({"collection": COLLECTION, "policy": policy}),
    "lock.extended": act({"lock": lock, "records": ranges}),
    "lock.bypassed": act({"records": ranges}),
    "event.recorded": act({"event": EVENT, "records": ranges, "lock": until, "at?": TIME}),
    "hold.placed": hold_placed,
    "hold.released": act({"matter": MATTER, "records?": ranges}),
    "payload.erased": payload_erased,
    "payload.purged": payload_purged,
    "census": act(
        {
            "before": integer(),
            "collections": mapping(COLLECTION, CENSUS_ENTRY, 1, 500),
            "part": integer(1, 10**9),
            "parts": integer(1, 10**9),
        },
        census,
    ),
    "access.exported": act(
        {
            "selection": members(SELECTED),
            "before": integer(),
            "count": integer(),
            "digest": HASH,
            "verifier": HASH,
        },
        access_exported,
    ),
    "key.rotated": act(
        {
            "key": matching(".+", "a verifier key"),
            "previous": matching(".+", "a verifier key"),
            "signatures": members({"key": signature, "previous": signature}),
            "size": integer(),
            "until": TIME,
        },
        key_rotated,
    ),
}
# Acts that say nothing of evidence: only their form is looked at.
for other in (
    "clock.resynced access.changed access.digest target.added target.probed target.phase "
    "target.removed log.closed"
).split():
    KINDS[other] = other_act


def parse_record(data):
    """A record of a kind that is known: canonical, and of the members that record.md gives it."""
    record = parse_canonical(data)
    version, kind = record.get("v"), record.get("kind")
    require(type(version) is int and version >= 1, "v must be a positive integer")
    require(type(kind) is str, "kind must be text")
    if version > 1 or kind not in KINDS:
        raise Newer(f"must be of a kind and version known here, not {shown(kind, 40)} v{version}")
    KINDS[kind](record)
    return record


# --- What acts do to evidence: record.md section 6, bundle.md section 5 ---------------------------


def payload_file(name):
    """bundle.md section 1: the last component of a name, escaped, at most 100 bytes of it."""
    last = name.rpartition("/")[2].encode()
    escaped = ""
    for at, byte in enumerate(last):
        at_end = byte == 0x2E and at in (0, len(last) - 1) or byte == 0x2D and at == 0
        part = f"={byte:02X}" if at_end or byte not in UNESCAPED else chr(byte)
        if len(escaped) + len(part) > 100:
            break
        escaped += part
    return escaped


class Evidence:
    """One piece of evidence, and what the acts up to now make of it."""

    __slots__ = (
        "index collection sequence received granted leaf commitment description "
        "given event acts bypassed held erased purged"
    ).split()

    def __init__(self, index, record, leaf):
        self.index, self.leaf = index, leaf
        self.collection, self.sequence = record["collection"], record["sequence"]
        self.received, self.granted = record["received"], record["lock"]
        self.commitment = record.get("commitment")
        self.description = None  # unknown: sealed, and its opening is not here
        if self.commitment is None:
            self.describe(record)
        self.given = self.event = self.bypassed = self.erased = None
        self.acts, self.held, self.purged = [], set(), []

    def describe(self, record):
        payload = record["payload"]
        labels = record.get("labels", {})
        self.description = (record["name"], labels, payload["sha256"], payload["size"])

    def path(self):
        return f"data/payloads/{self.index}/{payload_file(self.description[0])}"

    def lock(self):
        """The lock in force: the leaf's, and what acts gave (bundle.md section 5)."""
        first, given = self.granted, self.given
        if given is None:
            return first
        mode = "COMPLIANCE" if first["mode"] == "COMPLIANCE" else given["mode"]
        if "until" in first and "until" in given:
            end = {"until": max(first["until"], given["until"])}
        elif "until" in first or "until" in given and self.event == first["event"]:
            end = {name: given[name] for name in given if name != "mode"}
        else:
            end = {name: first[name] for name in first if name != "mode"}
        return dict(sorted({**end, "mode": mode}.items()))

    def matches(self, selection):
        """What is not known (sealed, and erased) has no prefix, no label and no digest."""
        if selection.get("collection", self.collection) != self.collection:
            return False
        prefix, labels = selection.get("prefix"), selection.get("labels", {})
        digest = selection.get("digest")
        if prefix is None and digest is None and not labels:
            return True
        if self.description is None or not self.description[0].startswith(prefix or ""):
            return False
        if digest is not None and self.description[2] != digest:
            return False
        return all(self.description[1].get(key) == value for key, value in labels.items())

    def line(self):
        """Its line of locks.jsonl."""
        found = {"acts": self.acts, "erased": self.erased, "holds": sorted(self.held)}
        found = {name: value for name, value in found.items() if value not in ([], None)}
        found = {**found, "index": self.index, "lock": self.lock()}
        return ENCODER.encode({**found, "purged": self.purged} if self.purged else found)


def describe_lock(lock):
    if "until" in lock:
        return f"{lock['mode']} until {lock['until']}"
    return f"{lock['mode']} until the event {lock['event']}, then for {lock['duration']}"


def named(rows, indexes, pairs):
    """The evidence of this bundle that ranges name. `indexes`: those of `rows`, ascending."""
    for first, last in pairs:
        start, end = bisect.bisect_left(indexes, first), bisect.bisect_right(indexes, last)
        yield from rows[start:end]


class Fold:
    """Applies the acts to the evidence, both in the order of their indexes."""

    def __init__(self, rows, acts, refuse):
        self.rows, self.refuse = rows, refuse
        self.indexes = [row.index for row in rows]
        self.arrived, self.standing = {}, {}  # by collection: rows; (matter, selection)
        self.held = {}  # by matter
        self.certificates = {}  # index: (record, its rows)
        self.compared = 0
        handlers = {
            "lock.extended": self.lock_extended,
            "event.recorded": self.event_recorded,
            "lock.bypassed": self.lock_bypassed,
            "hold.placed": self.hold_placed,
            "hold.released": self.hold_released,
            "payload.erased": self.payload_erased,
            "payload.purged": self.payload_purged,
        }
        queue = sorted([(row.index, row) for row in rows] + acts, key=lambda pair: pair[0])
        for index, item in queue:
            if isinstance(item, Evidence):
                self.arrive(item)
            elif item["kind"] in handlers:
                handlers[item["kind"]](index, item)

    def named(self, pairs):
        return named(self.rows, self.indexes, pairs)

    def arrive(self, row):
        self.arrived.setdefault(row.collection, []).append(row)
        for matter, selection in self.standing.get(row.collection, ()):
            if row.matches(selection):
                self.hold(matter, [row])

    def hold(self, matter, rows):
        for row in rows:
            row.held.add(matter)
            self.held.setdefault(matter, {})[row.index] = row

    def lock_extended(self, index, record):
        for row in self.named(record["records"]):
            row.given = record["lock"]
            row.acts.append(index)

    def event_recorded(self, index, record):
        self.lock_extended(index, record)
        for row in self.named(record["records"]):
            row.event = record["event"]

    def lock_bypassed(self, index, record):
        for row in self.named(record["records"]):
            row.bypassed = index
            row.acts.append(index)

    def hold_placed(self, index, record):
        matter, selection = record["matter"], record.get("selection")
        if selection is None:
            self.hold(matter, self.named(record["records"]))
            return
        standing, before = "standing" in record, record["before"]
        rows = self.arrived.get(selection["collection"], ())
        reached = (row for row in rows if standing or row.index < before)
        self.hold(matter, [row for row in reached if row.matches(selection)])
        if standing:
            place = self.standing.setdefault(selection["collection"], [])
            place.append((matter, selection))

    def hold_released(self, index, record):
        matter = record["matter"]
        if "records" in record:
            rows = list(self.named(record["records"]))
        else:
            rows = list(self.held.get(matter, {}).values())
            for name, places in self.standing.items():
                self.standing[name] = [place for place in places if place[0] != matter]
        for row in rows:
            row.held.discard(matter)
            self.held.get(matter, {}).pop(row.index, None)

    def payload_erased(self, index, record):
        rows = []
        for item in record["items"]:
            for row in self.named(item["records"]):
                fault = self.fault_of_erasure(record, item, row)
                if fault:
                    self.refuse(
                        ENTRIES,
                        f"an erasure of record {row.index} that was allowed",
                        f"record {index}, of which {fault}",
                        DISTRUST,
                    )
                row.erased = index
                rows.append(row)
        self.certificates[index] = (record, rows)
        if len(rows) == record["count"]:
            rows.sort(key=lambda row: row.index)
            parts = b"".join(struct.pack(">Q", row.index) + row.leaf for row in rows)
            digest = hashlib.sha256(parts).hexdigest()
            self.compared += 1
            if digest != record["digest"]:
                self.refuse(
                    ENTRIES,
                    f"a certificate, record {index}, over its records: {digest}",
                    record["digest"],
                    DISTRUST,
                )

    def fault_of_erasure(self, record, item, row):
        """What speaks against an erasure by the records of this bundle; None if nothing does."""
        clock, lock, bypass = record["clock"], row.lock(), record.get("bypass")
        readings = [datetime.datetime.fromisoformat(clock[name][:-1]) for name in sorted(clock)]
        history = [act for act in row.acts if act != bypass][-HISTORY_NAMED:]
        if row.collection != record["collection"]:
            return f"the collection is {record['collection']}, not {row.collection}"
        if row.erased is not None:
            return f"it was erased before, by record {row.erased}"
        if item["lock"] != lock or item.get("history", []) != history:
            return f"the lock is another than {describe_lock(lock)} by the acts {history}"
        if row.held:
            return f"the record was held: {', '.join(sorted(row.held))}"
        if abs(readings[0] - readings[1]) > DAY:
            return "the two clocks differ by more than a day"
        if bypass is not None:
            good = lock["mode"] == "GOVERNANCE" and row.bypassed == bypass
            return None if good else f"the lock was not bypassed by record {bypass}"
        ended = "until" in lock and min(clock.values()) > lock["until"][:-1] + ".000Z"
        return None if ended else f"the lock was in force: {describe_lock(lock)}"

    def payload_purged(self, index, record):
        certificate, rows = self.certificates.get(record["erasure"], (None, ()))
        if certificate and certificate["count"] != record["count"]:
            self.refuse(
                ENTRIES,
                f"a purge of {certificate['count']} records",
                f"record {index} of {record['count']}",
                DISTRUST,
            )
        for row in rows:
            row.purged.append(record["copy"])


# --- Files: only regular ones, only inside the bundle, no links -----------------------------------


class Files:
    """The bundle's directory as it is, listed once; what is opened later must be the same file."""

    def __init__(self, root, refuse):
        self.root, self.refuse = root, refuse
        self.found = {}  # path: (device, inode)
        self.list("")

    def list(self, folder):
        """Notes regular files; descends into the directories of the format only."""
        try:
            names = sorted(os.listdir(os.path.join(self.root, folder)))
        except OSError as error:
            self.refuse(folder or ".", "a directory that can be read", error.strerror or "an error")
            return
        if not names and folder.count("/") == 2:
            self.refuse(folder, "a payload in it, or no such directory", "nothing", MOVE)
        for name in names:
            path = f"{folder}/{name}" if folder else name
            info = os.lstat(os.path.join(self.root, path))
            is_folder = path in ("log", "timestamps", "data", "data/payloads") or (
                folder == "data/payloads" and re.fullmatch("0|[1-9][0-9]{0,15}", name)
            )
            if is_folder and stat.S_ISDIR(info.st_mode):
                self.list(path)
            elif is_folder or not (
                path in (*MEMBERS, TAG_MANIFEST)
                or STAMP_FILE.fullmatch(path)
                or folder.count("/") == 2
            ):
                self.refuse(path, "nothing of this name and kind", kind_of(info), MOVE)
            elif not stat.S_ISREG(info.st_mode):
                self.refuse(path, "a regular file", kind_of(info), FETCH)
            else:
                self.found[path] = (info.st_dev, info.st_ino)

    def open(self, path):
        if path not in self.found:
            raise Refused("must be there", "nothing", path)
        flags = os.O_RDONLY
        for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
            flags |= getattr(os, name, 0)
        descriptor = os.open(os.path.join(self.root, path), flags)
        file = os.fdopen(descriptor, "rb", buffering=PIECE_BYTES if path == ENTRIES else 65_536)
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode) or (info.st_dev, info.st_ino) != self.found[path]:
            file.close()
            raise Refused("must not change while it is verified", file=path)
        return file

    def read(self, path, most):
        with self.open(path) as file:
            data = file.read(most + 1)
        if len(data) > most:
            raise Refused(f"must be at most {most} bytes", "more", path)
        return data

    def lines(self, path):
        """(number, line) for each line, without its line feed."""
        with self.open(path) as file:
            count = 0
            while True:
                line = file.readline(LINE_BYTES + 1)
                if not line:
                    return
                count += 1
                if len(line) > LINE_BYTES:
                    raise Refused(f"line {count} must end within {LINE_BYTES} bytes", "more", path)
                if line[-1:] != b"\n":
                    raise Refused("must end with a line feed", as_text(line, "replace"), path)
                yield count, line[:-1]

    def digest(self, path):
        """(SHA-256, size) of a file, read in pieces."""
        digest, size = hashlib.sha256(), 0
        with self.open(path) as file:
            while True:
                piece = file.read(PIECE_BYTES)
                if not piece:
                    return digest.hexdigest(), size
                digest.update(piece)
                size += len(piece)


def kind_of(info):
    kinds = ((stat.S_ISLNK, "a link"), (stat.S_ISDIR, "a directory"), (stat.S_ISFIFO, "a FIFO"))
    for test, name in kinds:
        if test(info.st_mode):
            return name
    return "a file" if stat.S_ISREG(info.st_mode) else "a special file"


# --- Verification: the points of bundle.md section 7 ----------------------------------------------


class Skip(Exception):
    """A step needs what another one has refused."""


class Verification:
    """Runs the steps one after the other and collects what they find.

    Without `keys` those of the bundle are taken, which proves nothing: the caller must say so.
    """

    def __init__(self, root, keys, policies=()):
        self.root, self.keys, self.policies = root, keys, policies
        self.steps, self.findings, self.count = [], [], 0
        self.checkpoint = self.export = None
        self.facts = {}
        for name, file, step in self.plan():
            self.run(name, file, step)

    def plan(self):
        yield "files", ".", self.check_files
        yield "checkpoint", "checkpoint", self.check_checkpoint
        if self.policies:
            yield "witnesses", "checkpoint", self.check_witnesses
        if self.tokens():  # by now it is known what is there
            yield "timestamps", "timestamps", self.check_timestamps
        yield from (
            ("records", ENTRIES, self.check_entries),
            ("openings", OPENINGS, self.check_openings),
            ("payloads", MANIFEST, self.check_payloads),
            ("selection", "bundle.json", self.check_selection),
            ("numbers", ENTRIES, self.check_numbers),
            ("locks", LOCKS, self.check_locks),
            ("access", ACCESS, self.check_access),
        )

    def run(self, name, file, step):
        before, said = self.count, ""
        try:
            said = step()
        except Skip as reason:
            self.steps.append((name, None, f"not checked, because of the step {reason}"))
            return
        except Refused as refusal:
            self.refuse_as(file, refusal)
        except OSError as error:
            self.refuse(file, "a file that can be read", error.strerror or "an error", FETCH)
        except Exception as error:  # whatever it is: what cannot be judged is refused
            kind = type(error).__name__
            self.refuse(file, "something that this program can judge", f"{kind} in it", DISTRUST)
        good = self.count == before
        self.steps.append((name, good, said if good else "refused, see below"))

    def refuse_as(self, file, refusal, found="not so"):
        advice = NEWER if isinstance(refusal, Newer) else FETCH
        self.refuse(refusal.file or file, str(refusal), refusal.found or found, advice)

    def attempt(self, file, function, *arguments):
        """The value of a function; None if it refuses, which becomes a finding."""
        try:
            return function(*arguments)
        except Refused as refusal:
            self.refuse_as(file, refusal)
        except OSError as error:
            self.refuse(file, "a file that can be read", error.strerror or "an error")
        return None

    def refuse(self, file, expected, found, advice=FETCH):
        self.count += 1
        if len(self.findings) < FINDINGS_SHOWN:
            texts = (shown(str(item), 400) or "nothing" for item in (file, expected, found, advice))
            self.findings.append(dict(zip(("file", "expected", "found", "advice"), texts)))

    def need(self, *names):
        for name in names:
            if not any(step == name and good for step, good, _ in self.steps):
                raise Skip(name)

    # --- 1: every file is listed, nothing else is there ---

    def check_files(self):
        self.files = Files(self.root, self.refuse)
        self.tagged, self.manifest, self.payloads = {}, {}, {}
        self.attempt(TAG_MANIFEST, self.check_tags)
        self.attempt(MANIFEST, self.read_manifest)
        for path in sorted(self.files.found):
            if path.startswith("data/"):
                self.check_listed(MANIFEST, self.manifest, path)
        self.attempt("bagit.txt", self.check_bagit)
        bundled = self.attempt("keys.txt", bundled_keys, self.files)
        self.keys = self.keys or bundled or []
        count = counted(len(self.files.found), "file")
        return f"{count}, each as its manifest says; nothing else is there"

    def check_bagit(self):
        found = self.files.read("bagit.txt", 1_024)
        require(found == BAGIT, f"must be {as_text(BAGIT)}", as_text(found, "replace"))

    def check_tags(self):
        for line_number, line in self.files.lines(TAG_MANIFEST):
            path = self.manifest_line(TAG_MANIFEST, line_number, line, self.tagged)
            if path and path not in self.files.found:
                self.refuse(path, f"this file: {TAG_MANIFEST} lists it", "nothing", FETCH)
        place = MEMBERS.index("checkpoint") + 1
        members = [*MEMBERS[:place], *self.tokens(), *MEMBERS[place:]]
        expected = [path for path in members if path not in OPTIONAL or path in self.files.found]
        if list(self.tagged) != expected:
            self.refuse(TAG_MANIFEST, f"the files {' '.join(expected)}", " ".join(self.tagged))
        for path in expected:
            if path in self.files.found:
                self.check_listed(TAG_MANIFEST, self.tagged, path)

    def manifest_line(self, file, line_number, line, into):
        match = re.fullmatch(rb"([0-9a-f]{64})  ([!-~]{1,200})", line)
        if not match or match[2].decode() in into:
            self.refuse(
                file,
                f"line {line_number}: a SHA-256, two spaces, a path not yet listed",
                as_text(line, "replace"),
            )
            return None
        into[match[2].decode()] = match[1].decode()
        return match[2].decode()

    def read_manifest(self):
        for line_number, line in self.files.lines(MANIFEST):
            path = self.manifest_line(MANIFEST, line_number, line, self.manifest)
            if path and path not in self.files.found:
                self.refuse(path, f"this payload: {MANIFEST} lists it", "nothing: incomplete")

    def check_listed(self, file, listed, path):
        if path not in listed:
            self.refuse(path, f"a file that {file} lists", "one that it does not list", MOVE)
            return
        found = self.attempt(path, self.files.digest, path)
        if found and found[0] != listed[path]:
            self.refuse(path, f"SHA-256 {listed[path]}, as {file} says", f"SHA-256 {found[0]}")
        elif found and file == MANIFEST:
            self.payloads[path] = found

    # --- 2: the checkpoint is signed ---

    def check_checkpoint(self):
        data = self.files.read("checkpoint", NOTE_BYTES)
        self.checkpoint = checkpoint = Checkpoint(data)
        try:
            signers = checkpoint.note.signers(self.keys)
        except Refused as refusal:
            there = ", ".join(f"{name}+{i.hex()}" for name, i, _ in checkpoint.note.signatures)
            self.refuse("checkpoint", str(refusal), f"signatures said to be by {there}", DISTRUST)
            return ""
        if checkpoint.origin not in [key.name for key in signers]:
            self.refuse(
                "checkpoint",
                f"the log {signers[0].name}, whose key was given",
                f"the log {checkpoint.origin}",
                DISTRUST,
            )
        others = len(checkpoint.note.signatures) - len(signers)
        self.facts.update(
            origin=checkpoint.origin,
            size=checkpoint.size,
            root=checkpoint.root.hex(),
            signedBy=[key.label() for key in signers],
        )
        also = f"; {counted(others, 'signature')} by keys that were not given: not counted"
        return (
            f"{shown(checkpoint.origin)}, {counted(checkpoint.size, 'record')}, root "
            f"{base64.b64encode(checkpoint.root).decode()}; signed by "
            f"{', '.join(shown(key.label()) for key in signers)}{also if others else ''}"
        )

    def check_witnesses(self):
        """Enough witnesses say that they were shown this tree, and no other."""
        self.need("checkpoint")
        said, seen = [], {}
        for policy in self.policies:
            times, enough = policy.judge(self.checkpoint.note)
            for name, time in times.items():
                label = policy.witnesses[name].label()
                seen[label] = cosigning_time(time) if time else None
            there = [name for name, time in times.items() if time]
            if not enough:
                quorum = f"cosignatures that satisfy the quorum {policy.quorum} of the policy"
                self.refuse("checkpoint", quorum, f"those of {there or 'nobody'}", DISTRUST)
        self.facts.update(witnesses=seen)
        for label, time in seen.items():
            said.append(f"{shown(label)} cosigned at {time}" if time else f"not by {shown(label)}")
        return "; ".join(said) or "the policy asks for nobody"

    def tokens(self):
        """By the names of the authorities."""
        found = (path for path in self.files.found if STAMP_FILE.fullmatch(path))
        return sorted(found, key=lambda path: path[:-4])

    def check_timestamps(self):
        """Each token is over this checkpoint; who signed it is not checked here."""
        self.need("checkpoint")
        text, said, seen = self.checkpoint.note.bytes, [], []
        for path in self.tokens():
            token = self.attempt(path, lambda: Token(self.files.read(path, STAMP_BYTES)))
            if not token:
                continue
            digest = hashlib.new(token.digest, text).hexdigest()
            if token.imprint.hex() != digest:
                expected = f"a time-stamp over {digest}, the {token.digest} of the checkpoint"
                self.refuse(path, expected, f"one over {token.imprint.hex()}", DISTRUST)
                continue
            command = f"openssl ts -verify -digest {digest} -token_in -in {path} -CAfile CA.pem"
            seen.append({"file": path, "time": token.time, "verify": command})
            said.append(
                f"{path} says {token.time}; whose word that is, this shows, with the authority's "
                f"certificate from elsewhere: {command}"
            )
        self.facts.update(timestamps=seen)
        return ("\n" + " " * 20).join(said)

    # --- 3: records, and the tree that they are in ---

    def check_entries(self):
        self.rows, self.acts, self.export = [], [], None
        tree, self.nodes, self.leaves = Tree(), 0, 0
        self.last, self.last_node = None, None
        for line_number, line in self.files.lines(ENTRIES):
            try:
                kind, first, rest = (line.split(b" ", 2) + [b"", b""])[:3]
                require(kind in (b"leaf", b"node"), "must begin with leaf or node")
                start = number(first)
                require(start == tree.size, f"must begin at {tree.size}, where the one before ends")
                if kind == b"leaf":
                    self.add_leaf(tree, start, rest)
                else:
                    self.add_node(tree, start, rest)
            except Refused as refusal:
                said = f"line {line_number} {refusal}"
                raise type(refusal)(said, as_text(line, "replace"), ENTRIES) from None
        require(self.leaves, "must hold the record log.created")
        kind = self.last[1]["kind"]
        require(kind == "access.exported", f"must have access.exported as last record, not {kind}")
        self.export = self.last
        if self.checkpoint is None:
            raise Skip("checkpoint")
        if (tree.size, tree.root()) != (self.checkpoint.size, self.checkpoint.root):
            self.refuse(
                ENTRIES,
                f"records of the tree of {self.checkpoint.size:,} with the root "
                f"{base64.b64encode(self.checkpoint.root).decode()} that is signed",
                f"{tree.size:,} with {base64.b64encode(tree.root()).decode()}",
                DISTRUST,
            )
        return (
            f"{counted(self.leaves, 'record')} ({len(self.rows):,} of evidence) and "
            f"{counted(self.nodes, 'hash', 'hashes')} for the others give that root"
        )

    def add_node(self, tree, start, rest):
        level_text, _, hash_text = rest.partition(b" ")
        level, digest = number(level_text, 52), unbase64(hash_text, 32)
        require(start and start % (1 << level) == 0, "must begin a subtree of its level")
        require(start + (1 << level) <= MOST, "must not reach beyond the largest tree")
        sibling = (start - (1 << level), level)
        halves = self.last_node == sibling and start >> level & 1
        require(not halves, "must be one with the line before: the largest subtrees")
        tree.add(level, digest)
        self.last_node = (start, level)
        self.nodes += 1

    def add_leaf(self, tree, index, data):
        record = parse_record(data)
        kind = record["kind"]
        require((kind == "log.created") == (index == 0), "must be log.created at 0, and only there")
        if index == 0:
            self.created = record
        else:
            earlier = self.last[1]["received"]
            require(record["received"] >= earlier, f"received must not be before {earlier}")
            if kind == "evidence":
                self.rows.append(Evidence(index, record, leaf_hash(data)))
            else:
                check_order(index, record)
                self.acts.append((index, record))
        tree.add(0, leaf_hash(data))
        self.last, self.last_node = (index, record), None
        self.leaves += 1

    # --- 4: openings of sealed records ---

    def check_openings(self):
        self.need("records")
        sealed = {row.index: row for row in self.rows if row.commitment}
        owed, indexes = set(sealed), [row.index for row in self.rows]
        for _, record in self.acts:
            if record["kind"] == "payload.erased":
                for item in record["items"]:
                    owed -= {row.index for row in named(self.rows, indexes, item["records"])}
        last = -1
        for line_number, line in self.lines_of(OPENINGS, owed, "sealed record"):
            try:
                index, salt, description = (line.split(b" ", 2) + [b"", b""])[:3]
                index = number(index)
                require(index > last, "must be of a record behind that of the line before")
                require(index in sealed, f"must be of a sealed record, not of {index}")
                require(index in owed, f"must not be of record {index}: that is erased")
                salt, last = unbase64(salt, 32), index
                digest = hashlib.sha256(b"\x02" + salt + description).hexdigest()
                commitment = sealed[index].commitment
                require(digest == commitment, f"must open record {index}, which is {commitment}")
                opened = parse_canonical(description)
                OPENING(opened)
                sealed[index].describe(opened)
                owed.discard(index)
            except Refused as refusal:
                self.refuse(OPENINGS, f"line {line_number} {refusal}", as_text(line, "replace"))
        for index in sorted(owed):
            self.refuse(OPENINGS, f"the opening of record {index}", "none: incomplete")
        opened = sum(row.description is not None for row in sealed.values())
        return (
            f"{counted(opened, 'opening')} of {counted(len(sealed), 'sealed record')} give the "
            "commitments in the records"
            if sealed
            else "no record of the selection is sealed"
        )

    def lines_of(self, path, expected, what):
        """The lines of a list that is there only if it has content."""
        if path in self.files.found:
            empty = True
            for pair in self.files.lines(path):
                empty = False
                yield pair
            if empty:
                self.refuse(path, "a list with content, or none at all", "an empty file")
        elif expected:
            self.refuse(path, f"this file: there is {counted(len(expected), what)}", "nothing")

    # --- 5: payloads ---

    def check_payloads(self):
        self.need("records", "openings")
        self.fold = Fold(self.rows, self.acts, self.refuse)
        expected = []
        for row in self.rows:
            if row.erased is not None:
                continue
            _, _, digest, size = row.description
            path = row.path()
            expected.append(path)
            stated = f"the payload of record {row.index}: {size:,} bytes, SHA-256 {digest}"
            if path not in self.files.found:
                self.refuse(path, stated, "nothing: the bundle is incomplete")
            elif path in self.payloads and self.payloads[path] != (digest, size):
                found = self.payloads[path]
                self.refuse(path, stated, f"{found[1]:,} bytes, SHA-256 {found[0]}")
        for path in sorted(set(self.manifest).difference(expected)):
            self.refuse(path, "no payload here: no record of the selection has it", "one", DISTRUST)
        if list(self.manifest) != expected and set(self.manifest) == set(expected):
            self.refuse(MANIFEST, "payloads by ascending index", "another order")
        self.payload_bytes = sum(size for _, size in self.payloads.values())
        erased = sum(row.erased is not None for row in self.rows)
        gone = f"; {counted(erased, 'payload')} erased, see locks" if erased else ""
        return (
            f"{counted(len(expected), 'payload')}, {counted(self.payload_bytes, 'byte')}, have "
            f"the sizes and SHA-256 that their records state{gone}"
        )

    # --- 6: what was asked for, and that this is it ---

    def check_selection(self):
        self.need("checkpoint", "records", "openings", "payloads")
        self.attempt("bundle.json", self.check_claims)
        index, record = self.export
        selection = record["selection"]
        matter = selection.get("matter")
        for row in self.rows:
            reasons = (
                (row.index < record["before"], f"below index {record['before']}"),
                (row.matches(selection), "of the collection, prefix, labels and digest selected"),
                (selection.get("since", "") <= row.received, f"since {selection.get('since')}"),
                (row.received < selection.get("until", "~"), f"until {selection.get('until')}"),
                (matter in {None, *row.held}, f"held by {matter}"),
            )
            for good, expected in reasons:
                if not good:
                    self.refuse(ENTRIES, f"evidence {expected}", f"record {row.index}", DISTRUST)
        indexes = b"".join(struct.pack(">Q", row.index) for row in self.rows)
        found = (len(self.rows), hashlib.sha256(indexes).hexdigest())
        if found != (record["count"], record["digest"]):
            self.refuse(
                ENTRIES,
                f"{counted(record['count'], 'piece')} of evidence with the digest "
                f"{record['digest']}, as the record {index} says",
                f"{found[0]:,} with {found[1]}: evidence is missing or was added",
                DISTRUST,
            )
        program = self.tagged.get("verify.py", record["verifier"])  # if not: told before
        if program != record["verifier"]:
            self.refuse(
                "verify.py",
                f"SHA-256 {record['verifier']}, as the record {index} says",
                f"SHA-256 {program}",
                "take verify.py from the release",
            )
        reason = f", because: {shown(record['reason'])}" if "reason" in record else ""
        self.facts.update(
            export=index,
            requestedBy=record["principal"],
            received=record["received"],
            selection=selection,
            evidence=len(self.rows),
            verifier=program,
        )
        return (
            f"{record['principal']} asked for {describe_selection(selection)} at "
            f"{record['received']}{reason}; that was {counted(len(self.rows), 'piece')} of "
            f"evidence, and all of it is here (record {index})"
        )

    def check_claims(self):
        """bundle.json and bag-info.txt repeat what follows from everything else."""
        data = self.files.read("bundle.json", RECORD_BYTES)
        require(data[-1:] == b"\n", "must end with a line feed")
        claims = parse_canonical(data[:-1])
        origin_ = self.checkpoint.origin
        expected = {
            "type": "strongroom-bundle-v1",
            "origin": origin_,
            "export": self.export[0],
            "size": self.checkpoint.size,
            "entries": self.leaves,
            "evidence": len(self.rows),
            "payloads": len(self.payloads),
            "payloadBytes": self.payload_bytes,
            "software": claims.get("software"),
        }
        plain(1, 1_024)(expected["software"])
        for name in sorted(claims.keys() | expected.keys()):
            # `True` is 1 to Python, and no number to JSON.
            if name not in claims or name not in expected or (
                ENCODER.encode(claims[name]) != ENCODER.encode(expected[name])
            ):
                self.refuse(
                    "bundle.json",
                    f"{name}: {expected.get(name, 'no such member')}",
                    claims.get(name, "nothing"),
                )
        if self.created["origin"] != origin_:
            self.refuse(ENTRIES, f"the log {origin_}", f"log.created of {self.created['origin']}")
        info = self.files.read("bag-info.txt", RECORD_BYTES).split(b"\n")
        for line in (
            f"External-Identifier: {origin_}#{self.export[0]}",
            f"Payload-Oxum: {self.payload_bytes}.{len(self.payloads)}",
        ):
            if line.encode() not in info:
                self.refuse("bag-info.txt", line, as_text(b" / ".join(info), "replace"))

    # --- 7: numbers, and what the census says of them ---

    def check_numbers(self):
        self.need("records", "selection")
        collections, censuses = {}, {}
        for row in self.rows:
            collections.setdefault(row.collection, []).append(row)
        for index, record in self.acts:
            if record["kind"] == "census":
                for name, entry in record["collections"].items():
                    censuses.setdefault(name, []).append((index, record["before"], entry))
        record = self.export[1]
        whole = not set(record["selection"]) - {"collection"}
        said = []
        asked = record["selection"].get("collection")
        # Of everything that was asked for, no collection that a census counts is missing.
        counted_ = censuses if not record["selection"] else ()
        for name in sorted({*collections, *({asked} - {None}), *counted_}):
            rows = collections.get(name, [])
            for before, after in zip(rows, rows[1:]):
                if before.sequence >= after.sequence:
                    self.refuse(
                        ENTRIES,
                        f"numbers of {name} that ascend",
                        f"record {after.index}, number {after.sequence}, behind {before.sequence}",
                        DISTRUST,
                    )
            for point in censuses.get(name, ()):
                self.check_census(name, rows, point, record["before"] if whole else 0)
            numbers, points = [row.sequence for row in rows], censuses.get(name, ())
            if whole and gaps(numbers):
                self.refuse(
                    ENTRIES,
                    f"all numbers of {name}, since all of it was asked for",
                    f"{describe_gaps(gaps(numbers))} missing: incomplete",
                    DISTRUST,
                )
            said.append(describe_numbers(name, numbers, whole, points))
        return "; ".join(said) or "no evidence was selected"

    def check_census(self, name, rows, point, below):
        """`below`: nothing is missing of the collection below this index."""
        index, before, entry = point
        count, last = entry["count"], entry["last"]
        for row in rows:
            fits = row.index <= last if row.sequence <= count else row.index >= before
            if not fits or (row.sequence == count) != (row.index == last):
                self.refuse(
                    ENTRIES,
                    f"the census of record {index}: {count} of {name} below {before}, the last "
                    f"at {last}",
                    f"number {row.sequence} at {row.index}",
                    DISTRUST,
                )
        if last < below and not any(row.sequence == count for row in rows):
            self.refuse(
                ENTRIES,
                f"number {count} of {name}, which the census of record {index} counts",
                "nothing: incomplete",
                DISTRUST,
            )

    # --- 8: locks, holds and erasures ---

    def check_locks(self):
        self.need("records", "openings", "payloads")
        rows = iter(self.rows)
        for line_number, line in self.lines_of(LOCKS, self.rows, "piece of evidence"):
            row = next(rows, None)
            expected = row.line() if row else "no further line"
            if line != expected.encode():
                self.refuse(LOCKS, f"line {line_number}: {expected}", as_text(line, "replace"))
                break
        else:
            for row in rows:
                self.refuse(LOCKS, f"a line for record {row.index}", "nothing")
        return describe_locks(self.rows, self.fold)

    # --- 9: who read it before ---

    def check_access(self):
        self.need("records")
        known, last, head, count = {row.index for row in self.rows}, 0, None, 0
        for line_number, line in self.lines_of(ACCESS, (), ""):
            try:
                entry = parse_canonical(line)
                ACCESS_LINE(entry)
                match = re.fullmatch(r"/v1/records/(0|[1-9][0-9]{0,15})(?:/.*)?", entry["target"])
                require(match and int(match[1]) in known, "must be about a record of the selection")
                require(entry["n"] > last, "must have a number above that of the line before")
                # Of two lines that follow each other in the log too, one holds the other's hash.
                chained = entry["n"] > last + 1 or head in (None, entry["previous"])
                require(chained, "must continue the hash chain of the line before")
                last, count = entry["n"], count + 1
                head = hashlib.sha256(bytes.fromhex(entry["previous"]) + line).hexdigest()
            except Refused as refusal:
                self.refuse(ACCESS, f"line {line_number} {refusal}", as_text(line, "replace"))
        return f"{counted(count, 'read')} of this evidence before (the store's word, unsigned)"


def check_order(index, record):
    """An act speaks of what was there before it."""
    before = record["before"] if "before" in record else 0
    require(before <= index, f"before must be at most {index}")
    numbers = [record.get(name, 0) for name in ("erasure", "bypass", "policy")]
    named = [number_ for number_ in numbers if type(number_) is int]  # a policy.set has an object
    for part in (record, *record.get("items", ())):
        named += [last for _, last in part.get("records", ())]
    require(all(other < index for other in named), "must speak of records before it")


ACCESS_TEXT = plain(0, 1_024)
ACCESS_LINE = members(
    {
        "action": ACCESS_TEXT,
        "n": integer(1),
        "previous": HASH,
        "principal": PRINCIPAL,
        "request?": ACCESS_TEXT,
        "status": integer(100, 999),
        "target": ACCESS_TEXT,
        "time": TIME,
    }
)


# --- Words for the report -------------------------------------------------------------------------


def as_text(data, errors="strict"):
    try:
        return data.decode("utf-8", errors)
    except UnicodeDecodeError:
        raise Refused("must be UTF-8") from None


def describe_selection(selection):
    said = []
    for name, value in selection.items():
        if name == "labels":
            value = ", ".join(f"{key}={item}" for key, item in value.items())
        said.append(f"{name} {shown(value)}")
    return "evidence with " + ", ".join(said) if said else "all evidence"


def gaps(numbers, end=0):
    """The ranges from 1 to the last of ascending numbers, or to `end`, that are not among them."""
    found, following = [], 1
    for sequence in numbers:
        if sequence > following:
            found.append((following, sequence - 1))
        following = sequence + 1
    return found + ([(following, end)] if following <= end else [])


def describe_gaps(found, most=8):
    said = [f"{first:,}" if first == last else f"{first:,} to {last:,}" for first, last in found]
    more = f" and {len(said) - most:,} more ranges" if len(said) > most else ""
    return ", ".join(said[:most]) + more


def describe_numbers(name, numbers, whole, points):
    """`points`: what censuses say of the collection, the newest last."""
    index, before, entry = points[-1] if points else (None, None, {"count": 0})
    last = max([entry["count"], *numbers[-1:]])
    if whole or not gaps(numbers, last):
        last = numbers[-1] if numbers else 0
        said = f"numbers 1 to {last:,} of collection {name}, none missing"
    else:
        said = (
            f"{counted(len(numbers), 'number')} of collection {name}; not in the selection: "
            f"{describe_gaps(gaps(numbers, last))}"
        )
    if not points:
        return f"{said}; no census counts it: only the export says where its numbers end"
    counts = f"the census of record {index} counts {entry['count']:,} below index {before:,}"
    return f"{said}; {counts}{' and agrees' if whole else ''}"


def describe_locks(rows, fold):
    if not rows:
        return "no evidence, no locks"
    standing = [row for row in rows if row.erased is None]
    said = []
    for mode in ("COMPLIANCE", "GOVERNANCE"):
        ends = [row.lock().get("until", "") for row in standing if row.lock()["mode"] == mode]
        dated = sorted(end for end in ends if end)
        if dated:
            until_ = dated[0] if dated[0] == dated[-1] else f"{dated[0]} to {dated[-1]}"
            said.append(f"{len(dated):,} {mode} until {until_}")
        if len(ends) > len(dated):
            said.append(f"{len(ends) - len(dated):,} {mode} awaiting an event")
    held = {}
    for row in rows:
        for matter in row.held:
            held[matter] = held.get(matter, 0) + 1
    said += [f"{held[matter]:,} held by {shown(matter)}" for matter in sorted(held)[:8]]
    said += [f"{len(held) - 8:,} more matters"] if len(held) > 8 else []
    if len(standing) < len(rows):
        certificates = sum(bool(found) for _, found in fold.certificates.values())
        said.append(
            f"{len(rows) - len(standing):,} erased by {counted(certificates, 'certificate')}, "
            f"{fold.compared:,} of them with a digest over records that are all here"
        )
    return "as the records give: " + "; ".join(said)


# --- The command ----------------------------------------------------------------------------------

NO_KEY = """\
NOT PROVEN: no --key was given. The bundle agrees with the keys that lie in it, but a key out of
the bundle proves nothing: whoever forges a bundle forges its keys.txt too. Get the log's verifier
key from somewhere else (from whoever runs the log, from its publication, from a witness, a monitor
or an older receipt) and run: python3 -I verify.py --key VKEY"""


LIMITS = """\
A bundle does not prove that the log shows the same history to everybody (compare its checkpoint
with that of a witness or a monitor), nor that no later act was left out (ask the log). Not signed
are access.jsonl, bag-info.txt, keys.txt and README.html. Compare the SHA-256 of this verify.py
with that of a release."""


def cosigning_time(seconds):
    try:
        time = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
        return time.strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"{seconds} s since 1970"


class Usage(Exception):
    """The command was not given what it needs."""


def trusted_keys(root, options):
    """The keys of --key: texts, or files outside of the bundle."""
    keys = []
    for given in options:
        try:
            keys.append(VerifierKey(given.strip()))
            continue
        except (Refused, UnicodeError) as refusal:
            reason = refusal
        if not os.path.isfile(given):
            raise Usage(f"--key {shown(given)}: it {reason}; and there is no file of this name")
        inside = os.path.realpath(given).startswith(os.path.realpath(root) + os.sep)
        if inside:
            raise Usage(f"--key {shown(given)}: a key out of the bundle proves nothing")
        with open(given, "rb") as file:
            lines = file.read(PIECE_BYTES).decode("utf-8", "replace").splitlines()
        texts = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        try:
            keys += read_keys(texts)
        except Refused as refusal:
            raise Usage(f"--key {shown(given)}: a line {refusal}") from None
        if not texts:
            raise Usage(f"--key {shown(given)}: no key is in this file")
    return list({key.text: key for key in keys}.values())


def trusted_policies(root, options):
    """The policies of --policy and --witness: from outside of the bundle, as keys are."""
    policies = []
    for given in options.policy:
        if os.path.realpath(given).startswith(os.path.realpath(root) + os.sep):
            raise Usage(f"--policy {shown(given)}: a policy out of the bundle proves nothing")
        with open(given, "rb") as file:
            policies.append(Policy(file.read(PIECE_BYTES)))
    return policies + ([policy_of_all(options.witness)] if options.witness else [])


def bundled_keys(files):
    """The keys that lie in the bundle: good for a rehearsal only."""
    return [VerifierKey(as_text(line)) for _, line in files.lines("keys.txt")]


def report(found, root, options, verdict):
    marks = {True: "ok", False: "REFUSED", None: "-"}
    if not options.quiet:
        print(f"Strongroom bundle verifier {VERSION}: {shown(os.path.abspath(root))}\n")
        for name, good, said in found.steps:
            print(f"{marks[good]:8}{name:12}{said}")
        print()
    for finding in found.findings:
        print(f"{finding['file']}")
        print(f"    expected  {finding['expected']}")
        print(f"    found     {finding['found']}")
        print(f"    do        {finding['advice']}")
    if found.count > len(found.findings):
        print(f"and {counted(found.count - len(found.findings), 'more finding')}")
    if not options.quiet and not found.count:
        print(LIMITS + "\n")
    print(verdict)


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="verify.py",
        description="Verifies a Strongroom matter bundle, without Strongroom and a network.",
        epilog="Run it as `python3 -I verify.py …`. Exit codes: 0 verified; 1 refused; 2 wrong "
        "usage, or no key was given.",
    )
    parser.add_argument(
        "directory",
        nargs="?",
        metavar="DIR",
        help="the unpacked bundle; default: where this file lies",
    )
    parser.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="VKEY",
        help="a verifier key of the log that you trust, or a file that holds some; "
        "from somewhere else than this bundle; may be repeated",
    )
    parser.add_argument(
        "--policy",
        action="append",
        default=[],
        metavar="FILE",
        help="a C2SP tlog-policy: whose cosignatures the checkpoint must have; a log key in it "
        "serves as --key",
    )
    parser.add_argument(
        "--witness",
        action="append",
        default=[],
        metavar="VKEY",
        help="the verifier key of a witness that must have cosigned; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a report")
    parser.add_argument("--quiet", action="store_true", help="findings and verdict only")
    options = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    root = options.directory or os.path.dirname(os.path.abspath(__file__))
    try:
        if not os.path.isdir(root):
            raise Usage(f"{shown(root)} is not a directory")
        keys = trusted_keys(root, options.key)
        policies = trusted_policies(root, options)
        keys += [key for policy in policies for key in policy.keys]
    except (Usage, Refused, UnicodeError, OSError) as error:
        print(f"verify.py: {error}", file=sys.stderr)
        return 2
    found = Verification(root, keys, policies)
    code = 1 if found.count else 0 if keys else 2
    verdict = {0: "verified", 1: "REFUSED", 2: NO_KEY}[code]
    if options.json:
        steps = [{"step": name, "holds": good, "said": said} for name, good, said in found.steps]
        result = {"verified": code == 0, "exitCode": code, "keysGiven": bool(keys)}
        result = {**result, **found.facts, "steps": steps, "findings": found.findings}
        print(json.dumps({**result, "findingCount": found.count}, indent=1))
    else:
        report(found, root, options, verdict)
    return code


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
