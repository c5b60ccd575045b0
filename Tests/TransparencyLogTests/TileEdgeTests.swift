import Cryptography
import Testing
import TransparencyLog

@Suite struct TileEdgeTests {
    private func leaf(_ number: Int) -> MerkleHash {
        let bytes = Array("leaf \(number)".utf8)
        return MerkleTree.leafHash(bytes.span)
    }

    /// Over three tile levels: the root, the tiles that are filled, and those that are not.
    @Test func theEdgeIsThatOfTheTree() {
        var (edge, range) = (TileEdge(), CompactRange())
        var nodes: [NodeID: MerkleHash] = [:]
        var filled: [TileCoordinate: [MerkleHash]] = [:]
        let count = 256 * 256 + 700
        for number in 0..<count {
            let hash = leaf(number)
            range.append(hash) { nodes[$0] = $1 }
            edge.append(hash) { filled[$0] = $1 }
            guard number % 97 == 0 || number > count - 300 || number % 256 > 253 else { continue }
            if edge.root != range.root || edge.size != range.size {
                Issue.record("another root at \(range.size)")
                return
            }
        }
        let size = TreeSize(UInt64(count))
        #expect(Set(filled.keys) == Set(TileCoordinate.completed(from: .zero, to: size)))
        for (tile, hashes) in filled {
            #expect(tile.nodeIDs.map { nodes[$0] } == hashes, "\(tile)")
        }
        #expect(edge.partial.map(\.tile) == TileCoordinate.partial(in: size))
        for (tile, hashes) in edge.partial {
            #expect(tile.nodeIDs.map { nodes[$0] } == hashes, "\(tile)")
        }
        #expect(edge.range == range)
        #expect(TileEdge(size: edge.size, levels: edge.levels) == edge)
    }

    @Test func anEdgeThatWasKeptFitsItsSize() {
        var edge = TileEdge()
        for number in 0..<300 { edge.append(leaf(number)) { _, _ in } }
        #expect(TileEdge(size: TreeSize(299), levels: edge.levels) == nil)
        #expect(TileEdge(size: TreeSize(301), levels: edge.levels) == nil)
        #expect(TileEdge(size: edge.size, levels: Array(edge.levels.dropLast())) == nil)
        var levels = edge.levels
        levels[1].removeAll()
        #expect(TileEdge(size: edge.size, levels: levels) == nil)
        #expect(TileEdge(size: TreeSize(TreeSize.maximum.value + 1), levels: levels) == nil)
        #expect(TileEdge().root == MerkleTree.emptyRoot)
    }
}
