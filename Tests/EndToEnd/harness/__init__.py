"""What the end-to-end suites share: a server to start, a client to call it, files to break."""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "scripts" / "python"))

from .client import Client, Reply  # noqa: E402
from .environment import Environment, Skip, cases  # noqa: E402
from .server import Server, ServerFailed  # noqa: E402
from .settings import settings  # noqa: E402
from .waiting import check, eventually, settled, within_a_day  # noqa: E402

__all__ = [
    "ROOT",
    "Client",
    "Environment",
    "Reply",
    "Server",
    "ServerFailed",
    "Skip",
    "cases",
    "check",
    "eventually",
    "settled",
    "settings",
    "within_a_day",
]
