#!/usr/bin/env bash
# Builds the relay as one static file (musl), which runs on any Linux of its processor, and says where it is.
# Zig compiles the parts in C (libdbus, zstd) and links, for either processor alike.
# usage: packaging/static.sh TARGET [PROFILE]
#   TARGET   x86_64-unknown-linux-musl or aarch64-unknown-linux-musl
#   PROFILE  default release
# needs: Rust by rustup, python3 with pip, file; the network for what is missing of Zig, cargo-zigbuild and the target
set -euo pipefail
cd "$(dirname "$0")/.."
target=$1 profile=${2:-release}
zig=0.15.1 zigbuild=0.20.1

tools=${CARGO_TARGET_DIR:-$PWD/target}/static-tools-$zig-$zigbuild
if [ ! -e "$tools" ]; then
  rm -rf "$tools.part"
  python3 -m pip install --quiet --target "$tools.part" "ziglang==$zig" "cargo-zigbuild==$zigbuild" >&2
  mv "$tools.part" "$tools"
fi
rustup target add "$target" >&2
PATH=$tools/bin:$PATH PYTHONPATH=$tools \
  cargo zigbuild --locked --profile "$profile" -p wristcast --target "$target" >&2

case $profile in dev) folder=debug ;; *) folder=$profile ;; esac
binary=${CARGO_TARGET_DIR:-target}/$target/$folder/wristcast
file "$binary" | grep -qE 'static(-pie|ally) linked' || { echo "$binary is not static" >&2; exit 1; }
echo "$binary"
