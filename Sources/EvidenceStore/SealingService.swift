import EvidenceModel
import Platform
import TransparencyLog

/// Seals full segments on a thread of its own, one after the other, behind the appends.
///
/// A seal that fails (a full disk) is tried again after a while; until then the segment stays as it
/// is, and reads and appends go on until too many wait.
final class SealingService: Sendable {
    private struct Job: Sendable {
        let segment: UnsealedSegment
        let checkpoint: [UInt8]
    }

    private struct State {
        var jobs: [Job] = []
        var sealed: [(SegmentNumber, KeyFilter?, Timestamp)] = []
        var onSeal: (@Sendable (SegmentNumber) -> Void)?
        var isStopping = false
        var lastFailure: StoreError?
        var thread: Thread?
    }

    private let view: LogView
    private let metrics: StoreMetrics
    private let sealer: SegmentSealer
    private let uploads: UploadDirectory
    private let catalog: Mutex<Catalog>
    private let state = Mutex(State())
    private let changed = Condition()

    private static let retryNanoseconds: UInt64 = 2_000_000_000
    private static let drainNanoseconds: UInt64 = 20_000_000_000
    private static let patienceNanoseconds: UInt64 = 30_000_000_000

    init(view: LogView, catalog: sending Catalog, uploads: UploadDirectory, metrics: StoreMetrics) {
        self.view = view
        self.metrics = metrics
        self.uploads = uploads
        self.catalog = Mutex(catalog)
        sealer = SegmentSealer(paths: view.paths, geometry: view.geometry)
    }

    /// Open segments, full ones included, that may exist before appends wait for a seal.
    private var openLimit: Int { view.geometry.height == 8 ? 64 : 4 }

    /// `onSeal`: called behind each seal, on the sealer's thread.
    func start(onSeal: @escaping @Sendable (SegmentNumber) -> Void) {
        state.withLock { $0.onSeal = onSeal }
        let thread = Thread(name: "sealer", priority: .background) { [self] in run() }
        state.withLock { $0.thread = thread }
    }

    /// Ends when nothing waits any more, so that the next start finds no work; what takes longer
    /// than 20 seconds, or fails, is sealed after that start.
    func stop() {
        let deadline = Clock.monotonicNanoseconds() + Self.drainNanoseconds
        state.withLock(
            when: { $0.jobs.isEmpty || $0.lastFailure != nil },
            on: changed,
            deadlineNanoseconds: deadline
        ) { _ in }
        let thread = state.withLock { state in
            state.isStopping = true
            return state.thread.take()
        }
        changed.broadcast()
        thread?.join()
        catalog.withLock { $0.close() }
    }

    func enqueue(_ segment: UnsealedSegment, checkpoint: PublishedCheckpoint) {
        state.withLock { state in
            state.jobs.append(Job(segment: segment, checkpoint: Array(checkpoint.note.utf8)))
        }
        changed.broadcast()
    }

    /// Waits until another segment may be opened.
    ///
    /// - Throws: Why segments cannot be sealed, if that lasts for half a minute.
    func waitForRoom() throws(StoreError) {
        let end = Clock.monotonicNanoseconds() + Self.patienceNanoseconds
        while !view.waitForSeals(
            limit: openLimit,
            deadlineNanoseconds: Clock.monotonicNanoseconds() + 100_000_000
        ) {
            if let failure = lastFailure, Clock.monotonicNanoseconds() > end { throw failure }
        }
    }

    /// Whether appends should be refused, as segments cannot be sealed and too many wait.
    var isStuck: Bool { lastFailure != nil && view.unsealedCount >= openLimit - 1 }

    /// Why the last seal failed, until one succeeds.
    var lastFailure: StoreError? { state.withLock { $0.lastFailure } }

    /// The segments that were sealed since the last call.
    func takeSealed() -> [(SegmentNumber, KeyFilter?, Timestamp)] {
        state.withLock { state in
            guard !state.sealed.isEmpty else { return [] }
            let sealed = state.sealed
            state.sealed = []
            return sealed
        }
    }

    private func run() {
        while let job = nextJob() {
            do throws(StoreError) {
                try seal(job)
                state.withLock { state in
                    state.lastFailure = nil
                    state.jobs.removeFirst()
                }
                changed.broadcast()
            } catch {
                metrics.sealFailures.add()
                let deadline = Clock.monotonicNanoseconds() + Self.retryNanoseconds
                state.withLock { $0.lastFailure = error }
                changed.broadcast()
                state.withLock(
                    when: { $0.isStopping },
                    on: changed,
                    deadlineNanoseconds: deadline
                ) { _ in }
            }
        }
    }

    /// The oldest job, left in its place until it is done; nil when it is time to stop.
    private func nextJob() -> Job? {
        state.withLock(when: { $0.isStopping || !$0.jobs.isEmpty }, on: changed) { state in
            state.isStopping ? nil : state.jobs.first
        }
    }

    private func seal(_ job: Job) throws(StoreError) {
        let number = job.segment.number
        try uploads.settle()
        let (summary, filter) = try sealer.seal(
            job.segment,
            checkpoint: job.checkpoint,
            without: view.withState { $0.erased(in: view.geometry.range(of: number)) }
        )
        view.markSealed(number, summary)
        state.withLock { $0.sealed.append((number, filter, summary.lastReceived)) }
        metrics.sealedSegments.add()
        // The segment is sealed now, whatever comes: its seal must not be done again. What fails
        // here is made good at the next start.
        do throws(StoreError) {
            let entry = try view.sealed.segment(number).catalogEntry()
            try catalog.withLock { catalog throws(StoreError) in try catalog.append([entry]) }
            try sealer.removeLeftovers(number)
        } catch {
            metrics.catalogFailures.add()
        }
        state.withLock { $0.onSeal }?(number)
    }
}
