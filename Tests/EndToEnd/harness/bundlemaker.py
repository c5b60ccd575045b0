"""Makes matter bundles as Schemas/bundle.md has them, without Strongroom.

A log is written here and signed with `cryptography`; of it the files of a bundle, byte for byte.

Shares nothing with verify.py. Locks, holds and erasures are kept as the acts are made, not derived.
"""

import base64
import bisect
import datetime
import functools
import hashlib
import json
import re
import struct

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ORIGIN = "log.example/bundles"
START = datetime.datetime(2026, 11, 21, 9, 0, 0)
COMPLIANCE = {"mode": "COMPLIANCE", "until": "2033-11-22T00:00:00Z"}
SHORT = {"mode": "GOVERNANCE", "until": "2026-11-22T00:00:00Z"}
AWAITING = {"duration": "7y", "event": "contract-end", "mode": "GOVERNANCE"}


def canonical(value):
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def base64_of(data):
    return base64.b64encode(data).decode()


def digest_of(indexes):
    return sha256(b"".join(struct.pack(">Q", index) for index in indexes))


class Signer:
    """A C2SP signed-note key."""

    def __init__(self, name, seed):
        self.name = name
        self.key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed.encode()).digest())
        raw = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        typed = b"\x01" + raw
        self.id = hashlib.sha256(name.encode() + b"\n" + typed).digest()[:4]
        self.vkey = f"{name}+{self.id.hex()}+{base64_of(typed)}"

    def line(self, text):
        return f"— {self.name} {base64_of(self.id + self.key.sign(text.encode()))}\n"


def escaped(name):
    """`<file>` of bundle.md section 1."""
    last = name.split("/")[-1].encode()
    parts = []
    for byte in last:
        good = re.match(rb"[A-Za-z0-9._-]", bytes([byte]))
        parts.append(chr(byte) if good else "=%02X" % byte)
    if parts[0] in ".-":
        parts[0] = "=%02X" % ord(parts[0])
    if parts[-1] == ".":
        parts[-1] = "=2E"
    found = ""
    for part in parts:
        if len(found + part) > 100:
            break
        found += part
    return found


