public import TransparencyLog

/// What an audit has to know later of a piece of evidence.
public struct AuditedEvidence: Sendable {
    /// What decisions need; without a description for sealed records.
    public let facts: RecordFacts
    /// Its number in the collection.
    public let sequence: SequenceNumber

    /// A piece of evidence.
    public init(facts: RecordFacts, sequence: SequenceNumber) {
        self.facts = facts
        self.sequence = sequence
    }

    /// What a record says of itself; `nil` if it is no evidence.
    public init?(_ record: Record, at index: RecordIndex, leafHash: MerkleHash) {
        guard let collection = record.collection, let lock = record.lock,
            let sequence = record.sequence
        else { return nil }
        let description: EvidenceDescription? =
            if case .evidence(let evidence) = record { evidence.description } else { nil }
        facts = RecordFacts(
            index: index,
            collection: collection,
            lock: lock,
            received: record.received,
            description: description,
            leafHash: leafHash
        )
        self.sequence = sequence
    }
}

/// Where an audit finds the evidence that it has seen: a store, or memory.
///
/// Whoever implements it adds each piece of evidence after the audit has taken it, and forgets
/// none.
public protocol EvidenceMemory: ~Copyable {
    /// What can go wrong when reading; `Never` for memory.
    associatedtype Failure: Error

    /// The evidence with indexes in a range, ascending; never asked for more than
    /// ``LogAudit/pieceCount`` indexes.
    borrowing func evidence(
        in range: ClosedRange<UInt64>
    ) throws(Failure) -> [AuditedEvidence]
}

/// Why an audit does not go on.
public enum AuditFailure<Failure: Error>: Error {
    /// The log breaks a rule.
    case violation(LogViolation)
    /// What was seen before cannot be read.
    case memory(Failure)
}

extension AuditFailure: Equatable where Failure: Equatable {}
extension AuditFailure: Sendable where Failure: Sendable {}
