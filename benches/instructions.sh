#!/usr/bin/env bash
# Counts the instructions of a packet's way, from the datagram to the radio's lane, under valgrind:
# the same on every run, however busy the machine is. Fails if a case needs more than it may.
# What a case may need is what it needed when it was written down, and a tenth more for another
# compiler. A change that makes it better lowers the number here.
# usage: benches/instructions.sh
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/need.sh
need valgrind:valgrind
cargo build --release --locked -p wristcast-benches --bin path
path=${CARGO_TARGET_DIR:-target}/release/path

count() { # case, packets
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$path" "$1" "$2" 2>&1 |
    sed -n 's/.*Collected : //p'
}

failed=0
while read -r name most; do
  few=$(count "$name" 300) many=$(count "$name" 1300)
  each=$(((many - few) / 1000))
  verdict="at most $most"
  [ "$each" -le "$most" ] || { verdict="TOO MANY, $verdict"; failed=1; }
  printf '%-16s %6d instructions a packet (%s)\n' "$name" "$each" "$verdict"
done <<'CASES'
sacn-still 1180
sacn-changes 34400
sacn-flashes 151000
sacn-two-merged 33500
artnet-changes 34300
not-patched 450
CASES
exit "$failed"
