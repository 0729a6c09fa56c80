#!/usr/bin/env bash
# The broadcast radio over Bluetooth controllers and hosts written by others: Bumble, over TCP. `wristcast
# run` in, the reference decoder out. Every scenario begins with new processes: a controller's state would
# outlive its client.
# usage: tests/broadcast/run.sh [SCENARIO...]      default: all, see scenario.py
# needs: python3 with venv, and the package index; no root, no radio.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
bumble=0.0.236
venv=$target/broadcast-bed/venv-$bumble
if [ ! -e "$venv/ready" ]; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "bumble==$bumble"
  touch "$venv/ready"
fi
cargo build --locked --manifest-path "$root/Cargo.toml" --bin wristcast
cargo build --locked --manifest-path "$root/Cargo.toml" -p wristcast-broadcast-frame --example hear
exec "$venv/bin/python" "$here/scenario.py" "$target/debug/wristcast" "$target/debug/examples/hear" "$@"
