#!/usr/bin/env bash
# Resolves requirements.in anew and writes every package with every hash.

source "$(dirname "$0")/lib.sh"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
.cache/venv/bin/python -m venv "$folder"
"$folder/bin/pip" --quiet --disable-pip-version-check install pip-tools
{
    echo "# Written by \`make pin\` from requirements.in: every package, every hash." \
        "Not edited by hand."
    "$folder/bin/pip-compile" --quiet --generate-hashes --strip-extras --no-header \
        --no-annotate --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
        --output-file - scripts/python/requirements.in
} >"$folder/requirements.txt"
mv "$folder/requirements.txt" scripts/python/requirements.txt
