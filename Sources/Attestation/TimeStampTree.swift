package import Cryptography

/// A hash tree over what many archive time-stamps cover, so that one token renews them all.
///
/// Binary: neighbours have one father, the hash of both in ascending order, one after the other; a
/// node without a neighbour goes up as it is.
///
/// Reference: RFC 4998 section 4.2.
package struct TimeStampTree: Sendable {
    package let root: [UInt8]
    /// For each leaf, in their order, what leads from it to the root; empty for a single leaf.
    package let paths: [[[[UInt8]]]]

    /// `leaves`: at least one.
    package init(leaves: [[UInt8]], digest: TimeStampDigest) {
        precondition(!leaves.isEmpty, "a tree of nothing")
        var paths = [[[[UInt8]]]](repeating: [], count: leaves.count)
        var nodes = leaves.enumerated().map { (hash: $0.element, below: [$0.offset]) }
        while nodes.count > 1 {
            var above: [(hash: [UInt8], below: [Int])] = []
            for place in stride(from: 0, to: nodes.count, by: 2) {
                guard place + 1 < nodes.count else {
                    above.append(nodes[place])
                    continue
                }
                let (left, right) = (nodes[place], nodes[place + 1])
                for (own, other) in [(left, right), (right, left)] {
                    for leaf in own.below {
                        let isFirst = paths[leaf].isEmpty
                        paths[leaf].append(
                            isFirst ? Self.ascending([own.hash, other.hash]) : [other.hash]
                        )
                    }
                }
                let hash = digest.hash(Self.ascending([left.hash, right.hash]).joined())
                above.append((hash, left.below + right.below))
            }
            nodes = above
        }
        root = nodes[0].hash
        self.paths = paths
    }

    /// The root that a path leads to; nil if the leaf is not in it.
    ///
    /// Reference: RFC 4998 section 4.3.
    package static func root(
        of leaf: [UInt8],
        path: [[[UInt8]]],
        digest: TimeStampDigest
    ) -> [UInt8]? {
        guard let first = path.first else { return leaf }
        guard first.contains(leaf) else { return nil }
        var hash: [UInt8]?
        for list in path {
            let group = list + (hash.map { [$0] } ?? [])
            hash = group.count == 1 ? group[0] : digest.hash(ascending(group).joined())
        }
        return hash
    }

    private static func ascending(_ hashes: [[UInt8]]) -> [[UInt8]] {
        hashes.sorted { $0.lexicographicallyPrecedes($1) }
    }
}
