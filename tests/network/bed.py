"""The bed of the network's scenarios: a desk, a switch and a relay, each in a network namespace.

    desk 10.7.0.1 ──► switch (a bridge with ports `desk`, `one`, `two`) ──► relay: `eth0`, `eth1`

The desk sends 20 sACN universes by multicast and 20 Art-Net universes by broadcast, 44 times a second.
Red and green of each frame are its number, so that the relay's looks tell how new they are. Every wait
is for a condition with a limit; how long it took is printed and judged by nobody.
"""
import contextlib
import ctypes
import json
import os
import pathlib
import random
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import urllib.request

PATIENCE_S = 60
RATE_HZ = 44
SACN = range(1, 21)
ARTNET = range(0, 20)
DESK, RELAY = "10.7.0.1", "10.7.0.2"
API_PORT = 8420
TOKEN = "0123456789abcdef0123"

GROUP = '[[group]]\nname = "{0}"\nuniverse = "{0}"\naddress = 1\npersonality = "rgb"\n'
GROUPS = [f"sacn/{n}" for n in SACN] + [f"artnet/{n}" for n in ARTNET]

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def run(*command, check=True):
    done = subprocess.run(command, text=True, capture_output=True)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def until(what, condition, every_s=0.02):
    """Waits until `condition` gives something; gives that, and how long it took."""
    start = time.monotonic()
    while True:
        found = condition()
        took = time.monotonic() - start
        if found:
            return found, took
        if took > PATIENCE_S:
            raise AssertionError(f"waited {PATIENCE_S} s in vain: {what}")
        time.sleep(every_s)


@contextlib.contextmanager
def within(namespace):
    """This thread is in the namespace: sockets that it makes belong there, and stay there."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        enter(there)
        yield
    finally:
        enter(here)
        os.close(here)
        os.close(there)


def enter(namespace):
    if LIBC.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


class Desk:
    """Sends frames until it is stopped; a frame's number is in the first two slots."""

    def __init__(self, namespace, sacn_universes=SACN, artnet_universes=ARTNET):
        self.sacn_universes, self.artnet_universes = sacn_universes, artnet_universes
        with within(namespace):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(DESK))
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 4)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self.socket.bind((DESK, 0))
        self.number = 0
        self.sent = 0
        # What the way to the relay does to packets. Here and not by the kernel's netem, which many have not.
        self.random = random.Random(1)
        self.loss = self.twice = self.late = 0.0
        self.held = []
        self.silent = threading.Event()
        self.resting = threading.Event()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        due = time.monotonic()
        while not self.ended.is_set():
            due = max(due + 1 / RATE_HZ, time.monotonic() - 0.1)
            time.sleep(max(0, due - time.monotonic()))
            if self.silent.is_set():
                self.resting.set()
            else:
                self.frame()

    def frame(self):
        self.number += 1
        levels = struct.pack(">H", self.number & 0xFFFF) + bytes(510)
        packets = [(sacn(universe, self.number, levels), (f"239.255.{universe >> 8}.{universe & 255}", 5568))
                   for universe in self.sacn_universes]
        packets += [(artnet(address, self.number, levels), ("10.7.0.255", 6454)) for address in self.artnet_universes]
        late, self.held = self.held, []
        for packet, to in packets:
            if self.random.random() < self.loss:
                continue
            if self.random.random() < self.late:
                self.held.append((packet, to))
                continue
            self.send(packet, to)
            if self.random.random() < self.twice:
                self.send(packet, to)
        # After those of the next frame: out of order.
        for packet, to in late:
            self.send(packet, to)

    def weather(self, loss=0.0, twice=0.0, late=0.0):
        """Shares of packets that are lost, that come twice, and that come after the next frame's."""
        self.loss, self.twice, self.late = loss, twice, late

    def send(self, packet, to):
        # A full queue of the link is the network's loss, not the desk's end.
        with contextlib.suppress(OSError):
            self.socket.sendto(packet, to)
            self.sent += 1

    def pause(self):
        """From here on nothing is sent, until it `goes_on`."""
        self.resting.clear()
        self.silent.set()
        assert self.resting.wait(PATIENCE_S), "the desk does not come to rest"

    def goes_on(self):
        self.silent.clear()

    def stop(self):
        self.ended.set()
        self.thread.join()
        self.socket.close()


def sacn(universe, number, levels):
    """A data packet (ANSI E1.31-2018, table 4-1)."""
    dmp = struct.pack(">HBBHHH", 0x7000 | 10 + 1 + len(levels), 2, 0xA1, 0, 1, 1 + len(levels)) + b"\0" + levels
    framing = struct.pack(">HI64sBHBBH", 0x7000 | 77 + len(dmp), 2, b"bed", 100, 0, number & 255, 0, universe) + dmp
    root = struct.pack(">HI16s", 0x7000 | 22 + len(framing), 4, bytes([7] * 16)) + framing
    return struct.pack(">HH12s", 0x0010, 0, b"ASC-E1.17\0\0\0") + root


def artnet(address, number, levels):
    """ArtDmx (Art-Net 4)."""
    sequence = number % 255 + 1
    head = struct.pack("<8sH", b"Art-Net\0", 0x5000) + struct.pack(">HBB", 14, sequence, 0)
    return head + struct.pack("<H", address) + struct.pack(">H", len(levels)) + levels


