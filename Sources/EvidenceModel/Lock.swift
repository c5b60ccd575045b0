/// How firmly a record is locked; the rules are those of S3 Object Lock.
public enum RetentionMode: String, Sendable, Hashable, CaseIterable {
    /// A principal with the right `bypass` may erase early, with a recorded reason.
    case governance = "GOVERNANCE"
    /// Nobody shortens, downgrades or erases before the date.
    case compliance = "COMPLIANCE"

    /// Reads `governance` or `compliance` in lower or upper case, as users write it.
    ///
    /// - Throws: `LimitViolation` of the field `.mode`.
    public init(userInput text: String) throws(LimitViolation) {
        switch text {
        case "compliance", "COMPLIANCE": self = .compliance
        case "governance", "GOVERNANCE": self = .governance
        default:
            throw LimitViolation(
                .mode,
                rule: "must be compliance or governance",
                given: excerpt(text)
            )
        }
    }
}

extension RetentionMode: CustomStringConvertible {
    /// The word that stands in records.
    public var description: String { rawValue }
}

/// A lock in force: the record may not be erased while `now <= until`.
public struct Lock: Hashable, Sendable {
    /// When a lock ends.
    public enum End: Hashable, Sendable {
        /// The last instant at which the record is locked; always a whole second.
        case until(Timestamp)
        /// Locked without end until the event is recorded, then for the duration from there.
        case awaiting(EventName, RetentionDuration)
    }

    /// 9999-12-31T23:59:59Z: until when a record is locked whose event nobody knows.
    public static let withoutEnd = Timestamp(
        unchecked: Timestamp.latest.milliseconds / 1_000 * 1_000
    )

    /// How firmly.
    public let mode: RetentionMode
    /// Until when.
    public let end: End

    /// `nil` unless `until` is a whole second (every granted lock is; see `RetentionPolicy.grant`).
    public init?(mode: RetentionMode, until: Timestamp) {
        guard until.isWholeSecond else { return nil }
        self.mode = mode
        end = .until(until)
    }

    /// A lock that awaits an event.
    public init(
        mode: RetentionMode,
        awaiting event: EventName,
        then duration: RetentionDuration
    ) {
        self.mode = mode
        end = .awaiting(event, duration)
    }

    init(mode: RetentionMode, end: End) {
        self.mode = mode
        self.end = end
    }

    /// The last instant at which the record is locked; `withoutEnd` while its event is awaited.
    public var until: Timestamp {
        switch end {
        case .until(let until): until
        case .awaiting: Self.withoutEnd
        }
    }

    /// Whether the record is locked at `now`: up to and including the instant `until`, and at any
    /// time while its event is awaited.
    public func isLocked(at now: Timestamp) -> Bool {
        switch end {
        case .until(let until): now <= until
        case .awaiting: true
        }
    }

    /// Whether this lock gives up nothing that the other promises: no weaker mode, no earlier end.
    ///
    /// An awaited event is replaced by a date only when it is recorded, so neither kind of end is
    /// as good as the other.
    public func keeps(_ other: Lock) -> Bool {
        guard mode == .compliance || other.mode == .governance else { return false }
        switch (end, other.end) {
        case (.until(let until), .until(let earlier)): return until >= earlier
        case (.awaiting, .awaiting): return end == other.end
        default: return false
        }
    }
}

extension Lock: CustomStringConvertible {
    /// For example `COMPLIANCE until 2033-11-22T00:00:00Z`, or `COMPLIANCE until the event
    /// contract-end, then for 7y`.
    public var description: String {
        switch end {
        case .until(let until): "\(mode) until \(until.rfc3339Seconds)"
        case .awaiting(let event, let duration):
            "\(mode) until the event \(event), then for \(duration)"
        }
    }
}

/// What a client asks of the lock; what it leaves out, the collection's policy decides.
public struct LockRequest: Hashable, Sendable {
    /// The requested length of the lock.
    public enum Retention: Hashable, Sendable {
        /// The policy's standard duration.
        case standard
        /// A duration from the time of receipt.
        case duration(RetentionDuration)
        /// An exact instant.
        case until(Timestamp)
    }

    /// Nothing requested: mode and duration of the policy.
    public static let standard = LockRequest()

    /// The requested mode, or `nil` for the policy's.
    public let mode: RetentionMode?
    /// The requested length.
    public let retention: Retention

    /// A request; leaves to the policy what is left out.
    public init(mode: RetentionMode? = nil, retention: Retention = .standard) {
        self.mode = mode
        self.retention = retention
    }
}
