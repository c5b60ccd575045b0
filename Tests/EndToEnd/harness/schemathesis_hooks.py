"""Loaded by schemathesis: bodies of the batch route, which takes a tar archive."""

import pathlib
import sys

import schemathesis

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.client import tar  # noqa: E402


@schemathesis.serializer("application/x-tar")
def serialize_tar(context, value):
    """Half of what is made up goes into an archive, the other half goes out as it is."""
    data = value if isinstance(value, bytes) else str(value).encode()
    if sum(data) % 2:
        return data
    size = max(1, len(data) // 3)
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    return tar([(f"part{number}", part) for number, part in enumerate(parts)])
