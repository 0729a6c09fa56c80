#!/usr/bin/env bash
# Builds the relay for iOS devices, iOS simulators and macOS, as small as it gets, into
# target/apple/WristcastFFI.xcframework, zips that and prints the checksum that SwiftPM wants.
# Needs a Mac with Xcode and rustup.
# usage: apple-bridge/scripts/xcframework.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
[ "$(uname)" = Darwin ] || { echo "an xcframework is made on a Mac with Xcode" >&2; exit 1; }
out=target/apple
rm -rf "$out" && mkdir -p "$out/headers" "$out/ios" "$out/simulator" "$out/macos"
# Before the deployment targets are set: this one runs here.
bash apple-bridge/scripts/bindings.sh --check
targets=(aarch64-apple-ios aarch64-apple-ios-sim x86_64-apple-ios aarch64-apple-darwin x86_64-apple-darwin)
rustup target add "${targets[@]}"
# As in Package.swift.
export IPHONEOS_DEPLOYMENT_TARGET=15.0 MACOSX_DEPLOYMENT_TARGET=12.0
for target in "${targets[@]}"; do
  cargo rustc --locked --profile apple -p wristcast-bridge --lib --target "$target" --crate-type staticlib
done
cp apple-bridge/swift/FFI/include/* "$out/headers/"
library() { echo "target/$1/apple/libwristcast_bridge.a"; }
cp "$(library aarch64-apple-ios)" "$out/ios/libwristcast_bridge.a"
lipo -create "$(library aarch64-apple-ios-sim)" "$(library x86_64-apple-ios)" \
  -output "$out/simulator/libwristcast_bridge.a"
lipo -create "$(library aarch64-apple-darwin)" "$(library x86_64-apple-darwin)" \
  -output "$out/macos/libwristcast_bridge.a"
xcodebuild -create-xcframework \
  -library "$out/ios/libwristcast_bridge.a" -headers "$out/headers" \
  -library "$out/simulator/libwristcast_bridge.a" -headers "$out/headers" \
  -library "$out/macos/libwristcast_bridge.a" -headers "$out/headers" \
  -output "$out/WristcastFFI.xcframework"
(cd "$out" && ditto -c -k --sequesterRsrc --keepParent WristcastFFI.xcframework WristcastFFI.xcframework.zip)
swift package compute-checksum "$out/WristcastFFI.xcframework.zip" | tee "$out/checksum.txt"