class Log:
    """Records as they are written one after the other."""

    def __init__(self, signer=None, seed="log"):
        self.signer = signer or Signer(ORIGIN, seed)
        self.now, self.records, self.values = START, [], []
        self.numbers, self.names, self.payloads, self.openings = {}, {}, {}, {}
        self.locks, self.acts, self.held, self.erased, self.purged = {}, {}, {}, {}, {}
        keys = {"origin": self.signer.name, "verifierKeys": [self.signer.vkey]}
        self.add("log.created", founders=["Zoë"], segmentHeight=8, **keys)

    def time(self, after=None):
        moment = self.now + (after or datetime.timedelta())
        return moment.isoformat(timespec="milliseconds") + "Z"

    def wait(self, **delta):
        self.now += datetime.timedelta(**delta)

    def add(self, kind, **members):
        """Appends a record; returns its index."""
        self.wait(milliseconds=7)
        value = {"kind": kind, "received": self.time(), "v": 1, **members}
        self.values.append(value)
        self.records.append(canonical(value))
        return len(self.records) - 1

    def act(self, kind, **members):
        return self.add(kind, principal="alice", **members)

    # --- evidence ---

    def put(self, collection, name, payload=b"x", lock=COMPLIANCE, labels=None, sealed=False):
        number = self.numbers[collection] = self.numbers.get(collection, 0) + 1
        description = {
            "mediaType": 'text/plain; charset="utf-8"',
            "name": name,
            "payload": {"sha256": sha256(payload), "size": len(payload)},
            "submitter": "pipeline:ci",
            **({"labels": labels} if labels else {}),
        }
        common = {"collection": collection, "lock": lock, "sequence": number}
        index = len(self.records)
        if sealed:
            salt = hashlib.sha256(b"salt %d" % index).digest()
            text = canonical(description)
            self.openings[index] = (salt, text)
            self.add("evidence", commitment=sha256(b"\x02" + salt + text), **common)
        else:
            self.add("evidence", **common, **description)
        self.names[index], self.payloads[index] = name, payload
        self.locks[index], self.acts[index] = lock, []
        self.held[index], self.purged[index] = set(), []
        return index

    # --- acts, and what they make of the evidence ---

    def relock(self, kind, indexes, lock=None, **members):
        if lock:
            members["lock"] = lock
        act = self.act(kind, records=pairs(indexes), **members)
        for index in indexes:
            self.locks[index] = lock or self.locks[index]
            self.acts[index].append(act)
        return act

    def hold(self, matter, indexes, selection=None, **members):
        """`indexes`: what is held, whether it is named or selected."""
        if selection is None:
            members["records"] = pairs(indexes)
        else:
            members = {"before": len(self.records), "count": len(indexes), **members}
            members.update(selection=selection, digest=digest_of(indexes))
        for index in indexes:
            self.held[index].add(matter)
        return self.act("hold.placed", matter=matter, reason="r", **members)

    def release(self, matter, indexes=None):
        members = {} if indexes is None else {"records": pairs(indexes)}
        for index in self.held if indexes is None else indexes:
            self.held[index].discard(matter)
        return self.act("hold.released", matter=matter, reason="r", **members)

    def erase(self, indexes, bypass=None):
        """A certificate for records of one collection."""
        items = []
        for index in indexes:
            history = [act for act in self.acts[index] if act != bypass]
            item = {"lock": self.locks[index], "records": [[index, index]]}
            items.append({**item, "history": history} if history else item)
        leaves = [leaf_hash(self.records[index]) for index in indexes]
        parts = [struct.pack(">Q", index) + leaf for index, leaf in zip(indexes, leaves)]
        ground = {"ground": "expired"} if bypass is None else {"ground": "bypass", "bypass": bypass}
        act = self.act(
            "payload.erased",
            clock={"compliance": self.time(), "wall": self.time(datetime.timedelta(hours=23))},
            collection=self.values[indexes[0]]["collection"],
            count=len(indexes),
            digest=sha256(b"".join(parts)),
            items=items,
            **ground,
        )
        for index in indexes:
            self.erased[index] = act
            self.openings.pop(index, None)
        return act

    def purge(self, erasure, copy="local"):
        indexes = [index for index, act in self.erased.items() if act == erasure]
        members = {"copy": copy, "count": len(indexes), "erasure": erasure}
        if copy != "local":
            members["objects"] = {"count": 1, "digest": sha256(b"k v\n"), "versions": ["k v"]}
        for index in indexes:
            self.purged[index].append(copy)
        return self.add("payload.purged", principal="strongroom", **members)

    def census(self):
        collections = {}
        for index, value in enumerate(self.values):
            if value["kind"] == "evidence":
                collections[value["collection"]] = {"count": value["sequence"], "last": index}
        members = {"before": len(self.records), "collections": collections, "part": 1, "parts": 1}
        return self.add("census", principal="strongroom", **members)

    # --- the tree ---

    def tree(self):
        """hash_of(first, end): RFC 6962 section 2.1, by its definition."""
        leaves = [leaf_hash(record) for record in self.records]

        @functools.lru_cache(maxsize=None)
        def hash_of(first, end):
            if end - first == 1:
                return leaves[first]
            half = 1 << ((end - first - 1).bit_length() - 1)
            left, right = hash_of(first, first + half), hash_of(first + half, end)
            return hashlib.sha256(b"\x01" + left + right).digest()

        return hash_of

    def checkpoint(self, signers=None, root=None, size=None):
        size = len(self.records) if size is None else size
        root = self.tree()(0, size) if root is None else root
        text = f"{self.signer.name}\n{size}\n{base64_of(root)}\n"
        return (text + "\n" + "".join(s.line(text) for s in signers or [self.signer])).encode()


def leaf_hash(record):
    return hashlib.sha256(b"\x00" + record).digest()


def pairs(indexes):
    found = []
    for index in sorted(indexes):
        if found and found[-1][1] == index - 1:
            found[-1][1] = index
        else:
            found.append([index, index])
    return found


# --- the bundle -----------------------------------------------------------------------------------


