// Apple's declarations, as far as the adapters use them, to check their types on Linux.
@_exported import Foundation

public let AVAudioSessionInterruptionTypeKey = ""
public let AVAudioSessionInterruptionOptionKey = ""
public let AVAudioSessionInterruptionReasonKey = ""
public let AVAudioSessionRouteChangeReasonKey = ""

open class AVAudioSession: NSObject {
    public struct Category: Sendable { public static let playback = Category() }
    public struct Mode: Sendable { public static let `default` = Mode() }
    public struct CategoryOptions: OptionSet, Sendable {
        public let rawValue: UInt
        public init(rawValue: UInt) { self.rawValue = rawValue }
        public static let mixWithOthers = CategoryOptions(rawValue: 1)
    }
    public struct SetActiveOptions: OptionSet, Sendable {
        public let rawValue: UInt
        public init(rawValue: UInt) { self.rawValue = rawValue }
        public static let notifyOthersOnDeactivation = SetActiveOptions(rawValue: 1)
    }
    public enum InterruptionType: UInt, Sendable { case ended, began }
    public struct InterruptionOptions: OptionSet, Sendable {
        public let rawValue: UInt
        public init(rawValue: UInt) { self.rawValue = rawValue }
        public static let shouldResume = InterruptionOptions(rawValue: 1)
    }
    public enum InterruptionReason: UInt, Sendable { case `default`, appWasSuspended }
    public enum RouteChangeReason: UInt, Sendable {
        case unknown, newDeviceAvailable, oldDeviceUnavailable, categoryChange
    }
    public static let interruptionNotification = Notification.Name("")
    public static let routeChangeNotification = Notification.Name("")
    public static let mediaServicesWereLostNotification = Notification.Name("")
    public static let mediaServicesWereResetNotification = Notification.Name("")

    public class func sharedInstance() -> AVAudioSession { fatalError() }
    public func setCategory(_: Category, mode: Mode, options: CategoryOptions) throws {}
    public func setActive(_: Bool, options: SetActiveOptions = []) throws {}
}

extension Notification.Name {
    public static let AVAudioEngineConfigurationChange = Notification.Name("")
}

public typealias AVAudioNodeBus = Int
public typealias AVAudioFrameCount = UInt32
public typealias OSStatus = Int32
public let noErr: OSStatus = 0
public struct ObjCBool { public init(_: Bool) {} }
public struct AudioTimeStamp {}
public struct AudioBuffer { public var mData: UnsafeMutableRawPointer? }
public struct AudioBufferList {}
public struct UnsafeMutableAudioBufferListPointer: Sequence {
    public init(_: UnsafeMutablePointer<AudioBufferList>) {}
    public func makeIterator() -> IndexingIterator<[AudioBuffer]> { [].makeIterator() }
}

open class AVAudioFormat: NSObject {
    public init?(standardFormatWithSampleRate: Double, channels: UInt32) {}
    public var sampleRate: Double { 0 }
}
open class AVAudioNode: NSObject {
    public func inputFormat(forBus: AVAudioNodeBus) -> AVAudioFormat { fatalError() }
}
public typealias AVAudioSourceNodeRenderBlock = (
    UnsafeMutablePointer<ObjCBool>, UnsafePointer<AudioTimeStamp>, AVAudioFrameCount,
    UnsafeMutablePointer<AudioBufferList>
) -> OSStatus
open class AVAudioSourceNode: AVAudioNode {
    public init(format: AVAudioFormat, renderBlock: @escaping AVAudioSourceNodeRenderBlock) {}
}
open class AVAudioOutputNode: AVAudioNode {}
open class AVAudioMixerNode: AVAudioNode {}
open class AVAudioEngine: NSObject {
    public override init() {}
    public var outputNode: AVAudioOutputNode { fatalError() }
    public var mainMixerNode: AVAudioMixerNode { fatalError() }
    public func attach(_: AVAudioNode) {}
    public func connect(_: AVAudioNode, to: AVAudioNode, format: AVAudioFormat?) {}
    public func prepare() {}
    public func start() throws {}
    public func stop() {}
}
