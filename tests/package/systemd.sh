#!/usr/bin/env bash
# The package under a real systemd: a container (systemd-nspawn) boots Debian, installs the .deb, runs it
# as a service that is reloaded, killed, stopped and started at boot, and removes it. booted.py is
# what happens inside.
#
# usage: systemd.sh [CACHE]
#   CACHE   the Debian is kept here; default target/systemd-bed
# needs: Debian 12, root (apt, mmdebstrap, namespaces), Rust. From nothing, the Debian is made first.
# The kernel is this machine's, and there is no radio: see docs/install.md.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
. "$root/tests/need.sh"
cache=$(realpath -m "${1:-$root/target/systemd-bed}")

die() { echo "tests/package: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || die "needs root"
need systemd-nspawn:systemd-container ip:iproute2 unshare:util-linux dpkg-deb:dpkg objdump:binutils
mkdir -p "$cache"
# Kept under a name that says what it was made from.
debian=$cache/debian-$(sha256sum "$here/image.sh" | cut -c1-12)
[ -e "$debian" ] || { bash "$here/image.sh" "$debian"; echo "Debian made after $SECONDS s"; }
cargo build -q --locked --manifest-path "$root/Cargo.toml" -p wristcast

# In memory: a disk that is busy with other things would hold up the whole system.
work=$(mktemp -d /dev/shm/package-test-XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir "$work"/{share,changes,work,root}
strip -o "$work/share/wristcast" "${CARGO_TARGET_DIR:-$root/target}/debug/wristcast"
(cd "$root" && COMPRESSION=none bash packaging/deb.sh "$work/share/wristcast" "$(dpkg --print-architecture)" "$work/share" >/dev/null)
cp "$here"/{booted,console}.py "$root/packaging/show.toml" "$work/share"

# A cgroup of its own, so that systemd has a tree of its own whatever the host has.
cgroups=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
[ -n "$cgroups" ] || die "needs cgroups version 2 mounted somewhere"
own=$cgroups/package-test-$$
mkdir "$own"
trap 'rm -rf "$work"; find "$own" -depth -type d -exec rmdir {} + 2>/dev/null || true' EXIT

# What a boot writes stays in an overlay; the next boot finds it.
for boot in installed started-with-the-machine; do
  echo "== $boot (at $SECONDS s)"
  echo "$boot" >"$work/share/boot"
  rm -f "$work/share/exit" "$work/share/log"
  (
    echo "$BASHPID" >"$own/cgroup.procs"
    exec timeout -k 5 420 unshare --mount --cgroup --pid --fork --kill-child --mount-proc \
      bash "$here/container.sh" "$debian" "$work"
  ) </dev/null >"$work/console" 2>&1 || true
  cat "$work/share/log" 2>/dev/null || true
  if [ "$(cat "$work/share/exit" 2>/dev/null)" != 0 ]; then
    [ -e "$work/share/exit" ] || tail -40 "$work/console"
    die "$boot: failed"
  fi
done
echo "the package came, served under systemd and went without a trace, after $SECONDS s"
