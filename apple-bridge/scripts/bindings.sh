#!/usr/bin/env bash
# Writes the generated side of the boundary: the Swift source, the C header and its module map.
# Run it after every change of the UniFFI surface and commit what it writes; with --check it writes
# nothing, and fails if that was forgotten.
# usage: apple-bridge/scripts/bindings.sh [--check | OUT]     (OUT: another folder than apple-bridge/swift)
set -euo pipefail
cd "$(dirname "$0")/../.."
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
target=${CARGO_TARGET_DIR:-target}
case "$(uname)" in Darwin) library=dylib ;; *) library=so ;; esac
cargo build --locked -p wristcast-bridge
cargo run --locked -q -p wristcast-bridge --features bindgen --bin uniffi-bindgen -- \
  generate --library "$target/debug/libwristcast_bridge.$library" --language swift --no-format --out-dir "$made"
placed() { # does something with each file and where it belongs below a folder
  "$@" "$made/wristcast_bridge.swift" Sources/WristcastFFI/wristcast_bridge.swift
  "$@" "$made/wristcast_bridgeFFI.h" FFI/include/wristcast_bridgeFFI.h
  "$@" "$made/wristcast_bridgeFFI.modulemap" FFI/include/module.modulemap
}
same() {
  cmp "$1" "apple-bridge/swift/$2" || {
    echo "the bindings are not those of this bridge: run apple-bridge/scripts/bindings.sh and commit" >&2
    exit 1
  }
}
write() { mkdir -p "$(dirname "$out/$2")" && cp "$1" "$out/$2"; }
if [ "${1:-}" = --check ]; then
  placed same
else
  out=${1:-apple-bridge/swift}
  placed write
fi
