public import TransparencyLog

/// What a client gets back and keeps: the record, and the proof that the log holds it.
///
/// A receipt is a claim; `ReceiptVerification` decides whether it is true.
public struct Receipt: Hashable, Sendable {
    /// The value of the member `type`.
    public static let type = "strongroom-receipt-v1"
    /// The largest receipt that is read.
    public static let maximumSizeBytes = 1 << 20
    /// The longest inclusion path: a tree of 2^53 - 1 leaves has 53 levels below its root.
    public static let maximumProofLength = 53

    /// The record's position in the log.
    public let index: RecordIndex
    /// The size of the tree that the proof leads to.
    public let treeSize: TreeSize
    /// The record's exact bytes, the leaf.
    public let record: [UInt8]
    /// SHA-256(0x00 || record).
    public let leafHash: MerkleHash
    /// The inclusion path, from the leaf's sibling upwards.
    public let proof: [MerkleHash]
    /// The signed checkpoint of the tree of `treeSize`, a C2SP signed note.
    public let checkpoint: String
    /// What opens a sealed record; `nil` for an open one, and after erasure.
    public let opening: SealedOpening?

    /// A receipt of parts that belong together; `record` must be UTF-8, as all records are.
    public init(
        index: RecordIndex,
        treeSize: TreeSize,
        record: [UInt8],
        leafHash: MerkleHash,
        proof: [MerkleHash],
        checkpoint: String,
        opening: SealedOpening? = nil
    ) {
        self.index = index
        self.treeSize = treeSize
        self.record = record
        self.leafHash = leafHash
        self.proof = proof
        self.checkpoint = checkpoint
        self.opening = opening
    }

    /// Equality byte by byte.
    public static func == (left: Receipt, right: Receipt) -> Bool {
        left.index == right.index && left.treeSize == right.treeSize && left.record == right.record
            && left.leafHash == right.leafHash && left.proof == right.proof
            && left.checkpoint.hasSameBytes(as: right.checkpoint) && left.opening == right.opening
    }
}
