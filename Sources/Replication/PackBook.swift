import Cryptography
import EvidenceModel
import TransparencyLog

/// Evidence that is to go into a pack.
struct PackCandidate: Hashable, Sendable {
    let index: RecordIndex
    let received: Timestamp
    let payload: PackEntry.Payload
    /// Whether the payload is an object of its own.
    let isLarge: Bool

    /// What it adds to a pack before compression, headers and padding included.
    var sizeBytes: UInt64 { 4_096 + (isLarge ? 0 : payload.sizeBytes) }
}

/// Which records stand in which objects of a target, and which are still to be packed.
///
/// Pure: it decides nothing but what goes where next.
struct PackBook {
    /// Evidence of one home that waits for its pack.
    struct Group {
        /// Ascending.
        fileprivate(set) var candidates: [PackCandidate] = []
        fileprivate(set) var sizeBytes: UInt64 = 0
        /// Records that stand elsewhere, but not as firmly as they should.
        fileprivate(set) var isUrgent = false

        /// Where a record stands, or would.
        fileprivate func position(of index: RecordIndex) -> Int {
            var (low, high) = (0, candidates.count)
            // Most come in the log's order.
            if let last = candidates.last, last.index < index { return high }
            while low < high {
                let middle = (low + high) / 2
                if candidates[middle].index < index { low = middle + 1 } else { high = middle }
            }
            return low
        }
    }

    /// Objects of one kind with records of one block of indexes.
    private struct Place: Hashable {
        static let blockBits: UInt64 = 12

        let kind: LedgerEntry.Kind
        let block: UInt64
    }

    private(set) var entries: [ObjectKey: LedgerEntry] = [:]
    private(set) var groups: [PackHome: Group] = [:]
    /// The home in which a record waits.
    private(set) var waiting: [RecordIndex: PackHome] = [:]
    /// Records in packs under way.
    private var underWay: [RecordIndex: PackHome] = [:]
    /// Records whose lock or hold in the target is weaker than it should be, and until when they
    /// are locked there.
    private(set) var pending: [RecordIndex: Timestamp] = [:]
    /// So that nothing looks at all objects for one record.
    private var places: [Place: Set<ObjectKey>] = [:]
    private(set) var objectCount: UInt64 = 0
    private(set) var objectBytes: UInt64 = 0

    // MARK: Objects

    mutating func record(_ entry: LedgerEntry) {
        if let old = entries.updateValue(entry, forKey: entry.key), old.state == .stored {
            objectCount -= 1
            objectBytes -= old.sizeBytes
        }
        for place in Self.places(of: entry.records, entry.kind) {
            places[place, default: []].insert(entry.key)
        }
        if entry.state == .stored {
            objectCount += 1
            objectBytes += entry.sizeBytes
        }
    }

    /// Lets go of what still stands: it is in the ledger, and nothing here asks for it now.
    mutating func archive(_ key: ObjectKey) { _ = remove(key) }

    /// Counts what stands in the ledger only.
    mutating func countArchived(_ entry: LedgerEntry) {
        objectCount += 1
        objectBytes += entry.sizeBytes
    }

    /// Takes back what was let go.
    mutating func recall(_ entry: LedgerEntry) {
        guard entry.state == .stored, entries[entry.key] == nil else { return }
        objectCount -= 1
        objectBytes -= entry.sizeBytes
        record(entry)
    }

    mutating func forget(_ key: ObjectKey) {
        guard let old = remove(key), old.state == .stored else { return }
        objectCount -= 1
        objectBytes -= old.sizeBytes
    }

    private mutating func remove(_ key: ObjectKey) -> LedgerEntry? {
        guard let old = entries.removeValue(forKey: key) else { return nil }
        for place in Self.places(of: old.records, old.kind) {
            places[place]?.remove(key)
            if places[place]?.isEmpty == true { places[place] = nil }
        }
        return old
    }

    private static func places(of records: IndexRanges, _ kind: LedgerEntry.Kind) -> [Place] {
        var blocks: [UInt64] = []
        for range in records.ranges {
            let (first, last) = (
                range.lowerBound >> Place.blockBits, range.upperBound >> Place.blockBits
            )
            let next = max(first, blocks.last.map { $0 + 1 } ?? 0)
            if next <= last { blocks += next...last }
        }
        return blocks.map { Place(kind: kind, block: $0) }
    }

    /// The objects of a kind that may stand, with some of these records.
    func entries(_ kind: LedgerEntry.Kind, with records: IndexRanges) -> [LedgerEntry] {
        var keys: Set<ObjectKey> = []
        for place in Self.places(of: records, kind) { keys.formUnion(places[place] ?? []) }
        return keys.compactMap { entries[$0] }.filter { $0.records.intersects(records) }
    }

    /// The objects of a kind that stand verified.
    func stored(_ kind: LedgerEntry.Kind) -> [LedgerEntry] {
        entries.values.filter { $0.kind == kind && $0.state == .stored }
    }

    /// The objects that may stand, with some of these records.
    func entries(with records: IndexRanges) -> [LedgerEntry] {
        [.journal, .pack, .payload].flatMap { entries($0, with: records) }
    }

