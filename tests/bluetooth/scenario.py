"""One scenario inside the virtual machine: bands, BlueZ, the relay, a desk; then the verdict.

usage: scenario.py NAME   (see SCENARIOS; prints one line per check, exits non-zero if one failed)
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

from desk import Desk
from on_air import user_channel

RATE_HZ = 44
SHARE = "/share"
MARK = 0xB1
SHOW = "/tmp/show.toml"
TOKEN = "for-nothing-but-this-bed"


class Failed(Exception):
    pass


class Verdict:
    def __init__(self):
        self.failed = 0

    def check(self, name, good, figures=""):
        self.failed += not good
        print("%s  %-58s %s" % ("ok    " if good else "FAILED", name, figures), flush=True)


# --- the machine ---------------------------------------------------------------------------------


def wait_for(what, condition, seconds):
    end = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > end:
            raise Failed("%s: not within %d s" % (what, seconds))
        time.sleep(0.05)
    return result


class Bluetoothd:
    def __init__(self, adapters):
        self.adapters = adapters
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["/usr/libexec/bluetooth/bluetoothd", "-n"],
            stdout=open(SHARE + "/bluetoothd.log", "a"), stderr=subprocess.STDOUT,
        )
        for adapter in range(1, self.adapters + 1):
            self.power_on(adapter)

    def power_on(self, adapter):
        """Adapter N, from 1. It is not there at once."""
        order = [
            "dbus-send", "--system", "--print-reply", "--dest=org.bluez", "/org/bluez/hci%d" % (adapter - 1),
            "org.freedesktop.DBus.Properties.Set", "string:org.bluez.Adapter1", "string:Powered",
            "variant:boolean:true",
        ]
        wait_for(
            "adapter %d powered on" % adapter,
            lambda: subprocess.run(order, capture_output=True).returncode == 0, 20,
        )

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Bands:
    def __init__(self, count, odd):
        self.count = count
        self.unlit = {odd[what] for what in ("other", "locked") if what in odd}
        words = [str(word) for pair in odd.items() for word in pair]
        self.process = subprocess.Popen(
            [sys.executable, "bands.py", str(count)] + words,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=open(SHARE + "/bands.log", "w"), text=True, bufsize=1,
        )
        if self.process.stdout.readline() != "ready\n":
            raise Failed("the bands did not start, see bands.log")

    def order(self, *words):
        """Has it done, and gives the answer."""
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        answer = self.process.stdout.readline()
        if not answer:
            raise Failed("the bands have died, see bands.log")
        return json.loads(answer)

    def switch(self, band, way):
        """Switches a band; returns when that was."""
        self.order(way, band)
        return time.monotonic_ns()

    def frames(self, band):
        """(monotonic ns, decoded frame) of everything the band got, in order."""
        return [(t, decode(bytes.fromhex(what))) for t, what in self.log(band) if not what.endswith("connected")]

    def log(self, band):
        """(monotonic ns, frame in hex, `connected` or `disconnected`) of a band."""
        return [(t, what) for t, of, what in self.order("log") if of == band]

    def all_show(self, colours):
        last = self.order("last")
        return all(colour_of(frame) == colours(band)
                   for band, frame in enumerate(last, 1) if band not in self.unlit)

    def stop(self):
        with open(SHARE + "/bands.json", "w") as log:
            json.dump(self.order("log"), log)
        self.process.stdin.close()
        self.process.wait()


def address(band):
    return "F0:F1:F2:F3:F4:%02X" % band


def write_show(groups, limit=16, adapters=1, listed=True, mismatched=None):
    """A show of one band in each group; its radio lists them, or leaves that to the inventory. Of
    the band `mismatched` it says that it is of another profile."""
    with open("/tmp/tokens.txt", "w") as tokens:
        tokens.write("bed %s\n" % TOKEN)
    os.chmod("/tmp/tokens.txt", 0o600)
    with open(SHOW, "w") as show:
        show.write('name = "Bed"\n[network]\ninterfaces = ["lo"]\n')
        show.write('[http]\nlisten = "127.0.0.1:8420"\ntoken_file = "tokens.txt"\n')
        bands = []
        for band in range(1, groups + 1):
            show.write('[[group]]\nname = "g%d"\nuniverse = "sacn/1"\n' % band)
            show.write('address = %d\npersonality = "rgb"\n' % (3 * band - 2))
            profile = ', profile = "elk-bledom"' if band == mismatched else ""
            bands.append('{ id = "%s", group = "g%d"%s }' % (address(band), band, profile))
        show.write('[[radio]]\nkind = "gatt"\n')
        if limit:
            show.write("max_connections = %d\n" % limit)
        if adapters > 1:
            show.write("adapter = [%s]\n" % ", ".join('"hci%d"' % number for number in range(adapters)))
        if listed:
            show.write("bands = [\n  %s,\n]\n" % ",\n  ".join(bands))


def wristcast(*words):
    """Runs a command of the relay's to its end: exit code, and what it printed."""
    run = subprocess.run([SHARE + "/wristcast", *words], capture_output=True, text=True, timeout=90)
    # Of the warnings about the show, there are some, only what is wrong matters here.
    wrong = [line for line in run.stderr.splitlines() if line.startswith("error")]
    return run.returncode, run.stdout + "\n".join(wrong)


