#!/usr/bin/env bash
# The status page in headless Chromium against a running relay; leaves screenshots in target/page.
# Needs Debian's chromium and npm; installs what is missing, as root.
# usage: tests/page/run.sh [WRISTCAST]      default: target/debug/wristcast, built if need be
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/need.sh
work=target/page
mkdir -p "$work"

need chromium:chromium node:nodejs npm:npm \
  fc-list:fontconfig "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf:fonts-dejavu-core"
if [ ! -e "$work/node_modules/ready" ]; then
  npm install --silent --no-audit --no-fund --prefix "$work" playwright-core@1.64.1 axe-core@4
  touch "$work/node_modules/ready"
fi
relay=${1:-target/debug/wristcast}
[ $# -gt 0 ] || cargo build --locked -p wristcast
exec node tests/page/drive.mjs "$relay" "$work"
