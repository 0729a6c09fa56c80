#!/usr/bin/env bash
# The relay over real Bluetooth stacks: a virtual machine (User-Mode Linux, no KVM, no Bluetooth
# hardware) with Linux's Bluetooth, BlueZ and Bumble bands; `wristcast run` in it, real UDP in.
#
# usage: run.sh [CACHE] [SCENARIO...]
#   CACHE     kernel and file system are kept here; default target/bluetooth-bed
#   SCENARIO  default: all, see scenario.py
# needs: Debian 12 on x86-64, root (apt, mmdebstrap), Rust; two cores, 3 GB of disk, 1 GB of memory.
#   With a full cache and a built relay about 4 minutes. From nothing: the kernel, the file system and
#   the relay are built first; how long that takes on a quiet machine has not been measured.
# It says nothing about radio: the virtual link has no loss and no connection intervals.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=$(realpath -m "${1:-$root/target/bluetooth-bed}")
shift || true
[ $# -gt 0 ] || set -- stream-1 stream-4 stream-8 stream-16 comeback \
  restart slow unplugged other-kind locked blackout limit

die() { echo "bluetooth bed: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || die "needs root"
[ "$(uname -m)" = x86_64 ] || die "needs an x86-64 machine"
grep -q '^VERSION_CODENAME=bookworm' /etc/os-release || die "needs Debian 12 (bookworm)"
mkdir -p "$cache"

# Each part is kept under a name that says what it was made from.
key() { cat "$@" | sha256sum | cut -c1-12; }
kernel=$cache/linux-$(key "$here/kernel.sh")
files=$cache/root-$(key "$here/rootfs.sh" "$here/init")
if [ ! -e "$kernel" ] || [ ! -e "$files" ]; then
  echo "building what is missing in $cache"
  apt-get update -qq
  # One after the other: both use apt, and the kernel takes all cores anyway.
  [ -e "$kernel" ] || bash "$here/kernel.sh" "$kernel" || die "no kernel"
  [ -e "$files" ] || bash "$here/rootfs.sh" "$files" || die "no file system"
  echo "built after $SECONDS s"
fi
cargo build --release --locked --manifest-path "$root/Cargo.toml" --bin wristcast
binary=${CARGO_TARGET_DIR:-$root/target}/release/wristcast

# In memory: a disk that is busy with other things would hold up the whole virtual machine.
runs=$(mktemp -d /dev/shm/bluetooth-bed-XXXXXX)
trap 'rm -rf "$runs"' EXIT
passed=0 failed=0
for scenario in "$@"; do
  share=$runs/$scenario
  mkdir "$share"
  cp "$binary" "$here"/{bands,desk,scenario}.py "$share"
  echo "$scenario" >"$share/scenario"
  echo "== $scenario (at $SECONDS s)"
  timeout -k 5 180 "$kernel" mem=512M rootfstype=hostfs rootflags="$files" ro init=/init \
    con0=null,fd:1 con=null quiet share="$share" </dev/null >"$share/console" 2>&1 || true
  cat "$share/log" 2>/dev/null || true
  if [ "$(cat "$share/exit" 2>/dev/null)" = 0 ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    [ -e "$share/exit" ] || { echo "the machine did not get to its end:"; tail -20 "$share/console"; }
    rm -rf "$cache/failed/$scenario" "$share/wristcast"
    mkdir -p "$cache/failed"
    cp -r "$share" "$cache/failed/$scenario"
    echo "FAILED $scenario; logs in $cache/failed/$scenario"
  fi
  rm -rf "$share"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
