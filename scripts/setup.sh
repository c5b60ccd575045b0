#!/usr/bin/env bash
# Installs what is missing on a Debian machine, and nothing else. Safe to run again: a second run
# looks, finds nothing to do, and takes a fraction of a second.
#
#   scripts/setup.sh build   what the build and `make demo` need
#   scripts/setup.sh test    that, and what `make test` needs (the default)

source "$(dirname "$0")/lib.sh"

build_packages=(
    # The C libraries that Package.swift names, and what finds them.
    liblmdb-dev libzstd-dev libssl-dev libcurl4-openssl-dev libmicrohttpd-dev libyaml-dev
    libarchive-dev libexpat1-dev pkg-config
    # What Swift's own installation page asks for on Debian 12, as far as a build needs it.
    binutils git libc6-dev libcurl4 libgcc-12-dev libncurses6 libsqlite3-0 libstdc++-12-dev libxml2
    libz3-4 tzdata zlib1g-dev
    # What the demo and the Makefile call.
    ca-certificates curl jq make procps python3
)
test_packages=(
    awscli          # reads locks with the tool that everybody has
    e2fsprogs       # mkfs.ext4 for the power-cut and full-disk suites
    iproute2        # network namespaces
    libfaketime     # a wall clock that goes back
    lsof            # open files of a running server
    mount           # loop devices
    python3-venv    # the environment of the end-to-end suites
    radosgw ceph-mon ceph-osd   # an S3 store with Object Lock; SeaweedFS comes from PyPI
    shellcheck      # make lint
    strace          # injected disk errors
    zstd            # reads what the store has compressed
)

# Runs a command; what it says is shown only if it fails.
quietly() {
    local output
    output=$("$@" 2>&1) || die "this did not work: $*" "$output"
}

# Names those of the given packages that are not installed.
missing_packages() {
    local package
    for package in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            printf '%s\n' "$package"
    done
}

install_packages() {
    local missing
    mapfile -t missing < <(missing_packages "$@")
    [ "${#missing[@]}" -gt 0 ] || return 0
    command -v apt-get >/dev/null 2>&1 || die "these packages are missing: ${missing[*]}" \
        "This machine has no apt-get; install their equivalents by hand."
    say "setup: installing ${missing[*]}"
    quietly as_root apt-get -o DPkg::Lock::Timeout=300 -qq update
    quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
        -qq -y --no-install-recommends install "${missing[@]}"
}

check_swift() {
    command -v swift >/dev/null 2>&1 || die "Swift was not found on PATH." \
        "Install Swift 6.2 or newer (https://www.swift.org/install/linux/) and put it on PATH."
    local version
    swift --version >/dev/null 2>&1 || die "Swift is on PATH, but it does not start:" \
        "$(swift --version 2>&1 | tail -1)"
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p')
    local major=${version%%.*} minor=${version##*.}
    if [ -z "$version" ] || [ "$major" -lt 6 ] || { [ "$major" -eq 6 ] && [ "$minor" -lt 2 ]; }
    then
        die "Swift ${version:-(unknown version)} is too old; 6.2 or newer is needed." \
            "Install a newer one (https://www.swift.org/install/linux/) and put it on PATH first."
    fi
}

# A Python environment of our own under .cache, every package pinned by hash.
make_environment() {
    local stamp python
    stamp=$(cat scripts/python/requirements*.txt | sha256sum)
    [ "$(cat .cache/venv/stamp 2>/dev/null)" != "$stamp" ] || return 0
    for python in python3 /usr/bin/python3; do
        if "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
            2>/dev/null; then break; fi
        python=
    done
    [ -n "$python" ] || die "Python 3.11 or newer with venv was not found." \
        "On Debian 12: apt-get install python3-venv"
    say "setup: making the Python environment of the tests"
    rm -rf .cache/venv
    mkdir -p .cache
    "$python" -m venv .cache/venv
    local pip=(.cache/venv/bin/python -m pip --quiet --disable-pip-version-check install
        --require-hashes --only-binary :all:)
    "${pip[@]}" -r scripts/python/requirements.txt >&2
    "${pip[@]}" --no-deps --ignore-requires-python -r scripts/python/requirements-tlog.txt >&2
    printf '%s\n' "$stamp" >.cache/venv/stamp
}

# Only the promtool of Debian's package: installing it whole would start a server.
fetch_promtool() {
    [ -x .cache/promtool ] && return 0
    local folder
    folder=$(mktemp -d)
    say "setup: fetching promtool"
    # Where no list of packages is at hand yet, or an old one, it is brought first.
    if ! (cd "$folder" && apt-get -qq download prometheus >/dev/null 2>&1); then
        quietly as_root apt-get -o DPkg::Lock::Timeout=300 -qq update
        (cd "$folder" && quietly apt-get -qq download prometheus)
    fi
    dpkg-deb --fsys-tarfile "$folder"/prometheus_*.deb |
        tar -x -C "$folder" ./usr/bin/promtool
    mkdir -p .cache
    mv "$folder/usr/bin/promtool" .cache/promtool
    rm -rf "$folder"
}

case "${1:-test}" in
build)
    install_packages "${build_packages[@]}"
    check_swift
    ;;
test)
    install_packages "${build_packages[@]}" "${test_packages[@]}"
    check_swift
    make_environment
    fetch_promtool
    ;;
*) die "unknown argument '$1'" "usage: scripts/setup.sh [build|test]" ;;
esac
