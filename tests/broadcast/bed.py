"""Controllers for the relay and bands that listen, all of Bumble, on one virtual air.

usage: bed.py WAY CONTROLLERS BANDS
Prints `PORT ...` first: where each controller listens for H4 over TCP. Then `BAND MS HEX` for every advert that
a band's host reports, and `STATE CONTROLLER 0|1` when a controller begins or ends to advertise.
"""

import asyncio
import socket
import sys
import time

from bumble.controller import Controller
from bumble.device import Device, DeviceConfiguration
from bumble.hci import Address
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport.common import AsyncPipeSink
from bumble.transport.tcp_server import open_tcp_server_transport_with_socket

WAY, CONTROLLERS, BANDS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def tell(*words):
    print(*words, flush=True)


def heard(band, data):
    if data:
        tell(band, time.monotonic_ns() // 1_000_000, bytes(data).hex())


async def follow(device, band, address, sid):
    """Synchronises with the train of one advertiser, again if it is lost."""
    while True:
        sync = await device.create_periodic_advertising_sync(
            advertiser_address=address, sid=sid, sync_timeout=2.0
        )
        lost = asyncio.get_running_loop().create_future()
        sync.on("periodic_advertisement", lambda report: heard(band, report.data_bytes))
        sync.on("loss", lambda *_: lost.done() or lost.set_result(None))
        await lost


async def listen(device, band):
    trains = {}

    def on_advertisement(report):
        if WAY != "periodic":
            heard(band, report.data_bytes)
        elif report.address not in trains and report.data_bytes:
            trains[report.address] = asyncio.create_task(
                follow(device, band, report.address, report.sid)
            )

    device.on("advertisement", on_advertisement)
    await device.power_on()
    await device.start_scanning(active=False, filter_duplicates=False)


async def watch(controllers):
    known = [None] * len(controllers)
    while True:
        for index, controller in enumerate(controllers):
            sets = controller.advertising_sets.values()
            now = any(one.enabled for one in sets) or controller.le_legacy_advertiser.enabled
            if now != known[index]:
                known[index] = now
                tell("STATE", index, int(now))
        await asyncio.sleep(0.02)


async def main():
    link = LocalLink()
    ports, controllers, keep = [], [], []
    for index in range(CONTROLLERS):
        listener = socket.create_server(("127.0.0.1", 0))
        ports.append(listener.getsockname()[1])
        transport = await open_tcp_server_transport_with_socket(listener)
        keep.append(transport)
        controllers.append(
            Controller(
                f"C{index}",
                host_source=transport.source,
                host_sink=transport.sink,
                link=link,
                public_address=f"C0:FF:EE:00:00:{index:02X}",
            )
        )
    for band in range(BANDS):
        controller = Controller(f"B{band}", link=link, public_address=f"F0:F1:F2:F3:F4:{band:02X}")
        host = Host(controller, AsyncPipeSink(controller))
        config = DeviceConfiguration(name=f"B{band}", address=Address(f"F0:F1:F2:F3:F5:{band:02X}"))
        device = Device(config=config, host=host)
        keep += [controller, device]
        await listen(device, band)
    tell(*ports)
    await watch(controllers)


asyncio.run(main())
