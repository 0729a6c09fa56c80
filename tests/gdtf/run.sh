#!/usr/bin/env bash
# Exports the fixtures and the scene of a show and has pygdtf and pymvr, the libraries of visualisers,
# read them. usage: tests/gdtf/run.sh; needs python3 with venv, and PyPI.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/need.sh

cargo build -q -p wristcast --locked
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
need python3:python3
python3 -c 'import ensurepip' 2>/dev/null || need ensurepip:python3-venv
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q pygdtf==1.4.5 pymvr==1.0.7
target/debug/wristcast gdtf tests/gdtf/show.toml -o "$work/fixtures" --mvr "$work/venue.mvr"
"$work/venv/bin/python" tests/gdtf/check.py "$work/fixtures" "$work/venue.mvr"
