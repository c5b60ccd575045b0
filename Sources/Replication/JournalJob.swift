import Cryptography
import EvidenceModel
import EvidenceStore
import TransparencyLog

/// Makes and stores one journal object: the newest records, with their payloads.
struct JournalJob: Sendable {
    let first: RecordIndex
    /// Records up to here may be taken.
    let end: TreeSize
    /// Whether all of them must be.
    var isWhole = false

    var records: IndexRanges {
        IndexRanges(ranges: [first.value...(end.value - 1)]) ?? .none
    }

    /// What the records of a journal object mean for what comes next.
    struct Contents: Sendable {
        var entry: LedgerEntry
        let size: TreeSize
        var evidence: [(candidate: PackCandidate, home: PackHome)] = []
        var acts: [(index: RecordIndex, act: Act)] = []
    }

    /// Limits of one object; a single record may be larger.
    static let maximumRecords: UInt64 = 8_192
    static let maximumBytes = 8 << 20

    /// Puts the object together in memory.
    func make(
        _ store: EvidenceStore,
        lockedUntil until: Timestamp
    ) throws(ReplicationFailure) -> (contents: Contents, bytes: [UInt8]) {
        var replicas: [Replica] = []
        var entries: [PackEntry] = []
        var sizeBytes = 0
        var index = first
        while index.value < end.value,
            isWhole
                || UInt64(replicas.count) < Self.maximumRecords && sizeBytes < Self.maximumBytes
        {
            let replica = try logged { () throws(StoreError) in try store.replica(at: index) }
            entries.append(replica.packEntry)
            if case .bytes(let bytes) = replica.payload { sizeBytes += bytes.count }
            sizeBytes += replica.stored.bytes.count
            replicas.append(replica)
            index = RecordIndex(index.value + 1)
        }
        let size = TreeSize(index.value)
        let origin = store.description.origin
        let list = PackIndex.journal(origin: origin, first: first, entries)
        let note = try logged { () throws(StoreError) in try store.signedCheckpoint(at: size) }.note
        let result: PackWriter.Result
        do throws(PackError) {
            let writer = try PackWriter(
                list,
                indexTime: replicas[0].stored.record.received,
                to: .memory
            )
            for replica in replicas { try writer.append(replica) }
            try writer.checkpoint(note)
            result = try writer.finish()
        } catch {
            throw .local("\(error)")
        }
        guard let lock = ObjectLock(mode: .compliance, until: until) else {
            preconditionFailure("locks of journal objects end at whole seconds")
        }
        let entry = LedgerEntry(
            key: ObjectLayout.journal(first: first, count: UInt64(replicas.count)),
            kind: .journal,
            records: IndexRanges(ranges: [first.value...(index.value - 1)]) ?? .none,
            bare: IndexRanges(entries.filter(\.isErased).map(\.index)),
            home: nil,
            digest: result.digest,
            sizeBytes: result.sizeBytes,
            lock: lock,
            hold: .off,
            state: .planned,
            version: nil
        )
        var contents = Contents(entry: entry, size: size)
        for replica in replicas { contents.take(replica, store) }
        return (contents, result.bytes)
    }
}

extension JournalJob.Contents {
    fileprivate mutating func take(_ replica: Replica, _ store: EvidenceStore) {
        if case .act(let record) = replica.stored.record {
            acts.append((replica.stored.index, record.act))
        } else if let candidate = replica.candidate, let facts = RecordFacts(replica.stored) {
            evidence.append((candidate, store.withState { $0.home(of: facts) }))
        }
    }
}

extension LogState {
    /// Where a record belongs in a target, as things stand.
    borrowing func home(of facts: RecordFacts) -> PackHome {
        let lock = lockStanding(of: facts.index, lock: facts.lock).lock
        let kind: PackHome.Kind =
            if let matter = mattersHolding(facts).first {
                .held(matter)
            } else if lock == facts.lock {
                .original
            } else {
                .extended
            }
        return PackHome(collection: facts.collection, lock: lock, kind: kind)
    }
}

extension Replica {
    /// Its line in the index of a pack or journal object.
    var packEntry: PackEntry {
        let index = stored.index
        guard let description = stored.description else {
            if case .erased = payload { return PackEntry(index: index, content: .erased) }
            return PackEntry(index: index, content: .none)
        }
        let about = PackEntry.Payload(
            digest: description.payloadDigest,
            sizeBytes: description.payloadSize
        )
        switch payload {
        case .none: return PackEntry(index: index, content: .none)
        case .erased: return PackEntry(index: index, content: .erased)
        case .bytes: return PackEntry(index: index, content: .payload(about))
        case .file:
            guard let collection = stored.record.collection else {
                preconditionFailure("evidence has a collection")
            }
            return PackEntry(
                index: index,
                content: .object(about, ObjectLayout.payload(collection, index))
            )
        }
    }

    /// What is to be packed; `nil` for acts and what was erased.
    var candidate: PackCandidate? {
        guard let about = packEntry.payload else { return nil }
        return PackCandidate(
            index: stored.index,
            received: stored.record.received,
            payload: about,
            isLarge: packEntry.object != nil
        )
    }
}

extension EvidenceStore {
    /// What a record means for packs; `nil` for acts and what was erased.
    func replicaFacts(
        at index: RecordIndex
    ) throws(StoreError) -> (candidate: PackCandidate, facts: RecordFacts)? {
        let stored = try record(at: index)
        guard let facts = RecordFacts(stored), let description = stored.description,
            withState({ $0.erasure(of: index) }) == nil
        else { return nil }
        var isLarge = false
        if case .file = stored.frame.payload { isLarge = true }
        let candidate = PackCandidate(
            index: index,
            received: stored.record.received,
            payload: PackEntry.Payload(
                digest: description.payloadDigest,
                sizeBytes: description.payloadSize
            ),
            isLarge: isLarge
        )
        return (candidate, facts)
    }
}

extension PackWriter {
    /// Adds a record with its payload.
    func append(_ replica: Replica) throws(PackError) {
        let stored = replica.stored
        let received = stored.record.received
        try append(
            index: stored.index,
            record: stored.bytes.span,
            received: received,
            opening: stored.opening
        )
        guard case .bytes(let bytes) = replica.payload else { return }
        try beginPayload(index: stored.index, sizeBytes: UInt64(bytes.count), received: received)
        try payload(bytes.span)
    }
}

/// Why a step of replication did not come to its end.
enum ReplicationFailure: Error, Sendable {
    /// The target refused or failed.
    case store(StoreFailure)
    /// The log refused or failed.
    case log(StoreError)
    /// The ledger or a temporary file failed.
    case local(String)
    /// Somebody else writes to the bucket, or this node was set back.
    case fenced(String)
}

extension ReplicationFailure: CustomStringConvertible {
    var description: String {
        switch self {
        case .store(let failure): "\(failure)"
        case .log(let error): "\(error)"
        case .local(let detail), .fenced(let detail): detail
        }
    }
}

/// Runs a call of the log.
func logged<Result>(
    _ body: () throws(StoreError) -> Result
) throws(ReplicationFailure) -> Result {
    do throws(StoreError) { return try body() } catch { throw .log(error) }
}

/// Runs a call of the target.
func stored<Result>(
    _ body: () throws(StoreFailure) -> Result
) throws(ReplicationFailure) -> Result {
    do throws(StoreFailure) { return try body() } catch { throw .store(error) }
}
