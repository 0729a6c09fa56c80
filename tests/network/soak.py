"""A show that runs while everything around it changes: reloads, interfaces that flap, clients that come
and watch and go, sources that come and go. Memory, descriptors and threads stay flat.

usage: soak.py WRISTCAST DURATION      as in 90s, 30m, 12h
"""
import contextlib
import pathlib
import random
import socket
import sys
import time

from bed import API_PORT, Bed, Desk, GROUPS, report, sacn, until, within

PROGRAM = sys.argv[1]
UNITS = {"s": 1, "m": 60, "h": 3600}
DURATION_S = float(sys.argv[2][:-1]) * UNITS[sys.argv[2][-1]]

# Rounds until everything that is made once was made: the event log is full, allocators have their arenas.
WARM_UP_SHARE = 0.3
RSS_GROWTH_MAX = 0.10
RSS_SLACK_KIB = 4096


class Figures:
    """What the relay's process has, by the kernel."""

    def __init__(self, pid):
        status = dict(line.split(":", 1) for line in
                      pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
        self.rss_kib = int(status["VmRSS"].split()[0])
        self.threads = int(status["Threads"])
        self.descriptors = len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))

    def __str__(self):
        return f"{self.rss_kib} KiB, {self.descriptors} descriptors, {self.threads} threads"


def changed_show(bed, round_):
    """Another show each round: a group is patched elsewhere, one comes and goes, a radio changes."""
    groups = list(GROUPS)
    if round_ % 2:
        groups = groups[1:] + groups[:1]
    if round_ % 5 == 4:
        groups = groups[:-1]
    bed.show(groups=groups, bands=1 + round_ % 7 // 6)


def watch(bed):
    """A client that watches and leaves without a word."""
    with within(bed.relay_ns):
        client = socket.create_connection(("127.0.0.1", API_PORT), timeout=5)
    client.sendall(b"GET /api/v1/live HTTP/1.1\r\nHost: bed\r\n\r\n")
    with contextlib.suppress(OSError):
        client.recv(65536)
    return client


def churn(bed, desk, random_):
    """Sources that nobody has seen before, some of them preferred, on universes known and not."""
    for _ in range(20):
        universe = random_.randrange(1, 40)
        packet = bytearray(sacn(universe, random_.randrange(256), bytes(512)))
        packet[22:38] = random_.randbytes(16)
        # Lower than the desk's, so that the light is the desk's.
        packet[108] = random_.randrange(0, 100)
        desk.send(bytes(packet), (f"239.255.0.{universe}", 5568))


def flap(bed):
    bed.relay("link", "set", "dev", "eth0", "down")
    bed.relay("link", "set", "dev", "eth0", "up")


def main():
    random_ = random.Random(1)
    with Bed() as bed:
        bed.plug()
        desk = Desk(bed.desk_ns)
        try:
            with bed.running(PROGRAM, bed.show(), "--night-log", str(bed.folder / "night")) as relay:
                relay.has_light(desk)
                start, round_, first, watching = time.monotonic(), 0, None, []
                slowest = 0.0
                while (passed := time.monotonic() - start) < DURATION_S:
                    changed_show(bed, round_)
                    relay.reload()
                    watching.append(watch(bed))
                    if len(watching) > 8:
                        watching.pop(0).close()
                    churn(bed, desk, random_)
                    if round_ % 4 == 3:
                        flap(bed)
                    if round_ % 10 == 9:
                        (bed.folder / "show.toml").write_text("name = ")
                        with contextlib.suppress(OSError):
                            relay.reload()
                            raise AssertionError("a broken show file was taken")
                    slowest = max(slowest, relay.has_light(desk))
                    if first is None and passed > DURATION_S * WARM_UP_SHARE:
                        first = Figures(relay.pid)
                    round_ += 1
                for client in watching:
                    client.close()
                assert first, "the soak is too short for a warm-up"
                # Clients that left are noticed in a while, radios that ended in a moment.
                last = until("descriptors and threads are as before", lambda: (
                    lambda now: now.descriptors <= first.descriptors
                    and now.threads <= first.threads and now)(Figures(relay.pid)), every_s=0.5)[0]
                print(f"soak: {round_} rounds in {DURATION_S:.0f} s; after the warm-up {first}; at the end {last}",
                      flush=True)
                report("slowest new light in every group", slowest)
                most = first.rss_kib * (1 + RSS_GROWTH_MAX) + RSS_SLACK_KIB
                assert last.rss_kib <= most, f"memory grew from {first.rss_kib} to {last.rss_kib} KiB"
        finally:
            desk.stop()


main()
