import Foundation

/// A value behind a lock, for state that several threads change. Nothing slow and nothing that
/// calls out is done while the lock is held.
final class Locked<Value>: @unchecked Sendable {
    // Every access goes through `lock`, which is why this may be called Sendable.
    private let lock = NSLock()
    private var value: Value

    init(_ value: Value) {
        self.value = value
    }

    func with<Result>(_ work: (inout Value) throws -> Result) rethrows -> Result {
        lock.lock()
        defer { lock.unlock() }
        return try work(&value)
    }
}
