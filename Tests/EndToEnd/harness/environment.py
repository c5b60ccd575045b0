"""What a test is handed: the binary, an empty directory, servers that are ended for it."""

import contextlib
import inspect
import json
import os
import pathlib
import random
import shutil
import subprocess
import time

from .client import TOKEN
from .server import Server
from .settings import settings
from .waiting import check

ORIGIN = "log.example/evidence"


class Skip(Exception):
    """This test cannot run on this machine; with STRONGROOM_REQUIRE_ALL=1 that is a failure."""


def cases(*values):
    """The test runs once for each value, given as its second argument."""

    def mark(function):
        function.cases = values
        return function

    return mark


class Environment:
    """One test's world. Everything it makes stands under `directory` and is removed after it."""

    def __init__(self, binary, directory, name):
        self.binary = str(binary)
        self.directory = pathlib.Path(directory)
        self.name = name
        self.random = random.Random(f"{settings.seed}/{name}")
        self._exits = contextlib.ExitStack()
        self.notes = []

    # --- files ---

    def path(self, *parts):
        return self.directory.joinpath(*parts)

    def write(self, name, data):
        """Writes a file into the test's directory, with its folders, and returns its path."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    def note(self, text):
        """A line for the report: a measured number, a seed."""
        self.notes.append(text)

    # --- the command line ---

    def run(self, *arguments, expect=0, stdin=b"", timeout=300, env=None):
        """Runs `strongroom ARGUMENTS`; fails unless it ends with `expect` (a code or several)."""
        command = [self.binary, *map(str, arguments)]
        started = time.monotonic()
        result = subprocess.run(
            command,
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            timeout=timeout,
            env={**os.environ, "NO_COLOR": "1", **(env or {})},
            cwd=self.directory,
        )
        result.seconds = time.monotonic() - started
        result.out = result.stdout.decode(errors="replace")
        result.err = result.stderr.decode(errors="replace")
        expected = (expect,) if isinstance(expect, int) else expect
        if expected is not None:
            check(
                result.returncode in expected,
                lambda: (
                    f"`strongroom {' '.join(map(str, arguments))}` ended with "
                    f"{result.returncode}, not {expect}\n{tail(result.out)}\n{tail(result.err)}"
                ),
            )
        return result

    # --- logs and servers ---

    def init(self, name="data", height=16, origin=ORIGIN, at=None, arguments=(), env=None):
        """Makes an empty log; returns its directory. `key_of` reads its verifier key."""
        directory = pathlib.Path(at) if at else self.path(name)
        command = ("init", directory, "--origin", origin, "--segment-height", height)
        self.run(*command, *arguments, env=env)
        return directory

    def key_of(self, directory):
        """The verifier key that `init` wrote into log.json."""
        text = (pathlib.Path(directory) / "log.json").read_text()
        for value in walk(json.loads(text)):
            if isinstance(value, str) and value.count("+") >= 2:
                return value
        raise AssertionError(f"log.json holds no verifier key: {text}")

    def token(self, directory, name, role, *options, env=None):
        """Makes a token in the data directory of a log that nobody serves; returns its text."""
        command = ("token", "create", name, "--role", role, "--data", directory)
        return token_in(self.run(*command, *options, env=env))

    def seal(self, server, collection):
        """Has a collection's records hold commitments; adds a record."""
        lengths = ("--min", "1s", "--default", "7y", "--max", "100y")
        command = ("policy", "set", collection, "--mode", "compliance", *lengths, "--sealed")
        self.run(*command, "--server", server.url)

    def serve(self, directory, *arguments, **options):
        """Starts a server on a free port and waits until it listens."""
        server = Server(self.binary, directory, *arguments, **options)
        self._exits.callback(server.kill)
        server.start()
        return server

    def serve_without_waiting(self, directory, *arguments, **options):
        """Starts a server and returns at once."""
        server = Server(self.binary, directory, *arguments, **options)
        self._exits.callback(server.kill)
        server.launch()
        return server

    def fsck(self, directory, expect=0):
        return self.run("fsck", directory, expect=expect, timeout=1200)

    def defer(self, function, *arguments, **named):
        """Runs at the end of the test, whatever its outcome; last first."""
        self._exits.callback(function, *arguments, **named)

    def enter(self, manager):
        return self._exits.enter_context(manager)

    def close(self, failed=False):
        self._exits.close()
        if not (failed and settings.keep):
            remove(self.directory)


def token_in(result):
    """The token that `token create` has printed, once."""
    found = TOKEN.findall(result.out)
    check(len(found) == 1, lambda: f"{len(found)} tokens in:\n{result.out}\n{result.err}")
    return found[0]


def walk(value):
    """Every value inside a JSON value."""
    yield value
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from walk(item)


def remove(directory):
    """Removes a tree in which files may be read-only or immutable."""
    subprocess.run(
        ["chattr", "-R", "-i", str(directory)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    shutil.rmtree(directory, ignore_errors=True)


def tail(text, lines=25):
    return "\n".join(text.rstrip().split("\n")[-lines:])


def tests_of(module):
    """(name, function, arguments) of each test in a suite, in the order of the file."""
    found = []
    for name, function in inspect.getmembers(module, inspect.isfunction):
        if name.startswith("test_") and function.__module__ == module.__name__:
            line = function.__code__.co_firstlineno
            for case in getattr(function, "cases", (None,)):
                label = name.removeprefix("test_")
                if case is None:
                    found.append((line, label, function, ()))
                else:
                    found.append((line, f"{label}[{case}]", function, (case,)))
    return [item[1:] for item in sorted(found, key=lambda item: item[0])]
