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
    case erasure(String)
    case policies
    case policy(collection: String)
    case census(collection: String)
    case holds
    case matter(String)
    case holdRelease
    case events
    case erasures
    case due
    case bypass
    case tokens
    case tokenRevocation
    case clock
    case resync
    case keys
    case closing
    case targets
    case target(String)
    case targetProbe(String)
    case targetReconciliation(String)
    case targetPhase(String)
    case targetWait(String)
    case timestamps
    case timestamp(size: String, authority: String)
    case timestampRenewal
    case consistency
    case search
    case exports
    case export(String)
    case checkpoint
    case tile(String)
    case health
    case readiness
    case metrics

    /// Nil: nothing has this path.
    init?(_ segments: [String]) {
        guard let route = Self.top(segments) ?? Self.tile(segments) ?? Self.versionOne(segments)
        else { return nil }
        self = route
    }

    private static func top(_ segments: [String]) -> Route? {
        switch segments {
        case ["checkpoint"]: .checkpoint
        case ["healthz"]: .health
        case ["readyz"]: .readiness
        case ["metrics"]: .metrics
        default: nil
        }
    }

    /// One spelling for each tile: an encoded slash does not make a path of the specification.
    private static func tile(_ segments: [String]) -> Route? {
        guard segments.count > 1, segments[0] == "tile",
            !segments.contains(where: { $0.contains("/") })
        else { return nil }
        return .tile(segments.joined(separator: "/"))
    }

    private static func versionOne(_ segments: [String]) -> Route? {
        guard segments.count > 1, segments[0] == "v1" else { return nil }
        let path = Array(segments.dropFirst())
        switch path[0] {
        case "records": return record(path)
        case "collections": return collection(path)
        case "targets": return target(path)
        case "exports" where path.count == 2: return .export(path[1])
        case "timestamps" where path.count == 3:
            return .timestamp(size: path[1], authority: path[2])
        // Matters may have slashes, encoded or not.
        case "holds" where path.count > 1 && path != ["holds", "release"]:
            return .matter(path.dropFirst().joined(separator: "/"))
        default: break
        }
        return switch path {
        case ["policies"]: .policies
        case ["holds"]: .holds
        case ["holds", "release"]: .holdRelease
        case ["events"]: .events
        case ["erasures"]: .erasures
        case ["erasures", "due"]: .due
        case ["erasures", "bypass"]: .bypass
        case ["tokens"]: .tokens
        case ["tokens", "revoke"]: .tokenRevocation
        case ["clock"]: .clock
        case ["clock", "resync"]: .resync
        case ["keys"]: .keys
        case ["log", "close"]: .closing
        case ["timestamps"]: .timestamps
        case ["timestamps", "renew"]: .timestampRenewal
        case ["consistency"]: .consistency
        case ["search"]: .search
        case ["exports"]: .exports
        default: nil
        }
    }

    private static func record(_ path: [String]) -> Route? {
        switch path.count {
        case 2: .record(path[1])
        case 3:
            switch path[2] {
            case "payload": .payload(path[1])
            case "receipt": .receipt(path[1])
            case "lock": .lock(path[1])
            case "erasure": .erasure(path[1])
            default: nil
            }
        default: nil
        }
    }

    private static func collection(_ path: [String]) -> Route? {
        guard path.count > 2 else { return nil }
        return switch Array(path.dropFirst(2)) {
        case ["evidence"]: .evidence(collection: path[1])
        case ["evidence", "batch"]: .batch(collection: path[1])
        case ["policy"]: .policy(collection: path[1])
        case ["census"]: .census(collection: path[1])
        default: nil
        }
    }

    private static func target(_ path: [String]) -> Route? {
        switch path.count {
        case 1: .targets
        case 2: .target(path[1])
        case 3:
            switch path[2] {
            case "probe": .targetProbe(path[1])
            case "reconcile": .targetReconciliation(path[1])
            case "phase": .targetPhase(path[1])
            case "wait": .targetWait(path[1])
            default: nil
            }
        default: nil
        }
    }

    /// What can be asked of the resource, by method; `HEAD` is `GET` without the body.
    var actions: [(method: HTTPMethod, action: Action)] {
        switch self {
        case .evidence: [(.post, .appendEvidence)]
        case .batch: [(.post, .appendBatch)]
        case .record: [(.get, .getRecord)]
        case .payload: [(.get, .getPayload)]
        case .receipt: [(.get, .getReceipt)]
        case .lock: [(.get, .getLock), (.post, .extendLock)]
        case .erasure: [(.get, .getErasure)]
        case .policies: [(.get, .listPolicies)]
        case .policy: [(.get, .getPolicy), (.put, .setPolicy)]
        case .census: [(.get, .getCensus)]
        case .holds: [(.get, .listHolds), (.post, .placeHold)]
        case .matter: [(.get, .getHold)]
        case .holdRelease: [(.post, .releaseHold)]
        case .events: [(.post, .recordEvent)]
        case .erasures: [(.post, .erase)]
        case .due: [(.get, .listDue)]
        case .bypass: [(.post, .bypass)]
        case .tokens: [(.get, .listTokens), (.post, .createToken)]
        case .tokenRevocation: [(.post, .revokeToken)]
        case .clock: [(.get, .getClock)]
        case .resync: [(.post, .resyncClock)]
        case .keys: [(.get, .listKeys), (.post, .rotateKey)]
        case .closing: [(.post, .closeLog)]
        case .targets: [(.get, .listTargets), (.post, .addTarget)]
        case .target: [(.get, .getTarget), (.delete, .removeTarget)]
        case .targetProbe: [(.post, .probeTarget)]
        case .targetReconciliation: [(.post, .reconcileTarget)]
        case .targetPhase: [(.post, .changeTargetPhase)]
        case .targetWait: [(.post, .waitForTarget)]
        case .timestamps: [(.get, .listTimestamps), (.post, .createTimestamps)]
        case .timestamp: [(.get, .getTimestamp)]
        case .timestampRenewal: [(.post, .renewTimestamps)]
        case .consistency: [(.get, .getConsistency)]
        case .search: [(.get, .search)]
        case .exports: [(.post, .createExport)]
        case .export: [(.get, .getExport)]
        case .checkpoint: [(.get, .getCheckpoint)]
        case .tile(let path): [(.get, Self.tileAction(path))]
        case .health: [(.get, .health)]
        case .readiness: [(.get, .readiness)]
        case .metrics: [(.get, .metrics)]
        }
    }

    /// What a method asks of the resource; nil if it does not take the method.
    func action(_ method: HTTPMethod) -> Action? {
        let method = method == .head ? .get : method
        return actions.first { $0.method == method }?.action
    }

    /// The methods that the resource takes, as `Allow` lists them.
    var methods: [HTTPMethod] {
        actions.flatMap { $0.method == .get ? [.get, .head] : [$0.method] }
    }

    /// The collection that the path names.
    var collection: String? {
        switch self {
        case .evidence(let name), .batch(let name), .policy(let name), .census(let name): name
        default: nil
        }
    }

    private static func tileAction(_ path: String) -> Action {
        let isPartial = path.contains(".p/")
        guard path.hasPrefix("tile/entries/") else { return isPartial ? .getPartialTile : .getTile }
        return isPartial ? .getPartialEntryBundle : .getEntryBundle
    }
}
