import Dispatch
import Foundation
import WristcastFFI

/// One reading of all the clocks that matter.
public struct Moment: Sendable, Hashable {
    /// Stands still while the device sleeps, milliseconds.
    public var uptimeMs: UInt64
    /// Goes on while the device sleeps, milliseconds. The clock of every ``Gap``.
    public var continuousMs: UInt64
    /// What people call the time.
    public var wall: Date

    public init(uptimeMs: UInt64, continuousMs: UInt64, wall: Date) {
        self.uptimeMs = uptimeMs
        self.continuousMs = continuousMs
        self.wall = wall
    }

    /// The wall time of another moment on the continuous clock.
    public func wall(at continuousMs: UInt64) -> Date {
        let ago = Double(self.continuousMs) - Double(continuousMs)
        return wall.addingTimeInterval(-ago / 1000)
    }
}

/// Work that is due later.
public protocol Scheduled: Sendable {
    /// It is not done any more, unless it has begun.
    func cancel()
}

/// The time, and doing things later. Tests have one that they move by hand.
public protocol HostClock: Sendable {
    /// The clocks now.
    func now() -> Moment

    /// Does `work` once, `afterMs` milliseconds from now, not while the process is suspended.
    func schedule(afterMs: UInt64, _ work: @escaping @Sendable () -> Void) -> any Scheduled
}

/// The clocks of the device.
public final class SystemClock: HostClock {
    private let queue = DispatchQueue(label: "wristcast.clock")

    public init() {}

    public func now() -> Moment {
        Moment(
            uptimeMs: DispatchTime.now().uptimeNanoseconds / 1_000_000,
            continuousMs: continuousMs(),
            wall: Date())
    }

    public func schedule(
        afterMs: UInt64, _ work: @escaping @Sendable () -> Void
    ) -> any Scheduled {
        let item = Item()
        queue.asyncAfter(deadline: .now() + .milliseconds(Int(clamping: afterMs))) {
            if !item.isCancelled { work() }
        }
        return item
    }

    private final class Item: Scheduled {
        private let cancelled = Locked(false)

        var isCancelled: Bool { cancelled.with { $0 } }

        func cancel() {
            cancelled.with { $0 = true }
        }
    }
}

/// Waiting times that double, up to a bound.
struct BackOff: Sendable {
    let firstMs: UInt64
    let maxMs: UInt64
    private(set) var tries = 0

    init(firstMs: UInt64, maxMs: UInt64) {
        self.firstMs = firstMs
        self.maxMs = maxMs
    }

    /// The time to wait after one more try.
    mutating func next() -> UInt64 {
        let doubled = firstMs << UInt64(min(tries, 20))
        tries += 1
        return min(doubled, maxMs)
    }

    mutating func reset() {
        tries = 0
    }
}
