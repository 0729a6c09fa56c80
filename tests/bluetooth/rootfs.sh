#!/usr/bin/env bash
# Makes the file system of the virtual machine: Debian with BlueZ and D-Bus, Python with Bumble.
# usage: rootfs.sh DIR
# needs: Debian 12, root, 400 MB in DIR, about a minute
set -euo pipefail
dir=$(realpath -m "$1")
here=$(cd "$(dirname "$0")" && pwd)
bumble=0.0.236

. "$here/../need.sh"
need mmdebstrap:mmdebstrap pip3:python3-pip
rm -rf "$dir.part"
mmdebstrap --quiet --variant=minbase \
  --include=bluez,dbus,iproute2,libdbus-1-3,procps,python3-minimal,libpython3-stdlib \
  bookworm "$dir.part"
python3 -m pip install --quiet --root-user-action=ignore --target "$dir.part/opt/site" \
  --python-version 3.11 --only-binary=:all: "bumble==$bumble"

# The machine runs on this read-only: what it writes goes to tmpfs, mounted by init.
rm -rf "$dir.part"/usr/share/{doc,man,locale,info} "$dir.part"/var/cache/apt "$dir.part"/var/lib/apt
mkdir -p "$dir.part/share"
dbus-uuidgen >"$dir.part/etc/machine-id" 2>/dev/null || tr -d - </proc/sys/kernel/random/uuid >"$dir.part/etc/machine-id"
mkdir -p "$dir.part/var/lib/dbus"
ln -sf /etc/machine-id "$dir.part/var/lib/dbus/machine-id"
install -m755 "$here/init" "$dir.part/init"
rm -rf "$dir"
mv "$dir.part" "$dir"
