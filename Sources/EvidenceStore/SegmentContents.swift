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
    private var collections: [String: SegmentSummary.CollectionPart] = [:]
    private var firstReceived: Timestamp?
    private var lastReceived: Timestamp?

    /// What goes into one file of payloads.
    struct Group {
        var entries = IndexEntries()
        var payloads: [RecordIndex] = []
        var openings: [RecordIndex] = []
    }

    /// Adds the segment's next record.
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
            return
        }
        collections[
            facts.collection.text,
            default: SegmentSummary.CollectionPart(count: 0, lastSequence: 0, lastIndex: 0)
        ].add(facts)
        logEntries.appendLeaf(facts)
        if let key = facts.keyHash, facts.fingerprint != nil { keys.append(key) }
        let name = PayloadGroup(facts.lock)
        var group = groups.removeValue(forKey: name) ?? Group()
        if case .table = frame.payload { group.payloads.append(index) }
        if facts.isSealed {
            if opening != nil { group.openings.append(index) }
            group.entries.appendDescription(facts)
        } else {
            logEntries.appendDescription(facts)
        }
        if !group.payloads.isEmpty || !group.openings.isEmpty { groups[name] = group }
    }

    /// The filter over the keys, or nil if no record has one.
    var filter: KeyFilter? { keys.isEmpty ? nil : KeyFilter(keys) }

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
