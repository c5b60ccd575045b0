import EvidenceModel
import EvidenceStore
import HTTPMessage
import Observability
import TransparencyLog

extension EvidenceAPI {
    /// `GET /metrics` in the Prometheus text format.
    func metrics() -> Response {
        let metrics = store.metrics
        var text = PrometheusText()
        text.counter(
            "strongroom_appends_total",
            help: "Records appended.",
            metrics.appends.value
        )
        text.counter(
            "strongroom_append_repeats_total",
            help: "Appends answered with the record of an equal earlier request.",
            metrics.repeats.value
        )
        text.counter(
            "strongroom_refusals_total",
            help: "Appends refused, by reason.",
            StoreMetrics.Refusal.allCases.map { reason in
                PrometheusText.Sample(
                    count: metrics.refusals(reason).value,
                    [PrometheusText.Label("reason", reason.rawValue)]
                )
            }
        )
        text.counter(
            "strongroom_payload_bytes_total",
            help: "Bytes of payloads appended, as pushed.",
            metrics.payloadBytes.value
        )
        text.counter(
            "strongroom_stored_payload_bytes_total",
            help: "Bytes of payloads appended, as stored.",
            metrics.storedPayloadBytes.value
        )
        text.counter(
            "strongroom_commits_total",
            help: "Commits of the active segment.",
            metrics.commits.value
        )
        text.counter(
            "strongroom_segments_sealed_total",
            help: "Segments sealed.",
            metrics.sealedSegments.value
        )
        text.counter(
            "strongroom_seal_failures_total",
            help: "Seals that failed and are tried again.",
            metrics.sealFailures.value
        )
        text.counter(
            "strongroom_heartbeat_failures_total",
            help: "Heartbeats that could not be kept.",
            metrics.heartbeatFailures.value
        )
        text.counter(
            "strongroom_catalog_failures_total",
            help: "Sealed segments that the catalog takes in at the next start only.",
            metrics.catalogFailures.value
        )
        addIndexRuns(to: &text)
        addHistograms(to: &text)
        addGauges(to: &text)
        addRetention(to: &text)
        addAccess(to: &text)
        addTargets(to: &text)
        addWitnesses(to: &text)
        addTimestamps(to: &text)
        if let statistics = connectionStatistics { Self.add(statistics, to: &text) }
        return .bytes(text.document, PrometheusText.contentType)
    }

    private func addIndexRuns(to text: inout PrometheusText) {
        let metrics = store.metrics
        text.gauge(
            "strongroom_index_runs",
            help: "Indexes over many sealed segments.",
            Double(metrics.indexRuns.value)
        )
        text.gauge(
            "strongroom_index_run_bytes",
            help: "Bytes of the index runs.",
            Double(metrics.indexRunBytes.value)
        )
        text.gauge(
            "strongroom_index_uncovered_segments",
            help: "Sealed segments that no index run covers: a search asks each of them.",
            Double(metrics.unindexedSegments.value)
        )
        text.counter(
            "strongroom_index_runs_built_total",
            help: "Index runs made or merged.",
            metrics.indexRunsBuilt.value
        )
        text.counter(
            "strongroom_index_run_failures_total",
            help: "Index runs that could not be made and are tried again.",
            metrics.indexRunFailures.value
        )
        text.counter(
            "strongroom_index_runs_damaged_total",
            help: "Index runs that were found damaged and are made anew.",
            metrics.indexRunsDamaged.value
        )
    }

    private static func add(_ statistics: ServerStatistics, to text: inout PrometheusText) {
        text.gauge(
            "strongroom_http_connections",
            help: "Open connections.",
            Double(statistics.openConnections)
        )
        text.counter(
            "strongroom_http_accepted_connections_total",
            help: "Connections accepted.",
            statistics.acceptedConnections
        )
        text.counter(
            "strongroom_http_requests_total",
            help: "Requests whose head arrived.",
            statistics.requests
        )
        text.counter(
            "strongroom_http_closed_connections_total",
            help: "Connections ended by the server: too slow, or the oldest near the limit.",
            [
                PrometheusText.Sample(
                    count: statistics.timedOut,
                    [PrometheusText.Label("reason", "slow")]
                ),
                PrometheusText.Sample(
                    count: statistics.evicted,
                    [PrometheusText.Label("reason", "limit")]
                ),
            ]
        )
        text.counter(
            "strongroom_http_violations_total",
            help: "Requests that broke the rules of HTTP.",
            statistics.violations
        )
        text.counter(
            "strongroom_http_interrupted_replies_total",
            help: "Replies that ended early because what is stored could not be read.",
            statistics.interruptedReplies
        )
    }

    private func addHistograms(to text: inout PrometheusText) {
        let metrics = store.metrics
        for (name, help, histogram) in [
            ("strongroom_batch_records", "Records in a commit.", metrics.batchRecords),
            (
                "strongroom_commit_seconds", "Time of a commit, both syncs included.",
                metrics.commitSeconds
            ),
            (
                "strongroom_confirm_seconds",
                "Time to read a commit back, hash it again and sign the checkpoint.",
                metrics.confirmSeconds
            ),
            (
                "strongroom_payload_sync_seconds", "Time of a payload file's sync.",
                metrics.payloadSyncSeconds
            ),
            (
                "strongroom_append_seconds", "Time of an append in the store, waiting included.",
                metrics.appendSeconds
            ),
        ] {
            let snapshot = histogram.snapshot
            text.histogram(
                name,
                help: help,
                [
                    PrometheusText.Histogram(
                        upperBounds: histogram.bounds,
                        counts: snapshot.counts,
                        sum: snapshot.sum
                    )
                ]
            )
        }
    }

    private func addGauges(to text: inout PrometheusText) {
        text.gauge(
            "strongroom_tree_size",
            help: "Records in the published tree.",
            Double(store.checkpoint.size.value)
        )
        text.gauge(
            "strongroom_checkpoint_timestamp_seconds",
            help: "When the newest record was received, seconds since 1970.",
            Double(store.checkpoint.timestamp.milliseconds) / 1000
        )
        text.gauge(
            "strongroom_queue_records",
            help: "Appends that wait for the sequencer.",
            Double(store.queueDepth)
        )
        text.gauge(
            "strongroom_unsealed_segments",
            help: "Segments not sealed, the active one included.",
            Double(store.unsealedSegmentCount)
        )
        text.gauge(
            "strongroom_disk_free_bytes",
            help: "Free bytes of the log's disk, as last seen.",
            Double(store.diskFreeBytes)
        )
        text.gauge(
            "strongroom_disk_reserve_bytes",
            help: "Free bytes under which appends are refused.",
            Double(store.diskReserveBytes)
        )
        var isReady = true
        do throws(StoreError) { try store.checkReadiness() } catch { isReady = false }
        text.gauge(
            "strongroom_ready",
            help: "1 if appends are taken, else 0.",
            isReady ? 1 : 0
        )
    }
}