class Relay:
    def __init__(self):
        self.process = subprocess.Popen(
            [SHARE + "/wristcast", "run", SHOW, "--log", "info,wristcast_core::radio::gatt=debug"],
            stdout=open(SHARE + "/relay.log", "w"), stderr=subprocess.STDOUT,
        )

    def stop(self):
        """Ends it as an operator does; returns exit code and how long it took."""
        start = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return None, time.monotonic() - start
        return code, time.monotonic() - start

    def log(self):
        with open(SHARE + "/relay.log") as log:
            return log.read()

    def panic(self, on):
        """Gives the order; returns when it was obeyed."""
        order = urllib.request.Request(
            "http://127.0.0.1:8420/api/v1/control/panic", json.dumps({"on": on}).encode(),
            {"Authorization": "Bearer " + TOKEN, "Content-Type": "application/json"},
        )
        urllib.request.urlopen(order, timeout=5).close()
        return time.monotonic_ns()

    def status(self, what):
        """What the relay tells of its `bands` or `radios`."""
        with urllib.request.urlopen("http://127.0.0.1:8420/api/v1/" + what, timeout=5) as answer:
            return json.load(answer)


# --- what bands got ------------------------------------------------------------------------------


def crc8(data):
    """CRC-8/AUTOSAR."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ (0x2F if crc & 0x80 else 0)) & 0xFF
    return crc ^ 0xFF


def decode(frame):
    """A frame of the project's own band, as docs/band-frame.md has it."""
    if len(frame) != 11 or frame[0] != MARK or crc8(frame[:10]) != frame[10]:
        raise Failed("not a frame: %s" % frame.hex())
    colour, dimmer = tuple(frame[3:6]), frame[7]
    return {"first": bool(frame[1] & 1), "sequence": frame[2], "colour": colour if dimmer else (0, 0, 0)}


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


def colour_of(frame):
    return frame and decode(bytes.fromhex(frame))["colour"]


class Account:
    """What one band got, held against what the desk sent for it."""

    def __init__(self, desk, bands, band, since=0, until=None):
        slots = slice(3 * band - 3, 3 * band)
        self.sent = {}  # colour → (frame, monotonic ns) of its first sending
        for index, (t, levels) in enumerate(desk.sent):
            self.sent.setdefault(tuple(levels[slots]), (index, t))
        inside = lambda t: t >= since and (until is None or t < until)
        got = [(t, frame["colour"]) for t, frame in bands.frames(band) if inside(t)]
        self.got = got
        self.unknown = [colour for _, colour in got if colour not in self.sent]
        known = [(t, *self.sent[colour]) for t, colour in got if colour in self.sent]
        self.backwards = sum(later[1] < earlier[1] for earlier, later in zip(known, known[1:]))
        first_of = {}
        for t, index, sent_at in known:
            first_of.setdefault(index, (t - sent_at) / 1e6)
        self.latency_ms = list(first_of.values())
        self.distinct = len(first_of)
        self.behind_ms = self.behind(desk, known)
        times = [t for t, *_ in known]
        gaps = [later - earlier for earlier, later in zip(times, times[1:])]
        self.longest_gap_ms = max(gaps) / 1e6 if gaps else None

    @staticmethod
    def behind(desk, known):
        """For how long a newer look had been there than the band showed: every 5 ms, while the desk
        went on."""
        times = [t for t, _ in desk.sent]
        samples, place = [], 0
        for t in range(known[0][0], times[-1], 5_000_000) if known else ():
            while place + 1 < len(known) and known[place + 1][0] <= t:
                place += 1
            newer = known[place][1] + 1
            samples.append(max(0, t - times[newer]) / 1e6 if newer < len(times) else 0)
        return samples


