#!/usr/bin/env bash
# Builds and tests the Swift package on Linux, against the real relay, and holds the generated
# bindings to the Rust they were made of. Swift is Debian trixie's, in a folder of its own.
# Needs Debian, root and the network; 3 minutes the first time (2.6 GB), 1 minute after that.
# usage: tests/swift/run.sh [ROOT]     (ROOT: where the Debian is kept; default target/swift-root)
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$(realpath -m "${1:-target/swift-root}")
# A link, absolute inside the root.
if [ ! -L "$root/usr/bin/swift" ]; then
  command -v mmdebstrap >/dev/null || apt-get install -y -q --no-install-recommends mmdebstrap >/dev/null
  mkdir -p "$root"
  mmdebstrap --quiet --variant=minbase --include=swiftlang,ca-certificates,libc6-dev,gcc,g++ trixie "$root"
fi
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
bash apple-bridge/scripts/bindings.sh "$fresh"
for file in Sources/WristcastFFI/wristcast_bridge.swift FFI/include/wristcast_bridgeFFI.h FFI/include/module.modulemap; do
  cmp "$fresh/$file" "apple-bridge/swift/$file" || {
    echo "the bindings are not those of this bridge: run apple-bridge/scripts/bindings.sh and commit" >&2
    exit 1
  }
done
package=$root/package
rm -rf "${package:?}/apple-bridge" "${package:?}/lib" && mkdir -p "$package/apple-bridge" "$package/lib"
cp Package.swift "$package/"
cp -r apple-bridge/swift "$package/apple-bridge/"
# What only Apple's compilers can check is held to Swift's grammar at least.
mkdir -p "$package/example" && cp apple-bridge/example/Sources/*.swift "$package/example/"
# Only the static library, or the linker would take the other.
cp "${CARGO_TARGET_DIR:-target}/debug/libwristcast_bridge.a" "$package/lib/"
cat > "$package/run.sh" <<'INSIDE'
set -e
cd /package
for file in example/*.swift apple-bridge/swift/Sources/Wristcast/Apple/*.swift; do
  swiftc -frontend -parse -swift-version 6 "$file"
done
swift build --build-tests
swift test
INSIDE
# What is mounted here is gone with the namespace. Without /proc Swift does not find its libraries.
unshare --mount bash -c 'mount --bind /proc "$0/proc" && mount --bind /dev "$0/dev" && exec chroot "$0" \
  env HOME=/root WRISTCAST_LIBRARY_DIR=/package/lib sh /package/run.sh' "$root"
