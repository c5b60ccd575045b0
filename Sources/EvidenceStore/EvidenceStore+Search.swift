package import EvidenceModel
import TransparencyLog

extension EvidenceStore {
    /// Searches the log, the newest records first, until the page is full.
    ///
    /// A page may end before it is full, and even be empty, where much had to be looked through:
    /// `next` says where to go on.
    ///
    /// - Throws: `invalid` for a limit out of range, `damaged`.
    package func search(_ query: SearchQuery) throws(StoreError) -> SearchPage {
        guard 1...SearchQuery.limitMaximum ~= query.limit else {
            throw .invalid("'limit' must be 1 to \(SearchQuery.limitMaximum)")
        }
        let checkpoint = view.checkpoint
        let size = checkpoint.size
        let below = min(query.before?.value ?? size.value, size.value)
        var search = SearchPass(self, query, below: below)
        try search.run()
        var entries = search.entries
        let hasMore = entries.count > query.limit
        if hasMore { entries.removeLast() }
        let next = hasMore ? entries.last?.index : search.rest
        return SearchPage(
            entries: entries,
            next: next,
            looked: (next?.value ?? 0)..<below,
            checkpoint: checkpoint
        )
    }

    /// The numbers that a collection's records have among those of a range; nil if there are none.
    package func sequences(
        of collection: CollectionName,
        in range: Range<UInt64>
    ) throws(StoreError) -> ClosedRange<UInt64>? {
        let last = try newest(of: collection, below: range.upperBound)
        guard let last, last.index.value >= range.lowerBound,
            let highest = last.record.sequence?.value
        else { return nil }
        let before = try newest(of: collection, below: range.lowerBound)
        return (before?.record.sequence?.value ?? 0) + 1...highest
    }

    private func newest(
        of collection: CollectionName,
        below end: UInt64
    ) throws(StoreError) -> StoredRecord? {
        var query = SearchQuery()
        query.collection = collection
        query.limit = 1
        query.before = RecordIndex(end)
        while true {
            let page = try search(query)
            if let found = page.entries.first { return found }
            guard let next = page.next else { return nil }
            query.before = next
        }
    }
}

/// One page's way through the log, from the newest record down.
///
/// Segments that are not sealed are searched in memory, sealed ones by the run that covers them,
/// or, as long as there is none, in their own indexes. What stands in openings is in no run: the
/// segments that were sealed with some are asked themselves.
private struct SearchPass {
    private let store: EvidenceStore
    private let view: LogView
    private let query: SearchQuery
    private let wanted: Int
    /// Records that may match, by their time.
    private let bounds: Range<UInt64>
    /// Everything from here on was looked at.
    private var end: UInt64
    private var probes = 0
    private(set) var entries: [StoredRecord] = []

    /// Sealed segments that are asked themselves for a page; more take too long.
    private static let probeLimit = 256
    /// Records of a run that are read together.
    private static let batch = 64

    init(_ store: EvidenceStore, _ query: SearchQuery, below: UInt64) {
        (self.store, self.query) = (store, query)
        view = store.view
        wanted = query.limit + 1
        bounds = view.bounds(since: query.since, until: query.until, below: below)
        end = bounds.upperBound
    }

    private var isFull: Bool { entries.count >= wanted }
    /// Whether the page should end, full or not.
    private var isEnough: Bool { isFull || probes >= Self.probeLimit }

    /// Where to go on, if the page ended before it was full.
    var rest: RecordIndex? { end > bounds.lowerBound ? RecordIndex(end) : nil }

    mutating func run() throws(StoreError) {
        while end > bounds.lowerBound && !isEnough {
            let number = view.geometry.segment(of: RecordIndex(end - 1))
            if let segment = view.unsealedSegment(number) {
                try search(segment)
            } else if let run = store.runs.run(covering: end - 1) {
                try search(run)
            } else {
                try search(number)
            }
        }
        if isFull { end = bounds.lowerBound }
    }

    /// Searches a segment in memory.
    private mutating func search(_ segment: UnsealedSegment) throws(StoreError) {
        let first = view.geometry.firstIndex(of: segment.number).value
        let limit = wanted - entries.count
        let offsets = segment.index.search(query, below: Int(end - first), limit: limit)
        for offset in offsets {
            entries.append(try store.record(at: RecordIndex(first + UInt64(offset))))
        }
        end = first
    }

    /// Searches a sealed segment in its own indexes.
    private mutating func search(_ number: SegmentNumber) throws(StoreError) {
        let first = view.geometry.firstIndex(of: number).value
        let offsets = try candidates(in: number, .all)
        for offset in offsets.descending(below: Int(end - first)) {
            if isFull { return }
            try take(RecordIndex(first + UInt64(offset)))
        }
        end = first
    }

    private mutating func candidates(
        in number: SegmentNumber,
        _ part: SearchedPart
    ) throws(StoreError) -> OffsetSet {
        guard let summary = view.summary(of: number), mayMatch(summary) else {
            return OffsetSet(capacity: 0)
        }
        probes += 1
        return try view.sealed.segment(number).candidates(
            query,
            collections: summary.collections.keys.compactMap { try? CollectionName($0) },
            geometry: view.geometry,
            of: part
        )
    }

    private func mayMatch(_ summary: SegmentSummary) -> Bool {
        if let collection = query.collection, summary.collections[collection.text] == nil {
            return false
        }
        if let since = query.since, summary.lastReceived < since { return false }
        if let until = query.until, summary.firstReceived >= until { return false }
        return true
    }

