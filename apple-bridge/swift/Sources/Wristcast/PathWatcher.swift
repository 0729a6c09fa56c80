import Foundation

/// What carries an interface's packets.
public enum InterfaceKind: String, Sendable, Hashable, CaseIterable {
    case wired, wifi, cellular, loopback, other
}

/// The network at a moment.
public struct NetworkPath: Sendable, Hashable {
    /// Whether consoles can be reached.
    public var isSatisfied: Bool
    /// What it goes through, by the system's index: names are not an interface.
    public var interfaces: [UInt32: InterfaceKind]

    public init(isSatisfied: Bool, interfaces: [UInt32: InterfaceKind] = [:]) {
        self.isSatisfied = isSatisfied
        self.interfaces = interfaces
    }

    /// What the system says of a path, and what is there. The system asks for a way to the internet:
    /// a lighting network without a router, which is the rule, is "unsatisfied" to it, and one of
    /// cellular alone is "satisfied". What counts here is a network that others can be on.
    public init(
        systemSays satisfied: Bool, through interfaces: [UInt32: InterfaceKind],
        existing: [NetworkInterface]
    ) {
        let local = interfaces.values.contains { [.wired, .wifi, .other].contains($0) }
        self.init(
            isSatisfied: (satisfied && local) || existing.contains(where: \.isUsable),
            interfaces: interfaces)
    }
}

/// The system's path monitor.
public protocol PathMonitor: Sendable {
    /// Tells the path now and whenever it changes; called once.
    func start(_ told: @escaping @Sendable (NetworkPath) -> Void)

    /// No more of that.
    func stop()
}

/// Tells when the network has really changed.
///
/// Notifications come in bursts, and after Wi-Fi returns a known flap follows: satisfied, some 8 s
/// later unsatisfied, 2 s later satisfied again. A change counts when it has lasted.
public final class PathWatcher: Sendable {
    /// A loss counts after this time: longer than the flap.
    public static let lossMs: UInt64 = 3_000
    /// Any other change counts after this time: longer than a burst.
    public static let burstMs: UInt64 = 500

    private struct Inner {
        var settled: NetworkPath?
        var candidate: NetworkPath?
        var timer: (any Scheduled)?
        var listeners: [@Sendable (NetworkPath) -> Void] = []
    }

    private let monitor: any PathMonitor
    private let clock: any HostClock
    private let inner = Locked(Inner())
    private let fan = Fan<NetworkPath>(keeping: 16)

    public init(monitor: any PathMonitor, clock: any HostClock = SystemClock()) {
        self.monitor = monitor
        self.clock = clock
    }

    /// Begins to watch.
    public func start() {
        monitor.start { [weak self] path in self?.handle(path) }
    }

    /// Ends it.
    public func stop() {
        monitor.stop()
        inner.with { inner in
            inner.timer?.cancel()
            inner.timer = nil
        }
    }

    /// The path that has lasted; `nil` before the first.
    public var path: NetworkPath? { inner.with { $0.settled } }

    /// Paths that have lasted, from now on.
    public var paths: AsyncStream<NetworkPath> { fan.stream() }

    func onChange(_ told: @escaping @Sendable (NetworkPath) -> Void) {
        inner.with { $0.listeners.append(told) }
    }

    private func handle(_ path: NetworkPath) {
        let first = inner.with { inner in
            inner.timer?.cancel()
            inner.timer = nil
            inner.candidate = path
            return inner.settled == nil
        }
        if first {
            settle()
            return
        }
        let settled = inner.with { $0.settled }
        if path == settled { return }
        let loses = settled?.isSatisfied == true && !path.isSatisfied
        let wait = loses ? Self.lossMs : Self.burstMs
        let timer = clock.schedule(afterMs: wait) { [weak self] in self?.settle() }
        inner.with { $0.timer = timer }
    }

    private func settle() {
        let (path, listeners) = inner.with { inner -> (NetworkPath?, [@Sendable (NetworkPath) -> Void]) in
            inner.timer = nil
            guard let path = inner.candidate, path != inner.settled else { return (nil, []) }
            inner.settled = path
            return (path, inner.listeners)
        }
        guard let path else { return }
        fan.send(path)
        for listener in listeners { listener(path) }
    }
}
