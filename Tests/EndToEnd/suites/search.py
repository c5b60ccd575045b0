"""Search over index runs: right whatever happens to them, checkable, and fast at size."""

import collections
import json
import os
import shutil
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode
from urllib.request import urlopen

from harness import cases, check, eventually, settings
from harness.client import tar
from harness.workload import filling

SECONDS = 35
# Small primes, so that each condition meets records of all ages.
DIGESTS, DIRECTORIES, LABELS = 61, 31, 23


class Stock:
    """What was appended, and what each search must find of it."""

    def __init__(self):
        self.digest, self.directory, self.label = (collections.defaultdict(list) for _ in range(3))
        self.all, self.digests = [], {}

    def grow(self, client, count, batch=500):
        """A batch has one label; names and payloads go round."""
        start = len(self.all)
        for first in range(start, start + count, batch):
            numbers = range(first, min(first + batch, start + count))
            label = (first // batch) % LABELS
            files = [
                (f"d{number % DIRECTORIES}/f{number}", filling(number % DIGESTS, 60))
                for number in numbers
            ]
            query = urlencode({"label": f"build={label}"})
            reply = client.request(
                "POST",
                f"/v1/collections/bulk/evidence/batch?{query}",
                tar(files),
                {"Content-Type": "application/x-tar"},
            )
            check(reply.status == 201, lambda: f"a batch was refused: {reply}")
            for number, receipt in zip(numbers, reply.json["receipts"]):
                index = receipt["index"]
                self.all.append(index)
                self.digest[number % DIGESTS].append(index)
                self.directory[number % DIRECTORIES].append(index)
                self.label[label].append(index)
                if number < DIGESTS:
                    record = json.loads(receipt["record"])
                    self.digests[number] = record["payload"]["sha256"]

    def questions(self, random, count):
        """Queries with what they must find: many records of all ages, one, or none."""
        for _ in range(count):
            digest, label = random.choice(list(self.digest)), random.choice(list(self.label))
            directory = random.choice(list(self.directory))
            yield "digest", {"digest": self.digests[digest]}, self.digest[digest]
            yield "prefix", {"prefix": f"d{directory}/"}, self.directory[directory]
            yield "label", {"label": f"build={label}"}, self.label[label]
            # No other name begins so.
            number = random.randrange(len(self.all) // 10 + 1, len(self.all))
            name = f"d{number % DIRECTORIES}/f{number}"
            yield "one name", {"prefix": name}, [self.all[number]]
            yield "no digest", {"digest": random.randbytes(32).hex()}, []
            yield "no label", {"label": f"build={LABELS}"}, []


def pages(client, query, limit=100, before=None, most=1000):
    """All results; the pages' ranges must follow each other down to record 0."""
    found, cursor, below = [], before, None
    for _ in range(most):
        extra = {} if cursor is None else {"cursor": str(cursor)}
        reply = client.search(limit=limit, **query, **extra)
        check(reply.status == 200, lambda: f"{query}: {reply}")
        page = reply.json
        looked = page["range"]
        expected = below if below is not None else before or page["treeSize"]
        check(looked["before"] == expected, lambda: f"{query}: {looked}, expected {expected}")
        indexes = [entry["index"] for entry in page["entries"]]
        check(all(looked["from"] <= n < looked["before"] for n in indexes), f"{looked} {indexes}")
        found += indexes
        below, cursor = looked["from"], page.get("cursor")
        if cursor is None:
            check(below == 0, f"{query}: the last page ends at {below}")
            return found
    return found


def expect_equal(client, stock, random, count):
    for _, query, expected in stock.questions(random, count):
        limit = random.choice([7, 100, 1000])
        before = random.choice([None, random.choice(stock.all)])
        expected = [n for n in reversed(expected) if before is None or n < before]
        found = pages(client, query, limit, before, most=4)
        check(found == expected[: len(found)], lambda: f"{query}: {found[:9]}, {expected[:9]}")
        check(len(found) >= min(len(expected), limit), f"{query}: {len(found)} results")


def runs_of(data):
    return sorted(path.name for path in (data / "catalog" / "runs").glob("*.run"))


def wait_for_runs(server, data, height=8, patience=900):
    """Waits until all full segments are sealed and in runs, and no sixteen wait to be merged."""
    with server.client() as client:
        full = client.tree_size() >> height

    def done():
        sealed = len(list((data / "segments").glob("*/log.mdb")))
        groups, covered = collections.Counter(), 0
        for name in runs_of(data):
            level, number = map(int, name.removesuffix(".run").split("-"))
            groups[level, number // 16] += level < 4
            covered += 1 << (8 + 4 * level)
        expected = full >> (0 if height == 16 else 4) << (height if height == 16 else 12)
        return sealed >= full and covered == expected and max([0, *groups.values()]) < 16

    eventually(done, "runs are not made", patience)


def test_results_stay_equal_through_kills_and_without_a_catalog(env):
    """Kills come while runs are made and merged; each start goes on with what is whole."""
    data = env.init(height=8)
    server = env.serve(data)
    stock = Stock()
    for round in range(4):
        with server.client() as client:
            stock.grow(client, settings.search_records // 4)
            expect_equal(client, stock, env.random, 4)
        server.kill()
        if round == 1:
            shutil.rmtree(data / "catalog")
        server = env.serve(data)
        with server.client() as client:
            expect_equal(client, stock, env.random, 6)
    wait_for_runs(server, data)
    with server.client() as client:
        expect_equal(client, stock, env.random, 10)
    runs = runs_of(data)
    check(runs, "there is no run")
    check(len(runs) <= 15 * 4, f"{runs}")
    check(not list((data / "catalog" / "runs").glob("*.tmp")), "a merge left something")
    server.terminate()
    env.fsck(data)


def test_damage_in_a_run_costs_no_result(env):
    data = env.init(height=8)
    server = env.serve(data)
    stock = Stock()
    with server.client() as client:
        stock.grow(client, 4500)
    wait_for_runs(server, data)
    server.terminate()
    run = data / "catalog" / "runs" / runs_of(data)[0]
    before = run.read_bytes()
    changed = bytearray(before)
    changed[40] ^= 1
    os.chmod(run, 0o640)
    run.write_bytes(changed)
    result = env.fsck(data, expect=1)
    check(b"catalog/runs" in result.stdout, f"{result.stdout}")
    server = env.serve(data)
    with server.client() as client:
        check(pages(client, {"collection": "bulk"}, 1000) == stock.all[::-1], "results differ")
        expect_equal(client, stock, env.random, 5)
    eventually(lambda: run.exists() and run.read_bytes() == before, "it is not made anew")
    check("index.damaged" in server.log(200), server.log())
    server.terminate()
    env.fsck(data)


class Forger:
    """Stands between a client and a server, and changes what a search says."""

    def __init__(self, env, url):
        self.change = lambda page: page
        forger = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                try:
                    reply = urlopen(url + self.path, timeout=60)
                    status, body = reply.status, reply.read()
                except OSError as error:
                    status, body = error.code, error.read()
                if self.path.startswith("/v1/search"):
                    body = json.dumps(forger.change(json.loads(body))).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        env.defer(self.server.server_close)
        env.defer(self.server.shutdown)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


def test_a_search_can_be_checked(env):
    data = env.init(height=8)
    key = env.key_of(data)
    server = env.serve(data)
    stock = Stock()
    with server.client() as client:
        stock.grow(client, 300, batch=20)
        reply = client.search(collection="bulk", limit=100).json
        numbers = [entry["sequence"] for entry in reply["entries"]]
        span = reply["range"]["sequences"]
        check(numbers == list(range(span["last"], span["first"] - 1, -1)), f"{span} {numbers}")
        check(span["last"] == 300, f"{span}")
    forger = Forger(env, server.url)
    query = ("--collection", "bulk", "--label", "build=3", "--prefix", "d2")

    def look(*arguments, expect=0):
        words = ("list", "--verify", "--key", key, "--server", forger.url, *arguments)
        return env.run(*words, expect=expect)

    result = look(*query)
    expected = {n for n in stock.label[3]} & {
        n for d in stock.directory if str(d).startswith("2") for n in stock.directory[d]
    }
    lines = [line for line in result.stdout.decode().split("\n") if line[:1].isdigit()]
    check([int(line.split()[0]) for line in lines] == sorted(expected)[::-1], f"{lines}")
    check(b"verified: these are all results" in result.stdout, f"{result.stdout}")
    found = json.loads(look(*query, "--json").stdout.decode().strip().split("\n")[-1])
    check(found["verified"] is True and found["results"] == len(expected), f"{found}")
    victim = min(expected)

    def without(page):
        page["entries"] = [e for e in page["entries"] if e["index"] != victim]
        return page

    def renamed(page):
        for entry in page["entries"]:
            if entry["index"] == victim:
                entry["name"] = "another"
        return page

    def shorter(page):
        page["range"]["from"] += 1
        return page

    def unsigned(page):
        page["checkpoint"] = page["checkpoint"].replace("\n\n", "\n\nx", 1)
        return page

    changes = ((renamed, str(victim)), (shorter, "first record"), (unsigned, "signature"))
    for change, word in changes:
        forger.change = change
        text = look(*query, expect=1)
        check(word in (text.stdout + text.stderr).decode(), f"{change.__name__}: {text}")
    # Left out of the narrow search only, then of all searches.
    calls = []

    def once(page):
        calls.append(1)
        return without(page) if len(calls) == 1 else page

    for change, word in ((once, f"record {victim}: it matches"), (without, "MISSING")):
        forger.change = change
        text = look(*query, expect=1)
        check(word in text.stdout.decode(), f"{change.__name__}: {text.stdout} {text.stderr}")
    env.run("list", "--verify", "--key", key, "--server", server.url, expect=2)
    env.run("list", "--verify", "--collection", "bulk", "--server", server.url, expect=2)


# --- at size --------------------------------------------------------------------------------------


def forget(data):
    """Lets the system forget the log's files, as after a restart of the machine."""
    for path in data.rglob("*"):
        if path.is_file():
            file = os.open(path, os.O_RDONLY)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)


def quantiles(times):
    ordered = sorted(times)
    return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)]


def measure(env, server, stock, name):
    """Milliseconds (p50, p95) of each kind of question, first and again.

    Of twenty questions the slowest alone would be the 95th percentile.
    """
    rounds = 200 if settings.soak else 20
    questions = list(stock.questions(env.random, rounds))
    figures = {}
    with server.client() as client:
        client.get("/healthz")
        for turn in ("first", "again", "again"):
            times = collections.defaultdict(list)
            for kind, query, expected in questions:
                began = time.perf_counter()
                reply = client.search(limit=100, **query)
                times[kind].append((time.perf_counter() - began) * 1000)
                found = [entry["index"] for entry in reply.json["entries"]]
                check(found == expected[-100:][::-1], f"{query}")
            for kind, values in times.items():
                figures[kind, turn] = quantiles(values)
    for (kind, turn), (median, high) in figures.items():
        env.note(f"{name}: {kind} {turn}: p50 {median:.1f} ms, p95 {high:.1f} ms")
    return figures


def build(env, height, count):
    data = env.init(height=height)
    server = env.serve(data)
    stock = Stock()
    with server.client(timeout=600) as client:
        stock.grow(client, count, batch=1000)
    began = time.monotonic()
    wait_for_runs(server, data, height)
    later = time.monotonic() - began
    env.note(f"{count:,} records, height {height}: runs done {later:.0f} s later")
    server.terminate()
    log = sum(path.stat().st_size for path in (data / "segments").rglob("*.mdb"))
    runs = sum(path.stat().st_size for path in (data / "catalog" / "runs").glob("*"))
    files = len(runs_of(data))
    env.note(f"runs {runs / 2**20:.0f} MiB, {files} files; segments {log / 2**20:.0f} MiB")
    return data, stock


def expect_fast(figures, limit, again):
    if not settings.soak:
        return
    for (kind, turn), (_, high) in figures.items():
        bound = limit if turn == "first" else again
        check(high < bound, f"{kind} {turn}: p95 {high:.1f} ms, not under {bound}")


@cases(16, 8)
def test_pages_of_a_hundred_are_fast(env, height):
    """Timed in the soak only."""
    data, stock = build(env, height, settings.search_large_records)
    forget(data)
    server = env.serve(data)
    expect_fast(measure(env, server, stock, f"height {height}"), 20, 5)


def test_many_segments(env):
    """In the soak 4,000,000 records in 15,625 segments, and timed."""
    data, stock = build(env, 8, settings.search_segment_records)
    forget(data)
    server = env.serve(data)
    env.note(
        f"{settings.search_segment_records:,} records: start {server.start_seconds:.2f} s, "
        f"{server.open_file_count} open files, {server.status('VmRSS') / 2**20:.0f} MiB"
    )
    figures = measure(env, server, stock, "many segments")
    env.note(f"then {server.open_file_count} open files, {server.status('VmRSS') / 2**20:.0f} MiB")
    check(server.open_file_count < 1000, f"{server.open_file_count} open files")
    expect_fast({k: v for k, v in figures.items() if k[0] == "digest"}, 50, 50)
    server.terminate()
    started = env.serve(data)
    env.note(f"start with files in memory: {started.start_seconds:.2f} s")
    if settings.soak:
        check(started.start_seconds < 2, f"a start takes {started.start_seconds:.2f} s")
