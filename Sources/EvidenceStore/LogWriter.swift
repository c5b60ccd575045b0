import Cryptography
import EvidenceModel
import Platform
import Synchronization
import TransparencyLog

/// The one writer of the log: gives records their index and time, commits, reads back, signs.
///
/// Invariants:
/// - `tree size of the active segment's tree` = records appended, committed or pending;
/// - `verified` covers exactly the committed records, from bytes that were read back;
/// - what is published was read back and signed, never less than what was published before.
///
/// The normal path and recovery share `confirm`: what differs is only that recovery finds the
/// records on disk where the normal path has just put them there.
///
/// `@unchecked Sendable`: one thread uses it at a time, first the one that opens the store, then
/// the sequencer's.
final class LogWriter: @unchecked Sendable {
    let view: LogView
    private let signer: NoteSigner
    private let configuration: StoreConfiguration
    private let metrics: StoreMetrics
    private let segments: SegmentSupply
    private let sealing: SealingService
    private let uploads: UploadDirectory

    private var active: UnsealedSegment
    /// The tree over what was read back.
    private var verified: CompactRange
    private var nextIndex: RecordIndex
    private var lastReceived: Timestamp
    /// The last sequence number of each collection.
    private var sequences: [CollectionName: SequenceNumber]
    private var keys: IdempotencyKeys
    private var pending: [PendingRecord] = []
    /// The payload files that pending records name: settled only once these are durable.
    private var pendingFiles: [UploadID] = []

    /// What recovery hands over.
    struct Start {
        var verified: CompactRange
        var lastReceived: Timestamp
        var sequences: [CollectionName: SequenceNumber]
        var keys: IdempotencyKeys
    }

    init(
        view: LogView,
        active: UnsealedSegment,
        start: Start,
        signer: NoteSigner,
        configuration: StoreConfiguration,
        metrics: StoreMetrics,
        segments: SegmentSupply,
        sealing: SealingService,
        uploads: UploadDirectory
    ) {
        self.view = view
        self.uploads = uploads
        self.active = active
        self.signer = signer
        self.configuration = configuration
        self.metrics = metrics
        self.segments = segments
        self.sealing = sealing
        verified = start.verified
        nextIndex = RecordIndex(start.verified.size.value)
        lastReceived = start.lastReceived
        sequences = start.sequences
        keys = start.keys
    }

    // MARK: Recovery

    /// Takes in the records that an unsealed segment holds, the way a commit's are.
    ///
    /// - Returns: The payload files that they name.
    func recover(_ segment: UnsealedSegment) throws(StoreError) -> Set<UploadID> {
        active = segment
        let reader = try segment.beginRead()
        let first = view.geometry.firstIndex(of: segment.number)
        let count = try reader.recordCount()
        guard nextIndex == first, count <= view.geometry.capacity else {
            throw .damaged(path: segment.path, detail: "it holds \(count) records")
        }
        nextIndex = RecordIndex(first.value + count)
        return try confirm(from: first, .recovered)
    }

    /// Signs and publishes the tree as recovery found it; a full segment goes to the sealer.
    func publishRecovered() {
        publish()
        if active.tree.isFull { sealing.enqueue(active, checkpoint: view.checkpoint) }
    }

    /// The segment that takes the next record, unless it is full.
    var activeSegment: UnsealedSegment { active }

    // MARK: Appending

    /// Takes a batch: commits, reads back, signs, then tells each request.
    ///
    /// - Throws: What makes it impossible to go on: the log must be opened anew.
    func process(_ requests: [AppendRequest]) throws(StoreError) {
        for (segment, filter, last) in sealing.takeSealed() {
            keys.seal(segment, filter: filter, lastReceived: last)
        }
        var answers: [Result<[Decided], StoreError>] = []
        answers.reserveCapacity(requests.count)
        for request in requests { answers.append(try take(request)) }
        try commitPending()
        let checkpoint = view.checkpoint
        let now = Clock.monotonicNanoseconds()
        for (request, answer) in zip(requests, answers) {
            metrics.appendSeconds.record(
                Double(now &- request.enqueuedNanoseconds) / 1_000_000_000
            )
            if case .failure(let error) = answer {
                metrics.countRefusal(error, submissions: request.submissions.count)
            }
            request.completion(answer.map { decided in decided.map { $0.outcome(checkpoint) } })
        }
    }

    /// What becomes of a submission.
    private enum Decided {
        case append(RecordIndex, record: [UInt8])
        case existing(RecordIndex)

