"""System calls that fail under the server: no receipt is given for what did not reach the disk.

The errors are injected by strace, once: the next call of the same kind works again, as it does on
a real disk that has lost a page. A server that went on would sign over a hole.
"""

import shutil
import subprocess
import time

from harness import Skip, cases, check, eventually
from harness.server import ends_by_itself
from harness.workload import Load, Receipts

SECONDS = 18

# Which call fails, with what, whether the server must end because of it, and the latest call of a
# thread that is picked: seldom made ones early.
FAULTS = {
    "fdatasync EIO": ("fdatasync", "EIO", True, 40),
    "fdatasync ENOSPC": ("fdatasync", "ENOSPC", True, 40),
    "pwrite64 EIO": ("pwrite64", "EIO", True, 40),
    "pwrite64 ENOSPC": ("pwrite64", "ENOSPC", True, 40),
    # Of a payload file: the end. Of a directory at a seal: tried again.
    "fsync EIO": ("fsync", "EIO", None, 6),
    "rename EIO": ("rename,renameat,renameat2", "EIO", None, 4),
    "unlink EIO": ("unlink,unlinkat", "EIO", None, 2),
    "openat EMFILE": ("openat", "EMFILE", None, 6),
    "openat EIO": ("openat", "EIO", None, 6),
    "mmap ENOMEM": ("mmap", "ENOMEM", None, 3),
    "accept EMFILE": ("accept,accept4", "EMFILE", False, 2),
}


class Tracer:
    """strace, attached to a running server: in each thread one call of a kind fails."""

    def __init__(self, env, server, calls, error, when):
        if not shutil.which("strace"):
            raise Skip("strace is not installed")
        self.output = env.path("trace")
        self.process = subprocess.Popen(
            ["strace", "-f", "-p", str(server.process.pid), "-o", str(self.output)]
            + ["-e", f"trace={calls}", "-e", f"inject={calls}:error={error}:when={when}"],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        env.defer(self.close)
        line = self.process.stderr.readline().decode()
        if "attached" not in line:
            raise Skip(f"strace cannot attach: {line}")

    @property
    def injected(self):
        return self.output.read_text(errors="replace").count("(INJECTED)")

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stderr.close()


@cases(*FAULTS)
def test_a_failing_call_costs_no_receipt(env, name):
    calls, error, ends, latest = FAULTS[name]
    data = env.init(height=8)
    key = env.key_of(data)
    receipts = Receipts()
    when = env.random.randrange(1, latest + 1)
    server = env.serve(data)
    tracer = Tracer(env, server, calls, error, when)
    with Load(server, receipts, "a", clients=6, large_share=0.1) as load:
        eventually(
            lambda: tracer.injected or not server.running,
            f"{name} did not happen: no thread made so many of these calls",
        )
        time.sleep(0.5)
        load.stop.set()
        if ends:
            eventually(lambda: not server.running, lambda: f"it goes on:\n{server.log()}")
    check(tracer.injected, f"it ended before {name}:\n{server.log()}")
    injected = tracer.injected

    def go_on():
        tracer.close()
        receipts.verify(server, key, 100, env.random)

    ended = ends_by_itself(server, go_on)
    if ended:
        check(ends is not False, lambda: f"it ended because of {name}:\n{server.log()}")
        code = server.wait()
        check(code in (1, 6), lambda: f"it ended with {code}:\n{server.log()}")
        check("error" in server.log().lower(), f"it ended without a reason:\n{server.log()}")
    else:
        # Other threads may have had their failing call since.
        injected = tracer.injected
        server.terminate()
    others = [r for _, r in receipts.refused if r.status not in (500, 503, 507)]
    check(not others, lambda: f"refused with {others[:3]}")
    held = len(receipts)
    server = env.serve(data)
    settled = receipts.settle(server, key)
    receipts.verify(server, key)
    server.terminate()
    env.fsck(data)
    env.note(
        f"call {when} failed {injected} times; the server "
        f"{'ended' if ended else 'went on'}; {held} receipts verified; sent again: {settled}"
    )
