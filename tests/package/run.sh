#!/usr/bin/env bash
# Builds the .deb, installs it over a copy of this system that is thrown away (an overlay, in
# namespaces of its own), runs its show the way the unit does, and purges it: no file, user or group may
# be left. Needs Debian or Ubuntu, and root; installs what is missing.
# usage: tests/package/run.sh [WRISTCAST]      default: target/debug/wristcast, built if need be
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/need.sh

[ "$(id -u)" = 0 ] || { echo "tests/package needs root: it installs a package in a chroot" >&2; exit 1; }
need dpkg-deb:dpkg objdump:binutils ip:iproute2 unshare:util-linux systemd-analyze:systemd
relay=${1:-target/debug/wristcast}
[ $# -gt 0 ] || cargo build -q --locked -p wristcast

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
strip -o "$work/wristcast" "$relay"
COMPRESSION=none bash packaging/deb.sh "$work/wristcast" "$(dpkg --print-architecture)" "$work"
dpkg-deb --info "$work"/*.deb
unshare --mount --net --propagation private bash tests/package/inside.sh "$work"
