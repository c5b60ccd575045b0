"""Bytes on a socket, for requests that no HTTP library would send."""

import re
import select
import socket
import time

from .waiting import PATIENCE_SECONDS


class Raw:
    """A connection that sends what it is told and reads what comes."""

    def __init__(self, server, timeout=PATIENCE_SECONDS):
        self.socket = socket.create_connection((server.host, server.port), timeout)

    def send(self, data):
        self.socket.sendall(data)
        return self

    def closed_within(self, seconds):
        """True once the other side has closed; what it sent before is thrown away."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            ready, _, _ = select.select([self.socket], [], [], left)
            if not ready:
                return False
            try:
                if not self.socket.recv(65536):
                    return True
            except OSError:
                return True
        return False

    def answer(self, seconds=PATIENCE_SECONDS):
        """One answer: to the end that its Content-Length names, else until silence or the end."""
        data = b""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            is_endless = b"\r\n\r\n" in data and length_in(data) is None
            ready, _, _ = select.select([self.socket], [], [], 0.5 if is_endless else left)
            if not ready:
                break
            try:
                more = self.socket.recv(65536)
            except OSError:
                break
            if not more:
                break
            data += more
            if is_whole(data):
                break
        return data

    def status(self, seconds=PATIENCE_SECONDS):
        """The status of the answer; None if the connection was closed without one."""
        data = self.answer(seconds)
        return int(data[9:12]) if data.startswith(b"HTTP/1.1 ") else None

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def length_in(data):
    """What the header of an answer says in Content-Length, or None."""
    length = re.search(rb"\r\nContent-Length: (\d+)", data.partition(b"\r\n\r\n")[0], re.IGNORECASE)
    return int(length[1]) if length else None


def is_whole(data):
    """Whether an answer has come to its end, by its Content-Length."""
    _, found, body = data.partition(b"\r\n\r\n")
    length = length_in(data)
    return bool(found) and length is not None and len(body) >= length


def exchange(server, data, seconds=PATIENCE_SECONDS):
    with Raw(server) as raw:
        return raw.send(data).status(seconds)
