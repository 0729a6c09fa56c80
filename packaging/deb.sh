#!/usr/bin/env bash
# Makes the Debian package of a built binary. dpkg-deb and not cargo-deb: manual pages, completions and
# the unit are written by the binary itself, so that there is one text of each, and the same script
# packs a static binary.
# usage: packaging/deb.sh BINARY [ARCHITECTURE [FOLDER]]     default: this machine's, and target/package
set -euo pipefail
cd "$(dirname "$0")/.."

binary=$(realpath "$1")
architecture=${2:-$(dpkg --print-architecture)}
folder=${3:-target/package}
# A binary for another machine cannot write its pages: that of this one does.
writer=${WRISTCAST:-$binary}
version=$("$writer" --version | cut -d' ' -f2)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

install -D -m 755 "$binary" "$root/usr/bin/wristcast"
install -D -m 644 packaging/show.toml "$root/etc/wristcast/show.toml"
install -D -m 644 LICENSE "$root/usr/share/doc/wristcast/copyright"
gzip -9n < CHANGELOG.md > "$root/usr/share/doc/wristcast/changelog.gz"

"$writer" man "$root/usr/share/man/man1" >/dev/null
gzip -9n "$root"/usr/share/man/man1/*
completions() { # SHELL FILE
  mkdir -p "$(dirname "$root/$2")"
  "$writer" completions "$1" > "$root/$2"
}
completions bash usr/share/bash-completion/completions/wristcast
completions zsh usr/share/zsh/vendor-completions/_wristcast
completions fish usr/share/fish/vendor_completions.d/wristcast.fish

# The unit of `service install`, where packages have theirs.
"$writer" service install --prefix "$root" --program /usr/bin/wristcast --run-as wristcast \
  /etc/wristcast/show.toml >/dev/null
mkdir -p "$root/lib/systemd/system"
mv "$root/etc/systemd/system/wristcast.service" "$root/lib/systemd/system/"
rmdir "$root/etc/systemd/system" "$root/etc/systemd"

mkdir "$root/DEBIAN"
install -m 755 packaging/debian/{postinst,prerm,postrm} "$root/DEBIAN/"
echo /etc/wristcast/show.toml > "$root/DEBIAN/conffiles"
glibc=$(objdump -T "$binary" 2>/dev/null | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1 | cut -d_ -f2 || true)
cat > "$root/DEBIAN/control" <<CONTROL
Package: wristcast
Version: $version
Architecture: $architecture
Maintainer: wristcast <packages@wristcast.invalid>
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Depends: passwd${glibc:+, libc6 (>= $glibc), libgcc-s1}
Recommends: bluez, dbus
Section: net
Priority: optional
Homepage: https://github.com/wristcast/wristcast
Description: relay from lighting consoles to Bluetooth LED wristbands
 Receives sACN and Art-Net, merges the consoles, maps the levels to groups of
 wristbands by a show file, and keeps every wristband on the newest look.
CONTROL
# Directories as the system has them, whatever the umask was.
find "$root" -type d -exec chmod 755 {} +
mkdir -p "$folder"
# A test does without packing: COMPRESSION=none.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)} \
  dpkg-deb "-Z${COMPRESSION:-xz}" --root-owner-group --build "$root" "$folder/wristcast_${version}_$architecture.deb"
