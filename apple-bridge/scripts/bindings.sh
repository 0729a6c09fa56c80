#!/usr/bin/env bash
# Writes the generated side of the boundary: the Swift source, the C header and its module map.
# Run it after every change of the UniFFI surface and commit what it writes.
# usage: apple-bridge/scripts/bindings.sh [OUT]     (OUT: another folder than apple-bridge/swift)
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:-apple-bridge/swift}
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
target=${CARGO_TARGET_DIR:-target}
case "$(uname)" in Darwin) library=dylib ;; *) library=so ;; esac
cargo build --locked -p wristcast-bridge
cargo run --locked -q -p wristcast-bridge --features bindgen --bin uniffi-bindgen -- \
  generate --library "$target/debug/libwristcast_bridge.$library" --language swift --no-format --out-dir "$made"
mkdir -p "$out/Sources/WristcastFFI" "$out/FFI/include"
cp "$made/wristcast_bridge.swift" "$out/Sources/WristcastFFI/wristcast_bridge.swift"
cp "$made/wristcast_bridgeFFI.h" "$out/FFI/include/wristcast_bridgeFFI.h"
cp "$made/wristcast_bridgeFFI.modulemap" "$out/FFI/include/module.modulemap"
