#!/usr/bin/env bash
# Line coverage of each target by the unit tests; the pure and engine ones must reach 90 %.
# Builds beside the usual debug build, so that neither throws the other away.

source "$(dirname "$0")/lib.sh"

options=(--scratch-path .build/coverage --explicit-target-dependency-import-check error)
swift test "${options[@]}" --disable-xctest --enable-code-coverage --skip TidyTests
report=$(swift test "${options[@]}" --show-codecov-path)
python3 scripts/coverage.py "$report"
