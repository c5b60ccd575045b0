import EvidenceModel
import EvidenceStore
import Observability
import TransparencyLog

// What the metrics say of the clock, of locks and holds, and of access.

extension EvidenceAPI {
    func addRetention(to text: inout PrometheusText) {
        addClock(to: &text)
        let (acts, matters, erased, unpurged, isClosed) = store.withState { state in
            (
                state.actCount, state.matters.values.filter { !$0.isReleased }.count,
                state.erased(in: 0...TreeSize.maximum.value).count, state.unpurged.count,
                state.closed != nil
            )
        }
        text.counter(
            "strongroom_acts_total",
            help: "Records of the log that are no evidence.",
            acts
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
            store.accessLog.failures.value
        )
    }
}
