#if os(iOS) && canImport(AVFoundation)
    import AVFoundation

    /// AVAudioSession and AVAudioEngine as ``KeepAlive`` needs them.
    public final class AppleAudio: AudioSystem, @unchecked Sendable {
        // `lock` guards everything below, which is why this may be called Sendable.
        private let lock = NSLock()
        private var engine: AVAudioEngine?
        private var tokens: [any NSObjectProtocol] = []

        public init() {}

        deinit {
            tokens.forEach { NotificationCenter.default.removeObserver($0) }
        }

        public func start(_ content: AudioContent) throws {
            lock.lock()
            defer { lock.unlock() }
            stopEngine()
            let session = AVAudioSession.sharedInstance()
            try session.setCategory(.playback, mode: .default, options: [.mixWithOthers])
            try session.setActive(true)
            let engine = AVAudioEngine()
            let format = engine.outputNode.inputFormat(forBus: 0)
            let source = AVAudioSourceNode(format: format, renderBlock: Self.render(content, format.sampleRate))
            engine.attach(source)
            engine.connect(source, to: engine.mainMixerNode, format: format)
            engine.prepare()
            try engine.start()
            self.engine = engine
        }

        public func stop() {
            lock.lock()
            defer { lock.unlock() }
            stopEngine()
            try? AVAudioSession.sharedInstance().setActive(
                false, options: .notifyOthersOnDeactivation)
        }

        public func observe(_ told: @escaping @Sendable (AudioEvent) -> Void) {
            let center = NotificationCenter.default
            let session = AVAudioSession.sharedInstance()
            func on(
                _ name: Notification.Name, _ object: AnyObject?,
                _ event: @escaping @Sendable (Notification) -> AudioEvent?
            ) -> any NSObjectProtocol {
                center.addObserver(forName: name, object: object, queue: nil) { notification in
                    if let event = event(notification) { told(event) }
                }
            }
            let tokens = [
                on(AVAudioSession.interruptionNotification, session, Self.interruption),
                on(AVAudioSession.routeChangeNotification, session, Self.routeChange),
                on(.AVAudioEngineConfigurationChange, nil) { _ in
                    .engineStopped(reason: "the audio hardware has changed")
                },
                on(AVAudioSession.mediaServicesWereLostNotification, session) { _ in
                    .mediaServicesLost
                },
                on(AVAudioSession.mediaServicesWereResetNotification, session) { _ in
                    .mediaServicesReset
                },
            ]
            lock.lock()
            defer { lock.unlock() }
            self.tokens = tokens
        }

        private func stopEngine() {
            engine?.stop()
            engine = nil
        }

        @Sendable private static func interruption(_ notification: Notification) -> AudioEvent? {
            let info = notification.userInfo
            let type = (info?[AVAudioSessionInterruptionTypeKey] as? UInt)
                .flatMap(AVAudioSession.InterruptionType.init)
            switch type {
            case .began: return .interruptionBegan
            case .ended:
                let options = (info?[AVAudioSessionInterruptionOptionKey] as? UInt)
                    .map(AVAudioSession.InterruptionOptions.init)
                return .interruptionEnded(shouldResume: options?.contains(.shouldResume) ?? false)
            default: return nil
            }
        }

        /// Devices that come and go. The other reasons are our own doing: answering them by
        /// starting anew would never end.
        @Sendable private static func routeChange(_ notification: Notification) -> AudioEvent? {
            let reason = (notification.userInfo?[AVAudioSessionRouteChangeReasonKey] as? UInt)
                .flatMap(AVAudioSession.RouteChangeReason.init)
            switch reason {
            case .newDeviceAvailable, .oldDeviceUnavailable: return .routeChanged
            default: return nil
            }
        }

        /// On the audio thread: no lock, no allocation.
        private static func render(
            _ content: AudioContent, _ rate: Double
        ) -> AVAudioSourceNodeRenderBlock {
            let position = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
            position.initialize(to: 0)
            let owner = Position(position)
            return { isSilence, _, frames, buffers in
                isSilence.pointee = ObjCBool(!content.isAudible)
                let first = owner.frame.pointee
                for buffer in UnsafeMutableAudioBufferListPointer(buffers) {
                    guard let samples = buffer.mData?.assumingMemoryBound(to: Float.self) else {
                        continue
                    }
                    for frame in 0..<Int(frames) {
                        samples[frame] = content.sample(first + UInt64(frame), rate)
                    }
                }
                owner.frame.pointee = first + UInt64(frames)
                return noErr
            }
        }

        /// The frame that is played next; touched by the audio thread alone.
        private final class Position: @unchecked Sendable {
            let frame: UnsafeMutablePointer<UInt64>

            init(_ frame: UnsafeMutablePointer<UInt64>) {
                self.frame = frame
            }

            deinit {
                frame.deallocate()
            }
        }
    }
#endif
