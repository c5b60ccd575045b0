import Cryptography
import EvidenceModel
import TransparencyLog

/// What indexes need to know of a piece of evidence; of a sealed one as long as its opening stands.
struct EvidenceFacts {
    let index: RecordIndex
    let collection: CollectionName
    let sequence: SequenceNumber
    let lock: Lock
    let received: Timestamp
    /// Nil for a sealed record whose opening is gone.
    let description: EvidenceDescription?
    /// Index entries of a sealed record go where its opening is, to be erased with it.
    let isSealed: Bool
    let fingerprint: RequestFingerprint?

    /// Nil for a record that is no evidence.
    init?(_ record: Record, at index: RecordIndex, frame: RecordFrame, opening: SealedOpening?) {
        self.index = index
        fingerprint = frame.fingerprint
        switch record {
        case .logCreated, .act: return nil
        case .evidence(let evidence):
            (collection, sequence) = (evidence.collection, evidence.sequence)
            (lock, received) = (evidence.lock, evidence.received)
            (description, isSealed) = (evidence.description, false)
        case .sealedEvidence(let evidence):
            (collection, sequence) = (evidence.collection, evidence.sequence)
            (lock, received) = (evidence.lock, evidence.received)
            isSealed = true
            description = opening?.evidence
        }
    }

    /// The hash under which the idempotency key is looked up.
    var keyHash: KeyHash? {
        description.flatMap { KeyHash(collection: collection, description: $0) }
    }
}
