"""Who may write which record: roles, rights, scopes, tokens. A part of `log_fold`."""

import base64

from log_words import Token, indexes_of, milliseconds

# Which roles may write a record of this kind; `strongroom` is the log itself.
ALLOWED = {
    "policy.set": {"admin"},
    "lock.extended": {"retention", "admin"},
    "lock.bypassed": {"retention", "admin"},
    "event.recorded": {"retention", "admin"},
    "hold.placed": {"retention", "admin"},
    "hold.released": {"admin"},
    "payload.erased": {"retention", "strongroom"},
    "payload.purged": {"strongroom"},
    "clock.resynced": {"admin", "strongroom"},
    "census": {"strongroom"},
    "access.changed": {"admin", "local"},
    "access.digest": {"strongroom"},
    "access.exported": {"auditor"},
    "target.added": {"admin"},
    "target.probed": {"strongroom"},
    "target.phase": {"admin"},
    "target.removed": {"admin"},
    "key.rotated": {"admin"},
    "log.closed": {"admin"},
}


class Access:
    """The part of the fold that knows the tokens."""

    def authorize(self, index, record, kind, received):
        name = record["principal"]
        allowed = ALLOWED[kind]
        if name in ("strongroom", "local"):
            self.require(name in allowed, index, f"{name} may not write {kind}")
            return
        if name == "anonymous":
            fits = not self.tokens and kind not in ("lock.bypassed", "clock.resynced")
            self.require(fits and allowed != {"strongroom"}, index, f"{kind} by anonymous")
            return
        token = self.tokens.get(name)
        if not self.require(token is not None, index, f"nobody is called {name}"):
            return
        self.require(not token.revoked, index, f"{name} was revoked")
        self.require(received <= token.expires, index, f"{name} had expired")
        permitted = token.role in allowed
        if kind == "lock.bypassed" or (kind == "payload.erased" and ground_of(record) is not None):
            permitted = "bypass" in token.rights and token.role in ("retention", "admin")
        self.require(permitted, index, f"{name} ({token.role}) may not write {kind}")
        if token.collections is not None:
            touched = self.collections_of(record)
            self.require(
                touched is not None and touched <= set(token.collections),
                index,
                f"{name} is confined to {token.collections}, and this touches {touched}",
            )

    def collections_of(self, record):
        if "collection" in record:
            return {record["collection"]}
        if "selection" in record:
            named = record["selection"].get("collection")
            return None if named is None else {named}
        if "records" in record:
            return {self.evidence[i].collection for i in indexes_of(record["records"])}
        if record["kind"] == "access.changed":
            return set(record.get("collections", []))
        return None

    def chain(self, name):
        """Who stands behind a name: it, who created it, and so on."""
        found = []
        while name in self.tokens and name not in found:
            found.append(name)
            name = self.tokens[name].chain
        if found and self.founders and found[-1] not in self.founders:
            found.append(name)
        return found

    def on_access_changed(self, index, record, received):
        name = record["token"]
        if record["change"] == "revoked":
            if self.require(name in self.tokens, index, f"{name} was never created"):
                self.require(not self.tokens[name].revoked, index, f"{name} is revoked twice")
                self.tokens[name].revoked = True
            return
        self.require(record["change"] == "created", index, f"{record['change']}")
        self.require(name not in self.tokens, index, f"the name {name} is used again")
        for text in record:
            self.require(
                text in {"change", "collections", "expires", "kind", "principal", "reason"}
                or text in {"received", "rights", "role", "token", "v"},
                index,
                f"a member {text}",
            )
        self.tokens[name] = Token(record, record["principal"])

    def on_clock_resynced(self, index, record, received):
        old, new = milliseconds(record["from"]), milliseconds(record["to"])
        self.require(new > old, index, "the clock goes back")
        if "times" in record:
            times = record["times"]
            self.require(record["principal"] == "strongroom", index, "times, by a person")
            sources = [(time["kind"], time["source"]) for time in times]
            self.require(
                len(sources) == 2 and sources[0] < sources[1],
                index,
                f"{sources} are not two sources",
            )
            self.require(
                times[0]["evidence"] != times[-1]["evidence"], index, "one evidence for two"
            )
            for time in times:
                moment, evidence = milliseconds(time["time"]), base64.b64decode(time["evidence"])
                self.require(moment >= new, index, f"{time['source']} is earlier")
                was_there = time["size"] <= index
                self.require(was_there, index, f"{time['source']} signed a tree to come")
                if time["kind"] == "cosignature":
                    stated = int.from_bytes(evidence[4:12], "big") * 1000
                    fits = len(evidence) == 76 and stated == moment
                    self.require(fits, index, f"{time['source']} signed another time")
            return
        first, second = self.chain(record["with"]), self.chain(record["principal"])
        self.require(
            first and second and not set(first) & set(second),
            index,
            f"{first} and {second} are not two persons",
        )


def ground_of(record):
    """None: expired; else the index of the lock.bypassed."""
    return record["bypass"] if record["ground"] == "bypass" else None
