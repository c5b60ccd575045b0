internal import Attestation
internal import EvidenceModel
internal import Observability

// How the server's log tells of authenticated times.
extension ClockSettler.Event {
    var level: EventLog.Level { .warning }

    var name: StaticString {
        switch self {
        case .settled: "clock.settled"
        case .tooFew, .refused: "clock.unsettled"
        case .unusable: "clock.time-unusable"
        }
    }

    var fields: [EventLog.Field] {
        switch self {
        case .settled(let from, let to, let times):
            [.text("from", from.rfc3339), .text("to", to.rfc3339), Self.sources(times)]
        case .tooFew(let answers, let sources):
            [
                .text("reason", "it takes two authenticated times that are independent"),
                .number("answers", answers), .number("asked", sources),
            ]
        case .unusable(let time):
            [
                .text("source", time.source), .text("kind", time.kind.rawValue),
                .text("reason", "times of a record \(time.fault ?? "")"),
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
