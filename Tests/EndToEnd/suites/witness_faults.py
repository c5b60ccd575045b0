"""A witness that is killed, without power, without space, on a failing disk: it never forgets what
it has cosigned, and never cosigns a second history.
"""

import http.client
import os
import shutil
import subprocess
import threading
import time

from harness import Skip, check, eventually, settings
from harness.loopfs import LoopFileSystem
from harness.witness import (
    Feed,
    WitnessServer,
    head,
    make_witness,
    named,
    proof_between,
    run_witness,
    twins,
    verify,
)
from harness.workload import fill

SECONDS = 8


class Pressure:
    """Feeds both histories of a log from threads, and remembers every cosignature given away."""

    def __init__(self, witness, feeds):
        self.witness, self.feeds = witness, feeds
        self.given, self.lock, self.stop = [], threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(n,)) for n in range(len(feeds))]

    def _run(self, number):
        server, old = self.feeds[number], 0
        while not self.stop.is_set():
            try:
                with server.client() as client:
                    fill(client, 1, tag=f"{number}-{time.monotonic_ns()}")
                    note = client.checkpoint().body
                    proof = proof_between(client, old, head(note)[1])
                reply = self.witness.add(old, proof, note)
            except (OSError, http.client.HTTPException):
                continue
            if reply.status == 200:
                old = head(note)[1]
                with self.lock:
                    self.given.append((number, old, head(note)[2], note, reply))
            elif reply.status == 409:
                old = int(reply.body)
            elif reply.status == 429:
                time.sleep(0.05)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()


def check_given(given, key):
    """One history, one root a size, never back."""
    roots, histories = {}, set()
    for number, size, root, note, reply in given:
        verify(reply, note, key)
        check(roots.setdefault(size, root) == root, f"two roots of size {size} were cosigned")
        histories.add(number % 2)
    check(len(histories) <= 1, "both histories were cosigned")


def test_nothing_is_forgotten_when_it_is_killed(env):
    """kill -9 in the middle of it: no fork before, during or after."""
    log_key, one, two = twins(env, common=3)
    with one.client() as client:
        fill(client, 1, tag="truth")
    with two.client() as client:
        fill(client, 1, tag="fiction")
    directory, key = make_witness(env)
    given, largest = [], 0
    for _ in range(settings.kills):
        witness = run_witness(env, directory, log_key)
        if largest:
            size = named(Feed(witness, one).send(0))
            check(size >= largest, f"it cosigned {largest} and remembers {size}")
        with Pressure(witness, [one, two, one, two]) as pressure:
            if not given:
                eventually(lambda: pressure.given, "nothing is cosigned")
            time.sleep(env.random.uniform(0.02, 0.4))
            witness.kill()
        given += pressure.given
        largest = max([largest, *(size for _, size, *_ in pressure.given)])
    check_given(given, key)
    check(given, "nothing was cosigned: the test tests nothing")
    env.note(f"{settings.kills} kills, {len(given)} cosignatures, up to size {largest}")


def test_nothing_is_forgotten_when_the_power_goes(env):
    disk = LoopFileSystem(env, 64)
    log_key, one, two = twins(env)
    directory, key = make_witness(env, at=disk.path("witness"))
    subprocess.run(["sync", "-f", str(disk.mountpoint)], check=True)
    given, largest = [], 0
    for _ in range(max(3, settings.kills // 3)):
        witness = run_witness(env, directory, log_key)
        if largest:
            size = named(Feed(witness, one).send(0))
            check(size >= largest, f"it cosigned {largest} and remembers {size}")
        with Pressure(witness, [one, two]) as pressure:
            if not given:
                eventually(lambda: pressure.given, "nothing is cosigned")
            time.sleep(env.random.uniform(0.1, 0.5))
            disk.cut_power()
            time.sleep(0.1)
        witness.kill()
        disk.unmount()
        disk.mount()
        given += pressure.given
        largest = max([largest, *(size for _, size, *_ in pressure.given)])
    check_given(given, key)
    check(given, "nothing was cosigned: the test tests nothing")
    env.note(f"{len(given)} cosignatures, up to size {largest}")


def fill_up(folder):
    """Takes all the room there is: large files, then smaller ones into what is left."""
    folder.mkdir()
    for size, count in ((65536, 1 << 20), (4096, 1 << 20), (1, 4096)):
        for number in range(count):
            try:
                with open(folder / f"{size}-{number}", "wb", buffering=0) as file:
                    file.write(b"x" * size)
                    if size < 65536:
                        os.fsync(file.fileno())
            except OSError:
                break


def test_a_full_disk_stops_it_and_no_more(env):
    disk = LoopFileSystem(env, 16)
    data = env.init(height=8)
    server = env.serve(data)
    directory, key = make_witness(env, at=disk.path("witness"))
    witness = run_witness(env, directory, env.key_of(data))
    feed = Feed(witness, server)
    verify(feed.send(0), feed.note(), key)
    size = head(feed.note())[1]
    somebody = disk.path("somebody-elses")
    fill_up(somebody)
    with server.client() as client:
        fill(client, 5)
    for _ in range(3):
        reply = feed.send(size)
        check(reply.status == 507 and reply.headers["Retry-After"], f"{reply}")
    check(named(feed.send(0)) == size, "it took over what it could not keep")
    check(witness.running, "it ended")
    shutil.rmtree(somebody)
    eventually(lambda: feed.send(size).status == 200, "there is space, and it does not go on")
    check(witness.terminate() == 0, "it did not end with 0")
    witness = run_witness(env, directory, env.key_of(data))
    check(named(Feed(witness, server).send(0)) == head(feed.note())[1], "it has forgotten")


def test_a_failed_sync_ends_it(env):
    """No cosignature for what may not be on the disk, and none afterwards."""
    if not shutil.which("strace"):
        raise Skip("strace is not installed")
    data = env.init(height=8)
    server = env.serve(data)
    directory, key = make_witness(env)
    note = Feed(None, server).note()
    witness = run_witness(env, directory, env.key_of(data))
    verify(witness.add(0, [], note), note, key)
    check(witness.terminate() == 0, "it did not end with 0")
    size = head(note)[1]
    # The first sync is that of the new file, the second that of its directory.
    for number in (1, 2):
        with server.client() as client:
            fill(client, 1, tag=f"t{number}")
        trace = ["-o", str(env.path("trace")), "-e", "trace=fsync"]
        inject = ["-e", f"inject=fsync:error=EIO:when={number}"]
        witness = WitnessServer(
            env.binary,
            directory,
            [env.key_of(data)],
            wrapper=["strace", "-f", *trace, *inject],
        )
        env.defer(witness.kill)
        witness.start()
        feed = Feed(witness, server)
        reply = feed.send(size)
        check(reply.status == 503, f"sync {number}: {reply}")
        check(witness.wait() == 1, lambda: f"sync {number}:\n{witness.log()}")
        check("could not be made durable" in witness.log(), witness.log())
    witness = run_witness(env, directory, env.key_of(data))
    feed = Feed(witness, server)
    size = named(feed.send(0))
    verify(feed.send(size), feed.note(), key)
