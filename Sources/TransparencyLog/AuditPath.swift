/// The climb from one complete subtree to the root of a tree, sibling by sibling.
///
/// Both kinds of proof are such a climb: inclusion starts at a leaf, consistency at the last
/// complete subtree of the older tree. The climb yields only complete subtrees. A sibling on the
/// right edge that is not complete is yielded as its parts, from the smallest (rightmost) to the
/// largest; every part but the first is marked `joinsPrevious`: its hash goes to the left of what
/// is there already.
///
/// Reference: RFC 6962, sections 2.1.1 and 2.1.2; written bottom-up instead of recursively.
@usableFromInline
struct AuditPath: Sequence, IteratorProtocol {
    @usableFromInline
    struct Step {
        @usableFromInline let node: NodeID
        @usableFromInline let joinsPrevious: Bool

        @inlinable
        init(node: NodeID, joinsPrevious: Bool) {
            self.node = node
            self.joinsPrevious = joinsPrevious
        }
    }

    /// The number of leaves in the tree, at least 1.
    @usableFromInline let size: UInt64
    /// Level of the climb.
    @usableFromInline var level: UInt8
    /// The node of that level that the climb is at, and the last one of the level.
    @usableFromInline var index: UInt64
    @usableFromInline var last: UInt64
    /// Leaves of the right edge that have not been yielded yet, and where they end.
    @usableFromInline var edgeRemainder: UInt64 = 0
    @usableFromInline var edgeEnd: UInt64 = 0

    /// - Precondition: `start` lies in the tree of `size` leaves.
    @inlinable
    init(from start: NodeID, in size: TreeSize) {
        precondition(
            size.value > 0 && size <= TreeSize.maximum
                && start.index <= (size.value - 1) >> UInt64(start.level),
            "the starting node lies outside of the tree"
        )
        self.size = size.value
        level = start.level
        index = start.index
        last = (size.value - 1) >> UInt64(start.level)
    }

    /// The number of siblings on the rest of the climb: the hashes in the proof.
    @inlinable var siblingCount: Int {
        // Up to where the paths of `index` and `last` meet there is a sibling on each level; above
        // that, only on the left.
        let shared = UInt64.bitWidth - (index ^ last).leadingZeroBitCount
        return shared + (shared < 64 ? (index >> UInt64(shared)).nonzeroBitCount : 0)
    }

    @inlinable
    mutating func next() -> Step? {
        if edgeRemainder > 0 {
            return nextPartOfEdge(joinsPrevious: true)
        }
        while last > 0 {
            let sibling = index ^ 1
            let siblingLevel = level
            let lastOfLevel = last
            level += 1
            index >>= 1
            last >>= 1
            if sibling < lastOfLevel {
                return Step(
                    node: NodeID(level: siblingLevel, index: sibling),
                    joinsPrevious: false
                )
            }
            if sibling == lastOfLevel {
                edgeEnd = size
                edgeRemainder = size - (sibling << UInt64(siblingLevel))
                return nextPartOfEdge(joinsPrevious: false)
            }
            // No sibling: the node itself stands on the right edge and moves up unchanged.
        }
        return nil
    }

    @inlinable
    mutating func nextPartOfEdge(joinsPrevious: Bool) -> Step {
        let partLevel = UInt8(edgeRemainder.trailingZeroBitCount)
        let node = NodeID(level: partLevel, index: (edgeEnd >> UInt64(partLevel)) - 1)
        edgeEnd -= 1 << UInt64(partLevel)
        edgeRemainder &= edgeRemainder - 1
        return Step(node: node, joinsPrevious: joinsPrevious)
    }
}

extension AuditPath {
    /// The nodes of the climb, in order.
    var nodeIDs: [NodeID] { map(\.node) }

    /// Fills `path` with the hashes of the siblings, asking `node` for each complete subtree.
    @inlinable
    func appendHashes<Failure: Error>(
        to path: inout [MerkleHash],
        node: (NodeID) throws(Failure) -> MerkleHash
    ) throws(Failure) {
        var steps = self
        while let step = steps.next() {
            let hash = try node(step.node)
            if step.joinsPrevious {
                path[path.count - 1] = MerkleTree.nodeHash(hash, path[path.count - 1])
            } else {
                path.append(hash)
            }
        }
    }
}

/// Hashes that were read in one go, handed out in the order in which they were asked for.
struct HashSupply {
    private var hashes: [MerkleHash].Iterator

    /// Reads `ids` from `reader`.
    init<Reader: NodeReader>(_ ids: [NodeID], from reader: Reader) throws(Reader.Failure) {
        let read = try reader.nodes(ids)
        precondition(read.count == ids.count, "a NodeReader must return one hash for each id")
        hashes = read.makeIterator()
    }

    mutating func next() -> MerkleHash {
        guard let hash = hashes.next() else {
            preconditionFailure("the plan of a proof and its assembly must agree")
        }
        return hash
    }
}
