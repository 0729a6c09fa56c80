#!/usr/bin/env bash
# Lighting software of others drives wristcast over a network of two namespaces: olad and QLC+ (which
# must discover it as an Art-Net node first), python's sacn, npm's sacn and dmxnet.
# Needs root (network namespaces), Debian's packages, PyPI and npm; installs what is missing.
# usage: tests/peers/run.sh [WRISTCAST]      default: target/release/wristcast, built if need be
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/need.sh
work=target/peers
mkdir -p "$work"

[ "$(id -u)" = 0 ] || { echo "tests/peers needs root: it makes network namespaces" >&2; exit 1; }
need olad:ola qlcplus:qlcplus ip:iproute2 setpriv:util-linux node:nodejs npm:npm
if [ ! -e "$work/venv/ready" ]; then
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install -q sacn==1.11.0
  touch "$work/venv/ready"
fi
if [ ! -e "$work/node/ready" ]; then
  mkdir -p "$work/node"
  npm install --silent --no-audit --no-fund --prefix "$work/node" sacn@4.6.2 dmxnet@0.9.0
  touch "$work/node/ready"
fi
relay=${1:-target/release/wristcast}
[ $# -gt 0 ] || cargo build --release --locked -p wristcast
exec python3 tests/peers/peers.py "$relay" "$work"
