"""Virtual wristbands with real Bluetooth: Bumble controllers and hosts around one virtual radio link.

Further controllers on that link are given to the kernel through /dev/vhci; BlueZ takes them for
adapters. Each band is a GATT server with the service of the project's own band, and has a battery.

usage: bands.py COUNT [adapters N] [other N] [locked N] [near N]
  adapters: so many, 1 if left out; band `other` is of another kind: it has not our service; band
  `locked` answers every frame with `insufficient authorization`, as bands do that know only one
  master; band `near` is heard 20 dB stronger than the others
Says `ready`, then reads orders from standard input, one a line, and answers each with a line of JSON:
  off N, on N, slow N   does that to band N (from 1); answers null
  unplug N, plug N      the same for adapter N (from 1)
  last                  the last frame of every band: [hex or null, ...]
  via                   the adapter that every band is connected to: [N or null, ...]
  log                   everything that happened: [[monotonic ns, N, hex or "connected" or
                        "disconnected"], ...]
"""

import asyncio
import json
import sys
import time

from bumble.controller import Controller
from bumble.core import AdvertisingData, UUID
from bumble.device import Device, DeviceConfiguration
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.hci import Address, HCI_LE_Advertising_Report_Event, LeFeatureMask
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport import open_transport
from bumble.transport.common import AsyncPipeSink

SERVICE = UUID("0a650001-783f-49af-90bc-c5b4517b8d46")
FRAME = UUID("0a650002-783f-49af-90bc-c5b4517b8d46")
BATTERY_SERVICE = UUID.from_16_bits(0x180F)
BATTERY_LEVEL = UUID.from_16_bits(0x2A19)
FAR_DBM, NEAR_DBM = -70, -50


def address(band):
    return "F0:F1:F2:F3:F4:%02X" % band


def adapter_address(adapter):
    return "C0:FF:EE:00:00:%02X" % adapter


class Link(LocalLink):
    """Bumble 0.0.236 stamps data with the sender's random address. A host that connected from its
    public one, as BlueZ does, never sees it. This one stamps the address of the connection."""

    def send_acl_data(self, sender, destination, transport, data):
        connection = sender.le_connections.get(destination)
        if connection is None:
            return super().send_acl_data(sender, destination, transport, data)
        source = connection.self_address
        for controller in self.controllers:
            other = controller.le_connections.get(source)
            if controller is not sender and other and other.self_address == destination:
                loop = asyncio.get_running_loop()
                loop.call_soon(controller.on_link_acl_data, source, transport, data)
                return


class Band:
    def __init__(self, number, link, log, ours, locked):
        self.number = number
        self.log = log  # kept in memory: the bands must not be slower than real ones
        self.last = None
        self.connection = None
        self.wanted = True
        self.answer_after = 0.0
        controller = Controller("band-%d" % number, link=link, public_address="F0:F1:F2:F3:F5:%02X" % number)
        name = ("wristcast-%d" % number).encode()
        advertisement = AdvertisingData([
            (AdvertisingData.FLAGS, bytes([6])),
            (AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, bytes(SERVICE)),
        ])
        self.answer = AdvertisingData([(AdvertisingData.COMPLETE_LOCAL_NAME, name)])
        self.device = Device(
            host=Host(controller, AsyncPipeSink(controller)),
            config=DeviceConfiguration(
                name=name.decode(),
                address=Address(address(number)),
                advertising_data=bytes(advertisement),
                scan_response_data=bytes(self.answer),
                advertising_interval_min=100,
                advertising_interval_max=100,
            ),
        )
        properties = Characteristic.Properties.WRITE | Characteristic.Properties.WRITE_WITHOUT_RESPONSE
        value = CharacteristicValue(write=self.written)
        permissions = Characteristic.WRITEABLE
        if locked:
            permissions |= Characteristic.WRITE_REQUIRES_AUTHORIZATION
        frame = Characteristic(FRAME, properties, permissions, value)
        if ours:
            self.device.add_service(Service(SERVICE, [frame]))
        level = Characteristic(
            BATTERY_LEVEL, Characteristic.Properties.READ, Characteristic.READABLE, bytes([90 + number])
        )
        self.device.add_service(Service(BATTERY_SERVICE, [level]))
        self.device.on("connection", self.connected)

    def note(self, what):
        self.log.append((time.monotonic_ns(), self.number, what))

    def connected(self, connection):
        self.connection = connection
        self.note("connected")
        connection.on("disconnection", self.disconnected)

    def disconnected(self, _reason):
        self.connection = None
        self.note("disconnected")
        if self.wanted:
            asyncio.create_task(self.advertise())

    async def written(self, _connection, value):
        self.last = bytes(value).hex()
        self.note(self.last)
        if self.answer_after:
            await asyncio.sleep(self.answer_after)

    def via(self):
        """The adapter that it is connected to."""
        return self.connection and bytes(self.connection.peer_address)[0]

    async def advertise(self):
        if not self.device.is_advertising and self.connection is None:
            await self.device.start_advertising(auto_restart=False)

    async def switch(self, on):
        self.wanted = on
        if on:
            await self.advertise()
            return
        if self.device.is_advertising:
            await self.device.stop_advertising()
        if self.connection:
            await self.connection.disconnect()


