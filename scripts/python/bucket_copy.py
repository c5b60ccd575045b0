"""A copy of a log in a bucket, read whole and compared with itself. A part of `check_bucket`."""

import collections
import concurrent.futures
import hashlib
import itertools
import json
import time

from bucket_locks import Locks
from bucket_objects import PACKS, Damaged, Pack, commitment, meaning_of, payload_of, unzstd
from check_log import bundle
from log_fold import Log
from verify_receipt import Checkpoint, Refused, VerifierKey, leaf_hash, node_hash

REGISTER = "log/checkpoint"


class Copy(Locks):
    """What stands in a bucket, and what is wrong with it in `findings`.

    `target`: the name that the log gave it; what it has purged must be gone. `complete`: nothing
    is under way. `size`: how many records there must be at least. `descriptions`: as for `Log`.
    `strays`: some journal objects may be those of a second signer that has lost the register.
    `lapsing`: their locks may be over, being too short to be prolonged in time.
    """

    def __init__(
        self, source, key, target=None, complete=False, size=None, descriptions=None, now=None,
        strays=False, lapsing=False,
    ):  # fmt: skip
        self.source, self.target, self.complete, self.expected = source, target, complete, size
        self.key = key if isinstance(key, VerifierKey) else VerifierKey(key)
        self.now = int(time.time() * 1000) if now is None else now
        self.findings, self.records, self.openings = [], {}, {}
        self.checkpoints, self.packs, self.journals, self.objects = [], {}, {}, {}
        # key -> record, content and version, of payloads that are objects of their own
        self.large = {}
        self.log, self.descriptions, self.size = None, dict(descriptions or {}), 0
        self.may_have_strays, self.strays, self.lapsing = strays, [], lapsing

    def finding(self, where, text):
        self.findings.append(f"{where}: {text}")

    def require(self, condition, where, text):
        if not condition:
            self.finding(where, text() if callable(text) else text)
        return condition

    def check(self):
        """Does it all; returns itself."""
        self.list()
        self.read()
        self.check_log()
        self.check_contents()
        self.check_objects()
        self.check_homes()
        self.check_purges()
        return self

    # --- reading --------------------------------------------------------------------------------

    def list(self):
        """Every version below the prefix: of each immutable key one, and no delete marker."""
        by_key = collections.defaultdict(list)
        for version in self.source.versions():
            by_key[version.key].append(version)
        for key, versions in sorted(by_key.items()):
            kind = meaning_of(key).kind
            markers = [version for version in versions if version.is_marker]
            whole = [version for version in versions if not version.is_marker]
            if kind == "probe":
                continue
            self.require(not markers, key, f"{len(markers)} delete markers")
            self.require(kind != "foreign", key, "no key of a copy")
            self.require(
                len(whole) == 1 or kind == "checkpoint",
                key,
                lambda w=whole: f"{len(w)} versions: {[v.version for v in w]}",
            )
            self.objects[key] = whole
        self.kinds = collections.Counter(meaning_of(key).kind for key in self.objects)

    def read(self):
        """Reads every object; several at once, since each answer takes its time."""
        rows = [(key, v) for key, versions in self.objects.items() for v in versions]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda row: self._read(*row), rows))

    def _read(self, key, version):
        meaning = meaning_of(key)
        try:
            version.lock = version.head()
            data = version.read()
            if not self.require(len(data) == version.size, key, f"{len(data)} bytes came"):
                return
            if meaning.kind in (*PACKS, "journal"):
                pack = Pack(data)
                pack.check_key(meaning)
                pack.version = version
                (self.journals if pack.is_journal else self.packs)[key] = pack
            elif meaning.kind == "payload":
                content = unzstd(data)
                self.large[key] = (meaning.first, content, version)
            elif meaning.kind in ("checkpoint", "entries", "tile"):
                version.data = data
        except (Damaged, Refused, ValueError, KeyError, TypeError, OSError, EOFError) as error:
            self.finding(key, f"{type(error).__name__} {error}")
        except self.source.errors as error:
            self.finding(key, f"cannot be read: {error}")

    # --- the log --------------------------------------------------------------------------------

    def check_log(self):
        self.set_strays_aside()
        for key, meaning in self.of_kind("entries"):
            rows = list(bundle(self.data(key)))
            self.require(len(rows) == 256, key, f"{len(rows)} records")
            for at, record in enumerate(rows):
                self.take(meaning.number * 256 + at, record, key)
        for key, journal in self.journals.items():
            for index, record in journal.records.items():
                self.take(index, record, key)
            self.add_checkpoint(journal.checkpoint, key, journal.index)
        for version in self.objects.get(REGISTER, []):
            data = getattr(version, "data", None)
            if data is not None:
                self.add_checkpoint(data.decode(errors="replace"), REGISTER, None)
                if version.is_latest:
                    self.register = self.checkpoints[-1] if self.checkpoints else None
        self.require(REGISTER in self.objects, REGISTER, "it is not there")
        have = 0
        while have in self.records:
            have += 1
        beyond = [index for index in self.records if index >= have]
        self.require(not beyond, "the log", lambda: f"{have} is missing; {min(beyond)} is there")
        self.size = max((c.size for c in self.checkpoints if c.size <= have), default=0)
        for size in {c.size for c in self.checkpoints if c.size > have}:
            self.finding("the log", f"a checkpoint covers {size} records, and there are {have}")
        self.leaves = [leaf_hash(self.records[index]) for index in range(self.size)]
        roots = roots_at(self.leaves, {c.size for c in self.checkpoints})
        for checkpoint in self.checkpoints:
            if checkpoint.size in roots:
                self.require(
                    roots[checkpoint.size] == checkpoint.root,
                    checkpoint.where,
                    f"the records do not lead to its root at {checkpoint.size}",
                )
        self.check_tiles()
        if self.complete and self.checkpoints:
            newest = max(c.size for c in self.checkpoints if c.where == REGISTER)
            self.require(newest == self.size, REGISTER, f"it covers {newest} of {self.size}")
        if self.expected is not None:
            self.require(self.size >= self.expected, "the log", f"{self.size} of {self.expected}")

    def take(self, index, record, where):
        known = self.records.setdefault(index, record)
        self.require(known == record, where, f"record {index} is another than elsewhere")

    def set_strays_aside(self):
        """Keeps the journal objects that lead to the register's root, where a second signer wrote.

        Of objects that disagree those are taken that a signed checkpoint of their own tree covers;
        the search goes back where that leads nowhere.
        """
        newest = [v for v in self.objects.get(REGISTER, []) if v.is_latest and hasattr(v, "data")]
        if not self.may_have_strays or not newest:
            return
        register = Checkpoint(newest[0].data.decode(), self.key)
        start = {}
        for key, meaning in self.of_kind("entries"):
            start.update(enumerate(bundle(self.data(key)), meaning.number * 256))
        ways = [start]
        while ways:
            records = ways.pop()
            have = next(index for index in itertools.count() if index not in records)
            if have >= register.size:
                leaves = [leaf_hash(records[index]) for index in range(register.size)]
                if roots_at(leaves, {register.size})[register.size] == register.root:
                    break
                continue
            for journal in self.journals.values():
                rows = journal.records
                if have in rows and all(records.get(i, row) == row for i, row in rows.items()):
                    ways.append({**records, **rows})
        else:
            return
        for key, journal in list(self.journals.items()):
            if any(records.get(index, row) != row for index, row in journal.records.items()):
                self.strays.append(self.journals.pop(key))

    def add_checkpoint(self, text, where, journal):
        try:
            checkpoint = Checkpoint(text, self.key)
        except Refused as error:
            self.finding(where, f"its checkpoint: {error}")
            return
        checkpoint.where = where
        self.checkpoints.append(checkpoint)
        if journal is not None:
            end = journal["first"] + journal["count"]
            self.require(checkpoint.size >= end, where, f"its checkpoint covers {checkpoint.size}")
            self.require(journal["origin"] == checkpoint.origin, where, "of another origin")

    def check_tiles(self):
        """Each tile has the hashes of the records; if complete, every full one is there."""
        nodes, level = self.leaves, 0
        while len(nodes) >= 256 or level == 0:
            wanted = {n: b"".join(nodes[n * 256 :][:256]) for n in range(len(nodes) // 256)}
            found = {m.number: key for key, m in self.of_kind("tile") if m.level == level}
            for number, key in found.items():
                self.require(
                    number in wanted and self.data(key) == wanted[number], key, "other hashes"
                )
            if self.complete:
                lacking = sorted(set(wanted) - set(found))
                self.require(not lacking, f"tiles of level {level}", f"{lacking[:9]} are missing")
            if self.complete and level == 0:
                bundles = {m.number for _, m in self.of_kind("entries")}
                self.require(bundles == set(wanted), "entries", f"there are {sorted(bundles)[:9]}")
            nodes = [roots_at(nodes[n * 256 :][:256], {256})[256] for n in wanted]
            level += 1

    # --- payloads -------------------------------------------------------------------------------

    def check_contents(self):
        """Every record and payload in a pack or journal object is what the log says."""
        everything = {**self.packs, **self.journals}
        for key, pack in everything.items():
            self.require(pack.index["origin"] == self.key.name, key, "of another origin")
            for index, record in pack.records.items():
                self.require(self.records.get(index) == record, key, f"{index} is another record")
            for index, opening in pack.openings.items():
                self.check_opening(key, index, opening, pack)
        self.log = Log(self.descriptions)
        for index in range(self.size):
            self.log.apply(self.records[index])
        self.findings += [f"the log: {text}" for text in self.log.findings]
        for key, pack in everything.items():
            for index, entry in pack.entries.items():
                if index in self.log.evidence:
                    self.check_entry(key, pack, index, entry)
                else:
                    self.require(pack.is_journal, key, f"{index} is no evidence")
                    self.require("payload" not in entry, key, f"{index} has a payload")
        for key, (index, content, _) in self.large.items():
            self.check_large(key, index, content)

    def check_opening(self, key, index, opening, pack):
        try:
            record = json.loads(pack.records[index])
            fits = record.get("commitment") == commitment(opening)
            self.require(fits, key, f"the opening of {index} is another's")
            if fits:
                self.openings[index] = opening
                self.descriptions.setdefault(index, json.loads(opening["description"]))
        except (ValueError, KeyError, TypeError) as error:
            self.finding(key, f"the opening of {index}: {error}")

    def check_entry(self, key, pack, index, entry):
        evidence, record = self.log.evidence[index], json.loads(self.records[index])
        stated = payload_of(record, pack.openings.get(index))
        is_erased = entry.get("erased", False)
        if is_erased:
            self.require(evidence.erased is not None, key, f"{index} is not erased")
            return
        found = entry.get("payload")
        if not self.require(found and stated, key, f"{index}: no payload, or no opening"):
            return
        self.require((found["sha256"], found["size"]) == stated, key, f"{index}: another payload")
        if not pack.is_journal:
            same = pack.index["collection"] == evidence.collection
            self.require(same, key, f"{index} is of {evidence.collection}")
        if "object" in entry:
            meaning = meaning_of(entry["object"])
            about = (meaning.kind, meaning.first, meaning.parts.get("collection"))
            wanted = ("payload", index, evidence.collection)
            self.require(about == wanted, key, f"{index}: {entry['object']}")
            there = entry["object"] in self.objects or evidence.erased is not None
            self.require(there, key, f"{entry['object']} is not there")

    def check_large(self, key, index, content):
        if not self.require(index in self.log.evidence, key, f"{index} is no evidence"):
            return
        evidence, opening = self.log.evidence[index], self.openings.get(index)
        stated = payload_of(json.loads(self.records[index]), opening)
        found = (hashlib.sha256(content).hexdigest(), len(content))
        named = meaning_of(key)["collection"]
        self.require(evidence.collection == named, key, f"it is of {evidence.collection}")
        if self.require(stated is not None, key, "no opening says what it must be"):
            self.require(found == stated, key, f"{found}, not {stated}")

    # --- helpers --------------------------------------------------------------------------------

    def of_kind(self, kind):
        rows = ((key, meaning_of(key)) for key in self.objects)
        return [(k, m) for k, m in rows if m.kind == kind and self.data(k) is not None]

    def data(self, key):
        return getattr(self.objects[key][0], "data", None) if self.objects[key] else None


def roots_at(leaves, sizes):
    """The roots (RFC 6962) over the first so many leaves."""
    stack, found = [], {}
    for count, leaf in enumerate(leaves, 1):
        stack.append((0, leaf))
        while len(stack) > 1 and stack[-1][0] == stack[-2][0]:
            (level, left), (_, right) = stack[-2], stack.pop()
            stack[-1] = (level + 1, node_hash(left, right))
        if count in sizes:
            root = stack[-1][1]
            for _, left in reversed(stack[:-1]):
                root = node_hash(left, root)
            found[count] = root
    return found
