"""The numbers of a run: small ones in `make test`, big ones in `make soak`, each by environment."""

import os

SOAK = os.environ.get("STRONGROOM_SOAK") == "1"
REQUIRE_ALL = os.environ.get("STRONGROOM_REQUIRE_ALL") == "1"


def _number(name, test, soak):
    return int(os.environ.get(name, soak if SOAK else test))


class settings:
    """Each is documented in scripts/soak.sh; `make help` prints them."""

    soak = SOAK
    require_all = REQUIRE_ALL
    seed = int(os.environ.get("STRONGROOM_SEED") or int.from_bytes(os.urandom(4), "big"))
    keep = os.environ.get("STRONGROOM_KEEP") == "1"
    kills = _number("STRONGROOM_KILLS", 15, 500)
    powercut_seconds = _number("STRONGROOM_POWERCUT_SECONDS", 20, 3600)
    big_mib = _number("STRONGROOM_BIG_MIB", 300, 3072)
    flip_step = _number("STRONGROOM_FLIP_STEP", 9, 1)
    idle_connections = _number("STRONGROOM_IDLE_CONNECTIONS", 10_000, 10_000)
    schemathesis_examples = _number("STRONGROOM_SCHEMATHESIS_EXAMPLES", 25, 1000)
    drive_steps = _number("STRONGROOM_DRIVE_STEPS", 3_000, 100_000)
    clock_restarts = _number("STRONGROOM_CLOCK_RESTARTS", 20, 200)
    held_records = _number("STRONGROOM_HELD_RECORDS", 10_000, 10_000)
    erase_records = _number("STRONGROOM_ERASE_RECORDS", 20_000, 100_000)
    erase_kills = _number("STRONGROOM_ERASE_KILLS", 15, 200)
    erase_powercuts = _number("STRONGROOM_ERASE_POWERCUTS", 5, 100)
    acts = _number("STRONGROOM_ACTS", 2_500, 100_000)
    segment_records = _number("STRONGROOM_SEGMENT_RECORDS", 3_000, 260_000)
    large_records = _number("STRONGROOM_LARGE_RECORDS", 66_500, 1_000_000)
    search_records = _number("STRONGROOM_SEARCH_RECORDS", 9_000, 300_000)
    search_large_records = _number("STRONGROOM_SEARCH_LARGE_RECORDS", 70_000, 1_000_000)
    search_segment_records = _number("STRONGROOM_SEARCH_SEGMENT_RECORDS", 5_000, 4_000_000)