class Bundle:
    """The files of a bundle of `log`: path -> bytes.

    `chosen`: the indexes of the selection. `after`: how many records follow the export.
    """

    def __init__(self, log, selection, chosen, verifier, after=3, reads=(), before=None):
        self.log, self.chosen, self.verifier = log, sorted(chosen), verifier
        self.export = log.act(
            "access.exported",
            selection=selection,
            before=len(log.records) if before is None else before,
            count=len(self.chosen),
            digest=digest_of(self.chosen),
            verifier=sha256(verifier),
        )
        for number in range(after):
            log.put("later", f"l{number}")
        self.kept = sorted({0, self.export, *self.chosen, *self.told()})
        self.files = self.make(list(reads))

    def told(self):
        """The acts that say something of the selection (bundle.md section 3)."""
        log, chosen = self.log, set(self.chosen)
        collections = {log.values[index]["collection"] for index in chosen}
        matters, newest = set(), {}
        for value in log.values[: self.export]:
            if value["kind"] == "hold.placed":
                selection = value.get("selection", {})
                if chosen & set(indexes_of(value)) or selection.get("collection") in collections:
                    matters.add(value["matter"])
        for index, value in enumerate(log.values[: self.export]):
            kind = value["kind"]
            if kind in ("lock.extended", "lock.bypassed", "event.recorded", "payload.erased"):
                if chosen & set(indexes_of(value)):
                    yield index
            elif kind == "policy.set" and value["collection"] in collections:
                newest["policy", value["collection"]] = index
            elif kind in ("hold.placed", "hold.released") and value["matter"] in matters:
                yield index
            elif kind == "payload.purged":
                if chosen & set(indexes_of(log.values[value["erasure"]])):
                    yield index
            elif kind == "census":
                for name in collections & set(value["collections"]):
                    newest["census", name] = index
        yield from newest.values()

    def entries(self):
        """Leaves and the largest complete subtrees without any, from the root downwards."""
        hash_of, size = self.log.tree(), len(self.log.records)
        lines = []

        def walk(first, level):
            end = first + (1 << level)
            if first >= size:
                return
            inside = bisect.bisect_left(self.kept, first) < bisect.bisect_left(self.kept, end)
            if not inside and end <= size:
                text = f"node {first} {level} {base64_of(hash_of(first, end))}\n"
                lines.append(text.encode())
            elif level == 0:
                lines.append(b"leaf %d %s\n" % (first, self.log.records[first]))
            else:
                walk(first, level - 1)
                walk(first + (1 << (level - 1)), level - 1)

        walk(0, (size - 1).bit_length())
        return b"".join(lines)

    def lock_line(self, index):
        log = self.log
        line = {"index": index, "lock": log.locks[index]}
        optional = {
            "acts": log.acts[index],
            "holds": sorted(log.held[index]),
            "erased": log.erased.get(index),
            "purged": log.purged[index],
        }
        return canonical({**line, **{name: value for name, value in optional.items() if value}})

    def make(self, reads):
        log, files = self.log, {}
        for index in self.chosen:
            if index not in log.erased:
                path = f"data/payloads/{index}/{escaped(log.names[index])}"
                files[path] = log.payloads[index]
        sizes = [len(data) for data in files.values()]
        openings = [
            b"%d %s %s" % (index, base64.b64encode(log.openings[index][0]), log.openings[index][1])
            for index in self.chosen
            if index in log.openings
        ]
        claims = {
            "type": "strongroom-bundle-v1",
            "origin": log.signer.name,
            "export": self.export,
            "size": len(log.records),
            "entries": len(self.kept),
            "evidence": len(self.chosen),
            "payloads": len(sizes),
            "payloadBytes": sum(sizes),
            "software": "strongroom 0.0.0",
        }
        files["bagit.txt"] = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
        files["bag-info.txt"] = (
            "Bag-Software-Agent: strongroom 0.0.0\nBagging-Date: 2026-11-21\n"
            f"External-Identifier: {log.signer.name}#{self.export}\n"
            f"Payload-Oxum: {sum(sizes)}.{len(sizes)}\n"
        ).encode()
        files["README.html"] = b"<!doctype html><title>A bundle</title>\n"
        files["verify.py"] = self.verifier
        files["bundle.json"] = canonical(claims) + b"\n"
        files["keys.txt"] = log.signer.vkey.encode() + b"\n"
        files["checkpoint"] = log.checkpoint()
        files["log/entries.txt"] = self.entries()
        lists = {
            "log/openings.txt": openings,
            "locks.jsonl": [self.lock_line(index) for index in self.chosen],
            "access.jsonl": reads,
        }
        for path, lines in lists.items():
            if lines:
                files[path] = b"".join(line + b"\n" for line in lines)
        seal(files)
        return files


def indexes_of(value):
    for item in [value, *value.get("items", [])]:
        for first, last in item.get("records", []):
            yield from range(first, last + 1)


ORDER = (
    "bagit.txt bag-info.txt README.html verify.py bundle.json keys.txt checkpoint log/entries.txt "
    "log/openings.txt locks.jsonl access.jsonl manifest-sha256.txt"
).split()


def seal(files):
    """Writes both manifests anew, as anybody can who changes a bundle."""
    payloads = [path for path in files if path.startswith("data/")]
    payloads.sort(key=lambda path: int(path.split("/")[2]))
    lines = [f"{sha256(files[path])}  {path}\n" for path in payloads]
    files["manifest-sha256.txt"] = "".join(lines).encode()
    lines = [f"{sha256(files[path])}  {path}\n" for path in ORDER if path in files]
    files["tagmanifest-sha256.txt"] = "".join(lines).encode()


def write(files, directory):
    """Writes the files into a directory."""
    (directory / "data" / "payloads").mkdir(parents=True, exist_ok=True)
    for path, data in files.items():
        place = directory / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return directory
