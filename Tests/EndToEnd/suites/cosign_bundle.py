"""Bundles whose checkpoint witnesses have confirmed; judged natively and by verify.py."""

import json
import subprocess
import sys
import tarfile
import threading

from harness import check
from harness.panel import cosigned_receipt, damaged, panel, voices
from harness.workload import fill

SECONDS = 12
LIMIT_SECONDS = 120


def unpacked(env, path, name):
    folder = env.path(name)
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
    return next(iter(folder.iterdir()))


def test_a_bundle_is_cosigned(env):
    made, server = panel(env)
    with server.client() as client:
        fill(client, 200, collection="payments")
    cosigned_receipt(server, 200)
    made.kill("c")
    path = env.path("b.tar")
    env.run("export", "--collection", "payments", "-o", path, "--server", server.url)
    bundle = unpacked(env, path, "bundle")
    note = (bundle / "checkpoint").read_text()
    check(set(voices(note, made.keys)) == {"a", "b"}, note)
    page = (bundle / "README.html").read_text()
    for words in ("a</th><td>cosigned at 20", "c</th><td>has not cosigned: no answer"):
        check(f"witness {words}" in page, f"{words}:\n{page}")
    policy, keys = made.policy(), made.keys
    good = env.run("verify", path, "--policy", policy)
    check("policy" in good.out and "not by c" in good.out, good.out)
    env.run("verify", path, "--key", made.log_key)
    env.run("verify", path, "--policy", made.policy(needed=3, file="three"), expect=1)

    def verify(*arguments):
        command = [sys.executable, "-I", "verify.py", *map(str, arguments)]
        return subprocess.run(
            command, cwd=bundle, env={}, capture_output=True, text=True, timeout=60, check=False
        )

    good = verify("--policy", policy)
    check(good.returncode == 0 and "not by witness.example/c" in good.stdout, f"{good}")
    good = verify("--key", made.log_key, "--witness", keys["a"], "--witness", keys["b"], "--json")
    found = json.loads(good.stdout)
    check(good.returncode == 0 and len(found["witnesses"]) == 2, f"{good}")
    bad = verify("--key", made.log_key, "--witness", keys["a"], "--witness", keys["c"])
    check(bad.returncode == 1 and "checkpoint" in bad.stdout, f"{bad}")
    check(verify("--policy", env.path("three")).returncode == 1, "three")
    check(verify("--policy", env.path("nowhere")).returncode == 2, "no such file")
    check(verify("--policy", env.write("bad", b"quorum x\n")).returncode == 2, "a bad policy")
    # A claim of a witness that is trusted must be true, also where it is not needed.
    (bundle / "checkpoint").chmod(0o644)
    (bundle / "checkpoint").write_text(damaged(note))
    bad = verify("--policy", made.policy(needed=1, file="one"))
    check(bad.returncode == 1 and "that cosignature is not valid" in bad.stdout, f"{bad}")


def test_a_bundle_of_a_log_that_grows(env):
    """A witness signs no smaller tree: the bundle's checkpoint is of a larger one, then."""
    made, server = panel(env, names=("a",), needed=1)
    with server.client() as client:
        fill(client, 30, collection="payments")
    cosigned_receipt(server, 30)
    stop = threading.Event()

    def write():
        with server.client() as client:
            count = 0
            while not stop.is_set():
                fill(client, 1, tag=f"w{count}", collection="noise")
                count += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for number in range(3):
            path = env.path(f"{number}.tar")
            selection = ("--collection", "payments", "--server", server.url)
            env.run("export", *selection, "-o", path)
            env.run("verify", path, "--policy", made.policy())
            bundle = unpacked(env, path, f"bundle{number}")
            done = subprocess.run(
                [sys.executable, "-I", "verify.py", "--policy", made.policy()],
                cwd=bundle, capture_output=True, text=True, timeout=60, check=False,
            )
            check(done.returncode == 0, f"{done}")
    finally:
        stop.set()
        thread.join()


def test_a_bundle_without_witnesses_says_so(env):
    made, server = panel(env, names=("a", "b"), needed=2)
    with server.client() as client:
        fill(client, 5, collection="payments")
    cosigned_receipt(server, 5)
    for name in ("a", "b"):
        made.kill(name)
    with server.client() as client:
        fill(client, 5, collection="payments", tag="more")
    path = env.path("b.tar")
    env.run("export", "--collection", "payments", "-o", path, "--server", server.url)
    env.run("verify", path, "--key", made.log_key)
    env.run("verify", path, "--policy", made.policy(), expect=1)
    page = (unpacked(env, path, "bundle") / "README.html").read_text()
    check("is not satisfied" in page, page)
