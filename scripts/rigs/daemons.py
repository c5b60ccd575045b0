"""Processes that run beside the tests, and the ports that they take."""

import http.client
import os
import pathlib
import random
import signal
import socket
import subprocess
import time


class RigError(Exception):
    """A rig does not come up; the text says why, for a person."""


def free_ports(count):
    """The first of `count` ports in a row that nobody listens on."""
    # Below the ports that the kernel gives to clients, so that none of them comes in between.
    for base in random.sample(range(20_000, 32_000, 10), 200):
        if all(is_free(base + offset) for offset in range(count)):
            return base
    raise RigError(f"no {count} free ports in a row on loopback")


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def get(port, path, seconds=2.0):
    """Status and body of a GET on loopback; None if there is no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        return reply.status, reply.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


class Daemon:
    """One process, in a session of its own, with its output in a file."""

    def __init__(self, name, command, folder, environment=None):
        self.name, self.command = name, [str(word) for word in command]
        self.folder = pathlib.Path(folder)
        self.environment = {**os.environ, **(environment or {})}
        self.log = self.folder / f"{name}.log"
        self.process = None

    @property
    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until(self, is_ready, seconds=300.0):
        deadline = time.monotonic() + seconds
        while not is_ready():
            if not self.is_alive:
                raise RigError(f"{self.name} ended before it was ready\n{self.last_lines()}")
            if time.monotonic() > deadline:
                raise RigError(f"{self.name} is not ready after {seconds} s\n{self.last_lines()}")
            time.sleep(0.05)

    def stop(self, patience_seconds=20.0):
        """Asks the process to end; after some time it is no longer asked."""
        if self.is_alive:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(patience_seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        self.process = None

    def kill(self):
        """As a power cut of this process alone."""
        if self.is_alive:
            self.process.kill()
            self.process.wait()
        self.process = None

    def last_lines(self, count=8):
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-count:])
