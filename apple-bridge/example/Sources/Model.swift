import SwiftUI
import Wristcast

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
    /// The name or identifier of a real band, and its profile; no name: simulated ones only.
    @Published var band = UserDefaults.standard.string(forKey: "band") ?? ""
    @Published var profile = UserDefaults.standard.string(forKey: "profile") ?? "wristcast"

    private let host: RelayHost
    private let bands = BandCentral()
    private var lifecycle: AppleLifecycle?
    private var watching: Task<Void, Never>?

    var isRunning: Bool { snapshot != nil }

    init() {
        let relay = Relay()
        // Real bands are connected by the app itself, which iOS then can wake for them. Without
        // this line the relay connects them, as long as the app runs.
        relay.setRadio(bands)
        host = RelayHost(
            relay: relay, audio: AppleAudio(), content: .click(beatsPerMinute: 60),
            monitor: ApplePath(),
            permissions: Permissions(
                network: RelayProbe(relay), entitlements: AppleEntitlements(),
                bluetooth: AppleBluetooth()))
        lifecycle = AppleLifecycle(host)
    }

    /// Goes on with what ran when the app was ended.
    func resume() {
        guard UserDefaults.standard.bool(forKey: "runs") else { return }
        if !band.isEmpty { bands.open() }
        start()
    }

    func start() {
        let (host, show) = (self.host, self.show)
        Task {
            do {
                try await host.start(.values(show))
                error = nil
                remember(runs: true)
                watch()
            } catch {
                self.error = (error as? BridgeError)?.words ?? error.localizedDescription
            }
        }
    }

    func stop() {
        watching?.cancel()
        remember(runs: false)
        let host = host
        Task {
            await host.stop()
            snapshot = nil
        }
    }

    func panic() {
        let (host, on) = (self.host, !(snapshot?.panic ?? false))
        Task {
            do {
                try await host.relay.perform { try $0.panic(on) }
            } catch {
                self.error = (error as? BridgeError)?.words ?? error.localizedDescription
            }
        }
    }

    func checkPermissions() {
        let host = host
        Task {
            // Blocks for some seconds: not here.
            let (report, address) = await Task.detached { host.checkPermissions() }.value
            self.permissions = report
            self.address = address
        }
    }

    private func watch() {
        watching?.cancel()
        let host = host
        watching = Task { [weak self] in
            for await snapshot in host.relay.snapshots(everyMs: 500) {
                guard let self, !Task.isCancelled else { return }
                self.snapshot = snapshot
                self.report = host.continuity.report()
                self.keepAlive = host.keepAlive.state
            }
        }
    }

    private func remember(runs: Bool) {
        UserDefaults.standard.set(runs, forKey: "runs")
        UserDefaults.standard.set(band, forKey: "band")
        UserDefaults.standard.set(profile, forKey: "profile")
    }

    /// Two groups on sACN universe 1, with simulated bands, and a real one in the first.
    private var show: ShowValues {
        let group = { (name: String, address: UInt16) in
            GroupValues(name: name, universe: "sacn/1", address: address, personality: "rgb")
        }
        let real = BandValues(id: band, group: "left", profile: profile.isEmpty ? nil : profile)
        return ShowValues(
            name: "Phone", groups: [group("left", 1), group("right", 4)],
            bands: band.isEmpty ? [] : [real], simulatedBandsPerGroup: 5)
    }
}
