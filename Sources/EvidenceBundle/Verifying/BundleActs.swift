import EvidenceModel
import TransparencyLog

/// What the acts of a bundle come to: the locks, holds and erasures of its evidence.
///
/// A bundle has only the acts that concern its evidence; of these the fold is the log's own.
struct BundleActs {
    private(set) var state = LogState()
    private(set) var count: UInt64 = 0
    private(set) var export: (index: RecordIndex, record: ActRecord, export: EvidenceExport)?
    private(set) var creation: LogCreation?
    /// The newest census of each collection.
    private(set) var censuses: [CollectionName: (index: RecordIndex, census: Census)] = [:]
    private(set) var certificates: [RecordIndex: PayloadErased] = [:]
    private var purged: [RecordIndex: [String]] = [:]

    struct Census {
        let before: RecordIndex
        let entry: CensusEntry
    }

    private static let kindMark = Array("\"kind\":\"".utf8)
    private static let evidenceMark = Array("evidence\"".utf8)

    /// Whether a record says that it is evidence, told without taking it apart.
    ///
    /// The first `"kind":"` of a canonical record is the record's own: the members that sort before
    /// it hold no text of that name but labels, and evidence has its labels behind `kind`; inside
    /// of strings a quotation mark follows a backslash. A record of which this is not so is refused
    /// where it is taken apart.
    static func isEvidence(_ record: ArraySlice<UInt8>) -> Bool {
        var start = record.startIndex
        while let found = record[start...].firstIndex(of: kindMark[0]) {
            if record[found...].starts(with: kindMark) {
                return record[(found + kindMark.count)...].starts(with: evidenceMark)
            }
            start = found + 1
        }
        return false
    }

    mutating func take(_ record: Record, at index: RecordIndex) throws(BundleFault) {
        count += 1
        if case .logCreated(let creation) = record {
            guard index.value == 0 else { throw Self.fault(index, "a log.created") }
            self.creation = creation
            state = LogState(creation)
        }
        guard case .act(let record) = record else { return }
        switch record.act {
        case .policySet, .lockExtended, .lockBypassed, .eventRecorded, .holdPlaced, .holdReleased,
            .payloadErased, .keyRotated:
            do throws(ActFault) {
                try state.apply(record, at: index)
            } catch { throw Self.fault(index, "\(error)") }
            if case .payloadErased(let erased) = record.act { certificates[index] = erased }
        case .payloadPurged(let erasure, let copy, let count, _):
            guard certificates[erasure]?.count == count else {
                throw Self.fault(index, "it purges what no erasure in the bundle names")
            }
            purged[erasure, default: []].append(copy)
        case .census(let before, _, _, let collections):
            for (name, entry) in collections {
                censuses[name] = (index, Census(before: before, entry: entry))
            }
        case .accessExported(let export): self.export = (index, record, export)
        default: break
        }
    }

    /// The copies in which an erasure's bytes are gone.
    func purgedCopies(of erasure: RecordIndex) -> [String] { purged[erasure] ?? [] }

    private static func fault(_ index: RecordIndex, _ reason: String) -> BundleFault {
        BundleFault(BundleLayout.entries, "record \(index): \(reason)")
    }
}

/// The line of `locks.jsonl` for a piece of evidence.
struct LockLine {
    /// Its bytes, without the line's end.
    static func bytes(_ facts: RecordFacts, in state: LogState, purged: [String]) -> [UInt8] {
        let standing = state.lockStanding(of: facts.index, lock: facts.lock)
        var line: JSONObject = [
            "index": .integer(Int64(facts.index.value)), "lock": standing.lock.json,
        ]
        if !standing.history.isEmpty {
            line["acts"] = .array(standing.history.map { .integer(Int64($0.value)) })
        }
        let matters = state.mattersHolding(facts)
        if !matters.isEmpty { line["holds"] = .array(matters.map { .string($0.text) }) }
        if let erased = standing.erased {
            line["erased"] = .integer(Int64(erased.value))
            if !purged.isEmpty { line["purged"] = .array(purged.map { .string($0) }) }
        }
        return CanonicalJSON.encode(.object(line))
    }
}
