import Foundation

/// What the audio does to the app that it plays in.
public enum AudioEvent: Sendable, Equatable {
    /// A call, an alarm, Siri: the session is not active any more.
    case interruptionBegan
    /// It is over. The system does not promise to say so.
    case interruptionEnded(shouldResume: Bool)
    /// Headphones in or out.
    case routeChanged
    /// The system's audio server has died.
    case mediaServicesLost
    /// It is back, and nothing made before is valid.
    case mediaServicesReset
    /// The engine stopped by itself.
    case engineStopped(reason: String)
}

/// The system's audio, as ``KeepAlive`` needs it.
public protocol AudioSystem: Sendable {
    /// Activates the session and plays `content`, mixed with what others play. Called again while
    /// it plays, it begins anew.
    func start(_ content: AudioContent) throws

    /// Stops playing. May be called when nothing plays.
    func stop()

    /// Who is told of events; called once.
    func observe(_ told: @escaping @Sendable (AudioEvent) -> Void)
}

/// What is played.
public struct AudioContent: Sendable {
    /// What it is, for the user.
    public let name: String
    /// Whether somebody can hear it.
    public let isAudible: Bool
    /// The sample of a frame, -1...1, at a rate in Hz. Called on the audio thread: no lock, no
    /// allocation.
    public let sample: @Sendable (_ frame: UInt64, _ rate: Double) -> Float

    public init(
        name: String, isAudible: Bool,
        sample: @escaping @Sendable (_ frame: UInt64, _ rate: Double) -> Float
    ) {
        self.name = name
        self.isAudible = isAudible
        self.sample = sample
    }

    /// Nothing at all. Works; App Review may refuse it.
    public static let silence = AudioContent(name: "silence", isAudible: false) { _, _ in 0 }

    /// A click track.
    public static func click(beatsPerMinute: Double) -> AudioContent {
        let beatsPerSecond = min(max(beatsPerMinute, 1), 600) / 60
        return AudioContent(name: "click", isAudible: true) { frame, rate in
            let beat = rate / beatsPerSecond
            let into = Double(frame).truncatingRemainder(dividingBy: beat) / rate
            // 1 kHz for 20 ms, fading out.
            guard into < 0.02 else { return 0 }
            return Float(sin(2 * Double.pi * 1000 * into) * (1 - into / 0.02) * 0.5)
        }
    }
}
