"""The OpenAPI file is what the server does: schemathesis against a running server."""

import json
import os
import pathlib
import subprocess
import sys

from harness import ROOT, Skip, check, settings

SECONDS = 28
OPENAPI = ROOT / "Schemas" / "openapi.yaml"

POLICY = {"mode": "COMPLIANCE", "minimum": "1d", "default": "7d", "maximum": "1y", "event": "e"}
HOOKS = ROOT / "Tests" / "EndToEnd" / "harness" / "schemathesis_hooks.py"


def tool(name):
    path = pathlib.Path(sys.executable).parent / name
    if not path.exists():
        raise Skip(f"{name} is not installed; scripts/setup.sh does that")
    return path


def test_the_openapi_file_is_valid(env):
    result = subprocess.run(
        [tool("openapi-spec-validator"), str(OPENAPI)], capture_output=True, text=True
    )
    check(result.returncode == 0, result.stdout + result.stderr)


def bombard(env, server, *options):
    """schemathesis on a running server; fails with what it has found."""
    command = [
        tool("schemathesis"),
        "run",
        str(OPENAPI),
        "--url",
        server.url,
        "--checks",
        "all",
        "--exclude-checks",
        "positive_data_acceptance,ignored_auth",
        "--max-examples",
        str(settings.schemathesis_examples),
        "--seed",
        str(settings.seed % 2**32),
        "--request-timeout",
        "120",
        "--suppress-health-check",
        "all",
        "--no-color",
        *options,
    ]
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=env.directory,
        env={**os.environ, "NO_PROXY": "127.0.0.1", "SCHEMATHESIS_HOOKS": str(HOOKS)},
    )
    check(server.running, lambda: f"it ended the server:\n{server.log()}")
    check(result.returncode == 0, f"{result.stdout[-6000:]}\n{result.stderr[-1000:]}")
    for line in result.stdout.split("\n"):
        if "generated" in line or "passed" in line:
            env.note(line.strip())


# What ends the play for all others: the first token, and the end of the log.
LAST_WORDS = r"^/v1/(tokens|log/close)"


def test_garbage_gets_documented_answers(env):
    """No 5xx but the documented 503 and 507, and replies conform to their schema."""
    server = env.serve(env.init())
    with server.client() as client:
        for number in range(20):
            labels = {"n": str(number)}
            client.put(
                b"%d" % number, f"f{number}", labels=labels, retain="1s" if number % 2 else None
            )
        client.hold("case/1", records=[2, 4])
    bombard(env, server, "--exclude-path-regex", LAST_WORDS)
    server.terminate()
    env.fsck(server.directory)


def test_garbage_with_a_token(env):
    """The routes of tokens, and the end of a log, by one who may use them."""
    data = env.init()
    token = env.token(data, "boss", "admin")
    server = env.serve(data)
    header = f"Authorization: Bearer {token}"
    bombard(env, server, "--include-path-regex", LAST_WORDS, "--header", header)
    server.terminate()
    env.fsck(data)


def test_receipts_and_records_fit_their_schemas(env):
    try:
        import jsonschema
    except ImportError as error:
        raise Skip(f"jsonschema is not installed: {error}") from None
    server = env.serve(env.init())
    env.seal(server, "secret")

    def schema(name):
        text = (ROOT / "Schemas" / name).read_text()
        value = json.loads(text)
        kind = jsonschema.validators.validator_for(value)
        kind.check_schema(value)
        return kind(value)

    receipts, records = schema("receipt.schema.json"), schema("record.schema.json")
    with server.client() as client:
        for number in range(6):
            collection = "secret" if number % 2 else "open"
            labels = {"a/b": "c"} if number % 3 else None
            key = f"k{number}" if number > 2 else None
            reply = client.put(b"x", f"f{number}", collection, labels, key)
            check(reply.status == 201, f"{reply}")
            receipts.validate(reply.json)
        for act in (
            lambda: client.extend(2, "2090-01-01"),
            lambda: client.hold("case/1", records=[2, 3, 5]),
            lambda: client.hold("case/2", selection={"collection": "open", "prefix": "f"}),
            lambda: client.release("case/1", [2]),
            lambda: client.release("case/2"),
            lambda: client.set_policy("c", POLICY),
            lambda: client.create_token("boss", "admin"),
        ):
            reply = act()
            check(reply.status == 201, f"{reply}")
        client.token = reply.json["token"]
        client.token = client.create_token("auditor", "auditor").json["token"]
        for index in range(client.tree_size()):
            records.validate(json.loads(client.record(index).body))
            receipts.validate(client.receipt(index).json)
