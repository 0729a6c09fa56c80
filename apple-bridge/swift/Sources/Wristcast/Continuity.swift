import Foundation

/// Why packets were missed.
public enum GapCause: String, Sendable, Codable, CaseIterable {
    case suspended, interrupted, pathLost, wifiAsleep, multicastNotDelivered, unknown

    /// For people.
    public var words: String {
        switch self {
        case .suspended: "iOS suspended the app"
        case .interrupted: "a call, an alarm or another app took the audio, and iOS suspended the app"
        case .pathLost: "the network was gone"
        case .wifiAsleep: "Wi-Fi slept while the device was locked"
        case .multicastNotDelivered: "the system did not deliver multicast; unicast came"
        case .unknown: "unknown: nothing was wrong on this device"
        }
    }
}

/// A time in which something was so, on the continuous clock.
public struct Period: Sendable, Hashable {
    public var startMs: UInt64
    /// `nil`: still so.
    public var endMs: UInt64?

    func overlaps(_ startMs: UInt64, _ endMs: UInt64) -> Bool {
        self.startMs <= endMs && (self.endMs ?? .max) >= startMs
    }
}

/// The truth about dropouts.
///
/// The relay counts what each source sent and what came, by sequence numbers; this adds what was
/// wrong with the device meanwhile. A pulse twice a second finds out suspensions: it stops with the
/// process. What the continuous clock gained on the other meanwhile, the device was asleep.
public final class Continuity: Sendable {
    /// Time between two beats of the pulse.
    public static let pulseMs: UInt64 = 500
    /// A beat that comes later than this: the process did not run.
    public static let suspendedMs: UInt64 = 2_000
    /// Periods and gaps remembered.
    public static let remembered = 512

    enum Trouble: Sendable, CaseIterable {
        case suspended, interrupted, pathLost, locked
    }

    struct Suspension: Sendable {
        var period: Period
        var asleepMs: UInt64
    }

    struct Source: Sendable, Hashable {
        var universe: String
        var identity: String
    }

    struct Counts: Sendable {
        var name = ""
        var address = ""
        var seenBefore: UInt64 = 0
        var missedBefore: UInt64 = 0
        var seen: UInt64 = 0
        var missed: UInt64 = 0

        /// The relay counts from zero again.
        mutating func beginAnew() {
            seenBefore += seen
            missedBefore += missed
            (seen, missed) = (0, 0)
        }
    }

    struct Inner: Sendable {
        var beat: Moment?
        var timer: (any Scheduled)?
        /// Counts up with every start and stop: a beat of before is none of now.
        var pulse = 0
        var periods: [Trouble: [Period]] = [:]
        var suspensions: [Suspension] = []
        var sources: [Source: Counts] = [:]
        var gaps: [Gap] = []
        /// Moments at which packets came from some source while another was silent.
        var heardMs: [UInt64] = []
        var received: UInt64 = 0
        var multicastSilent = false
    }

    private let clock: any HostClock
    let inner = Locked(Inner())
    private let resumed = Fan<UInt64>(keeping: 16)
    private let listeners = Locked<[@Sendable () -> Void]>([])

    public init(clock: any HostClock = SystemClock()) {
        self.clock = clock
    }

    /// Begins to feel the pulse. Does nothing more if it does already.
    public func start() {
        let pulse = inner.with { inner -> Int in
            inner.timer?.cancel()
            inner.pulse += 1
            return inner.pulse
        }
        beat(pulse)
    }

    /// Ends it.
    public func stop() {
        inner.with { inner in
            inner.timer?.cancel()
            inner.timer = nil
            inner.beat = nil
            inner.pulse += 1
        }
    }

    /// Lengths in milliseconds of suspensions that end from now on.
    public var suspensions: AsyncStream<UInt64> { resumed.stream() }

    func onResume(_ told: @escaping @Sendable () -> Void) {
        listeners.with { $0.append(told) }
    }

    /// A relay started: its counters begin at zero.
    public func handleStart() {
        inner.with { inner in
            for source in Array(inner.sources.keys) { inner.sources[source]?.beginAnew() }
            inner.received = 0
        }
    }

    /// Takes a snapshot's counters.
    public func handle(_ snapshot: Snapshot) {
        let now = clock.now().continuousMs
        inner.with { inner in
            for source in snapshot.sources {
                let key = Source(
                    universe: source.universe, identity: source.cid ?? host(of: source.address))
                var counts = inner.sources[key] ?? Counts()
                (counts.name, counts.address) = (source.name, source.address)
                // The relay had forgotten this source, or was started anew unbeknown to us.
                if source.seen < counts.seen { counts.beginAnew() }
                (counts.seen, counts.missed) = (source.seen, source.missed)
                inner.sources[key] = counts
            }
            if snapshot.packets.received > inner.received {
                inner.heardMs = (inner.heardMs + [now]).suffix(Self.remembered)
            }
            inner.received = snapshot.packets.received
        }
    }

