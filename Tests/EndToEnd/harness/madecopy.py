"""A copy of a log in a bucket, made by hand in memory: to try the second opinion on it."""

import base64
import calendar
import datetime
import hashlib
import io
import subprocess
import tarfile

from bucket_copy import Copy, roots_at
from bucket_source import LockSeen, Version
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from log_words import DAY, milliseconds
from verify_receipt import canonical, leaf_hash

ORIGIN = "o"
FAR = milliseconds("2036-01-01T00:00:00Z")


class MadeLog:
    """Records with a key that signs them; `bodies`: index -> payload."""

    def __init__(self):
        self.private = Ed25519PrivateKey.generate()
        public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        data = b"\x01" + public
        self.id = hashlib.sha256(ORIGIN.encode() + b"\n" + data).digest()[:4]
        self.key = f"{ORIGIN}+{self.id.hex()}+{base64.b64encode(data).decode()}"
        self.records, self.bodies, self.openings, self.seconds = [], {}, {}, 0
        self.sequences = {}
        self.add("log.created", founders=[], origin=ORIGIN, segmentHeight=8, verifierKeys=["k"])
        self.add("access.changed", "local", change="created", token="keeper", role="retention")
        self.add("access.changed", "local", change="created", token="boss", role="admin")

    def time(self):
        moment = datetime.datetime(2026, 11, 21) + datetime.timedelta(seconds=self.seconds)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"

    def add(self, kind, principal=None, **members):
        record = {"kind": kind, "received": self.time(), "v": 1, **members}
        if principal:
            record["principal"] = principal
        self.seconds += 1
        self.records.append(record)
        return len(self.records) - 1

    def evidence(self, body, until, mode="COMPLIANCE", collection="c", sealed=False):
        sequence = self.sequences[collection] = self.sequences.get(collection, 0) + 1
        lock = {"mode": mode, "until": until}
        payload = {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body)}
        described = {"name": f"n/{sequence}", "payload": payload}
        common = {"collection": collection, "sequence": sequence, "lock": lock}
        if not sealed:
            index = self.add("evidence", **described, **common)
        else:
            salt, text = b"s" * 32, canonical(described)
            said = hashlib.sha256(b"\x02" + salt + text.encode()).hexdigest()
            index = self.add("evidence", commitment=said, **common)
            opening = {"description": text, "salt": base64.b64encode(salt).decode()}
            self.openings[index] = opening
        self.bodies[index] = body
        return index

    def encoded(self, index):
        return canonical(self.records[index]).encode()

    def received(self, index):
        return milliseconds(self.records[index]["received"]) // 1000

    def leaves(self):
        return [leaf_hash(self.encoded(index)) for index in range(len(self.records))]

    def checkpoint(self, size=None):
        size = len(self.records) if size is None else size
        root = base64.b64encode(roots_at(self.leaves(), {size})[size]).decode()
        body = f"{ORIGIN}\n{size}\n{root}\n"
        signature = base64.b64encode(self.id + self.private.sign(body.encode())).decode()
        return f"{body}\n— {ORIGIN} {signature}\n"


