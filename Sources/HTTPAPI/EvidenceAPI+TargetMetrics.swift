import EvidenceModel
import EvidenceStore
import Observability
import Replication
import TransparencyLog

// What the metrics say of targets: every one of them a series with the label `target`.

extension EvidenceAPI {
    /// Adds how all targets stand.
    func addTargets(to text: inout PrometheusText) {
        let statuses = targets.statuses()
        Self.add(statuses, to: &text)
        guard !statuses.isEmpty else { return }
        text.gauge(
            "strongroom_target_unpurged_since_timestamp_seconds",
            help: "When the oldest erasure was recorded of which versions still stand there.",
            statuses.compactMap { status in
                unpurgedSince(in: status.description.name).map { since in
                    Self.sample(status, Double(since.milliseconds) / 1000)
                }
            }
        )
    }

    /// The time of the oldest erasure that a target has not followed.
    private func unpurgedSince(in name: TargetName) -> Timestamp? {
        guard let erasure = store.withState({ $0.unpurged(in: name).keys.min() }) else {
            return nil
        }
        // A record that cannot be read is `fsck`'s to tell, not that of a metric.
        return try? store.record(at: erasure).record.received
    }

    static func add(_ statuses: [TargetStatus], to text: inout PrometheusText) {
        text.gauge(
            "strongroom_targets",
            help: "Targets that receive a copy.",
            Double(statuses.count)
        )
        guard !statuses.isEmpty else { return }
        addStanding(of: statuses, to: &text)
        addCopy(of: statuses, to: &text)
        addProbes(of: statuses, to: &text)
        addRequests(of: statuses, to: &text)
    }

    private typealias Sample = PrometheusText.Sample
    private typealias Label = PrometheusText.Label

    /// Phase and health: of each word a series, 1 for the one that holds.
    private static func addStanding(of statuses: [TargetStatus], to text: inout PrometheusText) {
        text.gauge(
            "strongroom_target_phase",
            help: "1 for the phase that the target is in, else 0.",
            statuses.flatMap { status in
                TargetPhase.allCases.map { phase in
                    sample(status, status.phase == phase ? 1 : 0, [Label("phase", phase.rawValue)])
                }
            }
        )
        text.gauge(
            "strongroom_target_health",
            help: "1 for how the target is: running, failing (tried again), fenced (stopped).",
            statuses.flatMap { status in
                ["running", "failing", "fenced"].map { word in
                    sample(status, status.health.word == word ? 1 : 0, [Label("state", word)])
                }
            }
        )
        text.gauge(
            "strongroom_target_conditional_writes",
            help: "1 if the store would notice a second writer, else 0.",
            statuses.map { sample($0, $0.isFenced ? 1 : 0) }
        )
    }

    private static func addCopy(of statuses: [TargetStatus], to text: inout PrometheusText) {
        text.gauge(
            "strongroom_target_tree_size",
            help: "The log's size when the target's state was put together.",
            statuses.map { sample($0, Double($0.size.value)) }
        )
        text.gauge(
            "strongroom_target_replicated_records",
            help: "All records below this index stand verified in the target.",
            statuses.map { sample($0, Double($0.replicated.value)) }
        )
        text.gauge(
            "strongroom_target_lag_records",
            help: "Records that do not stand verified in the target.",
            statuses.map { sample($0, Double($0.lagRecords)) }
        )
        text.gauge(
            "strongroom_target_lag_seconds",
            help: "The age of the oldest record that does not stand verified in the target.",
            statuses.map { sample($0, $0.lagSeconds) }
        )
        text.gauge(
            "strongroom_target_unpacked_records",
            help: "Records that are in no verified pack yet.",
            statuses.map { sample($0, Double($0.unpacked)) }
        )
        text.gauge(
            "strongroom_target_pending_records",
            help: "Records whose newer lock or hold is not yet in force in the target.",
            statuses.map { sample($0, Double($0.pending)) }
        )
        text.gauge(
            "strongroom_target_pending_until_timestamp_seconds",
            help: "The earliest end of the locks that pending records have there, since 1970.",
            statuses.compactMap { status in
                status.pendingUntil.map { sample(status, Double($0.milliseconds) / 1000) }
            }
        )
        text.gauge(
            "strongroom_target_unpurged_records",
            help: "Erased records of which versions still stand in the target.",
            statuses.map { sample($0, Double($0.unpurged)) }
        )
        text.gauge(
            "strongroom_target_objects",
            help: "Objects that stand verified in the target.",
            statuses.map { sample($0, Double($0.objects)) }
        )
        text.gauge(
            "strongroom_target_object_bytes",
            help: "Bytes of the objects that stand verified in the target.",
            statuses.map { sample($0, Double($0.objectBytes)) }
        )
    }

    private static func addProbes(of statuses: [TargetStatus], to text: inout PrometheusText) {
        let probed = statuses.filter { $0.lastProbe != nil }
        text.gauge(
            "strongroom_target_probe_compliant",
            help: "1 if the last probe found every rule of Object Lock enforced, else 0.",
            probed.map { sample($0, $0.lastProbe?.isCompliant == true ? 1 : 0) }
        )
        text.gauge(
            "strongroom_target_probe_timestamp_seconds",
            help: "When the target was last probed, seconds since 1970; 0 if it never was.",
            statuses.map { status in
                sample(status, status.lastProbe.map { Double($0.at.milliseconds) / 1000 } ?? 0)
            }
        )
        text.gauge(
            "strongroom_target_probe_record",
            help: "The index of the record that says how the last probe went.",
            probed.map { sample($0, Double($0.lastProbe?.index.value ?? 0)) }
        )
    }

    private static func addRequests(of statuses: [TargetStatus], to text: inout PrometheusText) {
        func counts(_ count: (StoreStatistics) -> UInt64) -> [Sample] {
            statuses.map { status in
                Sample(count: count(status.statistics), [target(status)])
            }
        }
        text.counter(
            "strongroom_target_requests_total",
            help: "Requests sent to the target, repetitions counted.",
            counts(\.requests)
        )
        text.counter(
            "strongroom_target_repetitions_total",
            help: "Requests sent again.",
            counts(\.repetitions)
        )
        text.counter(
            "strongroom_target_faults_total",
            help: "Requests without an answer, or with one of status 5xx or 429.",
            counts(\.faults)
        )
        text.counter(
            "strongroom_target_sent_bytes_total",
            help: "Bytes of bodies sent to the target.",
            counts(\.sentBytes)
        )
        text.counter(
            "strongroom_target_received_bytes_total",
            help: "Bytes of bodies received from the target.",
            counts(\.receivedBytes)
        )
        text.gauge(
            "strongroom_target_circuit",
            help: "1 for what the circuit breaker is: closed, open (nothing is sent), probing.",
            statuses.flatMap { status in
                ["closed", "open", "probing"].map { word in
                    let isSo = status.statistics.circuit.word == word
                    return sample(status, isSo ? 1 : 0, [Label("state", word)])
                }
            }
        )
        text.counter(
            "strongroom_target_circuit_openings_total",
            help: "How often the circuit breaker has opened.",
            counts(\.circuitOpenings)
        )
    }

    private static func target(_ status: TargetStatus) -> Label {
        Label("target", status.description.name.text)
    }

    private static func sample(
        _ status: TargetStatus,
        _ value: Double,
        _ labels: [Label] = []
    ) -> Sample {
        Sample(value, [target(status)] + labels)
    }
}
