import XCTest

@testable import Wristcast

final class KeepAliveTests: XCTestCase {
    let clock = FakeClock()
    let audio = FakeAudio()

    func keepAlive() -> KeepAlive {
        KeepAlive(audio: audio, content: .click(beatsPerMinute: 120), clock: clock)
    }

    func running() -> KeepAlive {
        let keepAlive = keepAlive()
        keepAlive.setEnabled(true)
        keepAlive.setRelayRuns(true)
        XCTAssertEqual(keepAlive.state, .running)
        return keepAlive
    }

    func testItPlaysWhileItIsWantedAndTheRelayRuns() {
        let keepAlive = keepAlive()
        XCTAssertEqual(keepAlive.state, .off)
        keepAlive.setRelayRuns(true)
        XCTAssertEqual(keepAlive.state, .off)
        keepAlive.setRelayRuns(false)
        keepAlive.setEnabled(true)
        XCTAssertEqual(keepAlive.state, .armed)
        XCTAssertFalse(audio.plays)
        keepAlive.setRelayRuns(true)
        XCTAssertEqual(keepAlive.state, .running)
        XCTAssertTrue(audio.plays)
        keepAlive.setRelayRuns(false)
        XCTAssertEqual(keepAlive.state, .armed)
        keepAlive.setEnabled(false)
        XCTAssertEqual(keepAlive.state, .off)
        XCTAssertFalse(audio.plays)
    }

    func testWhatIsToldTwiceIsDoneOnce() {
        let keepAlive = running()
        keepAlive.setEnabled(true)
        keepAlive.setRelayRuns(true)
        XCTAssertEqual(audio.starts, 1)
    }

    func testAnInterruptionEndsWithTheAudioBack() {
        let keepAlive = running()
        audio.happens(.interruptionBegan)
        guard case .interrupted = keepAlive.state else { return XCTFail("\(keepAlive.state)") }
        audio.happens(.interruptionEnded(shouldResume: true))
        XCTAssertEqual(keepAlive.state, .running)
        XCTAssertEqual(audio.starts, 2)
    }

    func testAnInterruptionWhoseEndIsNeverToldEndsInTheForeground() {
        let keepAlive = running()
        audio.happens(.interruptionBegan)
        clock.run(60_000)
        XCTAssertEqual(audio.starts, 1)
        keepAlive.handleForeground()
        XCTAssertEqual(keepAlive.state, .running)
    }

    func testARefusalIsTriedAgainWithPausesThatGrowToABound() {
        audio.refuse(true)
        let keepAlive = keepAlive()
        keepAlive.setEnabled(true)
        keepAlive.setRelayRuns(true)
        XCTAssertEqual(keepAlive.state, .refused(reason: "the system says no"))
        // 0.5 + 1 + 2 + 4 s
        clock.run(7_500)
        XCTAssertEqual(audio.starts, 5)
        clock.run(600_000)
        let before = audio.starts
        clock.run(30_000)
        XCTAssertEqual(audio.starts, before + 1)
        audio.refuse(false)
        clock.run(30_000)
        XCTAssertEqual(keepAlive.state, .running)
        XCTAssertEqual(clock.waiting, 0)
    }

    func testATryThatWasDueIsDueOnce() {
        let keepAlive = running()
        audio.happens(.interruptionBegan)
        audio.happens(.interruptionEnded(shouldResume: false))
        audio.happens(.interruptionEnded(shouldResume: false))
        XCTAssertEqual(clock.waiting, 1)
        clock.run(5_000)
        XCTAssertEqual(keepAlive.state, .running)
        XCTAssertEqual(audio.starts, 2)
    }

    func testWhoeverListensIsToldThatThereIsNothingMoreToCome() async {
        var states: AsyncStream<KeepAlive.State>? = nil
        do {
            let keepAlive = keepAlive()
            states = keepAlive.states
            keepAlive.setEnabled(true)
        }
        var told: [KeepAlive.State] = []
        for await state in states! { told.append(state) }
        XCTAssertEqual(told, [.armed])
    }

    func testMediaServicesThatAreResetGetANewEngine() {
        let keepAlive = running()
        audio.happens(.mediaServicesLost)
        guard case .interrupted = keepAlive.state else { return XCTFail("\(keepAlive.state)") }
        audio.happens(.mediaServicesReset)
        XCTAssertEqual(keepAlive.state, .running)
        XCTAssertEqual(audio.starts, 2)
    }

    func testANewRouteGetsANewEngineAndAnEngineThatStopsIsStartedAgain() {
        let keepAlive = running()
        audio.happens(.routeChanged)
        XCTAssertEqual(audio.starts, 2)
        audio.happens(.engineStopped(reason: "configuration changed"))
        XCTAssertEqual(keepAlive.state, .refused(reason: "configuration changed"))
        clock.run(500)
        XCTAssertEqual(keepAlive.state, .running)
    }

    func testAnEngineThatStopsInAnInterruptionIsNoNews() {
        let keepAlive = running()
        audio.happens(.interruptionBegan)
        audio.happens(.engineStopped(reason: "configuration changed"))
        guard case .interrupted = keepAlive.state else { return XCTFail("\(keepAlive.state)") }
        XCTAssertEqual(clock.waiting, 0)
    }

    func testWhatHappensToAudioThatIsNotWantedIsOfNoConcern() {
        let keepAlive = running()
        keepAlive.setEnabled(false)
        audio.happens(.mediaServicesReset)
        audio.happens(.interruptionEnded(shouldResume: true))
        XCTAssertEqual(keepAlive.state, .off)
        XCTAssertEqual(audio.starts, 1)
    }

    func testAClickCanBeHeardAndSilenceCannot() {
        let samples = (0..<48_000).map { AudioContent.click(beatsPerMinute: 60).sample($0, 48_000) }
        XCTAssertGreaterThan(samples.max() ?? 0, 0.4)
        XCTAssertTrue(samples.allSatisfy { abs($0) <= 1 })
        XCTAssertEqual(samples[24_000], 0)
        XCTAssertEqual(AudioContent.silence.sample(7, 48_000), 0)
    }
}
