public import TransparencyLog

/// A rule that a record of a log breaks: no Strongroom would have written it.
public struct LogViolation: Error, Equatable, Sendable {
    /// What is broken; the raw values stand in reports.
    public enum Rule: String, Sendable, CaseIterable {
        /// The bytes are a record of a kind that is known.
        case record
        /// `log.created` is record 0, of this log, and no other record is.
        case creation
        /// The time of receipt never goes back.
        case received
        /// The numbers of a collection ascend from 1 without a gap.
        case sequence
        /// Nothing follows `log.closed`.
        case closed
        /// What a policy that is in force grants, it grants to all.
        case policy
        /// A lock is never shortened, nor its mode weakened.
        case lockExtended = "lock"
        /// An event gives those records that await it a lock that is long enough.
        case event
        /// Only a GOVERNANCE lock that no hold is beside is bypassed, and with the right to it.
        case bypass
        /// A hold is on evidence that is there, and a selection says how much.
        case hold
        /// No payload is erased before its lock is over.
        case erasedLocked = "erased-locked"
        /// No payload is erased while a matter holds it.
        case erasedHeld = "erased-held"
        /// A deletion certificate says what is so.
        case certificate
        /// `payload.purged` names an erasure that there was.
        case purge
        /// A census counts what there is, and all that changed.
        case census
        /// The compliance clock is moved by two persons, or by two authenticated times.
        case clock
        /// Tokens are made once, and revoked once.
        case access
        /// Targets are added once, and go one phase at a time.
        case target
        /// A key follows the one before, and both signed that.
        case key
    }

    /// What is broken.
    public let rule: Rule
    /// The record that breaks it.
    public let index: RecordIndex
    /// Another record that it is about, if it is one.
    public let subject: RecordIndex?
    /// How, for a person; names the record.
    public let detail: String

    /// A violation.
    public init(
        _ rule: Rule,
        at index: RecordIndex,
        subject: RecordIndex? = nil,
        _ detail: String
    ) {
        self.rule = rule
        self.index = index
        self.subject = subject
        self.detail = detail
    }
}

extension LogViolation: CustomStringConvertible {
    /// For example `sequence: record 17 is number 5 of payments, not 4`.
    public var description: String { "\(rule.rawValue): \(detail)" }
}

extension RecordKind {
    /// The rule that an act of this kind breaks when it does not fit the acts before it.
    var rule: LogViolation.Rule {
        switch self {
        case .evidence: .record
        case .logCreated: .creation
        case .policySet: .policy
        case .lockExtended: .lockExtended
        case .lockBypassed: .bypass
        case .eventRecorded: .event
        case .holdPlaced, .holdReleased: .hold
        case .payloadErased: .certificate
        case .payloadPurged: .purge
        case .clockResynced: .clock
        case .census: .census
        case .accessChanged, .accessDigest, .accessExported: .access
        case .targetAdded, .targetProbed, .targetPhase, .targetRemoved: .target
        case .keyRotated: .key
        case .logClosed: .closed
        }
    }
}
