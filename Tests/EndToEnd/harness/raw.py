"""Bytes on a socket, for requests that no HTTP library would send."""

import re
import select
import socket
import time


class Raw:
    """A connection that sends what it is told and reads what comes."""

    def __init__(self, server, timeout=20):
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

    def answer(self, seconds=20):
        """All bytes until the other side closes, or is silent after a whole header."""
        data = b""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            ready, _, _ = select.select([self.socket], [], [], 0.5 if b"\r\n\r\n" in data else left)
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

    def status(self, seconds=20):
        """The status of the answer; None if the connection was closed without one."""
        data = self.answer(seconds)
        return int(data[9:12]) if data.startswith(b"HTTP/1.1 ") else None

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def is_whole(data):
    """Whether an answer has come to its end, by its Content-Length."""
    head, found, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"\r\nContent-Length: (\d+)", head, re.IGNORECASE)
    return bool(found and length and len(body) >= int(length[1]))


def exchange(server, data, seconds=20):
    with Raw(server) as raw:
        return raw.send(data).status(seconds)
