import Cryptography
import EvidenceModel
import Platform
import TransparencyLog

/// A sealed segment: `log.mdb` and its files of payloads, opened when they are asked for.
final class SealedSegment: Sendable {
    let number: SegmentNumber
    let log: SealedFile
    private let paths: StorePaths
    private let files = Mutex<[PayloadGroup: SealedFile]>([:])

    /// Files of payloads kept open; with locks of many months there can be hundreds.
    private static let openFileLimit = 4

    init(_ number: SegmentNumber, paths: StorePaths) throws(StoreError) {
        self.number = number
        self.paths = paths
        log = try SealedFile(path: paths.log(number))
    }

    /// The manifest.
    func summary() throws(StoreError) -> SegmentSummary {
        guard let bytes = try log.value(SegmentSealer.manifestKey, in: TableName.manifest),
            let summary = SegmentSummary(parsing: bytes.span), summary.segment == number
        else { throw .damaged(path: log.path, detail: "its manifest cannot be read") }
        return summary
    }

    /// The filter over its idempotency keys, or nil if it has none.
    func filter() throws(StoreError) -> KeyFilter? {
        guard let bytes = try log.value(SegmentSealer.filterKey, in: TableName.manifest) else {
            return nil
        }
        guard let filter = KeyFilter(parsing: bytes.span) else {
            throw .damaged(path: log.path, detail: "its key filter cannot be read")
        }
        return filter
    }

    /// The signed checkpoint of the tree that ends with this segment.
    func checkpoint() throws(StoreError) -> [UInt8] {
        guard let bytes = try log.value(SegmentSealer.checkpointKey, in: TableName.manifest) else {
            throw .damaged(path: log.path, detail: "its checkpoint is missing")
        }
        return bytes
    }

    /// The file that holds the payloads and openings of records with this lock.
    ///
    /// - Returns: Nil if there is none, as when its time came and it was erased.
    func payloadFile(_ group: PayloadGroup) throws(StoreError) -> SealedFile? {
        if let open = files.withLock({ $0[group] }) { return open }
        let path = paths.payloads(number, group)
        let isThere = try onDisk { () throws(SystemError) in try FileSystem.exists(path) }
        guard isThere else { return nil }
        let opened = try SealedFile(path: path)
        return files.withLock { files in
            if let first = files[group] { return first }
            if files.count >= Self.openFileLimit, let other = files.keys.first {
                files[other] = nil
            }
            files[group] = opened
            return opened
        }
    }

    /// The groups whose files exist.
    func payloadGroups() throws(StoreError) -> [PayloadGroup] {
        try onDisk { () throws(SystemError) in
            try FileSystem.list(paths.segment(number)).compactMap { PayloadGroup(fileName: $0) }
        }
    }

    /// The last use of an idempotency key in this segment: from `log.mdb`, or for sealed records
    /// from where their openings are.
    func lastUse(
        of key: KeyHash
    ) throws(StoreError) -> (index: RecordIndex, fingerprint: RequestFingerprint)? {
        var last: (RecordIndex, RequestFingerprint)?
        let groups = try payloadGroups()
        var sources = [log]
        for group in groups {
            if let file = try payloadFile(group) { sources.append(file) }
        }
        for source in sources {
            try source.scan(TableName.byKey, prefix: key.bytes) { entry, value in
                if let index = IndexEntries.index(endOf: entry),
                    let fingerprint = RequestFingerprint(value),
                    last.map({ $0.0 < index }) ?? true
                {
                    last = (index, fingerprint)
                }
                return true
            }
        }
        return last
    }
}

/// The sealed segments that are open, a bounded number: the one that was not used longest goes
/// first.
final class SealedSegmentCache: Sendable {
    private struct State {
        var open: [SegmentNumber: (segment: SealedSegment, lastUse: UInt64)] = [:]
        var clock: UInt64 = 0
    }

    private let paths: StorePaths
    private let limit: Int
    private let state = Mutex(State())

    init(paths: StorePaths, limit: Int) {
        precondition(limit > 0, "at least one segment must be open")
        self.paths = paths
        self.limit = limit
    }

    /// The segment, opened if it is not.
    ///
    /// It stays usable while the caller holds it.
    func segment(_ number: SegmentNumber) throws(StoreError) -> SealedSegment {
        let found: SealedSegment? = state.withLock { state in
            state.clock += 1
            state.open[number]?.lastUse = state.clock
            return state.open[number]?.segment
        }
        if let found { return found }
        let opened = try SealedSegment(number, paths: paths)
        return state.withLock { state in
            if let first = state.open[number] { return first.segment }
            if state.open.count >= limit,
                let oldest = state.open.min(by: { $0.value.lastUse < $1.value.lastUse })
            {
                state.open[oldest.key] = nil
            }
            state.open[number] = (opened, state.clock)
            return opened
        }
    }
}
