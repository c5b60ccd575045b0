"""Keys, notes and checkpoints.

Signatures come from the package `cryptography`; the texts are put together here as the C2SP
specifications say, and what should be accepted is read and verified by aics-tlog first. Each
refused text is an accepted one with a single rule broken.
"""

import base64
import hashlib

from aics_tlog import checkpoint as aics_checkpoint
from aics_tlog import cosign as aics_cosign
from aics_tlog import note as aics_note
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from merkle_vectors import leaf_hash, to_json

SOURCE = "cryptography 50.0.2, read back by aics-tlog 0.2.1; scripts/vectors/note_vectors.py"

# The example in the documentation of golang.org/x/mod/sumdb/note.
GO_SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
GO_NOTE = GO_TEXT + (
    "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdng"
    "otpRZb6KE6RyyBwJnAM=\n"
)


def b64(data):
    return base64.b64encode(data).decode()


class Key:
    """An Ed25519 key with a name, in the text forms of C2SP signed-note and Go's note package."""

    def __init__(self, name, seed=None):
        self.name = name
        self.seed = seed or hashlib.sha256(name.encode()).digest()
        self.private = Ed25519PrivateKey.from_private_bytes(self.seed)
        self.public = self.private.public_key().public_bytes_raw()
        self.id = self.key_id(0x01)
        self.verifier = f"{name}+{self.id.hex()}+" + b64(b"\x01" + self.public)
        self.secret = f"PRIVATE+KEY+{name}+{self.id.hex()}+" + b64(b"\x01" + self.seed)

    def key_id(self, kind):
        named = self.name.encode() + b"\n" + bytes([kind]) + self.public
        return hashlib.sha256(named).digest()[:4]

    def line(self, text):
        return signature_line(self.name, self.id + self.private.sign(text.encode()))


def signature_line(name, data):
    return f"— {name} {b64(data)}\n"


def signed(text, *keys, extra=()):
    note = text + "\n" + "".join(key.line(text) for key in keys) + "".join(extra)
    read = aics_note.parse_note(note)
    assert read.serialise() == note
    assert aics_note.verify_note(read, [aics_note.parse_vkey(key.verifier) for key in keys])
    return note


LOG = Key("log.example/strongroom")
OTHER = Key("log.example/other")
WITNESS = Key("witness.example/w1")
RENEWED = Key("log.example/strongroom", hashlib.sha256(b"the next key").digest())
FOREIGN = Key("日志.example/журнал")
GO = Key("PeterNeumann", base64.b64decode(GO_SECRET.split("+", 4)[4])[1:])


def notes():
    assert (GO.secret, GO.verifier) == (GO_SECRET, GO_KEY)
    assert signed(GO_TEXT, GO) == GO_NOTE
    stranger = signature_line("stranger.example", b"\x00\x01\x02\x03" + bytes(range(200)))
    post_quantum = signature_line("pq.example", b"\xff\xfe\xfd\xfc" + b"\xa5" * 2428)
    many = [signature_line(f"w{n}.example", bytes([0, 0, 0, n]) + b"\x07" * 72) for n in range(15)]
    beyond_ascii = "ed è subito sera, e\u0300\n\u007f\u0085\u2028\n"
    cases = [
        ("the example of Go's documentation", GO_TEXT, [GO], []),
        ("empty lines in the text", "a\n\n\nb\n\n", [LOG], []),
        ("a text that is one empty line", "\n", [LOG], []),
        ("a text that looks like a note", "x\n\n— log.example abcd\n", [LOG], []),
        ("text and name beyond ASCII", beyond_ascii, [FOREIGN], []),
        ("two keys", "rotation\n", [LOG, RENEWED], []),
        ("unknown signatures, also long ones", "hello\n", [LOG], [stranger, post_quantum]),
        ("sixteen signatures", "hello\n", [LOG], many),
    ]
    return {
        "provenance": SOURCE,
        "notes": [
            {
                "name": name,
                "text": text,
                "verifierKeys": [key.verifier for key in keys],
                "secretKeys": [key.secret for key in keys],
                "signatures": len(keys) + len(extra),
                "note": signed(text, *keys, extra=extra),
            }
            for name, text, keys, extra in cases
        ],
    }


