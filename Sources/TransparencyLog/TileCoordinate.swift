/// The place of a tile: up to 256 neighbouring node hashes, the unit in which a tree is served.
///
/// Tile level L holds the nodes of tree level 8 * L. A tile of width 256 is full and never changes;
/// a narrower one is partial: the state of the right edge at some tree size. A coordinate always
/// lies within the largest tree, ``TreeSize/maximum``.
///
/// Reference: C2SP tlog-tiles, "Merkle Tree".
public struct TileCoordinate: Hashable, Sendable, CustomStringConvertible {
    /// The hashes in a full tile.
    public static let fullWidth = TilePath.fullWidth

    /// The tree levels from one tile level to the next: 256 = 2^8.
    public static let height = 8

    /// The highest tile level that a tree of ``TreeSize/maximum`` reaches.
    public static let maximumLevel = 6

    /// The tile level, 0...``maximumLevel``.
    public let level: Int

    /// The number of tiles to the left on the same level.
    public let index: UInt64

    /// The hashes in the tile, 1...256.
    public let width: Int

    /// A tile; nil if no tree up to ``TreeSize/maximum`` has it.
    public init?(level: Int, index: UInt64, width: Int = TileCoordinate.fullWidth) {
        guard (0...Self.maximumLevel).contains(level), (1...Self.fullWidth).contains(width),
            index <= TreeSize.maximum.value >> 8,
            index * 256 + UInt64(width) <= TreeSize.maximum.value >> UInt64(level * Self.height)
        else { return nil }
        self.init(checkedLevel: level, index: index, width: width)
    }

    private init(checkedLevel level: Int, index: UInt64, width: Int) {
        self.level = level
        self.index = index
        self.width = width
    }

    /// The full tile that holds `node`, or the hashes below it from which it is computed.
    ///
    /// A node at a level between two tile levels belongs to the tile below it. Nil if the full tile
    /// does not fit the largest tree.
    public init?(containing node: NodeID) {
        let level = Int(node.level) / Self.height
        let above = UInt64(Self.height - Int(node.level) % Self.height)
        self.init(level: level, index: node.index >> above)
    }

    /// Whether this is a full tile.
    public var isFull: Bool { width == Self.fullWidth }

    /// The first node of the tile.
    public var firstNode: NodeID {
        NodeID(level: UInt8(level * Self.height), index: index * UInt64(Self.fullWidth))
    }

    /// The nodes whose hashes the tile holds, leftmost first.
    public var nodeIDs: [NodeID] {
        let first = firstNode
        return (0..<UInt64(width)).map { NodeID(level: first.level, index: first.index + $0) }
    }

    /// The last leaf that the tile covers.
    public var lastLeaf: LeafIndex {
        let first = firstNode
        return NodeID(level: first.level, index: first.index + UInt64(width) - 1).lastLeaf
    }

    /// Where in this tile the hashes stand that `node` is the root over.
    ///
    /// One position for a node of the tile's own level; 2, 4, … 128 or 256 for a higher one. Nil if
    /// the tile does not cover the node.
    public func positions(of node: NodeID) -> Range<Int>? {
        let above = Int(node.level) - level * Self.height
        guard (0...Self.height).contains(above),
            (node.index << UInt64(above)) >> UInt64(Self.height) == index
        else { return nil }
        let first = Int((node.index << UInt64(above)) & UInt64(Self.fullWidth - 1))
        let end = first + 1 << above
        return end <= width ? first..<end : nil
    }

    /// Whether a tree of `size` leaves has all the hashes of this tile.
    ///
    /// A server may answer for such a tile, full or partial, and for no other.
    public func isAvailable(in size: TreeSize) -> Bool {
        lastLeaf.value < size.value
    }
}

extension TileCoordinate {
    /// The path below the log's prefix, without a leading slash: `tile/0/x001/234` or
    /// `tile/0/x001/234.p/17`.
    public var path: String {
        "tile/\(level)/" + TilePath.format(index: index, width: width)
    }

    /// The same as ``path``.
    public var description: String { path }

    /// Reads a path; nil unless it is exactly the ``path`` of a coordinate.
    public init?(path: some StringProtocol) {
        let parts = TilePath.split(path)
        guard parts.count >= 3, parts[0].elementsEqual("tile".utf8),
            let level = Decimal.parse(parts[1]), level <= UInt64(Self.maximumLevel),
            let (index, width) = TilePath.parse(parts[2...])
        else { return nil }
        self.init(level: Int(level), index: index, width: width)
    }
}

extension TileCoordinate {
    /// The full tiles that a tree of size `to` has and one of size `from` has not, by last leaf and
    /// then by level, both ascending.
    ///
    /// - Precondition: `from` is at most `to`, and `to` at most ``TreeSize/maximum``.
    public static func completed(from: TreeSize, to: TreeSize) -> [TileCoordinate] {
        precondition(from <= to && to <= TreeSize.maximum, "a tree only grows")
        var tiles: [TileCoordinate] = []
        for bottom in (from.value >> 8)..<(to.value >> 8) {
            tiles.append(TileCoordinate(checkedLevel: 0, index: bottom, width: fullWidth))
            // The last tile below a tile completes it.
            var level = 0
            var index = bottom
            while index & 255 == 255 {
                level += 1
                index >>= 8
                tiles.append(TileCoordinate(checkedLevel: level, index: index, width: fullWidth))
            }
        }
        return tiles
    }

    /// The partial tiles of a tree of `size` leaves, by level; a log must serve them for each
    /// checkpoint that it publishes.
    ///
    /// - Precondition: `size` is at most ``TreeSize/maximum``.
    ///
    /// Reference: C2SP tlog-tiles, "Partial Tiles".
    public static func partial(in size: TreeSize) -> [TileCoordinate] {
        precondition(size <= TreeSize.maximum, "the tree is too large")
        return (0...maximumLevel).compactMap { level in
            let nodes = size.value >> UInt64(level * height)
            let width = Int(nodes & 255)
            return width == 0
                ? nil : TileCoordinate(checkedLevel: level, index: nodes >> 8, width: width)
        }
    }
}
