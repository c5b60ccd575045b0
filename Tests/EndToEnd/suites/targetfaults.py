"""The way to the bucket goes wrong during load: nothing is lost, nothing stands there twice.

One store per fault; the matrix of stores, faults and phases is for `make soak`.
"""

import time

from harness import cases, check, eventually, settings, stores
from harness.site import Site
from harness.workload import Load, Receipts

SECONDS = 170
STORES = stores.NAMES
# Attempts end soon and the breaker tries again soon: the faults need not last long.
KEYS = {
    "attemptMilliseconds": 800,
    "connectMilliseconds": 800,
    "retryBaseMilliseconds": 30,
    "retryMaximumMilliseconds": 200,
    "breakerFaults": 3,
    "breakerOpenMilliseconds": 300,
    "breakerMaximumMilliseconds": 1000,
}
FAULTY_SECONDS = 5.0 if settings.soak else 1.5
# So late comes a request that we have given up: after all that came after it.
LATE_SECONDS = 30 if settings.soak else 15
WRITES = {"method": "PUT"}

# fault -> rules of the proxy; whether so many come in a row that the breaker opens
FAULTS = {
    "503": ([{"fault": "status", "code": 503}], True),
    "reset": ([{"fault": "reset"}], True),
    "truncate": ([{"fault": "truncate", "bytes": 40, "method": "GET"},
                  {"fault": "truncate", "bytes": 0, "method": "PUT", "count": 30}], False),
    "black-hole": ([{"fault": "black-hole"}], True),
    "lost-reply": ([{"fault": "lost-reply", **WRITES}], False),
    "corrupt-request": ([{"fault": "corrupt-request", **WRITES, "count": 8}], False),
}  # fmt: skip


class Faulty:
    """A site behind a proxy, and clients that push all the time."""

    def __init__(self, env, bucket, keys=None, phase="local"):
        self.env, self.proxy = env, stores.FaultProxy(env, bucket.store)
        self.site = Site(
            env, bucket, {**KEYS, **(keys or {})}, endpoint=self.proxy.endpoint, names=()
        )
        if phase != "local":
            self.site.phase(phase)
        self.receipts = Receipts()

    def load(self, tag, clients=3):
        return Load(self.site.server, self.receipts, tag, clients, large_share=0.005, pause=0.004)

    def during(self, rules, opens=False, acknowledges=True, seconds=FAULTY_SECONDS):
        """Load before, while and after the rules hold; the status in the middle of it.

        They hold until some requests have met them, and until the breaker has opened, if it must.
        """
        with self.load("load") as load:
            load.wait_for_more()
            self.proxy.forget()
            self.proxy.rules(*rules)
            before = len(self.receipts)
            time.sleep(seconds)
            if acknowledges:
                load.wait_for_more()
            eventually(self.meet, "no request has met the fault")
            if opens:
                eventually(
                    lambda: self.site.status()["statistics"]["circuitOpenings"],
                    lambda: f"the breaker never opened: {self.site.status()}",
                )
            self.within = len(self.receipts) - before
            middle = self.site.status()
            self.meet()
            self.proxy.rules()
            load.wait_for_more()
        return middle

    def meet(self):
        self.met = [row for row in self.proxy.log() if row["fault"]]
        return self.met

    def check_nothing_lost(self):
        """Every receipt holds, the lag drains, the bucket has all of it once."""
        site = self.site
        started = time.monotonic()
        site.wait()
        drained = time.monotonic() - started
        check(not self.receipts.unanswered, lambda: f"{self.receipts.unanswered[:3]}")
        self.receipts.verify(site.server, site.key, 60, self.env.random)
        eventually(
            lambda: (s := site.status())["lagRecords"] == 0 and s["health"] == "running"
            and s["statistics"]["circuit"] == "closed",
            lambda: f"it does not recover: {site.status()}",
        )  # fmt: skip
        copy = site.copy()
        size = site.auditor.tree_size()
        site.stop()
        self.env.fsck(site.data)
        return copy, size, drained


@cases(*FAULTS)
def test_a_fault_during_load(env, fault):
    run_fault(env, "seaweedfs", fault, "local")


def run_fault(env, store, fault, phase):
    rules, opens = FAULTS[fault]
    faulty = Faulty(env, stores.shared(store).bucket(env), phase=phase)
    middle = faulty.during(rules, opens, acknowledges=phase == "local")
    if phase == "local":
        check(not faulty.receipts.refused, lambda: f"refused: {faulty.receipts.refused[:3]}")
    if opens:
        check(middle["statistics"]["faults"] > 0, f"{middle}")
        check(middle["statistics"]["repetitions"] > 0, f"{middle}")
    copy, size, drained = faulty.check_nothing_lost()
    env.note(
        f"{store}, {phase}: {len(faulty.met)} requests met it, {faulty.within} acknowledged "
        f"meanwhile of {size} records; drained {drained:.1f} s after; {dict(copy.kinds)}"
    )


