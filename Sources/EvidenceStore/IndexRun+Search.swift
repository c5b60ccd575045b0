import EvidenceModel

/// The records of a run that meet a query's conditions on collection, name, labels and digest,
/// the newest first.
///
/// Time is not looked at, and of names only the first 400 bytes: the caller checks the records.
/// Of sealed records it has only the collection: a query that needs a description does not find
/// them here.
struct RunCandidates {
    private let run: IndexRun
    /// The one with the fewest offsets leads.
    private let cursors: [any RunCursor]

    /// Nil if no record can match.
    init?(_ run: IndexRun, _ query: SearchQuery) throws(StoreError) {
        self.run = run
        let collections: [CollectionName]
        if let wanted = query.collection {
            collections = [wanted]
        } else {
            collections = query.needsDescription ? try run.collections() : []
        }
        var cursors: [any RunCursor] = []
        if let digest = query.digest {
            let term = RunKey.digest(digest)
            guard let cursor = try Self.term(run, term) else { return nil }
            cursors.append(cursor)
        }
        for label in query.labels {
            var parts: [any RunCursor] = []
            for collection in collections {
                let term = RunKey.label(collection, label.key, label.value)
                if let cursor = try Self.term(run, term) { parts.append(cursor) }
            }
            guard let first = parts.first else { return nil }
            cursors.append(parts.count == 1 ? first : UnionCursor(parts))
        }
        let isOfDigests = query.digest != nil && query.collection != nil
        if query.namePrefix != nil || isOfDigests {
            // Ranks are in the order of the names, and these in that of the collections.
            let prefixes = collections.map { RunKey.names($0, query.namePrefix ?? "") }
            let least = cursors.map(\.count).min() ?? .max
            guard let cursor = try Self.names(run, prefixes, least) else { return nil }
            cursors.append(cursor)
        }
        if !query.needsDescription {
            if let collection = collections.first {
                let cursor = try TermCursor(run, RunKey.collection(collection))
                guard cursor.count > 0 else { return nil }
                cursors.append(cursor)
            } else {
                cursors.append(RankCursor(run, [0...RunFormat.sealedRank]))
            }
        }
        self.cursors = cursors.sorted { $0.count < $1.count }
    }

    /// The highest offset up to `bound` that may match.
    func next(atMost bound: UInt32) throws(StoreError) -> UInt32? {
        var bound = bound
        while let offset = try cursors[0].next(atMost: bound) {
            var isEverywhere = true
            for cursor in cursors.dropFirst() where isEverywhere {
                isEverywhere = try cursor.contains(offset)
            }
            if isEverywhere { return offset }
            guard offset > 0 else { return nil }
            bound = offset - 1
        }
        return nil
    }

    private static func term(
        _ run: IndexRun,
        _ term: [UInt8]
    ) throws(StoreError) -> TermCursor? {
        guard try run.mayContain(TermHash(term.span)) else { return nil }
        let cursor = try TermCursor(run, term)
        return cursor.count > 0 ? cursor : nil
    }

    /// Records whose names begin so.
    ///
    /// Few are read in the order of names and sorted; with many, the ranks of the records are
    /// looked at from the newest on: as many are looked at as are needed for a page, or four bytes
    /// for each record of the run at worst. `least`: how many offsets another condition leaves.
    private static func names(
        _ run: IndexRun,
        _ prefixes: [[UInt8]],
        _ least: UInt64
    ) throws(StoreError) -> (any RunCursor)? {
        var ranges: [Range<UInt64>] = []
        for prefix in prefixes {
            let positions = try run.positions(prefix)
            if !positions.isEmpty { ranges.append(positions) }
        }
        let count = ranges.reduce(0) { $0 + UInt64($1.count) }
        guard count > 0 else { return nil }
        guard count < least, count <= max(listLimit, run.place.count / listPart) else {
            let closed = ranges.map { UInt32($0.lowerBound)...UInt32($0.upperBound - 1) }
            return RankCursor(run, closed.sorted { $0.lowerBound < $1.lowerBound })
        }
        var offsets: [UInt32] = []
        for range in ranges {
            var entry = range.lowerBound
            while entry < range.upperBound {
                let (found, first) = try run.offsets(around: entry)
                let end = min(range.upperBound, first + UInt64(found.count))
                offsets += found[Int(entry - first)..<Int(end - first)]
                entry = end
            }
        }
        return ListCursor(offsets.sorted())
    }

    /// Names up to this number are listed in a run of any size, and up to one in so many records.
    private static let listLimit: UInt64 = 1024
    private static let listPart: UInt64 = 64
}
