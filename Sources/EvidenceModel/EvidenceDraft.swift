/// A piece of evidence on its way into the log: everything but its index, time, number and lock.
///
/// All that does not depend on those is computed here, on the thread that took the request, so that
/// `encode` on the sequencer's thread is a few copies of memory.
public struct EvidenceDraft: Sendable {
    /// Whether the description stands in the leaf, or only a commitment to it.
    public enum Form: Hashable, Sendable {
        case open(EvidenceDescription)
        /// The opening must be that of the description.
        case sealed(EvidenceDescription, SealedOpening)
    }

    /// The collection.
    public let collection: CollectionName
    /// Open or sealed.
    public let form: Form
    /// The lock that was asked for.
    public let lockRequest: LockRequest
    /// What the request asked for, to be compared when its idempotency key is repeated.
    public let fingerprint: RequestFingerprint
    /// The scoped hash of the idempotency key; `nil` if there is no key.
    public let keyHash: KeyHash?

    private let template: RecordTemplate

    /// A draft.
    ///
    /// - Precondition: the opening of a sealed form opens the same description.
    public init(collection: CollectionName, form: Form, lockRequest: LockRequest = .standard) {
        let description: EvidenceDescription
        switch form {
        case .open(let shown):
            description = shown
            template = RecordTemplate(collection: collection, description: shown)
        case .sealed(let hidden, let opening):
            precondition(opening.evidence == hidden, "an opening of another description")
            description = hidden
            template = RecordTemplate(collection: collection, commitment: opening.commitment)
        }
        self.collection = collection
        self.form = form
        self.lockRequest = lockRequest
        fingerprint = RequestFingerprint(description: description, lockRequest: lockRequest)
        keyHash = KeyHash(collection: collection, description: description)
    }

    /// What the record says, or hides.
    public var description: EvidenceDescription {
        switch form {
        case .open(let description), .sealed(let description, _): description
        }
    }

    /// What opens the record; `nil` for an open one.
    public var opening: SealedOpening? {
        switch form {
        case .open: nil
        case .sealed(_, let opening): opening
        }
    }

    /// The record's bytes, the leaf of the tree: canonical, at most `Record.maximumSizeBytes`.
    public func encode(received: Timestamp, sequence: SequenceNumber, lock: Lock) -> [UInt8] {
        template.encode(received: received, sequence: sequence, lock: lock)
    }
}
