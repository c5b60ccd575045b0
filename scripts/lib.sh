# Shared by the shell scripts of this folder; sourced, never run.
# shellcheck shell=bash

set -euo pipefail

# The folder of the source tree, with every script started from there.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

say() { printf '%s\n' "$*" >&2; }

# Ends the script with what happened and what to do next.
die() {
    printf 'error: %s\n' "$1" >&2
    shift
    for line in "$@"; do printf '       %s\n' "$line" >&2; done
    exit 1
}

# Runs a command as root: as we are, or through sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        die "this needs root: $*" "Run it as root, or install sudo."
    fi
}
