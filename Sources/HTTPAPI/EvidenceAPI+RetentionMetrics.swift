import EvidenceModel
import EvidenceStore
import Observability
import TransparencyLog

// What the metrics say of the clock, of locks and holds, and of access.

extension EvidenceAPI {
    func addRetention(to text: inout PrometheusText) {
        addClock(to: &text)
        addJob(to: &text)
        let (matters, erased, unpurged, isClosed) = store.withState { state in
            (
                state.matters.values.filter { !$0.isReleased }.count,
                state.erased(in: 0...TreeSize.maximum.value).count, state.unpurged.count,
                state.closed != nil
            )
        }
        text.counter(
            "strongroom_acts_total",
            help: "Records appended that are no evidence.",
            store.metrics.acts.value
        )
        text.gauge(
            "strongroom_matters",
            help: "Matters that hold records.",
            Double(matters)
        )
        text.gauge(
            "strongroom_erased_records",
            help: "Records whose payload was erased.",
            Double(erased)
        )
        text.gauge(
            "strongroom_unpurged_erasures",
            help: "Erasures whose bytes may still stand on the disk.",
            Double(unpurged)
        )
        text.gauge(
            "strongroom_log_closed",
            help: "1 once the log has its last record, else 0.",
            isClosed ? 1 : 0
        )
    }

    /// What the retention job found, and what was removed.
    private func addJob(to text: inout PrometheusText) {
        let metrics = store.metrics
        text.gauge(
            "strongroom_due_records",
            help: "What the last run of the retention job found due for erasure.",
            Double(metrics.dueRecords.value)
        )
        text.counter(
            "strongroom_retention_runs_total",
            help: "Runs of the retention job.",
            metrics.retentionRuns.value
        )
        text.counter(
            "strongroom_retention_failures_total",
            help: "Runs of the retention job that failed.",
            metrics.retentionFailures.value
        )
        text.counter(
            "strongroom_purged_payloads_total",
            help: "Payloads whose bytes were removed after their erasure.",
            metrics.purgedPayloads.value
        )
        text.counter(
            "strongroom_purged_bytes_total",
            help: "Bytes on disk that were removed after erasures.",
            metrics.purgedBytes.value
        )
        text.counter(
            "strongroom_purge_failures_total",
            help: "Tries to remove the bytes of an erasure that failed.",
            metrics.purgeFailures.value
        )
    }

    private func addClock(to text: inout PrometheusText) {
        let clock = store.clock
        text.gauge(
            "strongroom_clock_settled",
            help: "1 if the compliance clock and the wall clock agree within 24 hours, else 0.",
            clock.reading.isSettled ? 1 : 0
        )
        if let milliseconds = clock.reading.differenceMilliseconds {
            text.gauge(
                "strongroom_clock_difference_seconds",
                help: "Compliance clock minus wall clock.",
                -Double(milliseconds) / 1000
            )
        }
        text.gauge(
            "strongroom_clock_budget_seconds",
            help: "By how much a restart may set the compliance clock forward at most.",
            Double(clock.budgetMilliseconds) / 1000
        )
        text.gauge(
            "strongroom_clock_resync_pending",
            help: "1 while a resync waits for a second person, else 0.",
            clock.pendingResync == nil ? 0 : 1
        )
    }

    func addAccess(to text: inout PrometheusText) {
        text.counter(
            "strongroom_authentication_failures_total",
            help: "Requests with a token that is not valid.",
            failures.total
        )
        text.counter(
            "strongroom_access_log_entries_total",
            help: "Reads of evidence that were recorded.",
            store.accessLog.entries.value
        )
        text.counter(
            "strongroom_access_log_failures_total",
            help: "Writes of the access log that failed.",
            store.metrics.accessLogFailures.value
        )
    }
}
