import Foundation

@testable import Wristcast

/// A clock that stands still until it is moved.
final class FakeClock: HostClock {
    private struct Inner {
        var moment = Moment(
            uptimeMs: 10_000, continuousMs: 50_000, wall: Date(timeIntervalSince1970: 1_000_000))
        var next = 0
        var due: [Int: (atMs: UInt64, work: @Sendable () -> Void)] = [:]

        mutating func move(_ ms: UInt64, asleep: Bool) {
            if !asleep { moment.uptimeMs += ms }
            moment.continuousMs += ms
            moment.wall.addTimeInterval(Double(ms) / 1000)
        }
    }

    private let inner = Locked(Inner())

    func now() -> Moment { inner.with { $0.moment } }

    func schedule(afterMs: UInt64, _ work: @escaping @Sendable () -> Void) -> any Scheduled {
        let id = inner.with { inner in
            inner.next += 1
            inner.due[inner.next] = (inner.moment.uptimeMs + afterMs, work)
            return inner.next
        }
        return Item { [inner] in inner.with { _ = $0.due.removeValue(forKey: id) } }
    }

    /// Runs: what becomes due is done, each thing at its time.
    func run(_ ms: UInt64) {
        let end = now().uptimeMs + ms
        while true {
            let next = inner.with { inner -> (@Sendable () -> Void)? in
                let first = inner.due.filter { $0.value.atMs <= end }
                    .min { ($0.value.atMs, $0.key) < ($1.value.atMs, $1.key) }
                guard let first else { return nil }
                inner.due.removeValue(forKey: first.key)
                inner.move(first.value.atMs.saturatingMinus(inner.moment.uptimeMs), asleep: false)
                return first.value.work
            }
            guard let next else { break }
            next()
        }
        inner.with { $0.move(end - $0.moment.uptimeMs, asleep: false) }
    }

    /// Time passes and nothing is done: the process is suspended. `asleep`: the device, too.
    func suspend(_ ms: UInt64, asleep: Bool) {
        inner.with { $0.move(ms, asleep: asleep) }
    }

    var waiting: Int { inner.with { $0.due.count } }

    private struct Item: Scheduled {
        let dropped: @Sendable () -> Void

        init(_ dropped: @escaping @Sendable () -> Void) { self.dropped = dropped }

        func cancel() { dropped() }
    }
}

struct Refusal: LocalizedError {
    var errorDescription: String? { "the system says no" }
}

/// Audio that does as it is told.
final class FakeAudio: AudioSystem {
    struct Inner {
        var refuses = false
        var plays = false
        var starts = 0
        var told: (@Sendable (AudioEvent) -> Void)?
    }

    let inner = Locked(Inner())

    func start(_ content: AudioContent) throws {
        try inner.with { inner in
            inner.starts += 1
            if inner.refuses { throw Refusal() }
            inner.plays = true
        }
    }

    func stop() { inner.with { $0.plays = false } }

    func observe(_ told: @escaping @Sendable (AudioEvent) -> Void) { inner.with { $0.told = told } }

    func happens(_ event: AudioEvent) { inner.with { $0.told }?(event) }

    var plays: Bool { inner.with { $0.plays } }
    var starts: Int { inner.with { $0.starts } }
    func refuse(_ refuses: Bool) { inner.with { $0.refuses = refuses } }
}

/// A path monitor that is told what to tell.
final class FakeMonitor: PathMonitor {
    private let told = Locked<(@Sendable (NetworkPath) -> Void)?>(nil)

    func start(_ told: @escaping @Sendable (NetworkPath) -> Void) { self.told.with { $0 = told } }
    func stop() { told.with { $0 = nil } }

    func tell(satisfied: Bool, _ interfaces: [UInt32: InterfaceKind] = [1: .wifi]) {
        told.with { $0 }?(NetworkPath(isSatisfied: satisfied, interfaces: interfaces))
    }
}

/// A relay that only counts its rebinds.
final class FakeRelay: Rebinds {
    private let inner = Locked((reasons: [String](), refuses: false))

    func rebind(reason: String) throws {
        try inner.with { inner in
            inner.reasons.append(reason)
            if inner.refuses { throw Refusal() }
        }
    }

    var reasons: [String] { inner.with { $0.reasons } }
    func refuse(_ refuses: Bool) { inner.with { $0.refuses = refuses } }
}

extension Snapshot {
    /// A snapshot in which nothing is but what is given.
    static func of(received: UInt64, sources: [SourceSnapshot] = []) -> Snapshot {
        Snapshot(
            show: "test", uptimeMs: 0, continuousMs: 0, appState: .foreground,
            packets: Packets(
                received: received, accepted: received, leftOut: [:], kernelDropped: 0, perSecond: 0),
            universes: 1, universesLive: 1, sources: sources, gaps: [], groups: [], radios: [],
            bands: [], bandsConnected: 0,
            arrivals: Arrivals(usualGapMs: nil, longestGapMs: nil, stallsEveryMs: nil), sockets: [],
            interfaces: [], panic: false, frozen: false, grandMaster: 255, faults: [])
    }
}

func source(
    _ universe: String = "sacn/1", name: String = "desk", address: String = "10.0.0.9:5568",
    seen: UInt64, missed: UInt64 = 0
) -> SourceSnapshot {
    SourceSnapshot(
        universe: universe, name: name, cid: nil, address: address, interface: "en0", priority: 100,
        rateHz: 1, seen: seen, missed: missed, sequenceErrors: 0, contributing: true, reason: nil,
        ageMs: 0)
}

func gap(_ startMs: UInt64, _ endMs: UInt64, missed: UInt64?, universe: String = "sacn/1") -> Gap {
    Gap(
        number: 1, universe: universe, source: "desk", cid: nil, address: "10.0.0.9:5568",
        startMs: startMs, endMs: endMs, missed: missed, exact: true)
}
