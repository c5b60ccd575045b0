"""Evidence whose bytes can be found again on the disk, half of it to be erased."""

import calendar
import datetime
import json
import mmap
import os
import random
import re
import time

from verify_receipt import verify_receipt

from .waiting import check, eventually

MIB = 1 << 20


# A test has pushed and erased within that time.
MONTH_LEFT_SECONDS = 240


def end_of_month():
    """The last second of this month, so that the payload stands in one file with those of today.

    In the last minutes of a month the next one is waited for.
    """
    while True:
        now = datetime.datetime.now(datetime.timezone.utc)
        last = calendar.monthrange(now.year, now.month)[1]
        end = now.replace(day=last, hour=23, minute=59, second=59, microsecond=0)
        left = (end - now).total_seconds()
        if left > MONTH_LEFT_SECONDS:
            return f"{end:%Y-%m-%dT%H:%M:%SZ}"
        time.sleep(left + 2)


class Item:
    """One piece of evidence: what is needed to make its payload anew, and its receipt."""

    __slots__ = ("number", "size", "short", "index", "receipt", "erased")

    def __init__(self, number, size, short):
        self.number, self.size, self.short = number, size, short
        self.index, self.receipt, self.erased = None, None, False


class Stock:
    """Random payloads that begin with a mark and their number: they cannot be compressed away."""

    def __init__(self, env):
        self.random = env.random
        self.mark = env.random.randbytes(12)
        self.items = []

    def body(self, item):
        head = self.mark + item.number.to_bytes(8, "big")
        return head + random.Random(self.mark + item.number.to_bytes(8, "big")).randbytes(
            max(0, item.size - len(head))
        )

    def fill(self, client, collection, count, size, lots=61, big=0, short="1s", **keep):
        """Pushes `count` by the batch route, short and long locks in turns, in lots of `lots`.

        `short`: the short ones' lock; `keep`: what is asked of the long ones. `big`: how many
        payloads of more than 1 MiB there are beside them. Returns the new items.
        """
        made = []
        keep = keep or {"retain": "30d"}
        lock = {"retain": short, "mode": keep.get("mode")}
        for start in range(0, count, lots):
            goes = (start // lots) % 2 == 0
            rows = [self.new(size, goes) for _ in range(start, min(start + lots, count))]
            query = {k: v for k, v in (lock if goes else keep).items() if v is not None}
            files = [(self.name(row), self.body(row)) for row in rows]
            reply = client.batch(files, collection, **query)
            check(reply.status == 201, lambda r=reply: f"a batch was refused: {r}")
            for row, receipt in zip(rows, reply.json["receipts"], strict=True):
                row.index = receipt["index"]
                row.receipt = json.dumps(receipt, ensure_ascii=False)
            made += rows
        for number in range(big):
            row = self.new(MIB + 50_000 + number, number % 2 == 0)
            query = lock if row.short else keep
            reply = client.put(self.body(row), self.name(row), collection, **query)
            check(reply.status == 201, lambda r=reply: f"{r}")
            row.index, row.receipt = reply.json["index"], reply.body.decode()
            made.append(row)
        self.filled = time.time()
        return made

    def new(self, size, short):
        item = Item(len(self.items), size, short)
        self.items.append(item)
        return item

    def wait_until_due(self, seconds=1.0):
        time.sleep(max(0.0, self.filled + seconds + 2.0 - time.time()))

    @staticmethod
    def name(item):
        return f"stock/{item.number}"

    # --- afterwards ---

    def check_reads(self, client, items):
        """What was erased is 410 with its certificate; everything else reads back equal."""
        for item in items:
            reply = client.payload(item.index)
            if item.erased:
                check(reply.status == 410, lambda i=item, r=reply: f"{i.index}: {r}")
                check(reply.json["certificate"] > item.index, lambda r=reply: f"{r}")
            else:
                check(
                    reply.status == 200 and reply.body == self.body(item),
                    lambda i=item, r=reply: f"{i.index} ({i.number}) came back as {r}",
                )

    def check_receipts(self, key, items):
        for item in items:
            verify_receipt(item.receipt, key, self.body(item))

    def on_disk(self, directory):
        """The numbers of the payloads whose beginning stands somewhere below a directory."""
        pattern = re.compile(re.escape(self.mark) + b"(.{8})", re.DOTALL)
        found = set()
        for path in directory.rglob("*"):
            try:
                file = open(path, "rb")
            except (FileNotFoundError, IsADirectoryError):
                # The server has just removed it.
                continue
            with file:
                if os.fstat(file.fileno()).st_size == 0:
                    continue
                with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as data:
                    found |= {int.from_bytes(match[1], "big") for match in pattern.finditer(data)}
        return found

    def check_gone(self, directory):
        """No payload that was erased stands on the disk; all others do."""
        erased = {item.number for item in self.items if item.erased}
        kept = {item.number for item in self.items if not item.erased and item.index is not None}

        def missing():
            """What moves from one file to another may be in none of those that are looked at."""
            found = self.on_disk(directory)
            left = sorted(found & erased)
            check(not left, lambda: f"{len(left)} erased payloads stand on the disk: {left[:5]}")
            return sorted(kept - found)

        eventually(
            lambda: not missing(), lambda: f"not found (is the search right?): {missing()[:5]}"
        )


def unpurged(log):
    """The erasures of a folded log that no payload.purged of the local copy has followed."""
    return sorted(index for index in log.erasures if (index, "local") not in log.purged)
