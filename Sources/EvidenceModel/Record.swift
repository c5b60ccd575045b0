public import Cryptography
public import TransparencyLog

/// The position of a record in the log, from 0.
public typealias RecordIndex = LeafIndex

/// One entry of the log, whose canonical bytes are the Merkle leaf.
///
/// Reading is strict: what `init(parsing:)` accepts, `encoded` gives back byte by byte.
public enum Record: Hashable, Sendable {
    /// Evidence whose description stands in the leaf.
    case evidence(OpenEvidence)
    /// Evidence of which the leaf holds a commitment only.
    case sealedEvidence(SealedEvidence)
    /// The first record of a log.
    case logCreated(LogCreation)
    /// A record that sets rules, changes locks, or reports what the log did.
    case act(ActRecord)

    /// The largest record.
    public static let maximumSizeBytes = 65_535

    /// The version of every kind that is written.
    static let version: Int64 = 1

    /// The canonical bytes.
    public var encoded: [UInt8] {
        switch self {
        case .evidence(let evidence):
            RecordTemplate(collection: evidence.collection, description: evidence.description)
                .encode(
                    received: evidence.received,
                    sequence: evidence.sequence,
                    lock: evidence.lock
                )
        case .sealedEvidence(let evidence):
            RecordTemplate(collection: evidence.collection, commitment: evidence.commitment)
                .encode(
                    received: evidence.received,
                    sequence: evidence.sequence,
                    lock: evidence.lock
                )
        case .logCreated(let creation): creation.encoded
        case .act(let record): record.encoded
        }
    }

    /// The kind.
    public var kind: RecordKind {
        switch self {
        case .evidence, .sealedEvidence: .evidence
        case .logCreated: .logCreated
        case .act(let record): record.act.kind
        }
    }

    /// When the log took the record.
    public var received: Timestamp {
        switch self {
        case .evidence(let evidence): evidence.received
        case .sealedEvidence(let evidence): evidence.received
        case .logCreated(let creation): creation.received
        case .act(let record): record.received
        }
    }

    /// The collection of evidence; `nil` for records about the log itself.
    public var collection: CollectionName? {
        switch self {
        case .evidence(let evidence): evidence.collection
        case .sealedEvidence(let evidence): evidence.collection
        case .logCreated, .act: nil
        }
    }

    /// The number of evidence in its collection.
    public var sequence: SequenceNumber? {
        switch self {
        case .evidence(let evidence): evidence.sequence
        case .sealedEvidence(let evidence): evidence.sequence
        case .logCreated, .act: nil
        }
    }

    /// The lock under which evidence was taken; later records may have extended it.
    public var lock: Lock? {
        switch self {
        case .evidence(let evidence): evidence.lock
        case .sealedEvidence(let evidence): evidence.lock
        case .logCreated, .act: nil
        }
    }
}

/// The kinds of records that this version knows; the raw value is the member `kind`.
public enum RecordKind: String, Sendable, Hashable, CaseIterable {
    case evidence
    case logCreated = "log.created"
    case policySet = "policy.set"
    case lockExtended = "lock.extended"
    case lockBypassed = "lock.bypassed"
    case eventRecorded = "event.recorded"
    case holdPlaced = "hold.placed"
    case holdReleased = "hold.released"
    case payloadErased = "payload.erased"
    case payloadPurged = "payload.purged"
    case clockResynced = "clock.resynced"
    case census
    case accessChanged = "access.changed"
    case accessDigest = "access.digest"
    case accessExported = "access.exported"
    case targetAdded = "target.added"
    case targetProbed = "target.probed"
    case targetPhase = "target.phase"
    case targetRemoved = "target.removed"
    case keyRotated = "key.rotated"
    case logClosed = "log.closed"
}

/// An open record of kind `evidence`.
public struct OpenEvidence: Hashable, Sendable {
    /// The collection.
    public let collection: CollectionName
    /// What it says of the evidence.
    public let description: EvidenceDescription
    /// The lock under which it was taken.
    public let lock: Lock
    /// When the log took it.
    public let received: Timestamp
    /// Its number in the collection.
    public let sequence: SequenceNumber

    /// A record of valid parts.
    public init(
        collection: CollectionName,
        description: EvidenceDescription,
        lock: Lock,
        received: Timestamp,
        sequence: SequenceNumber
    ) {
        self.collection = collection
        self.description = description
        self.lock = lock
        self.received = received
        self.sequence = sequence
    }
}

/// A sealed record of kind `evidence`.
public struct SealedEvidence: Hashable, Sendable {
    /// The collection.
    public let collection: CollectionName
    /// The commitment to what it hides; see `SealedOpening`.
    public let commitment: SHA256Digest
    /// The lock under which it was taken.
    public let lock: Lock
    /// When the log took it.
    public let received: Timestamp
    /// Its number in the collection.
    public let sequence: SequenceNumber

    /// A record of valid parts.
    public init(
        collection: CollectionName,
        commitment: SHA256Digest,
        lock: Lock,
        received: Timestamp,
        sequence: SequenceNumber
    ) {
        self.collection = collection
        self.commitment = commitment
        self.lock = lock
        self.received = received
        self.sequence = sequence
    }
}
