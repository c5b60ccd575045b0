"""The objects of a target, read with standard tools: keys, packs, journal objects.

A part of `check_bucket`, written apart from the Swift code. Packs are unpacked by `tarfile` and
Debian's `zstd`; the layout is that of the design.
"""

import base64
import hashlib
import io
import json
import re
import subprocess
import tarfile

from verify_receipt import canonical, parse_canonical

DIGITS = r"\d{16}"
MODE = "(?P<mode>COMPLIANCE|GOVERNANCE)"
DATE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
PACK = rf"(?P<first>{DIGITS})-(?P<count>[1-9]\d*)-(?P<digest>[0-9a-f]{{8}})\.tar\.zst"
COLLECTION = r"(?P<collection>[a-z0-9][a-z0-9._-]{0,62})"
HOME = rf"{COLLECTION}/{MODE}/(?P<until>{DATE}|awaiting-[^/]+)/{PACK}"

# The order counts: a collection may be named `extended` or `held`.
SHAPES = (
    ("checkpoint", r"log/checkpoint"),
    ("entries", r"log/tile/entries/(?P<path>(?:x\d{3}/)*\d{3})"),
    ("tile", r"log/tile/(?P<level>[0-7])/(?P<path>(?:x\d{3}/)*\d{3})"),
    ("held", rf"packs/held/(?P<matter>[A-Za-z0-9._%-]+)/{PACK}"),
    ("extended", rf"packs/extended/{HOME}"),
    ("original", rf"packs/{HOME}"),
    ("payload", rf"payloads/{COLLECTION}/(?P<first>{DIGITS})(-COMPLIANCE)?\.zst"),
    ("journal", rf"journal/(?P<first>{DIGITS})-(?P<count>[1-9]\d*)\.tar\.zst"),
    ("state", r"state/\d{4}-\d\d-\d\d\.tar\.zst"),
    ("probe", r"probe/[0-9a-f]{16}/.+"),
)
PACKS = ("original", "extended", "held")
# A payload over this size is an object of its own.
INLINE_BYTES = 1 << 20


class Damaged(Exception):
    """An object is not what its key says."""


def require(condition, text):
    if not condition:
        raise Damaged(text() if callable(text) else text)


class Meaning:
    """What a key says: `kind` and the named parts of its shape, numbers as numbers."""

    def __init__(self, kind, parts):
        self.kind, self.parts = kind, parts
        for name in ("first", "count", "level"):
            setattr(self, name, int(parts[name]) if parts.get(name) else None)
        self.number = tile_number(parts["path"]) if "path" in parts else None

    def __getitem__(self, name):
        return self.parts[name]


def meaning_of(key):
    for kind, shape in SHAPES:
        match = re.fullmatch(shape, key)
        if match:
            return Meaning(kind, match.groupdict())
    return Meaning("foreign", {})


def tile_number(path):
    return int(path.replace("x", "").replace("/", ""))


def matter_in_key(matter):
    """How a matter is written in keys."""
    found = "".join(
        chr(byte)
        if re.fullmatch(r"[A-Za-z0-9._-]", chr(byte)) and not (at == 0 and byte == ord("."))
        else f"%{byte:02X}"
        for at, byte in enumerate(matter.encode())
    )
    return found if len(found) <= 200 else hashlib.sha256(matter.encode()).hexdigest()


def unzstd(data):
    """All frames, one after the other; tables between them are skipped."""
    result = subprocess.run(["zstd", "-dcq"], input=data, capture_output=True, check=False)
    require(result.returncode == 0, lambda: f"zstd: {result.stderr.decode()[:200]}")
    return result.stdout


