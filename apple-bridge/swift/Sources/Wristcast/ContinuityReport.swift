import Foundation

/// What came, what did not, and why: for a screen, and to be shared.
public struct ContinuityReport: Sendable, Codable, Hashable {
    /// One source of one universe.
    public struct SourceLine: Sendable, Codable, Hashable {
        public var universe: String
        public var name: String
        public var address: String
        /// Packets that came.
        public var seen: UInt64
        /// Packets that were sent and did not come, by their sequence numbers.
        public var missed: UInt64
    }

    /// One gap.
    public struct GapLine: Sendable, Codable, Hashable {
        public var universe: String
        public var name: String
        /// The last packet before it.
        public var start: Date
        /// To the first packet after it.
        public var seconds: Double
        /// `nil`: the source does not number its packets.
        public var missed: UInt64?
        /// Right to the packet; else as the source's pace says.
        public var isExact: Bool
        public var cause: GapCause
    }

    /// A time in which the app did not run.
    public struct SuspensionLine: Sendable, Codable, Hashable {
        public var start: Date
        public var seconds: Double
        /// How much of it the device itself slept.
        public var asleepSeconds: Double
    }

    public var made: Date
    public var sources: [SourceLine]
    public var gaps: [GapLine]
    public var suspensions: [SuspensionLine]

    init(of inner: Continuity.Inner, at now: Moment) {
        made = now.wall
        sources = inner.sources.map { source, counts in
            SourceLine(
                universe: source.universe, name: counts.name, address: counts.address,
                seen: counts.seenBefore + counts.seen, missed: counts.missedBefore + counts.missed)
        }
        sources.sort { ($0.universe, $0.address) < ($1.universe, $1.address) }
        gaps = inner.gaps.map { gap in
            GapLine(
                universe: gap.universe, name: gap.source.isEmpty ? host(of: gap.address) : gap.source,
                start: now.wall(at: gap.startMs),
                seconds: Double(gap.endMs.saturatingMinus(gap.startMs)) / 1000,
                missed: gap.missed, isExact: gap.exact, cause: inner.cause(of: gap))
        }
        suspensions = inner.suspensions.map { suspension in
            let period = suspension.period
            let length = (period.endMs ?? now.continuousMs).saturatingMinus(period.startMs)
            return SuspensionLine(
                start: now.wall(at: period.startMs), seconds: Double(length) / 1000,
                asleepSeconds: Double(suspension.asleepMs) / 1000)
        }
    }

    /// The report as text, to be read and shared.
    public var text: String {
        let clock = ISO8601DateFormatter()
        var lines = ["wristcast continuity report, \(clock.string(from: made))", ""]
        if sources.isEmpty { lines.append("No source was heard.") }
        for source in sources {
            let sent = source.seen + source.missed
            let name = source.name.isEmpty ? host(of: source.address) : source.name
            lines.append(
                "\(source.universe) from \(name): \(source.seen) of \(sent) packets came, "
                    + "\(source.missed) missed")
        }
        for gap in gaps {
            let missed = gap.missed.map { "\(gap.isExact ? "" : "about ")\($0) packets" }
            lines.append(
                "\(clock.string(from: gap.start)) \(gap.universe) from \(gap.name): "
                    + "\(seconds(gap.seconds)) without packets, "
                    + "\(missed ?? "an unknown number of packets") missed. Cause: \(gap.cause.words)")
        }
        for suspension in suspensions {
            lines.append(
                "\(clock.string(from: suspension.start)) the app did not run for "
                    + "\(seconds(suspension.seconds)), the device slept for "
                    + "\(seconds(suspension.asleepSeconds)) of it")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func seconds(_ value: Double) -> String {
        String(format: "%.1f s", value)
    }
}
