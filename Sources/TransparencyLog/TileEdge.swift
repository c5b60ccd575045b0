/// The right edge of a tree as tiles: the hashes of each level's tile that is not full yet.
///
/// From these a tree can go on growing, and every tile that it fills can be told. Invariant: level
/// L holds as many hashes as the 8 binary digits of `size` from digit 8 * L on say; so at most 255.
///
/// Reference: C2SP tlog-tiles, "Partial Tiles".
public struct TileEdge: Equatable, Sendable {
    /// The number of leaves.
    public private(set) var size: TreeSize

    /// By tile level the hashes of the tile that is not full, leftmost first.
    public private(set) var levels: [[MerkleHash]]

    /// The edge of the empty tree.
    public init() {
        size = .zero
        levels = Array(repeating: [], count: TileCoordinate.maximumLevel + 1)
    }

    /// An edge that was kept; nil unless the levels have as many hashes as the size says.
    ///
    /// Whether the hashes are the right ones shows only in the root.
    public init?(size: TreeSize, levels: [[MerkleHash]]) {
        guard size <= TreeSize.maximum, levels.count == TileCoordinate.maximumLevel + 1 else {
            return nil
        }
        for (level, hashes) in levels.enumerated() {
            let count = (size.value >> UInt64(level * TileCoordinate.height)) & 255
            guard UInt64(hashes.count) == count else { return nil }
        }
        self.size = size
        self.levels = levels
    }

    /// Appends a leaf by its hash, and reports each tile that it fills, from the lowest level up.
    ///
    /// - Precondition: the tree is below ``TreeSize/maximum``.
    public mutating func append(
        _ leafHash: MerkleHash,
        filled: (TileCoordinate, [MerkleHash]) -> Void
    ) {
        precondition(size < TreeSize.maximum, "the tree has reached its largest size")
        size = TreeSize(size.value + 1)
        var hash = leafHash
        for level in levels.indices {
            levels[level].append(hash)
            guard levels[level].count == TileCoordinate.fullWidth else { return }
            let nodes = size.value >> UInt64(level * TileCoordinate.height)
            guard let tile = TileCoordinate(level: level, index: (nodes - 1) >> 8) else {
                preconditionFailure("a tree has the tiles that it fills")
            }
            filled(tile, levels[level])
            hash = MerkleTree.root(over: levels[level])
            levels[level].removeAll(keepingCapacity: true)
        }
    }

    /// The same tree as the roots of its complete subtrees.
    public var range: CompactRange {
        var range = CompactRange()
        for (level, hashes) in levels.enumerated().reversed() {
            for hash in hashes {
                range.append(subtree: hash, level: UInt8(level * TileCoordinate.height))
            }
        }
        return range
    }

    /// The root of the tree.
    public var root: MerkleHash { range.root }

    /// The tiles that are not full, by level; as ``TileCoordinate/partial(in:)`` names them.
    public var partial: [(tile: TileCoordinate, hashes: [MerkleHash])] {
        TileCoordinate.partial(in: size).map { ($0, levels[$0.level]) }
    }
}
