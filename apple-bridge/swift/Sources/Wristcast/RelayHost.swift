import Foundation

/// Everything a real app needs around a relay, wired together. Each piece may be used alone.
public final class RelayHost: Sendable {
    public let relay: Relay
    public let keepAlive: KeepAlive
    public let pathWatcher: PathWatcher
    public let socketGuard: SocketGuard
    public let continuity: Continuity
    public let permissions: Permissions

    private let tasks = Locked<[Task<Void, Never>]>([])

    public init(
        relay: Relay = Relay(), audio: any AudioSystem, content: AudioContent,
        monitor: any PathMonitor, permissions: Permissions, clock: any HostClock = SystemClock()
    ) {
        self.relay = relay
        self.permissions = permissions
        keepAlive = KeepAlive(audio: audio, content: content, clock: clock)
        pathWatcher = PathWatcher(monitor: monitor, clock: clock)
        socketGuard = SocketGuard(target: relay, clock: clock)
        continuity = Continuity(clock: clock)
        relay.onGap { [weak continuity] gap in continuity?.handle(gap) }
        pathWatcher.onChange { [weak continuity, weak socketGuard] path in
            continuity?.handle(path)
            socketGuard?.handlePath(path)
        }
        continuity.onResume { [weak socketGuard] in
            socketGuard?.handleResume("the app was suspended and runs again")
        }
    }

    deinit {
        tasks.with { $0 }.forEach { $0.cancel() }
    }

    /// Starts the relay and everything around it. Does nothing if the relay runs already.
    public func start(_ show: Show) async throws {
        let began = try await relay.perform { relay in
            let ran = relay.isRunning
            try relay.start(show)
            return !ran
        }
        guard began else { return }
        socketGuard.handleStart()
        continuity.handleStart()
        continuity.start()
        pathWatcher.start()
        keepAlive.setRelayRuns(true)
        let snapshots = relay.snapshots(everyMs: 500)
        let states = keepAlive.states
        let watching = [
            Task { [weak self] in
                for await snapshot in snapshots {
                    // A suspension explains a silence, and is told first.
                    self?.continuity.look()
                    self?.continuity.handle(snapshot)
                    self?.socketGuard.handle(snapshot)
                }
            },
            Task { [weak self] in
                self?.noteAudio()
                for await _ in states { self?.noteAudio() }
            },
        ]
        let before = tasks.with { tasks in
            defer { tasks = watching }
            return tasks
        }
        before.forEach { $0.cancel() }
    }

    /// The audio as it is, which may be another than the state that was told.
    private func noteAudio() {
        continuity.handle(keepAlive.state)
    }

    /// Stops everything; the bands are left in the show's end look. Until they have it, the app is
    /// kept alive.
    public func stop() async {
        let watching = tasks.with { tasks in
            defer { tasks = [] }
            return tasks
        }
        watching.forEach { $0.cancel() }
        socketGuard.handleStop()
        pathWatcher.stop()
        _ = try? await relay.perform { $0.stop() }
        continuity.stop()
        keepAlive.setRelayRuns(false)
    }

    /// Finds out what the app may do, on the interface that consoles are heard from, and tells the
    /// continuity whether multicast comes in. Blocks for some seconds: not for the main thread.
    /// Returns the report and the address of that interface, `nil` if there is none.
    @discardableResult
    public func checkPermissions(
        interfaces: any InterfaceLister = SystemInterfaces()
    ) -> (report: Permissions.Report, address: String?) {
        let heardFrom = (try? relay.snapshot())??.sources.map(\.address) ?? []
        let chosen = InterfaceChoice.choose(
            from: interfaces.list(), path: pathWatcher.path, heardFrom: heardFrom)
        let report = permissions.check(address: chosen?.addressText)
        continuity.handleMulticast(isSilent: report.localNetwork.isBlocked)
        return (report, chosen?.addressText)
    }

    /// Says where the app is, to all who want to know.
    public func setAppState(_ state: AppState) {
        relay.setAppState(state)
        continuity.handle(state)
        if state == .foreground {
            keepAlive.handleForeground()
            if relay.isRunning { socketGuard.handleForeground() }
        }
    }
}
