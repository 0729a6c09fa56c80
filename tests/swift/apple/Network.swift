// Apple's declarations, as far as the adapters use them, to check their types on Linux.
@_exported import Foundation

public struct NWInterface: Sendable, Hashable {
    public enum InterfaceType: Sendable, Hashable { case other, wifi, cellular, wiredEthernet, loopback }
    public let type: InterfaceType
    public let index: Int
}

public struct NWPath: Sendable {
    public enum Status: Sendable, Hashable { case satisfied, unsatisfied, requiresConnection }
    public let status: Status
    public let availableInterfaces: [NWInterface]
}

public final class NWPathMonitor: @unchecked Sendable {
    public init() {}
    public init(prohibitedInterfaceTypes: [NWInterface.InterfaceType]) {}
    public var pathUpdateHandler: (@Sendable (NWPath) -> Void)?
    public func start(queue: DispatchQueue) {}
    public func cancel() {}
}