    /// Takes a gap of the relay.
    public func handle(_ gap: Gap) {
        inner.with { $0.gaps = ($0.gaps + [gap]).suffix(Self.remembered) }
    }

    /// The audio that keeps the app alive.
    public func handle(_ state: KeepAlive.State) {
        if case .interrupted = state { begin(.interrupted) } else { end(.interrupted) }
    }

    /// The network path.
    public func handle(_ path: NetworkPath) {
        if path.isSatisfied { end(.pathLost) } else { begin(.pathLost) }
    }

    /// Where the app is.
    public func handle(_ state: AppState) {
        if state == .locked { begin(.locked) } else { end(.locked) }
    }

    /// Whether the multicast self-test hears itself.
    public func handleMulticast(isSilent: Bool) {
        inner.with { $0.multicastSilent = isSilent }
    }

    private func begin(_ trouble: Trouble) {
        let now = clock.now().continuousMs
        inner.with { inner in
            var periods = inner.periods[trouble] ?? []
            if periods.last.map({ $0.endMs == nil }) ?? false { return }
            periods.append(Period(startMs: now, endMs: nil))
            inner.periods[trouble] = periods.suffix(Self.remembered)
        }
    }

    private func end(_ trouble: Trouble) {
        let now = clock.now().continuousMs
        inner.with { inner in
            guard let last = inner.periods[trouble]?.indices.last,
                inner.periods[trouble]?[last].endMs == nil
            else { return }
            inner.periods[trouble]?[last].endMs = now
        }
    }

    private func beat(_ pulse: Int) {
        guard inner.with({ $0.pulse == pulse }) else { return }
        look()
        let timer = clock.schedule(afterMs: Self.pulseMs) { [weak self] in self?.beat(pulse) }
        inner.with { inner in
            if inner.pulse == pulse { inner.timer = timer } else { timer.cancel() }
        }
    }

    /// Compares the clocks with the beat before. Also called before a report, which may come
    /// before the first beat after a suspension.
    func look() {
        let now = clock.now()
        let suspended = inner.with { inner -> UInt64? in
            guard let before = inner.beat else {
                inner.beat = now
                return nil
            }
            inner.beat = now
            let away = now.continuousMs.saturatingMinus(before.continuousMs)
            let ran = now.uptimeMs.saturatingMinus(before.uptimeMs)
            guard away >= Self.suspendedMs else { return nil }
            let period = Period(startMs: before.continuousMs, endMs: now.continuousMs)
            let suspension = Suspension(period: period, asleepMs: away.saturatingMinus(ran))
            inner.suspensions = (inner.suspensions + [suspension]).suffix(Self.remembered)
            inner.periods[.suspended] = inner.suspensions.map(\.period)
            return away
        }
        guard let suspended else { return }
        resumed.send(suspended)
        for listener in listeners.with({ $0 }) { listener() }
    }

    /// What is known now.
    public func report() -> ContinuityReport {
        look()
        return ContinuityReport(of: inner.with { $0 }, at: clock.now())
    }
}

extension Continuity.Inner {
    /// What a gap was caused by, as far as this device can know.
    func cause(of gap: Gap) -> GapCause {
        func was(_ trouble: Continuity.Trouble) -> Bool {
            periods[trouble]?.contains { $0.overlaps(gap.startMs, gap.endMs) } ?? false
        }
        // An interruption costs packets only if iOS suspends the app for it.
        if was(.suspended) { return was(.interrupted) ? .interrupted : .suspended }
        if was(.pathLost) { return .pathLost }
        // Something came from somebody well within it: the device and its Wi-Fi were awake.
        let others = heardMs.contains { $0 > gap.startMs + 500 && $0 + 500 < gap.endMs }
        if !others && was(.locked) { return .wifiAsleep }
        if others && multicastSilent && gap.universe.hasPrefix("sacn/") {
            return .multicastNotDelivered
        }
        return .unknown
    }
}

extension UInt64 {
    func saturatingMinus(_ other: UInt64) -> UInt64 {
        self > other ? self - other : 0
    }
}

/// `10.0.0.1` of `10.0.0.1:5568`.
func host(of address: String) -> String {
    address.lastIndex(of: ":").map { String(address[..<$0]) } ?? address
}
