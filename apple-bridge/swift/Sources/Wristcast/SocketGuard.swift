import Dispatch
import Foundation

/// What a ``SocketGuard`` guards; ``Relay`` is one.
public protocol Rebinds: Sendable {
    /// Closes every socket and opens it anew.
    func rebind(reason: String) throws
}

extension Relay: Rebinds {}

/// Decides when the sockets are opened anew.
///
/// A suspended app loses its sockets, and is told so at best by an error and at worst by silence.
/// They are never repaired: closed and opened. As often as it takes, with pauses that grow up to a
/// bound, and at once when the user comes back.
public final class SocketGuard: Sendable {
    /// No packets for so long while a source was live: the sockets are in doubt.
    public static let silenceMs: UInt64 = 3_000
    /// After a change of path the sockets are kept if packets come within this time; in the
    /// foreground, if packets came within it.
    public static let proofMs: UInt64 = 1_000

    private struct Inner {
        var backOff = BackOff(firstMs: 250, maxMs: 30_000)
        /// On the continuous clock.
        var notBeforeMs: UInt64 = 0
        var pending: (any Scheduled)?
        var received: UInt64 = 0
        var sockets = 0
        var heardAtMs: UInt64?
        /// When the last rebind began.
        var reboundAtMs: UInt64?
        var rebinds = 0
    }

    private let target: any Rebinds
    private let clock: any HostClock
    private let inner = Locked(Inner())
    private let queue = DispatchQueue(label: "wristcast.guard")
    private let inline: Bool

    public convenience init(target: any Rebinds, clock: any HostClock = SystemClock()) {
        self.init(target: target, clock: clock, inline: false)
    }

    /// `inline`: rebinds on the caller's thread, for tests.
    init(target: any Rebinds, clock: any HostClock, inline: Bool) {
        self.target = target
        self.clock = clock
        self.inline = inline
    }

    /// How often it has rebound.
    public var rebinds: Int { inner.with { $0.rebinds } }

    /// The relay started: nothing has been heard yet.
    public func handleStart() {
        inner.with { inner in
            inner.pending?.cancel()
            inner = Inner()
        }
    }

    /// The relay stopped: there is nothing to guard.
    public func handleStop() {
        handleStart()
    }

    /// The app is in the foreground again. Sockets that deliver are kept: something kept the app
    /// alive, and a rebind in the middle of a show would cost packets.
    public func handleForeground() {
        let now = clock.now().continuousMs
        let delivers = inner.with { inner in
            inner.heardAtMs.map { now < $0 + Self.proofMs } ?? false
        }
        if !delivers { handleResume("the app is in the foreground again") }
    }

    /// The app was suspended and runs again: its sockets are gone. At once, whatever was tried
    /// before. That the app is back is told twice, by the system and by the pulse that stopped:
    /// sockets made since are kept.
    public func handleResume(_ reason: String) {
        let now = clock.now().continuousMs
        let fresh = inner.with { inner in
            // Nothing could be heard while the app did not run: that was no silence.
            if inner.heardAtMs != nil { inner.heardAtMs = now }
            if let rebound = inner.reboundAtMs, now < rebound + Self.proofMs { return true }
            inner.backOff.reset()
            inner.notBeforeMs = 0
            return false
        }
        if !fresh { request(reason) }
    }

    /// The path has changed. Sockets that still deliver are kept.
    public func handlePath(_ path: NetworkPath) {
        guard path.isSatisfied else { return }
        let before = inner.with { $0.received }
        let check = clock.schedule(afterMs: Self.proofMs) { [weak self] in
            guard let self, self.inner.with({ $0.received }) == before else { return }
            self.request("the network path has changed")
        }
        inner.with { inner in
            inner.pending?.cancel()
            inner.pending = check
        }
    }

    /// Looks at a snapshot for packets, silence and sockets that are gone.
    public func handle(_ snapshot: Snapshot) {
        handle(received: snapshot.packets.received, sockets: snapshot.sockets.count)
    }

    func handle(received: UInt64, sockets: Int) {
        let now = clock.now().continuousMs
        let reason = inner.with { inner -> String? in
            let lost = sockets < inner.sockets
            inner.sockets = sockets
            if received > inner.received {
                inner.received = received
                inner.heardAtMs = now
                inner.backOff.reset()
                inner.notBeforeMs = 0
                if !lost {
                    inner.pending?.cancel()
                    inner.pending = nil
                }
            }
            if lost { return "a socket is dead" }
            guard let heard = inner.heardAtMs, now >= heard + Self.silenceMs else { return nil }
            return "nothing heard for \((now - heard) / 1000) s"
        }
        if let reason { request(reason) }
    }

    /// `failed`: what became of the try before.
    private func request(_ reason: String, failed: String? = nil) {
        let now = clock.now().continuousMs
        let wait = inner.with { inner -> UInt64 in
            inner.pending?.cancel()
            inner.pending = nil
            return inner.notBeforeMs.saturatingMinus(now)
        }
        if wait == 0 {
            rebind(reason, failed)
        } else {
            let pending = clock.schedule(afterMs: wait) { [weak self] in
                self?.request(reason, failed: failed)
            }
            inner.with { $0.pending = pending }
        }
    }

    private func rebind(_ reason: String, _ failed: String?) {
        let now = clock.now().continuousMs
        inner.with { inner in
            inner.rebinds += 1
            inner.reboundAtMs = now
            inner.notBeforeMs = now + inner.backOff.next()
        }
        if inline {
            attempt(reason, failed)
        } else {
            queue.async { self.attempt(reason, failed) }
        }
    }

    private func attempt(_ reason: String, _ failed: String?) {
        do {
            try target.rebind(reason: failed.map { "\(reason); the last try failed: \($0)" } ?? reason)
        } catch {
            request(reason, failed: words(of: error))
        }
    }
}
