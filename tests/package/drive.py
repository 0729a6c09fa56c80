"""Runs the show of an installed package as its unit says, and is its service manager and its console."""

import json
import os
import pathlib
import select
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request

PATIENCE = 60
root = pathlib.Path(sys.argv[1])


def unit():
    keys = {}
    for line in (root / "lib/systemd/system/wristcast.service").read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals:
            keys[key] = value
    return keys


def until(what, test):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = test()
        if found:
            return found
        time.sleep(0.05)
    sys.exit(f"never: {what}")


def get(path):
    with urllib.request.urlopen(f"http://127.0.0.1:8420{path}", timeout=5) as answer:
        return json.load(answer)


def told(manager):
    """The next word to the service manager, or none in time."""
    if not select.select([manager], [], [], PATIENCE)[0]:
        sys.exit("the relay told its service manager nothing")
    word = manager.recv(4096).decode().split("\n")
    # Of a tool that the relay started. NotifyAccess=main: systemd does not listen to it.
    return told(manager) if word[0].startswith(("ERRNO=", "EXIT_STATUS=")) else word


def sacn(universe, slots, sequence):
    """An sACN data packet (E1.31)."""
    def layer(length, body):
        return (0x7000 | length).to_bytes(2, "big") + body
    dmp = b"\x02\xa1\x00\x00\x00\x01" + (len(slots) + 1).to_bytes(2, "big") + b"\x00" + slots
    dmp = layer(len(dmp) + 2, dmp)
    frame = (2).to_bytes(4, "big") + b"package test".ljust(64, b"\0") + b"\x64\0\0"
    frame += bytes([sequence & 255, 0]) + universe.to_bytes(2, "big") + dmp
    frame = layer(len(frame) + 2, frame)
    base = (4).to_bytes(4, "big") + b"wristcast-pkg-01" + frame
    return b"\0\x10\0\0ASC-E1.17\0\0\0" + layer(len(base) + 2, base)


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
    console = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def lit():
        lit.sequence += 1
        console.sendto(sacn(1, bytes([255, 128, 0]), lit.sequence), ("127.0.0.1", 5568))
        look = get("/api/v1/groups")[0]["look"]
        return (look["red"], look["green"], look["blue"]) == (255, 128, 0)

    lit.sequence = 0
    until("light from a packet", lit)
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