    /// The verified packs that hold a record.
    func packs(of index: RecordIndex) -> [LedgerEntry] {
        let place = Place(kind: .pack, block: index.value >> Place.blockBits)
        return (places[place] ?? []).compactMap { entries[$0] }.filter {
            $0.state == .stored && $0.records.contains(index)
        }
    }

    /// The payload object of a record; of two the stronger.
    func payloadObject(of index: RecordIndex, in collection: CollectionName) -> LedgerEntry? {
        entries[ObjectLayout.strongerPayload(collection, index)]
            ?? entries[ObjectLayout.payload(collection, index)]
    }

    /// Where the payload of a record belongs: beside a weaker one if that is there already.
    func payloadKey(of index: RecordIndex, as home: PackHome) -> ObjectKey {
        let key = ObjectLayout.payload(home.collection, index)
        let stronger = ObjectLayout.strongerPayload(home.collection, index)
        guard let entry = entries[key] else { return key }
        let isWeaker = entry.lock.mode == .governance && home.lock.mode == .compliance
        return isWeaker || entries[stronger] != nil ? stronger : key
    }

    /// Whether a verified pack that is not in `doomed` keeps the record as its home demands.
    func isKept(
        _ index: RecordIndex,
        as home: PackHome,
        without doomed: Set<ObjectKey> = []
    ) -> Bool {
        packs(of: index).contains {
            !doomed.contains($0.key) && $0.keeps(as: home)
        }
    }

    // MARK: What is to be packed

    /// Lets a record wait for a pack of its home; one that waits elsewhere moves.
    mutating func wait(_ candidate: PackCandidate, for home: PackHome, isUrgent: Bool) {
        let index = candidate.index
        if underWay[index] == home { return }
        if let old = waiting[index] {
            if old == home {
                if isUrgent { groups[home]?.isUrgent = true }
                return
            }
            drop(index, from: old)
        }
        waiting[index] = home
        var group = groups.removeValue(forKey: home) ?? Group()
        group.candidates.insert(candidate, at: group.position(of: index))
        group.sizeBytes += candidate.sizeBytes
        if isUrgent { group.isUrgent = true }
        groups[home] = group
    }

    /// The record stands as it should: it waits for nothing.
    mutating func leave(_ index: RecordIndex) {
        if let home = waiting.removeValue(forKey: index) { drop(index, from: home) }
    }

    /// The record was erased: it waits for nothing.
    mutating func cancel(_ index: RecordIndex) {
        leave(index)
        pending[index] = nil
    }

    private mutating func drop(_ index: RecordIndex, from home: PackHome) {
        guard var group = groups.removeValue(forKey: home) else { return }
        let position = group.position(of: index)
        if position < group.candidates.count, group.candidates[position].index == index {
            group.sizeBytes -= group.candidates.remove(at: position).sizeBytes
        }
        if !group.candidates.isEmpty { groups[home] = group }
    }

    /// Takes the records of the next pack out of a group: the lowest that may go, up to
    /// `limitBytes`.
    mutating func begin(
        _ home: PackHome,
        limitBytes: UInt64,
        if mayGo: (RecordIndex) -> Bool = { _ in true }
    ) -> [PackCandidate] {
        guard var group = groups.removeValue(forKey: home) else { return [] }
        var taken: [PackCandidate] = []
        var passed: [PackCandidate] = []
        var sizeBytes: UInt64 = 0
        for candidate in group.candidates {
            guard mayGo(candidate.index) else {
                passed.append(candidate)
                continue
            }
            let isFull =
                sizeBytes + candidate.sizeBytes > limitBytes
                || taken.count == PackIndex.maximumEntryCount
            if !taken.isEmpty && isFull { break }
            taken.append(candidate)
            sizeBytes += candidate.sizeBytes
        }
        for candidate in taken {
            waiting[candidate.index] = nil
            underWay[candidate.index] = home
        }
        group.candidates.replaceSubrange(..<(taken.count + passed.count), with: passed)
        group.sizeBytes -= sizeBytes
        if !group.candidates.isEmpty { groups[home] = group }
        return taken
    }

    /// The pack is verified, or was given up; then its records have to wait anew.
    mutating func end(_ candidates: [PackCandidate]) {
        for candidate in candidates { underWay[candidate.index] = nil }
    }

    /// Evidence that is in no verified pack, or not in one of its home.
    var unpacked: Int { waiting.count + underWay.count }

    /// The lowest of it.
    var firstUnpacked: RecordIndex? {
        let first = groups.values.compactMap { $0.candidates.first?.index }.min()
        return [first, underWay.keys.min()].compactMap { $0 }.min()
    }

    func isUnpacked(_ index: RecordIndex) -> Bool {
        waiting[index] != nil || underWay[index] != nil
    }

    // MARK: What is weaker than it should be

    mutating func suspend(_ index: RecordIndex, until: Timestamp) { pending[index] = until }

    mutating func settle(_ index: RecordIndex) { pending[index] = nil }
}
