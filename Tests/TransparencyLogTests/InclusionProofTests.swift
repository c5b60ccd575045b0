import Cryptography
import Testing

@testable import TransparencyLog

@Suite("Inclusion proofs")
struct InclusionProofTests {
    private static let largest: UInt64 = 130

    @Test func everyLeafOfEverySmallTreeIsProven() throws {
        let tree = NaiveTree(below: Self.largest)
        for size in 1...Self.largest {
            let root = tree.root(size)
            for index in 0..<size {
                let leaf = LeafIndex(index)
                let path = InclusionProof.path(for: leaf, in: TreeSize(size), from: tree)
                #expect(path == tree.inclusion(index, 0..<size), "leaf \(index) in \(size)")
                #expect(InclusionProof.length(for: leaf, in: TreeSize(size)) == path.count)
                try InclusionProof.verify(
                    leafHash: tree.leafHash(index),
                    at: leaf,
                    in: TreeSize(size),
                    path: path,
                    root: root
                )
            }
        }
    }

    @Test func planNamesOnlyCompleteSubtrees() {
        for size in 1...Self.largest {
            for index in 0..<size {
                let plan = InclusionProof.nodeIDs(for: LeafIndex(index), in: TreeSize(size))
                #expect(plan.allSatisfy { $0.lastLeaf.value < size })
                #expect(Set(plan).count == plan.count)
                // Together with the leaf they are the whole tree, each leaf once.
                let covered = plan.map { 1 << UInt64($0.level) }.reduce(1, +)
                #expect(covered == size, "leaf \(index) in \(size)")
            }
        }
    }

    @Test func edgeGivesTheSamePaths() {
        let tree = NaiveTree(below: Self.largest)
        var range = CompactRange()
        for size in 1...Self.largest {
            range.append(tree.leafHash(size - 1))
            let edge = RightEdge(range)
            #expect(edge.root == tree.root(size))
            #expect(edge.size == TreeSize(size))
            for index in 0..<size {
                let path = InclusionProof.path(for: LeafIndex(index), edge: edge) { node in
                    #expect(node.lastLeaf.value < size)
                    return tree.node(node)
                }
                #expect(path == tree.inclusion(index, 0..<size), "leaf \(index) in \(size)")
            }
        }
    }

    @Test func randomLeavesOfHugeTreesAreProven() throws {
        var chance = Chance()
        for _ in 0..<60 {
            let size = chance.size()
            let index = UInt64.random(in: 0..<size, using: &chance)
            let others = (0..<3).map { _ in UInt64.random(in: 0..<size, using: &chance) }
            let tree = NaiveTree(special: [index, size - 1] + others)
            let range = RootComputation.range(TreeSize(size), from: tree)
            let leaf = LeafIndex(index)
            let path = InclusionProof.path(for: leaf, in: TreeSize(size), from: tree)
            #expect(path == tree.inclusion(index, 0..<size), "leaf \(index) in \(size)")
            let edge = RightEdge(range)
            #expect(InclusionProof.path(for: leaf, edge: edge, node: tree.node) == path)
            #expect(edge.root == range.root)
            try InclusionProof.verify(
                leafHash: tree.leafHash(index),
                at: leaf,
                in: TreeSize(size),
                path: path,
                root: tree.root(size)
            )
        }
    }

    @Test func errorsOfTheReaderComeThrough() {
        struct Unreadable: Error, Equatable {
            let node: NodeID
        }
        struct Reader: NodeReader {
            func nodes(_ ids: [NodeID]) throws(Unreadable) -> [MerkleHash] {
                throw Unreadable(node: ids[0])
            }
        }
        let first = NodeID(level: 0, index: 4)
        #expect(throws: Unreadable(node: first)) {
            try InclusionProof.path(for: LeafIndex(5), in: TreeSize(7), from: Reader())
        }
        #expect(throws: Unreadable(node: first)) {
            let node = { (id: NodeID) throws(Unreadable) -> MerkleHash in
                throw Unreadable(node: id)
            }
            _ = try InclusionProof.path(for: LeafIndex(5), in: TreeSize(7), node: node)
        }
        #expect(throws: Unreadable(node: NodeID(level: 0, index: 4))) {
            try ConsistencyProof.path(from: TreeSize(5), to: TreeSize(7), from: Reader())
        }
        #expect(throws: Unreadable(node: NodeID(level: 2, index: 0))) {
            try RootComputation.root(TreeSize(7), from: Reader())
        }
    }
}

@Suite("Refused inclusion proofs")
struct InclusionRejectionTests {
    /// A valid proof, and a way to verify a changed one.
    struct Claim {
        var leafHash: MerkleHash
        var leaf: LeafIndex
        var size: TreeSize
        var path: [MerkleHash]
        var root: MerkleHash

        init(_ index: UInt64, in size: UInt64, of tree: NaiveTree) {
            leafHash = tree.leafHash(index)
            leaf = LeafIndex(index)
            self.size = TreeSize(size)
            path = tree.inclusion(index, 0..<size)
            root = tree.root(size)
        }

