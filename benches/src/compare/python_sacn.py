"""python's `sacn` receives universes 1 to N until standard input ends. usage: python_sacn.py N"""
import json
import sys

import sacn

packets = 0


def count(_packet):
    global packets
    packets += 1


receiver = sacn.sACNreceiver(bind_address="127.0.0.1")
receiver.start()
for universe in range(1, int(sys.argv[1]) + 1):
    receiver.register_listener("universe", count, universe=universe)
print("ready", flush=True)
sys.stdin.read()
print(json.dumps({"packets": packets, "published_us": None, "handed_us": None}), flush=True)
receiver.stop()
