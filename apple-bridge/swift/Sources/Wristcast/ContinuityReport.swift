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

    /// The report as text, to be read and shared, in the time of this device.
    public var text: String { text(in: .current) }

    func text(in zone: TimeZone) -> String {
        let day = Self.formatter("yyyy-MM-dd", zone)
        let time = Self.formatter("HH:mm:ss", zone)
        let offset = Self.formatter("xxx", zone)
        var lines = [
            "wristcast continuity report",
            "\(day.string(from: made)), \(time.string(from: made)) (UTC\(offset.string(from: made)))",
            "", "SOURCES",
        ]
        if sources.isEmpty { lines.append("None was heard.") }
        for source in sources {
            let sent = source.seen + source.missed
            let from = source.name.isEmpty ? "" : "\(source.name), "
            lines.append(
                "\(source.universe) from \(from)\(host(of: source.address)): \(source.seen) of "
                    + "\(sent) packets came, \(source.missed) missed")
        }
        lines += ["", "GAPS"]
        if gaps.isEmpty { lines.append("None.") }
        for gap in gaps {
            let end = gap.start.addingTimeInterval(gap.seconds)
            lines.append(
                "\(time.string(from: gap.start)) to \(time.string(from: end)): nothing from "
                    + "\(gap.name) on \(gap.universe) for \(Self.seconds(gap.seconds)), "
                    + "\(gap.missedWords) missed. Cause: \(gap.cause.words)")
        }
        lines += ["", "THE APP DID NOT RUN"]
        if suspensions.isEmpty { lines.append("Never.") }
        for suspension in suspensions {
            let end = suspension.start.addingTimeInterval(suspension.seconds)
            let asleep =
                suspension.asleepSeconds < 1
                ? "the device was awake"
                : "the device slept for \(Self.seconds(suspension.asleepSeconds)) of it"
            lines.append(
                "\(time.string(from: suspension.start)) to \(time.string(from: end)): for "
                    + "\(Self.seconds(suspension.seconds)); \(asleep)")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func seconds(_ value: Double) -> String {
        String(format: "%.1f s", value)
    }

    /// The same for every language of the device, so that two reports can be compared.
    private static func formatter(_ format: String, _ zone: TimeZone) -> DateFormatter {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = zone
        formatter.dateFormat = format
        return formatter
    }
}

extension ContinuityReport.GapLine {
    /// `10 packets`, `about 130 packets`: what is missing, for people.
    public var missedWords: String {
        switch missed {
        case nil: "an unknown number of packets"
        case 1? where isExact: "1 packet"
        case let missed?: "\(isExact ? "" : "about ")\(missed) packets"
        }
    }
}
