#!/usr/bin/env bash
# Builds a Linux kernel that runs as an ordinary process (User-Mode Linux) with Bluetooth LE and
# /dev/vhci, from the distribution's own source package.
# usage: kernel.sh OUT [OPTION...]
#   OPTION  what else it has, as `NET_SCH_NETEM`
# needs: Debian 12, root for apt, 1.7 GB of scratch in TMPDIR, some five minutes of processor time
set -euo pipefail
out=$(realpath -m "$1")
shift
version=6.1

. "$(dirname "$0")/../need.sh"
need bc:bc bison:bison dpkg-source:dpkg-dev flex:flex gcc:gcc /usr/include/stdio.h:libc6-dev make:make xz:xz-utils

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
apt-get download -qq "linux-source-$version" 2>/dev/null
dpkg-deb --fsys-tarfile "linux-source-$version"_*.deb | tar x --wildcards '*.tar.xz'
tar xf "usr/src/linux-source-$version.tar.xz"
cd "linux-source-$version"

# It keeps the processor's extended state of its processes in 2696 bytes. Processors with AMX have
# more, and refuse to take back a part. Kernel stacks hold that state several times over.
grep -q 'HOST_FP_SIZE, 2696)' arch/x86/um/user-offsets.c
sed -i 's/HOST_FP_SIZE, 2696)/HOST_FP_SIZE, 16384)/' arch/x86/um/user-offsets.c

# From nothing upwards, so that what the bed needs stands here.
make -s ARCH=um SUBARCH=x86_64 allnoconfig
options() { for name in "${@:2}"; do ./scripts/config "$1" "$name"; done; }
options -e 64BIT \
  MULTIUSER PRINTK BINFMT_ELF BINFMT_SCRIPT SYSFS PROC_FS PROC_SYSCTL TMPFS SHMEM DEVTMPFS HOSTFS \
  TTY UNIX98_PTYS STDERR_CONSOLE NULL_CHAN FD_CHAN POSIX_TIMERS HIGH_RES_TIMERS FUTEX EPOLL \
  SIGNALFD TIMERFD EVENTFD AIO INOTIFY_USER ADVISE_SYSCALLS MEMBARRIER FILE_LOCKING FHANDLE \
  NET UNIX INET \
  CRYPTO CRYPTO_ECB CRYPTO_AES CRYPTO_CMAC CRYPTO_SHA256 CRYPTO_ECDH CRYPTO_USER_API_HASH \
  CRYPTO_USER_API_SKCIPHER RFKILL INPUT HID_SUPPORT HID UHID BT BT_BREDR BT_LE BT_HCIVHCI "$@"
./scripts/config --set-val KERNEL_STACK_ORDER 4
make -s ARCH=um SUBARCH=x86_64 olddefconfig
for name in BT_LE BT_HCIVHCI HOSTFS UNIX INET DEVTMPFS HIGH_RES_TIMERS CRYPTO_USER_API_SKCIPHER "$@"; do
  grep -q "^CONFIG_$name=y" .config || { echo "kernel.sh: CONFIG_$name did not take" >&2; exit 1; }
done
make ARCH=um SUBARCH=x86_64 -j"$(nproc)" linux >build.log 2>&1 || { tail -30 build.log >&2; exit 1; }

mkdir -p "$(dirname "$out")"
strip -o "$out.part" linux
mv "$out.part" "$out"
