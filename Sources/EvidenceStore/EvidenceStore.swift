import EvidenceModel
import Platform
import TransparencyLog

/// An open log: takes evidence, and reads it back with proofs.
///
/// One process has a log open at a time. Every method may be called from any thread; none blocks
/// for longer than a read of the disk, `append` not at all.
///
/// `@unchecked Sendable`: all members are themselves safe to share; `LockFile` is only kept.
package final class EvidenceStore: @unchecked Sendable {
    package let description: LogDescription
    package let metrics: StoreMetrics
    let view: LogView
    let uploads: UploadDirectory
    let source: CheckpointSource
    let rotating = Mutex(())
    /// Why the log takes nothing, if it was restored and may not go on, or lacks its key.
    package let readOnly: String?
    /// Access tokens.
    package let credentials: CredentialStore
    /// Reads of evidence.
    package let accessLog: AccessLog
    let configuration: StoreConfiguration
    let queue: AppendQueue
    let keeper: ClockKeeper
    let erasure: ErasureService
    let staging: PayloadStaging
    private let segments: SegmentSupply
    private let sealing: SealingService
    /// Indexes over many sealed segments.
    let runs: IndexRuns
    private let state: StateStore
    private let retention: RetentionJob
    private let lock: LockFile
    private let failure: FailureReport
    let evicted: EvictedPayloads
    private let threads = Mutex<[Thread]>([])
    private let stopping = Mutex(false)
    private let stopped = Condition()

    private static let heartbeatNanoseconds: UInt64 = 60_000_000_000

    /// Opens a log and recovers it: what an interrupted run left is completed or removed.
    ///
    /// `keys`: may be missing, or may not be used, for a log that was restored; then it takes
    /// nothing (`readOnly`).
    /// `onRetention`: called after each run of the retention job, on its thread.
    /// `onIndexDamage`: called when an index run is found damaged, and made anew.
    /// `onFailure`: called once, on the sequencer's thread, if the log cannot go on (a
    /// failed write or sync). The process should end then; the next start verifies what is there.
    /// - Throws: `notALog`, `busy`, `damaged`, `newerFormat`, `invalid` (the key is not this
    ///   log's),
    ///   `system`.
    package init(
        path: String,
        keys: SigningKeys?,
        configuration: StoreConfiguration = StoreConfiguration(),
        onRetention: @escaping @Sendable (Result<RetentionRun, StoreError>) -> Void = { _ in },
        onIndexDamage: @escaping @Sendable (StoreError) -> Void = { _ in },
        onFailure: @escaping @Sendable (StoreError) -> Void
    ) throws(StoreError) {
        let paths = StorePaths(path)
        description = try LogDescription.read(paths)
        let mark = try RestoreMark.read(paths)
        source = try CheckpointSource.of(description, keys, mark, paths)
        readOnly =
            if case .kept = source {
                mark?.readOnly ?? "it was restored, and its signing key is not there"
            } else { nil }
        self.configuration = configuration
        lock = try LockFile(paths)
        metrics = StoreMetrics()
        let reserve = try DiskReserve(path: path, reserveBytes: configuration.diskReserveBytes)
        uploads = UploadDirectory(paths)
        evicted = EvictedPayloads(uploads)
        credentials = try CredentialStore(paths)
        let queue = AppendQueue(
            limitRecords: configuration.queueLimitRecords,
            limitBytes: configuration.queueLimitBytes
        )
        self.queue = queue
        failure = FailureReport { error in
            queue.close(because: .unavailable("the log stopped: \(error)"))
            onFailure(error)
        }
        staging = PayloadStaging(
            paths: paths,
            configuration: configuration,
            reserve: reserve,
            metrics: metrics,
            failure: failure
        )
        let recovered = try Recovery(
            paths: paths,
            description: description,
            source: source,
            configuration: configuration,
            metrics: metrics,
            uploads: uploads,
            restored: mark?.size ?? .zero
        ).run()
        (view, segments, sealing, state) =
            (recovered.view, recovered.segments, recovered.sealing, recovered.state)
        keeper = recovered.clock
        runs = IndexRuns(
            view: recovered.view,
            reserve: reserve,
            metrics: metrics,
            onDamage: onIndexDamage
        )
        // A run may have ended between a token and the record of it.
        let names = view.withState { state in
            Set(state.tokens.filter { $0.revoked == nil }.map(\.name))
        }
        try credentials.removeAll(except: names)
        erasure = ErasureService(
            view: recovered.view,
            uploads: uploads,
            queue: queue,
            metrics: metrics
        )
        retention = RetentionJob(intervalSeconds: configuration.retentionJobIntervalSeconds)
        let (metrics, failure) = (metrics, failure)
        accessLog = try AccessLog(paths, from: mark?.access ?? .start) { trouble in
            metrics.accessLogFailures.add()
            if case .stopped(let error, _) = trouble { failure.report(error) }
        }
        // What this start took from the clock's budget must be gone before a record tells the time:
        // else each start that ends soon would take it anew.
        try beat()
        if let readOnly { queue.close(because: .unavailable("the log is read-only: \(readOnly)")) }
        start(recovered.writer, onRetention)
    }

    // MARK: Appending

    /// Begins to take a payload in.
    ///
    /// `expectedSizeBytes`: what the sender announced, if it did.
    /// - Throws: `storageFull`, `overloaded` or `unavailable`, before anything is read.
    package func beginUpload(expectedSizeBytes: UInt64?) throws(StoreError) -> PayloadUpload {
        do throws(StoreError) {
            try checkReadiness(adding: expectedSizeBytes ?? 0)
            return try PayloadUpload(staging: staging, expectedSizeBytes: expectedSizeBytes)
        } catch {
            metrics.countRefusal(error, submissions: 1)
            throw error
        }
    }

    /// Appends records, all or none.
    ///
    /// `completion`: called once: on success the records are durable, read back, and
    /// covered by a signed checkpoint. It runs on the sequencer's thread (or on the caller's, if
    ///   the queue refuses): it must be quick and must not call the store.
    package func append(
        _ submissions: [Submission],
        completion: @escaping @Sendable (Result<[AppendOutcome], StoreError>) -> Void
    ) {
        do throws(StoreError) {
            try checkReadiness(adding: 0)
            try queue.enqueue(
                .append(
                    AppendRequest(
                        submissions: submissions,
                        enqueuedNanoseconds: Clock.monotonicNanoseconds(),
                        completion: completion
                    )
                )
            )
        } catch {
            metrics.countRefusal(error, submissions: submissions.count)
            completion(.failure(error))
        }
    }

    /// Whether appends are taken now, by the disk as it is at this moment.
    ///
    /// - Throws: Why not.
    package func checkReadiness() throws(StoreError) {
        try staging.reserve.refresh()
        try checkReadiness(adding: 0)
    }

    private func checkReadiness(adding bytes: UInt64) throws(StoreError) {
        if let reason = queue.closedBecause { throw reason }
        if let closed = view.withState({ $0.closed }) { throw .refused(.logClosed(closed)) }
        let reading = keeper.reading()
        guard reading.isSettled else { throw .refused(.clockUnsettled(reading)) }
        try staging.reserve.check(adding: bytes)
        if sealing.isStuck, let failure = sealing.lastFailure { throw failure }
    }

    /// Appends that wait for the sequencer.
    package var queueDepth: Int { queue.depth }
    /// Bytes free on the disk, as last seen, and how many are kept free.
    package var diskFreeBytes: UInt64 { staging.reserve.freeBytes }
    package var diskReserveBytes: UInt64 { staging.reserve.reserveBytes }
    /// Segments that are not sealed, the active one included.
    package var unsealedSegmentCount: Int { view.unsealedCount }

    // MARK: Life

    /// Ends what takes long, such as an erasure, at its next step; everything else goes on.
    ///
    /// Whoever runs such work for others calls it before it waits for them, and `close` after.
    package func beginClosing() {
        stopping.withLock { $0 = true }
        stopped.broadcast()
    }

    /// Stops: finishes every append that was accepted, then lets go of the log.
    package func close() {
        beginClosing()
        // The retention job and the eraser propose acts, and wait for them.
        retention.stop()
        erasure.stop()
        queue.close(because: .unavailable("the server is stopping"))
        let running = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in running { thread.join() }
        segments.stop()
        sealing.stop()
        runs.stop()
        // A missed heartbeat only makes a rollback harder to notice; the next one writes it.
        try? beat()
        state.close()
        accessLog.close()
        credentials.close()
        view.close()
        lock.release()
    }

    private func start(
        _ writer: LogWriter,
        _ onRetention: @escaping @Sendable (Result<RetentionRun, StoreError>) -> Void
    ) {
        if readOnly == nil { segments.start(with: writer.activeSegment.number.next) }
        let runs = runs
        sealing.start { runs.segmentSealed($0) }
        runs.start()
        let (queue, failure) = (queue, failure)
        let sequencer = Thread(name: "sequencer") {
            while let batch = queue.dequeue() {
                do throws(StoreError) {
                    try writer.process(batch)
                } catch {
                    Self.refuseAll(batch, queue, after: error)
                    return failure.report(error)
                }
            }
        }
        let heart = Thread(name: "heartbeat") { [self] in
            var next = Clock.monotonicNanoseconds()
            while true {
                // A failed heartbeat shows in the metric; the next one tries again.
                do throws(StoreError) {
                    try beat()
                    if readOnly == nil { try recordAccessDigests() }
                } catch { metrics.heartbeatFailures.add() }
                next += Self.heartbeatNanoseconds
                let isStopping = stopping.withLock(
                    when: { $0 },
                    on: stopped,
                    deadlineNanoseconds: next
                ) { $0 }
                if isStopping { return }
            }
        }
        threads.withLock { $0 = [sequencer, heart] }
        guard readOnly == nil else { return }
        erasure.start()
        retention.start { [self] in
            do throws(StoreError) {
                onRetention(.success(try runRetention()))
            } catch {
                metrics.retentionFailures.add()
                onRetention(.failure(error))
            }
        }
    }

    /// Ends the appends after a failure that the writer cannot go on from.
    ///
    /// The writer is not used again, and every request that waits is answered.
    private static func refuseAll(
        _ batch: [SequencerRequest],
        _ queue: AppendQueue,
        after error: StoreError
    ) {
        let reason = StoreError.unavailable("the log stopped: \(error)")
        queue.close(because: reason)
        for request in batch { request.fail(error) }
        while let waiting = queue.dequeue() {
            for request in waiting { request.fail(reason) }
        }
    }

    /// - Throws: `unavailable` once the log is being closed: long work ends here.
    func checkRunning() throws(StoreError) {
        if stopping.withLock({ $0 }) { throw .unavailable("the server is stopping") }
    }

    func beat() throws(StoreError) {
        try state.beat(checkpoint: Array(view.checkpoint.note.utf8), clock: keeper.saved())
    }
}

/// Holds the log's `LOCK` as long as it lives.
final class LockFile: Sendable {
    private let file: File

    /// Takes the lock, making its file if need be.
    init(_ paths: StorePaths) throws(StoreError) {
        file = try Self.take(paths, .createOrTruncate(permissions: 0o600))
    }

    /// Takes the lock of a log that must not be changed; nil if it has no such file.
    convenience init?(existingIn paths: StorePaths) throws(StoreError) {
        let isThere = try onDisk { () throws(SystemError) in try FileSystem.exists(paths.lock) }
        guard isThere else { return nil }
        try self.init(paths, .read)
    }

    private init(_ paths: StorePaths, _ mode: File.Mode) throws(StoreError) {
        file = try Self.take(paths, mode)
    }

    private static func take(_ paths: StorePaths, _ mode: File.Mode) throws(StoreError) -> File {
        do throws(SystemError) {
            let file = try File(paths.lock, mode)
            if try file.tryLockExclusively() { return file }
        } catch {
            throw .system(error)
        }
        throw .busy(path: paths.root)
    }

    func release() { file.unlock() }
}
