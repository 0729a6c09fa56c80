#!/usr/bin/env bash
# The part of run.sh that has a mount table and a network of its own. usage: inside.sh FOLDER-WITH-DEB
set -euo pipefail
work=$1

ip link set lo up
mkdir "$work/layer"
mount -t tmpfs tmpfs "$work/layer"
layer=$work/layer
mkdir "$layer"/{left,work,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$layer/left,workdir=$layer/work" "$layer/root"
root=$layer/root
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
# What a relay of root's has kept on this machine is not the package's.
rm -rf "$root/var/lib/wristcast"

echo "-- installed"
install -D -m 644 "$work"/*.deb "$root/run/wristcast.deb"
chroot "$root" dpkg --install /run/wristcast.deb
chroot "$root" wristcast check /etc/wristcast/show.toml
chroot "$root" test -s /usr/share/man/man1/wristcast-run.1.gz
chroot "$root" bash -n /usr/share/bash-completion/completions/wristcast

echo "-- the unit"
chroot "$root" systemd-analyze verify /lib/systemd/system/wristcast.service
chroot "$root" systemd-analyze security --offline=true --threshold=22 --no-pager wristcast.service |
  tail -n 1

echo "-- the show"
python3 tests/package/drive.py "$root"

echo "-- purged"
chroot "$root" dpkg --purge wristcast
# What was written and is not as it was. Not ours: dpkg's and useradd's own records.
left() {
  cd "$layer/left"
  find . -mindepth 1 \( -path ./var/lib/dpkg -o -path ./var/log -o -path ./var/cache \
    -o -path './etc/*-' -o -path ./etc/.pwd.lock \) -prune -o -print |
    while read -r path; do
      # Taken out above: the overlay's mark that it is not there.
      [ "$path" != ./var/lib/wristcast ] || [ ! -c "$path" ] || continue
      if [ -d "$path" ]; then
        [ -d "/$path" ] || echo "$path"
      else
        cmp -s "$path" "/$path" || echo "$path"
      fi
    done
}
trace=$(left)
[ -z "$trace" ] || { echo "left behind or changed:" >&2; echo "$trace" >&2; exit 1; }
echo "the package was installed, ran its show and left no trace"
