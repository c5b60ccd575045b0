"""What the second copy costs: requests for so many records, and what is left of the rate."""

import json
import time

from harness import check, eventually, settings, settled, stores
from harness.site import Site
from harness.workload import fill

SECONDS = 40
STORES = ("seaweedfs",)
BENCH_SECONDS = 20 if settings.soak else 1
# A tile and its entries for 256 records; an upload and a look at it for each journal object, at
# most one a second, and a register beside it; some for the packs and what was under way before.
TILE_RECORDS, TILE_REQUESTS = 256, 2
REQUESTS_A_SECOND, OTHER_REQUESTS = 4, 12


def bench(site, seconds=BENCH_SECONDS):
    options = ("--clients", 64, "--size", 1024, "--seconds", seconds, "--json")
    result = site.env.run(
        "bench", *options, "--server", site.server.url, env=site.credentials
    )
    return json.loads(result.out.strip().split("\n")[-1])


def test_rates_and_requests(env):
    # As in production: journal objects at most once a second.
    keys = {"journalMilliseconds": 1000}
    store = stores.shared("seaweedfs")
    site = Site(env, store.bucket(env), keys, names=(), add=False)
    alone = bench(site)
    site.add()
    site.wait()
    started = time.monotonic()
    before, begin = site.requests(), site.auditor.tree_size()
    with_copy = bench(site)
    status = site.status()
    ended = time.monotonic()
    site.wait_replicated()
    drained = time.monotonic() - ended
    count = site.auditor.tree_size() - begin
    requests = site.requests() - before
    seconds = time.monotonic() - started
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
    env.note(f"{requests} requests for {count} records: {per:.0f} per 10,000; meant: 100")
    tiles = (count // TILE_RECORDS + 1) * TILE_REQUESTS
    most = tiles + REQUESTS_A_SECOND * seconds + OTHER_REQUESTS
    check(requests <= most, f"{requests} requests for {count} records in {seconds:.1f} s")
    site.wait()
    env.note(f"{site.requests() - before - requests} more requests to close the packs")
    copy = site.copy()
    check(copy.size >= count, f"{copy.size} of {count}")
    site.stop()


def test_every_request_is_counted(env):
    """What the server says that it has sent is what a proxy in between has seen."""
    store = stores.shared("seaweedfs")
    proxy = stores.FaultProxy(env, store)
    site = Site(env, store.bucket(env), endpoint=proxy.endpoint, names=())
    site.wait()
    # A start counts from nothing, and no request of the server before it is under way any more.
    site.stop()
    settled(lambda: len(proxy.log()), "a server that has ended goes on asking")
    proxy.forget()
    site.serve()
    fill(site.writer, 2000, size=1024)
    site.wait()

    # What was sent last is counted before it is seen: nothing may be under way any more.
    def counts():
        return site.requests(), len(proxy.log())

    eventually(
        lambda: len(set(settled(counts, "an idle server goes on asking"))) == 1,
        lambda: f"counted and seen: {counts()}",
    )
    asked = proxy.log()
    kinds = {}
    for row in asked:
        place = (row["target"].split("?")[0].split("/") + ["the bucket"])[2]
        kind = f"{row['method']} {place}"
        kinds[kind] = kinds.get(kind, 0) + 1
    env.note(f"for 2,000 records and their packs: {kinds}")
    # Then a log that gets nothing costs nothing.
    proxy.forget()
    time.sleep(5)
    asked = proxy.log()
    check(len(asked) <= 2, lambda: f"{len(asked)} requests in 5 s: {asked[:5]}")
    env.note(f"{len(asked)} requests in 5 s of doing nothing")
