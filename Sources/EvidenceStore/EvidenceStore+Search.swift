import EvidenceModel
import TransparencyLog

extension EvidenceStore {
    /// Searches all segments, the newest first, until the page is full.
    ///
    /// - Throws: `invalid` for a limit out of range, `damaged`.
    package func search(_ query: SearchQuery) throws(StoreError) -> SearchPage {
        guard 1...SearchQuery.limitMaximum ~= query.limit else {
            throw .invalid("'limit' must be 1 to \(SearchQuery.limitMaximum)")
        }
        let size = view.checkpoint.size
        var end = min(query.before?.value ?? size.value, size.value)
        var entries: [StoredRecord] = []
        while end > 0 && entries.count <= query.limit {
            let number = view.geometry.segment(of: RecordIndex(end - 1))
            let first = view.geometry.firstIndex(of: number).value
            let wanted = query.limit + 1 - entries.count
            entries += try search(number, query, below: Int(end - first), limit: wanted)
            end = first
        }
        let hasMore = entries.count > query.limit
        if hasMore { entries.removeLast() }
        return SearchPage(
            entries: entries,
            next: hasMore ? entries.last?.index : nil,
            treeSize: size
        )
    }

    /// The matching records of one segment, newest first.
    private func search(
        _ number: SegmentNumber,
        _ query: SearchQuery,
        below end: Int,
        limit: Int
    ) throws(StoreError) -> [StoredRecord] {
        let first = view.geometry.firstIndex(of: number).value
        if let segment = view.unsealedSegment(number) {
            let offsets = segment.index.search(query, below: end, limit: limit)
            return try offsets.map { offset throws(StoreError) in
                try record(at: RecordIndex(first + UInt64(offset)))
            }
        }
        guard let summary = view.summary(of: number), mayMatch(summary, query) else { return [] }
        let segment = try view.sealed.segment(number)
        let collections = summary.collections.keys.compactMap { try? CollectionName($0) }
        let candidates = try segment.candidates(
            query,
            collections: collections,
            geometry: view.geometry
        )
        var found: [StoredRecord] = []
        for offset in candidates.descending(below: end) where found.count < limit {
            let stored = try record(at: RecordIndex(first + UInt64(offset)))
            if matches(stored, query) { found.append(stored) }
        }
        return found
    }

    private func mayMatch(_ summary: SegmentSummary, _ query: SearchQuery) -> Bool {
        if let collection = query.collection, summary.collections[collection.text] == nil {
            return false
        }
        if let since = query.since, summary.lastReceived < since { return false }
        if let until = query.until, summary.firstReceived >= until { return false }
        return true
    }

    private func matches(_ stored: StoredRecord, _ query: SearchQuery) -> Bool {
        guard let collection = stored.record.collection else { return false }
        if let wanted = query.collection, wanted != collection { return false }
        if let since = query.since, stored.record.received < since { return false }
        if let until = query.until, stored.record.received >= until { return false }
        guard query.needsDescription else { return true }
        return stored.description.map { query.matches($0) } ?? false
    }
}
