"""The commands that README.md shows, run as they stand there."""

import os
import re
import shutil
import subprocess

from harness import ROOT, Skip, check

SECONDS = 4

# These are run by `make test` itself, or belong to the machine that somebody clones to.
NOT_HERE = re.compile(r"^\s*(make|git|cd|sudo|apt-get)\b")
WAIT = """
for _ in $(seq 1200); do (exec 3<>/dev/tcp/127.0.0.1/7440) 2>/dev/null && break; sleep 0.1; done"""
LOOPBACK_UP = (
    "import fcntl, socket, struct;"
    "s = socket.socket();"
    "fcntl.ioctl(s, 0x8914, struct.pack('16sh14x', b'lo', 0x49))"
)


def blocks(text):
    """The ```sh blocks of a page, in their order."""
    return re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_readme_does_what_it_says(env):
    """In a network of its own, so that the port of the examples is free."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        raise Skip("a network namespace needs root and unshare")
    found = blocks((ROOT / "README.md").read_text())
    check(found, "README.md shows no command")
    lines = [line for block in found for line in block.split("\n") if not NOT_HERE.match(line)]
    # A person waits until the server says that it listens.
    lines = [line + WAIT if line.rstrip().endswith("&") else line for line in lines]
    script = "\n".join(["set -euo pipefail", *lines, "kill $(jobs -p) 2>/dev/null || true", ""])
    check("strongroom" in script, "README.md shows no strongroom command")
    binaries = env.path("bin")
    binaries.mkdir()
    (binaries / "strongroom").symlink_to(env.binary)
    work = env.path("work")
    work.mkdir()
    result = subprocess.run(
        [
            "unshare",
            "--net",
            "--pid",
            "--fork",
            "--kill-child",
            "bash",
            "-c",
            f'python3 -c "{LOOPBACK_UP}"; exec bash -x -c "$0"',
            script,
        ],
        cwd=work,
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}", "HOME": str(work)},
    )
    check(result.returncode == 0, f"{result.stdout[-2000:]}\n{result.stderr[-3000:]}")
    env.note(f"{len([line for line in lines if line.strip()])} lines of README.md run")


def test_targets_of_the_readme_exist(env):
    makefile = (ROOT / "Makefile").read_text()
    for name in re.findall(
        r"\bmake ([a-z0-9-]+)", "\n".join(blocks((ROOT / "README.md").read_text()))
    ):
        check(
            re.search(rf"^{name}:", makefile, re.MULTILINE), f"make {name} is not in the Makefile"
        )
