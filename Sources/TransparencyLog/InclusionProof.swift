/// Inclusion proofs: this leaf stands at this index in the tree of this size and root.
///
/// A path holds the hashes from the leaf's sibling up to the root's child; it is empty for a tree
/// of one leaf, and never longer than 53.
///
/// Reference: RFC 6962, section 2.1.1; RFC 9162, section 2.1.3.
public enum InclusionProof {
    /// The number of hashes in the path of `leaf` in a tree of `size` leaves.
    ///
    /// - Precondition: `leaf` is below `size`, and `size` at most ``TreeSize/maximum``.
    public static func length(for leaf: LeafIndex, in size: TreeSize) -> Int {
        AuditPath(from: NodeID(leaf: leaf), in: size).siblingCount
    }

    /// The complete subtrees that the path is made of, in the order in which they are needed.
    ///
    /// There can be more of them than hashes in the path: the sibling on the right edge is combined
    /// from several.
    ///
    /// - Precondition: `leaf` is below `size`, and `size` at most ``TreeSize/maximum``.
    public static func nodeIDs(for leaf: LeafIndex, in size: TreeSize) -> [NodeID] {
        AuditPath(from: NodeID(leaf: leaf), in: size).nodeIDs
    }

    /// Builds the path with one batched read.
    ///
    /// - Precondition: `leaf` is below `size`, and `size` at most ``TreeSize/maximum``.
    /// - Throws: what `reader` throws.
    public static func path<Reader: NodeReader>(
        for leaf: LeafIndex,
        in size: TreeSize,
        from reader: Reader
    ) throws(Reader.Failure) -> [MerkleHash] {
        var supply = try HashSupply(nodeIDs(for: leaf, in: size), from: reader)
        return path(for: leaf, in: size) { _ in supply.next() }
    }

    /// Builds the path, asking `node` for one complete subtree after the other.
    ///
    /// Allocates nothing but the path. Where many paths of one tree are built, ``RightEdge`` saves
    /// the hashing too.
    ///
    /// - Precondition: `leaf` is below `size`, and `size` at most ``TreeSize/maximum``.
    /// - Throws: what `node` throws.
    @inlinable
    public static func path<Failure: Error>(
        for leaf: LeafIndex,
        in size: TreeSize,
        node: (NodeID) throws(Failure) -> MerkleHash
    ) throws(Failure) -> [MerkleHash] {
        let climb = AuditPath(from: NodeID(leaf: leaf), in: size)
        var path: [MerkleHash] = []
        path.reserveCapacity(climb.siblingCount)
        try climb.appendHashes(to: &path, node: node)
        return path
    }

    /// Checks that the record hashing to `leafHash` stands at `leaf` in the tree of `size` and
    /// `root`.
    ///
    /// Every hash of the path takes part in the result, and the path must have exactly the length
    /// that index and size call for.
    ///
    /// - Throws: ``ProofError/sizeTooLarge(_:)``, ``ProofError/indexOutOfRange(index:size:)``,
    ///   ``ProofError/wrongLength(expected:found:)`` before anything is hashed;
    ///   ``ProofError/rootMismatch(expected:computed:)`` when the path leads elsewhere.
    ///
    /// Reference: RFC 9162, section 2.1.3.2.
    public static func verify(
        leafHash: MerkleHash,
        at leaf: LeafIndex,
        in size: TreeSize,
        path: [MerkleHash],
        root: MerkleHash
    ) throws(ProofError) {
        guard size <= TreeSize.maximum else { throw .sizeTooLarge(size) }
        guard leaf.value < size.value else { throw .indexOutOfRange(index: leaf, size: size) }
        let expected = length(for: leaf, in: size)
        guard path.count == expected else {
            throw .wrongLength(expected: expected, found: path.count)
        }
        var hash = leafHash
        var used = 0
        var index = leaf.value
        var last = size.value - 1
        while last > 0 {
            if index & 1 == 1 {
                hash = MerkleTree.nodeHash(path[used], hash)
                used += 1
            } else if index < last {
                hash = MerkleTree.nodeHash(hash, path[used])
                used += 1
            }
            index >>= 1
            last >>= 1
        }
        precondition(used == path.count, "the climb must use every hash of the path")
        guard hash == root else { throw .rootMismatch(expected: root, computed: hash) }
    }
}
