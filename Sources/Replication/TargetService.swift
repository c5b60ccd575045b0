package import EvidenceModel
package import EvidenceStore
import Platform
import TransparencyLog

/// All targets of a log: adds them, keeps their copies growing, and says how they stand.
///
/// Every method may be called from any thread; those that ask a store block until it has answered.
package final class TargetService: Sendable {
    let store: EvidenceStore
    let configuration: ReplicationConfiguration
    let open: StoreOpener
    let replicators = Mutex<[TargetName: Replicator]>([:])
    /// One change of targets at a time.
    let changing = Mutex(())
    /// Targets that are compared with the log.
    let reconciling = Mutex<Set<TargetName>>([])
    let reconciled = Condition()
    private let stopping = Mutex(false)
    private let stopped = Condition()
    private let threads = Mutex<[Thread]>([])
    /// Targets that have not yet said what they hold.
    private let unasked = Mutex<Set<TargetName>>([])
    private let onEvent: @Sendable (TargetEvent) -> Void

    /// `onEvent`: called for what an operator should know, on any thread.
    package init(
        store: EvidenceStore,
        configuration: ReplicationConfiguration,
        open: @escaping StoreOpener,
        onEvent: @escaping @Sendable (TargetEvent) -> Void = { _ in }
    ) {
        self.store = store
        self.configuration = configuration
        self.open = open
        self.onEvent = onEvent
    }

    // MARK: Life

    /// Begins to replicate to the targets that the log knows.
    ///
    /// Waits until each has said what it holds, or the configured time is over: a log that was set
    /// back must not sign.
    package func start() {
        store.fetchEvicted { [weak self] mark, path throws(StoreError) in
            guard let self else { throw .unavailable("the server is stopping") }
            try fetch(mark, to: path)
        }
        let targets = store.withState { $0.targets }
        let deadline =
            Clock.monotonicNanoseconds() + configuration.startSeconds * 1_000_000_000
        for (name, state) in targets.sorted(by: { $0.key < $1.key }) {
            // A copy that cannot begin is waited for too.
            if state.phase.waitsForTarget { store.gate.require(name.text, has: .zero) }
            do throws(TargetError) {
                let replicator = try makeReplicator(state)
                check(replicator, until: deadline)
                replicators.withLock { $0[name] = replicator }
                replicator.start()
            } catch {
                onEvent(.failed(name, "\(error)"))
            }
        }
        threads.withLock { threads in
            threads = [
                Thread(name: "targets") { [self] in watch() },
                Thread(name: "probes") { [self] in askTargets() },
            ]
        }
    }

    /// Ends replication; what is under way is ended at its next step.
    ///
    /// Call it when no append waits any more, and before the store is closed.
    package func stop() {
        stopping.withLock { $0 = true }
        stopped.broadcast()
        let watchers = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for watcher in watchers { watcher.join() }
        waitForComparisons()
        let running = replicators.withLock { replicators in
            defer { replicators = [:] }
            return replicators
        }
        for replicator in running.values { replicator.stop() }
        store.fetchEvicted(from: nil)
        store.gate.close()
    }

    var isStopping: Bool { stopping.withLock { $0 } }

    func replicator(_ name: TargetName) throws(TargetError) -> Replicator {
        guard let replicator = replicators.withLock({ $0[name] }) else {
            if store.withState({ $0.targets[name] }) != nil {
                if let reason = store.readOnly {
                    throw .refused("the log is read-only, so it asks no target: \(reason)")
                }
                throw .refused(
                    "replication to \(name) could not begin: the server's log says why; mend that "
                        + "and restart the server"
                )
            }
            throw .unknown(name)
        }
        return replicator
    }

    func take(_ replicator: Replicator) {
        replicators.withLock { $0[replicator.name] = replicator }
        replicator.start()
    }

    func drop(_ name: TargetName) -> Replicator? {
        store.gate.dismiss(name.text)
        return replicators.withLock { $0.removeValue(forKey: name) }
    }

    func makeReplicator(_ state: TargetState) throws(TargetError) -> Replicator {
        let description = state.description
        let open = open
        let target: any ObjectStore
        do throws(StoreFailure) {
            target = try open(description, .writing)
        } catch {
            throw .store(error, while: "opening the target \(description.name)")
        }
        var openDeleting: (@Sendable () throws(StoreFailure) -> any ObjectStore)?
        if description.retentionProfile != nil {
            openDeleting = { () throws(StoreFailure) in try open(description, .deleting) }
        }
        do throws(ReplicationFailure) {
            return try Replicator(
                description,
                store: store,
                target: target,
                openDeleting: openDeleting,
                probe: state.lastProbe?.report,
                configuration: configuration
            )
        } catch {
            throw .refused("the target \(description.name) cannot be used: \(error)")
        }
    }

    /// Asks what the bucket holds; a log that was set back must not sign.
    private func check(_ replicator: Replicator, until deadline: UInt64) {
        while true {
            do throws(ReplicationFailure) {
                return try ask(replicator)
            } catch {
                let isLate = Clock.monotonicNanoseconds() >= deadline
                if isLate || isStopping {
                    unasked.withLock { _ = $0.insert(replicator.name) }
                    return onEvent(
                        .failed(
                            replicator.name,
                            "it did not say what it holds, and the log goes on: \(error)"
                        )
                    )
                }
                Clock.sleep(milliseconds: 250)
            }
        }
    }

    private func ask(_ replicator: Replicator) throws(ReplicationFailure) {
        do throws(ReplicationFailure) {
            try replicator.register.check()
            try replicator.register.checkJournal(prefix: replicator.description.prefix)
        } catch .fenced(let reason) {
            store.stopAppending(
                because: "\(reason); nothing is appended before that is settled, see "
                    + "ops/runbooks/target-fenced.md"
            )
            onEvent(.fenced(replicator.name, reason))
            replicator.update { $0.health = .fenced(reason) }
        }
    }

    // MARK: Watching

    private static let watchNanoseconds: UInt64 = 1_000_000_000

    private func isStopped(from now: UInt64) -> Bool {
        stopping.withLock(
            when: { $0 },
            on: stopped,
            deadlineNanoseconds: now + Self.watchNanoseconds
        ) { $0 }
    }

    /// Tells who waits too long, and what an operator should know; asks no store.
    private func watch() {
        var health: [TargetName: String] = [:]
        while true {
            let now = Clock.monotonicNanoseconds()
            if isStopped(from: now) { return }
            let patience = configuration.acknowledgementSeconds * 1_000_000_000
            store.gate.giveUp(before: now > patience ? now - patience : 0)
            for status in statuses() { report(status, &health) }
        }
    }

    /// Asks stores what they still have to say, and tries their locks when it is time.
    private func askTargets() {
        var nextProbeNanoseconds: [TargetName: UInt64] = [:]
        var nextEvictionNanoseconds: UInt64 = 0
        while true {
            let now = Clock.monotonicNanoseconds()
            if isStopped(from: now) { return }
            for name in unasked.withLock({ $0 }) {
                if let replicator = replicators.withLock({ $0[name] }) {
                    // One that is still away is asked again.
                    guard (try? ask(replicator)) != nil else { continue }
                }
                unasked.withLock { _ = $0.remove(name) }
            }
            for status in statuses() {
                let name = status.description.name
                guard now >= nextProbeNanoseconds[name] ?? 0, isProbeDue(status) else { continue }
                nextProbeNanoseconds[name] = now + 60_000_000_000
                do throws(TargetError) {
                    let (report, _) = try probe(name)
                    if !report.isCompliant { onEvent(.notCompliant(name, report)) }
                } catch {
                    onEvent(.failed(name, "the lock probe: \(error)"))
                }
            }
            if configuration.evictAfterSeconds > 0, now >= nextEvictionNanoseconds {
                nextEvictionNanoseconds = now + evictionNanoseconds
                evictDue()
            }
        }
    }

    /// As often as something can have become due, but at most once a second.
    private var evictionNanoseconds: UInt64 {
        max(1, min(configuration.evictAfterSeconds, 3_600)) * 1_000_000_000
    }

    private func evictDue() {
        for status in statuses() where status.phase == .s3Primary {
            let name = status.description.name
            do throws(TargetError) {
                let bytes = try evict(name, after: configuration.evictAfterSeconds)
                if bytes > 0 { onEvent(.evicted(name, bytes: bytes)) }
            } catch {
                onEvent(.failed(name, "evicting payloads: \(error)"))
            }
        }
    }

    private func isProbeDue(_ status: TargetStatus) -> Bool {
        if case .fenced = status.health { return false }
        guard let last = status.lastProbe else { return true }
        let age = store.clock.reading.compliance.milliseconds - last.at.milliseconds
        return age >= Int64(configuration.probeIntervalSeconds) * 1_000
    }

    /// Tells changes of a target's health.
    private func report(_ status: TargetStatus, _ known: inout [TargetName: String]) {
        let name = status.description.name
        let word =
            switch status.health {
            case .running: "running"
            case .failing: "failing"
            case .fenced: "fenced"
            }
        guard known.updateValue(word, forKey: name) ?? "running" != word else { return }
        switch status.health {
        case .running: onEvent(.recovered(name))
        case .failing(let reason): onEvent(.failed(name, reason))
        case .fenced(let reason): onEvent(.fenced(name, reason))
        }
    }

    // MARK: Status

    /// All targets, by name.
    package func statuses() -> [TargetStatus] {
        store.withState { $0.targets }.sorted { $0.key < $1.key }.map { status($0.value) }
    }

    package func status(of name: TargetName) throws(TargetError) -> TargetStatus {
        guard let state = store.withState({ $0.targets[name] }) else { throw .unknown(name) }
        return status(state)
    }

    func status(_ state: TargetState) -> TargetStatus {
        let replicator = replicators.withLock { $0[state.description.name] }
        let progress = replicator?.progress ?? Replicator.Progress()
        let size = store.checkpoint.size
        let unpurged = store.withState { log in
            log.unpurged(in: state.description.name).values.reduce(0) { $0 + $1.count }
        }
        return TargetStatus(
            description: state.description,
            phase: state.phase,
            health: replicator == nil ? .fenced(whyNotBegun) : progress.health,
            size: size,
            replicated: progress.replicated,
            lagSeconds: lag(behind: progress.replicated, size),
            unpacked: progress.unpacked,
            pending: progress.pending,
            pendingUntil: progress.pendingUntil,
            unpurged: unpurged,
            objects: progress.objects,
            objectBytes: progress.objectBytes,
            isFenced: state.lastProbe?.report.hasConditions ?? false,
            lastProbe: state.lastProbe.map { ($0.index, $0.report.isCompliant, $0.at) },
            statistics: replicator?.target.statistics ?? StoreStatistics()
        )
    }

    private var whyNotBegun: String {
        store.readOnly.map { "nothing is replicated, for the log is read-only: \($0)" }
            ?? "replication could not begin; the server's log says why"
    }

    /// Seconds since the oldest record that the target does not have was taken.
    private func lag(behind replicated: TreeSize, _ size: TreeSize) -> Double {
        guard replicated < size,
            let oldest = try? store.record(at: RecordIndex(replicated.value)).record.received
        else { return 0 }
        let now = store.clock.reading.compliance.milliseconds
        return max(0, Double(now - oldest.milliseconds) / 1_000)
    }
}

/// Something that an operator should know of a target.
package enum TargetEvent: Sendable {
    case failed(TargetName, String)
    case recovered(TargetName)
    case fenced(TargetName, String)
    case notCompliant(TargetName, ProbeReport)
    /// Payloads left the disk: they stand in the target only.
    case evicted(TargetName, bytes: UInt64)
}
