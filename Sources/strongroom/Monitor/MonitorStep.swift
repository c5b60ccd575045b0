internal import EvidenceModel
internal import LMDBKit
internal import TransparencyLog

/// One step of a monitor: records that are judged and kept together, or not at all.
///
/// The evidence of the step itself can be read in it. Belongs to the thread that began it.
struct MonitorStep: ~Copyable, EvidenceMemory {
    private let transaction: WriteTransaction
    private let path: String
    private let evidenceTable: Database
    private let acts: Database
    /// With the counts and collections of what was added.
    private(set) var position: MonitorPosition
    private var places: [CollectionName: UInt32]

    init(
        _ transaction: consuming WriteTransaction,
        path: String,
        evidence: Database,
        acts: Database,
        position: MonitorPosition
    ) {
        self.transaction = transaction
        self.path = path
        evidenceTable = evidence
        self.acts = acts
        self.position = position
        places = [:]
        for (place, name) in position.collections.enumerated() { places[name] = UInt32(place) }
    }

    /// Keeps a record that was judged; its index is greater than all before.
    mutating func keep(
        _ record: Record,
        _ bytes: [UInt8],
        at index: RecordIndex,
        leafHash: MerkleHash
    ) throws(CommandFailure) {
        let key = Self.key(index.value)
        guard let found = AuditedEvidence(record, at: index, leafHash: leafHash) else {
            position.actCount += 1
            return try put(key, bytes, in: acts)
        }
        position.evidenceCount += 1
        let name = found.facts.collection
        let place = places[name] ?? UInt32(position.collections.count)
        if places[name] == nil {
            places[name] = place
            position.collections.append(name)
        }
        try put(key, EvidenceValue.encode(found, collection: place), in: evidenceTable)
    }

    private func put(
        _ key: [UInt8],
        _ value: [UInt8],
        in table: Database
    ) throws(CommandFailure) {
        let value = Checked.wrap(value, key: key)
        try MonitorState.onState(path) { () throws(LMDBError) in
            try transaction.put(key.span, value.span, in: table, mode: .append)
        }
    }

    borrowing func evidence(
        in range: ClosedRange<UInt64>
    ) throws(CommandFailure) -> [AuditedEvidence] {
        var found: [AuditedEvidence] = []
        var isWhole = true
        let collections = position.collections
        try MonitorState.onState(path) { () throws(LMDBError) in
            var cursor = try transaction.cursor(in: evidenceTable)
            let first = Self.key(range.lowerBound)
            var isThere = try cursor.seek(atOrAfter: first.span)
            while isThere, isWhole {
                let isBeyond = try cursor.withCurrent { key, value in
                    var reader = ByteReader()
                    guard let index = reader.number(8, key) else { return false }
                    guard index <= range.upperBound else { return true }
                    let one = Checked.unwrap(value, key: Self.key(index)) { bytes in
                        EvidenceValue.decode(
                            bytes,
                            at: RecordIndex(index),
                            collections: collections
                        )
                    }
                    guard let one else {
                        isWhole = false
                        return false
                    }
                    found.append(one)
                    return false
                }
                if isBeyond { break }
                isThere = try cursor.next()
            }
        }
        guard isWhole else { throw MonitorState.damaged(path, "a record is not as written") }
        return found
    }

    /// Makes the step durable, with the position behind it.
    consuming func commit(
        key: [UInt8],
        value: [UInt8],
        in log: Database
    ) throws(CommandFailure) {
        let path = path
        do throws(LMDBError) {
            try transaction.put(key.span, value.span, in: log, mode: .replace)
            try transaction.commit()
        } catch {
            try MonitorState.onState(path) { () throws(LMDBError) in throw error }
        }
    }

    static func key(_ index: UInt64) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(index, sizeBytes: 8)
        return writer.bytes
    }
}
