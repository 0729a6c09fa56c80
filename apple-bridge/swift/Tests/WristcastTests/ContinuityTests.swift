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
    }

    func testTheReportReadsAsWhatHappened() {
        let continuity = continuity()
        clock.run(5_000)
        continuity.handle(.of(received: 5, sources: [source(seen: 5)]))
        let start = clock.now()
        clock.suspend(10_000, asleep: false)
        continuity.handle(gap(start.continuousMs - 500, start.continuousMs + 10_500, missed: 10))
        clock.run(1_000)
        continuity.handle(.of(received: 6, sources: [source(seen: 6, missed: 10)]))
        let zone = TimeZone(secondsFromGMT: 2 * 3600)!
        let text = continuity.report().text(in: zone)
        XCTAssertEqual(
            text,
            """
            wristcast continuity report
            1970-01-12, 15:46:56 (UTC+02:00)

            SOURCES
            sacn/1 from desk, 10.0.0.9: 6 of 16 packets came, 10 missed

            GAPS
            15:46:44 to 15:46:55: nothing from desk on sacn/1 for 11.0 s, 10 packets missed. \
            Cause: iOS suspended the app

            THE APP DID NOT RUN
            15:46:45 to 15:46:55: for 10.0 s; the device was awake

            """)
        let nothing = Continuity(clock: clock).report().text(in: zone)
        XCTAssertTrue(nothing.contains("SOURCES\nNone was heard."), nothing)
        XCTAssertTrue(nothing.contains("GAPS\nNone."), nothing)
    }

    func testACountThatIsNotExactIsToldAsSuch() {
        let continuity = continuity()
        for (missed, exact) in [(UInt64(130), false), (1, true)] {
            continuity.handle(
                Gap(
                    number: 1, universe: "sacn/1", source: "desk", cid: nil,
                    address: "10.0.0.9:5568", startMs: 50_000, endMs: 53_000, missed: missed,
                    exact: exact))
        }
        let words = continuity.report().gaps.map(\.missedWords)
        XCTAssertEqual(words, ["about 130 packets", "1 packet"])
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
            (.suspended, { _ in self.clock.suspend(5_000, asleep: true) }),
            // A call alone costs no packets.
            (.unknown, { $0.handle(KeepAlive.State.interrupted(reason: "a call")) }),
            (
                .interrupted,
                {
                    $0.handle(KeepAlive.State.interrupted(reason: "a call"))
                    self.clock.suspend(5_000, asleep: false)
                }
            ),
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

    func testCountsGoOnWhenTheRelayHadForgottenASource() {
        let continuity = continuity()
        continuity.handle(.of(received: 7, sources: [source(seen: 7, missed: 2)]))
        continuity.handle(.of(received: 8, sources: [source(seen: 1)]))
        XCTAssertEqual(continuity.report().sources.map(\.seen), [8])
        XCTAssertEqual(continuity.report().sources.map(\.missed), [2])
    }

    func testOnePulseIsFeltHoweverOftenItIsStarted() {
        let continuity = continuity()
        continuity.start()
        continuity.start()
        clock.run(5_000)
        XCTAssertEqual(clock.waiting, 1)
        continuity.stop()
        XCTAssertEqual(clock.waiting, 0)
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
