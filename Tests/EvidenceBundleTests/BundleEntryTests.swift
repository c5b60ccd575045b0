import Cryptography
import EvidenceModel
import Testing
import TransparencyLog

@testable import EvidenceBundle

@Suite struct BundleEntryTests {
    private static let hash = MerkleTree.leafHash([1].span).base64

    private func entry(_ line: String) -> BundleEntry? { BundleEntry(Array(line.utf8)[...]) }

    @Test func linesAreLeavesAndNodes() throws {
        guard case .leaf(let index, let bytes)? = entry("leaf 41 {\"a\": 1}") else {
            Issue.record("no leaf")
            return
        }
        #expect(index.value == 41 && String(decoding: bytes, as: UTF8.self) == "{\"a\": 1}")
        guard case .node(8, 3, _)? = entry("node 8 3 \(Self.hash)") else {
            Issue.record("no node")
            return
        }
    }

    @Test(arguments: [
        "", "leaf", "leaf 1", "leaf 1 ", "leaf 01 x", "leaf -1 x", "leaf 9007199254740992 x",
        "Leaf 1 x",
        " leaf 1 x", "leaf  1 x", "node", "node 8", "node 8 3", "node 8 3 ", "node 8 53 \(hash)",
        "node 8 03 \(hash)", "node 8 3 \(hash) ", "node 8 3 x", "node 8 3  \(hash)", "tree 1 x",
    ])
    func otherLinesAreNone(_ line: String) {
        #expect(entry(line) == nil, "\(line)")
    }

    /// Every way to cut a small tree into leaves and the largest nodes gives its root.
    @Test func leavesAndNodesGiveTheRoot() throws {
        let leaves = (0..<19).map { MerkleTree.leafHash([UInt8($0)].span) }
        for size in 1...leaves.count {
            var whole = CompactRange()
            for leaf in leaves[..<size] { whole.append(leaf) }
            for chosen in 0..<size {
                var tree = BundleTree()
                for (first, level) in Self.cover(0..<chosen) + [(chosen, -1)]
                    + Self.cover(chosen + 1..<size)
                {
                    guard level >= 0 else {
                        try tree.add(.leaf(RecordIndex(UInt64(first)), []), leafHash: leaves[first])
                        continue
                    }
                    var subtree = CompactRange()
                    for leaf in leaves[first..<first + (1 << level)] { subtree.append(leaf) }
                    let node = BundleEntry.node(
                        first: UInt64(first),
                        level: UInt8(level),
                        subtree.root
                    )
                    try tree.add(node, leafHash: nil)
                }
                #expect(tree.range.root == whole.root, "leaf \(chosen) of \(size)")
            }
        }
    }

    /// The largest complete subtrees over a range: first leaf and level.
    private static func cover(_ range: Range<Int>) -> [(Int, Int)] {
        var found: [(Int, Int)] = []
        var first = range.lowerBound
        while first < range.upperBound {
            var level = 0
            while first % (2 << level) == 0, first + (2 << level) <= range.upperBound { level += 1 }
            found.append((first, level))
            first += 1 << level
        }
        return found
    }

    @Test func whatDoesNotFollowIsRefused() throws {
        let hash = MerkleTree.leafHash([1].span)
        for entry in [
            BundleEntry.leaf(RecordIndex(1), []), .node(first: 1, level: 0, hash),
            .node(first: 2, level: 1, hash),
        ] {
            var tree = BundleTree()
            #expect(throws: BundleFault.self) { try tree.add(entry, leafHash: hash) }
        }
        var tree = BundleTree()
        try tree.add(.node(first: 0, level: 0, hash), leafHash: nil)
        #expect(throws: BundleFault.self) {
            try tree.add(.node(first: 1, level: 1, hash), leafHash: nil)
        }
    }

    @Test func evidenceIsToldByItsKind() {
        func isEvidence(_ text: String) -> Bool { BundleActs.isEvidence(Array(text.utf8)[...]) }
        #expect(isEvidence("{\"collection\":\"a\",\"kind\":\"evidence\",\"v\":1}"))
        #expect(!isEvidence("{\"kind\":\"census\",\"reason\":\"\\\"kind\\\":\\\"evidence\\\"\"}"))
        #expect(!isEvidence(""))
    }
}

@Suite struct ConcerningActsTests {
    private func overlap(_ left: [ClosedRange<UInt64>], _ right: [ClosedRange<UInt64>]) -> Bool {
        let first = IndexRanges(ranges: left) ?? .none
        let second = IndexRanges(ranges: right) ?? .none
        #expect(first.overlaps(second) == second.overlaps(first))
        return first.overlaps(second)
    }

    @Test func rangesOverlapWhereTheyShareARecord() {
        #expect(!overlap([], [1...2]))
        #expect(overlap([1...2], [2...2]))
        #expect(!overlap([1...2, 8...9], [3...7]))
        #expect(overlap([1...2, 8...9], [3...8]))
        #expect(overlap([5...5], [0...3, 5...5, 7...9]))
        #expect(!overlap([4...4, 6...6, 10...10], [0...3, 5...5, 7...9]))
        #expect(overlap([0...100], [7...7]))
    }
}
