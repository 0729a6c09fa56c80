import Foundation

/// Whether the system lets the app use the local network.
public enum LocalNetworkState: Sendable, Equatable {
    /// Not tested yet, or no network to test it on.
    case unknown
    /// What was sent was heard.
    case allowed
    /// The system refused.
    case denied(errno: Int32?)
    /// Sends succeed and nothing leaves.
    case silentlyBlocked

    /// Whether the test found that nothing gets through, said so or not.
    public var isBlocked: Bool {
        switch self {
        case .denied, .silentlyBlocked: true
        case .unknown, .allowed: false
        }
    }
}

/// Whether the app has an entitlement.
public enum EntitlementState: Sendable, Equatable {
    case present, absent
    /// The system does not tell: apps from the App Store carry no profile to read it from.
    case unknown
}

/// What Bluetooth allows.
public enum BluetoothState: Sendable, Equatable {
    case unknown, notAsked, allowed, denied, restricted, poweredOff, unsupported
}

/// Sends something to the local network and listens for it.
public protocol LocalNetworkProbe: Sendable {
    /// Blocks for `waitMs` at most. `address`: IPv4, of the interface to use.
    func probe(address: String, waitMs: UInt32) -> Probe
}

/// What the app was signed with.
public protocol EntitlementReader: Sendable {
    func multicast() -> EntitlementState
}

/// The system's Bluetooth permission.
public protocol BluetoothAuthority: Sendable {
    func state() -> BluetoothState
}

/// The relay's own probe. With a relay, that says in its events and faults if what it sends is
/// blocked: its replies to consoles leave by the same way.
public struct RelayProbe: LocalNetworkProbe {
    private let relay: Relay?

    public init(_ relay: Relay? = nil) {
        self.relay = relay
    }

    public func probe(address: String, waitMs: UInt32) -> Probe {
        relay?.probe(address: address, waitMs: waitMs)
            ?? probeMulticast(address: address, waitMs: waitMs)
    }
}

/// Something to tell the user.
public struct Advice: Sendable, Equatable {
    public var title: String
    public var text: String
    /// Whether the Settings app is where it is mended.
    public var opensSettings: Bool
}

/// What the app may do, found out rather than asked, because sends report success when they are
/// blocked.
public final class Permissions: Sendable {
    /// Probes without an answer before the verdict is "silently blocked".
    public static let silentProbes = 3

    public struct Report: Sendable, Equatable {
        public var localNetwork = LocalNetworkState.unknown
        public var multicast = EntitlementState.unknown
        public var bluetooth = BluetoothState.unknown

        /// Nothing is known yet.
        public init() {}
    }

    private let network: any LocalNetworkProbe
    private let entitlements: any EntitlementReader
    private let bluetooth: any BluetoothAuthority
    private let last = Locked(Report())

    public init(
        network: any LocalNetworkProbe, entitlements: any EntitlementReader,
        bluetooth: any BluetoothAuthority
    ) {
        self.network = network
        self.entitlements = entitlements
        self.bluetooth = bluetooth
    }

    /// What was found last.
    public var report: Report { last.with { $0 } }

    /// Finds out. Blocks for some seconds: not for the main thread. `address`: IPv4, of the
    /// interface the lighting is on; `nil`: there is none.
    @discardableResult
    public func check(address: String?, waitMs: UInt32 = 600) -> Report {
        var report = Report()
        report.multicast = entitlements.multicast()
        report.bluetooth = bluetooth.state()
        if let address {
            report.localNetwork = localNetwork(address, waitMs)
        }
        let found = report
        last.with { $0 = found }
        return found
    }

    private func localNetwork(_ address: String, _ waitMs: UInt32) -> LocalNetworkState {
        for _ in 0..<Self.silentProbes {
            let probe = network.probe(address: address, waitMs: waitMs)
            switch probe.verdict {
            case .heard: return .allowed
            case .refused: return .denied(errno: probe.errno)
            case .noNetwork: return .unknown
            case .silent: continue
            }
        }
        return .silentlyBlocked
    }
}

extension Permissions.Report {
    /// What to tell the user; empty = all is well, or unknown.
    public var advice: [Advice] {
        var advice: [Advice] = []
        switch (localNetwork, multicast) {
        case (.allowed, _), (.unknown, _):
            break
        case (_, .absent):
            advice.append(
                Advice(
                    title: "No multicast in this build",
                    text: "The app was signed without Apple's multicast entitlement. Have the "
                        + "console send unicast to this device's address. If consoles do not find "
                        + "the app either, allow Local Network in Settings > Privacy & Security.",
                    opensSettings: true))
        case (.denied, _):
            advice.append(
                Advice(
                    title: "Local network is off for this app",
                    text: "Allow it in Settings > Privacy & Security > Local Network. iOS asks only "
                        + "once.",
                    opensSettings: true))
        case (.silentlyBlocked, _):
            advice.append(
                Advice(
                    title: "The network swallows what is sent",
                    text: "Packets go out without an error and do not come back. Check Local "
                        + "Network in Settings > Privacy & Security; then that the Wi-Fi lets "
                        + "devices talk to each other (no guest network, no client isolation).",
                    opensSettings: true))
        }
        if case .unknown = localNetwork, multicast == .absent {
            advice.append(
                Advice(
                    title: "No multicast in this build",
                    text: "Have the console send unicast to this device's address.",
                    opensSettings: false))
        }
        switch bluetooth {
        case .denied:
            advice.append(
                Advice(
                    title: "Bluetooth is off for this app",
                    text: "Allow it in Settings > Privacy & Security > Bluetooth.",
                    opensSettings: true))
        case .restricted:
            advice.append(
                Advice(
                    title: "Bluetooth is restricted on this device",
                    text: "A profile or Screen Time forbids it; whoever manages the device can "
                        + "change that.", opensSettings: false))
        case .poweredOff:
            advice.append(
                Advice(
                    title: "Bluetooth is switched off", text: "Switch it on in Control Center.",
                    opensSettings: false))
        case .unsupported:
            advice.append(
                Advice(
                    title: "No Bluetooth here", text: "This device cannot reach wristbands itself.",
                    opensSettings: false))
        case .unknown, .notAsked, .allowed:
            break
        }
        return advice
    }
}
