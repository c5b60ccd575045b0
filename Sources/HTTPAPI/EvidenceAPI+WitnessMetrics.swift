import Attestation
import Observability
import TransparencyLog

// What the metrics say of witnesses: every one that is asked a series with the label `witness`.

extension EvidenceAPI {
    private typealias Sample = PrometheusText.Sample
    private typealias Label = PrometheusText.Label

    /// Adds how witnesses stand; times are since 1970 by this machine's clock, 0 for never.
    func addWitnesses(to text: inout PrometheusText) {
        let statuses = witnesses?.statuses ?? []
        text.gauge(
            "strongroom_witnesses",
            help: "Witnesses that are asked for cosignatures.",
            Double(statuses.count)
        )
        guard let witnesses else { return }
        let accepted = witnesses.accepted
        text.gauge(
            "strongroom_cosigned_tree_size",
            help: "The size of the newest checkpoint that the witness policy accepts; 0: none.",
            Double(accepted.size?.value ?? 0)
        )
        text.gauge(
            "strongroom_cosigned_timestamp_seconds",
            help: "When the witness policy last accepted a checkpoint; 0: never.",
            Double(accepted.seconds ?? 0)
        )
        text.counter(
            "strongroom_cosignature_write_failures_total",
            help: "Times that what witnesses said could not be kept on the disk.",
            accepted.unkept
        )
        Self.add(statuses, to: &text)
    }

    private static func add(_ statuses: [WitnessStatus], to text: inout PrometheusText) {
        func samples(_ value: (WitnessStatus) -> Double) -> [Sample] {
            statuses.map { Sample(value($0), [Label("witness", $0.name.description)]) }
        }
        text.gauge(
            "strongroom_witness_last_success_timestamp_seconds",
            help: "When the witness last cosigned; 0: never.",
            samples { Double($0.successSeconds ?? 0) }
        )
        text.gauge(
            "strongroom_witness_cosigned_size",
            help: "The size of the tree that the witness cosigned last.",
            samples { Double($0.standing?.size.value ?? 0) }
        )
        text.gauge(
            "strongroom_witness_contradicts",
            help: "1 if the witness has seen another history of this log, or a larger one; else 0.",
            samples { $0.contradiction == nil ? 0 : 1 }
        )
        text.counter(
            "strongroom_witness_failures_total",
            help: "Times that the witness was asked and did not cosign, by reason.",
            statuses.flatMap { status in
                WitnessFailure.Kind.allCases.map { kind in
                    Sample(
                        count: status.failures[kind] ?? 0,
                        [
                            Label("witness", status.name.description),
                            Label("reason", kind.rawValue),
                        ]
                    )
                }
            }
        )
    }
}