class MadeBucket:
    """Objects with versions and locks, and how the objects of a target are put together."""

    errors = (LookupError,)

    def __init__(self, log):
        self.log, self.rows, self.count = log, {}, 0

    # --- as `BucketSource` ---

    def versions(self):
        for key, rows in self.rows.items():
            for number, (version, data, _) in enumerate(rows):
                newest = number == len(rows) - 1
                yield Version(self, key, version, len(data or b""), newest, data is None)

    def _find(self, key, version):
        return next(row for row in self.rows[key] if row[0] == version)

    def head(self, key, version):
        return self._find(key, version)[2]

    def read(self, key, version):
        return self._find(key, version)[1]

    # --- what can be put into it ---

    def put(self, key, data, mode=None, until=0, hold=False):
        self.count += 1
        lock = LockSeen(mode, until, hold)
        self.rows.setdefault(key, []).append((f"v{self.count}", data, lock))
        return key

    def lock(self, key, **changes):
        vars(self.rows[key][-1][2]).update(changes)

    def register(self, size=None):
        self.put("log/checkpoint", self.log.checkpoint(size).encode())

    def tiles(self):
        leaves = self.log.leaves()
        for number in range(len(leaves) // 256):
            rows = range(number * 256, number * 256 + 256)
            data = [self.log.encoded(index) for index in rows]
            joined = b"".join(len(row).to_bytes(2, "big") + row for row in data)
            self.put(f"log/tile/entries/{number:03d}", joined, "COMPLIANCE", FAR)
            hashes = b"".join(leaves[index] for index in rows)
            self.put(f"log/tile/0/{number:03d}", hashes, "COMPLIANCE", FAR)

    def journal(self, first, end, erased=(), large=(), **changes):
        index = {"type": "strongroom-journal-v1", "origin": ORIGIN, "first": first}
        index.update(count=end - first, **changes)
        members, index["records"] = self.members(range(first, end), erased, large)
        members.append(("checkpoint", self.log.checkpoint(end).encode(), self.log.received(first)))
        data = packed(("journal.json", index, self.log.received(first)), members)
        return self.put(f"journal/{first:016d}-{end - first}.tar.zst", data, "COMPLIANCE", FAR)

    def pack(self, rows, lock, home="original", held=None, large=(), hold=False, change=None):
        """`change`: is given the members before they are packed."""
        record = self.log.records[rows[0]]
        index = {"type": "strongroom-pack-v1", "origin": ORIGIN, "home": home, "lock": lock}
        index["collection"] = record["collection"]
        if held:
            index["held"] = held
        members, index["records"] = self.members(rows, (), large)
        if change:
            change(index, members)
        data = packed(("index.json", index, self.log.received(rows[0])), members)
        short = hashlib.sha256(data).hexdigest()[:8]
        until = lock.get("until") or f"awaiting-{lock['awaiting']}"
        folder = f"{record['collection']}/{lock['mode']}/{until}"
        folders = {"original": folder, "extended": f"extended/{folder}", "held": f"held/{held}"}
        folder = folders[home]
        end = milliseconds(lock["until"]) if "until" in lock else DAY
        key = f"packs/{folder}/{rows[0]:016d}-{len(rows)}-{short}.tar.zst"
        return self.put(key, data, lock["mode"], end, hold)

    def payload(self, index, **changes):
        record = self.log.records[index]
        key = f"payloads/{record['collection']}/{index:016d}.zst"
        lock = record["lock"]
        data = zstd(self.log.bodies[index])
        self.put(key, data, lock["mode"], milliseconds(lock["until"]))
        self.lock(key, **changes)
        return key

    def members(self, rows, erased, large):
        members, entries = [], []
        for index in rows:
            time, entry = self.log.received(index), {"index": index}
            members.append((f"records/{index}.json", self.log.encoded(index), time))
            body = self.log.bodies.get(index)
            if index in erased:
                entry["erased"] = True
            elif body is not None:
                digest = hashlib.sha256(body).hexdigest()
                entry["payload"] = {"sha256": digest, "size": len(body)}
                if index in self.log.openings:
                    opening = canonical(self.log.openings[index]).encode()
                    members.append((f"openings/{index}.json", opening, time))
                if index in large:
                    collection = self.log.records[index]["collection"]
                    entry["object"] = f"payloads/{collection}/{index:016d}.zst"
                else:
                    members.append((f"payloads/{index}", body, time))
            entries.append(entry)
        return members, entries

    def findings(self, **options):
        return Copy(self, self.log.key, **options).check().findings


def packed(index, members):
    """A .tar.zst whose first member is the index, as canonical JSON."""
    buffer = io.BytesIO()
    name, value, time = index
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content, time in [(name, canonical(value).encode(), time), *members]:
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(content), 0o444, time
            archive.addfile(member, io.BytesIO(content))
    return zstd(buffer.getvalue())


def zstd(data):
    return subprocess.run(["zstd", "-cq"], input=data, capture_output=True, check=True).stdout


def days_later(days):
    moment = datetime.datetime(2026, 11, 21) + datetime.timedelta(days=days)
    return calendar.timegm(moment.timetuple()) * 1000
