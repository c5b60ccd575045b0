internal import EvidenceModel
internal import LMDBKit
internal import TransparencyLog

/// Reads a monitor's state from the first value to the last.
struct StateLoader {
    let path: String
    let environment: LMDBKit.Environment
    let acts: Database
    let evidence: Database
    let log: Database

    /// Folds the acts.
    ///
    /// - Returns: What they amount to, and how many records they are, `log.created` included.
    func fold() throws(CommandFailure) -> (LogState, UInt64) {
        var state = LogState()
        let count = try forEach(in: acts) { index, bytes in
            guard let record = try? Record(parsing: bytes) else { return false }
            switch record {
            case .logCreated(let creation):
                state = LogState(creation)
                return index.value == 0
            case .act(let act): return (try? state.apply(act, at: index)) != nil
            case .evidence, .sealedEvidence: return false
            }
        }
        return (state, count)
    }

    /// Reads every piece of evidence.
    func checkEvidence(_ collections: [CollectionName]) throws(CommandFailure) -> UInt64 {
        try forEach(in: evidence) { index, bytes in
            EvidenceValue.decode(bytes, at: index, collections: collections) != nil
        }
    }

    /// The root that the records gave that were judged, at a size that has been come by.
    func root(at size: TreeSize) throws(CommandFailure) -> MerkleHash {
        var range = CompactRange()
        var isWhole = true
        try MonitorState.onState(path) { () throws(LMDBError) in
            let transaction = try environment.beginRead()
            while isWhole, range.size < size {
                let index = RecordIndex(range.size.value)
                let key = MonitorStep.key(index.value)
                let known = try transaction.get(key.span, in: evidence) { value in
                    Checked.unwrap(value, key: key) { EvidenceValue.leafHash($0) }
                }
                let act = try transaction.get(key.span, in: acts) { value in
                    Checked.unwrap(value, key: key) { MerkleTree.leafHash($0) }
                }
                if let hash = (known ?? act) ?? nil { range.append(hash) } else { isWhole = false }
            }
        }
        guard isWhole else { throw MonitorState.damaged(path, "a record is not as written") }
        return range.root
    }

    func value<Value>(
        _ key: [UInt8],
        _ read: (Span<UInt8>) -> Value?
    ) throws(CommandFailure) -> Value {
        guard let value = try optionalValue(key, read) else {
            throw MonitorState.damaged(path, "\(String(decoding: key, as: UTF8.self)) is missing")
        }
        return value
    }

    /// Nil if there is none.
    func optionalValue<Value>(
        _ key: [UInt8],
        _ read: (Span<UInt8>) -> Value?
    ) throws(CommandFailure) -> Value? {
        let found = try MonitorState.onState(path) { () throws(LMDBError) -> Value?? in
            let transaction = try environment.beginRead()
            return try transaction.get(key.span, in: log) { value in
                Checked.unwrap(value, key: key, read)
            }
        }
        guard let found else { return nil }
        guard let value = found else {
            let name = String(decoding: key, as: UTF8.self)
            throw MonitorState.damaged(path, "\(name) is not what was written, or of a newer form")
        }
        return value
    }

    /// Calls `body` for each value of a table, ascending, until it is false.
    private func forEach(
        in table: Database,
        _ body: (RecordIndex, Span<UInt8>) -> Bool
    ) throws(CommandFailure) -> UInt64 {
        var count: UInt64 = 0
        var isWhole = true
        try MonitorState.onState(path) { () throws(LMDBError) in
            let transaction = try environment.beginRead()
            var cursor = try transaction.cursor(in: table)
            while isWhole, try cursor.next() {
                isWhole = try cursor.withCurrent { key, value in
                    var reader = ByteReader()
                    guard key.count == 8, let index = reader.number(8, key) else { return false }
                    var bytes: [UInt8] = []
                    for place in key.indices { bytes.append(key[place]) }
                    return Checked.unwrap(value, key: bytes) { body(RecordIndex(index), $0) }
                        == true
                }
                count += 1
            }
        }
        guard isWhole else {
            throw MonitorState.damaged(path, "value \(count) of its records is not as written")
        }
        return count
    }
}
