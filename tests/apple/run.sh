#!/usr/bin/env bash
# Type-checks the relay and its bridge for iOS and macOS, and the command line for macOS, on Linux:
# `cargo check` needs neither Apple's SDK nor a linker. Debian sid has a compiler whose standard
# library can be built from its sources for these targets.
# Needs Debian, root and the network; 4 minutes the first time, 2 minutes after that, on two cores.
# usage: tests/apple/run.sh [ROOT]     (ROOT: where the Debian is kept; default target/apple-root)
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/need.sh
root=$(realpath -m "${1:-target/apple-root}")
if [ ! -x "$root/usr/bin/cargo" ]; then
  need mmdebstrap:mmdebstrap
  mkdir -p "$root"
  mmdebstrap --quiet --variant=minbase --aptopt='Acquire::Check-Valid-Until "false"' \
    --include=rustc,cargo,rust-src,ca-certificates,gcc,libc6-dev sid "$root"
fi
cp /etc/resolv.conf "$root/etc/resolv.conf"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
rm -rf "$root/work" && mkdir -p "$root/work"
git ls-files -z --cached --others --exclude-standard | tar --null --ignore-failed-read -T - -cf - \
  | tar -C "$root/work" -xf -
checked() { # target, packages
  echo "-- $1: $2"
  # What is mounted here is gone with the namespace.
  unshare --mount bash -c 'mount --bind /proc "$0/proc" && exec chroot "$0" env HOME=/root \
    RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=/target RUSTFLAGS="-D warnings" sh -c "cd /work && exec cargo check \
    --locked -Zbuild-std --target $1 $2"' "$root" "$1" "$2"
}
checked aarch64-apple-ios "-p wristcast-core -p wristcast-bridge"
checked aarch64-apple-darwin "-p wristcast-core -p wristcast-bridge -p wristcast"
