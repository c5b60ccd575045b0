"""A log's witnesses, the policy that names them, and who has signed what, judged anew."""

import base64
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .waiting import check, eventually
from .witness import make_witness, run_witness


class Panel:
    """Witnesses by name, the policy that a log follows, and files that name them."""

    def __init__(self, env, names, needed, log_key):
        self.env, self.needed, self.log_key = env, needed, log_key
        self.directories, self.keys, self.urls, self.running = {}, {}, {}, {}
        for name in names:
            self.directories[name], self.keys[name] = make_witness(env, name)
            self.start(name)

    def start(self, name):
        """Starts it, at the address that it had before."""
        old = self.running.get(name)
        witness = run_witness(self.env, self.directories[name], self.log_key) if not old else old
        if old:
            old.command[old.command.index("--listen") + 1] = f"127.0.0.1:{old.port}"
            old.port = None
            old.start()
        self.running[name], self.urls[name] = witness, witness.url

    def kill(self, name):
        self.running[name].kill()

    def add(self, name, key, url):
        self.keys[name], self.urls[name] = key, url

    def policy(self, names=None, needed=None, log=True, file="policy"):
        """Writes a policy file; returns its path."""
        names = names or list(self.keys)
        lines = [f"log {self.log_key}"] if log else []
        lines += [f"witness {name} {self.keys[name]} {self.urls[name]}" for name in names]
        lines += [f"group enough {needed or self.needed} {' '.join(names)}", "quorum enough", ""]
        return self.env.write(file, "\n".join(lines).encode())

    def config(self, name="server.yaml", **more):
        settings = {"everySeconds": 1, "timeoutSeconds": 3, **more}
        lines = ["witnesses:", f"  policyFile: {self.policy()}"]
        lines += [f"  {key}: {value}" for key, value in settings.items()]
        return self.env.write(name, ("\n".join(lines) + "\n").encode())


def panel(env, names=("a", "b", "c"), needed=2):
    data = env.init(height=8)
    made = Panel(env, names, needed, env.key_of(data))
    return made, env.serve(data, "--config", made.config())


def cosigned_receipt(server, index):
    """The receipt once the witnesses have confirmed a tree that has the record."""

    def fetch():
        with server.client() as client:
            reply = client.get(f"/v1/records/{index}/receipt?cosigned=true")
        if reply.status == 200:
            return reply
        check(reply.status == 503 and "not-cosigned" in reply.body.decode(), f"{reply}")
        check(int(reply.headers["Retry-After"]) >= 1, f"{reply.headers}")
        return None

    return eventually(fetch, "no cosigned receipt came")


def voices(note, keys):
    """Who has cosigned a note: checked with `cryptography`, by the text of C2SP."""
    text, _, lines = note.partition("\n\n")
    text, found = text + "\n", {}
    for line in lines.splitlines():
        dash, name, blob = line.split(" ")
        check(dash == "—", line)
        raw = base64.b64decode(blob)
        for label, key in keys.items():
            key_name, key_id, rest = key.split("+", 2)
            public = base64.b64decode(rest)
            check(public[0] == 4, key)
            computed = hashlib.sha256(key_name.encode() + b"\n" + public).digest()[:4]
            check(computed.hex() == key_id, key)
            if (name, raw[:4]) != (key_name, computed):
                continue
            seconds = int.from_bytes(raw[4:12], "big")
            signed = f"cosignature/v1\ntime {seconds}\n{text}".encode()
            try:
                Ed25519PublicKey.from_public_bytes(public[1:]).verify(raw[12:], signed)
            except InvalidSignature:
                raise AssertionError(f"{label} has not signed this:\n{note}") from None
            found[label] = seconds
    return found


def sample(server, name, **labels):
    with server.client() as client:
        found = client.metrics()
    words = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return found[f"{name}{{{words}}}" if words else name]


def damaged(note):
    """The same note with another last byte in its last signature."""
    lines = note.splitlines(keepends=True)
    raw = bytearray(base64.b64decode(lines[-1].split(" ")[2]))
    raw[-1] ^= 1
    lines[-1] = " ".join([*lines[-1].split(" ")[:2], base64.b64encode(raw).decode()]) + "\n"
    return "".join(lines)
