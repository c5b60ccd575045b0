/// The root of a tree of any size, from stored complete subtrees.
///
/// Reference: RFC 6962, section 2.1 (Merkle Tree Hash).
public enum RootComputation {
    /// The complete subtrees that a tree of `size` leaves is made of, the largest (leftmost) first.
    ///
    /// One for each binary digit 1 of the size; none for the empty tree. These are the peaks of a
    /// ``CompactRange``.
    ///
    /// - Precondition: `size` is at most ``TreeSize/maximum``.
    public static func nodeIDs(_ size: TreeSize) -> [NodeID] {
        precondition(size <= TreeSize.maximum, "the tree is too large")
        var ids: [NodeID] = []
        ids.reserveCapacity(size.value.nonzeroBitCount)
        var remainder = size.value
        while remainder > 0 {
            let level = UInt64(63 - remainder.leadingZeroBitCount)
            ids.append(NodeID(level: UInt8(level), index: (size.value >> level) - 1))
            remainder ^= 1 << level
        }
        return ids
    }

    /// Computes the root with one batched read.
    ///
    /// - Precondition: `size` is at most ``TreeSize/maximum``.
    /// - Throws: what `reader` throws.
    public static func root<Reader: NodeReader>(
        _ size: TreeSize,
        from reader: Reader
    ) throws(Reader.Failure) -> MerkleHash {
        try range(size, from: reader).root
    }

    /// Reads the compact range of a tree, from which it can be extended.
    ///
    /// - Precondition: `size` is at most ``TreeSize/maximum``.
    /// - Throws: what `reader` throws.
    public static func range<Reader: NodeReader>(
        _ size: TreeSize,
        from reader: Reader
    ) throws(Reader.Failure) -> CompactRange {
        let peaks = try reader.nodes(nodeIDs(size))
        guard let range = CompactRange(size: size, peaks: peaks) else {
            preconditionFailure("a NodeReader must return one hash for each id")
        }
        return range
    }
}
