import XCTest

@testable import Wristcast

final class PathTests: XCTestCase {
    let clock = FakeClock()
    let monitor = FakeMonitor()
    var kept: PathWatcher?

    /// A watcher that lives as long as the test, and what it has told.
    func watch() -> () -> [Bool] {
        let watcher = PathWatcher(monitor: monitor, clock: clock)
        let told = Locked<[Bool]>([])
        watcher.onChange { path in told.with { $0.append(path.isSatisfied) } }
        watcher.start()
        kept = watcher
        return { told.with { $0 } }
    }

    func testTheFlapAfterWifiReturnsIsNoChange() {
        let told = watch()
        monitor.tell(satisfied: true)
        clock.run(8_000)
        monitor.tell(satisfied: false)
        clock.run(2_000)
        monitor.tell(satisfied: true)
        clock.run(60_000)
        XCTAssertEqual(told(), [true])
        XCTAssertEqual(kept?.path?.isSatisfied, true)
    }

    func testALossThatLastsIsTold() {
        let told = watch()
        monitor.tell(satisfied: true)
        monitor.tell(satisfied: false)
        clock.run(PathWatcher.lossMs - 1)
        XCTAssertEqual(told(), [true])
        clock.run(1)
        XCTAssertEqual(told(), [true, false])
        monitor.tell(satisfied: true)
        clock.run(PathWatcher.burstMs)
        XCTAssertEqual(told(), [true, false, true])
    }

    func testABurstIsOneChange() {
        let told = watch()
        monitor.tell(satisfied: true)
        for index in UInt32(2)...20 {
            monitor.tell(satisfied: true, [index: .wired])
            clock.run(100)
        }
        clock.run(PathWatcher.burstMs)
        XCTAssertEqual(told(), [true, true])
    }

    func testANetworkWithoutARouterIsOneAndCellularAloneIsNone() {
        let wifi = interface(1, "192.168.1.5")
        let tunnel = interface(2, "10.0.0.2", isUsable: false)
        func counts(_ satisfied: Bool, _ through: [UInt32: InterfaceKind], _ all: [NetworkInterface])
            -> Bool
        {
            NetworkPath(systemSays: satisfied, through: through, existing: all).isSatisfied
        }
        XCTAssertTrue(counts(true, [1: .wifi], [wifi]))
        XCTAssertTrue(counts(false, [:], [wifi, tunnel]), "no router")
        XCTAssertTrue(counts(true, [1: .wired], []), "IPv6 alone")
        XCTAssertFalse(counts(true, [2: .cellular], [tunnel]))
        XCTAssertFalse(counts(false, [:], [tunnel]))
    }

    func interface(_ index: UInt32, _ address: String, isUsable: Bool = true) -> NetworkInterface {
        NetworkInterface(
            name: "x\(index)", index: index, address: InterfaceChoice.ipv4(address)!,
            mask: 0xFFFF_FF00, isUsable: isUsable)
    }

    func testTheInterfaceIsTheOneAConsoleWasHeardOnElseTheWiredOneNeverCellular() {
        let all = [
            interface(1, "10.9.0.2"), interface(2, "192.168.1.5"), interface(3, "10.0.0.5"),
            interface(4, "10.1.0.5", isUsable: false),
        ]
        let path = NetworkPath(isSatisfied: true, interfaces: [1: .cellular, 2: .wifi, 3: .wired])
        func choose(_ heard: [String]) -> String? {
            InterfaceChoice.choose(from: all, path: path, heardFrom: heard)?.addressText
        }
        XCTAssertEqual(choose([]), "10.0.0.5")
        XCTAssertEqual(choose(["192.168.1.77:5568"]), "192.168.1.5")
        XCTAssertEqual(choose(["10.9.0.7:6454"]), "10.0.0.5", "cellular")
        XCTAssertEqual(choose(["nonsense", "300.1.1.1"]), "10.0.0.5")
        XCTAssertNil(InterfaceChoice.choose(from: [all[0], all[3]], path: path))
    }

    func testTheDeviceHasALoopbackThatIsNotForUse() {
        let loopback = SystemInterfaces().list().first { $0.addressText == "127.0.0.1" }
        XCTAssertEqual(loopback?.isUsable, false)
        XCTAssertEqual(loopback?.reaches(InterfaceChoice.ipv4("127.9.9.9")!), true)
    }
}
