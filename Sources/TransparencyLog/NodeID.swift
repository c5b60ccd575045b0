/// The place of a complete subtree in the tree.
///
/// The node at (level, index) is the root over the 2^level leaves from `index << level` on. Only
/// complete subtrees have a `NodeID`: their hash never changes while the tree grows, so it can be
/// stored and cached for ever. What hangs over the right edge is combined from them when it is
/// needed.
public struct NodeID: Hashable, Sendable, CustomStringConvertible {
    /// The height above the leaves; 0 is a leaf, below 64.
    public let level: UInt8

    /// The number of nodes to the left on the same level.
    public let index: UInt64

    /// The node at `level` that has `index` nodes to its left.
    @inlinable
    public init(level: UInt8, index: UInt64) {
        self.level = level
        self.index = index
    }

    /// The node of one leaf.
    @inlinable
    public init(leaf: LeafIndex) {
        self.init(level: 0, index: leaf.value)
    }

    /// The first leaf under the node.
    public var firstLeaf: LeafIndex { LeafIndex(index << UInt64(level)) }

    /// The last leaf under the node.
    public var lastLeaf: LeafIndex { LeafIndex(((index + 1) << UInt64(level)) - 1) }

    /// `level/index`, both decimal.
    public var description: String { "\(level)/\(index)" }
}

/// Where the hashes of complete subtrees come from: a store, a cache, downloaded tiles.
public protocol NodeReader {
    /// What can go wrong when reading; `Never` for memory.
    associatedtype Failure: Error

    /// Reads the hashes of `ids` in one go.
    ///
    /// - Returns: one hash for each id, in the same order. Another count is a programming error of
    ///   the reader and stops the program.
    /// - Throws: what the reader declares; the proof functions pass it on unchanged.
    func nodes(_ ids: [NodeID]) throws(Failure) -> [MerkleHash]
}
