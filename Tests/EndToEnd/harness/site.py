"""A log with a target: a `World` whose server replicates into a bucket."""

import time

from .waiting import PATIENCE_SECONDS, check, eventually
from .world import CONFIG, NAMES, World, done

# What a probe says that came after the end of the lock that it tried.
TOO_LATE = "was tried too late"
# Quick enough for tests; what is not here is as in production.
REPLICATION = {"journalMilliseconds": 200, "probeLockSeconds": 4}


def replication(**keys):
    """The part of a configuration; an empty text without keys."""
    rows = "".join(f"  {name}: {value}\n" for name, value in keys.items())
    return f"replication:\n{rows}" if rows else ""


class Site(World):
    """`bucket`: where the copy goes; `endpoint`: how the server gets there, if not directly.

    `keys`: of the configuration's `replication`. `add`: whether the target is added at once.
    Without `names` the log has no tokens, and everybody may do what an admin may.
    """

    def __init__(
        self, env, bucket, keys=None, endpoint=None, prefix="", add=True, target="second",
        config=CONFIG, names=NAMES, credentials=None, **options
    ):  # fmt: skip
        self.bucket, self.target, self.prefix = bucket, target, prefix
        self.endpoint = endpoint or bucket.store.endpoint
        self.credentials = credentials or bucket.store.credentials(env)
        self.keys = {**REPLICATION, **(keys or {})}
        config += replication(**self.keys)
        super().__init__(env, names, config=config, **options)
        if add:
            self.add()

    def serve(self, **options):
        options["env"] = {**self.credentials, **(options.get("env") or {})}
        super().serve(**options)
        if not self.clients:
            self.clients = {name: self.server.client() for name in NAMES}
            vars(self).update(self.clients)
        return self.server

    def client(self, name, timeout=180):
        """Another client of that person, for a thread of its own."""
        return self.server.client(timeout=timeout, token=self.people.tokens.get(name))

    def command(self, *arguments, **options):
        """The command line as `boss`, or as anybody where there are no tokens."""
        if "boss" in self.people.tokens:
            return self.run("boss", *arguments, **options)
        own = {"STRONGROOM_SERVER": self.server.url}
        return self.env.run(*arguments, **options, env={**own, **options.pop("env", {})})

    @property
    def place(self):
        """Where the copy is, as `restore` is told."""
        store = self.bucket.store
        found = ["--bucket", self.bucket.name, "--endpoint", store.endpoint]
        found += ["--region", store.region, "--path-style"]
        return [*found, "--prefix", self.prefix] if self.prefix else found

    @property
    def description(self):
        store = self.bucket.store
        return {
            "name": self.target,
            "bucket": self.bucket.name,
            "endpoint": self.endpoint,
            "region": store.region,
            "pathStyle": True,
            "prefix": self.prefix or None,
            "retentionProfile": "retention",
        }

    def add(self, **changes):
        """Adds the target. A machine that stalls may miss the short locks of the probe, which the
        server says: then it is asked again, as a person would.
        """
        for _ in range(4):
            reply = self.boss.post("/v1/targets", **{**self.description, **changes})
            if TOO_LATE not in reply.detail:
                break
            self.env.note(f"the probe came too late: {reply.detail}")
        return done(reply)

    def acknowledged(self, body, name, key):
        """Pushes until it is acknowledged: a phase may wait for the bucket longer than it may."""
        reply = eventually(
            lambda: (r := self.writer.put(body, name, key=key)).status in (200, 201) and r,
            lambda: f"{name} is never acknowledged: {self.status()}\n{self.server.log(8)}",
        )
        return reply.json["index"]

    # --- how it stands ---

    def at(self, action="", target=None):
        return f"/v1/targets/{target or self.target}" + (f"/{action}" if action else "")

    def status(self, target=None):
        reply = self.auditor.get(self.at(target=target))
        check(reply.status == 200, lambda: f"target: {reply}")
        return reply.json

    def wait(self, seconds=PATIENCE_SECONDS, target=None):
        """Closes packs; returns when all that is acknowledged is verified there."""
        deadline = time.monotonic() + seconds
        while True:
            left = max(0, min(60, int(deadline - time.monotonic())))
            reply = self.boss.post(self.at("wait", target), seconds=left)
            check(reply.status == 200, lambda: f"wait: {reply}")
            if reply.json["done"]:
                return reply.json["target"]
            check(
                time.monotonic() < deadline,
                lambda: f"not complete after {seconds} s: {reply}\n{self.server.log(8)}",
            )

    def wait_replicated(self, size=None):
        """Until so many records, or all, stand in the bucket; no pack is closed for it."""
        size = self.auditor.tree_size() if size is None else size
        return eventually(
            lambda: (s := self.status())["replicated"] >= size and s,
            lambda: f"not replicated up to {size}: {self.status()}\n{self.server.log(8)}",
        )  # fmt: skip

    def wait_settled(self):
        """Until what is pending is in force, and what is erased is purged."""
        self.wait()
        return eventually(
            lambda: (s := self.status())["pending"] == 0 and s["unpurged"] == 0 and s,
            lambda: f"still pending or not purged: {self.status()}\n{self.server.log(8)}",
        )  # fmt: skip

    def phase(self, phase, status=201):
        reply = self.boss.post(self.at("phase"), phase=phase, reason="a test")
        check(reply.status == status, lambda: f"phase {phase}: {reply}\n{self.server.log(8)}")
        return reply

    def reconcile(self, repair=False):
        with self.client("boss", timeout=300) as boss:
            return done(boss.post(self.at("reconcile"), repair=repair), 200).json

    def copy(self, complete=True, **options):
        """The second opinion on the bucket, which must agree with the server's own log."""
        short = "journalLockSeconds" in self.keys
        options = {"target": self.target, "prefix": self.prefix, "lapsing": short, **options}
        if not complete:
            return self.bucket.copy(self.key, complete=False, **options)
        while True:
            size = self.auditor.tree_size()
            self.wait()
            try:
                return self.bucket.copy(self.key, complete=True, size=size, **options)
            except AssertionError:
                # The server purges, and writes records of its own: what is read while that goes on
                # is in motion, and means nothing.
                time.sleep(2)
                if self.auditor.tree_size() == size:
                    raise

    def requests(self):
        """How many requests the server has sent to the target."""
        return self.status()["statistics"]["requests"]
