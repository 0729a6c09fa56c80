#if canImport(Network)
    import Foundation
    import Network

    /// NWPathMonitor as ``PathWatcher`` needs it: without cellular, by which no console comes, and
    /// with the interfaces themselves, because a lighting network seldom has a router.
    public final class ApplePath: PathMonitor, @unchecked Sendable {
        // `lock` guards the monitor, which is why this may be called Sendable. One that was
        // cancelled cannot be started again.
        private let lock = NSLock()
        private var monitor: NWPathMonitor?

        public init() {}

        deinit {
            monitor?.cancel()
        }

        public func start(_ told: @escaping @Sendable (NetworkPath) -> Void) {
            stop()
            let monitor = NWPathMonitor(prohibitedInterfaceTypes: [.cellular])
            monitor.pathUpdateHandler = { path in
                let interfaces = path.availableInterfaces.map { interface in
                    (UInt32(clamping: interface.index), Self.kind(interface.type))
                }
                told(
                    NetworkPath(
                        systemSays: path.status == .satisfied,
                        through: Dictionary(interfaces, uniquingKeysWith: { first, _ in first }),
                        existing: SystemInterfaces().list()))
            }
            monitor.start(queue: DispatchQueue(label: "wristcast.path"))
            lock.lock()
            defer { lock.unlock() }
            self.monitor = monitor
        }

        public func stop() {
            lock.lock()
            defer { lock.unlock() }
            monitor?.cancel()
            monitor = nil
        }

        private static func kind(_ type: NWInterface.InterfaceType) -> InterfaceKind {
            switch type {
            case .wiredEthernet: .wired
            case .wifi: .wifi
            case .cellular: .cellular
            case .loopback: .loopback
            default: .other
            }
        }
    }
#endif
