#!/usr/bin/env bash
# The relay over real Bluetooth stacks: a virtual machine (User-Mode Linux, no KVM, no Bluetooth
# hardware) with Linux's Bluetooth, BlueZ and Bumble bands; `wristcast run` in it, real UDP in.
#
# usage: run.sh [CACHE] [SCENARIO...]
#   CACHE     kernel and file system are kept here; default target/bluetooth-bed
#   SCENARIO  default: all, see scenario.py; `latency` is the four of which the table is made
# needs: Debian 12 on x86-64, root (apt, mmdebstrap), Rust; two cores, 3 GB of disk, 1 GB of memory.
#   From nothing, the kernel, the file system and the relay are built first.
# It says nothing about radio: the virtual link has no loss and no connection intervals.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=$(realpath -m "${1:-$root/target/bluetooth-bed}")
shift || true
[ $# -gt 0 ] || set -- latency blackout slow comeback restart unplugged shared wrong-bands limit inventory user-channel

machine=$(bash "$here/machine.sh" "$cache")
{ read -r kernel && read -r files; } <<<"$machine"
cargo build --release --locked --manifest-path "$root/Cargo.toml" --bin wristcast
cargo build --release --locked --manifest-path "$root/Cargo.toml" -p wristcast-broadcast-frame --example hear
built=${CARGO_TARGET_DIR:-$root/target}/release

# In memory: a disk that is busy with other things would hold up the whole virtual machine.
runs=$(mktemp -d /dev/shm/bluetooth-bed-XXXXXX)
trap 'rm -rf "$runs"' EXIT
for program in wristcast examples/hear; do strip -o "$runs/${program##*/}" "$built/$program"; done

# Runs one scenario; its verdict is in $runs/NAME/exit.
play() {
  local share=$runs/$1
  mkdir "$share"
  cp "$runs"/{wristcast,hear} "$here"/{bands,desk,listeners,on_air,scenario}.py "$share"
  echo "$1" >"$share/scenario"
  # A virtual machine gathers no randomness of its own for minutes, and keys wait for it.
  head -c 64 /dev/urandom >"$share/seed"
  timeout -k 5 300 "$kernel" mem=512M rootfstype=hostfs rootflags="$files" ro init=/init \
    con0=null,fd:1 con=null quiet share="$share" </dev/null >"$share/console" 2>&1 || true
}

passed=0 failed=0
: >"$runs/table"
# Prints what came of one scenario, and keeps what is needed if it failed.
judge() {
  local share=$runs/$1
  echo "== $1 (until $SECONDS s)"
  grep -v '^table ' "$share/log" 2>/dev/null || true
  sed -n 's/^table *//p' "$share/log" 2>/dev/null >>"$runs/table" || true
  if [ "$(cat "$share/exit" 2>/dev/null)" = 0 ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    [ -e "$share/exit" ] || { echo "the machine did not get to its end:"; tail -20 "$share/console"; }
    rm -rf "$cache/failed/$1" "$share"/{wristcast,hear}
    mkdir -p "$cache/failed"
    cp -r "$share" "$cache/failed/$1"
    echo "FAILED $1; logs in $cache/failed/$1"
  fi
  rm -rf "$share"
}

# A machine has one processor. Where times are judged closely, it has a core to itself and nobody
# beside it; the others, which mostly wait, run two at a time.
alone=() together=()
for scenario in "$@"; do
  case $scenario in
    latency) alone+=(stream-1 stream-4 stream-8 stream-16) ;;
    stream-* | blackout | slow) alone+=("$scenario") ;;
    *) together+=("$scenario") ;;
  esac
done
for scenario in "${alone[@]}"; do
  play "$scenario"
  judge "$scenario"
done
for ((at = 0; at < ${#together[@]}; at += 2)); do
  pair=("${together[@]:at:2}")
  for scenario in "${pair[@]}"; do play "$scenario" & done
  wait
  for scenario in "${pair[@]}"; do judge "$scenario"; done
done

if [ -s "$runs/table" ]; then
  echo "== latency: every band 44 looks a second; a UDP packet to a band's write, and how far a band is behind"
  echo "| bands | looks that arrived | UDP packet to band, p50 | p99 | behind, p50 | p99 |"
  echo "|---|---|---|---|---|---|"
  cat "$runs/table"
fi
echo "$passed passed, $failed failed, after $SECONDS s"
[ "$failed" = 0 ]
