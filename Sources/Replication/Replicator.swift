import EvidenceModel
import EvidenceStore
import Platform
import TransparencyLog

/// Keeps the copy of a log in one target.
///
/// What is to be done is never queued on disk: it follows from the log and the ledger. One thread,
/// the coordinator, decides and owns the plan; a few workers make and send objects, and hand their
/// outcomes back to it. An object is in the ledger before its upload begins, so that nothing that
/// may stand in the bucket is unknown after a crash.
///
/// Invariants:
/// - `journaled` counts records in verified journal objects, in order, and the register says so;
/// - a record is in `book.waiting`, under way, or in a verified pack of its home; or it was erased.
///
/// `@unchecked Sendable`: what is not behind a mutex belongs to the coordinator's thread.
final class Replicator: @unchecked Sendable {
    let description: TargetDescription
    let store: EvidenceStore
    let target: any ObjectStore
    /// Opens the store with the credentials that may delete; `nil` if there are none.
    let openDeleting: (@Sendable () throws(StoreFailure) -> any ObjectStore)?
    let ledger: TargetLedger
    let register: Register
    let uploader: Uploader
    let configuration: ReplicationConfiguration
    let folder: String
    let hasConditions: Bool

    // The coordinator's own.
    var book = PackBook()
    var journaled = TreeSize.zero
    var journalStartedNanoseconds: UInt64 = 0
    /// What the register says, as far as this run knows.
    var registered = TreeSize.zero
    var registeredNanoseconds: UInt64 = 0
    /// Whether the register was found without what was written.
    var isRegisterLost = false
    var tileMark = TreeSize.zero
    var tilesUnderWay = 0
    var packedMark = TreeSize.zero
    var isAdjusting = false
    var largeWaiting: [RecordIndex: PackHome] = [:]
    /// Payloads that stand there, and must once more under a stronger mode.
    var strongerWaiting: [RecordIndex: PackHome] = [:]
    /// Records whose payload could not be read here, until when they are left alone, so that no
    /// other waits for them, and why.
    var resting: [RecordIndex: (untilNanoseconds: UInt64, reason: String)] = [:]
    var isPurging = false
    var flushBelow = TreeSize.zero
    /// Packs that hold erased records: they go, and their other records move.
    var doomed: Set<ObjectKey> = []
    /// Objects whose deletion is under way: no other may rely on them.
    var leaving: Set<ObjectKey> = []
    /// Records whose bytes a job of each kind may be sending.
    var inHand: [Work: IndexRanges] = [:]
    /// Uploads that had failed when this was looked into last.
    var unsettled: Set<ObjectKey> = []
    /// When each kind of work may be tried again, and after how many failures.
    var backoff: [Work: (untilNanoseconds: UInt64, failures: UInt32)] = [:]
    /// Erased records whose journal objects are all in `book`.
    var recalled = IndexRanges.none
    /// Up to where journal objects in the ledger were looked at, whether they may go.
    var journalPlace: ObjectKey?
    var nextPurgeNanoseconds: UInt64 = 0
    var nextCareNanoseconds: UInt64 = 0
    var nextAdjustingNanoseconds: UInt64 = 0
    var isCaring = false
    var lastTileCare = Timestamp.earliest
    private var nextPublishNanoseconds: UInt64 = 0
    /// Jobs whose outcome is not known yet.
    private var jobCount = 0

    /// Kinds of work that fail and are repeated on their own.
    enum Work: Hashable, Sendable { case journal, tiles, packs, large, adjustment, purge, care }

    private struct Shared {
        var inbox: [@Sendable (Replicator) -> Void] = []
        var isStopping = false
        var status = Progress()
    }

    /// What others may know of the coordinator's state.
    struct Progress: Sendable {
        var health = TargetStatus.Health.running
        var replicated = TreeSize.zero
        var firstUnpacked: RecordIndex?
        var registered = TreeSize.zero
        var tiles = TreeSize.zero
        var unpacked: UInt64 = 0
        var pending: UInt64 = 0
        var pendingUntil: Timestamp?
        var objects: UInt64 = 0
        var objectBytes: UInt64 = 0
    }

    private let shared = Mutex(Shared())
    private let arrived = Condition()
    private let journalPool: WorkerPool
    private let pool: WorkerPool
    private let thread = Mutex<Thread?>(nil)

