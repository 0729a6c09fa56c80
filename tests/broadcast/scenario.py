"""What a listening band must show, scenario by scenario.

usage: scenario.py WRISTCAST HEAR [SCENARIO...]
"""

import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "bluetooth"))
import desk  # noqa: E402

WRISTCAST, HEAR = sys.argv[1], sys.argv[2]
PATIENCE_S = 60
GROUPS = 3
COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (12, 34, 56), (255, 255, 255), (0, 0, 0), (200, 100, 50)]


class Failed(Exception):
    pass


def until(what, holds):
    """Waits for a condition; asks again and again."""
    end = time.monotonic() + PATIENCE_S
    while not (last := holds()):
        if time.monotonic() > end:
            raise Failed(f"it never came to hold: {what}")
        time.sleep(0.01)
    return last


def milliseconds():
    return time.monotonic_ns() // 1_000_000


class Bed:
    """The virtual air, and the reference decoder behind each band's host."""

    def __init__(self, way, controllers, key, bands=GROUPS):
        arguments = [sys.executable, HERE / "bed.py", way, str(controllers), str(bands)]
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        self.ports = [int(port) for port in self.process.stdout.readline().split()]
        if len(self.ports) != controllers:
            raise Failed("the bed did not start")
        groups = [str(band % GROUPS) for band in range(bands)]
        self.decoder = subprocess.Popen(
            [HEAR, "65535", "7", key, *groups],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.lock = threading.Lock()
        self.advertises = {}
        self.adverts = 0
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            first, second, third = line.split()
            if first == "STATE":
                self.advertises[int(second)] = third == "1"
                continue
            self.adverts += 1
            with self.lock:
                self.decoder.stdin.write(f"{second} {first} {third}\n")

    def ask(self, band):
        with self.lock:
            self.decoder.stdin.write(f"{milliseconds()} {band} ?\n")
            self.decoder.stdin.flush()
            return [int(word) for word in self.decoder.stdout.readline().split()]

    def light(self, band):
        return tuple(self.ask(band)[1:4])

    def close(self):
        for process in (self.process, self.decoder):
            process.kill()
            process.wait()


class Show:
    """A relay on the air, and a desk that drives it."""

    def __init__(self, way, controllers, folder, bands=GROUPS, sectors=False):
        self.folder = folder
        key = folder / "show.key"
        if not key.exists():
            subprocess.run([WRISTCAST, "keys", "new", key], check=True, stdout=subprocess.DEVNULL)
        lines = dict(line.split(" = ") for line in key.read_text().splitlines() if " = " in line)
        self.bed = Bed(way, controllers, f"{lines['key']},{lines['next']}", bands)
        listed = [f'"tcp:127.0.0.1:{port}"' for port in self.bed.ports]
        # One radio with all controllers; or a sector for each, with a group of its own.
        radios = [(", ".join(listed), "seat-{}")]
        if sectors:
            radios = [(one, f"seat-{number}") for number, one in enumerate(listed, 1)]
        self.sacn_port = free_port()
        (folder / "show.toml").write_text(
            f"""
name = "On air"
[network]
interfaces = ["lo"]
sacn_port = {self.sacn_port}
artnet_port = {free_port()}
[[group]]
name = "seat-{{}}"
count = {GROUPS}
universe = "sacn/1"
address = 1
personality = "rgb"
"""
            + "".join(
                f"""
[[radio]]
kind = "broadcast"
controllers = [{controllers}]
groups = ["{groups}"]
key = "show.key"
show_id = 7
way = "{way}"
fall_back = "glow"
fall_back_after_ms = 4000
"""
                for controllers, groups in radios
            )
        )
        self.desk = desk.Desk()
        self.desk.to = ("127.0.0.1", self.sacn_port)
        self.colours = None
        self.playing = True
        threading.Thread(target=self.play, daemon=True).start()
        self.relay = self.run()

    def run(self):
        log = open(self.folder / "relay.log", "a")
        arguments = [WRISTCAST, "run", str(self.folder / "show.toml")]
        return subprocess.Popen(arguments, stdout=log, stderr=log)

    def play(self):
        while self.playing:
            if self.colours:
                self.desk.send(bytes(level for colour in self.colours for level in colour))
            time.sleep(0.1)

    def show(self, colours):
        """Gives each group a colour; every band has it in the end. Says how long that took."""
        begin = time.monotonic()
        self.colours = colours
        self.desk.send(bytes(level for colour in colours for level in colour))
        for band in range(GROUPS):
            want = colours[band]
            until(f"band {band} shows {want}", lambda: self.bed.light(band) == want)
        return time.monotonic() - begin

    def stop(self):
        self.relay.send_signal(signal.SIGTERM)
        self.relay.wait(PATIENCE_S)

    def close(self):
        self.playing = False
        self.relay.kill()
        self.relay.wait()
        self.bed.close()


def free_port():
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def turned(step):
    return [COLOURS[(step + band) % len(COLOURS)] for band in range(GROUPS)]


def every_look(show):
    took = [show.show(turned(step)) for step in range(2 * len(COLOURS))]
    took.sort()
    # The looks came through our frames, and not one was refused.
    for band in range(GROUPS):
        _, _, _, _, _, new, known, ignored, _, _ = show.bed.ask(band)
        if new < len(COLOURS) or ignored:
            raise Failed(f"band {band}: {new} new, {known} known, {ignored} ignored")
    return f"{len(took)} looks, {took[len(took) // 2] * 1000:.0f} ms p50, {took[-1] * 1000:.0f} ms at most"


def dark_and_silent(show):
    """The end look is heard; then there is silence, in which bands fall back as they were told."""
    show.playing = False
    show.show([(9, 9, 9)] * GROUPS)
    ending = threading.Thread(target=show.stop)
    ending.start()
    for band in range(GROUPS):
        until(f"band {band} is dark", lambda: show.bed.light(band) == (0, 0, 0))
    ending.join()
    if show.relay.returncode != 0:
        raise Failed(f"the relay ended with {show.relay.returncode}")
    for band in range(GROUPS):
        until(f"band {band} falls back", lambda: show.bed.ask(band)[8] == 1)
    until("no controller advertises", lambda: not any(show.bed.advertises.values()))
    before = show.bed.adverts
    show.bed.ask(0)
    if show.bed.adverts != before:
        raise Failed("a controller still advertises")
    return "dark, then silent"


def plain(way, controllers):
    def scenario(show):
        return f"{every_look(show)}; {dark_and_silent(show)}"

    return way, controllers, scenario


def killed(show):
    every_look(show)
    held = turned(3)
    show.show(held)
    show.relay.kill()
    show.relay.wait()
    # A dead host's dongle goes on advertising its last frame: bands hold, they are not fooled.
    show.relay = show.run()
    took = show.show(turned(5))
    every_look(show)
    return f"lit by the relay started anew {took:.1f} s after"


def rotated(show):
    """The next key comes into use in the middle of the show."""
    every_look(show)
    held = turned(3)
    show.show(held)
    key = show.folder / "show.key"
    subprocess.run([WRISTCAST, "keys", "rotate", key], check=True, stdout=subprocess.DEVNULL)
    show.relay.kill()
    show.relay.wait()
    for band in range(GROUPS):
        if show.bed.light(band) != held[band]:
            raise Failed(f"band {band} lost its look")
    show.relay = show.run()
    took = show.show(turned(5))
    every_look(show)
    return f"the next key is believed {took:.1f} s after; no frame was refused"


# Way, controllers, what happens; and whether each controller is a sector of its own.
SCENARIOS = {
    "extended": plain("extended", 1),
    "legacy": plain("legacy", 1),
    "periodic": plain("periodic", 1),
    "many-radios": plain("extended", 4),
    "sectors": (*plain("extended", GROUPS), True),
    "rotated": ("extended", 1, rotated),
    "killed": ("extended", 2, killed),
    "killed-periodic": ("periodic", 2, killed),
}


def main():
    wanted = sys.argv[3:] or list(SCENARIOS)
    failed = 0
    for name in wanted:
        way, controllers, scenario, *sectors = SCENARIOS[name]
        begin = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            show = Show(way, controllers, Path(folder), sectors=bool(sectors))
            try:
                verdict = scenario(show)
            except (Failed, subprocess.TimeoutExpired) as error:
                failed += 1
                verdict = f"FAILED: {error}\n{(Path(folder) / 'relay.log').read_text()[-3000:]}"
            finally:
                show.close()
        print(f"{name}: {verdict} ({time.monotonic() - begin:.1f} s)", flush=True)
    print(f"{len(wanted) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
