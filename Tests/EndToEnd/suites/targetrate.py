"""What the second copy costs: requests for so many records, and what is left of the rate."""

import json
import time

from harness import check, settings, stores
from harness.site import Site
from harness.workload import fill

SECONDS = 70
LIMIT_SECONDS = 200
STORES = ("seaweedfs",)
REQUESTS_PER_10_000 = 100
BENCH_SECONDS = 20 if settings.soak else 4


def bench(site, seconds=BENCH_SECONDS):
    options = ("--clients", 64, "--size", 1024, "--seconds", seconds, "--json")
    result = site.env.run(
        "bench", *options, "--server", site.server.url, timeout=120, env=site.credentials
    )
    return json.loads(result.out.strip().split("\n")[-1])


def test_rates_and_requests(env):
    # As in production: journal objects at most once a second.
    keys = {"journalMilliseconds": 1000}
    store = stores.shared("seaweedfs")
    site = Site(env, store.bucket(env), keys, names=(), add=False)
    alone = bench(site)
    site.add()
    site.wait(120)
    before, begin = site.requests(), site.auditor.tree_size()
    with_copy = bench(site)
    status = site.status()
    started = time.monotonic()
    site.wait_replicated(seconds=60)
    drained = time.monotonic() - started
    count = site.auditor.tree_size() - begin
    requests = site.requests() - before
    rate = with_copy["recordsPerSecond"]
    share = rate / alone["recordsPerSecond"]
    copied = count / (with_copy["seconds"] + drained)
    env.note(
        f"alone {alone['recordsPerSecond']:.0f}/s (D {alone['fdatasyncPerSecond']:.0f}/s), with a "
        f"copy {rate:.0f}/s: {share:.2f}; meant: 0.7"
    )
    env.note(
        f"the copy: {copied:.0f} records/s; at the end {status['lagRecords']} behind, {drained:.1f}"
        f" s after it was there; meant: 5,000/s"
    )
    per = requests / count * 10_000
    env.note(f"{requests} requests for {count} records: {per:.0f} per 10,000")
    # Generous: the store and the clients share the two cores.
    check(share > 0.35, f"{share:.2f} of the rate without a copy")
    check(copied > 0.5 * rate, f"the copy grows by {copied:.0f}/s")
    if rate >= 1000:
        check(per <= REQUESTS_PER_10_000, f"{per:.0f} requests per 10,000 records")
    check(site.status()["statistics"]["faults"] == 0, f"{site.status()}")
    site.wait(120)
    env.note(f"{site.requests() - before - requests} more requests to close the packs")
    copy = site.copy()
    check(copy.size >= count, f"{copy.size} of {count}")
    site.stop()


def test_every_request_is_counted(env):
    """What the server says that it has sent is what a proxy in between has seen."""
    store = stores.shared("seaweedfs")
    proxy = stores.FaultProxy(env, store)
    site = Site(env, store.bucket(env), endpoint=proxy.endpoint, names=())
    before, seen = site.requests(), len(proxy.log())
    fill(site.writer, 2000, size=1024)
    site.wait()
    time.sleep(0.5)
    asked = proxy.log()[seen:]
    sent = site.requests() - before
    check(len(asked) == sent, f"{sent} counted, {len(asked)} seen")
    kinds = {}
    for row in asked:
        kind = f"{row['method']} {row['target'].split('?')[0].split('/')[2]}"
        kinds[kind] = kinds.get(kind, 0) + 1
    env.note(f"for 2,000 records and their packs: {kinds}")
    # Then a log that gets nothing costs nothing.
    proxy.forget()
    time.sleep(5)
    asked = proxy.log()
    check(len(asked) <= 2, lambda: f"{len(asked)} requests in 5 s: {asked[:5]}")
    env.note(f"{len(asked)} requests in 5 s of doing nothing")
