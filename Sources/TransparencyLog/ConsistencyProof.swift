/// Consistency proofs: the older tree is a prefix of the newer one, so the log only grew.
///
/// Reference: RFC 6962, section 2.1.2; RFC 9162, section 2.1.4.
public enum ConsistencyProof {
    /// The number of hashes in the proof.
    ///
    /// - Precondition: `from` is at most `to`, and `to` at most ``TreeSize/maximum``.
    public static func length(from: TreeSize, to: TreeSize) -> Int {
        guard let plan = Plan(from: from, to: to) else { return 0 }
        return plan.climb.siblingCount + (plan.givesSeed ? 1 : 0)
    }

    /// The complete subtrees that the proof is made of, in the order in which they are needed.
    ///
    /// Nothing is needed when the sizes are equal or the older tree is empty.
    ///
    /// - Precondition: `from` is at most `to`, and `to` at most ``TreeSize/maximum``.
    public static func nodeIDs(from: TreeSize, to: TreeSize) -> [NodeID] {
        guard let plan = Plan(from: from, to: to) else { return [] }
        return (plan.givesSeed ? [plan.seed] : []) + plan.climb.nodeIDs
    }

    /// Builds the proof with one batched read.
    ///
    /// - Precondition: `from` is at most `to`, and `to` at most ``TreeSize/maximum``.
    /// - Throws: what `reader` throws.
    public static func path<Reader: NodeReader>(
        from: TreeSize,
        to: TreeSize,
        from reader: Reader
    ) throws(Reader.Failure) -> [MerkleHash] {
        var supply = try HashSupply(nodeIDs(from: from, to: to), from: reader)
        return path(from: from, to: to) { _ in supply.next() }
    }

    /// Builds the proof, asking `node` for one complete subtree after the other.
    ///
    /// - Precondition: `from` is at most `to`, and `to` at most ``TreeSize/maximum``.
    /// - Throws: what `node` throws.
    public static func path<Failure: Error>(
        from: TreeSize,
        to: TreeSize,
        node: (NodeID) throws(Failure) -> MerkleHash
    ) throws(Failure) -> [MerkleHash] {
        guard let plan = Plan(from: from, to: to) else { return [] }
        var path: [MerkleHash] = []
        path.reserveCapacity(plan.climb.siblingCount + 1)
        if plan.givesSeed {
            path.append(try node(plan.seed))
        }
        try plan.climb.appendHashes(to: &path, node: node)
        return path
    }

    /// Checks that the tree of size `from` and root `oldRoot` is a prefix of the tree of size `to`
    /// and root `newRoot`.
    ///
    /// Equal sizes need equal roots and an empty path. The empty tree is a prefix of every tree:
    /// its path is empty and `oldRoot` must be ``MerkleTree/emptyRoot``; about `newRoot` this says
    /// nothing.
    ///
    /// - Throws: ``ProofError/sizeTooLarge(_:)``, ``ProofError/sizesDecrease(from:to:)``,
    ///   ``ProofError/wrongLength(expected:found:)`` before anything is hashed;
    ///   ``ProofError/oldRootMismatch(expected:computed:)`` and
    ///   ``ProofError/rootMismatch(expected:computed:)`` when the path leads elsewhere.
    ///
    /// Reference: RFC 9162, section 2.1.4.2.
    public static func verify(
        from: TreeSize,
        to: TreeSize,
        oldRoot: MerkleHash,
        newRoot: MerkleHash,
        path: [MerkleHash]
    ) throws(ProofError) {
        guard to <= TreeSize.maximum else { throw .sizeTooLarge(to) }
        guard from <= to else { throw .sizesDecrease(from: from, to: to) }
        let expected = length(from: from, to: to)
        guard path.count == expected else {
            throw .wrongLength(expected: expected, found: path.count)
        }
        guard let plan = Plan(from: from, to: to) else {
            return try verifyTrivial(from: from, to: to, oldRoot: oldRoot, newRoot: newRoot)
        }
        let seed = plan.givesSeed ? path[0] : oldRoot
        var used = plan.givesSeed ? 1 : 0
        var old = seed
        var new = seed
        var index = plan.climb.index
        var last = plan.climb.last
        while last > 0 {
            if index & 1 == 1 {
                old = MerkleTree.nodeHash(path[used], old)
                new = MerkleTree.nodeHash(path[used], new)
                used += 1
            } else if index < last {
                // Right of the older tree's end: only the newer tree has it.
                new = MerkleTree.nodeHash(new, path[used])
                used += 1
            }
            index >>= 1
            last >>= 1
        }
        precondition(used == path.count, "the climb must use every hash of the path")
        guard old == oldRoot else { throw .oldRootMismatch(expected: oldRoot, computed: old) }
        guard new == newRoot else { throw .rootMismatch(expected: newRoot, computed: new) }
    }

    private static func verifyTrivial(
        from: TreeSize,
        to: TreeSize,
        oldRoot: MerkleHash,
        newRoot: MerkleHash
    ) throws(ProofError) {
        if from == .zero, oldRoot != MerkleTree.emptyRoot {
            throw .oldRootMismatch(expected: oldRoot, computed: MerkleTree.emptyRoot)
        }
        if from == to, oldRoot != newRoot {
            throw .rootMismatch(expected: newRoot, computed: oldRoot)
        }
    }

    /// Where the climb begins: at the last, smallest complete subtree of the older tree.
    private struct Plan {
        let seed: NodeID
        let climb: AuditPath
        /// Whether the proof opens with the seed.
        ///
        /// It need not when the seed is the whole older tree: then the verifier has it as the older
        /// root.
        let givesSeed: Bool

        /// Nil where no proof is needed.
        init?(from: TreeSize, to: TreeSize) {
            precondition(
                from <= to && to <= TreeSize.maximum,
                "a tree can only be consistent with a larger one"
            )
            guard from > .zero, from < to else { return nil }
            let level = UInt8(from.value.trailingZeroBitCount)
            seed = NodeID(level: level, index: (from.value - 1) >> UInt64(level))
            climb = AuditPath(from: seed, in: to)
            givesSeed = from.value != 1 << UInt64(level)
        }
    }
}
