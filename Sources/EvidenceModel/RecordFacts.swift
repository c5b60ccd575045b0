public import TransparencyLog

/// What decisions need to know of a piece of evidence.
public struct RecordFacts: Sendable {
    /// Its index.
    public let index: RecordIndex
    /// Its collection.
    public let collection: CollectionName
    /// The lock under which it was taken, as its leaf says.
    public let lock: Lock
    /// When the log took it.
    public let received: Timestamp
    /// What it says, or hides; `nil` for a sealed record whose opening is gone.
    public let description: EvidenceDescription?
    /// The hash of its leaf.
    public let leafHash: MerkleHash

    /// Facts of one record.
    public init(
        index: RecordIndex,
        collection: CollectionName,
        lock: Lock,
        received: Timestamp,
        description: EvidenceDescription?,
        leafHash: MerkleHash
    ) {
        self.index = index
        self.collection = collection
        self.lock = lock
        self.received = received
        self.description = description
        self.leafHash = leafHash
    }
}
