"""A broadcast radio by the HCI user channel: `wristcast run` takes the kernel's adapter for itself, bands that
listen are behind it, the reference decoder says what they show."""

import json
import queue
import signal
import subprocess
import sys
import threading
import time
import urllib.request

from desk import Desk

SHARE = "/share"
GROUPS = 3
PATIENCE_S = 40
COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (12, 34, 56), (255, 255, 255), (0, 0, 0), (200, 100, 50)]


def turned(step):
    return [COLOURS[(step + band) % len(COLOURS)] for band in range(GROUPS)]


class Listeners:
    """The bands, and the decoder behind each one's host."""

    def __init__(self, key):
        self.process = subprocess.Popen(
            [sys.executable, "listeners.py", str(GROUPS)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=open(SHARE + "/bands.log", "w"), text=True, bufsize=1,
        )
        self.decoder = subprocess.Popen(
            [SHARE + "/hear", "65535", "7", key] + [str(band) for band in range(GROUPS)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        self.lock = threading.Lock()
        self.answers = queue.Queue()
        self.advertises = None
        self.adverts = 0
        threading.Thread(target=self.read, daemon=True).start()
        self.answers.get(timeout=PATIENCE_S)

    def read(self):
        for line in self.process.stdout:
            match line.split():
                case ["STATE", on]:
                    self.advertises = on == "1"
                case ["ready" | "done"]:
                    self.answers.put(line)
                case [band, ms, advert]:
                    self.adverts += 1
                    with self.lock:
                        self.decoder.stdin.write(f"{ms} {band} {advert}\n")

    def order(self, what):
        self.process.stdin.write(what + "\n")
        self.answers.get(timeout=PATIENCE_S)

    def ask(self, band):
        """What the decoder says of a band: see `hear`."""
        with self.lock:
            self.decoder.stdin.write(f"{time.monotonic_ns() // 1_000_000} {band} ?\n")
            self.decoder.stdin.flush()
            return [int(word) for word in self.decoder.stdout.readline().split()]

    def show(self, colours):
        return all(tuple(self.ask(band)[1:4]) == colours[band] for band in range(GROUPS))

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.decoder.kill()


class Relay:
    def __init__(self):
        subprocess.run([SHARE + "/wristcast", "keys", "new", "/tmp/show.key"], check=True)
        with open("/tmp/show.key") as key:
            self.key = next(line for line in key if line.startswith("key =")).split(" = ")[1].strip()
        with open("/tmp/show.toml", "w") as show:
            show.write(f"""
name = "On air"
[network]
interfaces = ["lo"]
[http]
listen = "127.0.0.1:8420"
[[group]]
name = "seat-{{}}"
count = {GROUPS}
universe = "sacn/1"
address = 1
personality = "rgb"
[[radio]]
kind = "broadcast"
controllers = ["hci0"]
key = "show.key"
show_id = 7
fall_back = "glow"
fall_back_after_ms = 4000
""")

    def start(self):
        self.process = subprocess.Popen(
            [SHARE + "/wristcast", "run", "/tmp/show.toml"],
            stdout=open(SHARE + "/relay.log", "w"), stderr=subprocess.STDOUT,
        )

    def radio(self):
        """What it says of its radio; nothing as long as it does not answer."""
        try:
            with urllib.request.urlopen("http://127.0.0.1:8420/api/v1/radios", timeout=5) as answer:
                return json.load(answer)[0]
        except OSError:
            return {"state": None, "detail": None}


def user_channel(verdict, wait_for):
    """Every look reaches every band; the adapter is pulled out and put back; nothing is left on the air."""
    relay = Relay()
    bands = Listeners(relay.key)
    desk = Desk()
    relay.start()
    wait_for("the radio is up", lambda: relay.radio()["state"] == "up", PATIENCE_S)
    verdict.check("the relay has taken the adapter's user channel", True)

    def show(colours):
        """Until every band has these, once more every 0.1 s as long as it takes; how long it took."""
        start = time.monotonic()

        def shown():
            desk.send(bytes(level for colour in colours for level in colour))
            return bands.show(colours)

        wait_for("bands show %s" % (colours,), shown, PATIENCE_S)
        return (time.monotonic() - start) * 1e3

    took = sorted(show(turned(step)) for step in range(2 * len(COLOURS)))
    figures = "%d looks, p50 %.0f ms, %.0f ms at most" % (len(took), took[len(took) // 2], took[-1])
    verdict.check("every look reaches every band", True, figures)
    ignored = [bands.ask(band)[7] for band in range(GROUPS)]
    verdict.check("no frame was refused", not any(ignored), str(ignored))

    bands.order("unplug")
    told = {}

    def down():
        told.update(relay.radio())
        return told["state"] == "down"

    wait_for("the radio is down", down, PATIENCE_S)
    verdict.check("the status says what is wrong", "hci0" in told["detail"] or "gone" in told["detail"], told["detail"])
    bands.order("plug")
    plugged = time.monotonic()
    show(turned(3))
    verdict.check("put back, it goes on with the look of now", True, "%.1f s after" % (time.monotonic() - plugged))
    for step in range(len(COLOURS)):
        show(turned(step))
    verdict.check("... and with every look after that", True)

    relay.process.send_signal(signal.SIGTERM)
    code = relay.process.wait(20)
    dark = all(tuple(bands.ask(band)[1:4]) == (0, 0, 0) for band in range(GROUPS))
    verdict.check("relay stops when asked, bands dark", code == 0 and dark, "code %s" % code)
    wait_for("silence", lambda: bands.advertises is False, 5)
    verdict.check("the adapter is left advertising nothing", True)
    wait_for("bands fall back", lambda: all(bands.ask(band)[8] == 1 for band in range(GROUPS)), 10)
    verdict.check("bands fall back as they were told", True)
    with open(SHARE + "/relay.log") as log:
        verdict.check("no thread of the relay panicked", "panicked" not in log.read())
    bands.stop()
    return verdict.failed