class Pack:
    """What is in a pack or a journal object."""

    def __init__(self, data):
        self.digest = hashlib.sha256(data).hexdigest()
        self.records, self.openings, self.payloads = {}, {}, {}
        self.checkpoint, self.index = None, None
        self.times, self.order = {}, []
        with tarfile.open(fileobj=io.BytesIO(unzstd(data)), mode="r:") as archive:
            for member in archive:
                self._take(member, archive.extractfile(member))
        require(self.index is not None, "it is empty")
        self._check_order()

    @property
    def is_journal(self):
        return self.index["type"] == "strongroom-journal-v1"

    def _take(self, member, file):
        name = member.name
        require(member.isreg(), f"{name} is no regular file")
        about = (member.mode, member.uid, member.gid, member.uname, member.gname)
        require(about == (0o444, 0, 0, "", ""), f"{name}: mode and owner are {about}")
        content = file.read()
        if self.index is None:
            self._take_index(name, content, member.mtime)
            return
        require(self.checkpoint is None, f"{name} follows the checkpoint")
        if name == "checkpoint":
            require(self.is_journal, "a pack has a checkpoint")
            self.checkpoint = content.decode()
            return
        match = re.fullmatch(r"(records|openings|payloads)/(0|[1-9]\d*)(\.json)?", name)
        require(match and (match[1] == "payloads") == (match[3] is None), f"a member {name}")
        index = int(match[2])
        require(index in self.entries, f"{name} is not in the index")
        self.order.append((index, ("records", "openings", "payloads").index(match[1])))
        if match[1] == "records":
            self.records[index], self.times[index] = content, member.mtime
        elif match[1] == "openings":
            self.openings[index] = parse_canonical(content.decode(), "opening")
        else:
            self.payloads[index] = (hashlib.sha256(content).hexdigest(), len(content))

    def _take_index(self, name, content, mtime):
        self.index = parse_canonical(content.decode(), name)
        wanted = {"strongroom-pack-v1": "index.json", "strongroom-journal-v1": "journal.json"}
        require(wanted.get(self.index.get("type")) == name, f"{name} is of {self.index['type']}")
        rows = [entry["index"] for entry in self.index["records"]]
        require(rows and rows == sorted(set(rows)), f"its records are {rows[:20]}")
        self.entries = {entry["index"]: entry for entry in self.index["records"]}
        for entry in self.index["records"]:
            extra = set(entry) - {"index", "payload", "object", "erased"}
            require(not extra, f"an entry has {extra}")
        self.index_time = mtime

    def _check_order(self):
        require(self.order == sorted(set(self.order)), "its members are not in order")
        require(list(self.records) == list(self.entries), "records are missing, or too many")
        require(self.is_journal == (self.checkpoint is not None), "a journal without checkpoint")
        for index, entry in self.entries.items():
            has = index in self.payloads
            wanted = "payload" in entry and "object" not in entry and not entry.get("erased")
            require(has == wanted, f"{index}: payload {'' if has else 'not '}there: {entry}")
            require(not entry.get("erased") or self.is_journal, f"{index} is erased, in a pack")
            if has:
                stated = (entry["payload"]["sha256"], entry["payload"]["size"])
                require(self.payloads[index] == stated, f"{index}: its payload is another")
                require(stated[1] <= INLINE_BYTES, f"{index}: a payload of {stated[1]} bytes")

    def check_key(self, meaning):
        """What the key says is what is in it."""
        index, rows = self.index, list(self.entries)
        require(rows[0] == meaning.first, f"its first record is {rows[0]}")
        require(len(rows) == meaning.count, f"it has {len(rows)} records")
        if meaning.kind == "journal":
            require(rows == list(range(rows[0], rows[0] + len(rows))), "its records have gaps")
            found = (index["first"], index["count"])
            require(found == (meaning.first, meaning.count), f"its index says {found}")
            return
        require(index["home"] == meaning.kind, f"its home is {index['home']}")
        require(self.digest[:8] == meaning["digest"], f"its digest is {self.digest}")
        if meaning.kind == "held":
            found = matter_in_key(index["held"])
            require(found == meaning["matter"], f"its matter is {index['held']}")
            return
        require("held" not in index, "a matter in a pack that is not held")
        require(index["collection"] == meaning["collection"], "it is of another collection")
        require(index["lock"]["mode"] == meaning["mode"], f"its lock is {index['lock']}")
        until = index["lock"].get("until", f"awaiting-{index['lock'].get('awaiting')}")
        require(until == meaning["until"], f"its lock is {index['lock']}")


def commitment(opening):
    """What a sealed record with this opening commits to."""
    salt = base64.b64decode(opening["salt"], validate=True)
    return hashlib.sha256(b"\x02" + salt + opening["description"].encode()).hexdigest()


def payload_of(record, opening):
    """(digest, size) that a record commits to; None if its opening is not there, or it has none."""
    described = record
    if "commitment" in record:
        if opening is None:
            return None
        described = json.loads(opening["description"])
        require(canonical(described) == opening["description"], "a description is not canonical")
    payload = described.get("payload")
    return (payload["sha256"], payload["size"]) if payload else None