# --- what desks play -----------------------------------------------------------------------------


def jumps(bands):
    """Every frame another colour for every band, far from the one before, never twice in 65 536."""

    def levels(frame):
        levels = bytearray()
        for band in range(1, bands + 1):
            # 149 is odd: all 256 levels before any again. Never dark.
            levels += bytes([frame * 149 & 255, frame >> 8 & 255, 64 + band])
        return levels

    return levels


def level_of(desk, band):
    return tuple(desk.levels[3 * band - 3 : 3 * band])


# --- scenarios -----------------------------------------------------------------------------------


class Bed:
    def __init__(self, bands, limit=16, adapters=1, mismatched=None, **odd):
        self.bands = Bands(bands, {"adapters": adapters, **odd})
        self.bluetoothd = Bluetoothd(adapters)
        self.desk = Desk()
        self.levels = jumps(bands)
        self.verdict = Verdict()
        self.relay = None
        write_show(bands, limit, adapters, mismatched=mismatched)
        self.bands.unlit.add(mismatched)

    def lit(self):
        """Starts the relay, and waits until every band follows the desk."""
        self.relay = Relay()
        started = time.monotonic()
        wait_for("relay listens", self.listens, 10)
        wait_for("all bands lit", self.first_light, 60 + 3 * self.bands.count)
        self.lit_after = time.monotonic() - started
        return self

    def listens(self):
        with open("/proc/net/udp") as table:
            return re.search(r":15C0 ", table.read())

    def first_light(self):
        self.desk.send(self.levels(0))
        return self.all_current()

    def all_current(self):
        return self.bands.all_show(lambda band: level_of(self.desk, band))

    def within(self, calm_ms, measured_ms):
        """On a machine that does nothing else: within `calm_ms`. One that is busy holds up the desk
        as well as the relay; then whatever a queue would make of it, it must not be."""
        late_ms = self.desk.late_ms
        return measured_ms < (calm_ms if late_ms < 10 else calm_ms + 1000 + 2 * late_ms)

    def many(self, per_second):
        return per_second >= (30 if self.desk.late_ms < 10 else 1)

    def fair(self, least, most):
        """Nobody gets much less than the others; on a busy machine, where connections break, nobody
        next to nothing."""
        return least >= (0.8 if self.desk.late_ms < 10 else 0.1) * most

    def cpu_s(self):
        """Processor time of the relay, bluetoothd and the bands so far."""

        def of(process):
            with open("/proc/%d/stat" % process.pid) as stat:
                fields = stat.read().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

        return [of(part.process) for part in (self.relay, self.bluetoothd, self.bands)]

    def show(self, seconds):
        self.desk.play(seconds, RATE_HZ, self.levels)

    def show_until_lit(self, bands, seconds):
        """Goes on with the show until these bands follow it, for so long at most."""

        def follow():
            last = self.bands.order("last")
            recent = self.desk.sent[-RATE_HZ:]
            return all(any(tuple(levels[3 * band - 3 : 3 * band]) == colour_of(last[band - 1])
                           for _, levels in recent) for band in bands)

        self.show(1)  # so that what they showed before is none of the recent looks
        for _ in range(2 * seconds):
            self.show(0.5)
            if follow():
                break
        self.show(1)

    def settle(self, name):
        """Input stops changing: every band must show the last look, within the second that
        docs/bands.md promises."""
        start = time.monotonic()
        while not self.all_current() and time.monotonic() < start + 10:
            time.sleep(0.02)
        took_ms = (time.monotonic() - start) * 1e3
        self.verdict.check(name, self.all_current() and self.within(1000, took_ms), "after %.0f ms" % took_ms)

    def end(self):
        if self.desk.late_ms >= 10:
            print("        note: a busy machine, it held up the desk by %.0f ms" % self.desk.late_ms)
        self.desk.rest(0.5)
        code, seconds = self.relay.stop()
        self.verdict.check("relay stops when asked", code == 0 and seconds < 8, "code %s, %.1f s" % (code, seconds))
        dark = self.bands.all_show(lambda band: (0, 0, 0))
        self.verdict.check("bands are left dark", dark)
        panics = "panicked" in self.relay.log()
        self.verdict.check("no thread of the relay panicked", not panics)
        self.bands.stop()
        self.bluetoothd.stop()
        return self.verdict.failed


