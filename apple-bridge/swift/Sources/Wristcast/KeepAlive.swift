import Foundation

/// Keeps the app running while the phone is locked, by playing audio.
///
/// iOS has no background mode for sustained UDP. An app that plays audio is not suspended; that is
/// all this does. What is played should be something that the user can hear and wants: App Review
/// (guideline 2.5.4) refuses apps that only pretend. docs/apple.md says what that means in practice.
public final class KeepAlive: Sendable {
    /// How it is, and why.
    public enum State: Equatable, Sendable {
        /// Not wanted.
        case off
        /// Wanted; begins with the relay.
        case armed
        /// Audio plays: the app is not suspended.
        case running
        /// The system took the audio away for now. The app may be suspended within seconds.
        case interrupted(reason: String)
        /// The system does not give the audio; tried again by itself.
        case refused(reason: String)
    }

    private struct Inner {
        var state = State.off
        var enabled = false
        var relayRuns = false
        var backOff = BackOff(firstMs: 500, maxMs: 30_000)
        var retry: (any Scheduled)?

        var isWanted: Bool { enabled && relayRuns }
    }

    private let audio: any AudioSystem
    private let clock: any HostClock
    private let content: AudioContent
    private let inner = Locked(Inner())
    private let fan = Fan<State>(keeping: 16)
    /// Serialises what is done to the audio system, which is never done under `inner`'s lock.
    private let work = NSRecursiveLock()

    /// Plays `content` by `audio` while it is enabled and the relay runs.
    public init(audio: any AudioSystem, content: AudioContent, clock: any HostClock = SystemClock()) {
        self.audio = audio
        self.content = content
        self.clock = clock
        audio.observe { [weak self] event in self?.handle(event) }
    }

    /// How it is now.
    public var state: State { inner.with { $0.state } }

    /// How it is, from now on.
    public var states: AsyncStream<State> { fan.stream() }

    /// The user wants it, or not.
    public func setEnabled(_ enabled: Bool) {
        inner.with { $0.enabled = enabled }
        settle()
    }

    /// The relay runs, or not. Audio must begin in the foreground: iOS refuses it later.
    public func setRelayRuns(_ runs: Bool) {
        inner.with { $0.relayRuns = runs }
        settle()
    }

    /// The app is in the foreground again. The system does not promise to tell the end of an
    /// interruption; this is the moment to try.
    public func handleForeground() {
        guard inner.with({ $0.isWanted && $0.state != .running }) else { return }
        begin()
    }

    private func settle() {
        work.lock()
        defer { work.unlock() }
        let (wanted, enabled, state) = inner.with { ($0.isWanted, $0.enabled, $0.state) }
        switch (wanted, state) {
        case (true, .off), (true, .armed):
            begin()
        case (false, .off), (false, .armed):
            become(enabled ? .armed : .off)
        case (false, _):
            cancelRetry()
            inner.with { $0.backOff.reset() }
            audio.stop()
            become(enabled ? .armed : .off)
        case (true, _):
            break
        }
    }

    private func begin() {
        work.lock()
        defer { work.unlock() }
        cancelRetry()
        guard inner.with({ $0.isWanted }) else { return }
        do {
            try audio.start(content)
            inner.with { $0.backOff.reset() }
            become(.running)
        } catch {
            audio.stop()
            become(.refused(reason: words(of: error)))
            retryLater()
        }
    }

    private func retryLater() {
        cancelRetry()
        let wait = inner.with { $0.backOff.next() }
        let retry = clock.schedule(afterMs: wait) { [weak self] in self?.begin() }
        inner.with { $0.retry = retry }
    }

    private func cancelRetry() {
        inner.with { inner in
            inner.retry?.cancel()
            inner.retry = nil
        }
    }

    private func handle(_ event: AudioEvent) {
        work.lock()
        defer { work.unlock() }
        guard inner.with({ $0.isWanted }) else { return }
        switch event {
        case .interruptionBegan:
            cancelRetry()
            become(.interrupted(reason: "a call, an alarm or another app has the audio"))
        case .interruptionEnded(let shouldResume):
            // Whether others' music should resume is not the question here.
            if shouldResume { begin() } else { retryLater() }
        case .routeChanged:
            // The engine has stopped or plays into a route that is gone.
            if state == .running { begin() }
        case .mediaServicesLost:
            cancelRetry()
            become(.interrupted(reason: "the system's audio is restarting"))
        case .mediaServicesReset:
            // Everything made before is invalid.
            audio.stop()
            begin()
        case .engineStopped(let reason):
            // In an interruption that is no news.
            guard state == .running else { return }
            become(.refused(reason: reason))
            retryLater()
        }
    }

    private func become(_ state: State) {
        let changed = inner.with { inner in
            defer { inner.state = state }
            return inner.state != state
        }
        if changed { fan.send(state) }
    }
}

func words(of error: any Error) -> String {
    (error as? BridgeError)?.words
        ?? (error as? any LocalizedError)?.errorDescription ?? String(describing: error)
}
