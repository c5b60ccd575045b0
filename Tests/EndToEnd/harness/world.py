"""A log with a principal of each kind and a server on it, and how its answers are judged."""

import datetime
import json

from log_words import milliseconds
from verify_receipt import verify_receipt

from .audit import agree, audit
from .waiting import check, eventually
from .people import People
from .settings import settings

CONFIG = "retention:\n  mode: governance\n  minimum: 1s\n  default: 30d\n  maximum: 100y\n"
NAMES = ("boss", "writer", "auditor", "keeper", "breaker")


class World:
    """A log, its principals, and a server on it; each client is a member by its name.

    `faked`: the clock of all its processes; `serve` can start a server with another one.
    """

    def __init__(
        self, env, names=NAMES, config=CONFIG, height=16, at=None, others=None, faked=None, **init
    ):
        self.env, self.data = env, env.init(height=height, at=at, env=faked, **init)
        self.key = env.key_of(self.data)
        self.people = People(env, self.data, *names, others=others, faked=faked)
        self.config = env.write("strongroom.yaml", config)
        self.server = None
        self.serve(env=faked)

    def serve(self, **options):
        """Starts the server (anew)."""
        self.stop()
        self.server = self.env.serve(self.data, "--config", self.config, **options)
        self.clients = self.people.clients(self.server)
        vars(self).update(self.clients)
        return self.server

    def stop(self):
        """Ends the server in order, if it runs."""
        if self.server is not None and self.server.running:
            check(self.server.terminate() == 0, self.server.log)

    def kill(self):
        self.server.kill()

    def put(self, name="n", collection="payments", body=b"a payload", **query):
        """Pushes one and returns its index and its record."""
        reply = self.writer.put(body, name, collection, **query)
        check(reply.status == 201, lambda: f"put {query}: {reply}")
        receipt = verify_receipt(reply.body, self.key, body)
        return receipt["index"], receipt["_record"]

    def lock(self, index):
        reply = self.auditor.lock(index)
        check(reply.status == 200, lambda: f"lock of {index}: {reply}")
        return reply.json["lock"]

    def wait_until_released(self, *indexes):
        """Until the clock that releases is past the ends of these records' locks.

        That is the earlier of both clocks, and a lock stands in the whole of its last second.
        """
        end = max(milliseconds(self.lock(index)["until"]) for index in indexes)

        def is_over():
            clock = self.auditor.clock().json
            return min(milliseconds(clock["compliance"]), milliseconds(clock["wall"])) > end

        eventually(is_over, lambda: f"still locked: {self.auditor.clock()}")

    def run(self, name, *arguments, **options):
        return self.people.run(self.server, name, *arguments, **options)

    def audit(self, descriptions=None, sample=300):
        """The second opinion on the whole log, compared with what the server says of locks."""
        log = audit(self.auditor, self.key, descriptions, what=self.env.name)
        indexes = list(log.evidence)
        for index in self.env.random.sample(indexes, min(sample, len(indexes))):
            agree(self.auditor, log, index)
        if settings.soak:
            self.monitor_agrees()
        return log

    def monitor_agrees(self):
        """The monitor, from outside, finds that all rules hold."""
        self.run(
            *("auditor", "monitor", "--once", "--key", self.key),
            *("--state", self.env.path("monitor.state")),
            timeout=600,
        )

    def end(self, descriptions=None):
        """The second opinion, an end in order, and the offline check."""
        log = self.audit(descriptions)
        self.stop()
        self.env.fsck(self.data)
        return log


def in_future(**delta):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(**delta)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def refused(reply, *words, status=range(400, 500), slugs=None):
    """A 4xx problem whose detail has each of the words."""
    problem = f"{reply}"
    check(reply.status in status and reply.problem, lambda: f"not refused as such: {problem}")
    for word in words:
        check(word.lower() in reply.detail.lower(), lambda: f"{word!r} is not in: {problem}")
    check(slugs is None or reply.problem in slugs, lambda: f"{reply.problem}: {problem}")
    return reply


def done(reply, status=201):
    check(reply.status == status, lambda: f"{status} was expected: {reply}")
    return reply


def receipts_of(world, reply):
    """The records of the acts that a reply reports, each verified."""
    value = reply.json
    receipts = value.get("receipts", [value["receipt"]] if "receipt" in value else [])
    found = [
        verify_receipt(json.dumps(receipt, ensure_ascii=False), world.key) for receipt in receipts
    ]
    check(
        [receipt["index"] for receipt in found] == reply.acts,
        lambda: f"the receipts are not those of the acts: {reply}",
    )
    return [receipt["_record"] for receipt in found]


def refused_all(reply, index, *words):
    """One record of a list was refused, as a whole problem or in the list of the refused."""
    if reply.status < 300:
        check(index in reply.refused, lambda: f"not refused: {reply}")
        problem = reply.refused[index]
        check(400 <= problem["status"] < 500, lambda: f"{reply}")
        text = problem["detail"]
    else:
        text = refused(reply).detail
    for word in words:
        check(word.lower() in text.lower(), lambda: f"{word!r} is not in: {reply}")