def stream(count):
    """COUNT bands, 44 changes a second on each."""
    seconds = 6
    bed = Bed(count).lit()
    bed.verdict.check("all bands lit", True, "%.1f s after start" % bed.lit_after)
    since, before = time.monotonic_ns(), bed.cpu_s()
    bed.show(seconds)
    cpu = [(now - then) / seconds for now, then in zip(bed.cpu_s(), before)]
    bed.settle("final look on every band")
    changes = seconds * RATE_HZ
    accounts = [Account(bed.desk, bed.bands, band, since) for band in range(1, count + 1)]
    for band, account in enumerate(accounts, 1):
        print("        band %d: %d of %d looks, latency p50 %.1f p99 %.1f max %.1f ms, behind p50 %.0f p99 %.0f ms, gap max %.0f ms" % (
            band, account.distinct, changes, percentile(account.latency_ms, 0.5),
            percentile(account.latency_ms, 0.99), max(account.latency_ms),
            percentile(account.behind_ms, 0.5), percentile(account.behind_ms, 0.99), account.longest_gap_ms,
        ), flush=True)
    print("        processor: relay %.0f %%, bluetoothd %.0f %%, bands %.0f %%" % tuple(100 * share for share in cpu))
    bed.verdict.check("nothing but what the desk sent", not any(a.unknown for a in accounts))
    bed.verdict.check("no look after a newer one", not any(a.backwards for a in accounts))
    worst = max(percentile(a.latency_ms, 0.99) for a in accounts)
    together = [ms for account in accounts for ms in account.latency_ms]
    behind = [ms for account in accounts for ms in account.behind_ms]
    # A line of the table that run.sh prints in the end.
    print("table   | %d | %.0f of %d a second | %.0f ms | %.0f ms | %.0f ms | %.0f ms |" % (
        count, sum(a.distinct for a in accounts) / count / seconds, RATE_HZ,
        percentile(together, 0.5), percentile(together, 0.99), percentile(behind, 0.5), percentile(behind, 0.99),
    ))
    # Sixteen bands are twice what one processor can do here; looks are left out, not kept.
    calm_ms = 100 if count <= 8 else 300
    bed.verdict.check("no old looks: p99 from UDP to the band", bed.within(calm_ms, worst), "%.1f ms" % worst)
    worst = max(percentile(a.behind_ms, 0.99) for a in accounts)
    bed.verdict.check("no band shows old light: p99 of its age", bed.within(2 * calm_ms, worst), "%.1f ms" % worst)
    least, most = min(a.distinct for a in accounts), max(a.distinct for a in accounts)
    bed.verdict.check("bands get their share of the writes", bed.fair(least, most), "%d to %d looks" % (least, most))
    longest = [account.longest_gap_ms for account in accounts]
    figures = "longest gaps %.0f to %.0f ms" % (min(longest), max(longest))
    bed.verdict.check("nobody waits while others are served", bed.within(500, max(longest)), figures)
    enough = bed.many(least / seconds * (1 if count <= 8 else 3))
    bed.verdict.check("bands get many looks", enough, "%.0f/s at least" % (least / seconds))
    groups = bed.relay.status("groups")
    bed.verdict.check("no group says it is behind", not any(g["delivery"]["behind_ms"] for g in groups))
    return bed.end()


