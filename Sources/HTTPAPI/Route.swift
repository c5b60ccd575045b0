import EvidenceModel
import HTTPMessage
import TransparencyLog

/// What a path names.
enum Route: Equatable {
    case evidence(collection: String)
    case batch(collection: String)
    case record(String)
    case payload(String)
    case receipt(String)
    case lock(String)
    case consistency
    case search
    case checkpoint
    case tile(String)
    case health
    case readiness
    case metrics

    /// Nil: nothing has this path.
    init?(_ segments: [String]) {
        switch segments.count {
        case 1:
            switch segments[0] {
            case "checkpoint": self = .checkpoint
            case "healthz": self = .health
            case "readyz": self = .readiness
            case "metrics": self = .metrics
            default: return nil
            }
        case 2 where segments == ["v1", "consistency"]: self = .consistency
        case 2 where segments == ["v1", "search"]: self = .search
        // One spelling for each tile: an encoded slash does not make a path of the specification.
        case _ where segments[0] == "tile" && !segments.contains { $0.contains("/") }:
            self = .tile(segments.joined(separator: "/"))
        case 3 where segments[0] == "v1" && segments[1] == "records": self = .record(segments[2])
        case 4 where segments[0] == "v1" && segments[1] == "records":
            switch segments[3] {
            case "payload": self = .payload(segments[2])
            case "receipt": self = .receipt(segments[2])
            case "lock": self = .lock(segments[2])
            default: return nil
            }
        case 4...5
        where segments[0] == "v1" && segments[1] == "collections"
            && segments[3] == "evidence":
            if segments.count == 4 {
                self = .evidence(collection: segments[2])
            } else if segments[4] == "batch" {
                self = .batch(collection: segments[2])
            } else {
                return nil
            }
        default: return nil
        }
    }

    /// The methods that the resource takes, as `Allow` lists them.
    var methods: [HTTPMethod] {
        switch self {
        case .evidence, .batch: [.post]
        default: [.get, .head]
        }
    }
}
