"""A `strongroom witness` process, and what a log says to it."""

import base64
import shutil

from .environment import Skip
from .waiting import check
from .server import Server
from .workload import fill

SIZE_TYPE = "text/x.tlog.size"


class WitnessServer(Server):
    """Started like a log's server; `keys` are the verifier keys of the logs that it follows."""

    def __init__(self, binary, directory, keys, **options):
        super().__init__(binary, directory, **options)
        serve = self.command.index("serve")
        self.command[serve] = "witness"
        for key in keys:
            self.command += ["--log", key]

    def add(self, old, proof, note):
        """One add-checkpoint; the reply."""
        with self.client() as client:
            return client.request("POST", "/add-checkpoint", body(old, proof, note))


def make_witness(env, name="witness", at=None):
    """Makes a witness; returns its directory and verifier key."""
    directory = at or env.path(name)
    made = env.run("witness", directory, "--init", "--name", f"witness.example/{name}")
    key = made.out.strip()
    check(key.count("+") >= 2, f"it prints no verifier key: {made.out}")
    return directory, key


def run_witness(env, directory, *keys, **options):
    """Runs it on a free port and waits until it listens."""
    witness = WitnessServer(env.binary, directory, keys, **options)
    env.defer(witness.kill)
    return witness.start()


def body(old, proof, note):
    """The body of an add-checkpoint request; `proof` is base64 texts."""
    note = note.decode() if isinstance(note, bytes) else note
    return (f"old {old}\n" + "".join(item + "\n" for item in proof) + "\n" + note).encode()


def head(note):
    """(origin, size, root) of a checkpoint."""
    lines = (note.decode() if isinstance(note, bytes) else note).split("\n")
    return lines[0], int(lines[1]), base64.b64decode(lines[2])


def proof_between(client, old, new):
    """What the log's server gives as its consistency proof."""
    return client.consistency(old, new).json["proof"] if 0 < old <= new else []


def library():
    try:
        import aics_tlog
        import aics_witness
    except ImportError as error:
        raise Skip(f"aics-witness is not installed: {error}") from None
    return aics_tlog, aics_witness


def verify(reply, note, key):
    """Another implementation confirms the cosignature; returns its time."""
    tlog, _ = library()
    from aics_tlog import cosign

    check(reply.status == 200, f"{reply}")
    witness = tlog.parse_vkey(key)
    text = note.decode() if isinstance(note, bytes) else note
    read = tlog.parse_note(text + reply.body.decode())
    line = read.signatures[-1]
    check(line.name == witness.name and line.key_id == witness.key_id, f"{line}")
    origin, size, root = head(text)
    good = cosign.verify_cosignature(
        line.signature, witness.name, witness.public_key, origin, size, root
    )
    check(good, "the cosignature is not valid")
    return int.from_bytes(line.signature[:8], "big")


def twins(env, common=3):
    """Two servers with one key that tell different stories after `common` records."""
    one = env.init("one", height=8)
    server = env.serve(one)
    with server.client() as client:
        fill(client, common - 1)
    check(server.terminate() == 0, "it did not drain")
    two = env.path("two")
    shutil.copytree(one, two)
    return env.key_of(one), env.serve(one), env.serve(two)


class Feed:
    """Sends the checkpoint of a server to a witness, as a log would."""

    def __init__(self, witness, server):
        self.witness, self.server = witness, server

    def note(self):
        with self.server.client() as client:
            return client.checkpoint().body

    def send(self, old, note=None):
        note = note or self.note()
        with self.server.client() as client:
            proof = proof_between(client, old, head(note)[1])
        return self.witness.add(old, proof, note)


def named(reply):
    """The size in a 409."""
    check(reply.status == 409, f"{reply}")
    check(reply.headers["Content-Type"] == SIZE_TYPE, f"{reply.headers}")
    check(reply.body.endswith(b"\n"), f"{reply}")
    return int(reply.body)
