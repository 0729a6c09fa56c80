"""A lighting desk: sACN packets (ANSI E1.31-2018), one universe, built here from the standard."""

import socket
import struct
import time

PORT = 5568
CID = bytes.fromhex("77726973746361737420626564206465")
SLOTS = 512


def packet(universe, sequence, slots):
    """A data packet: root layer, framing layer, DMP layer (E1.31 tables 4-1 to 4-3)."""

    def flags_and_length(start):
        return struct.pack(">H", 0x7000 | (126 + len(slots) - start))

    root = struct.pack(">HH12s", 0x10, 0, b"ASC-E1.17\0\0\0") + flags_and_length(16)
    root += struct.pack(">I16s", 4, CID)
    framing = flags_and_length(38)
    framing += struct.pack(">I64sBHBBH", 2, b"bed", 100, 0, sequence & 255, 0, universe)
    dmp = flags_and_length(115) + struct.pack(">BBHHHB", 2, 0xA1, 0, 1, len(slots) + 1, 0)
    return root + framing + dmp + bytes(slots)


class Desk:
    """Sends one universe to the relay and remembers when it sent what."""

    def __init__(self, universe=1, host="127.0.0.1"):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.to = (host, PORT)
        self.universe = universe
        self.sequence = 0
        self.sent = []  # (monotonic ns, levels)
        self.late_ms = 0.0  # the worst: how much the whole machine was held up
        self.levels = bytes(SLOTS)

    def send(self, levels):
        self.levels = bytes(levels) + bytes(SLOTS - len(levels))
        self.sequence += 1
        self.sent.append((time.monotonic_ns(), self.levels))
        self.socket.sendto(packet(self.universe, self.sequence, self.levels), self.to)

    def play(self, seconds, rate_hz, levels_of):
        """Sends `levels_of(frame)` at a steady rate; frames count on from what was sent before."""
        interval = 1e9 / rate_hz
        start = time.monotonic_ns()
        for step in range(int(seconds * rate_hz)):
            wait = start + step * interval - time.monotonic_ns()
            if wait > 0:
                time.sleep(wait / 1e9)
            self.late_ms = max(self.late_ms, (time.monotonic_ns() - start) / 1e6 - step * interval / 1e6)
            self.send(levels_of(len(self.sent)))

    def rest(self, seconds):
        """Nothing changes: the last levels once more every 0.8 s, as desks do."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.8))
            self.send(self.levels)
