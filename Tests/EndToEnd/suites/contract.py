"""The OpenAPI file is what the server does: schemathesis against a running server."""

import json
import os
import pathlib
import subprocess
import sys

from harness import ROOT, Skip, check, settings

SECONDS = 70
LIMIT_SECONDS = 400
OPENAPI = ROOT / "Schemas" / "openapi.yaml"

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


def test_garbage_gets_documented_answers(env):
    """No 5xx but the documented 503 and 507, and replies conform to their schema."""
    server = env.serve(env.init())
    with server.client() as client:
        for number in range(20):
            client.put(b"%d" % number, f"f{number}", labels={"n": str(number)})
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
        "30",
        "--suppress-health-check",
        "all",
        "--no-color",
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
    server.terminate()
    env.fsck(server.directory)


def test_receipts_and_records_fit_their_schemas(env):
    try:
        import jsonschema
    except ImportError as error:
        raise Skip(f"jsonschema is not installed: {error}") from None
    config = env.write("strongroom.yaml", "collections:\n  secret:\n    sealed: true\n")
    server = env.serve(env.init(), "--config", config)

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
        for index in range(client.tree_size()):
            records.validate(json.loads(client.record(index).body))
            receipts.validate(client.receipt(index).json)
