#!/usr/bin/env bash
# Makes an app bundle of the macOS binary, and signs it. A bare program that launchd starts for a user
# is often refused Bluetooth without a question; a bundle with an identifier and a signature is
# asked for. Signed by a Developer ID the answer outlives updates; signed by nobody (the default, `-`)
# macOS asks again after every build.
# usage: packaging/macos-app.sh BINARY OUT [IDENTITY]     (OUT: the folder that gets wristcast.app)
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
[ $# -ge 2 ] || { sed -n 6p "${BASH_SOURCE[0]}" >&2; exit 2; }
binary=$1 app=$2/wristcast.app identity=${3:--}
command -v codesign >/dev/null || { echo "bundles are signed on a Mac" >&2; exit 1; }
rm -rf "$app" && mkdir -p "$app/Contents/MacOS"
cp "$binary" "$app/Contents/MacOS/wristcast"
cp "$here/cli/macos/Info.plist" "$app/Contents/Info.plist"
codesign --force --options runtime --sign "$identity" \
  --entitlements "$here/cli/macos/wristcast.entitlements" "$app"
codesign --verify --strict "$app"
echo "$app"
