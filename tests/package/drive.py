"""Runs the show of an installed package as its unit says, and is its service manager and its console."""

import os
import pathlib
import select
import shlex
import signal
import socket
import subprocess
import sys

from console import PATIENCE, Console, get, until

root = pathlib.Path(sys.argv[1])


def unit():
    keys = {}
    for line in (root / "lib/systemd/system/wristcast.service").read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals:
            keys[key] = value
    return keys


def told(manager):
    """The next word to the service manager, or none in time."""
    if not select.select([manager], [], [], PATIENCE)[0]:
        sys.exit("the relay told its service manager nothing")
    word = manager.recv(4096).decode().split("\n")
    # How the show is; or of a tool that the relay started: NotifyAccess=main, systemd does not listen.
    return told(manager) if word[0].startswith(("STATUS=", "ERRNO=", "EXIT_STATUS=")) else word


keys = unit()
assert keys["Type"] == "notify", keys
seconds = int(keys["WatchdogSec"])
state = root / "var/lib" / keys["StateDirectory"]
passwd = dict(line.split(":", 1) for line in (root / "etc/passwd").read_text().splitlines())
uid, gid = map(int, passwd[keys["User"]].split(":")[1:3])
state.mkdir()
os.chown(state, uid, gid)

path = root / "run/wristcast-notify"
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(str(path))
path.chmod(0o666)
command = shlex.split(keys["ExecStart"])
relay = subprocess.Popen(
    ["chroot", f"--userspec={uid}:{gid}", str(root), "env", "-i",
     "NOTIFY_SOCKET=/run/wristcast-notify", f"WATCHDOG_USEC={seconds * 1_000_000}", *command])
try:
    first = told(manager)
    assert "READY=1" in first, first
    until("light from a packet", Console().lights)
    assert len(get("/api/v1/bands")) == 10
    alive = told(manager)
    assert "WATCHDOG=1" in alive, alive
    tokens = state / "tokens.txt"
    assert tokens.stat().st_mode & 0o777 == 0o600 and tokens.stat().st_uid == uid
    relay.send_signal(signal.SIGTERM)
    while (word := told(manager)) == ["WATCHDOG=1", ""] or word == ["WATCHDOG=1"]:
        pass
    assert "STOPPING=1" in word, word
    code = relay.wait(PATIENCE)
    assert code == 0, code
finally:
    if relay.poll() is None:
        relay.kill()
    path.unlink()
print("READY, WATCHDOG and STOPPING were told; light came from a packet; exit code 0")
