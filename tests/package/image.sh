#!/usr/bin/env bash
# Makes the system that the package is installed on: Debian with systemd, D-Bus and BlueZ, and a unit
# that runs the test it finds in /share.
# usage: image.sh DIR
# needs: Debian 12, root, 250 MB in DIR, about a minute
set -euo pipefail
dir=$(realpath -m "$1")
. "$(dirname "$0")/../need.sh"

need mmdebstrap:mmdebstrap
rm -rf "$dir.part"
# bluez and dbus: what the package recommends.
mmdebstrap --quiet --variant=minbase \
  --include=systemd,systemd-sysv,dbus,bluez,iproute2,procps,python3-minimal,libpython3-stdlib \
  bookworm "$dir.part"
rm -rf "$dir.part"/usr/share/{doc,man,locale,info}/* "$dir.part"/var/cache/apt/* "$dir.part"/var/lib/apt/lists/*
tr -d - </proc/sys/kernel/random/uuid >"$dir.part/etc/machine-id"

cat >"$dir.part/etc/systemd/system/package-test.service" <<'UNIT'
[Unit]
Description=The test in /share

[Service]
ExecStart=/bin/sh -c 'python3 -B /share/booted.py >>/share/log 2>&1; echo $? >/share/exit'
ExecStopPost=/bin/systemctl poweroff --no-block

[Install]
WantedBy=multi-user.target
UNIT
chroot "$dir.part" systemctl enable --quiet package-test.service
# No terminals, and nothing to do by the clock.
chroot "$dir.part" systemctl mask --quiet getty.target console-getty.service \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer
rm -rf "$dir"
mv "$dir.part" "$dir"
