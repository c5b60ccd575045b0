import Cryptography
import Testing

@testable import TransparencyLog

@Suite("Compact range")
struct CompactRangeTests {
    @Test func growsLeafByLeaf() {
        let tree = NaiveTree(below: 130)
        var range = CompactRange()
        for size in 1...130 as ClosedRange<UInt64> {
            range.append(tree.leafHash(size - 1))
            #expect(range.size == TreeSize(size))
            #expect(range.root == tree.root(size))
            #expect(range.peaks == tree.nodes(RootComputation.nodeIDs(TreeSize(size))))
            #expect(RootComputation.root(TreeSize(size), from: tree) == range.root)
        }
    }

    @Test func reportsEverySubtreeOnceAndInOrder() {
        let tree = NaiveTree(below: 64)
        var range = CompactRange()
        var found: [NodeID] = []
        for index in 0..<64 as Range<UInt64> {
            range.append(tree.leafHash(index)) { node, hash in
                found.append(node)
                #expect(hash == tree.node(node))
                #expect(node.lastLeaf == LeafIndex(index))
            }
        }
        // A complete binary tree over 64 leaves.
        #expect(found.count == 127)
        #expect(Set(found).count == 127)
        #expect(found.last == NodeID(level: 6, index: 0))
        #expect(found.prefix(3).map(\.description) == ["0/0", "0/1", "1/0"])
    }

    @Test func takesWholeSubtrees() {
        var chance = Chance()
        let tree = NaiveTree(below: 0)
        for _ in 0..<40 {
            var range = CompactRange()
            for _ in 0..<12 {
                let room = range.size.value.trailingZeroBitCount
                let level = UInt8.random(in: 0...UInt8(min(room, 40)), using: &chance)
                let start = range.size.value
                range.append(
                    subtree: tree.node(NodeID(level: level, index: start >> UInt64(level))),
                    level: level
                ) { node, hash in
                    #expect(hash == tree.node(node))
                }
                #expect(range.size == TreeSize(start + 1 << UInt64(level)))
            }
            #expect(range.root == tree.root(range.size.value))
        }
    }

    @Test func isRestoredFromItsPeaks() throws {
        let tree = NaiveTree(below: 130)
        for size in 0...100 as ClosedRange<UInt64> {
            let kept = tree.nodes(RootComputation.nodeIDs(TreeSize(size)))
            var range = try #require(CompactRange(size: TreeSize(size), peaks: kept))
            #expect(range.root == tree.root(size))
            #expect(range == RootComputation.range(TreeSize(size), from: tree))
            for index in size..<size + 30 {
                range.append(tree.leafHash(index))
            }
            #expect(range.root == tree.root(size + 30))
        }
    }

    @Test func refusesPeaksThatDoNotFit() {
        let hash = MerkleTree.emptyRoot
        #expect(CompactRange(size: .zero, peaks: []) == CompactRange())
        #expect(CompactRange(size: .zero, peaks: [hash]) == nil)
        #expect(CompactRange(size: TreeSize(5), peaks: [hash]) == nil)
        #expect(CompactRange(size: TreeSize(5), peaks: [hash, hash, hash]) == nil)
        #expect(CompactRange(size: TreeSize(1 << 53), peaks: [hash]) == nil)
        #expect(CompactRange(size: TreeSize(1 << 52), peaks: [hash]) != nil)
    }

    @Test func knowsNodesOfTheLargestTree() {
        let ids = RootComputation.nodeIDs(.maximum)
        #expect(ids.count == 53)
        #expect(ids.first == NodeID(level: 52, index: 0))
        #expect(ids.last == NodeID(leaf: LeafIndex(TreeSize.maximum.value - 1)))
        #expect(RootComputation.nodeIDs(.zero).isEmpty)
    }

    @Test(
        arguments: [
            (0, 5, 5, 5),
            (3, 2, 16, 23),
            (52, 0, 0, (1 << 52) - 1),
        ] as [(UInt8, UInt64, UInt64, UInt64)]
    )
    func nodesKnowTheirLeaves(level: UInt8, index: UInt64, first: UInt64, last: UInt64) {
        let node = NodeID(level: level, index: index)
        #expect(node.firstLeaf == LeafIndex(first))
        #expect(node.lastLeaf == LeafIndex(last))
    }

    @Test func indexesAndSizesAreOrderedAndPrinted() {
        #expect(LeafIndex(9) < LeafIndex(10))
        #expect(TreeSize(9) < TreeSize(10))
        #expect("\(LeafIndex(9)) \(TreeSize.maximum)" == "9 9007199254740991")
    }
}
