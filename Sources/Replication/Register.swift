import EvidenceModel
import EvidenceStore
import Platform
import TransparencyLog

/// The register of a target (`log/checkpoint`): the newest checkpoint that a node wrote there.
///
/// It is the fence: whoever finds another's checkpoint in it that its own log does not have stops.
final class Register: Sendable {
    private let store: EvidenceStore
    private let target: any ObjectStore
    private let ledger: TargetLedger
    /// Whether the store keeps the condition of a request.
    private let hasConditions: Bool
    private let tag: Mutex<ObjectTag?>

    init(
        _ store: EvidenceStore,
        _ target: any ObjectStore,
        _ ledger: TargetLedger,
        hasConditions: Bool
    ) throws(StoreError) {
        self.store = store
        self.target = target
        self.ledger = ledger
        self.hasConditions = hasConditions
        tag = Mutex(try ledger.registerTag())
    }

    /// What the register says.
    struct Found: Sendable {
        let checkpoint: Checkpoint
        let tag: ObjectTag
    }

    /// Reads the register; `nil` if there is none.
    func read() throws(ReplicationFailure) -> Found? {
        let sink = ByteSink()
        let head: HeadResult
        do throws(StoreFailure) {
            head = try target.get(ObjectLayout.checkpoint, version: nil, range: nil) {
                sink.append($0)
            }
        } catch .notFound, .deleteMarker {
            return nil
        } catch {
            throw .store(error)
        }
        guard let tag = head.tag else {
            throw .store(.corrupt(detail: "the store tells no ETag of \(ObjectLayout.checkpoint)"))
        }
        guard
            let text = String(validating: sink.bytes, as: UTF8.self),
            let opened = try? SignedCheckpoint.open(
                text,
                origin: store.description.origin,
                keys: store.verifierKeys
            )
        else {
            throw .fenced(
                "\(ObjectLayout.checkpoint) in the bucket is not a checkpoint that this log "
                    + "signed: another log writes there, or somebody has changed it"
            )
        }
        return Found(checkpoint: opened.checkpoint, tag: tag)
    }

    /// Compares the register with the log before anything is written.
    ///
    /// - Throws: `fenced` if the bucket knows of records that this log does not have.
    func check() throws(ReplicationFailure) {
        guard let found = try read() else { return tag.withLock { $0 = nil } }
        try judge(found)
        tag.withLock { $0 = found.tag }
    }

    /// Looks for journal objects beyond the log's end: the register may be some seconds older.
    ///
    /// `prefix`: of the target; where a listing goes on is told by whole keys.
    /// - Throws: `fenced` if there is one.
    func checkJournal(prefix: String) throws(ReplicationFailure) {
        let known = store.checkpoint.size.value
        let first = RecordIndex(known - min(known, JournalJob.maximumRecords))
        let target = target
        var cursor: ListCursor? = ListCursor(
            key: prefix + ObjectLayout.journal(first: first, count: 0).text,
            detail: nil
        )
        var largest: (end: UInt64, key: ObjectKey)?
        while let place = cursor {
            let page = try stored { () throws(StoreFailure) in
                try target.listVersions(prefix: "journal/", depth: .all, after: place, limit: 1_000)
            }
            for entry in page.entries {
                guard
                    case .journal(let first, let count) = ObjectLayout.meaning(of: entry.name.key),
                    first.value + count > largest?.end ?? 0
                else { continue }
                largest = (first.value + count, entry.name.key)
            }
            cursor = page.next
        }
        // The log may have grown meanwhile, and the journal with it.
        let size = store.checkpoint.size
        guard let largest, largest.end > size.value else { return }
        throw .fenced(
            "the bucket holds records up to a size of \(largest.end) (\(largest.key)), this log "
                + "has \(size): this directory was set back to an older copy, or another node goes "
                + "on with the log"
        )
    }

    /// Writes a newer checkpoint.
    ///
    /// - Throws: `fenced` if another node has written one that this log does not have.
    func write(_ size: TreeSize) throws(ReplicationFailure) {
        let note = try logged { () throws(StoreError) in try store.signedCheckpoint(at: size) }.note
        var request = PutRequest(key: ObjectLayout.checkpoint, bytes: Array(note.utf8))
        request.mediaType = "text/plain; charset=utf-8"
        if !hasConditions { try check() }
        for isRepeated in [false, true] {
            if hasConditions {
                request.condition = tag.withLock { $0 }.map { .matching($0) } ?? .absent
            }
            do throws(StoreFailure) {
                let result = try target.put(request)
                tag.withLock { $0 = result.tag }
                var changes = TargetLedger.Changes()
                changes.registerTag = result.tag
                return try written(changes)
            } catch .preconditionFailed where !isRepeated {
                // Our own of which the reply was lost, or another's.
                try check()
            } catch {
                throw .store(error)
            }
        }
    }

    private func written(_ changes: TargetLedger.Changes) throws(StoreFailure) {
        do throws(StoreError) {
            try ledger.write(changes)
        } catch {
            throw .local(detail: "\(error)")
        }
    }

    private func judge(_ found: Found) throws(ReplicationFailure) {
        let size = found.checkpoint.size
        let own = store.checkpoint
        guard size <= own.size else {
            throw .fenced(
                "the bucket holds a checkpoint of \(size) records, this log has \(own.size): this "
                    + "directory was set back to an older copy, or another node goes on with "
                    + "the log"
            )
        }
        let root = try logged { () throws(StoreError) in try store.signedCheckpoint(at: size) }.root
        guard root == found.checkpoint.root else {
            throw .fenced(
                "the bucket's checkpoint of \(size) records has another root than this log: two "
                    + "nodes have gone on with the same log"
            )
        }
    }
}

/// Takes bytes together; a reference, so that closures can share it.
final class ByteSink {
    private(set) var bytes: [UInt8] = []

    func append(_ piece: Span<UInt8>) {
        unsafe piece.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    }
}
