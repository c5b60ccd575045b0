#!/usr/bin/env bash
# Swift sources as .swift-format says, shell scripts as shellcheck says, Python that compiles.

source "$(dirname "$0")/lib.sh"

status=0
swift format lint --strict -p -r Sources Tests Package.swift || status=1
mapfile -t shell < <(git ls-files -co --exclude-standard -- '*.sh' .ci/run)
shellcheck -x -P SCRIPTDIR "${shell[@]}" || status=1
mapfile -t python < <(git ls-files -co --exclude-standard -- '*.py')
for file in "${python[@]}"; do
    python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])' "$file" ||
        status=1
done
[ "$status" -eq 0 ] || die "lint found something" "\`make fmt\` repairs the formatting."
