import Attestation
import Observability
import TransparencyLog

// What the metrics say of time-stamps.

extension EvidenceAPI {
    /// Adds how the authorities stand, and how the time-stamps age.
    func addTimestamps(to text: inout PrometheusText) {
        guard let timestamps else { return }
        let statuses = timestamps.statuses()
        text.gauge(
            "strongroom_timestamp_authorities",
            help: "Time-stamping authorities that are asked.",
            Double(statuses.count)
        )
        guard !statuses.isEmpty || timestamps.count > 0 else { return }
        text.gauge(
            "strongroom_timestamps",
            help: "Time-stamps of checkpoints that are kept.",
            Double(timestamps.count)
        )
        text.gauge(
            "strongroom_timestamps_due",
            help: "Time-stamps that must be renewed: their certificates end soon, or have ended.",
            Double(timestamps.due().count)
        )
        if let end = timestamps.firstEnd {
            text.gauge(
                "strongroom_timestamp_certificate_end_timestamp_seconds",
                help: "When the first certificate of a newest token ends, seconds since 1970.",
                Double(end) / 1000
            )
        }
        addAuthorities(statuses, to: &text)
    }

    private func addAuthorities(_ statuses: [TimeStampStatus], to text: inout PrometheusText) {
        guard !statuses.isEmpty else { return }
        func label(_ status: TimeStampStatus) -> [PrometheusText.Label] {
            [PrometheusText.Label("authority", status.authority)]
        }
        text.counter(
            "strongroom_timestamp_tokens_total",
            help: "Tokens that the authority gave and that were verified and stored.",
            statuses.map { PrometheusText.Sample(count: $0.stamps, label($0)) }
        )
        text.counter(
            "strongroom_timestamp_failures_total",
            help: "Requests that gave no token that was accepted.",
            statuses.map { PrometheusText.Sample(count: $0.failures, label($0)) }
        )
        text.gauge(
            "strongroom_timestamp_failing",
            help: "1 if the last request gave no token that was accepted, else 0.",
            statuses.map { PrometheusText.Sample($0.failing == nil ? 0 : 1, label($0)) }
        )
        text.gauge(
            "strongroom_timestamp_newest_timestamp_seconds",
            help: "The time of the authority's newest token, seconds since 1970; 0 without one.",
            statuses.map { status in
                PrometheusText.Sample(
                    status.newest.map { Double($0.milliseconds) / 1000 } ?? 0,
                    label(status)
                )
            }
        )
        text.gauge(
            "strongroom_timestamp_newest_size",
            help: "The tree size that the authority's newest token stamps; 0 without one.",
            statuses.map { status in
                PrometheusText.Sample(
                    status.newest.map { Double($0.size.value) } ?? 0,
                    label(status)
                )
            }
        )
    }
}