class Bed:
    """The three namespaces, and a folder for files."""

    def __init__(self):
        self.desk_ns, self.switch_ns, self.relay_ns = (
            f"wc-{name}-{os.getpid()}" for name in ("desk", "switch", "relay"))
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="wristcast-bed-"))

    def __enter__(self):
        try:
            self.build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def build(self):
        for name in (self.desk_ns, self.switch_ns, self.relay_ns):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "dev", "lo", "up")
        self.switch("link", "add", "name", "br0", "type", "bridge", "mcast_snooping", "0")
        self.switch("link", "set", "dev", "br0", "up")
        self.cable("desk", self.desk_ns, "eth0")
        self.desk("addr", "add", f"{DESK}/24", "dev", "eth0")
        self.desk("link", "set", "dev", "eth0", "up")
        self.cable("one", self.relay_ns, "eth0")
        self.cable("two", self.relay_ns, "eth1")

    def __exit__(self, *_):
        for name in (self.desk_ns, self.switch_ns, self.relay_ns):
            run("ip", "netns", "del", name, check=False)
        subprocess.run(["rm", "-rf", str(self.folder)], check=False)

    def cable(self, port, namespace, name):
        """Joins a port of the switch to an interface of a machine."""
        self.switch("link", "add", "name", port, "type", "veth", "peer", "name", name, "netns", namespace)
        self.switch("link", "set", "dev", port, "master", "br0", "up")

    def switch(self, *words):
        return run("ip", "-n", self.switch_ns, *words)

    def desk(self, *words):
        return run("ip", "-n", self.desk_ns, *words)

    def relay(self, *words):
        return run("ip", "-n", self.relay_ns, *words)

    def plug(self, name="eth0", address=RELAY):
        self.relay("addr", "replace", f"{address}/24", "brd", "+", "dev", name)
        self.relay("link", "set", "dev", name, "up")

    def show(self, name="show.toml", more="", network="", groups=GROUPS, bands=1):
        """Writes a show file that listens to whatever has an address of the desk's network."""
        (self.folder / "tokens.txt").write_text(f"bed {TOKEN}\n")
        os.chmod(self.folder / "tokens.txt", 0o600)
        path = self.folder / name
        path.write_text(
            f'name = "Bed"\n[network]\ninterfaces = ["10.7.0.0/24"]\n{network}\n'
            f'[http]\nlisten = "127.0.0.1:{API_PORT}"\ntoken_file = "tokens.txt"\n'
            + "".join(GROUP.format(group) for group in groups)
            + f'[[radio]]\nkind = "simulated"\nbands_per_group = {bands}\n' + more)
        return path

    @contextlib.contextmanager
    def running(self, program, show, *more, before=()):
        """A relay that runs the show; ends it gently and sees that it ended well."""
        log = self.folder / "relay.log"
        command = ["ip", "netns", "exec", self.relay_ns, *before, str(pathlib.Path(program).resolve()),
                   "run", str(show), "--state", str(self.folder / "state"), *more]
        with open(log, "a") as out:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                     cwd=self.folder)
        relay = Running(self, child)
        try:
            until("the relay's API", lambda: relay.ask("status") or relay.must_live())
            yield relay
            child.send_signal(signal.SIGTERM)
            code = child.wait(PATIENCE_S)
            # 4: bands were left behind, as on a machine that is busy with other things.
            assert code in (0, 4), f"the relay ended with code {code}"
        except BaseException:
            print(log.read_text()[-6000:], flush=True)
            raise
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()


class Running:
    """A running relay, as the bed sees it."""

    def __init__(self, bed, child):
        self.bed = bed
        # `ip netns exec` becomes the program.
        self.child = child

    @property
    def pid(self):
        return self.child.pid

    def must_live(self):
        assert self.child.poll() is None, f"the relay ended with code {self.child.returncode}"

    def fetch(self, path, body=None, timeout_s=5):
        request = urllib.request.Request(f"http://127.0.0.1:{API_PORT}{path}", data=body)
        if body is not None:
            request.add_header("Authorization", f"Bearer {TOKEN}")
            request.add_header("Content-Type", "application/json")
        with within(self.bed.relay_ns):
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:
                return answer.read()

    def ask(self, path):
        """An answer of the API, `None` if there is none now."""
        try:
            return json.loads(self.fetch(f"/api/v1/{path}"))
        except OSError:
            self.must_live()
            return None

    def reload(self):
        return json.loads(self.fetch("/api/v1/control/reload", b"{}", PATIENCE_S))["changes"]

    def faults(self):
        status = self.ask("status")
        return status["faults"] if status else []

    def lag(self, desk):
        """How many frames the group with the oldest look is behind the desk."""
        groups = self.ask("groups")
        if not groups:
            return None
        # Afterwards: no look is newer than it.
        number = desk.number
        return max(number - (group["look"]["red"] << 8 | group["look"]["green"]) & 0xFFFF for group in groups)

    def has_light(self, desk):
        """Waits until every group shows a frame that is sent from now on; how long that took."""
        after = desk.number

        def is_new():
            lag = self.lag(desk)
            return lag is not None and lag < desk.number - after
        return until("new light in every group", is_new)[1]

    def has_fault(self, words):
        until(f"the fault `{words}`", lambda: any(words in fault for fault in self.faults()))

    def has_no_fault(self):
        until("no fault", lambda: self.ask("status") and not self.faults())


def report(what, took_s):
    print(f"  {what:<58} {took_s * 1000:7.0f} ms", flush=True)
