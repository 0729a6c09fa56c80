import Dispatch
import Foundation
@_exported import WristcastFFI

/// A relay from DMX over UDP to wristbands, inside this app.
///
/// Every call may be made from any thread, and made again. ``start(_:)``, ``stop()`` and
/// ``rebind(reason:)`` may take some seconds: from the main thread use ``perform(_:)``.
public final class Relay: Sendable {
    private let bridge: BridgeRelay
    private let news = News()
    private let queue = DispatchQueue(label: "wristcast.relay")

    /// A relay that does not run yet.
    public init() {
        bridge = BridgeRelay()
        bridge.setObserver(observer: news)
    }

    /// Starts the relay. Does nothing if it runs already.
    /// - Throws: ``BridgeError``, in words for the person who holds the phone.
    public func start(_ show: Show) throws {
        try bridge.start(show: show)
    }

    /// Leaves the bands in the show's end look and stops.
    public func stop() {
        bridge.stop()
    }

    /// Whether the relay runs.
    public var isRunning: Bool {
        bridge.isRunning()
    }

    /// Closes every socket and opens it anew; sources, levels and looks stay.
    public func rebind(reason: String) throws {
        try bridge.rebind(reason: reason)
    }

    /// Says where the app is.
    public func setAppState(_ state: AppState) {
        bridge.setAppState(state: state)
    }

    /// Goes over to a changed show between two packets, or refuses it whole.
    public func reload(_ show: Show) throws {
        try bridge.reload(show: show)
    }

    /// Every band dark until it is released.
    public func panic(_ on: Bool) throws {
        try bridge.panic(on: on)
    }

    /// The app's own Bluetooth, from the next start on; `nil`: the relay uses the system's.
    public func setRadio(_ radio: (any BandRadio)?) {
        bridge.setRadio(radio: radio)
    }

    /// Sends to a multicast group of its own and listens, for `waitMs` at most; if nothing is heard,
    /// events and faults say so, too. Blocks that long. `address`: IPv4, of the interface to use.
    public func probe(address: String, waitMs: UInt32) -> Probe {
        bridge.probe(address: address, waitMs: waitMs)
    }

    /// What the relay does now; `nil` if it does not run.
    public func snapshot() throws -> Snapshot? {
        try bridge.snapshot()
    }

    /// Does something with the relay away from the caller's thread, one thing after the other.
    public func perform<Outcome: Sendable>(
        _ work: @escaping @Sendable (Relay) throws -> Outcome
    ) async throws -> Outcome {
        try await withCheckedThrowingContinuation { continuation in
            queue.async {
                continuation.resume(with: Swift.Result { try work(self) })
            }
        }
    }

    /// Snapshots, one every `everyMs` milliseconds while the relay runs. Ends when the task that
    /// reads it is cancelled; a snapshot that the relay does not give in time is left out.
    public func snapshots(everyMs: UInt64 = 500) -> AsyncStream<Snapshot> {
        AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
            let task = Task { [weak self] in
                while !Task.isCancelled, let relay = self {
                    let taken = try? await relay.perform { try $0.snapshot() }
                    if let snapshot = taken ?? nil {
                        continuation.yield(snapshot)
                    }
                    try? await Task.sleep(nanoseconds: everyMs * 1_000_000)
                }
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    /// What happened after event number `after`, as far as it is remembered, oldest first.
    public func pastEvents(after: UInt64 = 0) -> [Event] {
        bridge.events(after: after)
    }

    /// What happens from now on. Several may read; one who is slow loses the oldest.
    public var events: AsyncStream<Event> {
        news.events.stream()
    }

    /// Gaps that end from now on.
    public var gaps: AsyncStream<Gap> {
        news.gaps.stream()
    }

    /// Calls `told` for every gap, on the relay's own thread of news, until `self` is gone.
    func onGap(_ told: @escaping @Sendable (Gap) -> Void) {
        news.gapListeners.with { $0.append(told) }
    }
}

/// Spreads what the relay tells.
private final class News: RelayObserver {
    let events = Fan<Event>(keeping: 256)
    let gaps = Fan<Gap>(keeping: 256)
    let gapListeners = Locked<[@Sendable (Gap) -> Void]>([])

    func onEvent(event: Event) {
        events.send(event)
    }

    func onGap(gap: Gap) {
        gaps.send(gap)
        for listener in gapListeners.with({ $0 }) {
            listener(gap)
        }
    }
}

extension Show {
    /// The text of a show file, with the files beside it by name.
    public static func text(_ toml: String, files: [String: String] = [:]) -> Show {
        .text(toml: toml, files: files)
    }

    /// A simple show.
    public static func values(_ values: ShowValues) -> Show {
        .values(values: values)
    }
}

extension BridgeError {
    /// For the person who holds the phone.
    public var words: String {
        switch self {
        case .ShowFile(let mistakes): "The show has mistakes:\n\(mistakes)"
        case .Start(let reason): "The relay could not start: \(reason)"
        case .Refused(let reason): "Refused: \(reason)"
        case .NoAnswer(let reason): "The relay did not answer: \(reason)"
        case .NotRunning: "The relay does not run."
        case .Defect(let what): "A defect in wristcast: \(what). Please report it."
        }
    }
}