        func outcome(_ checkpoint: PublishedCheckpoint) -> AppendOutcome {
            switch self {
            case .append(let index, let record): .appended(index, record: record, checkpoint)
            case .existing(let index): .existing(index, checkpoint)
            }
        }
    }

    /// Decides for a request as a whole, then gives each of its records a place.
    ///
    /// - Returns: A failure if the request is refused.
    /// - Throws: What makes it impossible to go on.
    private func take(
        _ request: AppendRequest
    ) throws(StoreError) -> Result<[Decided], StoreError> {
        let now = nextReceived()
        var locks: [Lock] = []
        var earlier: [RecordIndex?] = []
        do throws(StoreError) {
            try request.checkKeys()
            for submission in request.submissions {
                earlier.append(try earlierUse(submission.draft, at: now))
                do throws(LockRefusal) {
                    locks.append(
                        try configuration.retention.grant(submission.draft.lockRequest, at: now)
                    )
                } catch {
                    throw StoreError.retentionRefused(error)
                }
            }
        } catch {
            return .failure(error)
        }
        var decided: [Decided] = []
        decided.reserveCapacity(request.submissions.count)
        var placed: [KeyHash: RecordIndex] = [:]
        for (position, submission) in request.submissions.enumerated() {
            let key = submission.draft.keyHash
            if let index = earlier[position] ?? key.flatMap({ placed[$0] }) {
                metrics.repeats.add()
                decided.append(.existing(index))
            } else {
                let index = nextIndex
                decided.append(try place(submission, lock: locks[position], received: now))
                if let key { placed[key] = index }
            }
        }
        return .success(decided)
    }

    /// The record that an equal request made within the window.
    ///
    /// - Throws: `conflict` if the key was used for another request.
    private func earlierUse(
        _ draft: EvidenceDraft,
        at now: Timestamp
    ) throws(StoreError) -> RecordIndex? {
        guard let key = draft.keyHash else { return nil }
        let use = try keys.lastUse(of: key, at: now) { number, key throws(StoreError) in
            guard let found = try view.sealed.segment(number).lastUse(of: key) else { return nil }
            let reader = try view.beginRead(number)
            let (_, bytes) = try reader.record(at: found.index)
            let record = try Record.stored(bytes.span, at: found.index, in: reader.path)
            return IdempotencyKeys.Use(
                index: found.index,
                fingerprint: found.fingerprint,
                received: record.received
            )
        }
        guard let use else { return nil }
        guard use.fingerprint == draft.fingerprint else { throw .conflict(use.index) }
        return use.index
    }

    /// Gives a record its index, sequence number and bytes.
    private func place(
        _ submission: Submission,
        lock: Lock,
        received: Timestamp
    ) throws(StoreError) -> Decided {
        if active.tree.isFull {
            try commitPending()
            try rollOver()
        }
        let draft = submission.draft
        let index = nextIndex
        let sequence = sequences[draft.collection]?.next ?? .first
        let record = draft.encode(received: received, sequence: sequence, lock: lock)
        let (frame, chunk) = submission.frame()
        pending.append(
            PendingRecord(
                index: index,
                frameBytes: frame.encoded(record: record.span),
                chunk: chunk,
                opening: draft.opening
            )
        )
        sequences[draft.collection] = sequence
        lastReceived = received
        nextIndex = RecordIndex(index.value + 1)
        if let key = draft.keyHash {
            keys.insert(
                key,
                IdempotencyKeys.Use(
                    index: index,
                    fingerprint: draft.fingerprint,
                    received: received
                ),
                segment: active.number
            )
        }
        extendTree(MerkleTree.leafHash(record.span))
        count(submission)
        return .append(index, record: record)
    }

    private func extendTree(_ leaf: MerkleHash) {
        active.tree.append(leaf)
        if active.tree.isFull {
            view.upper.append(segmentRoot: active.tree.node(level: active.tree.height, 0))
        }
    }

    private func count(_ submission: Submission) {
        metrics.appends.add()
        metrics.payloadBytes.add(submission.payload.sizeBytes)
        switch submission.payload.content {
        case .chunk(let bytes, _, _): metrics.storedPayloadBytes.add(UInt64(bytes.count))
        case .file(let file, let storedSize, _):
            metrics.storedPayloadBytes.add(storedSize)
            // From here on the record may become durable at any moment: the file must outlive us.
            file.markTaken()
            pendingFiles.append(file.id)
        }
    }

