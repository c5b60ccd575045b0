internal import TransparencyLog

/// The nodes of a tree, from the tiles that a server gives; a proof that is made of them shows
/// whether they were right.
final class TileNodes {
    private let reader: LogReader
    private let size: TreeSize
    private var tiles: [TileCoordinate: [MerkleHash]] = [:]

    /// Why there is no node.
    enum Failure: Error {
        case failed(CommandFailure)
        /// What is served is no tile.
        case malformed
    }

    init(_ reader: LogReader, size: TreeSize) {
        self.reader = reader
        self.size = size
    }

    /// Whether the tree of `root` begins with that of `old`, as far as the tiles show.
    func prove(
        from: TreeSize,
        oldRoot: MerkleHash,
        root: MerkleHash
    ) throws(CommandFailure) -> Bool {
        if from == size { return oldRoot == root }
        do throws(Failure) {
            let path = try ConsistencyProof.path(from: from, to: size) {
                node throws(Failure) in try hash(of: node)
            }
            return
                (try? ConsistencyProof.verify(
                    from: from,
                    to: size,
                    oldRoot: oldRoot,
                    newRoot: root,
                    path: path
                )) != nil
        } catch {
            switch error {
            case .failed(let failure): throw failure
            case .malformed: return false
            }
        }
    }

    /// The hashes that show that a leaf stands in the tree; nil if what is served is no tile.
    ///
    /// Whether they are right shows in the root.
    func path(for leaf: LeafIndex) throws(CommandFailure) -> [MerkleHash]? {
        do throws(Failure) {
            return try InclusionProof.path(for: leaf, in: size) { node throws(Failure) in
                try hash(of: node)
            }
        } catch {
            switch error {
            case .failed(let failure): throw failure
            case .malformed: return nil
            }
        }
    }

    /// Lets go of what was read, so that it is read anew.
    func forget() { tiles.removeAll() }

    private func hash(of node: NodeID) throws(Failure) -> MerkleHash {
        let level = Int(node.level) / TileCoordinate.height
        let above = UInt64(TileCoordinate.height - Int(node.level) % TileCoordinate.height)
        let index = node.index >> above
        let nodes = size.value >> UInt64(level * TileCoordinate.height)
        let width = min(UInt64(TileCoordinate.fullWidth), nodes - (index << 8))
        guard let tile = TileCoordinate(level: level, index: index, width: Int(width)),
            let positions = tile.positions(of: node)
        else { preconditionFailure("a proof is made of nodes of its tree") }
        return MerkleTree.root(over: Array(try hashes(of: tile)[positions]))
    }

    private func hashes(of tile: TileCoordinate) throws(Failure) -> [MerkleHash] {
        if let known = tiles[tile] { return known }
        let served: [MerkleHash]?
        do throws(CommandFailure) {
            served = try reader.tile(tile)
        } catch { throw .failed(error) }
        guard let served else { throw .malformed }
        tiles[tile] = served
        return served
    }
}
