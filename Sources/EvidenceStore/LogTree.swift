import Cryptography
import Platform
import TransparencyLog

/// The tree over the segments' roots: every node at or above the segments' height.
///
/// Some 64 bytes a segment: 15,000 segments of 2^16 records take 1 MB.
final class UpperTree: Sendable {
    private let geometry: SegmentGeometry
    /// Level 0 holds the segments' roots.
    private let levels: Mutex<[[MerkleHash]]>

    init(geometry: SegmentGeometry) {
        self.geometry = geometry
        levels = Mutex([[]])
    }

    /// How many segments are full.
    var segmentCount: UInt64 { levels.withLock { UInt64($0[0].count) } }

    /// Adds the next full segment's root.
    func append(segmentRoot: MerkleHash) {
        levels.withLock { levels in
            var hash = segmentRoot
            var level = 0
            levels[0].append(hash)
            while levels[level].count.isMultiple(of: 2) {
                let pair = levels[level].suffix(2)
                hash = MerkleTree.nodeHash(pair[pair.startIndex], hash)
                level += 1
                if level == levels.count { levels.append([]) }
                levels[level].append(hash)
            }
        }
    }

    /// The node with this id, or nil if it is below the segments' height or not complete.
    func node(_ id: NodeID) -> MerkleHash? {
        guard id.level >= geometry.height else { return nil }
        let level = Int(id.level - geometry.height)
        return levels.withLock { levels in
            guard level < levels.count, id.index < UInt64(levels[level].count) else { return nil }
            return levels[level][Int(id.index)]
        }
    }
}
