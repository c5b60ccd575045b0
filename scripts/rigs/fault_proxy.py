#!/usr/bin/env python3
"""An HTTP proxy on loopback that goes wrong when it is told to.

    fault_proxy.py UPSTREAM_PORT

Prints two ports: where it listens, and where it takes orders. Requests pass unchanged, so that
signatures hold. Orders are plain HTTP:

    PUT /rules    a JSON list of rules, which replaces those before
    GET /log      what was asked for since the start or the last DELETE /log, a JSON list

A rule has `fault` and, if it is not for all requests, `method`, `path` (a part of the target) and
`count` (how many it meets). The first one that fits counts.

| fault | the store | the client |
| delay (`seconds`) | gets the request after that time | gets the reply |
| reset | sees nothing | has its connection reset |
| black-hole | sees nothing | sends and waits for ever |
| status (`code`) | sees nothing | gets that status, with an S3 error |
| lost-reply | gets the request and answers | has its connection reset |
| truncate (`bytes`) | gets the request | gets so much of the body and a closed connection |
| corrupt-request | gets the request, one byte of the body changed | gets the reply |
| corrupt-reply | gets the request | gets the reply, one byte of the body changed |
"""

import asyncio
import contextlib
import json
import signal
import socket
import struct
import sys
import time

HEAD_LIMIT = 1 << 16
PIECE = 1 << 16
CODES = {403: "AccessDenied", 409: "OperationAborted", 503: "SlowDown"}


class Gone(Exception):
    """The exchange ends with a reset of the client's connection."""


class Head:
    """The head of a request or a reply, and how long its body is."""

    def __init__(self, raw):
        self.raw = raw
        lines = raw.decode("latin-1").split("\r\n")
        self.words = lines[0].split(" ", 2)
        fields = (line.partition(":") for line in lines[1:] if line)
        self.fields = {name.strip().lower(): value.strip() for name, _, value in fields}

    @classmethod
    async def read(cls, reader):
        return cls(await reader.readuntil(b"\r\n\r\n"))

    @property
    def is_chunked(self):
        return "chunked" in self.fields.get("transfer-encoding", "").lower()

    @property
    def length(self):
        text = self.fields.get("content-length")
        return int(text) if text is not None else None

    def has_reply_body(self, method):
        status = self.words[1]
        return method != "HEAD" and status not in ("204", "304") and not status.startswith("1")


async def body(head, reader, until_end):
    """The bytes of a body as they come, the framing of chunks included."""
    if head.is_chunked:
        size = None
        while size != 0:
            line = await reader.readuntil(b"\n")
            yield line
            size = int(line.split(b";")[0], 16)
            yield await reader.readexactly(size + 2)
        return
    left = head.length
    if left is None and not until_end:
        return
    while left is None or left > 0:
        piece = await reader.read(min(PIECE, left) if left is not None else PIECE)
        if not piece:
            if left is None:
                return
            raise asyncio.IncompleteReadError(b"", left)
        left = left - len(piece) if left is not None else None
        yield piece


def changed(piece):
    """The last byte is another: in the content, not in the framing of what comes before."""
    return piece[:-1] + bytes([piece[-1] ^ 1])


