import EvidenceModel
import EvidenceStore
import HTTPMessage
import Testing

@testable import HTTPAPI

/// A log with tokens of every kind, and something for each operation to work on.
///
/// Record 1 is locked for seven years in `tests`, 2 is GOVERNANCE, 3 is due; 4 sets the policy of
/// `waiting`, where 5 awaits the event `end`; 6 is in `other`; 7 holds 1 for `case`; 8 adds the
/// target `copy`.
///
/// `@unchecked Sendable`: tests that share one are serialized.
final class AccessFixture: @unchecked Sendable {
    /// A caller: what stands in `Authorization`.
    enum Caller: String, CaseIterable, Sendable {
        case nobody
        case writer, auditor, retention, admin
        /// Role retention with the right `bypass`.
        case bypasser
        case otherWriter, otherAuditor, otherRetention, otherAdmin, otherBypasser
        case revoked, expired
        case malformed, unknown, basic, twice

        /// Nil: the token is none that works, or there is none.
        var role: Role? {
            switch self {
            case .writer, .otherWriter: .writer
            case .auditor, .otherAuditor: .auditor
            case .retention, .bypasser, .otherRetention, .otherBypasser: .retention
            case .admin, .otherAdmin: .admin
            default: nil
            }
        }

        var canBypass: Bool { self == .bypasser || self == .otherBypasser }

        /// Whether the token is for the collection `other` only.
        var isOther: Bool {
            switch self {
            case .otherWriter, .otherAuditor, .otherRetention, .otherAdmin, .otherBypasser: true
            default: false
            }
        }
    }

    let api: APIFixture
    private var tokens: [Caller: String] = [:]
    /// A second admin of another person: founders count as persons of their own.
    let secondAdmin: String

    init() throws {
        api = try APIFixture()
        for query in ["name=one", "name=two&mode=governance", "name=three&retain=1s"] {
            try #require(try api.put("it", query).status == 201)
        }
        try api.act(
            .put,
            "/v1/collections/waiting/policy",
            [
                "default": "1y", "event": "end", "maximum": "10y", "minimum": "1d",
                "mode": "COMPLIANCE",
            ]
        )
        try api.put("four", "name=four", collection: "waiting")
        try api.put("five", "name=five", collection: "other")
        try api.act(
            .post,
            "/v1/holds",
            [
                "matter": "case", "records": .array([.integer(1)]),
                "reason": "r",
            ]
        )
        // In the log alone: nothing is replicated.
        let description = TargetDescription(
            name: try TargetName("copy"),
            bucket: "evidence-copy",
            region: "us-east-1",
            logRetention: try RetentionDuration(parsing: "10y")
        )
        _ = try api.store.propose(.addTarget(description), by: .anonymous, reason: nil)
        let admin = try api.makeToken("admin", ["role": "admin"])
        tokens[.admin] = admin
        secondAdmin = try api.makeToken("second", ["role": "admin"], by: admin)
        let other: JSONValue = .array(["other"])
        for (caller, members) in [
            (.writer, ["role": "writer"]), (.auditor, ["role": "auditor"]),
            (.retention, ["role": "retention"]),
            (.bypasser, ["role": "retention", "rights": .array(["bypass"])]),
            (.otherWriter, ["role": "writer", "collections": other]),
            (.otherAuditor, ["role": "auditor", "collections": other]),
            (.otherRetention, ["role": "retention", "collections": other]),
            (.otherAdmin, ["role": "admin", "collections": other]),
            (
                .otherBypasser,
                ["role": "retention", "rights": .array(["bypass"]), "collections": other]
            ),
            (.revoked, ["role": "admin"]), (.expired, ["role": "admin", "expires": "60s"]),
        ] as [(Caller, JSONObject)] {
            tokens[caller] = try api.makeToken(caller.rawValue.lowercased(), members, by: admin)
        }
        try api.act(.post, "/v1/tokens/revoke", ["name": "revoked"], token: admin)
        api.clock.pass(seconds: 61)
    }

    func token(_ caller: Caller) -> String? { tokens[caller] }

    /// The `Authorization` fields of a caller.
    func fields(_ caller: Caller) throws -> [(String, String)] {
        switch caller {
        case .nobody: return []
        case .malformed: return [("Authorization", "Bearer strongroom_123")]
        case .unknown:
            let secret = String(repeating: "A", count: 43)
            return [("Authorization", "Bearer strongroom_0123456789ab_\(secret)")]
        case .basic: return [("Authorization", "Basic YWRtaW46YWRtaW4=")]
        case .twice:
            let field = ("Authorization", "Bearer \(try #require(tokens[.admin]))")
            return [field, field]
        default: return [("Authorization", "Bearer \(try #require(tokens[caller]))")]
        }
    }

    /// Sends a request that is right in all respects but, perhaps, who sends it.
    func send(
        _ operation: OpenAPI.Operation,
        as caller: Caller,
        method: HTTPMethod? = nil
    ) throws -> Reply {
        let request = try #require(Self.requests[operation.id], "no request for \(operation.id)")
        var fields = try fields(caller)
        var body: [UInt8]?
        if operation.takesJSON {
            fields.append(("Content-Type", "application/json"))
            body = CanonicalJSON.encode(.object(request.body))
        } else if operation.id == "appendBatch" {
            fields.append(("Content-Type", "application/x-tar"))
            body = [UInt8](repeating: 0, count: 1024)
        } else if operation.method == .post {
            body = Array("payload".utf8)
        }
        // A fresh address: other requests' wrong tokens do not count against this one.
        return try api.send(method ?? operation.method, request.target, fields, body: body)
    }

