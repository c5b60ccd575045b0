internal import Cryptography
internal import EvidenceModel
internal import TransparencyLog

/// A record, and the hashes that show where it stands.
struct ProvenEntry {
    let index: RecordIndex
    let bytes: [UInt8]
    let leafHash: MerkleHash
    let path: [MerkleHash]
}

/// Reads single records again and proves each to be in the tree of one checkpoint.
///
/// For a report's citations: so they are read, and proven, apart from everything that was folded.
final class RecordProver {
    private let reader: LogReader
    private let checkpoint: Checkpoint
    private let nodes: TileNodes
    private var bundle: (index: UInt64, entries: [[UInt8]])?
    private var count = 0

    /// Tiles are kept for so many proofs, so that memory does not grow with them.
    private static let keptProofCount = 256

    init(_ reader: LogReader, _ signed: SignedCheckpoint) {
        self.reader = reader
        checkpoint = signed.checkpoint
        nodes = TileNodes(reader, size: signed.checkpoint.size)
    }

    /// Reads a record; quick if indexes ascend.
    ///
    /// - Throws: `verificationFailed` if what is served is not what was signed, after a second
    ///   reading.
    func prove(_ index: RecordIndex) throws(CommandFailure) -> ProvenEntry {
        count += 1
        if count % Self.keptProofCount == 0 { nodes.forget() }
        if let entry = try attempt(index) { return entry }
        nodes.forget()
        bundle = nil
        if let entry = try attempt(index) { return entry }
        throw CommandFailure(
            .verificationFailed,
            "record \(index) as it is served is not shown to be in the tree of "
                + "\(checkpoint.size) records that was signed",
            advice: "'strongroom monitor --once' says whether record or tiles are wrong"
        )
    }

    /// Reads a record of which the hash was proven before.
    func read(_ index: RecordIndex, _ leafHash: MerkleHash) throws(CommandFailure) -> [UInt8] {
        for _ in 0..<2 {
            if let bytes = try entry(index), MerkleTree.leafHash(bytes.span) == leafHash {
                return bytes
            }
            bundle = nil
        }
        throw CommandFailure(
            .verificationFailed,
            "record \(index) is served as something else than a moment ago",
            advice: "'strongroom monitor --once' says what is wrong with the log"
        )
    }

    private func attempt(_ index: RecordIndex) throws(CommandFailure) -> ProvenEntry? {
        guard let bytes = try entry(index), let path = try nodes.path(for: index) else {
            return nil
        }
        let leafHash = MerkleTree.leafHash(bytes.span)
        do throws(ProofError) {
            try InclusionProof.verify(
                leafHash: leafHash,
                at: index,
                in: checkpoint.size,
                path: path,
                root: checkpoint.root
            )
        } catch { return nil }
        return ProvenEntry(index: index, bytes: bytes, leafHash: leafHash, path: path)
    }

    private func entry(_ index: RecordIndex) throws(CommandFailure) -> [UInt8]? {
        let width = UInt64(EntryBundleCoordinate.fullWidth)
        let number = index.value / width
        if bundle?.index != number {
            let count = min(width, checkpoint.size.value - number * width)
            guard let coordinate = EntryBundleCoordinate(index: number, width: Int(count)) else {
                preconditionFailure("a tree has the bundles that it is made of")
            }
            bundle = try reader.entries(coordinate).map { (number, $0) }
        }
        let place = Int(index.value % width)
        guard let entries = bundle?.entries, place < entries.count else { return nil }
        return entries[place]
    }
}
