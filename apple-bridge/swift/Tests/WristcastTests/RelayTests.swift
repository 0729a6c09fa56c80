import XCTest

@testable import Wristcast

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#endif

/// A console that sends Art-Net to loopback.
final class Console {
    private let descriptor: Int32
    private var sequence: UInt8 = 0
    let port: UInt16
    private(set) var sent: UInt64 = 0

    /// `port`: of a relay that is elsewhere; else a free one.
    init(port: UInt16? = nil) {
        self.port = port ?? Console.freePort()
        #if canImport(Darwin)
            descriptor = socket(AF_INET, SOCK_DGRAM, 0)
        #else
            descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        #endif
        precondition(descriptor >= 0)
    }

    deinit { close(descriptor) }

    /// Sends three levels to `artnet/0/0/1` with the next sequence number.
    func send(_ red: UInt8, _ green: UInt8, _ blue: UInt8) {
        sequence = sequence == 255 ? 1 : sequence + 1
        let packet: [UInt8] =
            Array("Art-Net".utf8) + [0, 0x00, 0x50, 0, 14, sequence, 0, 1, 0, 0, 4]
            + [red, green, blue, 0]
        var to = Console.loopback(port)
        let written = withUnsafePointer(to: &to) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, packet, packet.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        precondition(written == packet.count)
        sent += 1
    }

    /// A show of one group that hears it.
    var values: ShowValues {
        ShowValues(
            name: "phone", interfaces: ["127.0.0.1"], sacnPort: Console.freePort(),
            artnetPort: port,
            groups: [
                GroupValues(name: "left", universe: "artnet/0/0/1", address: 1, personality: "rgb")
            ],
            simulatedBandsPerGroup: 1)
    }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    static func freePort() -> UInt16 {
        #if canImport(Darwin)
            let probe = socket(AF_INET, SOCK_DGRAM, 0)
        #else
            let probe = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        #endif
        defer { close(probe) }
        var address = loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                precondition(bind(probe, $0, length) == 0)
                precondition(getsockname(probe, $0, &length) == 0)
            }
        }
        return UInt16(bigEndian: address.sin_port)
    }
}

final class RelayTests: XCTestCase {
    /// Sends until the relay shows what `found` looks for.
    func eventually(
        _ relay: Relay, _ console: Console, _ found: (Snapshot) -> Bool,
        file: StaticString = #filePath, line: UInt = #line
    ) throws {
        let deadline = Date().addingTimeInterval(60)
        while Date() < deadline {
            console.send(10, 20, 30)
            if let snapshot = try relay.snapshot(), found(snapshot) { return }
        }
        XCTFail("never", file: file, line: line)
    }

    func testPacketsFromAConsoleAreLightInTheApp() throws {
        let (relay, console) = (Relay(), Console())
        try relay.start(.values(console.values))
        try relay.start(.values(console.values))
        try eventually(relay, console) { $0.groups.first.map { $0.red == 10 && !$0.lost } ?? false }
        XCTAssertEqual(try relay.snapshot()?.sources.map(\.universe), ["artnet/0/0/1"])
        try relay.panic(true)
        XCTAssertEqual(try relay.snapshot()?.panic, true)
        relay.stop()
        relay.stop()
        XCTAssertFalse(relay.isRunning)
        XCTAssertNil(try relay.snapshot())
    }

    func testAWrongShowIsRefusedInWords() {
        XCTAssertThrowsError(try Relay().start(.text("name = \"x\"\ncolour = 1\n"))) { error in
            let words = (error as? BridgeError)?.words ?? ""
            XCTAssertTrue(words.contains("show.toml:2"), "\(error)")
        }
        XCTAssertEqual(checkShow(show: .values(Console().values)), [])
    }

    func testEventsAndSnapshotsAreSequences() async throws {
        let (relay, console) = (Relay(), Console())
        let (first, second) = (relay.events, relay.events)
        try await relay.perform { [show = console.values] in try $0.start(.values(show)) }
        relay.setAppState(.locked)
        for events in [first, second] {
            var locked = false
            for await event in events where event.text.contains("locked") {
                locked = true
                break
            }
            XCTAssertTrue(locked)
        }
        var shows: [String] = []
        for await snapshot in relay.snapshots(everyMs: 1) {
            shows.append(snapshot.show)
            if shows.count == 3 { break }
        }
        XCTAssertEqual(shows, ["phone", "phone", "phone"])
        try await relay.perform { $0.stop() }
    }

    func testARebindInTheMiddleKeepsLevelsAndSources() throws {
        let (relay, console) = (Relay(), Console())
        try relay.start(.values(console.values))
        try eventually(relay, console) { $0.packets.accepted > 0 }
        try relay.rebind(reason: "a test")
        XCTAssertEqual(try relay.snapshot()?.groups.first?.red, 10)
        let before = try relay.snapshot()?.packets.accepted ?? 0
        try eventually(relay, console) { $0.packets.accepted > before }
        XCTAssertEqual(try relay.snapshot()?.sources.count, 1)
        relay.stop()
    }

