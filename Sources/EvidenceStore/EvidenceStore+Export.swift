package import EvidenceModel
import Platform
package import TransparencyLog

/// The hash of a complete subtree of the log.
package struct SubtreeHash: Sendable {
    package let node: NodeID
    package let hash: MerkleHash
}

extension EvidenceStore {
    /// The evidence that is meant by a selection, as things stand.
    package func matches(_ selection: ExportSelection) throws(StoreError) -> SelectionMatches {
        let before = RecordIndex(view.checkpoint.size.value)
        var query = SearchQuery()
        query.collection = selection.collection
        query.namePrefix = selection.namePrefix
        query.labels = selection.labels.sorted.map { ($0.key, $0.value) }
        query.digest = selection.payloadDigest
        query.since = selection.since
        query.until = selection.until
        return try matches(query, before: before) { stored in
            guard let matter = selection.matter else { return true }
            guard let facts = RecordFacts(stored) else { return false }
            return view.withState { $0.matters[matter]?.holds(facts) ?? false }
        }
    }

    /// Every record below `end` that is no evidence, ascending.
    package func forEachAct(
        below end: RecordIndex,
        _ body: (RecordIndex, [UInt8]) throws(StoreError) -> Void
    ) throws(StoreError) {
        var first: UInt64 = 0
        while first < end.value {
            let number = view.geometry.segment(of: RecordIndex(first))
            let limit = min(first + view.geometry.capacity, end.value)
            for index in try acts(in: number, first..<limit) {
                try body(index, try record(at: index).bytes)
            }
            first += view.geometry.capacity
        }
    }

    private func acts(
        in number: SegmentNumber,
        _ range: Range<UInt64>
    ) throws(StoreError) -> [RecordIndex] {
        if let segment = view.unsealedSegment(number) {
            let first = view.geometry.firstIndex(of: number).value
            return segment.index.acts(below: Int(range.upperBound - first)).map { offset in
                RecordIndex(first + UInt64(offset))
            }
        }
        return try view.sealed.segment(number).acts().filter { range.contains($0.value) }
    }

    /// The largest complete subtrees that cover a range of the log's leaves, from left to right.
    package func subtrees(
        covering range: Range<UInt64>
    ) throws(StoreError) -> [SubtreeHash] {
        var found: [SubtreeHash] = []
        var first = range.lowerBound
        while first < range.upperBound {
            let node = NodeID.largest(from: first, below: range.upperBound)
            found.append(SubtreeHash(node: node, hash: try view.node(node)))
            first += 1 << UInt64(node.level)
        }
        return found
    }

    /// Reads every line of the access log that is older than `time`, in their order.
    package func forEachAccess(
        before time: Timestamp,
        _ body: (AccessEntry, [UInt8]) throws(StoreError) -> Void
    ) throws(StoreError) {
        for (_, text) in try AccessFiles.days(in: paths.access).sorted(by: { $0.day < $1.day }) {
            try AccessFiles.forEachLine(of: "\(paths.access)/\(text).log") {
                bytes throws(StoreError) in
                guard let line = AccessLine(parsing: bytes.span), line.entry.time < time
                else { return }
                try body(line.entry, bytes)
            }
        }
    }
}

extension NodeID {
    /// The largest complete subtree that begins at a leaf and ends below another.
    static func largest(from first: UInt64, below end: UInt64) -> NodeID {
        var level: UInt8 = 0
        while first.trailingZeroBitCount > level, first + (2 << UInt64(level)) <= end { level += 1 }
        return NodeID(level: level, index: first >> UInt64(level))
    }
}

extension EvidenceStore {
    /// Whether files other than records may grow by so many bytes.
    ///
    /// - Throws: `storageFull` if that would take from the reserve.
    package func checkRoom(addingBytes count: UInt64) throws(StoreError) {
        try staging.reserve.check(adding: count)
    }
}
