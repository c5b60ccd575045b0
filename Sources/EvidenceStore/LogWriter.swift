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
/// - `working` is the fold of the acts appended, committed or pending: decisions are made on it;
/// - what is published was read back and signed, never less than what was published before.
///
/// The normal path and recovery share `confirm`: what differs is only that recovery finds the
/// records on disk where the normal path has just put them there.
///
/// `@unchecked Sendable`: one thread uses it at a time, first the one that opens the store, then
/// the sequencer's.
final class LogWriter: @unchecked Sendable {
    let view: LogView
    let configuration: StoreConfiguration
    let metrics: StoreMetrics
    private var runningClock: ClockKeeper?
    private let source: CheckpointSource
    /// Full segments that recovery found before the first checkpoint that can be signed.
    private var unsigned: [UnsealedSegment] = []
    private let segments: SegmentSupply
    private let sealing: SealingService
    private let uploads: UploadDirectory
    /// Records below came back from a copy.
    let restored: TreeSize

    var active: UnsealedSegment
    /// The tree over what was read back.
    private var verified: CompactRange
    var nextIndex: RecordIndex
    var lastReceived: Timestamp
    /// The last record of each collection.
    var heads: [CollectionName: CensusEntry]
    /// Collections with records that no census tells of.
    var uncounted: Set<CollectionName>
    var working: LogState
    var keys: IdempotencyKeys
    var pending: [PendingRecord] = []
    /// The payload files that pending records name: settled only once these are durable.
    var pendingFiles: [UploadID] = []

    /// What recovery hands over.
    struct Start {
        var verified: CompactRange
        var lastReceived: Timestamp
        var heads: [CollectionName: CensusEntry]
        var keys: IdempotencyKeys
        var state: LogState
    }

