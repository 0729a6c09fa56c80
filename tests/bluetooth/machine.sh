#!/usr/bin/env bash
# What a virtual machine is made of (User-Mode Linux, no KVM): builds the kernel and the file system that are
# missing, and prints the paths of both.
# usage: machine.sh CACHE [OPTION...]     OPTION: what else the kernel has, as in kernel.sh
# needs: Debian 12 on x86-64, root (apt, mmdebstrap), 3 GB of disk
set -euo pipefail
cache=$(realpath -m "$1")
shift
here=$(cd "$(dirname "$0")" && pwd)

die() { echo "virtual machine: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || die "needs root"
[ "$(uname -m)" = x86_64 ] || die "needs an x86-64 machine"
grep -q '^VERSION_CODENAME=bookworm' /etc/os-release || die "needs Debian 12 (bookworm)"
mkdir -p "$cache"

# Each part is kept under a name that says what it was made from.
key() { sha256sum | cut -c1-12; }
kernel=$cache/linux-$( { cat "$here/kernel.sh"; printf '%s' "$@"; } | key)
files=$cache/root-$(cat "$here/rootfs.sh" "$here/init" | key)
if [ ! -e "$kernel" ] || [ ! -e "$files" ]; then
  echo "building what is missing in $cache" >&2
  apt-get -o DPkg::Lock::Timeout=300 update -qq >&2
  # Side by side: one keeps the processor busy, the other mostly the network.
  builds=()
  [ -e "$kernel" ] || { bash "$here/kernel.sh" "$kernel" "$@" && echo "kernel after $SECONDS s"; } >&2 & builds+=($!)
  [ -e "$files" ] || { bash "$here/rootfs.sh" "$files" && echo "file system after $SECONDS s"; } >&2 & builds+=($!)
  for build in "${builds[@]}"; do wait "$build" || die "could not build it"; done
fi
echo "$kernel"
echo "$files"