    @discardableResult
    private mutating func take(_ index: RecordIndex) throws(StoreError) -> Bool {
        let stored = try store.foundRecord(at: index)
        guard query.matches(stored) else { return false }
        entries.append(stored)
        return true
    }

    // MARK: Runs

    /// Searches the records of a run, those of its sealed records beside it.
    ///
    /// A run that turns out to be damaged is put aside, and what it was asked for is searched
    /// without it.
    private mutating func search(_ run: IndexRun) throws(StoreError) {
        let low = max(run.place.first, bounds.lowerBound)
        let geometry = view.geometry
        let segments = geometry.segments(from: low, below: end)
        let opened =
            query.needsDescription
            ? view.segmentsWithOpenings(in: segments, of: query.collection) : []
        let candidates: RunCandidates?
        do throws(StoreError) {
            candidates = try RunCandidates(run, query)
        } catch {
            return store.runs.condemn(run, error)
        }
        for number in opened {
            let range = geometry.range(of: number)
            guard try search(run, candidates, from: range.upperBound + 1) else { return }
            let sealed = try self.candidates(in: number, .openings)
            let lower = max(range.lowerBound, low)
            guard try search(run, candidates, from: lower, and: sealed, of: range.lowerBound)
            else { return }
            if isEnough { return }
        }
        _ = try search(run, candidates, from: low)
    }

    /// Takes in what a run, and a segment's openings, have from `low` up to where the search is.
    ///
    /// - Returns: False if the page is full or the run cannot be used.
    private mutating func search(
        _ run: IndexRun,
        _ candidates: RunCandidates?,
        from low: UInt64,
        and sealed: OffsetSet = OffsetSet(capacity: 0),
        of first: UInt64 = 0
    ) throws(StoreError) -> Bool {
        var others = Array(sealed.descending(below: Int(end - min(first, end)))).map {
            RecordIndex(first + UInt64($0))
        }[...]
        while end > low {
            if isFull { return false }
            let most = min(Self.batch, wanted - entries.count)
            let found: [RecordIndex]
            do throws(StoreError) {
                found = try next(most, of: run, candidates, from: low)
            } catch {
                store.runs.condemn(run, error)
                return false
            }
            try prepare(found)
            for index in found {
                guard try take(&others, downTo: index.value, butNot: index), !isFull,
                    try take(index, from: run)
                else { return false }
                end = index.value
            }
            if found.count < most { break }
        }
        guard try take(&others, downTo: low) else { return false }
        end = min(end, low)
        return !isFull
    }

    /// The next records that a run names.
    private func next(
        _ most: Int,
        of run: IndexRun,
        _ candidates: RunCandidates?,
        from low: UInt64
    ) throws(StoreError) -> [RecordIndex] {
        guard let candidates else { return [] }
        var (found, end) = ([RecordIndex](), end)
        while found.count < most, end > low,
            let offset = try candidates.next(atMost: UInt32(end - 1 - run.place.first)),
            run.place.first + UInt64(offset) >= low
        {
            end = run.place.first + UInt64(offset)
            found.append(RecordIndex(end))
        }
        return found
    }

    /// Lets the system read in all segments at once in which records are that were found.
    private func prepare(_ found: [RecordIndex]) throws(StoreError) {
        var last: SegmentNumber?
        for index in found {
            let number = view.geometry.segment(of: index)
            if number != last { try view.sealed.prepare(number) }
            last = number
        }
    }

    /// Takes in records of the list, the highest first; false if the page is full before its end.
    private mutating func take(
        _ others: inout ArraySlice<RecordIndex>,
        downTo low: UInt64,
        butNot excluded: RecordIndex? = nil
    ) throws(StoreError) -> Bool {
        while let other = others.first, other.value >= low {
            if isFull { return false }
            others.removeFirst()
            if other != excluded { try take(other) }
            end = min(end, other.value)
        }
        return true
    }

    /// Takes in a record that a run names.
    ///
    /// - Returns: False if the record is not what the run says: then nothing of it is believed.
    private mutating func take(
        _ index: RecordIndex,
        from run: IndexRun
    ) throws(StoreError) -> Bool {
        let stored = try store.foundRecord(at: index)
        if query.matches(stored) {
            entries.append(stored)
            return true
        }
        // Keys hold no time, and of a name only its beginning.
        var indexed = query
        (indexed.since, indexed.until) = (nil, nil)
        indexed.namePrefix = query.namePrefix.flatMap {
            $0.utf8.count > IndexEntries.nameKeyBytes ? nil : $0
        }
        if indexed.matches(stored) { return true }
        store.runs.condemn(run, run.damaged("record \(index) is not what it says"))
        return false
    }
}

extension SearchQuery {
    /// Whether a record meets the conditions.
    fileprivate func matches(_ stored: StoredRecord) -> Bool {
        guard let collection = stored.record.collection else { return false }
        if let wanted = self.collection, wanted != collection { return false }
        if let since, stored.record.received < since { return false }
        if let until, stored.record.received >= until { return false }
        guard needsDescription else { return true }
        return stored.description.map { matches($0) } ?? false
    }
}

extension SegmentGeometry {
    /// The numbers of the segments with records of a range.
    fileprivate func segments(from low: UInt64, below end: UInt64) -> Range<UInt64> {
        guard low < end else { return 0..<0 }
        return segment(of: RecordIndex(low)).value..<segment(of: RecordIndex(end - 1)).value + 1
    }
}
