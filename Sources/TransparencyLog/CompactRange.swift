/// A tree reduced to what is needed to go on: the roots of its complete subtrees.
///
/// Invariant: one peak for each binary digit 1 of `size`, the largest subtree first; `size` never
/// exceeds ``TreeSize/maximum``.
public struct CompactRange: Equatable, Sendable {
    /// The number of leaves.
    public private(set) var size: TreeSize

    /// The roots of the complete subtrees, the largest (leftmost) first.
    public private(set) var peaks: [MerkleHash]

    /// The empty tree.
    public init() {
        size = .zero
        peaks = []
    }

    /// A tree from peaks that were kept, as ``RootComputation/nodeIDs(_:)`` orders them.
    ///
    /// Fails when the count of peaks does not fit the size, or the size is above
    /// ``TreeSize/maximum``. Whether the peaks are the right ones shows only in the root.
    public init?(size: TreeSize, peaks: [MerkleHash]) {
        guard size <= TreeSize.maximum, peaks.count == size.value.nonzeroBitCount else {
            return nil
        }
        self.size = size
        self.peaks = peaks
    }

    /// The root of the tree; ``MerkleTree/emptyRoot`` when it has no leaves.
    public var root: MerkleHash {
        guard var hash = peaks.last else { return MerkleTree.emptyRoot }
        for peak in peaks.dropLast().reversed() {
            hash = MerkleTree.nodeHash(peak, hash)
        }
        return hash
    }

    /// Appends a leaf by its hash.
    ///
    /// - Precondition: the tree is below ``TreeSize/maximum``.
    public mutating func append(_ leafHash: MerkleHash) {
        append(subtree: leafHash, level: 0)
    }

    /// Appends a leaf and reports each subtree that it completes.
    ///
    /// The leaf itself comes first, then upwards. These are the nodes that a store has to keep.
    ///
    /// - Precondition: the tree is below ``TreeSize/maximum``.
    public mutating func append(
        _ leafHash: MerkleHash,
        completed: (NodeID, MerkleHash) -> Void
    ) {
        append(subtree: leafHash, level: 0, completed: completed)
    }

    /// Appends a complete subtree of 2^`level` leaves by its root.
    ///
    /// - Precondition: the size is a multiple of 2^`level`, so that the subtree has a place of its
    ///   own in the tree; the result is at most ``TreeSize/maximum``.
    public mutating func append(subtree: MerkleHash, level: UInt8) {
        append(subtree: subtree, level: level) { _, _ in }
    }

    /// Appends a complete subtree and reports each subtree that it completes.
    ///
    /// The appended one comes first, then upwards.
    ///
    /// - Precondition: as for ``append(subtree:level:)``.
    public mutating func append(
        subtree: MerkleHash,
        level: UInt8,
        completed: (NodeID, MerkleHash) -> Void
    ) {
        precondition(level < 53, "a subtree must fit the largest tree")
        let added: UInt64 = 1 << UInt64(level)
        precondition(size.value & (added - 1) == 0, "the subtree must start at its own boundary")
        precondition(
            TreeSize.maximum.value - size.value >= added,
            "the tree has reached its largest size"
        )
        var hash = subtree
        var node = NodeID(level: level, index: size.value >> UInt64(level))
        completed(node, hash)
        while node.index & 1 == 1 {
            hash = MerkleTree.nodeHash(peaks.removeLast(), hash)
            node = NodeID(level: node.level + 1, index: node.index >> 1)
            completed(node, hash)
        }
        peaks.append(hash)
        size = TreeSize(size.value + added)
    }
}
