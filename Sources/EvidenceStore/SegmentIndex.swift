import Cryptography
import EvidenceModel
import Platform

/// What search, idempotency and retention need of an unsealed segment, in memory: some 150 bytes a
/// record.
///
/// The sequencer adds, in the order of the log; any thread searches.
final class SegmentIndex: Sendable {
    private struct Entry {
        let collection: Int32
        let isSealed: Bool
        let mode: RetentionMode
        let until: Timestamp
        let received: Timestamp
        var digest: SHA256Digest?
        let nameStart: Int
        var nameEnd: Int
        var labelsEnd: Int
    }

    private struct State {
        /// By offset in the segment; nil for a record that is no evidence.
        var entries: [Entry?] = []
        /// Names, each followed by its labels as `key NUL value NUL`.
        var text: [UInt8] = []
        var collections: [CollectionName] = []
        var collectionNumbers: [CollectionName: Int32] = [:]
    }

    private let state = Mutex(State())
    /// How many entries a search looks at before it lets the sequencer in.
    private static let stride = 4096

    /// Adds the next record of the segment.
    func append(_ facts: EvidenceFacts?) {
        state.withLock { state in
            guard let facts else { return state.entries.append(nil) }
            let start = state.text.count
            var nameEnd = start
            if let description = facts.description {
                state.text.append(contentsOf: description.name.text.utf8)
                nameEnd = state.text.count
                for label in description.labels.sorted {
                    state.text.append(contentsOf: label.key.utf8)
                    state.text.append(0)
                    state.text.append(contentsOf: label.value.utf8)
                    state.text.append(0)
                }
            }
            state.entries.append(
                Entry(
                    collection: Self.number(of: facts.collection, in: &state),
                    isSealed: facts.isSealed,
                    mode: facts.lock.mode,
                    until: facts.lock.until,
                    received: facts.received,
                    digest: facts.description?.payloadDigest,
                    nameStart: start,
                    nameEnd: nameEnd,
                    labelsEnd: state.text.count
                )
            )
        }
    }

    /// Forgets names, labels and digests of sealed records, whose openings are erased.
    ///
    /// Open records keep theirs: they stand in the leaf.
    func forget(_ offsets: some Sequence<Int>) {
        state.withLock { state in
            for offset in offsets where offset < state.entries.count {
                guard var entry = state.entries[offset], entry.isSealed else { continue }
                for place in entry.nameStart..<entry.labelsEnd { state.text[place] = 0 }
                entry.digest = nil
                entry.nameEnd = entry.nameStart
                entry.labelsEnd = entry.nameStart
                state.entries[offset] = entry
            }
        }
    }

    /// The offsets of records whose leaves say that they are locked until `time` or earlier,
    /// ascending from `start` on, at most `limit`.
    func due(notAfter time: Timestamp, from start: Int, limit: Int) -> [Int] {
        var found: [Int] = []
        var lower = start
        while found.count < limit {
            let isEnd = state.withLock { state in
                let upper = min(lower + Self.stride, state.entries.count)
                guard lower < upper else { return true }
                for offset in lower..<upper where found.count < limit {
                    if let entry = state.entries[offset], entry.until <= time {
                        found.append(offset)
                    }
                }
                lower = upper
                return false
            }
            if isEnd { break }
        }
        return found
    }

    /// The offsets under `end` of records that are no evidence, ascending.
    func acts(below end: Int) -> [Int] {
        state.withLock { state in
            (0..<min(end, state.entries.count)).filter { state.entries[$0] == nil }
        }
    }

    /// The lock that a record's leaf gives; nil if it is no evidence.
    func lock(at offset: Int) -> (mode: RetentionMode, until: Timestamp)? {
        state.withLock { state in
            guard state.entries.indices.contains(offset) else { return nil }
            return state.entries[offset].map { ($0.mode, $0.until) }
        }
    }

    /// The offsets of matching records under `end`, highest first, at most `limit`.
    func search(_ query: SearchQuery, below end: Int, limit: Int) -> [Int] {
        let prefix = query.namePrefix.map { Array($0.utf8) }
        let labels = query.labels.map { Array($0.key.utf8) + [0] + Array($0.value.utf8) + [0] }
        var found: [Int] = []
        var upper = state.withLock { min(end, $0.entries.count) }
        while upper > 0 && found.count < limit {
            let lower = max(0, upper - Self.stride)
            state.withLock { state in
                var collection: Int32?
                if let name = query.collection {
                    guard let number = state.collectionNumbers[name] else { return }
                    collection = number
                }
                for offset in (lower..<upper).reversed() where found.count < limit {
                    guard let entry = state.entries[offset],
                        collection == nil || entry.collection == collection,
                        query.digest == nil || entry.digest == query.digest,
                        query.since.map({ entry.received >= $0 }) ?? true,
                        query.until.map({ entry.received < $0 }) ?? true,
                        Self.has(prefix, labels, entry, state.text)
                    else { continue }
                    found.append(offset)
                }
            }
            upper = lower
        }
        return found
    }

    private static func has(
        _ prefix: [UInt8]?,
        _ labels: [[UInt8]],
        _ entry: Entry,
        _ text: [UInt8]
    ) -> Bool {
        if let prefix {
            guard text[entry.nameStart..<entry.nameEnd].starts(with: prefix) else { return false }
        }
        return labels.allSatisfy { wanted in
            var position = entry.nameEnd
            while position < entry.labelsEnd {
                let end = endOfPair(text, from: position)
                if text[position..<end].elementsEqual(wanted) { return true }
                position = end
            }
            return false
        }
    }

    /// Where the `key NUL value NUL` that begins at `start` ends.
    private static func endOfPair(_ text: [UInt8], from start: Int) -> Int {
        var (position, zeros) = (start, 0)
        while zeros < 2 {
            if text[position] == 0 { zeros += 1 }
            position += 1
        }
        return position
    }

    private static func number(of collection: CollectionName, in state: inout State) -> Int32 {
        if let number = state.collectionNumbers[collection] { return number }
        let number = Int32(state.collections.count)
        state.collections.append(collection)
        state.collectionNumbers[collection] = number
        return number
    }
}
