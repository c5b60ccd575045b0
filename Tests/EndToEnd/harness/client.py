"""A small HTTP/1.1 client for the routes of the store, one connection, no retries."""

import base64
import hashlib
import http.client
import json
import re
import select
import socket
from urllib.parse import quote, urlencode

TOKEN = re.compile(r"strongroom_[0-9a-f]{12}_[A-Za-z0-9_-]{43}")


class Reply:
    """Status, headers and whole body of one answer."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def problem(self):
        """The slug of an RFC 9457 problem, or None."""
        if not self.headers.get("Content-Type", "").startswith("application/problem+json"):
            return None
        return self.json.get("type", "").rsplit("/", 1)[-1]

    @property
    def detail(self):
        """What a problem says to a person; empty if this is none."""
        return self.json.get("detail", "") if self.problem is not None else ""

    @property
    def acts(self):
        """The indexes of the acts that this answer reports."""
        value = self.json
        return value.get("acts", [value["act"]] if value.get("act") is not None else [])

    @property
    def refused(self):
        """What was refused of a list: index -> problem."""
        return {row["index"]: row["problem"] for row in self.json.get("refused", [])}

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


def is_over(sock):
    """Whether the server has closed a connection on which no answer is awaited."""
    return sock is None or bool(select.select([sock], [], [], 0)[0])


class Client:
    def __init__(self, host, port, timeout=180, token=None):
        self.host, self.port, self.timeout, self.token = host, port, timeout, token
        self._connection = None

    # --- plumbing ---

    def request(self, method, target, body=None, headers=None):
        """One request; a connection that the server has closed meanwhile is opened anew."""
        if self._connection is not None and is_over(self._connection.sock):
            self.close()
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self.host, self.port, self.timeout)
            self._connection.connect()
            self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        headers = dict(headers or {})
        if self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        try:
            self._connection.request(method, target, body=body, headers=headers)
            response = self._connection.getresponse()
            reply = Reply(response.status, response.headers, response.read())
            if response.will_close:
                self.close()
            return reply
        except BaseException:
            self.close()
            raise

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- routes ---

    def put(self, body, name, collection="payments", labels=None, key=None, headers=None, **query):
        """POST …/evidence. `query`: retain, retainUntil, mode. Digest is not sent unless asked."""
        fields = [("name", name)] if name is not None else []
        fields += [("label", f"{k}={v}") for k, v in (labels or {}).items()]
        fields += [(k, v) for k, v in query.items() if v is not None]
        sent = {"Content-Type": "application/octet-stream"}
        if key is not None:
            sent["Idempotency-Key"] = key
        sent.update(headers or {})
        target = f"/v1/collections/{quote(collection, safe='')}/evidence?{urlencode(fields)}"
        return self.request("POST", target, body, sent)

    def batch(self, files, collection="payments", **query):
        """POST …/evidence/batch of (name, bytes) pairs."""
        target = f"/v1/collections/{collection}/evidence/batch"
        if query:
            target += "?" + urlencode(query)
        return self.request("POST", target, tar(files), {"Content-Type": "application/x-tar"})

    def get(self, target, headers=None):
        return self.request("GET", target, headers=headers)

    def record(self, index):
        return self.get(f"/v1/records/{index}")

    def payload(self, index, headers=None):
        return self.get(f"/v1/records/{index}/payload", headers)

    def receipt(self, index, size=None, headers=None):
        query = f"?size={size}" if size is not None else ""
        return self.get(f"/v1/records/{index}/receipt{query}", headers)

    def consistency(self, old, new):
        return self.get(f"/v1/consistency?from={old}&to={new}")

    def search(self, **query):
        return self.get("/v1/search?" + urlencode(query, doseq=True))

    def send_json(self, method, target, value):
        """`value`: what becomes JSON; members that are None are left out."""
        body = json.dumps({k: v for k, v in value.items() if v is not None})
        return self.request(method, target, body, {"Content-Type": "application/json"})

    def post(self, target, **value):
        return self.send_json("POST", target, value)

    def checkpoint(self):
        return self.get("/checkpoint")

    def tree_size(self):
        return int(self.checkpoint().body.split(b"\n")[1])

    # --- locks, holds, erasure, access ---

    def lock(self, index):
        return self.get(f"/v1/records/{index}/lock")

    def extend(self, index, until=None, mode=None, reason="a test"):
        return self.post(f"/v1/records/{index}/lock", until=until, mode=mode, reason=reason)

    def policy(self, collection):
        return self.get(f"/v1/collections/{collection}/policy")

    def set_policy(self, collection, policy, dry_run=False):
        query = "?dryRun=true" if dry_run else ""
        return self.send_json("PUT", f"/v1/collections/{collection}/policy{query}", policy)

    def hold(self, matter, reason="a test", **scope):
        """`scope`: records=[…], or selection={…} with standing=True or not."""
        return self.post("/v1/holds", matter=matter, reason=reason, **scope)

    def release(self, matter, records=None, reason="a test"):
        return self.post("/v1/holds/release", matter=matter, records=records, reason=reason)

    def record_event(self, event, reason="a test", **scope):
        return self.post("/v1/events", event=event, reason=reason, **scope)

    def due(self, **query):
        return self.get("/v1/erasures/due?" + urlencode(query))

    def erase(self, **scope):
        """`scope`: collection, records, reason."""
        return self.post("/v1/erasures", **{"reason": "a test", **scope})

    def bypass(self, records, reason="a test"):
        return self.post("/v1/erasures/bypass", records=records, reason=reason)

    def erasure(self, index):
        return self.get(f"/v1/records/{index}/erasure")

    def clock(self):
        return self.get("/v1/clock")

    def resync(self, reason="a test"):
        return self.post("/v1/clock/resync", reason=reason)

    def create_token(self, name, role, **grant):
        return self.post("/v1/tokens", name=name, role=role, **grant)

    def revoke_token(self, name):
        return self.post("/v1/tokens/revoke", name=name)

    def metrics(self):
        """Samples of /metrics by their name with labels."""
        samples = {}
        for line in self.get("/metrics").body.decode().split("\n"):
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                samples[name] = float(value)
        return samples


def content_digest(data):
    """The value of a Content-Digest field (RFC 9530)."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"


def tar(files):
    """A ustar stream of (name, bytes) pairs; faster than tarfile, for short names."""
    parts = []
    for name, data in files:
        header = bytearray(512)
        encoded = name.encode()
        assert len(encoded) <= 100, "names in this tar end at 100 bytes"
        header[0 : len(encoded)] = encoded
        header[100:108] = b"0000644\0"
        header[108:116] = header[116:124] = b"0000000\0"
        header[124:136] = b"%011o\0" % len(data)
        header[136:148] = b"00000000000\0"
        header[148:156] = b"        "
        header[156:157] = b"0"
        header[257:265] = b"ustar\x0000"
        header[148:156] = b"%06o\0 " % sum(header)
        parts += [bytes(header), data, b"\0" * (-len(data) % 512)]
    return b"".join(parts) + b"\0" * 1024