def comeback():
    """A band is switched off and on in the middle of the show."""
    bed = Bed(4).lit()
    bed.show(2)
    off = bed.bands.switch(2, "off")
    bed.show(3)
    told = bed.relay.status("bands")[1]
    bed.verdict.check("the status says what is wrong", not told["connected"] and told["detail"], told["detail"])
    on = bed.bands.switch(2, "on")
    bed.show_until_lit([2], 12)
    end = time.monotonic_ns()
    back = [(t, frame) for t, frame in bed.bands.frames(2) if t > off + 1e9]
    bed.verdict.check("the band is lit again", bool(back))
    if back:
        t, frame = back[0]
        account = Account(bed.desk, bed.bands, 2, off + 1e9)
        sent_at = account.sent.get(frame["colour"], (0, 0))[1]
        bed.verdict.check("... within 10 s", bed.within(10e3, (t - on) / 1e6), "%.1f s after it was switched on" % ((t - on) / 1e9))
        old_ms = (t - sent_at) / 1e6
        bed.verdict.check("... first of all with the look of now", bed.within(200, old_ms), "%.0f ms old" % old_ms)
        bed.verdict.check("... marked as first", frame["first"])
    bed.settle("final look on every band")
    for band in (1, 3, 4):
        account = Account(bed.desk, bed.bands, band, off, end)
        calm = bed.within(500, account.longest_gap_ms) and not account.backwards
        bed.verdict.check("band %d went on meanwhile" % band, calm, "longest gap %.0f ms" % account.longest_gap_ms)
    return bed.end()


def restart():
    """bluetoothd is restarted in the middle of the show."""
    bed = Bed(2).lit()
    bed.show(2)
    bed.bluetoothd.stop()
    bed.show(4)
    told = bed.relay.status("radios")[0]
    named = told["state"] == "down" and "bluetoothd" in (told["detail"] or "")
    bed.verdict.check("the status says what is wrong", named, told["detail"])
    bed.bluetoothd.start()
    again = time.monotonic_ns()
    bed.show_until_lit([1, 2], 15)
    for band in (1, 2):
        back = [t for t, _ in bed.bands.frames(band) if t > again]
        bed.verdict.check("band %d is lit again" % band, bool(back), "%.1f s after" % ((back[0] - again) / 1e9) if back else "")
    bed.settle("final look on every band")
    return bed.end()


def slow():
    """A band that takes 0.3 s for every acknowledged write, beside fast ones."""
    bed = Bed(4).lit()
    bed.bands.order("slow", 3)
    since = time.monotonic_ns()
    bed.show(6)
    bed.settle("final look on every band")
    for band in (1, 2, 4):
        account = Account(bed.desk, bed.bands, band, since)
        figures = "%.0f looks/s, p99 %.1f ms" % (account.distinct / 6, percentile(account.latency_ms, 0.99))
        bed.verdict.check("band %d is as fast as ever" % band, bed.many(account.distinct / 6), figures)
    account = Account(bed.desk, bed.bands, 3, since)
    figures = "%.0f looks/s, p99 %.1f ms" % (account.distinct / 6, percentile(account.latency_ms, 0.99))
    bed.verdict.check("the slow band shows no old looks", bed.within(600, percentile(account.latency_ms, 0.99)) and not account.backwards, figures)
    return bed.end()


def unplugged():
    """The adapter is pulled out in the middle of the show, and put back."""
    bed = Bed(2).lit()
    bed.show(2)
    bed.bands.order("unplug", 1)
    bed.show(5)
    told = bed.relay.status("radios")[0]
    named = told["state"] == "down" and "no Bluetooth adapter" in (told["detail"] or "")
    bed.verdict.check("the status says what is wrong", named, told["detail"])
    bed.bands.order("plug", 1)
    bed.bluetoothd.power_on(1)
    again = time.monotonic_ns()
    bed.show_until_lit([1, 2], 15)
    for band in (1, 2):
        back = [t for t, _ in bed.bands.frames(band) if t > again]
        bed.verdict.check("band %d is lit again" % band, bool(back), "%.1f s after" % ((back[0] - again) / 1e9) if back else "")
    bed.settle("final look on every band")
    return bed.end()


