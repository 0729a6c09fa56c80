"""Wristbands that listen, and an adapter that advertises to them: Bumble's hosts and controllers around one
virtual radio link. One more controller on it is given to the kernel through /dev/vhci; whoever takes its
user channel has it alone.

usage: listeners.py COUNT
Says `ready`. Then, on standard output: `BAND MS HEX` for every advert that a band's host reports, and
`STATE 0|1` when the adapter begins or ends to advertise. Reads orders from standard input, one a line:
`unplug`, `plug`; says `done` to each.
"""

import asyncio
import sys
import time

from bumble.controller import Controller
from bumble.device import Device, DeviceConfiguration
from bumble.hci import Address
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport import open_transport
from bumble.transport.common import AsyncPipeSink


def tell(*words):
    print(*words, flush=True)


class Adapter:
    """The host's end of the link, a controller behind /dev/vhci."""

    def __init__(self, link):
        self.link = link
        self.controller = None

    async def plug(self):
        self.transport = await open_transport("vhci")
        self.controller = Controller(
            "adapter",
            host_source=self.transport.source,
            host_sink=self.transport.sink,
            link=self.link,
            public_address="C0:FF:EE:00:00:01",
        )

    async def unplug(self):
        controller, self.controller = self.controller, None
        # Pulled out, it has no power: nothing of it stays on the air.
        for one in controller.advertising_sets.values():
            if one.enabled:
                one.stop()
        controller.le_legacy_advertiser.stop()
        self.link.remove_controller(controller)
        await self.transport.close()

    def advertises(self):
        if self.controller is None:
            return False
        sets = self.controller.advertising_sets.values()
        return any(one.enabled for one in sets) or self.controller.le_legacy_advertiser.enabled


async def listen(link, band):
    controller = Controller(f"band-{band}", link=link, public_address=f"F0:F1:F2:F3:F4:{band:02X}")
    config = DeviceConfiguration(name=f"band-{band}", address=Address(f"F0:F1:F2:F3:F5:{band:02X}"))
    device = Device(config=config, host=Host(controller, AsyncPipeSink(controller)))

    def heard(report):
        if data := bytes(report.data_bytes):
            tell(band, time.monotonic_ns() // 1_000_000, data.hex())

    device.on("advertisement", heard)
    await device.power_on()
    await device.start_scanning(active=False, filter_duplicates=False)
    return device


async def watch(adapter):
    known = None
    while True:
        if (now := adapter.advertises()) != known:
            known = now
            tell("STATE", int(now))
        await asyncio.sleep(0.02)


async def main():
    link = LocalLink()
    adapter = Adapter(link)
    await adapter.plug()
    bands = [await listen(link, band) for band in range(int(sys.argv[1]))]
    tell("ready")
    watching = asyncio.create_task(watch(adapter))

    orders = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(orders)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    while order := (await orders.readline()).decode().strip():
        await {"plug": adapter.plug, "unplug": adapter.unplug}[order]()
        tell("done")
    watching.cancel()
    del bands


asyncio.run(main())
