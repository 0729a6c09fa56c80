#!/usr/bin/env bash
# Writes a release's xcframework into Package.swift: where it is to be had, and its checksum.
# usage: apple-bridge/scripts/release.sh URL CHECKSUM
set -euo pipefail
cd "$(dirname "$0")/../.."
url=${1:-} checksum=${2:-}
[[ $url == https://*.zip && $checksum =~ ^[0-9a-f]{64}$ ]] || { sed -n 3p apple-bridge/scripts/release.sh >&2; exit 2; }
line="let release: (url: String, checksum: String)? = (\"$url\", \"$checksum\")"
grep -q '^let release: ' Package.swift || { echo "Package.swift has no line for the release" >&2; exit 1; }
awk -v line="$line" '/^let release: /{print line; next} {print}' Package.swift > Package.swift.new
mv Package.swift.new Package.swift
