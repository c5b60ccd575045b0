import EvidenceModel
import Platform

/// What a run of the retention job found and did.
package struct RetentionRun: Sendable {
    /// Records whose lock is over and that nothing holds.
    package let due: UInt64
    /// What was erased; nil: only counted, as the configuration says.
    package let report: ErasureReport?
}

/// Looks on a schedule for what is due for erasure, and erases it if the configuration says so.
final class RetentionJob: Sendable {
    private struct State {
        var isStopping = false
        var thread: Thread?
    }

    private let intervalNanoseconds: UInt64
    private let state = Mutex(State())
    private let changed = Condition()

    /// The first run comes soon after the start, so that restarts cannot put it off for ever.
    private static let firstDelayNanoseconds: UInt64 = 60_000_000_000

    init(intervalSeconds: UInt64) {
        intervalNanoseconds = min(intervalSeconds, 366 * 86_400) * 1_000_000_000
    }

    func start(_ run: @escaping @Sendable () -> Void) {
        let thread = Thread(name: "retention", priority: .background) { [self] in
            var delay = min(intervalNanoseconds, Self.firstDelayNanoseconds)
            while waitUnlessStopping(delay) {
                run()
                delay = intervalNanoseconds
            }
        }
        state.withLock { $0.thread = thread }
    }

    func stop() {
        let thread = state.withLock { state in
            state.isStopping = true
            return state.thread.take()
        }
        changed.broadcast()
        thread?.join()
    }

    private func waitUnlessStopping(_ nanoseconds: UInt64) -> Bool {
        state.withLock(
            when: { $0.isStopping },
            on: changed,
            deadlineNanoseconds: Clock.monotonicNanoseconds() + nanoseconds
        ) { !$0.isStopping }
    }
}

extension EvidenceStore {
    /// Counts what is due, and erases it if the configuration says so.
    package func runRetention() throws(StoreError) -> RetentionRun {
        var query = DueQuery()
        query.limit = DueQuery.limitMaximum
        var due: UInt64 = 0
        while true {
            try checkRunning()
            let page = try self.due(query)
            due += UInt64(page.entries.count)
            guard let next = page.next else { break }
            query.after = next
        }
        metrics.dueRecords.set(due)
        metrics.retentionRuns.add()
        let isClosed = withState { $0.closed != nil }
        guard configuration.retentionJobApplies, due > 0, !isClosed else {
            return RetentionRun(due: due, report: nil)
        }
        let report = try eraseDue(collection: nil, records: nil, by: .system, reason: nil)
        metrics.dueRecords.set(due - min(due, report.erased))
        return RetentionRun(due: due, report: report)
    }
}