def test_requests_that_come_late(env):
    """The store gets requests long after we have given them up and gone on."""
    faulty = Faulty(env, stores.shared("seaweedfs").bucket(env))
    rules = [{"fault": "delay", "seconds": LATE_SECONDS, "count": 12}]
    faulty.during(rules, seconds=3)
    check(not faulty.receipts.refused, lambda: f"refused: {faulty.receipts.refused[:3]}")
    faulty.site.wait()
    faulty.site.copy()
    late = max(row["time"] for row in faulty.met) + LATE_SECONDS + 1
    with faulty.load("after", clients=1):
        time.sleep(max(0, late - time.time()))
    arrived = [row for row in faulty.proxy.log() if row["fault"] == "delay" and row["status"]]
    faulty.check_nothing_lost()
    env.note(f"{len(faulty.met)} delayed, {len(arrived)} answered late by the store")


def test_the_store_is_killed(env):
    store = stores.own(env)
    faulty = Faulty(env, store.bucket(env))
    with faulty.load("load") as load:
        load.wait_for_more()
        store.process.kill()
        time.sleep(1)
        load.wait_for_more()
        eventually(
            lambda: faulty.site.status()["health"] != "running",
            lambda: f"it does not notice: {faulty.site.status()}",
        )
        load.wait_for_more()
        store.process.start()
        load.wait_for_more()
    check(not faulty.receipts.refused, lambda: f"refused: {faulty.receipts.refused[:3]}")
    _, size, drained = faulty.check_nothing_lost()
    env.note(f"{size} records; drained {drained:.1f} s after")


def test_our_server_is_killed(env):
    """Again and again, at any moment of a journal, a pack or the register."""
    faulty = Faulty(env, stores.shared("seaweedfs").bucket(env), {"packSeconds": 1})
    site = faulty.site
    for number in range(12 if settings.soak else 4):
        with Load(site.server, faulty.receipts, f"run{number}", 3, 0.01, 0.004) as load:
            load.wait_for_more(1)
            time.sleep(env.random.uniform(0.3, 1.5))
            site.kill()
            load.join()
        faulty.receipts.unanswered.clear()
        site.serve()
        site.wait_replicated()
    check(not faulty.receipts.refused, lambda: f"refused: {faulty.receipts.refused[:3]}")
    _, size, _ = faulty.check_nothing_lost()
    env.note(f"{size} records, {len(faulty.receipts)} acknowledged")


def test_dual_waits_and_the_retry_gets_the_same_receipt(env):
    """Without the bucket nothing is acknowledged in `dual`; what was sent is there once."""
    keys = {"acknowledgementSeconds": 1}
    faulty = Faulty(env, stores.shared("seaweedfs").bucket(env), keys, "dual")
    site = faulty.site
    first = site.acknowledged(b"before", "before", key="k0")
    faulty.proxy.rules({"fault": "status", "code": 503})
    reply = site.writer.put(b"body", "n", key="k1")
    check(reply.status == 503 and reply.problem == "copy-pending", f"{reply}")
    check(reply.headers.get("Retry-After"), "no Retry-After")
    again = site.writer.put(b"body", "n", key="k1")
    check(again.status == 503, f"a retry is acknowledged without the copy: {again}")
    check(site.auditor.payload(first).body == b"before", "reads have stopped")
    faulty.proxy.rules()
    index = site.acknowledged(b"body", "n", key="k1")
    journals = site.bucket.versions("journal/")
    ends = [int(v.key[8:24]) + int(v.key[25:].split(".")[0]) for v in journals]
    check(max(ends) > index, f"{index} is acknowledged and not in {ends}")
    check(site.auditor.tree_size() == index + 1, "the retries have made records")
    faulty.check_nothing_lost()


def test_a_bucket_that_is_silent_at_the_start(env):
    """In `local` the server starts without its bucket, and the copy follows when it is back."""
    faulty = Faulty(env, stores.shared("seaweedfs").bucket(env), {"startSeconds": 2})
    site = faulty.site
    site.put("before")
    site.stop()
    faulty.proxy.rules({"fault": "black-hole"})
    site.serve()
    reply = site.writer.put(b"meanwhile", "meanwhile")
    check(reply.status == 201, f"{reply}")
    eventually(
        lambda: site.status()["health"] == "failing", lambda: f"not failing: {site.status()}"
    )
    faulty.proxy.rules()
    faulty.check_nothing_lost()


def matrix():
    if not settings.soak:
        return ["seaweedfs 503 dual"]
    return [f"{s} {f} {p}" for s in stores.NAMES for f in FAULTS for p in ("local", "dual")]


@cases(*matrix())
def test_the_matrix(env, case):
    """radosgw ignores conditions and checksums: what it has twice, the server must have noticed."""
    store, fault, phase = case.split()
    if store == "radosgw" and fault in ("lost-reply", "corrupt-request"):
        run_unconditional(env, fault, phase)
    else:
        run_fault(env, store, fault, phase)


def run_unconditional(env, fault, phase):
    faulty = Faulty(env, stores.shared("radosgw").bucket(env), phase=phase)
    faulty.during(FAULTS[fault][0], acknowledges=phase == "local")
    site = faulty.site
    site.wait()
    versions = {}
    for version in site.bucket.versions():
        versions.setdefault(version.key, []).append(version)
    twice = {k for k, v in versions.items() if len(v) > 1 and k != "log/checkpoint"}
    said = site.server.log(100_000)
    findings = site.reconcile()["findings"]
    for key in twice:
        noticed = key in said or any(key in row["what"] for row in findings)
        check(noticed, f"{key} stands there twice, and nobody has noticed")
    env.note(f"{len(twice)} objects of {len(versions)} stand there twice")
