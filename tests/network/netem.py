"""Bad weather that the kernel makes (`tc netem`) between the desk and the relay: the newest value wins, no
console is taken for lost, every packet is accounted for, and afterwards the light is the desk's.

usage: netem.py WRISTCAST
"""
import collections
import json
import pathlib
import sys

from bed import RATE_HZ, Bed, Desk, report, run, until, within

PROGRAM = sys.argv[1]

# A virtual machine takes long over each packet that comes alone.
SACN = range(1, 6)
ARTNET = range(0, 5)
GROUPS = [f"sacn/{n}" for n in SACN] + [f"artnet/{n}" for n in ARTNET]
UNIVERSES = len(GROUPS)

# How long each weather lasts.
WEATHER_S = 8

WEATHERS = (
    "loss 10%",
    "loss 30%",
    "loss 50%",
    # Lost in a row: from good to bad, and back.
    "loss gemodel 5% 20%",
    "delay 10ms 8ms reorder 25%",
    # Past the next frames, which come every 23 ms.
    "delay 60ms 45ms",
    "duplicate 10%",
    "corrupt 1%",
    "delay 40ms 30ms loss 30%",
)


class Weather:
    """What the desk's link does to packets, until it clears."""

    def __init__(self, namespace, words):
        self.namespace = namespace
        self.tc("add", "netem", *words.split())

    def tc(self, verb, *words):
        run("tc", "-n", self.namespace, "qdisc", verb, "dev", "eth0", "root", *words)

    def counts(self):
        shown = run("tc", "-n", self.namespace, "-s", "-j", "qdisc", "show", "dev", "eth0")
        return json.loads(shown)[0]

    def clears(self):
        """When nothing is on its way any more. How many packets came out of it, and of how many none did."""
        until("nothing is on its way", lambda: self.counts()["qlen"] == 0)
        last = self.counts()
        self.tc("del")
        return last["packets"], last["drops"]


class Count:
    """What the relay and its kernel have counted."""

    def __init__(self, bed, relay):
        packets = until("the status", lambda: relay.ask("status"))[0]["packets"]
        universes = until("the universes", lambda: relay.ask("universes"))[0]
        # Beside these: Linux counts what its checksum refuses as dropped, too.
        self.received = packets["received"]
        self.ignored = collections.Counter(packets["ignored"])
        self.missed = sum(source["missed"] for universe in universes for source in universe["sources"])
        self.live = sum(universe["state"] == "live" for universe in universes)
        with within(bed.relay_ns):
            table = pathlib.Path("/proc/thread-self/net/snmp").read_text().splitlines()
        names, values = (line.split()[1:] for line in table if line.startswith("Udp:"))
        self.spoilt = int(dict(zip(names, values))["InCsumErrors"])


def counted(bed, relay):
    """What was counted when everything that has arrived was read."""
    last = None

    def settled():
        nonlocal last
        before, last = last, Count(bed, relay)
        return before and before.received == last.received
    until("the relay has read everything", settled, every_s=0.1)
    return last


def lives_through(bed, relay, desk, words):
    """The show in this weather. How long new light took at most."""
    desk.pause()
    before, sent_before = counted(bed, relay), desk.sent
    weather = Weather(bed.desk_ns, words)
    desk.goes_on()
    took, first = 0.0, desk.number
    while desk.number < first + WEATHER_S * RATE_HZ:
        took = max(took, relay.has_light(desk))
    desk.pause()
    arrived, lost = weather.clears()
    sent = desk.sent - sent_before
    # What is missing shows by the numbers of what comes after.
    desk.goes_on()
    relay.has_light(desk)
    desk.pause()
    after = counted(bed, relay)
    desk.goes_on()
    arrived += desk.sent - sent_before - sent

    received, missed = after.received - before.received, after.missed - before.missed
    ignored = after.ignored - before.ignored
    spoilt = arrived - received
    print(f"    {words}: {sent} sent, {lost} lost, {spoilt} spoilt; missed {missed}, ignored {dict(ignored)}",
          flush=True)
    assert after.live == UNIVERSES, f"{UNIVERSES - after.live} universes were taken for lost"
    # Half a second late is missed: on a host that is busy the whole machine stands still for so long.
    late_max = sent // 50 if "delay" in words else 0
    assert 0 <= missed - lost - spoilt <= late_max, "every packet is received or missed"
    assert set(ignored) <= {"out_of_sequence", "duplicate"}, "nothing else is wrong with what was received"
    if "corrupt" in words:
        # The rest has it in the heads before UDP's.
        assert 0 < after.spoilt - before.spoilt <= spoilt, "the checksum finds what is spoilt"
    else:
        assert spoilt == 0, "nothing is spoilt, nor dropped by the kernel"
    assert bool(ignored["duplicate"]) == ("duplicate" in words), "what comes twice is told"
    assert ignored["out_of_sequence"] > 0 or "60ms" not in words, "what comes late is told"
    return took


def never_went_back(trace, last):
    """Each group's looks are numbers of frames that the desk has sent, in their order."""
    newest = collections.Counter()
    for line in trace.read_text().splitlines():
        look = json.loads(line)
        number = look["red"] << 8 | look["green"]
        # The end look.
        if (number, look["blue"], look["dimmer"]) == (0, 0, 0):
            continue
        assert newest[look["group"]] <= number <= last and look["blue"] == 0, (newest[look["group"]], line)
        newest[look["group"]] = number
    assert len(newest) == UNIVERSES and set(newest.values()) == {last}, newest
    return trace.read_text().count("\n")


def main():
    print(f"netem: {UNIVERSES} universes, {WEATHER_S} s of each weather; the longest until every group has new light",
          flush=True)
    with Bed() as bed:
        bed.plug()
        with within(bed.desk_ns):
            # So that nothing but light is counted.
            pathlib.Path("/proc/sys/net/ipv6/conf/eth0/disable_ipv6").write_text("1")
        desk = Desk(bed.desk_ns, SACN, ARTNET)
        trace = bed.folder / "looks.jsonl"
        try:
            with bed.running(PROGRAM, bed.show(groups=GROUPS), "--trace", str(trace)) as relay:
                relay.has_light(desk)
                for words in WEATHERS:
                    report(words, lives_through(bed, relay, desk, words))
                desk.pause()
                report("fair again: the last frame in every group", until(
                    "the last frame in every group", lambda: relay.lag(desk) == 0)[1])
                relay.has_no_fault()
            assert "panicked" not in (bed.folder / "relay.log").read_text()
            print(f"  {never_went_back(trace, desk.number)} looks, none older than one before it", flush=True)
        finally:
            desk.stop()


main()
