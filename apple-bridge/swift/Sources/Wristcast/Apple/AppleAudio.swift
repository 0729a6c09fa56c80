#if os(iOS) && canImport(AVFoundation)
    import AVFoundation

    /// AVAudioSession and AVAudioEngine as ``KeepAlive`` needs them.
    public final class AppleAudio: AudioSystem, @unchecked Sendable {
        // `lock` guards everything below, which is why this may be called Sendable.
        private let lock = NSLock()
        private var engine: AVAudioEngine?
        private var tokens: [any NSObjectProtocol] = []
        /// Events are handled here, not where the system tells them: an engine must not be taken
        /// down inside its own notification.
        private let events = DispatchQueue(label: "wristcast.audio")

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
            // Zero while there is no output: the engine would raise an exception, which ends the app.
            let rate = engine.outputNode.inputFormat(forBus: 0).sampleRate
            guard rate > 0, let format = AVAudioFormat(standardFormatWithSampleRate: rate, channels: 1)
            else { throw NoOutput() }
            let source = AVAudioSourceNode(format: format, renderBlock: Self.render(content, rate))
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
                center.addObserver(forName: name, object: object, queue: nil) {
                    [events] notification in
                    guard let event = event(notification) else { return }
                    events.async { told(event) }
                }
            }
            let tokens = [
                on(AVAudioSession.interruptionNotification, session, Self.interruption),
                on(AVAudioSession.routeChangeNotification, session, Self.routeChange),
                // The app may have engines of its own.
                center.addObserver(forName: .AVAudioEngineConfigurationChange, object: nil, queue: nil) {
                    [events, weak self] notification in
                    let engine = (notification.object as AnyObject?).map(ObjectIdentifier.init)
                    events.async { [weak self] in
                        guard let self, self.isOurs(engine) else { return }
                        told(.engineStopped(reason: "the audio hardware has changed"))
                    }
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

        private func isOurs(_ other: ObjectIdentifier?) -> Bool {
            lock.lock()
            defer { lock.unlock() }
            return engine.map(ObjectIdentifier.init) == other && other != nil
        }

        @Sendable private static func interruption(_ notification: Notification) -> AudioEvent? {
            let info = notification.userInfo
            let type = (info?[AVAudioSessionInterruptionTypeKey] as? UInt)
                .flatMap(AVAudioSession.InterruptionType.init)
            switch type {
            case .began:
                // Told when the app runs again, and has no end: the session is to be begun anew.
                let reason = info?[AVAudioSessionInterruptionReasonKey] as? UInt
                if reason == AVAudioSession.InterruptionReason.appWasSuspended.rawValue {
                    return .engineStopped(reason: "iOS suspended the app")
                }
                return .interruptionBegan
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

        private struct NoOutput: LocalizedError {
            var errorDescription: String? { "there is no audio output" }
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
