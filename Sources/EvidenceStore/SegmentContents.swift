import Cryptography
import EvidenceModel
import TransparencyLog

/// Everything that a sealed segment's files must hold, worked out from its records alone.
///
/// The sealer writes it, and `fsck` compares it with what the files hold.
struct SegmentContents {
    private(set) var tree = CompactRange()
    private(set) var logEntries = IndexEntries()
    private(set) var groups: [PayloadGroup: Group] = [:]
    private(set) var keys: [KeyHash] = []
    /// Records whose request had an idempotency key that nobody knows any more, as their openings
    /// are gone.
    private(set) var forgottenKeys = 0
    private var collections: [String: SegmentSummary.CollectionPart] = [:]
    private var firstReceived: Timestamp?
    private var lastReceived: Timestamp?

    /// What goes into one file of payloads.
    struct Group {
        /// Of the sealed records whose openings stand.
        var entries = IndexEntries()
        /// Records with a payload in the file, by their leaves alone.
        var payloads: [RecordIndex] = []
        /// Sealed records, by their leaves alone.
        var openings: [RecordIndex] = []

        /// What there is to write once these records are erased; nil if nothing is left.
        func standing(without erased: IndexRanges) -> Group? {
            var group = self
            group.payloads.removeAll { erased.contains($0) }
            group.openings.removeAll { erased.contains($0) }
            return group.isEmpty ? nil : group
        }

        var isEmpty: Bool { payloads.isEmpty && openings.isEmpty }
    }

    /// Adds the segment's next record.
    ///
    /// `opening`: of a sealed record, unless it was erased.
    mutating func append(
        _ record: Record,
        bytes: Span<UInt8>,
        frame: RecordFrame,
        opening: SealedOpening?,
        at index: RecordIndex
    ) {
        tree.append(MerkleTree.leafHash(bytes))
        firstReceived = firstReceived ?? record.received
        lastReceived = record.received
        guard let facts = EvidenceFacts(record, at: index, frame: frame, opening: opening) else {
            return logEntries.appendAct(index)
        }
        collections[
            facts.collection.text,
            default: SegmentSummary.CollectionPart(count: 0, lastSequence: 0, lastIndex: 0)
        ].add(facts)
        logEntries.appendLeaf(facts)
        if let key = facts.keyHash, facts.fingerprint != nil { keys.append(key) }
        if facts.description == nil && facts.fingerprint != nil { forgottenKeys += 1 }
        let name = PayloadGroup(facts.lock)
        var group = groups.removeValue(forKey: name) ?? Group()
        if case .table = frame.payload { group.payloads.append(index) }
        if facts.isSealed {
            group.openings.append(index)
            group.entries.appendDescription(facts)
        } else {
            logEntries.appendDescription(facts)
        }
        if !group.isEmpty { groups[name] = group }
    }

    /// The filter over the keys, or nil if no record has one.
    var filter: KeyFilter? { keys.isEmpty ? nil : KeyFilter(keys) }

    /// Whether this can be the filter that the seal wrote.
    ///
    /// It may have keys of sealed records that were erased since.
    func mayHave(_ stored: KeyFilter?) -> Bool {
        guard forgottenKeys > 0 else { return stored == filter }
        guard let stored else { return keys.isEmpty }
        let sizes = (keys.count...keys.count + forgottenKeys).lazy.map {
            KeyFilter(capacity: $0).words.count
        }
        return sizes.contains(stored.words.count) && keys.allSatisfy { stored.mayContain($0) }
    }

    /// The manifest.
    func summary(of segment: SegmentNumber) -> SegmentSummary? {
        guard let firstReceived, let lastReceived else { return nil }
        var files: [String: SegmentSummary.PayloadPart] = [:]
        for (name, group) in groups {
            files[name.fileName] = SegmentSummary.PayloadPart(
                payloads: UInt64(group.payloads.count),
                openings: UInt64(group.openings.count)
            )
        }
        return SegmentSummary(
            segment: segment,
            recordCount: tree.size.value,
            root: tree.root,
            firstReceived: firstReceived,
            lastReceived: lastReceived,
            collections: collections,
            payloadFiles: files
        )
    }
}

extension SegmentSummary.CollectionPart {
    /// Counts one more record of the collection.
    mutating func add(_ facts: EvidenceFacts) {
        count += 1
        lastSequence = facts.sequence.value
        lastIndex = facts.index.value
    }
}
