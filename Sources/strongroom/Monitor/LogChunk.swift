internal import TransparencyLog

/// Neighbouring records as they were served, and the tree that they lead to.
struct LogChunk {
    /// The records, behind those of the tree before.
    var records: [[UInt8]] = []
    /// Their leaf hashes.
    var leaves: [MerkleHash] = []
    /// The tree with them.
    var edge: TileEdge
    /// The tiles that they fill.
    var tiles: [(tile: TileCoordinate, hashes: [MerkleHash])] = []
    /// A record that was known before, and is served with other bytes now.
    var changed: LeafIndex?
    private var sizeBytes = 0

    /// Records and bytes that are read before they are judged and kept, about.
    static let maximumCount = 1 << 16
    static let maximumBytes = 16 << 20

    /// Reads on from a tree, up to a larger one or so far as a chunk goes.
    init(
        from edge: TileEdge,
        upTo end: TreeSize,
        _ reader: LogReader,
        _ mayGoOn: () throws(CommandFailure) -> Void
    ) throws(CommandFailure) {
        self.edge = edge
        while self.edge.size < end, records.count < Self.maximumCount,
            sizeBytes < Self.maximumBytes
        {
            try mayGoOn()
            try readBundle(upTo: end, reader)
            guard changed == nil else { return }
        }
    }

    private mutating func readBundle(
        upTo end: TreeSize,
        _ reader: LogReader
    ) throws(CommandFailure) {
        let index = edge.size.value / UInt64(EntryBundleCoordinate.fullWidth)
        let first = index * UInt64(EntryBundleCoordinate.fullWidth)
        let width = min(UInt64(EntryBundleCoordinate.fullWidth), end.value - first)
        guard let bundle = EntryBundleCoordinate(index: index, width: Int(width)) else {
            preconditionFailure("a tree has the bundles that it is made of")
        }
        guard let entries = try reader.entries(bundle) else {
            changed = LeafIndex(edge.size.value)
            return
        }
        let known = edge.levels[0]
        for (place, entry) in entries.enumerated() {
            let leaf = MerkleTree.leafHash(entry.span)
            if place < known.count {
                guard leaf == known[place] else {
                    changed = LeafIndex(first + UInt64(place))
                    return
                }
                continue
            }
            records.append(entry)
            leaves.append(leaf)
            sizeBytes += entry.count
            edge.append(leaf) { tiles.append(($0, $1)) }
        }
    }
}
