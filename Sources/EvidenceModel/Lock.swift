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
    /// How firmly.
    public let mode: RetentionMode
    /// The last instant at which the record is locked; always a whole second.
    public let until: Timestamp

    /// `nil` unless `until` is a whole second (every granted lock is; see `RetentionPolicy.grant`).
    public init?(mode: RetentionMode, until: Timestamp) {
        guard until.isWholeSecond else { return nil }
        self.mode = mode
        self.until = until
    }

    /// Whether the record is locked at `now`: up to and including the instant `until`.
    public func isLocked(at now: Timestamp) -> Bool { now <= until }
}

extension Lock: CustomStringConvertible {
    /// For example `COMPLIANCE until 2033-11-22T00:00:00Z`.
    public var description: String { "\(mode) until \(until.rfc3339Seconds)" }
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
