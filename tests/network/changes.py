"""Changes of the network under a running show, none of which needs a restart.

usage: changes.py WRISTCAST
"""
import sys

from bed import Bed, Desk, report, until

PROGRAM = sys.argv[1]


def interface_down_and_up(bed, relay, desk):
    bed.relay("link", "set", "dev", "eth0", "down")
    relay.has_fault("is down or has no carrier")
    bed.relay("link", "set", "dev", "eth0", "up")
    return relay.has_light(desk)


def cable_out_and_in(bed, relay, desk):
    bed.switch("link", "set", "dev", "one", "down")
    relay.has_fault("is down or has no carrier")
    bed.switch("link", "set", "dev", "one", "up")
    return relay.has_light(desk)


def new_address(bed, relay, desk):
    bed.relay("addr", "del", "10.7.0.2/24", "dev", "eth0")
    relay.has_fault("no interface has an address in 10.7.0.0/24")
    bed.relay("addr", "add", "10.7.0.9/24", "brd", "+", "dev", "eth0")
    return relay.has_light(desk)


def cable_moved_to_another_port(bed, relay, desk):
    bed.relay("addr", "del", "10.7.0.9/24", "dev", "eth0")
    bed.relay("link", "set", "dev", "eth0", "down")
    bed.plug("eth1", "10.7.0.9")
    return relay.has_light(desk)


def adapter_pulled_out_and_put_back(bed, relay, desk):
    bed.relay("link", "del", "dev", "eth1")
    relay.has_fault("no interface has an address in 10.7.0.0/24")
    bed.cable("two", bed.relay_ns, "eth1")
    bed.plug("eth1", "10.7.0.9")
    return relay.has_light(desk)


def switch_restarted(bed, relay, desk):
    bed.switch("link", "set", "dev", "br0", "type", "bridge", "mcast_snooping", "1")
    bed.switch("link", "set", "dev", "br0", "down")
    bed.switch("link", "set", "dev", "br0", "up")
    return relay.has_light(desk)


def main():
    print("network: every group has new light after the change", flush=True)
    with Bed() as bed:
        desk = Desk(bed.desk_ns)
        try:
            # The machine is up, its network is not.
            with bed.running(PROGRAM, bed.show()) as relay:
                relay.has_fault("no interface has an address in 10.7.0.0/24")
                bed.plug()
                report("DHCP late at boot: the address comes", relay.has_light(desk))
                relay.has_no_fault()
                for change in (interface_down_and_up, cable_out_and_in, new_address,
                               cable_moved_to_another_port, adapter_pulled_out_and_put_back,
                               switch_restarted):
                    report(change.__name__.replace("_", " "), change(bed, relay, desk))
                    relay.has_no_fault()
                events = relay.ask("events")
                back = [event for event in events
                        if event["text"].startswith("listening on interface eth1 (10.7.0.9")]
                assert back, events
                assert any(event["lasted_ms"] for event in back), back
                until("no group lost", lambda: relay.ask("status")["groups_lost"] == 0)
        finally:
            desk.stop()


main()