    struct Request {
        let target: String
        var body: JSONObject = [:]
    }

    private static let one: JSONValue = .array([.integer(1)])

    /// For each operation a request that works in this log.
    static let requests: [String: Request] = [
        "appendEvidence": Request(target: "/v1/collections/tests/evidence?name=new"),
        "appendBatch": Request(target: "/v1/collections/tests/evidence/batch"),
        "getRecord": Request(target: "/v1/records/1"),
        "getPayload": Request(target: "/v1/records/1/payload"),
        "getReceipt": Request(target: "/v1/records/1/receipt"),
        "getErasure": Request(target: "/v1/records/1/erasure"),
        "getLock": Request(target: "/v1/records/1/lock"),
        "extendLock": Request(
            target: "/v1/records/1/lock",
            body: ["until": "2040-01-01", "reason": "r"]
        ),
        "listPolicies": Request(target: "/v1/policies"),
        "getPolicy": Request(target: "/v1/collections/tests/policy"),
        "setPolicy": Request(
            target: "/v1/collections/tests/policy",
            body: ["mode": "COMPLIANCE", "minimum": "1d", "default": "7y", "maximum": "10y"]
        ),
        "getCensus": Request(target: "/v1/collections/tests/census"),
        "listHolds": Request(target: "/v1/holds"),
        "getHold": Request(target: "/v1/holds/case"),
        "placeHold": Request(
            target: "/v1/holds",
            body: ["matter": "other/case", "records": one, "reason": "r"]
        ),
        "releaseHold": Request(
            target: "/v1/holds/release",
            body: ["matter": "case", "records": one, "reason": "r"]
        ),
        "recordEvent": Request(
            target: "/v1/events",
            body: ["event": "end", "records": .array([.integer(5)]), "reason": "r"]
        ),
        "listDue": Request(target: "/v1/erasures/due?collection=tests"),
        "erase": Request(
            target: "/v1/erasures",
            body: ["records": .array([.integer(3)]), "reason": "r"]
        ),
        "bypass": Request(
            target: "/v1/erasures/bypass",
            body: ["records": .array([.integer(2)]), "reason": "r"]
        ),
        "listTokens": Request(target: "/v1/tokens"),
        "createToken": Request(
            target: "/v1/tokens",
            body: ["name": "new", "role": "writer", "collections": .array(["other"])]
        ),
        "revokeToken": Request(target: "/v1/tokens/revoke", body: ["name": "otherwriter"]),
        "getClock": Request(target: "/v1/clock"),
        "resyncClock": Request(target: "/v1/clock/resync", body: ["reason": "r"]),
        "listKeys": Request(target: "/v1/keys"),
        "rotateKey": Request(target: "/v1/keys", body: ["reason": "r"]),
        "closeLog": Request(target: "/v1/log/close", body: ["reason": "r"]),
        "listTargets": Request(target: "/v1/targets"),
        "addTarget": Request(
            target: "/v1/targets",
            body: ["name": "second", "bucket": "another-copy", "region": "us-east-1"]
        ),
        "getTarget": Request(target: "/v1/targets/copy"),
        "removeTarget": Request(target: "/v1/targets/copy", body: ["reason": "r"]),
        "probeTarget": Request(target: "/v1/targets/copy/probe"),
        "reconcileTarget": Request(
            target: "/v1/targets/copy/reconcile",
            body: ["repair": .bool(true)]
        ),
        "changeTargetPhase": Request(
            target: "/v1/targets/copy/phase",
            body: ["phase": "dual", "reason": "r"]
        ),
        "waitForTarget": Request(target: "/v1/targets/copy/wait", body: ["seconds": .integer(5)]),
        "listTimestamps": Request(target: "/v1/timestamps"),
        "createTimestamps": Request(target: "/v1/timestamps"),
        "getTimestamp": Request(target: "/v1/timestamps/1/tsa"),
        "renewTimestamps": Request(target: "/v1/timestamps/renew", body: ["dryRun": .bool(true)]),
        "search": Request(target: "/v1/search?collection=tests"),
        "createExport": Request(target: "/v1/exports", body: ["collection": "tests"]),
        "getExport": Request(target: "/v1/exports/1"),
        "getConsistency": Request(target: "/v1/consistency?from=1&to=2"),
        "getCheckpoint": Request(target: "/checkpoint"),
        "getTile": Request(target: "/tile/0/000"),
        "getPartialTile": Request(target: "/tile/0/000.p/1"),
        "getEntryBundle": Request(target: "/tile/entries/000"),
        "getPartialEntryBundle": Request(target: "/tile/entries/000.p/1"),
        "health": Request(target: "/healthz"),
        "readiness": Request(target: "/readyz"),
        "metrics": Request(target: "/metrics"),
    ]
}
