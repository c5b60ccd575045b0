internal import Attestation
internal import EvidenceStore
internal import Observability
internal import TransparencyLog

/// The witnesses that a server asks, as its configuration names them.
enum Witnesses {
    /// Reads the policy and what was kept; nil if no witnesses are configured.
    static func service(
        _ store: EvidenceStore,
        _ settings: ServeSettings,
        _ log: EventLog
    ) throws(CommandFailure) -> Attestation.WitnessService? {
        guard let path = settings.witnessPolicyFile else { return nil }
        let policy = try PolicyFile.read(path)
        do throws(WitnessPolicyError) {
            try Attestation.WitnessService.check(policy, logKeys: store.verifierKeys)
        } catch {
            throw .usage("\(path): \(error)", advice: "see ops/runbooks/witness.md")
        }
        for witness in policy.witnesses where witness.url == nil {
            log.record(
                .warning,
                "witness.not-asked",
                [
                    .text("witness", "\(witness.name)"),
                    .text("reason", "the policy names no address for it"),
                ]
            )
        }
        do throws(StoreError) {
            return try Attestation.WitnessService(
                store: store,
                policy: policy,
                transport: CurlAttestationTransport(),
                configuration: settings.witnesses
            ) { event in
                log.record(event.level, event.name, event.fields)
            }
        } catch {
            throw CommandFailure(error)
        }
    }
}

// How the server's log tells what becomes of witnesses.
extension WitnessEvent {
    var level: EventLog.Level {
        switch self {
        case .cosigned: .debug
        case .recovered: .info
        case .failing, .unusable: .warning
        case .contradicted, .notKept: .error
        }
    }

    var name: StaticString {
        switch self {
        case .cosigned: "log.cosigned"
        case .recovered: "witness.recovered"
        case .failing: "witness.failing"
        case .contradicted: "witness.contradicts"
        case .notKept: "witness.not-kept"
        case .unusable: "witness.unusable"
        }
    }

    var fields: [EventLog.Field] {
        switch self {
        case .cosigned(let size, let voices):
            [.number("treeSize", size.value), .number("cosignatures", voices)]
        case .recovered(let name): [.text("witness", "\(name)")]
        case .failing(let name, let failure), .contradicted(let name, let failure):
            [
                .text("witness", "\(name)"), .text("kind", failure.kind.rawValue),
                .text("reason", "\(failure)"),
            ]
        case .notKept(let error): [.text("reason", "\(error)")]
        case .unusable(let reason): [.text("reason", "the newest note that was kept: \(reason)")]
        }
    }
}
