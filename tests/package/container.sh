#!/usr/bin/env bash
# One boot of systemd.sh, in namespaces of its own. Not by exec: the first process of this cgroup tree
# stays at its root. usage: container.sh DEBIAN WORK
set -euo pipefail
debian=$1 work=$2

mount -t cgroup2 cgroup2 /sys/fs/cgroup
# systemd-nspawn keeps things here.
mount -t tmpfs tmpfs /run
mount -t overlay overlay -o "lowerdir=$debian,upperdir=$work/changes,workdir=$work/work" "$work/root"
systemd-nspawn --quiet --directory="$work/root" --bind="$work/share:/share" --private-network \
  --machine=package-test --register=no --keep-unit --link-journal=no --resolv-conf=off --timezone=off \
  --console=pipe --boot
