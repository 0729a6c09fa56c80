#!/usr/bin/env python3
"""Who the relay thread waits for: runs the watchers bench, records the scheduler's switches, and says
for whom the relay thread, awake, waited for a processor. Tells what watchers cost on a machine that does
other things, too, where the bench's own times say little. Needs root, Linux and perf.

usage: benches/waits.py WATCHERS WRISTCAST      both built with --release
"""

import collections
import os
import re
import subprocess
import sys
import tempfile
import time

SECONDS = 16

SWITCH = re.compile(r"\[(\d+)\] +([\d.]+): sched:sched_switch: prev_comm=.*? prev_pid=(\d+) "
                    r"prev_prio=-?\d+ prev_state=(\S+) ==> next_comm=.*? next_pid=(\d+)")
WAKEUP = re.compile(r"\[(\d+)\] +([\d.]+): sched:sched_wakeup: comm=.*? pid=(\d+) prio=-?\d+ "
                    r"target_cpu=(\d+)")


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


def threads(pid, who):
    names = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/comm") as file:
            names[int(task)] = who(file.read().strip())
    return names


def record(bench, relay, data):
    """Names of threads, after the switches of some seconds have been written to `data`."""
    process = subprocess.Popen([bench, relay], stdout=subprocess.DEVNULL)
    try:
        time.sleep(3)  # Until the levels flow and the first watchers have come.
        subprocess.run(["perf", "record", "-q", "-a", "-o", data, "-m", "2048",
                        "-e", "sched:sched_switch", "-e", "sched:sched_wakeup",
                        "--", "sleep", str(SECONDS)], check=True, stderr=subprocess.DEVNULL)
        names = threads(process.pid, lambda _: "the bench: console and readers")
        for child in children(process.pid):
            with open(f"/proc/{child}/comm") as file:
                stranger = file.read().strip() == os.path.basename(bench)[:15]
            names |= threads(child, lambda name: "the stranger" if stranger else f"relay: {name}")
        return names
    finally:
        for child in children(process.pid):
            os.kill(child, 15)
        process.kill()
        process.wait()


def main():
    bench, relay = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "perf.data")
        names = record(bench, relay, data)
        [light] = [task for task, name in names.items() if name == "relay: wristcast-relay"]
        script = subprocess.Popen(["perf", "script", "-i", data, "-F", "cpu,time,event,trace"],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        who = lambda task: names.get(task, "idle" if task == 0 else "other programs")
        waited, ran = collections.Counter(), collections.Counter()
        since, wakes, wait = {}, 0, None  # wait: processor, since when
        for line in script.stdout:
            if switch := SWITCH.search(line):
                cpu, now, state = int(switch[1]), float(switch[2]), switch[4]
                before, after = int(switch[3]), int(switch[5])
                began = since.get(cpu, now)
                ran[who(before)] += now - began
                if wait and wait[0] == cpu and before != light:
                    waited[who(before)] += now - max(began, wait[1])
                if after == light:
                    wait = None
                elif before == light and state.startswith("R"):
                    wait = (cpu, now)
                since[cpu] = now
            elif (wakeup := WAKEUP.search(line)) and int(wakeup[3]) == light:
                wakes += 1
                wait = (int(wakeup[4]), float(wakeup[2]))
    print(f"{wakes} times awake in {SECONDS} s, a third of them with twenty watchers; it waited for")
    for name, seconds in waited.most_common():
        print(f"  {name:32} {seconds * 1e3:8.1f} ms, {seconds * 1e6 / wakes:7.3f} µs each time; "
              f"which ran {ran[name] / SECONDS:6.1%} of a processor")


main()
