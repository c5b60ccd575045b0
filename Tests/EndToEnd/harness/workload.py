"""Writers under load, and what a client may expect of every receipt that it holds."""

import base64
import hashlib
import random
import threading
import time
from urllib.parse import urlencode

from verify_receipt import VerifierKey, verify_consistency, verify_receipt

from .client import tar
from .waiting import PATIENCE_SECONDS, check, eventually

KIB = 1024
MIB = 1024 * KIB


def payload(seed, size):
    """Bytes that only `seed` and `size` decide: half of them random, half of them text."""
    source = random.Random(seed)
    noise = source.randbytes(size // 2)
    text = b"%d: all evidence is kept until its date\n" % source.randrange(10**9)
    rest = size - len(noise)
    return noise + (text * (rest // len(text) + 1))[:rest]


class Request:
    """One thing to push; kept as a seed and a size, since a soak run pushes very many."""

    def __init__(self, name, seed, size, key, collection):
        self.name, self.seed, self.size = name, seed, size
        self.key, self.collection = key, collection

    @property
    def body(self):
        return payload(self.seed, self.size)

    def send(self, client):
        return client.put(self.body, self.name, self.collection, key=self.key)


class Receipts:
    """The receipts that clients hold, each with the request it answered."""

    def __init__(self):
        self.held = []
        self.unanswered = []
        self.refused = []
        self._lock = threading.Lock()

    def __len__(self):
        return len(self.held)

    def hold(self, request, receipt):
        with self._lock:
            self.held.append((request, receipt))

    def miss(self, request, error):
        with self._lock:
            self.unanswered.append((request, error))

    def refuse(self, request, reply):
        with self._lock:
            self.refused.append((request, reply))

    def verify(self, server, key, sample=None, source=None):
        """Each receipt verifies, and the server still gives its record and its payload.

        `sample`: at most so many, always with the newest ones; all if None.
        """
        chosen = self.held
        if sample is not None and len(chosen) > sample:
            newest = chosen[-sample // 2 :]
            chosen = source.sample(chosen[: -sample // 2], sample - len(newest)) + newest
        key = VerifierKey(key)
        with server.client() as client:
            for request, text in chosen:
                verify_one(client, key, request, text)
        return len(chosen)

    def settle(self, server, key):
        """Sends again what got no answer: each becomes one record, new or the one of then."""
        with self._lock:
            waiting, self.unanswered = self.unanswered, []
        outcomes = {200: 0, 201: 0}
        with server.client() as client:
            for request, _ in waiting:
                reply = request.send(client)
                check(reply.status in outcomes, lambda: f"{request.name} sent again: {reply}")
                outcomes[reply.status] += 1
                verify_one(client, VerifierKey(key), request, reply.body)
                self.hold(request, reply.body)
        return outcomes


def verify_one(client, key, request, text):
    body = request.body
    receipt = verify_receipt(text, key, body)
    check(
        receipt["_description"]["name"] == request.name,
        lambda: f"the receipt of {request.name} is for {receipt['_description']['name']}",
    )
    index = receipt["index"]
    reply = client.record(index)
    check(
        reply.status == 200 and reply.body == receipt["record"].encode(),
        lambda: f"record {index} is not the one of its receipt: {reply}",
    )
    reply = client.payload(index)
    check(
        reply.status == 200 and reply.body == body,
        lambda: f"the payload of {index} ({request.name}) came back as {reply}",
    )
    return receipt


class Load:
    """Clients that push until told to stop. `with Load(...) as load:` starts and ends them."""

    SIZES = (10, 200, 1000, 1000, 4000, 30_000)

    def __init__(self, server, receipts, tag, clients=4, large_share=0.01, pause=0.0):
        self.server, self.receipts, self.tag = server, receipts, tag
        self.large_share, self.pause = large_share, pause
        self.stop = threading.Event()
        self.threads = [
            threading.Thread(target=self._push, args=(number,), daemon=True)
            for number in range(clients)
        ]

    def _push(self, number):
        source = random.Random(f"{self.tag}/{number}")
        client = self.server.client(timeout=PATIENCE_SECONDS)
        count = 0
        while not self.stop.is_set():
            count += 1
            size = source.choice(self.SIZES)
            if source.random() < self.large_share:
                size = MIB + source.randrange(2 * MIB)
            name = f"{self.tag}/{number}/{count}"
            collection = f"load-{number % 2}"
            request = Request(name, source.getrandbits(60), size, f"key-{name}", collection)
            try:
                reply = request.send(client)
            except Exception as error:
                self.receipts.miss(request, error)
                return
            if reply.status == 201:
                self.receipts.hold(request, reply.body)
            else:
                self.receipts.refuse(request, reply)
                if reply.status < 500:
                    return
                time.sleep(0.05)
            if self.pause:
                time.sleep(self.pause)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.join()

    def wait_for_more(self, count=20):
        """Until so many more requests have been acknowledged than by now."""
        wanted = len(self.receipts) + count
        eventually(
            lambda: len(self.receipts) >= wanted,
            lambda: f"nothing is acknowledged: {len(self.receipts)} of {wanted}; refused "
            f"{self.receipts.refused[-3:]}",
        )

    def join(self, timeout=2 * PATIENCE_SECONDS):
        for thread in self.threads:
            thread.join(timeout)
        check(not any(t.is_alive() for t in self.threads), "a client got no answer and no end")


def filling(number, size):
    """The payload of the record `number` that `fill` makes."""
    return (b"%d " % number).ljust(size, b".")


def fill(client, count, tag="fill", collection="bulk", batch=1000, size=100, **query):
    """Appends `count` small records by the batch route; returns their indexes.

    They are not without gaps: a census, say, stands between them.
    """
    indexes = []
    query = "?" + urlencode(query) if query else ""
    for start in range(0, count, batch):
        numbers = range(start, min(start + batch, count))
        files = [(f"{tag}/{number}", filling(number, size)) for number in numbers]
        target = f"/v1/collections/{collection}/evidence/batch{query}"
        reply = client.request("POST", target, tar(files), {"Content-Type": "application/x-tar"})
        check(reply.status == 201, lambda: f"a batch of {len(files)} was refused: {reply}")
        indexes += [receipt["index"] for receipt in reply.json["receipts"]]
    return indexes


def verify_growth(client, key, pairs):
    """The proof of each (old, new) pair of sizes; `pairs` hold (size, root)."""
    for (old, old_root), (new, new_root) in pairs:
        reply = client.consistency(old, new)
        check(reply.status == 200, lambda: f"consistency {old} -> {new}: {reply}")
        path = [base64.b64decode(item) for item in reply.json["proof"]]
        verify_consistency(old, new, old_root, new_root, path)


def sha256(data):
    return hashlib.sha256(data).hexdigest()