    init(
        _ description: TargetDescription,
        store: EvidenceStore,
        target: any ObjectStore,
        openDeleting: (@Sendable () throws(StoreFailure) -> any ObjectStore)?,
        probe: ProbeReport?,
        configuration: ReplicationConfiguration
    ) throws(ReplicationFailure) {
        self.description = description
        self.store = store
        self.target = target
        self.openDeleting = openDeleting
        self.configuration = configuration
        hasConditions = probe?.hasConditions ?? false
        let paths = store.paths
        folder = "\(paths.state)/targets/\(description.name)"
        let (folder, name) = (folder, description.name)
        ledger = try logged { () throws(StoreError) in try TargetLedger(name, of: paths) }
        do throws(SystemError) {
            try FileSystem.makeDirectoryIfAbsent(folder)
            // What an interrupted run was making.
            for name in try FileSystem.list(folder) { try FileSystem.unlink("\(folder)/\(name)") }
        } catch {
            throw .local("\(error)")
        }
        let (ledger, hasConditions) = (ledger, hasConditions)
        register = try logged { () throws(StoreError) in
            try Register(store, target, ledger, hasConditions: hasConditions)
        }
        uploader = Uploader(store: target, tellsChecksums: probe?.hasChecksums ?? false)
        journalPool = WorkerPool(name: "journal", count: 1, priority: .normal)
        pool = WorkerPool(
            name: "upload",
            count: max(2, configuration.uploadsInFlight),
            priority: .background
        )
    }

    var name: TargetName { description.name }

    func start() {
        thread.withLock { thread in
            thread = Thread(name: "replicator") { [self] in run() }
        }
    }

    /// Ends at the next step; what is under way is finished or forgotten.
    func stop() {
        shared.withLock { $0.isStopping = true }
        arrived.broadcast()
        let running = thread.withLock { $0.take() }
        running?.join()
        journalPool.stop()
        pool.stop()
        ledger.close()
    }

    var progress: Progress { shared.withLock { $0.status } }

    /// Changes what others may know; who is fenced stays so.
    func update(_ change: (inout Progress) -> Void) {
        shared.withLock { shared in
            let health = shared.status.health
            change(&shared.status)
            if case .fenced = health { shared.status.health = health }
        }
    }

    var isStopping: Bool { shared.withLock { $0.isStopping } }

    /// Closes all packs with records below `size` at once.
    func flush(below size: TreeSize) {
        post { $0.flushBelow = max($0.flushBelow, size) }
    }

    // MARK: The coordinator

    /// Runs on the coordinator's thread.
    func post(_ work: @escaping @Sendable (Replicator) -> Void) {
        shared.withLock { $0.inbox.append(work) }
        arrived.signal()
    }

    /// Runs a job on a worker; its outcome comes back to the coordinator.
    func run<Outcome: Sendable>(
        _ work: Work,
        _ job: @escaping @Sendable () throws(ReplicationFailure) -> Outcome,
        then finish: @escaping @Sendable (Replicator, Result<Outcome, ReplicationFailure>) -> Void
    ) {
        jobCount += 1
        (work == .journal ? journalPool : pool).submit { [self] in
            let result: Result<Outcome, ReplicationFailure>
            do throws(ReplicationFailure) {
                result = .success(try job())
            } catch {
                result = .failure(error)
            }
            post { replicator in
                replicator.jobCount -= 1
                if case .failure(let failure) = result {
                    replicator.failed(work, failure)
                } else {
                    replicator.succeeded(work)
                }
                finish(replicator, result)
            }
        }
    }

    private func run() {
        guard loadPatiently() else { return }
        var isFirst = true
        while true {
            let (work, isStopping) = take(waiting: !isFirst)
            isFirst = false
            if isStopping { return }
            for item in work { item(self) }
            if case .fenced = progress.health { continue }
            let now = Clock.monotonicNanoseconds()
            wake(now)
            planJournal(now)
            planRegister(now)
            planTiles(now)
            planLarge(now)
            planPacks(now)
            planPurges(now)
            planCare(now)
            store.gate.cover(name.text, has: replicated)
            if now >= nextPublishNanoseconds {
                publish()
                nextPublishNanoseconds = now + Self.publishNanoseconds
            }
        }
    }

