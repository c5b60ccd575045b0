#!/usr/bin/env bash
# The end-to-end suites with big numbers; hours. `make soak SUITES='kill powercut'` runs some.
#
# SETTINGS
# name                              test      soak  what
# STRONGROOM_KILLS                    15       500  kill -9 rounds
# STRONGROOM_POWERCUT_SECONDS         20      3600  how long the power is cut again and again
# STRONGROOM_BIG_MIB                 300      3072  size of the big payload
# STRONGROOM_DRIVE_STEPS            3000    100000  random steps of locks, holds and erasures
# STRONGROOM_CLOCK_RESTARTS           20       200  restarts with a wall clock 11 years ahead
# STRONGROOM_HELD_RECORDS          10000     10000  records under one hold by selection
# STRONGROOM_ERASE_RECORDS         20000    100000  records of which half are erased
# STRONGROOM_ERASE_KILLS              15       200  kill -9 in the middle of an erasure
# STRONGROOM_ERASE_POWERCUTS           5       100  power cuts in the middle of an erasure
# STRONGROOM_ACTS                   2500    100000  acts from which the catalog is made anew
# STRONGROOM_SEGMENT_RECORDS        3000    260000  records in segments of 2^8
# STRONGROOM_LARGE_RECORDS         66500   1000000  records in segments of 2^16
# STRONGROOM_SEARCH_RECORDS         9000    300000  records whose searches go through kills
# STRONGROOM_SEARCH_LARGE_RECORDS  70000   1000000  records among which pages are timed
# STRONGROOM_SEARCH_SEGMENT_RECORDS 5000   4000000  records in very many segments of 2^8
# STRONGROOM_FLIP_STEP                 9         1  verify: one changed byte in so many is tried
# STRONGROOM_IDLE_CONNECTIONS      10000     10000  idle connections
# STRONGROOM_SCHEMATHESIS_EXAMPLES    25      1000  garbage requests for each route
# STRONGROOM_SEED                 random    random  replays a run
# STRONGROOM_JOBS                      3         1  suites side by side
# STRONGROOM_REQUIRE_ALL                         1  =1: a test that cannot run has failed
# STRONGROOM_KEEP                                   =1: the files of failed tests are kept
# STRONGROOM_BINARY                                 another binary than .build/release/strongroom
# END

source "$(dirname "$0")/lib.sh"

export STRONGROOM_SOAK=1
export STRONGROOM_JOBS="${STRONGROOM_JOBS:-1}"
export STRONGROOM_REQUIRE_ALL="${STRONGROOM_REQUIRE_ALL:-1}"
exec .cache/venv/bin/python Tests/EndToEnd/run.py "$@"
