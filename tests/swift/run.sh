#!/usr/bin/env bash
# Builds and tests the Swift package on Linux, against the real relay, holds the generated bindings
# to the Rust they were made of, and checks the types of what only Apple's systems run. Swift is
# Debian trixie's, in a folder of its own.
# Needs Debian, root and the network; 3 minutes the first time (2.6 GB), 1 minute after that.
# usage: tests/swift/run.sh [ROOT]     (ROOT: where the Debian is kept; default target/swift-root)
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/need.sh
root=$(realpath -m "${1:-target/swift-root}")
# A link, absolute inside the root.
if [ ! -L "$root/usr/bin/swift" ]; then
  need mmdebstrap:mmdebstrap
  mkdir -p "$root"
  mmdebstrap --quiet --variant=minbase --include=swiftlang,ca-certificates,libc6-dev,gcc,g++ trixie "$root"
fi
bash apple-bridge/scripts/bindings.sh --check
package=$root/package
rm -rf "${package:?}/apple-bridge" "${package:?}/lib" && mkdir -p "$package/apple-bridge" "$package/lib"
cp Package.swift "$package/"
cp -r apple-bridge/swift "$package/apple-bridge/"
# What only Apple's systems run is checked against Apple's declarations, as far as it uses them.
rm -rf "${package:?}/apple" && mkdir -p "$package/apple/wristcast" "$package/apple/modules"
cp -r apple-bridge/example/Sources "$package/apple/example"
cp tests/swift/apple/*.swift "$package/apple/"
cp apple-bridge/swift/Sources/Wristcast/*.swift "$package/apple/wristcast/"
for adapter in apple-bridge/swift/Sources/Wristcast/Apple/*.swift; do
  sed 's/^#if os(iOS) && /#if /' "$adapter" > "$package/apple/wristcast/$(basename "$adapter")"
done
# Only the static library, or the linker would take the other.
cp "${CARGO_TARGET_DIR:-target}/debug/libwristcast_bridge.a" "$package/lib/"
cat > "$package/run.sh" <<'INSIDE'
set -e
cd /package
swift build --build-tests
checked() { swiftc -swift-version 6 -warnings-as-errors -parse-as-library -I apple/modules "$@"; }
for module in AVFoundation Network CoreBluetooth UIKit SwiftUI; do
  checked -emit-module -module-name $module -o apple/modules/$module.swiftmodule apple/$module.swift
done
checked -emit-module -module-name Wristcast -o apple/modules/Wristcast.swiftmodule \
  -I .build/debug/Modules -I apple-bridge/swift/FFI/include apple/wristcast/*.swift
checked -typecheck -I .build/debug/Modules -I apple-bridge/swift/FFI/include apple/example/*.swift
swift test
INSIDE
# What is mounted here is gone with the namespace. Without /proc Swift does not find its libraries.
unshare --mount bash -c 'mount --bind /proc "$0/proc" && mount --bind /dev "$0/dev" && exec chroot "$0" \
  env HOME=/root WRISTCAST_LIBRARY_DIR=/package/lib sh /package/run.sh' "$root"
