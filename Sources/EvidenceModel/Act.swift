public import Cryptography
public import TransparencyLog

/// What a record that is no evidence says: it sets rules, changes locks, or reports what the log
/// did.
///
/// The state of the log (`LogState`) is the fold over all acts.
public enum Act: Hashable, Sendable {
    /// `policy.set`: from here on the collection has this policy.
    case policySet(CollectionName, CollectionPolicy)
    /// `lock.extended`: the records have this lock from here on; never less than before.
    case lockExtended(records: IndexRanges, lock: Lock)
    /// `lock.bypassed`: the GOVERNANCE locks of these records are set aside, to erase them.
    case lockBypassed(records: IndexRanges)
    /// `event.recorded`: what the records awaited has happened; from here on they have this lock.
    ///
    /// `at`: when it happened, as the client says.
    case eventRecorded(EventName, at: Timestamp?, records: IndexRanges, lock: Lock)
    /// `hold.placed`: the records must not be erased until the matter lets go of them.
    case holdPlaced(Matter, HoldScope)
    /// `hold.released`: the matter lets go of these records, or (`nil`) of all and is over.
    case holdReleased(Matter, records: IndexRanges?)
    /// `payload.erased`: from here on the payloads are gone; the certificate of their erasure.
    case payloadErased(PayloadErased)
    /// `payload.purged`: no byte of them stands any more in one copy.
    ///
    /// `copy`: `local`, or the name of a target; `objects`: what was deleted there, for targets
    /// only.
    case payloadPurged(
        erasure: RecordIndex,
        copy: String,
        count: UInt64,
        objects: PurgedObjects? = nil
    )
    /// `clock.resynced`: two persons or two authenticated times moved the compliance clock forward.
    case clockResynced(from: Timestamp, to: Timestamp, by: ClockWarrant)
    /// `census`: how many records each collection has below `before`, for those that changed since
    /// the last census; part by part.
    case census(
        before: RecordIndex,
        part: Int,
        parts: Int,
        collections: [CollectionName: CensusEntry]
    )
    /// `access.changed`: a token was made or revoked.
    case accessChanged(AccessChange)
    /// `access.digest`: the head of the access log's hash chain at the end of a day.
    case accessDigest(count: UInt64, head: SHA256Digest, day: String)
    /// `access.exported`: evidence was handed out as a bundle.
    case accessExported(EvidenceExport)
    /// `target.added`: from here on the target receives a copy of everything.
    case targetAdded(TargetDescription)
    /// `target.probed`: what was found of the rules that the target enforces.
    case targetProbed(TargetName, ProbeReport)
    /// `target.phase`: both sides are equal, and the target is in another phase from here on.
    case targetPhase(TargetPhaseChange)
    /// `target.removed`: nothing is written to the target any more; what stands there stays.
    case targetRemoved(TargetName)
    /// `key.rotated`: from here on the log signs with another key.
    case keyRotated(KeyRotation)
    /// `log.closed`: the last record.
    case logClosed

    /// The most collections in one part of a census.
    public static let maximumCensusEntryCount = 500

    /// The kind of the record.
    public var kind: RecordKind {
        switch self {
        case .policySet: .policySet
        case .lockExtended: .lockExtended
        case .lockBypassed: .lockBypassed
        case .eventRecorded: .eventRecorded
        case .holdPlaced: .holdPlaced
        case .holdReleased: .holdReleased
        case .payloadErased: .payloadErased
        case .payloadPurged: .payloadPurged
        case .clockResynced: .clockResynced
        case .census: .census
        case .accessChanged: .accessChanged
        case .accessDigest: .accessDigest
        case .accessExported: .accessExported
        case .targetAdded: .targetAdded
        case .targetProbed: .targetProbed
        case .targetPhase: .targetPhase
        case .targetRemoved: .targetRemoved
        case .keyRotated: .keyRotated
        case .logClosed: .logClosed
        }
    }
}