    /// Tries until the store says what became of uploads that a crash interrupted.
    ///
    /// - Returns: False if it is to end before that.
    private func loadPatiently() -> Bool {
        while true {
            do throws(ReplicationFailure) {
                book = PackBook()
                try load()
                return true
            } catch .store(let failure) {
                update { $0.health = .failing("\(failure)") }
            } catch {
                update { $0.health = .fenced("its ledger cannot be used: \(error)") }
                return false
            }
            let isStopping = shared.withLock(
                when: { $0.isStopping },
                on: arrived,
                deadlineNanoseconds: Clock.monotonicNanoseconds() + Self.reloadNanoseconds
            ) { $0.isStopping }
            if isStopping { return false }
        }
    }

    private static let reloadNanoseconds: UInt64 = 2_000_000_000
    private static let tickNanoseconds: UInt64 = 20_000_000
    private static let idleNanoseconds: UInt64 = 200_000_000
    private static let publishNanoseconds: UInt64 = 100_000_000

    private func take(
        waiting: Bool
    ) -> (work: [@Sendable (Replicator) -> Void], isStopping: Bool) {
        if waiting, shared.withLock({ $0.inbox.isEmpty && !$0.isStopping }) {
            let now = Clock.monotonicNanoseconds()
            if jobCount > 0 || store.checkpoint.size > journaled {
                shared.withLock(
                    when: { !$0.inbox.isEmpty || $0.isStopping },
                    on: arrived,
                    deadlineNanoseconds: now + Self.tickNanoseconds
                ) { _ in }
            } else {
                store.waitForGrowth(
                    beyond: journaled,
                    deadlineNanoseconds: now + Self.idleNanoseconds
                )
            }
        }
        return shared.withLock { shared in
            defer { shared.inbox = [] }
            return (shared.inbox, shared.isStopping)
        }
    }

    // MARK: What others may know

    private func publish() {
        let book = book
        let replicated = replicated
        let pendingUntil = book.pending.values.min()
        let (tiles, registered) = (tileMark, registered)
        update { status in
            status.replicated = replicated
            status.tiles = tiles
            status.registered = registered
            status.firstUnpacked = book.firstUnpacked
            status.unpacked = UInt64(book.unpacked)
            status.pending = UInt64(book.pending.count)
            status.pendingUntil = pendingUntil
            status.objects = book.objectCount
            status.objectBytes = book.objectBytes
        }
    }

    /// Records below stand in verified journal objects, their large payloads verified too.
    var replicated: TreeSize {
        guard let large = largeWaiting.keys.min() else { return journaled }
        return min(journaled, TreeSize(large.value))
    }

    /// Ends replication after a failure of this node's own disk.
    func stopLocally(_ error: StoreError) {
        update { $0.health = .fenced("its ledger cannot be written: \(error)") }
    }

    func note(_ entry: LedgerEntry) -> Bool {
        var changes = TargetLedger.Changes()
        changes.entries = [entry]
        return note(changes)
    }

    /// Writes to the ledger; if that fails nothing goes on.
    func note(_ changes: TargetLedger.Changes) -> Bool {
        do throws(StoreError) {
            try ledger.write(changes)
            return true
        } catch {
            stopLocally(error)
            return false
        }
    }

    private static let leastLockMilliseconds: Int64 = 5_000
    private static let uploadMilliseconds: Int64 = 60_000

    /// The lock that an object of a home is stored under.
    func objectLock(_ home: PackHome, received: Timestamp, sizeBytes: UInt64) -> ObjectLock {
        guard let lock = home.objectLock(received: received) else {
            preconditionFailure("locks of records end at whole seconds")
        }
        return acceptable(lock, sizeBytes: sizeBytes)
    }

    /// A lock that the store takes for an object that is sent now: none takes one that has ended.
    ///
    /// What is sent all the same is not erased: it is locked for as long as its upload may take, at
    /// 1 MiB a second.
    func acceptable(_ lock: ObjectLock, sizeBytes: UInt64) -> ObjectLock {
        let now = now
        let upload = Self.uploadMilliseconds + Int64(sizeBytes >> 20) * 1_000
        guard let least = now.adding(milliseconds: Self.leastLockMilliseconds),
            let end = now.adding(milliseconds: upload)?.roundedUpToSecond(),
            let short = ObjectLock(mode: lock.mode, until: end)
        else { preconditionFailure("the clock is within the calendar") }
        return lock.until < least ? short : lock
    }

    /// The later of both clocks: what is granted lasts at least as long as it must.
    var now: Timestamp { store.clock.reading.granting }
}
