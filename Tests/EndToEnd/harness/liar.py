"""A log that is made by hand, right or wrong, and a server that shows it to a monitor."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from check_log import tile_path
from log_words import summary
from verify_receipt import leaf_hash

from .madecopy import MadeLog

ENDED = "2026-11-22T00:00:00Z"
LOCKED = "2036-11-22T00:00:00Z"


class Liar:
    """A made log, served as C2SP tlog-tiles; `changes` are given instead of what is right."""

    def __init__(self, env, log):
        self.log, self.changes, self.size = log, {}, len(log.records)
        liar = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = liar.changes.get(self.path) or liar.right(self.path)
                self.send_response(200 if body is not None else 404)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        thread.start()
        env.defer(self.server.server_close)
        env.defer(self.server.shutdown)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def right(self, path):
        if path == "/checkpoint":
            return self.log.checkpoint(self.size).encode()
        return self.parts().get(path)

    def parts(self):
        """Every tile and bundle of the tree, full and partial."""
        rows = [self.log.encoded(index) for index in range(self.size)]
        level, hashes, parts = 0, [leaf_hash(row) for row in rows], {}
        while hashes:
            for start in range(0, len(hashes), 256):
                piece = hashes[start : start + 256]
                suffix = "" if len(piece) == 256 else f".p/{len(piece)}"
                number = tile_path(start // 256) + suffix
                parts[f"/tile/{level}/{number}"] = b"".join(piece)
                if level == 0:
                    bundle = rows[start : start + 256]
                    parts[f"/tile/entries/{number}"] = b"".join(
                        len(row).to_bytes(2, "big") + row for row in bundle
                    )
            full = len(hashes) // 256
            hashes = [root(hashes[at * 256 : at * 256 + 256]) for at in range(full)]
            level += 1
        return parts


def root(hashes):
    while len(hashes) > 1:
        pairs = zip(hashes[::2], hashes[1::2])
        hashes = [hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return hashes[0]


class LyingLog(MadeLog):
    """A log in which every kind of record can be made, right or wrong."""

    def __init__(self):
        super().__init__()
        self.records[0]["verifierKeys"] = [self.key]
        self.add(
            *("access.changed", "local"),
            **{"change": "created", "token": "breaker", "role": "retention", "rights": ["bypass"]},
        )

    def put(self, name="n", until=LOCKED, **options):
        index = self.evidence(b"x", until, **options)
        record = self.records[index]
        record.setdefault("v", 1)
        if "commitment" not in record:
            record.update(mediaType="text/plain", name=name, submitter="ci")
        return index

    def years_pass(self):
        self.seconds += 20 * 365 * 86_400

    def erase(self, *indexes, lock=None, **changes):
        now = self.time()
        digest = hashlib.sha256()
        for index in indexes:
            digest.update(index.to_bytes(8, "big") + leaf_hash(self.encoded(index)))
        first = self.records[indexes[0]]
        record = {
            "clock": {"compliance": now, "wall": now},
            "collection": first["collection"],
            "count": len(indexes),
            "digest": digest.hexdigest(),
            "ground": "expired",
            "items": [{"lock": lock or first["lock"], "records": ranges(indexes)}],
        }
        return self.add("payload.erased", "keeper", **{**record, **changes})

    def hold(self, matter="case/1", **members):
        return self.add("hold.placed", "keeper", matter=matter, reason="r", **members)

    def extend(self, index, until, mode="COMPLIANCE"):
        lock = {"mode": mode, "until": until}
        records = [[index, index]]
        return self.add("lock.extended", "keeper", lock=lock, reason="r", records=records)

    def census(self, **entries):
        members = {"before": len(self.records), "collections": entries, "part": 1, "parts": 1}
        return self.add("census", "strongroom", **members)

    def selection(self, *indexes, **selection):
        count, digest = summary(indexes)
        return {
            "before": len(self.records),
            "count": count,
            "digest": digest,
            "selection": {"collection": "c", **selection},
        }


def ranges(indexes):
    return [[index, index] for index in indexes]


def good_log():
    """Of everything some, and all of it right."""
    log = LyingLog()
    one, two = log.put("a/1", ENDED), log.put("b/2", ENDED, mode="GOVERNANCE")
    three = log.put("a/3", mode="GOVERNANCE")
    log.put("x", collection="d", sealed=True)
    log.hold(records=[[one, one]])
    log.hold("case/2", **log.selection(two, prefix="b/"))
    log.add("hold.released", "boss", matter="case/1", reason="r")
    log.census(c={"count": 3, "last": three}, d={"count": 1, "last": three + 1})
    log.extend(three, "2040-01-01T00:00:00Z", "GOVERNANCE")
    log.seconds += 3 * 86_400
    log.erase(one)
    log.add("hold.released", "boss", matter="case/2", reason="r")
    log.erase(two)
    return log, one, two, three


def lies():
    """name -> (what is done to a good log, the rule that names it)."""

    def erased_early(log, *_):
        index = log.put("e", LOCKED)
        log.erase(index, lock={"mode": "COMPLIANCE", "until": ENDED})

    def erased_early_by_its_own_clock(log, *_):
        index = log.put("e", LOCKED)
        far = "2037-01-01T00:00:00.000Z"
        log.erase(index, clock={"compliance": far, "wall": far})

    def erased_under_a_hold(log, *_):
        index = log.put("e", ENDED)
        log.hold("case/9", records=[[index, index]])
        log.erase(index)

    def erased_under_a_standing_hold(log, *_):
        log.hold("case/9", standing=True, **log.selection(prefix="zz/"))
        index = log.put("zz/1", ENDED)
        log.erase(index)

    def gap(log, *_):
        log.sequences["c"] += 1
        log.put("gap")

    def shortened(log, one, two, three):
        log.extend(three, "2039-01-01T00:00:00Z", "GOVERNANCE")

    def shortened_first(log, *_):
        log.extend(log.put("s"), "2030-01-01T00:00:00Z")

    def wrong_census(log, *_):
        index = log.put("c")
        log.census(c={"count": 5, "last": index})

    def forgetful_census(log, *_):
        log.put("c")
        index = log.put("d", collection="d")
        log.census(d={"count": 2, "last": index})

    def bypass(log, *_):
        index = log.put("b", mode="COMPLIANCE")
        log.add("lock.bypassed", "breaker", reason="r", records=[[index, index]])

    def bypass_without_right(log, *_):
        index = log.put("b", mode="GOVERNANCE")
        log.add("lock.bypassed", "keeper", reason="r", records=[[index, index]])

    def wrong_digest(log, *_):
        index = log.put("w", ENDED)
        log.erase(index, digest="0" * 64)

    def wrong_count(log, *_):
        log.hold("case/9", **log.selection(4, prefix="a/"))

    def weak(log, *_):
        policy = {"default": "7y", "maximum": "9y", "minimum": "1y", "mode": "COMPLIANCE"}
        log.add("policy.set", "boss", collection="c", policy=policy)
        log.put("w", mode="GOVERNANCE")

    def short(log, *_):
        policy = {"default": "40y", "maximum": "99y", "minimum": "30y", "mode": "GOVERNANCE"}
        log.add("policy.set", "boss", collection="c", policy=policy)
        log.put("w")

    def back(log, *_):
        log.seconds -= 9 * 86_400
        log.put("b")

    def after_the_end(log, *_):
        log.add("log.closed", "boss", reason="r")
        log.put("late")

    def purge(log, *_):
        log.add("payload.purged", "strongroom", copy="local", count=1, erasure=3)

    def no_record(log, *_):
        log.records.append("not an object")

    return {
        "erased-locked": (erased_early, erased_early_by_its_own_clock),
        "erased-held": (erased_under_a_hold, erased_under_a_standing_hold),
        "sequence": (gap,),
        "lock": (shortened, shortened_first),
        "census": (wrong_census, forgetful_census),
        "bypass": (bypass, bypass_without_right),
        "certificate": (wrong_digest,),
        "hold": (wrong_count,),
        "policy": (weak, short),
        "received": (back,),
        "closed": (after_the_end,),
        "purge": (purge,),
        "record": (no_record,),
    }
