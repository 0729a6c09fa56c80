import Foundation

/// Hands each value to everybody who listens. One who is slow keeps the newest values and loses
/// the oldest; nobody waits for him.
final class Fan<Value: Sendable>: Sendable {
    private struct Listeners {
        var next = 0
        var all: [Int: AsyncStream<Value>.Continuation] = [:]
    }

    private let listeners = Locked(Listeners())
    private let kept: Int

    /// `kept`: values that wait for one who is slow.
    init(keeping kept: Int) {
        self.kept = kept
    }

    /// Nothing comes any more: whoever still listens is told so.
    deinit {
        let all = listeners.with { Array($0.all.values) }
        all.forEach { $0.finish() }
    }

    /// A sequence of everything that is sent from now on.
    func stream() -> AsyncStream<Value> {
        AsyncStream(bufferingPolicy: .bufferingNewest(kept)) { continuation in
            let id = listeners.with { listeners in
                listeners.next += 1
                listeners.all[listeners.next] = continuation
                return listeners.next
            }
            continuation.onTermination = { [weak self] _ in
                self?.listeners.with { _ = $0.all.removeValue(forKey: id) }
            }
        }
    }

    func send(_ value: Value) {
        let all = listeners.with { Array($0.all.values) }
        for listener in all {
            listener.yield(value)
        }
    }
}