class Ear(Controller):
    """A controller that hears one band stronger, and names. Bumble hears all with -50 dBm, and its
    scan responses are advertisements once more."""

    near = None
    answers = {}  # address → scan response

    def send_hci_packet(self, packet):
        if isinstance(packet, HCI_LE_Advertising_Report_Event):
            for report in packet.reports:
                is_near = self.near and report.address == Address(address(self.near))
                report.rssi = NEAR_DBM if is_near else FAR_DBM
                if report.event_type == HCI_LE_Advertising_Report_Event.EventType.SCAN_RSP:
                    report.data = self.answers[report.address]
        super().send_hci_packet(packet)


class Adapter:
    """The host's end of the link, a controller behind /dev/vhci."""

    def __init__(self, number, link, near, bands):
        self.number = number
        self.link = link
        self.near = near
        self.answers = {Address(address(band.number)): bytes(band.answer) for band in bands}

    async def plug(self):
        self.transport = await open_transport("vhci")
        self.controller = Ear(
            "adapter-%d" % self.number, host_source=self.transport.source, host_sink=self.transport.sink,
            link=self.link, public_address=adapter_address(self.number),
        )
        self.controller.near, self.controller.answers = self.near, self.answers
        # Having these, Linux waits for LE Enhanced Connection Complete; Bumble sends the plain event
        # and the kernel's command queue stands still.
        self.controller.le_features &= ~(
            LeFeatureMask.LL_PRIVACY
            | LeFeatureMask.LE_EXTENDED_ADVERTISING
            | LeFeatureMask.LE_PERIODIC_ADVERTISING
        )

    async def unplug(self):
        await self.transport.close()
        self.link.remove_controller(self.controller)


async def main():
    count = int(sys.argv[1])
    odd = {what: int(number) for what, number in zip(sys.argv[2::2], sys.argv[3::2])}
    log = []
    link = Link()
    bands = [Band(number, link, log, number != odd.get("other"), number == odd.get("locked"))
             for number in range(1, count + 1)]
    adapters = [Adapter(number, link, odd.get("near"), bands) for number in range(1, odd.get("adapters", 1) + 1)]
    for adapter in adapters:
        await adapter.plug()
    for band in bands:
        await band.device.power_on()
        await band.advertise()
    print("ready", flush=True)

    orders = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(orders)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    while order := (await orders.readline()).decode().split():
        answer = None
        match order:
            case ["last"]:
                answer = [band.last for band in bands]
            case ["log"]:
                answer = log
            case ["via"]:
                answer = [band.via() for band in bands]
            case ["plug", number]:
                await adapters[int(number) - 1].plug()
            case ["unplug", number]:
                # First the bands: with nobody left to tell, they would wait for ever.
                for band in bands:
                    if band.via() == int(number):
                        await band.connection.disconnect()
                await adapters[int(number) - 1].unplug()
            case ["slow", number]:
                bands[int(number) - 1].answer_after = 0.3
            case ["on" | "off" as way, number]:
                await bands[int(number) - 1].switch(way == "on")
        print(json.dumps(answer), flush=True)


asyncio.run(main())
