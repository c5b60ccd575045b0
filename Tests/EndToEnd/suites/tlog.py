"""The outside tools read us: a C2SP tlog-tiles client that we did not write."""

import base64
import json
import subprocess
import sys

from harness import Skip, cases, check, settings
from harness.workload import fill
from verify_receipt import verify_receipt

SECONDS = 4


def library():
    try:
        import aics_tlog
    except ImportError as error:
        raise Skip(f"aics-tlog is not installed: {error}") from None
    return aics_tlog


@cases(1, 2, 255, 256, 258, 700, 3000)
def test_tiles_and_checkpoint_of_a_log_of_this_size(env, size):
    tlog = library()
    data = env.init(height=8)
    server = env.serve(data)
    with server.client() as client:
        # The first record of every further segment is the census of those before it.
        fill(client, size - 1 - (size - 1) // 256, batch=700)
    key = tlog.parse_vkey(env.key_of(data))
    reader = tlog.HttpTileReader([server.url + "/"], proxies={})
    note = tlog.parse_note(reader.read_checkpoint())
    result = tlog.verify_checkpoint(note, key, expected_origin=key.name)
    check(result.ok and result.size == size, f"{result}")
    report = tlog.audit_tiles(reader, result.size, result.root)
    env.note(f"{report.tiles} tiles and {report.bundles} entry bundles audited")
    verified = tlog.VerifiedTileReader(reader, result.size, result.root)
    with server.client() as client:
        for index in env.random.sample(range(size), min(size, 40)):
            entry = verified.entry(index)
            check(client.record(index).body == entry, f"record {index} is not the log's entry")
            proof = tlog.inclusion_proof_from_tiles(verified, index, size)
            check(
                tlog.verify_leaf_inclusion(entry, index, size, proof, result.root),
                f"inclusion of {index}",
            )
            receipt = verify_receipt(client.receipt(index).body, env.key_of(data))
            ours = receipt["proof"]
            check([tlog_base64(item) for item in proof] == ours, f"the proofs of {index} differ")


def tlog_base64(data):
    return base64.b64encode(data).decode()


def test_growth_seen_from_outside(env):
    tlog = library()
    data = env.init(height=8)
    server = env.serve(data)
    key = tlog.parse_vkey(env.key_of(data))
    reader = tlog.HttpTileReader([server.url + "/"], proxies={})
    heads = []
    with server.client() as client:
        for count in (1, 3, 100, 200, 500):
            fill(client, count, tag=f"t{count}")
            note = tlog.parse_note(reader.read_checkpoint())
            result = tlog.verify_checkpoint(note, key, expected_origin=key.name)
            check(result.ok, f"{result}")
            heads.append(result)
        for old in heads:
            new = heads[-1]
            proof = tlog.consistency_proof_from_tiles(reader, old.size, new.size)
            check(
                tlog.verify_consistency(old.size, new.size, old.root, new.root, proof),
                f"growth from {old.size} to {new.size}",
            )
            ours = client.consistency(old.size, new.size).json["proof"]
            check([tlog_base64(item) for item in proof] == ours, "the proofs differ")


def test_their_command_line(env):
    library()
    data = env.init()
    server = env.serve(data)
    with server.client() as client:
        fill(client, 300)
    env.write("key", env.key_of(data) + "\n")
    command = [sys.executable, "-m", "aics_tlog", "verify-checkpoint"]
    command += ["--tiles", server.url + "/", "--vkey-file", str(env.path("key"))]
    result = subprocess.run(command, capture_output=True, text=True, cwd=env.directory)
    check(result.returncode == 0, result.stdout + result.stderr)
    check(json.loads(result.stdout)["ok"], result.stdout)


def test_a_second_implementation_of_the_tree_agrees(env):
    """pymerkle, given the same records, comes to the same root."""
    try:
        import pymerkle
    except ImportError as error:
        raise Skip(f"pymerkle is not installed: {error}") from None
    data = env.init()
    server = env.serve(data)
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    with server.client() as client:
        fill(client, 300 if not settings.soak else 5000)
        size = client.tree_size()
        for index in range(size):
            tree.append_entry(client.record(index).body)
        root = client.checkpoint().body.decode().split("\n")[2]
    check(tlog_base64(tree.get_state()) == root, "the roots differ")
