#!/usr/bin/env python3
"""A second opinion on a Strongroom receipt, written apart from the Swift code.

It shares nothing with the product: SHA-256 from hashlib, Ed25519 from the `cryptography` package,
and the tree arithmetic of RFC 6962 / RFC 9162 written here. It trusts the verifier key on the
command line and nothing else; origin and key are pinned by it.

    verify_receipt.py --receipt R.json --key VKEY [FILE]

Exit code 0: every step holds. 1: a step does not, and it is named. 2: usage.
"""

import argparse
import base64
import hashlib
import json
import re
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

RECEIPT_TYPE = "strongroom-receipt-v1"
ED25519 = 1
MAX_RECORD_BYTES = 65_535


class Refused(Exception):
    """A step of the verification does not hold."""

    def __init__(self, step, detail):
        super().__init__(f"{step}: {detail}")
        self.step = step


def require(condition, step, detail):
    if not condition:
        raise Refused(step, detail)


def decode_base64(text, step, size=None):
    """Canonical standard base64 only: what is decoded must encode to the same text."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, UnicodeEncodeError) as error:
        raise Refused(step, f"not base64: {error}") from None
    require(base64.b64encode(data).decode() == text, step, "base64 is not canonical")
    require(size is None or len(data) == size, step, f"{len(data)} bytes, expected {size}")
    return data


# --- RFC 6962 hashing and proofs ------------------------------------------------------------------


def leaf_hash(record):
    return hashlib.sha256(b"\x00" + record).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def inclusion_root(leaf, index, size, path, step="inclusion"):
    """The root that `path` leads to (RFC 9162, 2.1.3.2)."""
    require(0 <= index < size, step, f"index {index} is not below the tree size {size}")
    fn, sn, root = index, size - 1, leaf
    for sibling in path:
        require(sn != 0, step, "the path is too long")
        if fn & 1 or fn == sn:
            root = node_hash(sibling, root)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            root = node_hash(root, sibling)
        fn, sn = fn >> 1, sn >> 1
    require(sn == 0, step, "the path is too short")
    return root


def verify_consistency(old_size, new_size, old_root, new_root, path, step="consistency"):
    """RFC 9162, 2.1.4.2: the new tree is the old one with leaves added at its end."""
    require(old_size <= new_size, step, "the tree shrank")
    if old_size == new_size:
        require(not path and old_root == new_root, step, "two trees of one size differ")
        return
    require(old_size > 0, step, "a proof from the empty tree says nothing")
    path = list(path)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    require(path, step, "the path is empty")
    fn, sn = old_size - 1, new_size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    old = new = path[0]
    for sibling in path[1:]:
        require(sn != 0, step, "the path is too long")
        if fn & 1 or fn == sn:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            new = node_hash(new, sibling)
        fn, sn = fn >> 1, sn >> 1
    require(sn == 0, step, "the path is too short")
    require(old == old_root, step, "the path does not lead to the old root")
    require(new == new_root, step, "the path does not lead to the new root")


# --- C2SP signed notes ----------------------------------------------------------------------------


class VerifierKey:
    """`<name>+<8 hex>+<base64 of 0x01 and 32 bytes>`."""

    def __init__(self, text):
        parts = text.split("+", 2)
        require(len(parts) == 3, "key", "a verifier key has the form name+hash+key")
        self.name, key_id, encoded = parts
        require(self.name and not re.search(r"[\s+]", self.name), "key", "the name is not valid")
        require(re.fullmatch("[0-9a-f]{8}", key_id), "key", "the hash is not eight hex digits")
        data = decode_base64(encoded, "key", 33)
        require(data[0] == ED25519, "key", f"algorithm {data[0]} is not Ed25519")
        expected = hashlib.sha256(self.name.encode() + b"\n" + data).digest()[:4]
        require(bytes.fromhex(key_id) == expected, "key", "the hash does not fit name and key")
        self.id = expected
        self.public = Ed25519PublicKey.from_public_bytes(data[1:])


class Checkpoint:
    """A signed checkpoint, opened with the verifier key: origin, size and root are the log's."""

    def __init__(self, text, key):
        step = "signature"
        require(not re.search("[\x00-\x09\x0b-\x1f\x7f]", text), step, "a control character")
        require(text.endswith("\n"), step, "the note does not end with a newline")
        at = text.rfind("\n\n")
        require(at >= 0, step, "the note has no signature part")
        body, signatures = text[: at + 1], text[at + 2 :]
        self._verify_signature(body, signatures.removesuffix("\n").split("\n"), key)

        step = "checkpoint"
        lines = body.removesuffix("\n").split("\n")
        require(len(lines) >= 3, step, "it has fewer than three lines")
        self.origin = lines[0]
        require(self.origin == key.name, step, f"its origin is {self.origin!r}, not {key.name!r}")
        require(re.fullmatch("0|[1-9][0-9]{0,18}", lines[1]), step, "its size is not a number")
        self.size = int(lines[1])
        self.root = decode_base64(lines[2], step, 32)
        require(all(lines[3:]), step, "an extension line is empty")
        self.text = text

    @staticmethod
    def _verify_signature(body, lines, key):
        verified = False
        for line in lines:
            match = re.fullmatch(r"— ([^ +]+) ([^ ]+)", line)
            require(match, "signature", "a line is not a signature")
            data = decode_base64(match[2], "signature")
            require(len(data) >= 5, "signature", "a signature is too short")
            if match[1] != key.name or data[:4] != key.id:
                continue
            require(not verified, "signature", "the key has signed twice")
            try:
                key.public.verify(data[4:], body.encode())
            except InvalidSignature:
                raise Refused("signature", "it is not the key's over this text") from None
            verified = True
        require(verified, "signature", f"none is by {key.name}")


