import Cryptography
import TransparencyLog

/// The Merkle tree of one segment in memory: every node, 32 bytes each.
///
/// The sequencer appends; other threads read nodes of trees that were published to them before.
/// A node is written once, before the publication (a mutex) that lets a reader ask for it, so
/// readers take no lock here.
///
/// `@unchecked Sendable`: by that order of publication.
@safe final class SegmentTree: @unchecked Sendable {
    let height: Int
    /// How many leaves there are, published or not.
    ///
    /// For the sequencer.
    private(set) var count = 0
    /// Level k begins at `starts[k]` and has 2^(height - k) nodes.
    private let starts: [Int]
    private let nodes: UnsafeMutablePointer<MerkleHash>

    init(geometry: SegmentGeometry) {
        height = Int(geometry.height)
        var starts: [Int] = []
        var next = 0
        for level in 0...height {
            starts.append(next)
            next += 1 << (height - level)
        }
        self.starts = starts
        // Untouched pages cost nothing, so a nearly empty segment is small.
        unsafe nodes = .allocate(capacity: next)
    }

    deinit { unsafe nodes.deallocate() }

    var isFull: Bool { count == 1 << height }

    /// Adds a leaf and every node that it completes.
    func append(_ leafHash: MerkleHash) {
        precondition(!isFull, "a segment takes \(1 << height) records")
        unsafe nodes.advanced(by: count).initialize(to: leafHash)
        var hash = leafHash
        var position = count
        var level = 0
        while position & 1 == 1 {
            hash = MerkleTree.nodeHash(node(level: level, position - 1), hash)
            position >>= 1
            level += 1
            unsafe nodes.advanced(by: starts[level] + position).initialize(to: hash)
        }
        count += 1
    }

    /// The node over leaves [index << level, (index + 1) << level) of this segment.
    ///
    /// The caller asks only for what is complete in a tree that was published to it.
    func node(level: Int, _ index: Int) -> MerkleHash {
        precondition(level <= height && index < 1 << (height - level), "no such node")
        return unsafe nodes[starts[level] + index]
    }
}
