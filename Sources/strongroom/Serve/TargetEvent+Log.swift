internal import EvidenceModel
internal import Observability
internal import Replication

// How the server's log tells what becomes of targets.
extension TargetEvent {
    var level: EventLog.Level {
        switch self {
        case .failed: .warning
        case .recovered, .evicted: .info
        case .fenced, .notCompliant: .error
        }
    }

    var name: StaticString {
        switch self {
        case .failed: "target.failing"
        case .recovered: "target.running"
        case .fenced: "target.fenced"
        case .notCompliant: "target.not-compliant"
        case .evicted: "target.evicted"
        }
    }

    var fields: [EventLog.Field] {
        switch self {
        case .recovered(let name): [.text("target", name.text)]
        case .evicted(let name, let bytes): [.text("target", name.text), .number("bytes", bytes)]
        case .failed(let name, let reason), .fenced(let name, let reason):
            [.text("target", name.text), .text("reason", reason)]
        case .notCompliant(let name, let report):
            [
                .text("target", name.text), .text("rules", report.unenforced),
                .text("detail", report.detail ?? ""),
            ]
        }
    }
}

extension ProbeReport {
    /// The rules that are not known to be enforced: `delete-locked ignored, …`.
    var unenforced: String {
        findings.filter { $0.value != .enforced }
            .map { "\($0.key.rawValue) \($0.value.rawValue)" }.sorted().joined(separator: ", ")
    }
}
