import Cryptography
import Testing

@testable import TransparencyLog

@Suite("Consistency proofs")
struct ConsistencyProofTests {
    private static let largest: UInt64 = 130

    @Test func everyPairOfSmallTreesIsProven() throws {
        let tree = NaiveTree(below: Self.largest)
        for to in 1...Self.largest {
            for from in 1...to {
                let (old, new) = (TreeSize(from), TreeSize(to))
                let path = ConsistencyProof.path(from: old, to: new, from: tree)
                #expect(path == tree.consistency(from, 0..<to), "\(from) to \(to)")
                #expect(ConsistencyProof.length(from: old, to: new) == path.count)
                let plan = ConsistencyProof.nodeIDs(from: old, to: new)
                #expect(plan.allSatisfy { $0.lastLeaf.value < to })
                try ConsistencyProof.verify(
                    from: old,
                    to: new,
                    oldRoot: tree.root(from),
                    newRoot: tree.root(to),
                    path: path
                )
            }
        }
    }

    @Test func randomPairsOfHugeTreesAreProven() throws {
        var chance = Chance()
        for _ in 0..<60 {
            let to = chance.size()
            let from = UInt64.random(in: 1...to, using: &chance)
            let others = (0..<3).map { _ in UInt64.random(in: 0..<to, using: &chance) }
            let tree = NaiveTree(special: [0, from - 1, to - 1] + others)
            let path = ConsistencyProof.path(from: TreeSize(from), to: TreeSize(to), from: tree)
            #expect(path == tree.consistency(from, 0..<to), "\(from) to \(to)")
            try ConsistencyProof.verify(
                from: TreeSize(from),
                to: TreeSize(to),
                oldRoot: tree.root(from),
                newRoot: tree.root(to),
                path: path
            )
        }
    }

    @Test func anEmptyTreeIsAPrefixOfEveryTree() throws {
        let root = NaiveTree.leafHash("any")
        let new = TreeSize(7)
        #expect(ConsistencyProof.nodeIDs(from: .zero, to: new).isEmpty)
        #expect(ConsistencyProof.length(from: .zero, to: new) == 0)
        let empty = MerkleTree.emptyRoot
        try ConsistencyProof.verify(from: .zero, to: new, oldRoot: empty, newRoot: root, path: [])
        try ConsistencyProof.verify(
            from: .zero,
            to: .zero,
            oldRoot: empty,
            newRoot: empty,
            path: []
        )
        #expect(throws: ProofError.oldRootMismatch(expected: root, computed: empty)) {
            try ConsistencyProof.verify(
                from: .zero,
                to: new,
                oldRoot: root,
                newRoot: root,
                path: []
            )
        }
        #expect(throws: ProofError.rootMismatch(expected: root, computed: empty)) {
            try ConsistencyProof.verify(
                from: .zero,
                to: .zero,
                oldRoot: empty,
                newRoot: root,
                path: []
            )
        }
        #expect(throws: ProofError.wrongLength(expected: 0, found: 1)) {
            try ConsistencyProof.verify(
                from: .zero,
                to: new,
                oldRoot: empty,
                newRoot: root,
                path: [root]
            )
        }
    }

    @Test func theSameTreeNeedsTheSameRoot() throws {
        let (root, other) = (NaiveTree.leafHash("one"), NaiveTree.leafHash("two"))
        let size = TreeSize(6)
        try ConsistencyProof.verify(from: size, to: size, oldRoot: root, newRoot: root, path: [])
        #expect(throws: ProofError.rootMismatch(expected: other, computed: root)) {
            try ConsistencyProof.verify(
                from: size,
                to: size,
                oldRoot: root,
                newRoot: other,
                path: []
            )
        }
        #expect(throws: ProofError.wrongLength(expected: 0, found: 1)) {
            try ConsistencyProof.verify(
                from: size,
                to: size,
                oldRoot: root,
                newRoot: root,
                path: [root]
            )
        }
    }
}

@Suite("Refused consistency proofs")
struct ConsistencyRejectionTests {
    /// A valid proof, and a way to verify a changed one.
    struct Claim {
        var from: TreeSize
        var to: TreeSize
        var oldRoot: MerkleHash
        var newRoot: MerkleHash
        var path: [MerkleHash]

