import SwiftUI
import Wristcast

@main
struct ExampleApp: App {
    @StateObject private var model = Model()

    var body: some Scene {
        WindowGroup {
            TabView {
                RelayView(model: model).tabItem { Label("Relay", systemImage: "dot.radiowaves.right") }
                BandsView(model: model).tabItem { Label("Bands", systemImage: "applewatch") }
                ContinuityView(model: model).tabItem { Label("Continuity", systemImage: "waveform.path") }
                PermissionsView(model: model).tabItem { Label("Permissions", systemImage: "lock.open") }
            }
        }
    }
}

/// What the screens show, and what their buttons do.
@MainActor
final class Model: ObservableObject {
    @Published private(set) var snapshot: Snapshot?
    @Published private(set) var report: ContinuityReport?
    @Published private(set) var keepAlive = KeepAlive.State.off
    @Published private(set) var permissions = Permissions.Report()
    @Published private(set) var address: String?
    @Published private(set) var error: String?
    @Published var keepsAlive = false {
        didSet { host.keepAlive.setEnabled(keepsAlive) }
    }

    private let host: RelayHost
    private var lifecycle: AppleLifecycle?
    private var watching: Task<Void, Never>?

    var isRunning: Bool { snapshot != nil }

    init() {
        let relay = Relay()
        // Real bands are connected by the app itself, which iOS then can wake for them. Without
        // this line the relay connects them, as long as the app runs.
        relay.setRadio(BandCentral())
        host = RelayHost(
            relay: relay, audio: AppleAudio(), content: .click(beatsPerMinute: 60),
            monitor: ApplePath(),
            permissions: Permissions(
                network: RelayProbe(), entitlements: AppleEntitlements(),
                bluetooth: AppleBluetooth()))
        lifecycle = AppleLifecycle(host)
    }

    func start() {
        Task {
            do {
                try await host.start(.values(show))
                error = nil
                watch()
            } catch {
                self.error = (error as? BridgeError)?.words ?? error.localizedDescription
            }
        }
    }

    func stop() {
        watching?.cancel()
        Task {
            await host.stop()
            snapshot = nil
        }
    }

    func panic() {
        let on = !(snapshot?.panic ?? false)
        Task { try? await host.relay.perform { try $0.panic(on) } }
    }

    func checkPermissions() {
        let host = host
        Task.detached {
            let (report, address) = host.checkPermissions()
            await MainActor.run {
                self.permissions = report
                self.address = address
            }
        }
    }

    private func watch() {
        watching?.cancel()
        let snapshots = host.relay.snapshots(everyMs: 500)
        watching = Task { [weak self] in
            for await snapshot in snapshots {
                guard let self else { return }
                self.snapshot = snapshot
                self.report = host.continuity.report()
                self.keepAlive = host.keepAlive.state
            }
        }
    }

    /// Two groups on sACN universe 1, with simulated bands until real ones are patched.
    private var show: ShowValues {
        let group = { (name: String, address: UInt16) in
            GroupValues(name: name, universe: "sacn/1", address: address, personality: "rgb")
        }
        return ShowValues(
            name: "Phone", groups: [group("left", 1), group("right", 4)], simulatedBandsPerGroup: 5)
    }
}
