import EvidenceModel
import LMDBKit
import Platform
import TransparencyLog

/// The sealed segments that are open, a bounded number: the one that was not used longest goes
/// first.
///
/// A segment's file is checked as a whole before it is opened. A search that wants a few records of
/// many segments does not wait for that: it looks them up in files that are not mapped.
final class SealedSegmentCache: Sendable {
    /// Things by segment, as many as are allowed.
    private struct Kept<Value> {
        private var values: [SegmentNumber: (value: Value, lastUse: UInt64)] = [:]
        private var clock: UInt64 = 0

        mutating func use(_ number: SegmentNumber) -> Value? {
            clock += 1
            values[number]?.lastUse = clock
            return values[number]?.value
        }

        /// Keeps a value, or gives the one that another thread has kept meanwhile.
        mutating func keep(_ value: Value, _ number: SegmentNumber, limit: Int) -> Value {
            if let first = use(number) { return first }
            if values.count >= limit,
                let oldest = values.min(by: { $0.value.lastUse < $1.value.lastUse })
            {
                values[oldest.key] = nil
            }
            values[number] = (value, clock)
            return value
        }

        mutating func remove(_ number: SegmentNumber) { values[number] = nil }
    }

    private struct State {
        var open = Kept<SealedSegment>()
        /// Of segments that are not open.
        var lookups = Kept<PageLookup>()
    }

    private let paths: StorePaths
    private let limit: Int
    private let state = Mutex(State())

    init(paths: StorePaths, limit: Int) {
        precondition(limit > 0, "at least one segment must be open")
        self.paths = paths
        self.limit = limit
    }

    /// Lets an open segment look its files up anew, after an erasure.
    func refresh(_ number: SegmentNumber) {
        state.withLock { $0.open.use(number) }?.refresh()
    }

    /// The segment, opened if it is not.
    ///
    /// It stays usable while the caller holds it.
    func segment(_ number: SegmentNumber) throws(StoreError) -> SealedSegment {
        if let found = state.withLock({ $0.open.use(number) }) { return found }
        let opened = try SealedSegment(number, paths: paths)
        return state.withLock { state in
            state.lookups.remove(number)
            return state.open.keep(opened, number, limit: limit)
        }
    }

    /// Whether a segment is open.
    func isOpen(_ number: SegmentNumber) -> Bool {
        state.withLock { $0.open.use(number) } != nil
    }

    // MARK: Single records

    /// A record's frame and bytes, and where they stand; opens no segment.
    ///
    /// - Throws: `damaged` if the record is not there, or something on the way to it is damaged.
    func record(
        at index: RecordIndex,
        in number: SegmentNumber
    ) throws(StoreError) -> (frame: RecordFrame, bytes: [UInt8], path: String) {
        if let open = state.withLock({ $0.open.use(number) }) {
            let (frame, bytes) = try open.log.beginRead().record(at: index)
            return (frame, bytes, open.log.path)
        }
        let lookup = try lookup(number)
        let found: [UInt8]?
        do throws(LMDBError) {
            found = try TableKey.record(index).withSpan { key throws(LMDBError) in
                try lookup.value(key, in: TableName.records)
            }
        } catch {
            throw StoreError(error, path: lookup.path)
        }
        guard let found else {
            throw .damaged(path: lookup.path, detail: "record \(index) is missing")
        }
        guard let frame = RecordFrame(parsing: found.span) else {
            throw .damaged(
                path: lookup.path,
                detail: "the frame of record \(index) does not check"
            )
        }
        return (frame, Array(found[RecordFrame.headerSizeBytes...]), lookup.path)
    }

    /// Begins to read what look-ups in a segment will need.
    func prepare(_ number: SegmentNumber) throws(StoreError) {
        if !isOpen(number) { _ = try lookup(number) }
    }

    private func lookup(_ number: SegmentNumber) throws(StoreError) -> PageLookup {
        if let found = state.withLock({ $0.lookups.use(number) }) { return found }
        let path = paths.log(number)
        do throws(LMDBError) {
            let made = try PageLookup(path: path)
            return state.withLock { $0.lookups.keep(made, number, limit: limit) }
        } catch {
            throw StoreError(error, path: path)
        }
    }
}
