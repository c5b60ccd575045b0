"""A `strongroom serve` process: started on a free port, watched, ended."""

import ctypes
import http.client
import os
import pathlib
import re
import resource
import signal
import subprocess
import threading
import time

from .client import Client
from .waiting import PATIENCE_SECONDS, eventually

PRCTL = ctypes.CDLL(None, use_errno=True).prctl
PR_SET_PDEATHSIG = 1


class ServerFailed(Exception):
    """The server ended, or did not get ready."""


class Server:
    def __init__(self, binary, directory, *arguments, wrapper=(), env=None, open_files=20_000):
        self.directory = pathlib.Path(directory)
        self.command = [
            *wrapper,
            binary,
            "serve",
            str(directory),
            "--listen",
            "127.0.0.1:0",
            *map(str, arguments),
        ]
        self.environment = {**os.environ, "NO_COLOR": "1", **(env or {})}
        self.open_files = open_files
        self.process = None
        self.lines = []
        self.host = self.port = None
        self._ready = threading.Event()
        self._reader = None

    # --- life ---

    def start(self, timeout=PATIENCE_SECONDS):
        """Starts and waits for the line `listening on http://HOST:PORT`."""
        started = time.monotonic()
        self.launch()
        self._ready.wait(timeout)
        self.start_seconds = time.monotonic() - started
        if self.port is None:
            self.kill()
            raise ServerFailed(f"the server did not get ready:\n{self.log()}")
        return self

    def launch(self):
        """Starts the process and returns at once."""
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=self.environment,
            preexec_fn=self._prepare,
            start_new_session=True,
        )
        self._ready.clear()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _prepare(self):
        """In the child: enough open files, and no life beyond that of the test."""
        PRCTL(PR_SET_PDEATHSIG, signal.SIGKILL)
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = self.open_files if hard < 0 else min(self.open_files, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

    def _read(self):
        for raw in self.process.stderr:
            line = raw.decode(errors="replace").rstrip("\n")
            self.lines.append(line)
            match = re.search(r"listening on http://([^\s:]+):(\d+)", line)
            if match and self.port is None:
                self.host, self.port = match[1], int(match[2])
                self._ready.set()
        self._ready.set()

    def log(self, lines=25):
        return "\n".join(self.lines[-lines:])

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def wait(self, timeout=PATIENCE_SECONDS):
        """Its exit code, once it has ended by itself."""
        code = self.process.wait(timeout)
        self._reader.join(60)
        return code

    def terminate(self, timeout=PATIENCE_SECONDS):
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerFailed(f"it did not end {timeout} s after SIGTERM:\n{self.log()}") from None

    def kill(self):
        """SIGKILL to the server and what it started; safe to call twice."""
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        if self._reader is not None:
            self._reader.join(60)

    # --- talking to it ---

    @property
    def url(self):
        return f"http://{self.host}:{self.port}"

    def client(self, timeout=180, token=None):
        return Client(self.host, self.port, timeout=timeout, token=token)

    # --- looking at it ---

    def status(self, field):
        """A line of /proc/PID/status, in bytes if it has a unit."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        value = re.search(rf"^{field}:\s+(\d+)( kB)?", text, re.MULTILINE)
        return int(value[1]) * (1024 if value[2] else 1)

    @property
    def anonymous_bytes(self):
        return self.status("RssAnon")

    @property
    def open_file_count(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


def ends_by_itself(server, action):
    """Does something with a server that may lawfully end, at any moment; whether it has ended."""
    try:
        if server.running:
            action()
    except (OSError, http.client.HTTPException):
        eventually(lambda: not server.running, lambda: f"no answer, and no end:\n{server.log()}")
    return not server.running


class MemoryWatch:
    """Samples the anonymous memory of a server in the background; `peak` is its maximum."""

    def __init__(self, server, interval=0.05):
        self.server, self.interval, self.peak = server, interval, 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def _sample(self):
        while not self._stop.wait(self.interval):
            try:
                self.peak = max(self.peak, self.server.anonymous_bytes)
            except (OSError, TypeError):
                return

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