    init(
        view: LogView,
        active: UnsealedSegment,
        start: Start,
        source: CheckpointSource,
        configuration: StoreConfiguration,
        metrics: StoreMetrics,
        segments: SegmentSupply,
        sealing: SealingService,
        uploads: UploadDirectory,
        restored: TreeSize
    ) {
        self.view = view
        self.restored = restored
        self.uploads = uploads
        self.active = active
        self.source = source
        self.configuration = configuration
        self.metrics = metrics
        self.segments = segments
        self.sealing = sealing
        verified = start.verified
        nextIndex = RecordIndex(start.verified.size.value)
        lastReceived = start.lastReceived
        heads = start.heads
        working = start.state
        keys = start.keys
        let counted = start.state.lastCensus?.before ?? RecordIndex(0)
        uncounted = Set(start.heads.filter { $0.value.last >= counted }.keys)
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

    /// Lets the compliance clock run, from what recovery found on.
    func start(_ clock: ClockKeeper) { runningClock = clock }

    var clock: ClockKeeper {
        guard let runningClock else { preconditionFailure("appends begin after recovery") }
        return runningClock
    }

    /// Signs and publishes the tree as recovery found it; a full segment goes to the sealer.
    ///
    /// A log that is opened without its key publishes the tree that was signed before, once it is
    /// there, and seals nothing. One whose present key comes further on signs from there.
    func publishRecovered() {
        publish()
        guard case .signer = source else { return }
        if active.tree.isFull { unsigned.append(active) }
        guard view.isPublished else { return }
        for segment in unsigned { sealing.enqueue(segment, checkpoint: view.checkpoint) }
        unsigned = []
    }

    /// The segment that takes the next record, unless it is full.
    var activeSegment: UnsealedSegment { active }

    // MARK: Batches

    /// What a request of a batch is told once the batch is durable.
    private enum Answer {
        case append(AppendRequest, Result<[Decided], StoreError>)
        case act(ActRequest, Result<DecidedActs, StoreError>)
    }

    /// Takes a batch: commits, reads back, signs, then tells each request.
    ///
    /// - Throws: What makes it impossible to go on: the log must be opened anew.
    func process(_ requests: [SequencerRequest]) throws(StoreError) {
        for (segment, filter, last) in sealing.takeSealed() {
            keys.seal(segment, filter: filter, lastReceived: last)
        }
        var time = clock.reading()
        var answers: [Answer] = []
        answers.reserveCapacity(requests.count)
        for request in requests {
            switch request {
            case .append(let request):
                answers.append(.append(request, try take(request, at: time)))
            case .act(let request):
                answers.append(.act(request, try take(request, at: time)))
                guard request.proposal.movesClock else { break }
                // What comes next in this batch must not be decided by a time that is over.
                try commitPending()
                time = clock.reading()
            case .replaceActive(let replacement): try replaceActive(replacement)
            }
        }
        try commitPending()
        let checkpoint = view.checkpoint
        let now = Clock.monotonicNanoseconds()
        for answer in answers {
            switch answer {
            case .append(let request, let result):
                metrics.appendSeconds.record(
                    Double(now &- request.enqueuedNanoseconds) / 1_000_000_000
                )
                if case .failure(let error) = result {
                    metrics.countRefusal(error, submissions: request.submissions.count)
                }
                acknowledge(request, result, checkpoint)
            case .act(let request, let result):
                request.completion(result.map { $0.outcome(checkpoint) })
            }
        }
    }

    /// Tells an append what became of it, once every copy that must have its records has them.
    private func acknowledge(
        _ request: AppendRequest,
        _ result: Result<[Decided], StoreError>,
        _ checkpoint: PublishedCheckpoint
    ) {
        guard case .success(let decided) = result else {
            return request.completion(result.map { _ in [] })
        }
        let last = decided.map(\.outcomeIndex.value).max()
        view.gate.pass(TreeSize(last.map { $0 + 1 } ?? 0)) { pending in
            request.completion(
                pending.map { .failure($0) }
                    ?? .success(decided.map { $0.outcome(checkpoint) })
            )
        }
    }

    /// The time of the next record: that of the compliance clock, never before the last record's.
    func received(_ time: ClockReading) -> Timestamp { max(time.compliance, lastReceived) }

    /// Makes room for a record in the active segment.
    ///
    /// The first record of a segment is the census of what stands before it.
    func makeRoom() throws(StoreError) {
        guard active.tree.isFull else { return }
        try commitPending()
        try rollOver()
        try placeCensus()
    }

    /// Gives a record its index: it is durable with the next commit.
    func append(
        _ record: [UInt8],
        _ frame: RecordFrame,
        chunk: [UInt8]?,
        opening: SealedOpening?,
        received: Timestamp
    ) -> RecordIndex {
        let index = nextIndex
        pending.append(
            PendingRecord(
                index: index,
                frameBytes: frame.encoded(record: record.span),
                chunk: chunk,
                opening: opening
            )
        )
        lastReceived = received
        nextIndex = RecordIndex(index.value + 1)
        extendTree(MerkleTree.leafHash(record.span))
        return index
    }

    private func extendTree(_ leaf: MerkleHash) {
        active.tree.append(leaf)
        if active.tree.isFull {
            view.upper.append(segmentRoot: active.tree.node(level: active.tree.height, 0))
        }
    }

    // MARK: Commit order

    /// Makes what is pending durable, reads it back, and publishes a checkpoint that covers it.
    func commitPending() throws(StoreError) {
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
            try remember(record, at: index, frame, opening, origin)
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
        _ opening: SealedOpening?,
        _ origin: Origin
    ) throws(StoreError) {
        let facts = EvidenceFacts(record, at: index, frame: frame, opening: opening)
        active.index.append(facts)
        lastReceived = max(lastReceived, record.received)
        if case .logCreated(let creation) = record {
            working = LogState(creation)
            view.begin(working)
        }
        if case .act(let act) = record {
            try view.apply(act, at: index, in: active.path)
            if case .clockResynced(_, let to, _) = act.act {
                lastReceived = max(lastReceived, to)
                runningClock?.raise(to: to)
            }
            if origin == .recovered { try fold(act, at: index) }
        }
        guard origin == .recovered, let facts else { return }
        count(facts.collection, facts.sequence, at: index)
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

    /// Takes an act into what decisions are made on.
    func fold(_ act: ActRecord, at index: RecordIndex) throws(StoreError) {
        do throws(ActFault) {
            try working.apply(act, at: index)
        } catch {
            throw .damaged(path: active.path, detail: "record \(index): \(error)")
        }
        if case .census(_, _, _, let collections) = act.act {
            for name in collections.keys { uncounted.remove(name) }
        }
    }

    /// Takes a piece of evidence into the count of its collection.
    func count(_ collection: CollectionName, _ sequence: SequenceNumber, at index: RecordIndex) {
        heads[collection] = CensusEntry(count: sequence, last: index)
        uncounted.insert(collection)
    }

    private func publish() {
        let keys = view.withState { $0.keys }
        let checkpoint = source.checkpoint(of: verified, keys: keys, timestamp: lastReceived)
        if let checkpoint { view.publish(checkpoint) }
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