# --- Receipts -------------------------------------------------------------------------------------


def canonical(value):
    """RFC 8785 for what records hold: objects, strings, integers."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def parse_json(text, step):
    def pairs(items):
        keys = [key for key, _ in items]
        require(len(keys) == len(set(keys)), step, "a key stands there twice")
        return dict(items)

    try:
        value = json.loads(text, object_pairs_hook=pairs)
    except ValueError as error:
        raise Refused(step, f"not JSON: {error}") from None
    require(isinstance(value, dict), step, "it is not an object")
    return value


def parse_canonical(text, step):
    value = parse_json(text, step)
    require(canonical(value) == text, step, "its JSON is not in canonical form")
    return value


def description_of(record, receipt):
    """Name, digest and size: from the record, or from the opening that it commits to."""
    kind = record.get("kind")
    if "commitment" not in record:
        require("opening" not in receipt, "opening", f"a record of kind {kind} has none")
        return record
    for field in ("name", "payload", "labels", "mediaType", "submitter", "idempotencyKey"):
        require(field not in record, "opening", f"the sealed record shows {field}")
    opening = receipt.get("opening")
    if opening is None:
        # It is erased with the payload; then nothing more can be said of the record.
        return {}
    require(isinstance(opening, dict), "opening", "it is not an object")
    require(set(opening) == {"salt", "description"}, "opening", "unexpected members")
    salt = decode_base64(opening["salt"], "opening", 32)
    text = opening["description"]
    commitment = hashlib.sha256(b"\x02" + salt + text.encode()).hexdigest()
    require(commitment == record["commitment"], "opening", "it does not fit the commitment")
    return parse_canonical(text, "opening")


def verify_receipt(text, key, payload=None):
    """Verifies the receipt `text` (str or bytes) under `key` (text or VerifierKey).

    `payload`: its bytes, or a (digest, size) pair, or None to check record and proof only.
    Returns the parsed receipt with `_record`, `_description` and `_checkpoint` added.
    """
    if not isinstance(key, VerifierKey):
        key = VerifierKey(key)
    try:
        text = text.decode() if isinstance(text, bytes) else text
    except UnicodeDecodeError:
        raise Refused("receipt", "it is not UTF-8") from None
    receipt = parse_json(text, "receipt")
    members = {"type", "index", "treeSize", "record", "leafHash", "proof", "checkpoint"}
    require(members <= set(receipt) <= members | {"opening"}, "receipt", "unexpected members")
    require(receipt["type"] == RECEIPT_TYPE, "receipt", f"its type is {receipt['type']!r}")
    index, size = receipt["index"], receipt["treeSize"]
    require(type(index) is int and type(size) is int, "receipt", "index or size is no integer")

    record_bytes = receipt["record"].encode()
    require(len(record_bytes) <= MAX_RECORD_BYTES, "record", "it is too long")
    record = parse_canonical(receipt["record"], "record")
    require(record.get("v") == 1, "record", f"its version is {record.get('v')!r}")

    description = description_of(record, receipt)
    if payload is not None:
        if isinstance(payload, (bytes, bytearray)):
            payload = (hashlib.sha256(payload).hexdigest(), len(payload))
        require(description, "opening", "it is missing: the payload cannot be compared")
        stated = description.get("payload", {})
        require(stated.get("size") == payload[1], "payload", f"the size is {payload[1]}")
        require(stated.get("sha256") == payload[0], "payload", f"the digest is {payload[0]}")

    leaf = leaf_hash(record_bytes)
    stated = decode_base64(receipt["leafHash"], "leaf", 32)
    require(stated == leaf, "leaf", "leafHash is not the hash of the record")

    checkpoint = Checkpoint(receipt["checkpoint"], key)
    require(checkpoint.size == size, "inclusion", "treeSize is not the checkpoint's")
    path = [decode_base64(item, "inclusion", 32) for item in receipt["proof"]]
    root = inclusion_root(leaf, index, size, path)
    require(root == checkpoint.root, "inclusion", "the path does not lead to the signed root")

    receipt["_record"], receipt["_description"] = record, description
    receipt["_checkpoint"] = checkpoint
    return receipt


def hash_file(path):
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", nargs="?", help="the payload")
    parser.add_argument("--receipt", required=True)
    parser.add_argument("--key", required=True, help="the log's verifier key")
    options = parser.parse_args()
    try:
        with open(options.receipt, "rb") as file:
            text = file.read()
        payload = hash_file(options.file) if options.file else None
        receipt = verify_receipt(text, options.key, payload)
    except Refused as refusal:
        print(f"REFUSED {refusal}")
        return 1
    except OSError as error:
        print(error, file=sys.stderr)
        return 2
    checkpoint = receipt["_checkpoint"]
    print(f"ok: record {receipt['index']} of {checkpoint.size} in {checkpoint.origin}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
