#!/usr/bin/env bash
# The network under a running show changes and fails: in namespaces that this makes, under the traffic of
# 40 universes at 44 Hz. Prints how long each took until every group had new light.
# Needs root (network namespaces) and Debian's iproute2 and libfaketime; installs what is missing.
# usage: tests/network/run.sh [WRISTCAST] [changes|faults|soak DURATION]...
#        default: target/debug/wristcast, built if need be; changes and faults. DURATION as in 90s, 30m
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/need.sh

[ "$(id -u)" = 0 ] || { echo "tests/network needs root: it makes network namespaces" >&2; exit 1; }
need ip:iproute2 tc:iproute2 python3:python3 '/usr/lib/*/faketime/libfaketime.so.1:libfaketime'
relay=target/debug/wristcast
if [ -x "${1:-}" ]; then relay=$1; shift; else cargo build --locked -p wristcast; fi
[ $# -gt 0 ] || set -- changes faults
while [ $# -gt 0 ]; do
  case $1 in
    changes|faults) python3 tests/network/"$1".py "$relay"; shift ;;
    soak) python3 tests/network/soak.py "$relay" "${2:-90s}"; shift; [ $# -eq 0 ] || shift ;;
    *) echo "tests/network: expected changes, faults or soak, not $1" >&2; exit 2 ;;
  esac
done
