import Foundation

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#endif

/// An IPv4 interface at a moment.
public struct NetworkInterface: Sendable, Hashable {
    /// The system's name, to show to people only.
    public var name: String
    /// The system's index.
    public var index: UInt32
    /// Its IPv4 address, in the order of the wire read as a number.
    public var address: UInt32
    /// The mask of its network.
    public var mask: UInt32
    /// Whether it runs and others can be on its network: no loopback, no cellular, no tunnel.
    public var isUsable: Bool

    public init(name: String, index: UInt32, address: UInt32, mask: UInt32, isUsable: Bool) {
        self.name = name
        self.index = index
        self.address = address
        self.mask = mask
        self.isUsable = isUsable
    }

    /// The address as people write it.
    public var addressText: String {
        (0..<4).map { String(address >> (24 - 8 * $0) & 0xFF) }.joined(separator: ".")
    }

    /// Whether that address is in its network.
    public func reaches(_ other: UInt32) -> Bool {
        mask != 0 && other & mask == address & mask
    }
}

/// Lists the interfaces. The list is old as soon as it is made: nobody keeps it.
public protocol InterfaceLister: Sendable {
    func list() -> [NetworkInterface]
}

/// The interfaces of the device.
public struct SystemInterfaces: InterfaceLister {
    public init() {}

    public func list() -> [NetworkInterface] {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0, let head = first else { return [] }
        defer { freeifaddrs(head) }
        return sequence(first: head, next: { $0.pointee.ifa_next }).compactMap { entry in
            let entry = entry.pointee
            guard let address = ipv4(entry.ifa_addr) else { return nil }
            let flags = UInt32(entry.ifa_flags)
            let up = UInt32(IFF_UP) | UInt32(IFF_RUNNING)
            let alone = UInt32(IFF_LOOPBACK) | UInt32(IFF_POINTOPOINT)
            return NetworkInterface(
                name: String(cString: entry.ifa_name),
                index: if_nametoindex(entry.ifa_name),
                address: address,
                mask: ipv4(entry.ifa_netmask) ?? 0,
                isUsable: flags & up == up && flags & alone == 0)
        }
    }

    private func ipv4(_ address: UnsafeMutablePointer<sockaddr>?) -> UInt32? {
        guard let address, Int32(address.pointee.sa_family) == AF_INET else { return nil }
        return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
            UInt32(bigEndian: $0.pointee.sin_addr.s_addr)
        }
    }
}

/// Which interface the lighting is on.
public enum InterfaceChoice {
    /// The one whose network a console was heard from; else the first wired one; else Wi-Fi; never
    /// cellular. `heardFrom`: addresses as ``SourceSnapshot/address`` has them.
    public static func choose(
        from interfaces: [NetworkInterface], path: NetworkPath?, heardFrom: [String] = []
    ) -> NetworkInterface? {
        let consoles = heardFrom.compactMap(ipv4)
        let usable = interfaces.filter { interface in
            interface.isUsable && kind(of: interface, in: path) != .cellular
        }
        func rank(_ interface: NetworkInterface) -> (Int, Int, UInt32, UInt32) {
            let hears = consoles.contains(where: interface.reaches)
            let kinds: [InterfaceKind] = [.wired, .wifi, .other]
            let kind = kinds.firstIndex(of: kind(of: interface, in: path)) ?? kinds.count
            return (hears ? 0 : 1, kind, interface.index, interface.address)
        }
        return usable.min { rank($0) < rank($1) }
    }

    private static func kind(of interface: NetworkInterface, in path: NetworkPath?) -> InterfaceKind {
        path?.interfaces[interface.index] ?? .other
    }

    /// The address of `10.0.0.1:5568` or `10.0.0.1` as a number.
    static func ipv4(_ text: String) -> UInt32? {
        let host = text.split(separator: ":", maxSplits: 1).first ?? ""
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        return parts.reduce(UInt32?.some(0)) { sum, part in
            guard let sum, let byte = UInt8(part) else { return nil }
            return sum << 8 | UInt32(byte)
        }
    }
}
