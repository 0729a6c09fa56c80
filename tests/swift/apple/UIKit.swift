// Apple's declarations, as far as the adapters and the example use them, to check their types on
// Linux.
@_exported import Foundation

@MainActor
open class UIApplication: NSObject {
    public enum State: Int, Sendable { case active, inactive, background }
    public struct LaunchOptionsKey: Hashable, Sendable {}
    public class var shared: UIApplication { fatalError() }
    public var applicationState: State { .active }
    public nonisolated static let openSettingsURLString = ""
    public nonisolated static let didBecomeActiveNotification = Notification.Name("")
    public nonisolated static let didEnterBackgroundNotification = Notification.Name("")
    public nonisolated static let protectedDataWillBecomeUnavailableNotification = Notification.Name("")
    public nonisolated static let protectedDataDidBecomeAvailableNotification = Notification.Name("")
}

@MainActor
public protocol UIApplicationDelegate: NSObjectProtocol {
    func application(
        _ application: UIApplication,
        didFinishLaunchingWithOptions launchOptions: [UIApplication.LaunchOptionsKey: Any]?
    ) -> Bool
}

@MainActor
open class UIActivityViewController: NSObject {
    public init(activityItems: [Any], applicationActivities: [Any]?) {}
}