/// What a hold covers.
public enum HoldScope: Hashable, Sendable {
    /// These records.
    case records(IndexRanges)
    /// What a selection matches below `before`: so many records, told by a digest over their
    /// indexes (`SelectionDigest`); a standing hold also covers what arrives later.
    case selection(
        Selection,
        before: RecordIndex,
        count: UInt64,
        digest: SHA256Digest,
        isStanding: Bool
    )
}

/// How many records a collection has, as a census counts them.
public struct CensusEntry: Hashable, Sendable {
    /// The number of its last record: how many there are.
    public let count: SequenceNumber
    /// The index of its last record.
    public let last: RecordIndex

    /// An entry.
    public init(count: SequenceNumber, last: RecordIndex) {
        self.count = count
        self.last = last
    }
}

/// What a `payload.erased` record says: the certificate that payloads were erased, and why.
public struct PayloadErased: Hashable, Sendable {
    /// Why they were erased.
    public enum Ground: Hashable, Sendable {
        /// Their locks had expired, and no hold was on them.
        case expired
        /// Their GOVERNANCE locks were set aside by that `lock.bypassed` record.
        case bypass(RecordIndex)
    }

    /// Records of one lock and one history.
    public struct Item: Hashable, Sendable {
        /// The most acts of a history that are named; the newest.
        public static let maximumHistoryCount = 256

        /// The records.
        public let records: IndexRanges
        /// The lock that was in force.
        public let lock: Lock
        /// The acts that had changed it, ascending; the last 256 if there were more.
        public let history: [RecordIndex]

        /// An item.
        public init(records: IndexRanges, lock: Lock, history: [RecordIndex]) {
            self.records = records
            self.lock = lock
            self.history = history
        }
    }

    /// The collection of all of them.
    public let collection: CollectionName
    /// Why.
    public let ground: Ground
    /// What was erased, by first index; no record in two items.
    public let items: [Item]
    /// The `policy.set` record in force; `nil` if none had been set.
    public let policy: RecordIndex?
    /// What both clocks said when it was decided.
    public let clock: ClockReading
    /// How many records.
    public let count: UInt64
    /// SHA-256 over index (8 bytes, big-endian) and leaf hash of each record, ascending.
    public let digest: SHA256Digest

    /// A certificate.
    public init(
        collection: CollectionName,
        ground: Ground,
        items: [Item],
        policy: RecordIndex?,
        clock: ClockReading,
        count: UInt64,
        digest: SHA256Digest
    ) {
        self.collection = collection
        self.ground = ground
        self.items = items
        self.policy = policy
        self.clock = clock
        self.count = count
        self.digest = digest
    }

    /// All records of all items.
    public var records: IndexRanges {
        let ranges = items.flatMap(\.records.ranges).sorted { $0.lowerBound < $1.lowerBound }
        var joined: [ClosedRange<UInt64>] = []
        for range in ranges { IndexRanges.append(range, to: &joined) }
        return IndexRanges(canonical: joined)
    }
}

/// What a token may do, as it was granted.
public struct AccessGrant: Hashable, Sendable {
    /// The most collections that a token is confined to.
    public static let maximumCollectionCount = 256

    /// The name.
    public let name: PrincipalName
    /// The role.
    public let role: Role
    /// Rights beyond the role.
    public let rights: Set<Right>
    /// The collections that it is confined to; `nil`: none.
    public let collections: Set<CollectionName>?
    /// When it ends; `nil`: it does not.
    public let expires: Timestamp?

    /// A grant.
    public init(
        name: PrincipalName,
        role: Role,
        rights: Set<Right> = [],
        collections: Set<CollectionName>? = nil,
        expires: Timestamp? = nil
    ) {
        self.name = name
        self.role = role
        self.rights = rights
        self.collections = collections
        self.expires = expires
    }
}

/// What happened to a token.
public enum AccessChange: Hashable, Sendable {
    /// It was made.
    case created(AccessGrant)
    /// It does nothing any more; its name is not given again.
    case revoked(PrincipalName)
}
