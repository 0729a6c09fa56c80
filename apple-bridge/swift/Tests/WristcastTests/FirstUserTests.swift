#if os(Linux)
    import Foundation
    import XCTest

    @testable import Wristcast

    /// The first user's test, from the console to the report: a packet a second, the phone locked
    /// for ten, ten packets missing. The app is a process of its own that is stopped and continued.
    final class FirstUserTests: XCTestCase {
        func testAPacketASecondAndAPhoneThatIsLockedForTen() throws {
            let console = Console(port: Phone.isThis)
            if let port = Phone.isThis {
                return Phone.run(host(), console.values, port: port)
            }
            let name = "WristcastTests.FirstUserTests/testAPacketASecondAndAPhoneThatIsLockedForTen"
            let phone = try Phone(test: name, port: console.port)
            var due = Date()
            func sendNext() -> Date {
                Thread.sleep(until: due)
                due.addTimeInterval(1)
                let now = Date()
                console.send(10, 20, 30)
                return now
            }
            var last = Date()
            for _ in 0..<5 { last = sendNext() }
            try eventually("five heard") { try phone.report().sources.first?.seen == 5 }

            phone.order("lock")
            try eventually("locked") { phone.isStopped }
            for _ in 0..<10 { _ = sendNext() }
            phone.resume()
            XCTAssertEqual(try phone.answer(), "awake")
            due = max(due, Date())
            let first = sendNext()
            for _ in 0..<2 { _ = sendNext() }
            try eventually("eight heard") { try phone.report().sources.first?.seen == 8 }

            let report = try phone.report()
            XCTAssertEqual(report.sources.map(\.missed), [10])
            XCTAssertEqual(report.gaps.map(\.missed), [10])
            XCTAssertEqual(report.gaps.map(\.isExact), [true])
            XCTAssertEqual(report.gaps.map(\.cause), [.suspended])
            let gap = try XCTUnwrap(report.gaps.first)
            // How far the clocks of two processes are read apart on a busy machine.
            XCTAssertEqual(gap.start.timeIntervalSince(last), 0, accuracy: 0.25)
            XCTAssertEqual(gap.seconds, first.timeIntervalSince(last), accuracy: 0.25)
            let suspension = try XCTUnwrap(report.suspensions.first)
            XCTAssertEqual(report.suspensions.count, 1)
            XCTAssertGreaterThanOrEqual(suspension.start, gap.start)
            XCTAssertLessThanOrEqual(suspension.seconds, gap.seconds)
            phone.order("rebinds")
            XCTAssertEqual(try phone.answer(), "1", "the pulse and the foreground tell the same")
            let text = report.text
            XCTAssertTrue(text.contains("8 of 18 packets came, 10 missed"), text)
            XCTAssertTrue(text.contains("10 packets missed. Cause: iOS suspended the app"), text)
            print(text)
        }

        private func host() -> RelayHost {
            RelayHost(
                audio: FakeAudio(), content: .silence, monitor: FakeMonitor(),
                permissions: Permissions(
                    network: RelayProbe(), entitlements: NoEntitlements(), bluetooth: NoBluetooth()))
        }

        private func eventually(_ what: String, _ found: () throws -> Bool) throws {
            let deadline = Date().addingTimeInterval(60)
            while try !found() {
                guard Date() < deadline else { return XCTFail("never: \(what)") }
                Thread.sleep(forTimeInterval: 0.01)
            }
        }
    }
#endif