        init(from: UInt64, to: UInt64, of tree: NaiveTree) {
            self.from = TreeSize(from)
            self.to = TreeSize(to)
            oldRoot = tree.root(from)
            newRoot = tree.root(to)
            path = tree.consistency(from, 0..<to)
        }

        /// What verification throws; nil if it accepts.
        var error: ProofError? {
            do {
                try ConsistencyProof.verify(
                    from: from,
                    to: to,
                    oldRoot: oldRoot,
                    newRoot: newRoot,
                    path: path
                )
                return nil
            } catch {
                return error
            }
        }

        var isRootMismatch: Bool {
            switch error {
            case .rootMismatch, .oldRootMismatch: true
            default: false
            }
        }
    }

    private let tree = NaiveTree(below: 64)

    private func forEachClaim(_ body: (Claim) -> Void) {
        for to: UInt64 in [2, 3, 4, 5, 6, 7, 8, 11, 16, 21, 31, 33] {
            for from in 1..<to {
                let claim = Claim(from: from, to: to, of: tree)
                #expect(claim.error == nil)
                body(claim)
            }
        }
    }

    @Test func everyFlippedByteIsRefused() throws {
        for (from, to) in [(1, 2), (3, 4), (4, 7), (6, 7), (5, 21), (32, 33)] as [(UInt64, UInt64)]
        {
            let claim = Claim(from: from, to: to, of: tree)
            for (_, bytes) in flips(of: claim.oldRoot.bytes) {
                var changed = claim
                changed.oldRoot = try merkleHash(bytes)
                #expect(changed.isRootMismatch)
            }
            for (_, bytes) in flips(of: claim.newRoot.bytes) {
                var changed = claim
                changed.newRoot = try merkleHash(bytes)
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
            let expected = claim.path.count
            var changed = claim
            changed.path.removeLast()
            #expect(changed.error == .wrongLength(expected: expected, found: expected - 1))
            changed.path = claim.path + [claim.newRoot]
            #expect(changed.error == .wrongLength(expected: expected, found: expected + 1))
            changed.path = [claim.oldRoot] + claim.path
            #expect(changed.error == .wrongLength(expected: expected, found: expected + 1))
            changed.path = []
            #expect(changed.error == .wrongLength(expected: expected, found: 0))
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

    @Test func rootsOfOtherSizesAreRefused() {
        forEachClaim { claim in
            for size in 0...64 as ClosedRange<UInt64> {
                if size != claim.from.value {
                    var changed = claim
                    changed.oldRoot = tree.root(size)
                    #expect(changed.isRootMismatch)
                }
                if size != claim.to.value {
                    var changed = claim
                    changed.newRoot = tree.root(size)
                    #expect(changed.isRootMismatch)
                }
            }
            var exchanged = claim
            (exchanged.oldRoot, exchanged.newRoot) = (claim.newRoot, claim.oldRoot)
            #expect(exchanged.isRootMismatch)
        }
    }

    @Test func anotherHistoryIsRefused() {
        // The same size and the same newest leaf, but one old leaf was replaced.
        let rewritten = NaiveTree(special: Array(0..<20).filter { $0 != 3 })
        forEachClaim { claim in
            guard (4...20).contains(claim.to.value), claim.from.value > 3 else { return }
            var changed = claim
            changed.newRoot = rewritten.root(claim.to.value)
            changed.path = rewritten.consistency(claim.from.value, 0..<claim.to.value)
            #expect(changed.isRootMismatch, "\(claim.from) to \(claim.to)")
        }
    }

    @Test func impossibleSizesAreRefused() {
        var claim = Claim(from: 5, to: 7, of: tree)
        (claim.from, claim.to) = (TreeSize(7), TreeSize(5))
        #expect(claim.error == .sizesDecrease(from: TreeSize(7), to: TreeSize(5)))
        claim.to = TreeSize(1 << 53)
        #expect(claim.error == .sizeTooLarge(TreeSize(1 << 53)))
        (claim.from, claim.to) = (TreeSize(.max), TreeSize(.max))
        #expect(claim.error == .sizeTooLarge(TreeSize(.max)))
    }
}
