import Cryptography
import EvidenceModel
import TransparencyLog

/// A set of a segment's records by their offsets.
struct OffsetSet {
    private var words: [UInt64]

    init(capacity: Int) {
        words = [UInt64](repeating: 0, count: (capacity + 63) / 64)
    }

    mutating func insert(_ offset: Int) { words[offset >> 6] |= 1 << UInt64(offset & 63) }

    mutating func formIntersection(_ other: OffsetSet) {
        for place in words.indices { words[place] &= other.words[place] }
    }

    /// The offsets under `end`, highest first.
    func descending(below end: Int) -> some Sequence<Int> {
        (0..<min(end, words.count * 64)).reversed().lazy.filter { offset in
            words[offset >> 6] & 1 << UInt64(offset & 63) != 0
        }
    }
}

/// What of a sealed segment is searched.
enum SearchedPart {
    case all
    /// Sealed records, by what their openings tell.
    case openings
}

extension SealedSegment {
    /// The offsets of records that may match: each condition that an index answers narrows the set.
    ///
    /// Time is not looked at, and of names only the first 400 bytes: the caller checks the records.
    func candidates(
        _ query: SearchQuery,
        collections: [CollectionName],
        geometry: SegmentGeometry,
        of part: SearchedPart = .all
    ) throws(StoreError) -> OffsetSet {
        let wanted = query.collection.map { [$0] } ?? collections
        var sources = part == .all ? [log] : []
        if query.needsDescription {
            for group in try payloadGroups() {
                if let file = try payloadFile(group), file.table(TableName.byName) != nil {
                    sources.append(file)
                }
            }
        }
        var found: OffsetSet?
        func narrow(_ table: String, _ prefixes: [[UInt8]]) throws(StoreError) {
            var matches = OffsetSet(capacity: Int(geometry.capacity))
            for source in sources {
                for prefix in prefixes {
                    try source.scan(table, prefix: prefix) { key, value in
                        let index =
                            table == TableName.bySequence
                            ? BigEndian.read(UInt64.self, from: value, at: 0)
                                .map { RecordIndex($0) }
                            : IndexEntries.index(endOf: key)
                        if let index { matches.insert(geometry.offset(of: index)) }
                        return true
                    }
                }
            }
            found?.formIntersection(matches)
            found = found ?? matches
        }
        if let digest = query.digest { try narrow(TableName.byDigest, [digest.bytes]) }
        for label in query.labels {
            try narrow(
                TableName.byLabel,
                wanted.map { IndexEntries.labelPrefix($0, label.key, label.value) }
            )
        }
        if let prefix = query.namePrefix {
            try narrow(TableName.byName, wanted.map { IndexEntries.namePrefix($0, prefix) })
        }
        let isOfCollection = query.collection != nil && query.digest != nil
        if part == .all, !query.needsDescription || isOfCollection {
            try narrow(TableName.bySequence, wanted.map { IndexEntries.collectionPrefix($0) })
        }
        return found ?? OffsetSet(capacity: Int(geometry.capacity))
    }
}
