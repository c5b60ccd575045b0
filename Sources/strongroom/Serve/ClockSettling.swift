internal import Attestation
internal import EvidenceModel
internal import Observability

// How the server's log tells of authenticated times.
extension ClockSettler.Event {
    var level: EventLog.Level { .warning }

    var name: StaticString {
        switch self {
        case .settled: "clock.settled"
        case .silence, .refused: "clock.unsettled"
        }
    }

    var fields: [EventLog.Field] {
        switch self {
        case .settled(let from, let to, let times):
            [.text("from", from.rfc3339), .text("to", to.rfc3339), Self.sources(times)]
        case .silence(let answers, let sources):
            [
                .text(
                    "reason",
                    "two independent authenticated times settle it, and of "
                        + "\(sources) witnesses and authorities \(answers) gave one"
                )
            ]
        case .refused(let error, let times):
            [.text("reason", "\(error)"), Self.sources(times)]
        }
    }

    private static func sources(_ times: [AuthenticatedTime]) -> EventLog.Field {
        let words = times.map { "\($0.source) (\($0.kind.rawValue)) at \($0.time)" }
        return .text("times", words.joined(separator: ", "))
    }
}
