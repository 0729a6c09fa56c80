#if canImport(CoreBluetooth)
    import CoreBluetooth
    import Foundation

    /// The system's Bluetooth permission, read without asking the user. Whether Bluetooth is on, who
    /// uses it is told: a relay's radio says so in its detail and in the faults.
    public struct AppleBluetooth: BluetoothAuthority {
        public init() {}

        public func state() -> BluetoothState {
            switch CBManager.authorization {
            case .allowedAlways: .allowed
            case .denied: .denied
            case .restricted: .restricted
            case .notDetermined: .notAsked
            @unknown default: .unknown
            }
        }
    }

    /// What the app was signed with, from the profile inside it.
    public struct AppleEntitlements: EntitlementReader {
        public init() {}

        public func multicast() -> EntitlementState {
            let name = "com.apple.developer.networking.multicast"
            guard let url = Bundle.main.url(forResource: "embedded", withExtension: "mobileprovision"),
                let profile = try? Data(contentsOf: url)
            else { return .unknown }
            return Self.has(name, in: profile)
        }

        /// A profile is a signed envelope around a property list in plain text.
        static func has(_ entitlement: String, in profile: Data) -> EntitlementState {
            guard let start = profile.range(of: Data("<?xml".utf8)),
                let end = profile.range(of: Data("</plist>".utf8), in: start.lowerBound..<profile.endIndex),
                let list = try? PropertyListSerialization.propertyList(
                    from: profile[start.lowerBound..<end.upperBound], format: nil),
                let entitlements = (list as? [String: Any])?["Entitlements"] as? [String: Any]
            else { return .unknown }
            return entitlements[entitlement] as? Bool == true ? .present : .absent
        }
    }
#endif