def refused_notes():
    text = "line one\nline two\n"
    good = signed(text, LOG)
    line = LOG.line(text)
    data = LOG.id + LOG.private.sign(text.encode())
    assert good == text + "\n" + line
    cases = {
        "nothing": "",
        "only a text": text,
        "a text without signature": text + "\n",
        "no empty line": text + line,
        "no text": "\n" + line,
        "the final newline is missing": good[:-1],
        "a second newline at the end": good + "\n",
        "text after the signatures": good + "more\n",
        "an empty line between signatures": good + "\n" + OTHER.line(text) + "\n",
        "carriage returns": good.replace("\n", "\r\n"),
        "a tab in the text": good.replace("line one", "line\tone"),
        "a zero byte in the text": good.replace("line one", "line\0one"),
        "a control character in the name": good.replace("log.example", "log\x1fexample"),
        "a hyphen for the dash": good.replace("— ", "- "),
        "an en dash": good.replace("— ", "– "),
        "no space behind the dash": good.replace("— ", "—"),
        "two spaces behind the dash": good.replace("— ", "—  "),
        "a no-break space": good.replace("— ", "—\u00a0"),
        "two spaces before the signature": good.replace("strongroom ", "strongroom  "),
        "a space behind the signature": good[:-1] + " \n",
        "a third word": good[:-1] + " x\n",
        "no name": text + f"\n—  {b64(data)}\n",
        "no signature": text + "\n— log.example/strongroom\n",
        "an empty signature": text + "\n— log.example/strongroom \n",
        "a plus in the name": good.replace("log.example", "log+example"),
        "an ideographic space in the name": good.replace("log.example", "log\u3000example"),
        "a next-line character in the name": good.replace("log.example", "log\u0085example"),
        "a key ID alone": text + "\n" + signature_line(LOG.name, LOG.id),
        "three bytes": text + "\n" + signature_line(LOG.name, LOG.id[:3]),
        "base64 without padding": good.replace("=\n", "\n"),
        "base64 with too much padding": good.replace("=\n", "==\n"),
        "base64 with set bits behind its end": text
        + "\n"
        + line.replace(line[-3:], chr(ord(line[-3]) + 1) + "=\n"),
        "base64 for addresses": text
        + "\n"
        + signature_line("a", LOG.id + b"\xff" * 8).replace("/", "_"),
        "the same key twice": good + line,
        "a name and ID twice": text
        + "\n"
        + signature_line("w", b"\x00\x00\x00\x01one")
        + signature_line("w", b"\x00\x00\x00\x01two"),
        "a hundred and one signatures": text
        + "\n"
        + "".join(signature_line(f"w{n}", bytes([0, 0, 0, n]) + b"x") for n in range(101)),
    }
    plain = good.encode()
    encoded = {why: note.encode() for why, note in cases.items()}
    encoded["a lone continuation byte"] = plain.replace(b"line one", b"line\x80one")
    encoded["an overlong form"] = plain.replace(b"line one", b"line\xc0\x8aone")
    encoded["a surrogate"] = plain.replace(b"line one", b"line\xed\xa0\x80one")
    encoded["a cut character at the end of the text"] = plain.replace(b"two\n", b"two\xe2\x80\n")
    encoded["a name that is not UTF-8"] = plain.replace(b"log.ex", b"log\xffex")
    for why, note in encoded.items():
        assert note != good.encode(), why
    return {
        "provenance": SOURCE,
        "verifierKey": LOG.verifier,
        "good": good,
        "refused": [{"why": why, "base64": b64(note)} for why, note in encoded.items()],
    }


def refused_keys():
    name, key_id, material = LOG.verifier.split("+", 2)
    typed = base64.b64decode(material)

    def key(name=name, key_id=key_id, typed=typed):
        return f"{name}+{key_id}+{b64(typed)}"

    def consistent(kind, public):
        """With the ID that belongs to it, so that only the type or the length is wrong."""
        named = hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).hexdigest()[:8]
        return f"{name}+{named}+{b64(bytes([kind]) + public)}"

    assert key() == LOG.verifier
    flipped = "0" if key_id[0] != "0" else "1"
    cases = {
        "empty": "",
        "a name alone": name,
        "no material": f"{name}+{key_id}",
        "empty material": f"{name}+{key_id}+",
        "no name": key(name=""),
        "a space in the name": key(name="log example"),
        "a newline in the name": key(name="log\nexample"),
        "another name": key(name="log.example/Strongroom"),
        "another ID": key(key_id=flipped + key_id[1:]),
        "an uppercase ID": key(key_id="ABCDEF01"),
        "a short ID": key(key_id=key_id[:7]),
        "a long ID": key(key_id=key_id + "0"),
        "another key": key(typed=typed[:-1] + bytes([typed[-1] ^ 1])),
        "material without padding": f"{name}+{key_id}+{b64(typed + b'x').rstrip('=')}",
        "a space at the end": LOG.verifier + " ",
        "a newline at the end": LOG.verifier + "\n",
        "a space at the start": " " + LOG.verifier,
        "31 bytes": consistent(1, LOG.public[:-1]),
        "33 bytes": consistent(1, LOG.public + b"\x00"),
        "type 0": consistent(0, LOG.public),
        "type 2, ECDSA": consistent(2, LOG.public),
        "type 4, a cosigner": consistent(4, LOG.public),
        "type 6, ML-DSA-44": consistent(6, b"\x5a" * 1312),
        "type 255": consistent(255, LOG.public),
        "a secret key": LOG.secret,
    }
    return {
        "provenance": SOURCE,
        "good": LOG.verifier,
        "refused": [{"why": why, "key": text} for why, text in cases.items()],
    }


