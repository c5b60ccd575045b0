"""Vectors of Tests/Vectors/receipt: a small log, signed, with receipts for its records.

Needs `cryptography` (see scripts/python/requirements.txt) for Ed25519; tree hashing and the signed
note are written out here, after RFC 6962 and C2SP signed-note, and share no code with the product.
The key is derived from a fixed text: it protects nothing.
"""

import base64
import hashlib
import json

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import record_vectors

ORIGIN = "log.example/payments"


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def encoded(data):
    return base64.b64encode(data).decode()


def root(leaves):
    """RFC 6962 section 2.1, as it stands there."""
    if not leaves:
        return sha256()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return sha256(b"\x01", root(leaves[:split]), root(leaves[split:]))


def path(index, leaves):
    """RFC 6962 section 2.1.1, as it stands there."""
    if len(leaves) == 1:
        return []
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    if index < split:
        return path(index, leaves[:split]) + [root(leaves[split:])]
    return path(index - split, leaves[split:]) + [root(leaves[:split])]


class Signer:
    def __init__(self, name, secret):
        self.name = name
        self.private = Ed25519PrivateKey.from_private_bytes(sha256(secret))
        public = self.private.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw
        )
        self.id = sha256(name.encode(), b"\n\x01", public)[:4]
        self.verifier_key = f"{name}+{self.id.hex()}+{encoded(bytes([1]) + public)}"

    def sign(self, text):
        return f"— {self.name} {encoded(self.id + self.private.sign(text.encode()))}\n"


def checkpoint(leaves, signers, origin=ORIGIN):
    text = f"{origin}\n{len(leaves)}\n{encoded(root(leaves))}\n"
    return text + "\n" + "".join(signer.sign(text) for signer in signers)


def receipt(index, records, signers, opening=None):
    leaves = [sha256(b"\x00", record.encode()) for record in records]
    members = {
        "type": "strongroom-receipt-v1",
        "index": index,
        "treeSize": len(leaves),
        "record": records[index],
        "leafHash": encoded(leaves[index]),
        "proof": [encoded(each) for each in path(index, leaves)],
        "checkpoint": checkpoint(leaves, signers),
    }
    if opening is not None:
        members["opening"] = opening
    return json.dumps(members, separators=(",", ":"), ensure_ascii=False)


def build():
    creation = next(record_vectors.log_creations())
    vectors = record_vectors.vectors()
    log, other = Signer(ORIGIN, b"log"), Signer("witness.example", b"witness")
    records = [creation] + [each["record"] for each in vectors]
    openings = [None] + [
        {"salt": encoded(bytes.fromhex(each["salt"])), "description": each["canonicalDescription"]}
        if "salt" in each
        else None
        for each in vectors
    ]
    descriptions = [None] + [each["description"] for each in vectors]
    found = []
    for size in range(1, len(records) + 1):
        # Every record in the last tree; in the others the first, the last and one between.
        for index in range(size) if size == len(records) else sorted({0, size // 2, size - 1}):
            if size < len(records) and len(records[index]) > 4_096:
                continue
            payload = descriptions[index] and descriptions[index]["payload"]
            signers = [log] if (size + index) % 2 else [other, log]
            text = receipt(index, records[:size], signers, openings[index])
            found.append({"receipt": text, "payload": payload})
    text = json.dumps({"verifierKey": log.verifier_key, "receipts": found}, indent=1)
    return {"receipt/receipts.json": text + "\n"}
