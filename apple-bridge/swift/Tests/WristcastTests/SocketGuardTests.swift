import XCTest

@testable import Wristcast

final class SocketGuardTests: XCTestCase {
    let clock = FakeClock()
    let relay = FakeRelay()

    func makeGuard() -> SocketGuard {
        let made = SocketGuard(target: relay, clock: clock, inline: true)
        made.handleStart()
        return made
    }

    func testSilenceIsNoConcernBeforeAnythingWasHeard() {
        let guarded = makeGuard()
        for _ in 0..<100 {
            guarded.handle(received: 0, sockets: 3)
            clock.run(500)
        }
        XCTAssertEqual(relay.reasons, [])
    }

    func testSilenceOfALiveSourceRebindsWithPausesThatGrowToABound() {
        let guarded = makeGuard()
        guarded.handle(received: 1, sockets: 3)
        clock.run(2_500)
        guarded.handle(received: 1, sockets: 3)
        XCTAssertEqual(relay.reasons, [])
        for _ in 0..<1200 {
            clock.run(500)
            guarded.handle(received: 1, sockets: 3)
        }
        // 0.25 s, doubling to 30 s, over ten minutes.
        XCTAssertTrue((20...32).contains(relay.reasons.count), "\(relay.reasons.count)")
        XCTAssertTrue(relay.reasons[0].contains("nothing heard for 3 s"))
        let before = relay.reasons.count
        guarded.handle(received: 2, sockets: 3)
        for received in UInt64(3)...200 {
            clock.run(500)
            guarded.handle(received: received, sockets: 3)
        }
        XCTAssertEqual(relay.reasons.count, before, "packets come")
    }

    func testTheForegroundRebindsAtOnceWhateverWasTriedBefore() {
        let guarded = makeGuard()
        guarded.handle(received: 1, sockets: 3)
        for _ in 0..<100 {
            clock.run(500)
            guarded.handle(received: 1, sockets: 3)
        }
        let before = relay.reasons.count
        guarded.handleResume("the app is in the foreground again")
        XCTAssertEqual(relay.reasons.count, before + 1)
        XCTAssertEqual(relay.reasons.last, "the app is in the foreground again")
    }

    func testInTheForegroundSocketsThatDeliverAreKeptAndOthersAreNot() {
        let guarded = makeGuard()
        guarded.handle(received: 1, sockets: 3)
        clock.run(SocketGuard.proofMs - 1)
        guarded.handleForeground()
        XCTAssertEqual(relay.reasons, [])
        clock.suspend(60_000, asleep: true)
        guarded.handleForeground()
        XCTAssertEqual(relay.reasons, ["the app is in the foreground again"])
    }

    func testThatTheAppIsBackIsToldTwiceAndRebindsOnce() {
        let guarded = makeGuard()
        guarded.handle(received: 1, sockets: 3)
        clock.suspend(60_000, asleep: true)
        guarded.handleForeground()
        clock.run(400)
        guarded.handleResume("the app was suspended and runs again")
        XCTAssertEqual(relay.reasons, ["the app is in the foreground again"])
        clock.suspend(10_000, asleep: true)
        guarded.handleResume("the app was suspended and runs again")
        XCTAssertEqual(relay.reasons.count, 2)
    }

    func testWhatWasNotHeardWhileTheAppDidNotRunIsNoSilence() {
        let guarded = makeGuard()
        guarded.handle(received: 1, sockets: 3)
        clock.suspend(60_000, asleep: true)
        guarded.handleResume("the app was suspended and runs again")
        for _ in 0..<5 {
            clock.run(500)
            guarded.handle(received: 1, sockets: 3)
        }
        XCTAssertEqual(relay.reasons.count, 1)
        clock.run(500)
        guarded.handle(received: 1, sockets: 3)
        XCTAssertEqual(relay.reasons.count, 2, "the new sockets give nothing, either")
    }

    func testAStoppedRelayIsLeftAlone() {
        relay.refuse(true)
        let guarded = makeGuard()
        guarded.handleResume("back")
        guarded.handleStop()
        XCTAssertEqual(clock.waiting, 0)
    }

    func testADeadSocketRebinds() {
        let guarded = makeGuard()
        guarded.handle(received: 1, sockets: 3)
        guarded.handle(received: 2, sockets: 2)
        XCTAssertEqual(relay.reasons, ["a socket is dead"])
    }

    func testSocketsThatDeliverSurviveAChangeOfPathAndOthersDoNot() {
        let guarded = makeGuard()
        let path = NetworkPath(isSatisfied: true, interfaces: [1: .wifi])
        guarded.handle(received: 1, sockets: 3)
        guarded.handlePath(path)
        clock.run(400)
        guarded.handle(received: 2, sockets: 3)
        clock.run(SocketGuard.proofMs)
        XCTAssertEqual(relay.reasons, [])
        guarded.handlePath(path)
        clock.run(SocketGuard.proofMs)
        XCTAssertEqual(relay.reasons, ["the network path has changed"])
        guarded.handlePath(NetworkPath(isSatisfied: false))
        clock.run(60_000)
        XCTAssertEqual(relay.reasons.count, 1, "without a network there is nothing to bind to")
    }

    func testARebindThatFailsIsTriedAgain() {
        relay.refuse(true)
        let guarded = makeGuard()
        guarded.handleResume("back")
        XCTAssertEqual(relay.reasons.count, 1)
        clock.run(250)
        relay.refuse(false)
        clock.run(500)
        let again = "back; the last try failed: the system says no"
        XCTAssertEqual(relay.reasons, ["back", again, again])
        clock.run(60_000)
        XCTAssertEqual(relay.reasons.count, 3)
    }
}