    /// Wall-clock time, never before that of the last record.
    private func nextReceived() -> Timestamp {
        guard let wall = Timestamp(milliseconds: Clock.wallMilliseconds()) else {
            return lastReceived
        }
        return max(wall, lastReceived)
    }

    // MARK: Commit order

    /// Makes what is pending durable, reads it back, and publishes a checkpoint that covers it.
    private func commitPending() throws(StoreError) {
        guard let first = pending.first?.index else { return }
        let tiles = try TileCoordinate.completed(
            from: TreeSize(first.value),
            to: TreeSize(nextIndex.value)
        ).map { tile throws(StoreError) in
            CompletedTile(
                coordinate: tile,
                bytes: TileHashes.encode(try view.nodes(tile.nodeIDs))
            )
        }
        try active.commit(pending, tiles: tiles, metrics: metrics)
        if active.wantsGrowth.load(ordering: .relaxed) { segments.grow(active) }
        metrics.commits.add()
        metrics.batchRecords.record(Double(pending.count))
        pending.removeAll(keepingCapacity: true)
        for id in pendingFiles { uploads.markTaken(id) }
        pendingFiles.removeAll(keepingCapacity: true)
        let begin = Clock.monotonicNanoseconds()
        _ = try confirm(from: first, .written)
        publish()
        metrics.confirmSeconds.record(
            Double(Clock.monotonicNanoseconds() - begin) / 1_000_000_000
        )
    }

    /// Whether the records that are read back are this process's own.
    private enum Origin {
        /// Their leaves are in the tree already and must be the same; small payloads are compared
        /// too.
        case written
        /// An earlier process wrote them: the tree grows by what is read.
        case recovered
    }

    /// Reads committed records back, hashes them again, and lets the indexes know them.
    ///
    /// - Returns: The payload files that they name.
    /// - Throws: `damaged` if what was read gives another tree than what was written.
    private func confirm(
        from first: RecordIndex,
        _ origin: Origin
    ) throws(StoreError) -> Set<UploadID> {
        let reader = try active.beginRead()
        var files: Set<UploadID> = []
        for value in first.value..<nextIndex.value {
            let index = RecordIndex(value)
            let offset = view.geometry.offset(of: index)
            let (frame, parsed, leaf) = try reader.withRecord(at: index) { frame, bytes in
                (frame, try? Record(parsing: bytes), MerkleTree.leafHash(bytes))
            }
            if origin == .recovered { extendTree(leaf) }
            guard let record = parsed, leaf == active.tree.node(level: 0, offset) else {
                throw .damaged(path: active.path, detail: "record \(index) was read back changed")
            }
            switch frame.payload {
            case .none: break
            case .file(let id, _): files.insert(id)
            case .table(_, let checksum):
                if origin == .written { try reader.checkChunk(of: index, checksum: checksum) }
            }
            verified.append(leaf)
            let opening = record.isSealed ? try reader.opening(of: index) : nil
            remember(record, at: index, frame, opening)
        }
        let size = verified.size
        let root = try RootComputation.root(size, from: view)
        guard root == verified.root else {
            throw .damaged(
                path: active.path,
                detail: "the tree in memory at size \(size) is wrong"
            )
        }
        return files
    }

    private func remember(
        _ record: Record,
        at index: RecordIndex,
        _ frame: RecordFrame,
        _ opening: SealedOpening?
    ) {
        let facts = EvidenceFacts(record, at: index, frame: frame, opening: opening)
        active.index.append(facts)
        lastReceived = max(lastReceived, record.received)
        guard let facts else { return }
        sequences[facts.collection] = max(
            sequences[facts.collection] ?? .first,
            facts.sequence
        )
        if let key = facts.keyHash, let fingerprint = facts.fingerprint {
            keys.insert(
                key,
                IdempotencyKeys.Use(
                    index: index,
                    fingerprint: fingerprint,
                    received: facts.received
                ),
                segment: active.number
            )
        }
    }

    private func publish() {
        view.publish(PublishedCheckpoint(verified, signer: signer, timestamp: lastReceived))
    }

    /// Goes on with the next segment; the full one is sealed behind our back.
    private func rollOver() throws(StoreError) {
        let full = active
        try sealing.waitForRoom()
        sealing.enqueue(full, checkpoint: view.checkpoint)
        active = try segments.take(full.number.next)
        view.add(active)
    }
}