class Proxy:
    def __init__(self, upstream):
        self.upstream = upstream
        self.rules = []
        self.log = []

    def rule_for(self, method, target):
        for rule in self.rules:
            left = rule.get("count")
            fits = rule.get("method", method) == method and rule.get("path", "") in target
            if fits and left != 0:
                if left is not None:
                    rule["count"] = left - 1
                return rule
        return {"fault": None}

    async def serve(self, reader, writer):
        try:
            while await self.exchange(reader, writer):
                pass
        except (
            Gone, OSError, ValueError, LookupError, EOFError, asyncio.LimitOverrunError,
            asyncio.CancelledError,  # the proxy ends
        ):
            linger = struct.pack("ii", 1, 0)
            with contextlib.suppress(OSError):
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, linger
                )
            writer.transport.abort()
        finally:
            writer.close()

    async def exchange(self, reader, writer):
        """One request and its reply; whether the client's connection goes on."""
        try:
            head = await Head.read(reader)
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise
            return False
        method, target = head.words[0], head.words[1]
        rule = self.rule_for(method, target)
        fault = rule["fault"]
        entry = {"time": time.time(), "method": method, "target": target, "fault": fault}
        entry.update(status=None, sent=0, received=0)
        self.log.append(entry)
        if fault == "reset":
            raise Gone
        if fault == "black-hole":
            while await reader.read(PIECE):
                pass
            raise Gone
        if fault == "status":
            return await self.refuse(rule["code"], head, reader, writer, entry)
        if fault == "delay":
            await asyncio.sleep(rule["seconds"])
        return await self.forward(rule, head, reader, writer, entry)

    async def refuse(self, code, head, reader, writer, entry):
        is_waiting = head.fields.get("expect", "").lower() == "100-continue"
        if not is_waiting:
            async for piece in body(head, reader, until_end=False):
                entry["sent"] += len(piece)
        text = (
            f"<Error><Code>{CODES.get(code, 'InternalError')}</Code>"
            "<Message>told to go wrong</Message></Error>"
        ).encode()
        end = "close" if is_waiting else "keep-alive"
        writer.write(
            f"HTTP/1.1 {code} Fault\r\nContent-Type: application/xml\r\n"
            f"Content-Length: {len(text)}\r\nConnection: {end}\r\n\r\n".encode()
            + (b"" if head.words[0] == "HEAD" else text)
        )
        await writer.drain()
        entry["status"] = code
        return not is_waiting

    async def forward(self, rule, head, reader, writer, entry):
        store_reader, store_writer = await asyncio.open_connection(
            "127.0.0.1", self.upstream, limit=HEAD_LIMIT
        )
        upload = asyncio.create_task(self.upload(rule, head, reader, store_writer, entry))
        try:
            reply = await Head.read(store_reader)
            while reply.words[1].startswith("1"):
                writer.write(reply.raw)
                reply = await Head.read(store_reader)
            entry["status"] = int(reply.words[1])
            goes_on = await self.download(rule, head, reply, store_reader, writer, entry)
            await asyncio.wait([upload], timeout=5)
            return goes_on and upload.done()
        except (asyncio.IncompleteReadError, OSError):
            raise Gone from None
        finally:
            upload.cancel()
            await asyncio.gather(upload, return_exceptions=True)
            store_writer.close()

    async def upload(self, rule, head, reader, store_writer, entry):
        store_writer.write(head.raw)
        async for piece in body(head, reader, until_end=False):
            entry["sent"] += len(piece)
            is_last = head.length == entry["sent"]
            if rule["fault"] == "corrupt-request" and is_last:
                piece = changed(piece)
            # What the store no longer reads is read here all the same.
            with contextlib.suppress(OSError):
                store_writer.write(piece)
                await store_writer.drain()

    async def download(self, rule, head, reply, store_reader, writer, entry):
        fault = rule["fault"]
        left = rule["bytes"] if fault == "truncate" else None
        if fault != "lost-reply":
            writer.write(reply.raw)
        if reply.has_reply_body(head.words[0]):
            async for piece in body(reply, store_reader, until_end=True):
                if fault == "lost-reply":
                    continue
                if fault == "corrupt-reply" and reply.length == entry["received"] + len(piece):
                    piece = changed(piece)
                piece = piece[:left]
                entry["received"] += len(piece)
                writer.write(piece)
                await writer.drain()
                if left is not None:
                    left -= len(piece)
                    if left == 0:
                        return False
        if fault == "lost-reply":
            raise Gone
        await writer.drain()
        closes = "close" in (
            reply.fields.get("connection", "").lower(), head.fields.get("connection", "").lower()
        )
        is_framed = reply.is_chunked or reply.length is not None or reply.words[1] == "204"
        return is_framed and not closes

    async def order(self, reader, writer):
        """One order on the second port."""
        try:
            head = await Head.read(reader)
            text = b"".join([piece async for piece in body(head, reader, until_end=False)])
            status, answer = self.obey(head.words[0], head.words[1], text)
            answer = json.dumps(answer).encode()
            writer.write(
                f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(answer)}\r\nConnection: close\r\n\r\n".encode() + answer
            )
            await writer.drain()
        except (OSError, EOFError, LookupError, ValueError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    def obey(self, method, target, text):
        if (method, target) == ("PUT", "/rules"):
            self.rules = json.loads(text)
            return "200 OK", self.rules
        if (method, target) == ("GET", "/log"):
            return "200 OK", self.log
        if (method, target) == ("DELETE", "/log"):
            self.log = []
            return "200 OK", []
        return "404 Not Found", None


async def main():
    proxy = Proxy(int(sys.argv[1]))
    front = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, limit=HEAD_LIMIT)
    orders = await asyncio.start_server(proxy.order, "127.0.0.1", 0, limit=HEAD_LIMIT)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # Started by a program that has gone, it goes too.
    loop.add_reader(sys.stdin.fileno(), lambda: sys.stdin.buffer.read1(64) or stop.set())
    ports = [server.sockets[0].getsockname()[1] for server in (front, orders)]
    sys.stdout.write("{} {}\n".format(*ports))  # in one piece
    sys.stdout.flush()
    await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