        /// What verification throws; nil if it accepts.
        var error: ProofError? {
            do {
                try InclusionProof.verify(
                    leafHash: leafHash,
                    at: leaf,
                    in: size,
                    path: path,
                    root: root
                )
                return nil
            } catch {
                return error
            }
        }

        var isRootMismatch: Bool {
            if case .rootMismatch(root, _) = error { true } else { false }
        }
    }

    private let tree = NaiveTree(below: 64)

    /// All leaves of some trees of each shape.
    private func forEachClaim(_ body: (Claim) -> Void) {
        for size: UInt64 in [1, 2, 3, 4, 5, 6, 7, 8, 11, 16, 21, 31, 33] {
            for index in 0..<size {
                let claim = Claim(index, in: size, of: tree)
                #expect(claim.error == nil)
                body(claim)
            }
        }
    }

    @Test func everyFlippedByteIsRefused() throws {
        for (index, size) in [(0, 1), (0, 2), (4, 5), (5, 7), (10, 21), (32, 33)]
            as [(UInt64, UInt64)]
        {
            let claim = Claim(index, in: size, of: tree)
            for (_, bytes) in flips(of: claim.leafHash.bytes) {
                var changed = claim
                changed.leafHash = try merkleHash(bytes)
                #expect(changed.isRootMismatch)
            }
            for (_, bytes) in flips(of: claim.root.bytes) {
                var changed = claim
                changed.root = try merkleHash(bytes)
                #expect(changed.isRootMismatch)
            }
            for step in claim.path.indices {
                for (position, bytes) in flips(of: claim.path[step].bytes) {
                    var changed = claim
                    changed.path[step] = try merkleHash(bytes)
                    #expect(changed.isRootMismatch, "byte \(position) of hash \(step)")
                }
            }
        }
    }

    @Test func anotherLengthIsRefused() {
        forEachClaim { claim in
            for change in [-1, 1, 2] where claim.path.count + change >= 0 {
                var changed = claim
                changed.path =
                    change < 0
                    ? Array(claim.path.dropLast())
                    : claim.path + Array(repeating: claim.root, count: change)
                let lengths = (expected: claim.path.count, found: claim.path.count + change)
                #expect(
                    changed.error == .wrongLength(expected: lengths.expected, found: lengths.found)
                )
            }
            var shifted = claim
            shifted.path = [claim.leafHash] + claim.path
            #expect(shifted.error != nil)
        }
    }

    @Test func hashesInAnotherOrderAreRefused() {
        forEachClaim { claim in
            for first in claim.path.indices {
                for second in claim.path.indices where first < second {
                    var changed = claim
                    changed.path.swapAt(first, second)
                    #expect(changed.isRootMismatch)
                }
            }
        }
    }

    @Test func everyOtherLeafAndIndexIsRefused() {
        forEachClaim { claim in
            for other in 0..<claim.size.value where other != claim.leaf.value {
                var moved = claim
                moved.leaf = LeafIndex(other)
                #expect(moved.error != nil, "\(claim.leaf) as \(other) in \(claim.size)")
                var exchanged = claim
                exchanged.leafHash = tree.leafHash(other)
                #expect(exchanged.isRootMismatch)
            }
        }
    }

    @Test func theRootOfAnotherSizeIsRefused() {
        forEachClaim { claim in
            for size in 0...64 as ClosedRange<UInt64> where size != claim.size.value {
                var changed = claim
                changed.root = tree.root(size)
                #expect(changed.isRootMismatch)
                changed.size = TreeSize(size)
                #expect(changed.error != nil, "\(claim.leaf) of \(claim.size) in \(size)")
            }
        }
    }

    @Test func aLeafOutsideOfTheTreeIsRefused() {
        var claim = Claim(0, in: 1, of: tree)
        claim.leaf = LeafIndex(1)
        #expect(claim.error == .indexOutOfRange(index: LeafIndex(1), size: TreeSize(1)))
        claim.leaf = LeafIndex(.max)
        #expect(claim.error == .indexOutOfRange(index: LeafIndex(.max), size: TreeSize(1)))
        claim.leaf = LeafIndex(0)
        claim.size = .zero
        #expect(claim.error == .indexOutOfRange(index: LeafIndex(0), size: .zero))
    }

    @Test func aTreeBeyondTheLimitIsRefused() {
        var claim = Claim(0, in: 1, of: tree)
        for size in [TreeSize.maximum.value + 1, 1 << 63, .max] {
            claim.size = TreeSize(size)
            #expect(claim.error == .sizeTooLarge(TreeSize(size)))
        }
    }

    @Test func theInnerNodeIsNoLeaf() {
        // Second preimage: the parent of two leaves, presented as a leaf of a smaller tree.
        let parent = tree.root(2)
        let grandparent = tree.root(4)
        let asRecord = tree.leafHash(0).bytes + tree.leafHash(1).bytes
        #expect(MerkleTree.leafHash(asRecord.span) != parent)
        #expect(throws: ProofError.self) {
            try InclusionProof.verify(
                leafHash: MerkleTree.leafHash(asRecord.span),
                at: LeafIndex(0),
                in: TreeSize(2),
                path: [tree.root(2..<4)],
                root: grandparent
            )
        }
    }
}
