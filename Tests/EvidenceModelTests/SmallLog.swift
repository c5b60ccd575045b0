import EvidenceModel
import TransparencyLog

/// A log in memory: enough to make true receipts.
struct SmallLog {
    let signer: NoteSigner
    private(set) var records: [[UInt8]] = []
    private var openings: [SealedOpening?] = []

    init(_ signer: NoteSigner) {
        self.signer = signer
    }

    mutating func append(_ record: [UInt8], opening: SealedOpening? = nil) {
        records.append(record)
        openings.append(opening)
    }

    private func leafHash(_ index: Int) -> MerkleHash {
        let record = records[index]
        return MerkleTree.leafHash(record.span)
    }

    /// The hash of the complete subtree `node`, computed from its leaves.
    private func hash(_ node: NodeID) -> MerkleHash {
        guard node.level > 0 else { return leafHash(Int(node.index)) }
        return MerkleTree.nodeHash(
            hash(NodeID(level: node.level - 1, index: node.index * 2)),
            hash(NodeID(level: node.level - 1, index: node.index * 2 + 1))
        )
    }

    private func root() -> MerkleHash {
        var range = CompactRange()
        for record in records { range.append(MerkleTree.leafHash(record.span)) }
        return range.root
    }

    func checkpoint(by signers: [NoteSigner]? = nil, origin: String? = nil) throws -> String {
        let checkpoint = try Checkpoint(
            origin: origin ?? signer.name,
            size: TreeSize(UInt64(records.count)),
            root: root()
        )
        return try SignedNote.sign(checkpoint.text, by: signers ?? [signer]).encoded
    }

    func receipt(_ index: Int, checkpoint: String? = nil) throws -> Receipt {
        let size = TreeSize(UInt64(records.count))
        let path = InclusionProof.path(for: RecordIndex(UInt64(index)), in: size) { hash($0) }
        return Receipt(
            index: RecordIndex(UInt64(index)),
            treeSize: size,
            record: records[index],
            leafHash: leafHash(index),
            proof: path,
            checkpoint: try checkpoint ?? self.checkpoint(),
            opening: openings[index]
        )
    }

    /// A log of created, open and sealed records: 0 created, 1 and 3 open, 2 and 4 sealed.
    static func sample() throws -> SmallLog {
        var log = SmallLog(try Samples.signer())
        log.append(try Samples.logCreated().encoded)
        for _ in 0..<2 {
            log.append(try Samples.openRecord().encoded)
            log.append(try Samples.sealedRecord().encoded, opening: try Samples.opening())
        }
        return log
    }
}
