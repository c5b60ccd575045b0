/// The right edge of one tree, hashed once, so that many inclusion paths of that tree cost lookups
/// only.
///
/// A path has at most one sibling that is not a complete subtree: the one that reaches to the end
/// of the tree. A batch of records that is acknowledged at one tree size shares these siblings.
public struct RightEdge: Equatable, Sendable {
    /// The size of the tree.
    public let size: TreeSize

    /// The root of the tree.
    public let root: MerkleHash

    /// By level: the hash over the leaves from the last multiple of 2^level below the size to the
    /// end.
    ///
    /// Levels below that of the smallest complete subtree are not used; there the edge is complete.
    @usableFromInline let hashes: [MerkleHash]

    /// The level of the smallest complete subtree that the tree is made of.
    @usableFromInline let completeLevel: UInt8

    /// Computes the edge of the tree that `range` describes.
    ///
    /// - Precondition: the tree has a leaf.
    public init(_ range: CompactRange) {
        precondition(range.size > .zero, "the empty tree has no paths")
        size = range.size
        let value = range.size.value
        let lowest = value.trailingZeroBitCount
        completeLevel = UInt8(lowest)
        var peaks = Array(range.peaks.reversed())[...]
        var hash = peaks.removeFirst()
        let height = UInt64.bitWidth - value.leadingZeroBitCount
        var hashes = [MerkleHash](repeating: hash, count: height + 1)
        for level in lowest...height {
            hashes[level] = hash
            if level > lowest, (value >> UInt64(level)) & 1 == 1 {
                hash = MerkleTree.nodeHash(peaks.removeFirst(), hash)
            }
        }
        self.hashes = hashes
        root = hash
    }
}

extension InclusionProof {
    /// Builds a path of the tree that `edge` belongs to: no hashing, one array.
    ///
    /// - Precondition: `leaf` is below the size of the tree.
    /// - Throws: what `node` throws.
    @inlinable
    public static func path<Failure: Error>(
        for leaf: LeafIndex,
        edge: RightEdge,
        node: (NodeID) throws(Failure) -> MerkleHash
    ) throws(Failure) -> [MerkleHash] {
        precondition(leaf.value < edge.size.value, "the leaf lies outside of the tree")
        var index = leaf.value
        var last = edge.size.value - 1
        var level: UInt8 = 0
        var path: [MerkleHash] = []
        path.reserveCapacity(AuditPath(from: NodeID(leaf: leaf), in: edge.size).siblingCount)
        while last > 0 {
            let sibling = index ^ 1
            if sibling < last || (sibling == last && level < edge.completeLevel) {
                path.append(try node(NodeID(level: level, index: sibling)))
            } else if sibling == last {
                path.append(edge.hashes[Int(level)])
            }
            index >>= 1
            last >>= 1
            level += 1
        }
        return path
    }
}