    func testAProbeOfTheRelayThatIsHeardIsNoFault() throws {
        let (relay, console) = (Relay(), Console())
        try relay.start(.values(console.values))
        let probe = RelayProbe(relay).probe(address: "127.0.0.1", waitMs: 5_000)
        XCTAssertEqual(probe.verdict, .heard)
        XCTAssertEqual(try relay.snapshot()?.faults, [])
        relay.stop()
    }

    func testAHostThatIsStartedTwiceCountsOnce() async throws {
        let console = Console()
        let nothing = Permissions(
            network: RelayProbe(), entitlements: NoEntitlements(), bluetooth: NoBluetooth())
        let host = RelayHost(
            audio: FakeAudio(), content: .silence, monitor: FakeMonitor(), permissions: nothing)
        try await host.start(.values(console.values))
        try eventually(host.relay, console) { $0.packets.accepted > 0 }
        try await host.start(.values(console.values))
        console.send(1, 2, 3)
        let sent = console.sent
        let deadline = Date().addingTimeInterval(60)
        var seen: UInt64 = 0
        while seen < sent && Date() < deadline {
            seen = host.continuity.report().sources.first?.seen ?? 0
            await Task.yield()
        }
        XCTAssertEqual(seen, sent)
        await host.stop()
    }

    func testTheHostTestsTheInterfaceThatAConsoleIsHeardFrom() async throws {
        let (console, asked) = (Console(), Asked())
        let permissions = Permissions(
            network: asked, entitlements: NoEntitlements(), bluetooth: NoBluetooth())
        let host = RelayHost(
            audio: FakeAudio(), content: .silence, monitor: FakeMonitor(), permissions: permissions)
        try await host.start(.values(console.values))
        try eventually(host.relay, console) { $0.packets.accepted > 0 }
        let (report, address) = host.checkPermissions(interfaces: TwoNetworks())
        XCTAssertEqual(address, "127.0.0.1")
        XCTAssertEqual(asked.addresses.with { $0 }, ["127.0.0.1", "127.0.0.1", "127.0.0.1"])
        XCTAssertEqual(report.localNetwork, .silentlyBlocked)
        XCTAssertEqual(host.permissions.report, report)
        await host.stop()
        XCTAssertEqual(host.checkPermissions(interfaces: TwoNetworks()).address, "10.0.0.5")
    }

    func testTheHostKeepsTheBooksOfARunningRelay() async throws {
        let console = Console()
        let audio = FakeAudio()
        let nothing = Permissions(
            network: RelayProbe(), entitlements: NoEntitlements(), bluetooth: NoBluetooth())
        let host = RelayHost(
            audio: audio, content: .silence, monitor: FakeMonitor(), permissions: nothing)
        host.keepAlive.setEnabled(true)
        try await host.start(.values(console.values))
        XCTAssertEqual(host.keepAlive.state, .running)
        let deadline = Date().addingTimeInterval(60)
        var seen: UInt64 = 0
        while seen == 0 && Date() < deadline {
            console.send(1, 2, 3)
            seen = host.continuity.report().sources.first?.seen ?? 0
            await Task.yield()
        }
        XCTAssertGreaterThan(seen, 0)
        host.setAppState(.background)
        host.setAppState(.locked)
        XCTAssertEqual(try host.relay.snapshot()?.appState, .locked)
        host.setAppState(.foreground)
        await host.stop()
        XCTAssertFalse(host.relay.isRunning)
        XCTAssertEqual(host.keepAlive.state, .armed)
        XCTAssertFalse(audio.plays)
    }
}

struct NoEntitlements: EntitlementReader {
    func multicast() -> EntitlementState { .unknown }
}

struct NoBluetooth: BluetoothAuthority {
    func state() -> BluetoothState { .unsupported }
}

/// A system that drops what is sent, and remembers through which address.
private final class Asked: LocalNetworkProbe {
    let addresses = Locked<[String]>([])

    func probe(address: String, waitMs: UInt32) -> Probe {
        addresses.with { $0.append(address) }
        return Probe(verdict: .silent, errno: nil, detail: "")
    }
}

/// A network without the console, and the one it is on.
private struct TwoNetworks: InterfaceLister {
    func list() -> [NetworkInterface] {
        [
            NetworkInterface(
                name: "en0", index: 1, address: 0x0A00_0005, mask: 0xFFFF_FF00, isUsable: true),
            NetworkInterface(
                name: "lo0", index: 2, address: 0x7F00_0001, mask: 0xFF00_0000, isUsable: true),
        ]
    }
}
