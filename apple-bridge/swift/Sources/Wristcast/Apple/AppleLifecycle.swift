#if os(iOS) && canImport(UIKit)
    import UIKit

    /// Tells a ``RelayHost`` where the app is.
    @MainActor
    public final class AppleLifecycle {
        private var tokens: [any NSObjectProtocol] = []

        public init(_ host: RelayHost) {
            let states: [(Notification.Name, AppState?)] = [
                (UIApplication.didBecomeActiveNotification, .foreground),
                (UIApplication.didEnterBackgroundNotification, .background),
                // Comes with a lock only where a passcode is set; the background comes in any case.
                (UIApplication.protectedDataWillBecomeUnavailableNotification, .locked),
                // Unlocked: into this app, which may have become active already, or into another.
                (UIApplication.protectedDataDidBecomeAvailableNotification, nil),
            ]
            tokens = states.map { name, state in
                NotificationCenter.default.addObserver(forName: name, object: nil, queue: .main) {
                    [weak host] _ in
                    let unlocked: () -> AppState = {
                        MainActor.assumeIsolated {
                            UIApplication.shared.applicationState == .active
                                ? .foreground : .background
                        }
                    }
                    host?.setAppState(state ?? unlocked())
                }
            }
        }

        /// No more of that.
        public func stop() {
            tokens.forEach { NotificationCenter.default.removeObserver($0) }
            tokens = []
        }
    }
#endif
