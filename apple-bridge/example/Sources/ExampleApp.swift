import SwiftUI
import Wristcast

@main
struct ExampleApp: App {
    @UIApplicationDelegateAdaptor(AppDelegate.self) private var delegate

    var body: some Scene {
        WindowGroup {
            TabView {
                RelayView(model: delegate.model)
                    .tabItem { Label("Relay", systemImage: "dot.radiowaves.right") }
                BandsView(model: delegate.model)
                    .tabItem { Label("Bands", systemImage: "applewatch") }
                ContinuityView(model: delegate.model)
                    .tabItem { Label("Continuity", systemImage: "waveform.path") }
                PermissionsView(model: delegate.model)
                    .tabItem { Label("Permissions", systemImage: "lock.open") }
            }
        }
    }
}

/// iOS launches the app in the background, without a window, for an event of a band that it kept
/// for us. So what must go on then is made here and not by a view.
final class AppDelegate: NSObject, UIApplicationDelegate {
    let model = Model()

    func application(
        _ application: UIApplication,
        didFinishLaunchingWithOptions options: [UIApplication.LaunchOptionsKey: Any]? = nil
    ) -> Bool {
        model.resume()
        return true
    }
}
