"""What the package's tests share: a console, the relay's API, and waiting for what is to come."""

import json
import socket
import sys
import time
import urllib.request

PATIENCE = 60
LOOK = (255, 128, 0)


def until(what, test, patience=PATIENCE):
    """Waits for something true, and gives it."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found = test()
        if found:
            return found
        time.sleep(0.05)
    sys.exit(f"never: {what}")


def get(path):
    with urllib.request.urlopen(f"http://127.0.0.1:8420{path}", timeout=5) as answer:
        return json.load(answer)


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


class Console:
    """Sends one look to universe 1 and asks whether the first group has it."""

    def __init__(self, to="127.0.0.1"):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.to = to
        self.sequence = 0

    def send(self):
        self.sequence += 1
        self.socket.sendto(sacn(1, bytes(LOOK), self.sequence), (self.to, 5568))

    def lights(self):
        self.send()
        look = get("/api/v1/groups")[0]["look"]
        return (look["red"], look["green"], look["blue"]) == LOOK
