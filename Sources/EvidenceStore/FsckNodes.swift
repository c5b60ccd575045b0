import EvidenceModel
import Platform
import TransparencyLog

/// The nodes of a log that nobody has open, from its tiles and records.
struct FsckNodes: NodeReader {
    private let paths: StorePaths
    private let geometry: SegmentGeometry
    private let upper: UpperTree

    init(paths: StorePaths, geometry: SegmentGeometry, upper: UpperTree) throws(StoreError) {
        self.paths = paths
        self.geometry = geometry
        self.upper = upper
    }

    func nodes(_ ids: [NodeID]) throws(StoreError) -> [MerkleHash] {
        var hashes: [MerkleHash] = []
        for id in ids { hashes.append(try node(id)) }
        return hashes
    }

    /// Below the segments' height a node is hashed from its records: `fsck` needs few of them.
    private func node(_ id: NodeID) throws(StoreError) -> MerkleHash {
        if let hash = upper.node(id) { return hash }
        let number = geometry.segment(of: id.firstLeaf)
        let sealed = paths.log(number)
        let isSealed = try onDisk { () throws(SystemError) in try FileSystem.exists(sealed) }
        let reader = try SealedFile(path: isSealed ? sealed : paths.active(number)).beginRead()
        var tree = CompactRange()
        for value in id.firstLeaf.value...id.lastLeaf.value {
            tree.append(
                try reader.withRecord(at: RecordIndex(value)) { MerkleTree.leafHash($1) }
            )
        }
        return tree.root
    }
}