def cosigned():
    """A checkpoint that a witness has cosigned, as C2SP tlog-cosignature says."""
    root = hashlib.sha256(b"some root").digest()
    text = f"{LOG.name}\n20852163\n{b64(root)}\n"
    time = 1_679_315_147
    message = f"cosignature/v1\ntime {time}\n{text}".encode()
    blob = time.to_bytes(8, "big") + WITNESS.private.sign(message)
    assert aics_cosign.verify_cosignature(
        blob, WITNESS.name, WITNESS.public, LOG.name, 20_852_163, root
    )
    return signed(text, LOG, extra=[signature_line(WITNESS.name, WITNESS.key_id(0x04) + blob)])


def checkpoints():
    empty = hashlib.sha256(b"").digest()
    root = bytes(range(32))
    accepted = [
        ("no leaves", "log.example/strongroom", 0, empty, []),
        ("one leaf", "log.example/strongroom", 1, leaf_hash(b""), []),
        ("the largest size", "log.example/strongroom", (1 << 53) - 1, root, []),
        ("a root of slashes and pluses", "log.example/strongroom", 7, b"\xfb\xff" * 16, []),
        ("extension lines", "log.example/strongroom", 42, root, ["one", "— two", " "]),
        ("a name beyond ASCII", "日志.example/журнал", 3, root, []),
    ]
    cases = []
    for name, origin, size, digest, lines in accepted:
        text = f"{origin}\n{size}\n{b64(digest)}\n" + "".join(line + "\n" for line in lines)
        read = aics_checkpoint.parse_checkpoint(text)
        assert (read.origin, read.size, read.root) == (origin, size, digest)
        cases.append(
            {
                "name": name,
                "origin": origin,
                "size": size,
                "root": digest.hex(),
                "extensionLines": lines,
                "text": text,
            }
        )
    good = f"o\n12\n{b64(root)}\n"
    refused = {
        "empty": "",
        "no newline at the end": good[:-1],
        "an empty line at the end": good + "\n",
        "an empty extension line": good + "\nx\n",
        "no root": "o\n12\n",
        "no origin": good[1:],
        "an origin of no line": good[2:],
        "a leading zero": good.replace("12", "012"),
        "two zeros": good.replace("12", "00"),
        "a sign": good.replace("12", "+12"),
        "a negative size": good.replace("12", "-12"),
        "a space before the size": good.replace("12", " 12"),
        "a space behind the size": good.replace("12", "12 "),
        "a hexadecimal size": good.replace("12", "0x12"),
        "no size": good.replace("12", ""),
        "digits of another script": good.replace("12", "١٢"),
        "a size of 2^53": good.replace("12", str(1 << 53)),
        "a size of 2^64": good.replace("12", str(1 << 64)),
        "a size of forty digits": good.replace("12", "1" * 40),
        "a root of 31 bytes": f"o\n12\n{b64(root[1:])}\n",
        "a root of 33 bytes": f"o\n12\n{b64(root + b'x')}\n",
        "an empty root": "o\n12\n\n",
        "a root without padding": good.replace("=", ""),
        "a root with set bits behind its end": good.replace("8=", "9="),
        "a root in hexadecimal": f"o\n12\n{root.hex()}\n",
        "no leaves, but another root": f"o\n0\n{b64(root)}\n",
        "carriage returns": good.replace("\n", "\r\n"),
        "a tab in an extension line": good + "x\ty\n",
    }
    return {
        "provenance": SOURCE,
        "accepted": cases,
        "refused": [{"why": why, "text": text} for why, text in refused.items()],
        "cosigned": {"verifierKey": LOG.verifier, "size": 20_852_163, "note": cosigned()},
    }


def build():
    return {
        "note/notes.json": to_json(notes()),
        "note/refused-notes.json": to_json(refused_notes()),
        "note/refused-keys.json": to_json(refused_keys()),
        "checkpoint/checkpoints.json": to_json(checkpoints()),
    }
