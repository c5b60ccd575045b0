"""Evidence of every kind, with its receipts, and what must still be true of it later."""

import json

from verify_receipt import VerifierKey, verify_receipt

from .audit import agree
from .waiting import check
from .workload import MIB, payload
from .world import done

YEARS = "2036-03-01T00:00:00Z"
VAULT = {"mode": "GOVERNANCE", "minimum": "1s", "default": "30d", "maximum": "100y"}


class Evidence:
    """What was pushed into a site: `bodies` and `receipts` by index."""

    def __init__(self, site):
        self.site, self.bodies, self.receipts, self.erased = site, {}, {}, set()
        self.names, self.descriptions = {}, {}

    def put(self, name, collection="payments", size=300, **query):
        """Pushes one; returns its index."""
        body = payload(self.site.env.random.getrandbits(60), size)
        reply = done(self.site.writer.put(body, name, collection, **query))
        return self._keep(name, body, reply.json)

    def batch(self, count, collection, size=1000, tag="b", **query):
        """Pushes many at once; returns their indexes."""
        seed = self.site.env.random.getrandbits(60)
        files = [(f"{tag}/{n}", payload(f"{seed}/{n}", size)) for n in range(count)]
        receipts = done(self.site.writer.batch(files, collection, **query)).json["receipts"]
        rows = zip(files, receipts, strict=True)
        return [self._keep(name, body, receipt) for (name, body), receipt in rows]

    def _keep(self, name, body, receipt):
        index = receipt["index"]
        self.bodies[index], self.names[index] = body, name
        self.receipts[index] = json.dumps(receipt, ensure_ascii=False)
        if "opening" in receipt:
            self.descriptions[index] = json.loads(receipt["opening"]["description"])
        return index

    def mixed(self, rounds=6):
        """Open and sealed, small and large, of both modes, with dates and waiting for an event."""
        site = self.site
        if not self.bodies:
            done(site.boss.set_policy("vault", {**VAULT, "sealed": True}))
            done(site.boss.set_policy("cases", {**VAULT, "event": "closed"}))
        found = {"open": [], "sealed": [], "strict": [], "soft": [], "waiting": [], "large": []}
        for number in range(rounds):
            name = f"mixed/{number}"
            found["soft"].append(self.put(name, "logs", 40_000, retain="30d", mode="governance"))
            found["open"].append(self.put(name, retain="7y", mode="compliance"))
            found["strict"].append(self.put(name, retainUntil=YEARS, mode="compliance"))
            found["sealed"].append(self.put(name, "vault", retain="90d"))
            found["waiting"].append(self.put(name, "cases", retain="10d"))
        for collection, mode in (("logs", "governance"), ("vault", "compliance")):
            query = {"retain": "7y", "mode": mode}
            found["large"].append(self.put("large", collection, MIB + 300_000, **query))
        return found

    # --- afterwards ---

    def erase(self, *indexes):
        """Waits until their locks are over and erases them; returns the certificate's index."""
        self.site.wait_until_released(*indexes)
        reply = done(self.site.keeper.erase(records=sorted(indexes)))
        check(reply.json["erased"] == len(indexes), lambda: f"{reply}")
        self.erased |= set(indexes)
        return reply.acts[-1]

    def check(self, client=None, key=None, log=None, indexes=None):
        """Every payload reads back, erased ones are 410 with certificate, receipts verify.

        `log`: a fold of the records, with which locks and holds must agree.
        """
        client, key = client or self.site.auditor, VerifierKey(key or self.site.key)
        for index in self.bodies if indexes is None else indexes:
            body, reply = self.bodies[index], client.payload(index)
            if index in self.erased:
                gone = reply.status == 410 and reply.json["certificate"] > index
                check(gone, lambda i=index, r=reply: f"{i} is erased: {r}")
            else:
                same = reply.status == 200 and reply.body == body
                check(same, lambda i=index, r=reply: f"{i} ({self.names[i]}) came back as {r}")
            verify_receipt(self.receipts[index], key, body)
            fresh = verify_receipt(client.receipt(index).body, key)
            old = json.loads(self.receipts[index])
            check(fresh["record"] == old["record"], f"record {index} is another")
            if log is not None:
                agree(client, log, index)