def wrong_bands():
    """Bands that are not what the show says: one of another kind, one that takes frames only from
    whom it knows, one of another profile. (A real pairing is not tried: it stops the command queue
    of the kernel in front of Bumble's controller.)"""
    bed = Bed(5, other=2, locked=3, mismatched=4).lit()
    since = time.monotonic_ns()
    words = {2: "another kind", 3: "paired", 4: "`elk-bledom`"}
    told = {}

    def said():
        bed.show(0.5)
        told.update(enumerate(bed.relay.status("bands"), 1))
        return all(not told[band]["connected"] and word in (told[band]["detail"] or "") for band, word in words.items())

    try:
        wait_for("words", said, 40)
    except Failed:
        pass
    for band, word in words.items():
        detail = told[band]["detail"]
        named = not told[band]["connected"] and word in (detail or "")
        bed.verdict.check("the status says what is wrong with band %d" % band, named, detail)
    seconds = (time.monotonic_ns() - since) / 1e9
    for band in (1, 5):
        account = Account(bed.desk, bed.bands, band, since)
        figures = "%.0f looks/s" % (account.distinct / seconds)
        bed.verdict.check("band %d does not mind" % band, bed.many(account.distinct / seconds), figures)
    bed.settle("final look on every band that is right")
    return bed.end()


def blackout():
    """Panic in the middle of a show that goes on."""
    count = 8
    bed = Bed(count).lit()
    bed.show(3)
    worst_ms = bed.relay.status("radios")[0]["panic_worst_ms"]
    asked = time.monotonic_ns()
    bed.relay.panic(True)
    bed.show(2)
    took_ms = bed.relay.status("radios")[0]["panic_took_ms"]
    released = time.monotonic_ns()
    dark_after, lit_again = [], 0
    for band in range(1, count + 1):
        frames = [(t, f["colour"]) for t, f in bed.bands.frames(band) if asked <= t < released]
        dark = [t for t, colour in frames if colour == (0, 0, 0)]
        dark_after.append((dark[0] - asked) / 1e6 if dark else float("inf"))
        lit_again += any(colour != (0, 0, 0) for t, colour in frames if dark and t > dark[0])
    figures = "the last after %.0f ms" % max(dark_after)
    bed.verdict.check("every band is dark", bed.within(500, max(dark_after)), figures)
    bed.verdict.check("... and stays dark while the show goes on", not lit_again)
    figures = "at worst %s ms said before, %s ms measured after" % (worst_ms, took_ms)
    kept = worst_ms is not None and took_ms is not None and bed.within(worst_ms, took_ms)
    bed.verdict.check("the relay keeps its word", kept, figures)
    bed.relay.panic(False)
    bed.show(1)
    bed.settle("final look on every band")
    return bed.end()


def limit():
    """More bands than adapters usually take, and nobody has said how many this one takes."""
    bed = Bed(10, limit=None).lit()
    bed.verdict.check("all ten lit", True, "%.1f s after start" % bed.lit_after)
    bed.show(2)
    bed.settle("final look on every band")
    return bed.end()


def shared():
    """Two adapters share the bands; one is pulled out in the middle of the show and put back, then
    the other."""
    bed = Bed(4, adapters=2).lit()
    via = bed.bands.order("via")
    # On a machine so busy that bluetoothd does not answer for 5 s, an adapter counts as lost.
    lost = "report=Lost" in bed.relay.log()
    figures = "by adapter %s%s" % (via, ", one was lost meanwhile" if lost else "")
    bed.verdict.check("each adapter has half of the bands", sorted(via) == [1, 1, 2, 2] or lost, figures)
    bed.show(2)
    off = time.monotonic_ns()
    bed.bands.order("unplug", 2)
    bed.show_until_lit([1, 2, 3, 4], 20)
    now_via = bed.bands.order("via")
    bed.verdict.check("the bands of the one pulled out come to the other", now_via == [1, 1, 1, 1], "by adapter %s" % now_via)
    for band in (band for band in range(1, 5) if via[band - 1] == 1):
        account = Account(bed.desk, bed.bands, band, off)
        calm = bed.within(500, account.longest_gap_ms) and not account.backwards
        bed.verdict.check("band %d went on meanwhile" % band, calm, "longest gap %.0f ms" % account.longest_gap_ms)
    bed.settle("final look on every band")
    bed.bands.order("plug", 2)
    bed.bluetoothd.power_on(2)
    bed.show(3)
    bed.bands.order("unplug", 1)
    bed.show_until_lit([1, 2, 3, 4], 30)
    now_via = bed.bands.order("via")
    bed.verdict.check("the one put back takes them all", now_via == [2, 2, 2, 2], "by adapter %s" % now_via)
    bed.settle("final look on every band")
    return bed.end()


