import Cryptography
import EvidenceModel
import Platform
import TransparencyLog

/// A sealed segment: `log.mdb` and its files of payloads, opened when they are asked for.
final class SealedSegment: Sendable {
    let number: SegmentNumber
    let log: SealedFile
    private let paths: StorePaths
    private let files = Mutex(Files())

    private struct Files {
        /// The files that `SHA256SUMS` names; nil until they are asked for.
        var names: [PayloadGroup: PayloadFileName]?
        var open: [PayloadGroup: SealedFile] = [:]
        /// Counts the erasures: what was looked up before one must not be kept after it.
        var round = 0
    }

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
        var tried: PayloadFileName?
        while true {
            let (names, round) = try names()
            if let open = files.withLock({ $0.open[group] }) { return open }
            guard let name = names[group], name != tried else { return nil }
            let path = paths.payloads(number, name)
            let isThere = try onDisk { () throws(SystemError) in try FileSystem.exists(path) }
            if isThere {
                do throws(StoreError) {
                    return keep(try SealedFile(path: path), of: group, round)
                } catch {
                    let isGone = try onDisk { () throws(SystemError) in
                        try !FileSystem.exists(path)
                    }
                    guard isGone else { throw error }
                }
            }
            // An erasure took it away since its name was read.
            tried = name
            forgetNames(round)
        }
    }

    /// Keeps a file open for the next reader, unless an erasure came between.
    private func keep(_ file: SealedFile, of group: PayloadGroup, _ round: Int) -> SealedFile {
        files.withLock { files in
            guard files.round == round else { return file }
            if let first = files.open[group] { return first }
            if files.open.count >= Self.openFileLimit, let other = files.open.keys.first {
                files.open[other] = nil
            }
            files.open[group] = file
            return file
        }
    }

    /// The groups that have files.
    func payloadGroups() throws(StoreError) -> [PayloadGroup] { try names().0.keys.sorted() }

    /// Lets go of the files of payloads, so that they are looked up anew: some were replaced.
    ///
    /// Their space is given back when the last reader in them is done.
    func refresh() {
        files.withLock { files in
            files.names = nil
            files.open = [:]
            files.round += 1
        }
    }

    private func names() throws(StoreError) -> ([PayloadGroup: PayloadFileName], Int) {
        let (known, round) = files.withLock { ($0.names, $0.round) }
        if let known { return (known, round) }
        let names = try SegmentDigests.files(of: number, paths)
        files.withLock { files in
            if files.round == round { files.names = names }
        }
        return (names, round)
    }

    private func forgetNames(_ round: Int) {
        files.withLock { files in
            if files.round == round { files.names = nil }
        }
    }

    /// The records that are no evidence, ascending.
    func acts() throws(StoreError) -> [RecordIndex] {
        guard log.table(TableName.acts) != nil else {
            // Written before there were other acts than the first record.
            return number.value == 0 ? [RecordIndex(0)] : []
        }
        var acts: [RecordIndex] = []
        try log.scan(TableName.acts, prefix: []) { key, _ in
            if let index = IndexEntries.index(endOf: key) { acts.append(index) }
            return true
        }
        return acts
    }

    /// The records whose leaves say that they are locked until `time` or earlier, ascending.
    func due(notAfter time: Timestamp) throws(StoreError) -> [RecordIndex] {
        let end = UInt64(time.milliseconds)
        var due: [RecordIndex] = []
        try log.scan(TableName.due, prefix: []) { key, _ in
            guard let until = BigEndian.read(UInt64.self, from: key, at: 0), until <= end else {
                return false
            }
            if let index = IndexEntries.index(endOf: key) { due.append(index) }
            return true
        }
        return due.sorted()
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
