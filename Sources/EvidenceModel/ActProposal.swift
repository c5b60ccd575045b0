public import Cryptography
public import TransparencyLog

/// What is to become of a lock: at least a date or a mode.
public struct LockExtension: Hashable, Sendable {
    /// The new date; `nil`: the present one.
    public let until: Timestamp?
    /// The new mode; `nil`: the present one.
    public let mode: RetentionMode?

    /// An extension.
    public init(until: Timestamp? = nil, mode: RetentionMode? = nil) {
        self.until = until
        self.mode = mode
    }
}

/// Something that somebody wants to do; `LogState.rule` decides.
public enum ActProposal: Sendable {
    case setPolicy(CollectionName, CollectionPolicy)
    case extendLock(RecordFacts, LockExtension)
    /// What the records await has happened; `at`: when, as the client says.
    case recordEvent(EventName, at: Timestamp?, [RecordFacts])
    /// A hold; the facts are those of the records that `.records` names.
    case placeHold(Matter, HoldScope, [RecordFacts] = [])
    /// The matter lets go of these records, or of all.
    ///
    /// The facts are those of the records. Without them a record counts as held if its index alone
    /// does not exclude it.
    case releaseHold(Matter, IndexRanges?, [RecordFacts] = [])
    /// Erase what is due.
    case erase([RecordFacts])
    /// Erase under GOVERNANCE locks.
    case bypass([RecordFacts])
    /// The bytes of an erasure are gone in a copy; `objects`: what was deleted, for targets only.
    case purged(erasure: RecordIndex, copy: String, objects: PurgedObjects? = nil)
    /// Moves the compliance clock to the wall clock; who asks is the second person.
    case resync(firstBy: Principal, firstReason: Reason)
    /// Moves the compliance clock as far as two independent authenticated times vouch for.
    case resyncByTimes([AuthenticatedTime])
    case createToken(AccessGrant)
    case revokeToken(PrincipalName)
    /// What the collections that changed since the last census hold below `before`.
    case census(before: RecordIndex, [CollectionName: CensusEntry])
    case accessDigest(count: UInt64, head: SHA256Digest, day: String)
    /// Hand out evidence as a bundle.
    case export(EvidenceExport)
    case addTarget(TargetDescription)
    /// What the log itself found when it tried a target.
    case probedTarget(TargetName, ProbeReport)
    /// Both sides are equal; nothing is written if the target is in that phase already.
    case changePhase(TargetPhaseChange)
    case removeTarget(TargetName)
    /// Sign with another key, and with all earlier ones for `overlap` longer.
    case rotateKey(VerifierKey, KeyRotation.Signatures, overlap: RetentionDuration)
    case close
}

extension ActProposal {
    /// Whether another time may be in force behind it.
    public var movesClock: Bool {
        switch self {
        case .resync, .resyncByTimes: true
        default: false
        }
    }
}

/// What was decided: the acts to write, and for which records nothing is done.
public struct Ruling: Sendable {
    /// The acts, at consecutive indexes from that which was handed in; none if all is as wanted
    /// already, or everything was refused.
    public let acts: [Act]
    /// Records for which nothing is done, and why, ascending.
    public let refused: [(RecordIndex, Refusal)]

    init(_ acts: [Act], refused: [(RecordIndex, Refusal)] = []) {
        self.acts = acts
        self.refused = refused
    }
}