def inventory():
    """What is done before a show: which bands are near, whose are they, is it these? Band 4 is
    somebody else's."""
    bed = Bed(4, near=2)
    check = bed.verdict.check
    write_show(3, listed=False)
    code, said = wristcast("bands", "scan", "--json", "--battery")
    heard = json.loads(said) if code == 0 else []
    told = {one["id"]: [one["name"], one["rssi"], one["profile"], one["battery"]] for one in heard}
    true = {address(band): ["wristcast-%d" % band, -50 if band == 2 else -70, "wristcast", 90 + band]
            for band in range(1, 5)}
    check("scan tells name, strength, profile and battery", told == true, "" if told == true else said)
    check("... the strongest first", heard and heard[0]["id"] == address(2))
    code, said = wristcast("bands", "assign", SHOW, "g2", "--nearest")
    check("the nearest is assigned", code == 0 and address(2) in said, said.strip())
    code, said = wristcast("bands", "assign", SHOW, "g1", "--nearest")
    check("... but not one of several as near", code != 0 and "near" in said, said.strip())
    code, said = wristcast("bands", "assign", SHOW, "g1", "--name", "wristcast-1*")
    check("a band is assigned by name", code == 0 and address(1) in said, said.strip())
    code, said = wristcast("bands", "assign", SHOW, "g3", "--id", address(3))
    check("a band is assigned by id", code == 0 and address(3) in said, said.strip())

    def flashed(since):
        """Which bands got white light and darkness in turn, and which anything at all."""
        colours = {band: [frame["colour"] for t, frame in bed.bands.frames(band) if t > since] for band in range(1, 5)}
        flashing = [band for band, got in colours.items() if got.count((255, 255, 255)) >= 2 and (0, 0, 0) in got]
        return flashing, [band for band, got in colours.items() if got]

    for which, meant in ((["--group", "g2"], [2]), (["--all"], [1, 2, 3])):
        since = time.monotonic_ns()
        code, said = wristcast("bands", "identify", SHOW, *which, "--for", "3s")
        flashing, lit = flashed(since)
        good = code == 0 and flashing == lit == meant
        check("identify %s flashes those and no others" % " ".join(which), good, "%s %s" % (lit, said.strip()))
        dark = all(colour_of(bed.bands.order("last")[band - 1]) == (0, 0, 0) for band in meant)
        check("... and leaves them dark", dark)
    since = time.monotonic_ns()
    bed.bands.unlit.add(4)
    bed.lit()
    bed.show(1)
    bed.settle("the relay lights the bands of the inventory")
    check("... and leaves the one that is not in it alone", not any(t > since for t, _ in bed.bands.log(4)))
    return bed.end()


SCENARIOS = {
    "stream-1": lambda: stream(1),
    "stream-4": lambda: stream(4),
    "stream-8": lambda: stream(8),
    "stream-16": lambda: stream(16),
    "comeback": comeback,
    "restart": restart,
    "slow": slow,
    "unplugged": unplugged,
    "wrong-bands": wrong_bands,
    "shared": shared,
    "inventory": inventory,
    "blackout": blackout,
    "limit": limit,
    "user-channel": lambda: user_channel(Verdict(), wait_for),
}


def main():
    os.chdir(SHARE)
    try:
        return 1 if SCENARIOS[sys.argv[1]]() else 0
    except Failed as failure:
        print("FAILED  %s" % failure)
        return 1


sys.exit(main())
