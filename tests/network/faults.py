"""Faults of the network and of the machine under a running show: the light goes on as far as it can,
what is lost is counted and told, and nothing needs a restart afterwards.

usage: faults.py WRISTCAST
"""
import contextlib
import glob
import os
import signal
import socket
import subprocess
import sys
import time

from bed import API_PORT, RATE_HZ, Bed, Desk, report, run, until, within

PROGRAM = sys.argv[1]

# What iOS does to an app that is not in front.
STOPPED_S = 30

# Programs that want the processor the relay has, all of it and all the time.
HOGS = 8

FAKETIME = "/usr/lib/*/faketime/libfaketime.so.1"


def loss_and_reordering(bed, relay, desk):
    for name, weather in (("10 % lost", {"loss": 0.1}), ("50 % lost", {"loss": 0.5}),
                          ("25 % out of order", {"late": 0.25}), ("20 % twice", {"twice": 0.2}),
                          ("all of it", {"loss": 0.3, "late": 0.2, "twice": 0.1})):
        desk.weather(**weather)
        report(name, relay.has_light(desk))
    desk.weather()
    universes = relay.ask("universes")
    assert all(universe["state"] == "live" for universe in universes), "none was taken for lost"
    missed = sum(source["missed"] for universe in universes for source in universe["sources"])
    assert missed > 0, "what was missed is counted"
    return relay.has_light(desk)


def duplicate_address(bed, relay, desk):
    """Another machine takes the relay's address: multicast and broadcast still arrive."""
    run("ip", "netns", "add", bed.relay_ns + "-2")
    try:
        bed.cable("twin", bed.relay_ns + "-2", "eth0")
        run("ip", "-n", bed.relay_ns + "-2", "addr", "add", "10.7.0.2/24", "dev", "eth0")
        run("ip", "-n", bed.relay_ns + "-2", "link", "set", "dev", "eth0", "up")
        return relay.has_light(desk)
    finally:
        run("ip", "netns", "del", bed.relay_ns + "-2")
        until("its port is gone", lambda: "twin" not in bed.switch("-o", "link"))


def no_igmp_querier(bed, relay, desk):
    bed.switch("link", "set", "dev", "br0", "type", "bridge", "mcast_snooping", "1", "mcast_querier", "0")
    took = relay.has_light(desk)
    bed.switch("link", "set", "dev", "br0", "type", "bridge", "mcast_snooping", "0")
    return took


def mtu_too_small(bed, relay, desk):
    """Packets come in fragments."""
    bed.desk("link", "set", "dev", "eth0", "mtu", "576")
    took = relay.has_light(desk)
    bed.desk("link", "set", "dev", "eth0", "mtu", "1500")
    return max(took, relay.has_light(desk))


def processor_taken(bed, relay, desk):
    """Others take the processor: looks come late, and no console is taken for lost."""
    lost = sum("lost" in event["text"] for event in relay.ask("events"))
    processor = str(min(os.sched_getaffinity(0)))
    run("taskset", "--all-tasks", "--cpu-list", "--pid", processor, str(relay.pid))
    with contextlib.ExitStack() as hogs:
        for _ in range(HOGS):
            hog = subprocess.Popen(["taskset", "--cpu-list", processor, sys.executable, "-c", "while True: pass"])
            hogs.callback(hog.wait)
            hogs.callback(hog.kill)
        took, after = 0.0, desk.number
        while desk.number < after + 8 * RATE_HZ:
            took = max(took, relay.has_light(desk))
    assert relay.ask("status")["groups_lost"] == 0, "a relay that is late has lost no signal"
    now = sum("lost" in event["text"] for event in relay.ask("events"))
    assert now == lost, "nor does it say so"
    return max(took, relay.has_light(desk))


