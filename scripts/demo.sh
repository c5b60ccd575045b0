#!/usr/bin/env bash
# Shows what Strongroom does, on real files of this machine: some minutes, most of them the build.
# Everything is made in a temporary directory, which is gone afterwards. DEMO_KEEP=1 keeps it.

source "$(dirname "$0")/lib.sh"

folder=$(mktemp -d "${TMPDIR:-/tmp}/strongroom-demo-XXXXXX")
server=
finish() {
    local status=$?
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    [ -z "$server" ] || wait "$server" 2>/dev/null || true
    if [ "${DEMO_KEEP:-}" = 1 ]; then
        say "Kept: $folder"
    else
        chmod -R u+w "$folder" 2>/dev/null || true
        rm -rf "$folder"
    fi
    [ "$status" -eq 0 ] || say "The demo did not get to its end (exit code $status)."
}
trap finish EXIT

# --- how the demo speaks ---

number=0
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else
    bold='' dim='' plain=''
fi
step() {
    number=$((number + 1))
    printf '\n%s%d. %s%s\n' "$bold" "$number" "$1" "$plain"
    shift
    for line in "$@"; do printf '   %s\n' "$line"; done
}
# Shows a command as a person would type it, and runs it.
key=
show() {
    local line=${*//"$folder"\//}
    # shellcheck disable=SC2016  # It is shown, not expanded.
    [ -z "$key" ] || line=${line//"$key"/'"$STRONGROOM_KEY"'}
    printf '   %s$ %s%s\n' "$dim" "$line" "$plain"
    "$@" 2>&1 | sed -e "s|$folder/||g" -e 's/^/   /'
}

binary=$root/.build/release/strongroom
strongroom() { "$binary" "$@"; }

# --- 1, 2: what is needed ---

step "What the build needs" "Debian packages are installed if they are missing; nothing else is."
scripts/setup.sh build
say "   all there"

step "Building" "The first build takes some minutes, later ones seconds."
started=$SECONDS
if ! swift --version >"$folder/build.log" 2>&1 ||
    ! make --no-print-directory build >>"$folder/build.log" 2>&1; then
    tail -40 "$folder/build.log" >&2
    die "the build failed" "The lines above say why."
fi
size=$(du -Lh "$root/.build/release/strongroom" | cut -f1)
printf '   %s in %d s\n' "$size" $((SECONDS - started))

# --- 3: a log, and a server ---

step "An empty log" \
    "A log is a directory. Its verifier key is what auditors need, and all that they need."
show strongroom init "$folder/data" --origin demo.example/evidence
is_key='.. | strings | select(test("^[^+]+[+][0-9a-f]{8}[+]"))'
key=$(jq -r "[$is_key][0] // empty" "$folder/data/log.json")
[ -n "$key" ] || die "the log has no verifier key" "See $folder/data/log.json."

step "A server" "It listens on this machine only, on a port that is free."
"$binary" serve "$folder/data" --listen 127.0.0.1:0 >/dev/null 2>"$folder/server.log" &
server=$!
for _ in $(seq 100); do
    url=$(sed -n 's/.*listening on \(http:[^ "]*\).*/\1/p' "$folder/server.log" | head -1)
    [ -z "$url" ] || break
    kill -0 "$server" 2>/dev/null || { cat "$folder/server.log" >&2; die "the server has ended"; }
    sleep 0.1
done
[ -n "$url" ] || die "the server did not get ready" "$(cat "$folder/server.log")"
printf '   listening on %s\n' "$url"
printf '   From here on the command line knows the server and pins the key:\n'
printf '   %s$ export STRONGROOM_SERVER=%s STRONGROOM_KEY=%s%s\n' "$dim" "$url" "$key" "$plain"
export STRONGROOM_SERVER=$url STRONGROOM_KEY=$key

# --- 5-8: evidence goes in ---

step "A pipeline pushes evidence" \
    "Nothing but curl: the body is the payload, the answer is the receipt." \
    "When the answer is there, the evidence is on the disk and proven to be in the log."
printf '   %s$ curl --data-binary @/etc/os-release %s%s\n' "$dim" \
    "'$url/v1/collections/machine/evidence?name=os-release'" "$plain"
curl --silent --show-error --fail --data-binary @/etc/os-release \
    -H 'Content-Type: text/plain' -H 'Idempotency-Key: demo-os-release' \
    "$url/v1/collections/machine/evidence?name=os-release&label=from=demo" \
    >"$folder/os-release.receipt.json"
jq . "$folder/os-release.receipt.json" | cut -c1-110 | sed 's/^/   /'
index=$(jq .index "$folder/os-release.receipt.json")
printf '   The record itself, as everybody can see it, now and in seven years:\n'
jq -r .record "$folder/os-release.receipt.json" | jq . | sed 's/^/   /'

step "More of it: this machine's packages, and the report of the build" \
    "The command line does the same. Each line: index, SHA-256, name, locked until."
dpkg-query -W >"$folder/packages.txt"
show strongroom put "$folder/packages.txt" --collection machine --name packages.txt --retain 90d
show strongroom put "$folder/build.log" --collection ci --name build/report.log --label stage=build

step "A whole directory" "Some hundred real files of this machine: licences and copyrights."
mkdir -p "$folder/papers"
cp -L /usr/share/common-licenses/* "$folder/papers/" 2>/dev/null || true
for file in /usr/share/doc/*/copyright; do
    package=$(basename "$(dirname "$file")")
    cp -L "$file" "$folder/papers/$package.copyright" 2>/dev/null || true
    [ "$(find "$folder/papers" -type f | wc -l)" -lt 400 ] || break
done
count=$(find "$folder/papers" -type f | wc -l)
started=$(date +%s%N)
strongroom put "$folder/papers" --collection papers --receipts "$folder/receipts" \
    >"$folder/put.txt" 2>"$folder/put.log"
elapsed=$((($(date +%s%N) - started) / 1000000))
tail -3 "$folder/put.txt" | cut -c1-130 | sed 's/^/   /'
printf '   %d files in %d ms, each with a receipt of its own\n' "$count" "$elapsed"
[ "$(wc -l <"$folder/put.txt")" -eq "$count" ] || die "not every file was taken"

step "The same directory again adds nothing" "Every request has a key; a known one is recognised."
size() { curl --silent --fail "$url/checkpoint" | sed -n 2p; }
before=$(size)
strongroom put "$folder/papers" --collection papers >/dev/null 2>"$folder/put.log"
tail -1 "$folder/put.log" | sed 's/^/   /'
[ "$(size)" -eq "$before" ] || die "the second run has added records"
printf '   records before: %s, after: %s\n' "$before" "$(size)"

# --- 9: evidence is held, and erased ---

step "A lock that is over, a hold that keeps it, and a lawful erasure" \
    "Drafts are locked for a second only. Nothing else here could be erased for years."
show strongroom policy set drafts --mode governance --min 1s --default 1s --max 30d
strongroom put "$folder/os-release.receipt.json" --collection drafts --name draft \
    --receipts "$folder/receipts" >"$folder/put.txt" 2>/dev/null
draft=$(cut -d' ' -f1 "$folder/put.txt")
show strongroom hold place case/2031-7 "$draft" --reason 'subpoena of 3 March'
sleep 3
show strongroom erase due --why-not --collection drafts
show strongroom hold release case/2031-7 --reason 'case closed'
show strongroom erase due --apply --collection drafts
strongroom erase proof "$draft" -o "$folder/draft.erased.json"
strongroom get "$draft" >/dev/null 2>"$folder/get.log" && die "an erased payload was served"
tail -1 "$folder/get.log" | cut -c1-150 | sed 's/^/   /'
show strongroom verify --receipt "$folder/receipts/draft.receipt.json" \
    --certificate "$folder/draft.erased.json" --key "$key"

# --- 10-15: evidence is proven ---

step "The log only grew" "From its first record to the newest, proven against the key."
show strongroom consistency --from 1 --to "$(size)" --key "$key"

step "An auditor takes all of it along" \
    "Evidence, proofs and a verifier in one tar; the log notes who took what."
show strongroom export --collection papers --reason 'audit of 2026' -o "$folder/papers.tar"

step "A fresh proof for the very first file, and then the server stops"
strongroom prove "$index" -o "$folder/proof.json"
strongroom get "$index" -o "$folder/os-release" 2>/dev/null
kill -TERM "$server"
wait "$server" || die "the server did not end in order" "$(tail -5 "$folder/server.log")"
server=
unset STRONGROOM_SERVER
printf '   stopped; what follows needs no server and no network\n'

step "An auditor verifies it offline" "Payload, record, leaf, tree, signature: each step is shown."
show strongroom verify "$folder/os-release" --receipt "$folder/proof.json" --key "$key"

step "One changed byte is refused" "The same file with its first byte changed:"
{ printf '#'; tail -c +2 "$folder/os-release"; } >"$folder/os-release.changed"
set +e
show strongroom verify "$folder/os-release.changed" --receipt "$folder/proof.json" --key "$key"
strongroom verify "$folder/os-release.changed" --receipt "$folder/proof.json" --key "$key" \
    >/dev/null 2>&1
code=$?
set -e
[ "$code" -eq 1 ] || die "a changed file was accepted (exit code $code)"
printf '   refused, exit code 1\n'

step "The bundle is checked by Python alone" \
    "One file of its standard library, which lies in the bundle; no Strongroom is needed for it."
mkdir "$folder/bundle"
tar -xf "$folder/papers.tar" -C "$folder/bundle"
show python3 -I "$folder"/bundle/*/verify.py --key "$key"

step "Everything on the disk is checked once more"
show strongroom fsck "$folder/data"

cat <<END

${bold}That was all of it.${plain} What to do next:

   make install PREFIX=\$HOME/.local             puts strongroom there
   strongroom init DIR && strongroom serve DIR   a log of your own, on 127.0.0.1:7440
   strongroom put --help                         pushes files; curl does it too
   make test                                     what we claim, tested (about 22 minutes)

README.md says what is guaranteed and what is not; ARCHITECTURE.md how it is built.
END
