import XCTest

@testable import Wristcast

final class ContinuityTests: XCTestCase {
    let clock = FakeClock()

    func continuity() -> Continuity {
        let made = Continuity(clock: clock)
        made.handleStart()
        made.start()
        return made
    }

    /// The first user's test: a packet a second, the phone locked for ten.
    func testAPacketASecondAndTenSecondsSuspendedAreTenPackets() {
        let continuity = continuity()
        clock.run(5_000)
        continuity.handle(.of(received: 5, sources: [source(seen: 5)]))
        continuity.handle(AppState.locked)
        let start = clock.now()
        clock.suspend(10_000, asleep: false)
        continuity.handle(gap(start.continuousMs - 500, start.continuousMs + 10_500, missed: 10))
        clock.run(1_000)
        continuity.handle(AppState.foreground)
        continuity.handle(.of(received: 6, sources: [source(seen: 6, missed: 10)]))
        let report = continuity.report()
        XCTAssertEqual(report.sources.map(\.seen), [6])
        XCTAssertEqual(report.sources.map(\.missed), [10])
        XCTAssertEqual(report.gaps.map(\.missed), [10])
        XCTAssertEqual(report.gaps.map(\.cause), [.suspended])
        XCTAssertEqual(report.gaps.map(\.seconds), [11])
        XCTAssertEqual(report.gaps[0].start, start.wall.addingTimeInterval(-0.5))
        XCTAssertEqual(report.suspensions.map(\.seconds), [10.5 - 0.5])
        XCTAssertEqual(report.suspensions.map(\.asleepSeconds), [0])
        XCTAssertTrue(report.text.contains("6 of 16 packets came, 10 missed"), report.text)
        XCTAssertTrue(report.text.contains("iOS suspended the app"), report.text)
    }

    func testTheTimeTheDeviceSleptIsToldApart() {
        let continuity = continuity()
        clock.run(1_000)
        clock.suspend(4_000, asleep: false)
        clock.suspend(60_000, asleep: true)
        let report = continuity.report()
        XCTAssertEqual(report.suspensions.map(\.seconds), [64])
        XCTAssertEqual(report.suspensions.map(\.asleepSeconds), [60])
    }

    func testAPulseThatIsALittleLateIsNoSuspension() {
        let continuity = continuity()
        for _ in 0..<100 {
            clock.run(Continuity.pulseMs)
            clock.suspend(1_000, asleep: false)
        }
        XCTAssertEqual(continuity.report().suspensions.count, 0)
    }

    func testAGapIsCausedByWhatWasWrongMeanwhile() {
        let cases: [(GapCause, (Continuity) -> Void)] = [
            (.unknown, { _ in }),
            (.pathLost, { $0.handle(NetworkPath(isSatisfied: false)) }),
            (.wifiAsleep, { $0.handle(AppState.locked) }),
            (.interrupted, { $0.handle(KeepAlive.State.interrupted(reason: "a call")) }),
            (.suspended, { _ in self.clock.suspend(5_000, asleep: true) }),
        ]
        for (cause, happens) in cases {
            let continuity = continuity()
            clock.run(1_000)
            let start = clock.now().continuousMs
            happens(continuity)
            clock.run(4_000)
            continuity.handle(gap(start, clock.now().continuousMs, missed: 3))
            XCTAssertEqual(continuity.report().gaps.map(\.cause), [cause])
            continuity.stop()
        }
    }

    func testMulticastThatIsNotDeliveredWhileUnicastComesIsNamed() {
        let continuity = continuity()
        continuity.handleMulticast(isSilent: true)
        let start = clock.now().continuousMs
        for received in UInt64(1)...10 {
            clock.run(500)
            continuity.handle(.of(received: received))
        }
        let end = clock.now().continuousMs
        continuity.handle(gap(start, end, missed: 5))
        continuity.handle(gap(start, end, missed: 5, universe: "artnet/0/0/1"))
        XCTAssertEqual(continuity.report().gaps.map(\.cause), [.multicastNotDelivered, .unknown])
    }

    func testWhatWasOverBeforeAGapDidNotCauseIt() {
        let continuity = continuity()
        continuity.handle(KeepAlive.State.interrupted(reason: "a call"))
        clock.run(1_000)
        continuity.handle(KeepAlive.State.running)
        clock.run(1_000)
        let start = clock.now().continuousMs
        clock.run(2_000)
        continuity.handle(gap(start, clock.now().continuousMs, missed: nil))
        let report = continuity.report()
        XCTAssertEqual(report.gaps.map(\.cause), [.unknown])
        XCTAssertTrue(report.text.contains("an unknown number of packets"), report.text)
    }

    func testCountsGoOnWhenTheRelayIsStartedAnew() {
        let continuity = continuity()
        continuity.handle(.of(received: 7, sources: [source(seen: 7, missed: 2)]))
        continuity.handleStart()
        continuity.handle(.of(received: 3, sources: [source(seen: 3, missed: 1)]))
        XCTAssertEqual(continuity.report().sources.map(\.seen), [10])
        XCTAssertEqual(continuity.report().sources.map(\.missed), [3])
    }

    func testTheEndOfASuspensionIsToldOnce() {
        let continuity = continuity()
        let told = Locked(0)
        continuity.onResume { told.with { $0 += 1 } }
        clock.run(2_000)
        clock.suspend(10_000, asleep: false)
        clock.run(5_000)
        XCTAssertEqual(told.with { $0 }, 1)
        continuity.stop()
        XCTAssertEqual(clock.waiting, 0)
    }

    func testAReportSurvivesBeingShared() throws {
        let continuity = continuity()
        continuity.handle(.of(received: 7, sources: [source(seen: 7, missed: 2)]))
        let report = continuity.report()
        let data = try JSONEncoder().encode(report)
        XCTAssertEqual(try JSONDecoder().decode(ContinuityReport.self, from: data), report)
    }
}
