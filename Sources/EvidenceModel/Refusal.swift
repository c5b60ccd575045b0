public import TransparencyLog

/// Why something is not done: the rule, and the state that it meets.
public enum Refusal: Error, Equatable, Sendable {
    /// What a caller can do about it.
    public enum Category: Sendable, Equatable {
        /// Somebody else may (HTTP: 403).
        case forbidden
        /// Not as things stand (HTTP: 409).
        case conflict
        /// Never, as it was asked (HTTP: 422).
        case unprocessable
        /// Later, when the clocks agree (HTTP: 503).
        case clockUnsettled
        /// The payload is erased (HTTP: 410).
        case gone
        /// The log is closed (HTTP: 409).
        case closed
    }

    // Who asks.
    case notPermitted(PrincipalName, Permission, collection: CollectionName?)
    case needsTokens(Permission)
    case onlyTheLogItself(PrincipalName)
    case tokenRevoked(PrincipalName, by: RecordIndex)
    /// There is nothing left to revoke.
    case revokedBefore(PrincipalName, by: RecordIndex)
    case tokenExpired(PrincipalName, Timestamp)
    case reasonMissing

    // The log.
    case logClosed(RecordIndex)
    case clockUnsettled(ClockReading)
    case erasureUnfinished(RecordIndex)

    // Records.
    case noRecords
    case notEvidence(RecordIndex)
    case erased(certificate: RecordIndex)
    case locked(Lock, at: Timestamp)
    case held([Matter])
    case complianceLocked(Lock)
    case lockExpired(Lock)

    // Locks.
    case lockInPast(until: Timestamp, now: Timestamp, current: Lock)
    case lockShorter(until: Timestamp, current: Lock)
    case lockWeaker(RetentionMode, current: Lock)
    case lockTooLong(until: Timestamp, maximum: RetentionDuration)
    case lockBeyondCalendar
    case dateBeforeEvent(current: Lock)
    case notAwaiting(EventName, current: Lock)

    // Holds.
    case matterUnknown(Matter)
    case matterReleased(Matter, by: RecordIndex?)
    case notHeld(Matter)
    case selectionAhead(before: RecordIndex, next: RecordIndex)

    // Tokens and clock.
    case tokenExists(PrincipalName)
    case tokenUnknown(PrincipalName)
    case tokenNameReserved(PrincipalName)
    case tokenExpiryPast(Timestamp, now: Timestamp)
    case tokenBeyondScope(PrincipalName)
    case tokenCollections(maximum: Int)
    case firstTokenNotAdmin
    case roleWithoutBypass(Role)
    case clockNotBehind(ClockReading)
    case samePerson(first: PrincipalName, second: PrincipalName)

    // Keys.
    case keyKnown(VerifierKey)
    case tooManyKeys(maximum: Int)

    // Targets.
    case targetExists(TargetName)
    case targetUnknown(TargetName)
    case tooManyTargets(maximum: Int)
    /// Its objects would stand among those of that target.
    case targetPlaceTaken(by: TargetName)
    /// It is in another phase than the change begins with.
    case targetInPhase(TargetName, TargetPhase)
    case phaseNotNext(from: TargetPhase, to: TargetPhase)
    /// Payloads may stand there only.
    case targetHoldsPayloads(TargetName)
    /// It compares records that do not exist yet.
    case comparisonAhead(size: TreeSize, next: RecordIndex)

    // What the log reports.
    case nothingErased(by: RecordIndex)
    case purgedBefore(copy: String)
    /// The copy is unknown, or younger than the erasure: it never held what was erased.
    case copyOwesNothing(copy: String, erasure: RecordIndex)
    case reportOutOfOrder(String)

    // Anything that a record of its kind cannot say.
    case malformed(String)
}

extension Refusal {
    /// What a caller can do about it.
    public var category: Category {
        switch self {
        case .notPermitted, .needsTokens, .onlyTheLogItself, .tokenRevoked, .tokenExpired,
            .tokenBeyondScope,
            .firstTokenNotAdmin:
            .forbidden
        case .reasonMissing, .noRecords, .notEvidence, .lockInPast, .lockTooLong,
            .lockBeyondCalendar,
            .selectionAhead, .tokenNameReserved, .tokenExpiryPast, .tokenCollections,
            .roleWithoutBypass, .phaseNotNext, .comparisonAhead, .reportOutOfOrder, .malformed:
            .unprocessable
        case .erasureUnfinished, .locked, .held, .complianceLocked, .lockExpired, .lockShorter,
            .lockWeaker, .dateBeforeEvent, .notAwaiting, .matterUnknown, .matterReleased, .notHeld,
            .tokenExists, .tokenUnknown, .revokedBefore, .clockNotBehind, .samePerson,
            .nothingErased, .purgedBefore, .copyOwesNothing, .targetExists, .targetUnknown,
            .tooManyTargets, .targetPlaceTaken, .targetInPhase, .targetHoldsPayloads, .keyKnown,
            .tooManyKeys:
            .conflict
        case .logClosed: .closed
        case .clockUnsettled: .clockUnsettled
        case .erased: .gone
        }
    }

    /// The date of the lock that is in the way.
    public var lockedUntil: Timestamp? {
        switch self {
        case .locked(let lock, _), .complianceLocked(let lock), .lockShorter(_, let lock),
            .lockWeaker(_, let lock), .dateBeforeEvent(let lock), .lockInPast(_, _, let lock):
            lock.until
        default: nil
        }
    }

    /// The `payload.erased` record of what is gone.
    public var certificate: RecordIndex? {
        guard case .erased(let certificate) = self else { return nil }
        return certificate
    }
}
