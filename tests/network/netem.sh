#!/usr/bin/env bash
# The relay behind bad weather that the kernel makes (`tc netem`), which many machines' kernels have not: so in
# a virtual machine (User-Mode Linux, no KVM), the Bluetooth bed's with more of the network in its kernel.
# usage: tests/network/netem.sh [CACHE]      CACHE: as of tests/bluetooth/run.sh, default target/bluetooth-bed
# needs: Debian 12 on x86-64, root (apt, mmdebstrap), Rust; 3 GB of disk, 1 GB of memory.
#   From nothing, the kernel, the file system and the relay are built first.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${1:-$root/target/bluetooth-bed}

machine=$(bash "$here/../bluetooth/machine.sh" "$cache" NAMESPACES NET_NS NETDEVICES NET_CORE VETH BRIDGE \
  BRIDGE_IGMP_SNOOPING IP_MULTICAST IPV6 PACKET NET_SCHED NET_SCH_NETEM)
{ read -r kernel && read -r files; } <<<"$machine"
cargo build --locked --manifest-path "$root/Cargo.toml" -p wristcast

# In memory: a disk that is busy with other things would hold up the whole virtual machine.
share=$(mktemp -d /dev/shm/netem-XXXXXX)
trap 'rm -rf "$share"' EXIT
strip -o "$share/wristcast" "${CARGO_TARGET_DIR:-$root/target}/debug/wristcast"
cp "$here/bed.py" "$share"
# The machine's first process runs this, with that.
cp "$here/netem.py" "$share/scenario.py"
echo /share/wristcast >"$share/scenario"
head -c 64 /dev/urandom >"$share/seed"
timeout -k 5 900 "$kernel" mem=512M rootfstype=hostfs rootflags="$files" ro init=/init \
  con0=null,fd:1 con=null quiet share="$share" </dev/null >"$share/console" 2>&1 || true
cat "$share/log" 2>/dev/null || true
if [ ! -e "$share/exit" ]; then
  echo "the machine did not get to its end:"
  tail -20 "$share/console"
fi
[ "$(cat "$share/exit" 2>/dev/null)" = 0 ]