def stopped_and_continued(bed, relay, desk):
    """SIGSTOP for longer than the receive buffer holds: what the kernel drops is counted and told, and so
    is the silence, with what was missed in it."""
    before = relay.ask("status")["packets"]["kernel_dropped"]
    last = max((event["number"] for event in relay.ask("events")), default=0)
    os.kill(relay.pid, signal.SIGSTOP)
    number = desk.number
    until("frames that nobody reads", lambda: desk.number > number + STOPPED_S * RATE_HZ)
    os.kill(relay.pid, signal.SIGCONT)
    # It stands for ten seconds only, so it is looked for first.
    relay.has_fault("the kernel drops datagrams")
    assert relay.ask("status")["packets"]["kernel_dropped"] > before, "drops are counted"
    took = relay.has_light(desk)
    texts = [event["text"] for event in relay.ask("events") if event["number"] > last]
    assert any("nothing came from" in text and "missing" in text for text in texts), texts[-20:]
    return took


def no_descriptor_left(bed, relay, desk):
    """Clients take every descriptor the relay may have: the light does not need one."""
    clients = []
    try:
        with within(bed.relay_ns):
            for _ in range(200):
                client = socket.socket()
                client.settimeout(1)
                clients.append(client)
                try:
                    client.connect(("127.0.0.1", API_PORT))
                except OSError:
                    # Nobody takes it from the system's queue any more.
                    break
        before = desk.number
        until("a second of traffic", lambda: desk.number > before + 44)
    finally:
        for client in clients:
            client.close()
    return relay.has_light(desk)


def clock_set(bed, relay, desk, clock):
    """Somebody, or NTP, sets the wall clock: the show goes by another."""
    clock.write_text("+1d\n")
    relay.reload()
    tomorrow_ms = (time.time() + 80_000) * 1000
    until("an event of tomorrow", lambda: any(
        event["unix_ms"] > tomorrow_ms for event in relay.ask("events")))
    took = 0.0
    for wall in ("+1d", "-1d", "+2s", "-2s", "+0"):
        clock.write_text(wall + "\n")
        after = desk.number
        while desk.number < after + 2 * RATE_HZ:
            took = max(took, relay.has_light(desk))
    status = relay.ask("status")
    assert status["groups_lost"] == 0, "no signal was lost"
    assert not status["faults"], status["faults"]
    return took


def disk_full(bed, relay, desk):
    """Night log, recording and trace are on a disk that is full at once."""
    relay.has_fault("the recording has ended")
    # The rest goes to the trace.
    until("not a byte is left", lambda: os.statvfs(bed.folder / "full").f_bavail == 0)
    return relay.has_light(desk)


def main():
    print("network: every group has new light under the fault, or after it", flush=True)
    with Bed() as bed:
        bed.plug()
        desk = Desk(bed.desk_ns)
        full = bed.folder / "full"
        full.mkdir()
        try:
            show = bed.show()
            with bed.running(PROGRAM, show, before=["prlimit", "--nofile=96"]) as relay:
                relay.has_light(desk)
                for fault in (loss_and_reordering, duplicate_address, no_igmp_querier, mtu_too_small,
                              processor_taken, stopped_and_continued, no_descriptor_left):
                    report(fault.__name__.replace("_", " "), fault(bed, relay, desk))
            # The kernel's stamps stay as they are, so that the step is between any stamp and its reading.
            clock = bed.folder / "clock"
            clock.write_text("+0\n")
            set_by = ["env", f"LD_PRELOAD={glob.glob(FAKETIME)[0]}", f"FAKETIME_TIMESTAMP_FILE={clock}",
                      "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1", "NO_FAKE_STAT=1"]
            with bed.running(PROGRAM, show, before=set_by) as relay:
                relay.has_light(desk)
                report("clock set", clock_set(bed, relay, desk, clock))
            run("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(full))
            with bed.running(PROGRAM, bed.show(), "--night-log", str(full / "night"),
                             "--trace", str(full / "looks.jsonl"),
                             "--record", str(full / "show.pcapng"), "--record-min-free", "1MB") as relay:
                report("disk full", disk_full(bed, relay, desk))
        finally:
            run("umount", str(full), check=False)
            desk.stop()


main()
