"""The frame of a random drive on locks: a real server, and the model that it is compared with."""

import datetime
import time

from log_words import EPOCH
from verify_receipt import VerifierKey

from .waiting import check
from .lockmodel import COMPLIANCE, EITHER, GOVERNANCE, YES, Model, Policy
from .people import People

CONFIG = """
retention:
  mode: governance
  minimum: 1s
  default: 3s
  maximum: 1y
"""
COLLECTIONS = ("short", "strict", "events", "hidden")
EVENTS = ("case.closed", "other.event")


def now():
    return int(time.time() * 1000)


def rfc3339(value):
    moment = EPOCH + datetime.timedelta(milliseconds=value)
    return moment.isoformat()[:19] + "Z"


class LockDrive:
    """A server, its principals and the model of it: what the steps of `suites/drive.py` need."""

    def __init__(self, env):
        self.env, self.random = env, env.random
        self.data = env.init(height=8)
        self.key = VerifierKey(env.key_of(self.data))
        self.config = env.write("strongroom.yaml", CONFIG)
        self.people = People(env, self.data, "boss", "writer", "auditor", "keeper", "breaker")
        self.model = Model(Policy(GOVERNANCE, "1s", "3s", "1y", weakest=GOVERNANCE))
        self.descriptions, self.counts, self.outcomes = {}, {}, {}
        self.server = None
        self.restart()
        for collection, policy in {
            "strict": Policy(COMPLIANCE, "1s", "2s", "1d"),
            "events": Policy(GOVERNANCE, "1s", "2s", "30d", event=EVENTS[0]),
            "hidden": Policy(GOVERNANCE, "1s", "2s", "30d", sealed=True),
        }.items():
            reply = self.clients["boss"].set_policy(collection, policy.json)
            check(reply.status in (200, 201), lambda r=reply: f"policy: {r}")
            self.model.policies[collection] = policy
        self.steps = {}

    def restart(self):
        if self.server is not None:
            self.server.kill() if self.random.random() < 0.5 else self.server.terminate()
        self.server = self.env.serve(self.data, "--config", self.config)
        self.clients = self.people.clients(self.server)

    # --- picking ---

    def pick(self, *choices):
        return self.random.choice(choices)

    def who(self, *right):
        """Mostly one who may, now and then one who may not."""
        name = self.random.choice(right)
        if self.random.random() < 0.06:
            name = self.random.choice(sorted(self.clients))
        return name, name in right

    def rows(self, most=1, collection=None):
        """Some rows, newer ones more often, since older ones are mostly erased."""
        indexes = list(self.model.rows)
        if not indexes:
            return []
        found = {}
        for _ in range(self.random.randint(1, most)):
            reach = min(len(indexes), 60 if self.random.random() < 0.8 else len(indexes))
            row = self.model.rows[indexes[-self.random.randint(1, reach)]]
            if collection in (None, row.collection):
                found[row.index] = row
        return list(found.values())

    def count(self, step, outcome):
        key = f"{step}: {outcome}"
        self.outcomes[key] = self.outcomes.get(key, 0) + 1

    def refused(self, reply, what):
        """A refusal is a problem that says something."""
        check(400 <= reply.status < 500, lambda: f"{what}: {reply}")
        check(reply.problem and reply.detail, lambda: f"{what}: no reason: {reply}")

    def judge(self, step, reply, expected, rows, allowed):
        """Compares a reply about several records; returns the rows for which it was done."""
        if not allowed:
            check(reply.status == 403, lambda: f"{step} by one who may not: {reply}")
            self.count(step, "forbidden")
            return []
        done = []
        if reply.status < 300:
            refused = reply.refused
            done = [row for row in rows if row.index not in refused]
            for index, problem in refused.items():
                check(problem.get("detail"), lambda i=index: f"{step} of {i}: no reason: {reply}")
        else:
            self.refused(reply, step)
        for row in rows:
            came, wanted = row in done, expected[row.index]
            check(
                wanted == EITHER or came == (wanted == YES),
                lambda r=row, w=wanted: f"{step} of {r}: {w} was expected: {reply}",
            )
            self.count(step, "done" if came else "refused")
        return done

    def settle(self, collection, begun, ended):
        """After an erasure of all that was due: what was on the edge is asked for."""
        for row in self.model.rows.values():
            if row.collection != collection or row.erased:
                continue
            expected = self.model.due(row, begun, ended)
            if expected == EITHER:
                row.erased = "erased" in self.clients["auditor"].lock(row.index).json
            elif expected == YES:
                row.erased = True
                self.count("erase all", "done")

    # --- the whole ---

    def run(self, steps):
        choices, weights = list(self.steps), list(self.steps.values())
        for number in range(steps):
            self.random.choices(choices, weights)[0]()
            if number % 1000 == 700:
                self.restart()
            check(self.server.running, lambda: self.server.log())
