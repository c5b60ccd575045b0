import EvidenceModel
import HTTPMessage
import Testing

@testable import HTTPAPI

/// JSON bodies that are wrong in every way that a machine can think of.
@Suite(.serialized) struct BodyTests {
    /// Bodies with every member that they can have.
    private static let complete: [String: JSONObject] = [
        "extendLock": ["until": "2040-01-01", "mode": "COMPLIANCE", "reason": "r"],
        "setPolicy": [
            "mode": "COMPLIANCE", "minimum": "1d", "default": "7y", "maximum": "10y",
            "event": "end", "sealed": .bool(true),
        ],
        "placeHold": [
            "matter": "m", "reason": "r", "standing": .bool(true),
            "selection": ["collection": "tests", "prefix": "a", "labels": ["k": "v"]],
        ],
        "releaseHold": ["matter": "case", "records": .array([.integer(1)]), "reason": "r"],
        "recordEvent": [
            "event": "end", "at": "2026-11-01", "records": .array([.integer(1)]), "reason": "r",
        ],
        "erase": ["records": .array([.integer(1)]), "reason": "r"],
        "bypass": ["records": .array([.integer(1)]), "reason": "r"],
        "createToken": [
            "name": "n", "role": "admin", "rights": .array(["bypass"]),
            "collections": .array(["tests"]), "expires": "90d",
        ],
        "revokeToken": ["name": "n"],
        "resyncClock": ["reason": "r"],
        "rotateKey": ["overlap": "30d", "reason": "r"], "closeLog": ["reason": "r"],
        "createExport": [
            "collection": "tests", "digest": .string(String(repeating: "a", count: 64)),
            "labels": ["k": "v"], "matter": "m", "prefix": "p",
            "reason": "r", "since": "2026-11-01", "until": "2026-11-02",
        ],
        "addTarget": [
            "name": "n", "bucket": "evidence-copy", "endpoint": "http://127.0.0.1:1",
            "region": "us-east-1", "prefix": "a/", "pathStyle": .bool(true), "kmsKey": "k",
            "profile": "p", "retentionProfile": "r", "logRetention": "10y",
        ],
        "removeTarget": ["reason": "r"],
        "probeTarget": [:],
        "reconcileTarget": ["repair": .bool(true), "run": "0", "seconds": .integer(0)],
        "changeTargetPhase": ["phase": "dual", "reason": "r"],
        "waitForTarget": ["size": .integer(1), "seconds": .integer(0)],
        "createTimestamps": [:],
        "renewTimestamps": ["algorithm": "sha512", "dryRun": .bool(true)],
    ]

    /// Members that must be there; the others may be left out.
    private static let required: [String: Set<String>] = [
        "extendLock": ["reason"], "setPolicy": ["mode", "minimum", "default", "maximum"],
        "placeHold": ["matter", "reason", "selection"], "releaseHold": ["matter", "reason"],
        "recordEvent": ["event", "reason", "records"], "erase": [],
        "bypass": ["records", "reason"], "createToken": ["name", "role"],
        "revokeToken": ["name"], "resyncClock": ["reason"], "rotateKey": ["reason"],
        "closeLog": ["reason"],
        "createExport": [],
        "addTarget": ["name", "bucket"], "removeTarget": ["reason"], "probeTarget": [],
        "reconcileTarget": [], "changeTargetPhase": ["phase", "reason"], "waitForTarget": [],
        "createTimestamps": [], "renewTimestamps": [],
    ]

    private static var operations: [OpenAPI.Operation] { OpenAPI.operations.filter(\.takesJSON) }

    /// One log for all: nothing here changes it.
    private static let shared = Result { try AccessFixture() }
    private let fixture: AccessFixture

    init() throws { fixture = try Self.shared.get() }

    private func caller(_ operation: OpenAPI.Operation) -> AccessFixture.Caller {
        switch operation.permission {
        case "bypass", "erase": .bypasser
        case "readEvidence": .auditor
        default: .admin
        }
    }

    /// Sends bytes as the body of an operation, by somebody who may do it.
    private func send(
        _ operation: OpenAPI.Operation,
        _ body: [UInt8]?,
        type: String? = "application/json",
        fields: [(String, String)] = [],
        isChunked: Bool = false
    ) throws -> Reply {
        let target = try #require(AccessFixture.requests[operation.id]).target
        return try fixture.api.send(
            operation.method,
            target,
            try fixture.fields(caller(operation)) + (type.map { [("Content-Type", $0)] } ?? [])
                + fields,
            body: body,
            isChunked: isChunked,
            pieceBytes: 60_000
        )
    }

    private func send(_ operation: OpenAPI.Operation, _ object: JSONObject) throws -> Reply {
        try send(operation, CanonicalJSON.encode(.object(object)))
    }

    private func expect400(
        _ operation: OpenAPI.Operation,
        _ body: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let reply = try send(operation, Array(body.utf8))
        #expect(
            reply.status == 400,
            "\(operation) of \(body.prefix(200)): \(reply)",
            sourceLocation: sourceLocation
        )
        #expect(
            try reply.string("type") == "https://strongroom.dev/problems/bad-request",
            sourceLocation: sourceLocation
        )
    }

    @Test func everyOperationWithABodyIsTested() {
        #expect(Self.complete.keys.sorted() == Self.operations.map(\.id).sorted())
    }

    @Test(arguments: operations)
    func whatIsNoJSONObjectIsRefused(_ operation: OpenAPI.Operation) throws {
        let size = fixture.api.treeSize
        let deep = String(repeating: "[", count: 1000) + String(repeating: "]", count: 1000)
        for body in [
            operation.requiresBody ? "" : "-", " ", "x", "[]", "null", "true", "1", "\"text\"", "{",
            "{}}", "{} {}", "{\"a\"}",
            "{\"reason\":\"r\",}", "{'reason':'r'}", "{\"reason\":\"r\" \"x\":1}", deep,
            "{\"reason\":\(deep)}", "{\"reason\":\"\u{1}\"}", "{\"reason\":\"\\ud800\"}",
            "{\"reason\":\"r\",\"reason\":\"r\"}", "\u{FEFF}{}", "{\"reason\":1e2}",
            "{\"reason\":NaN}",
        ] { try expect400(operation, body) }
        let reply = try send(operation, [0x7B, 0xFF, 0xFE, 0x7D])
        #expect(reply.status == 400)
        #expect(fixture.api.treeSize == size)
    }

    @Test(arguments: operations)
    func membersAreKnownThereAndOfTheirType(_ operation: OpenAPI.Operation) throws {
        let size = fixture.api.treeSize
        let complete = try #require(Self.complete[operation.id])
        var unknown = complete
        unknown["Reason"] = "r"
        let reply = try send(operation, unknown)
        try expectProblem(reply, 400, "bad-request", mentions: "'Reason'")
        for name in try #require(Self.required[operation.id]) {
            var missing = complete
            missing[name] = nil
            let reply = try send(operation, missing)
            #expect(reply.status == 400, "\(operation) without \(name): \(reply)")
            #expect(reply.text.contains(name), "\(reply)")
        }
        for wrong in Self.mutations(of: .object(complete)) {
            try expect400(operation, String(decoding: CanonicalJSON.encode(wrong), as: UTF8.self))
        }
        #expect(fixture.api.treeSize == size)
    }

    /// The value with one part of it, at any depth, of another type.
    private static func mutations(of value: JSONValue) -> [JSONValue] {
        var mutations: [JSONValue] = []
        switch value {
        case .object(let object):
            for member in object.members {
                for other in others(than: member.value) + nested(member.value) {
                    var changed = object
                    changed[member.name] = other
                    mutations.append(.object(changed))
                }
            }
            var more = object
            more["unknown"] = .null
            mutations.append(.object(more))
        case .array(let elements):
            for (place, element) in elements.enumerated() {
                for other in others(than: element) + nested(element) {
                    var changed = elements
                    changed[place] = other
                    mutations.append(.array(changed))
                }
            }
        default: break
        }
        return mutations
    }

    /// Labels may have any name, so that nothing is unknown there.
    private static func nested(_ value: JSONValue) -> [JSONValue] {
        value == ["k": "v"]
            ? [["k": .integer(1)], ["k": .null], ["k": ["k": "v"]]]
            : mutations(of: value)
    }

    private static func others(than value: JSONValue) -> [JSONValue] {
        let all: [JSONValue] = [
            .null, .bool(true), .integer(7), "text", .array([]), .array([.null]), .object([:]),
            .object(["a": .null]),
        ]
        return all.filter { other in
            switch (value, other) {
            case (.string, .string), (.integer, .integer), (.bool, .bool): false
            // An empty list or object of labels is of the right type.
            case (.array, .array([])): false
            case (.object, .object): value == ["k": "v"] && other == .object(["a": .null])
            default: true
            }
        }
    }

    @Test(arguments: operations)
    func theSizeLimitHoldsBeforeAndDuringTheBody(_ operation: OpenAPI.Operation) throws {
        let size = fixture.api.treeSize
        let blanks = [UInt8](repeating: 0x20, count: ActExchange.maximumBytes + 1)
        let target = try #require(AccessFixture.requests[operation.id]).target
        let head = try APIFixture.head(
            operation.method,
            target,
            try fixture.fields(caller(operation)),
            body: blanks
        )
        let refusal = try #require(fixture.api.api.exchange(for: head).begin())
        try expectProblem(try Reply(refusal), 413, "content-too-large", mentions: "1048576")
        let chunked = try send(operation, blanks, isChunked: true)
        try expectProblem(chunked, 413, "content-too-large", mentions: "1048576")
        // One byte less is read, and found to be no JSON.
        #expect(try send(operation, Array(blanks.dropLast())).status == 400)
        #expect(fixture.api.treeSize == size)
    }

    @Test(arguments: operations)
    func onlyJSONIsTaken(_ operation: OpenAPI.Operation) throws {
        let size = fixture.api.treeSize
        let body = Array("{\"unknown\":1}".utf8)
        for type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx"] {
            let reply = try send(operation, body, type: type)
            try expectProblem(reply, 415, "unsupported-media-type", mentions: "application/json")
        }
        let coding = try send(operation, body, fields: [("Content-Encoding", "gzip")])
        try expectProblem(coding, 415, "unsupported-media-type", mentions: "gzip")
        for type in [nil, "application/json", "Application/JSON; charset=utf-8"] {
            #expect(try send(operation, body, type: type).status == 400)
        }
        let digest = [("Content-Digest", "sha-256=:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=:")]
        try expectProblem(try send(operation, body, fields: digest), 400, "digest-mismatch")
        #expect(fixture.api.treeSize == size)
    }

    /// Understood, and outside the rules: 422 for each, and it says which.
    @Test(arguments: [
        ("extendLock", "{\"until\":\"yesterday\",\"reason\":\"r\"}", "time"),
        ("extendLock", "{\"until\":\"12026-01-01\",\"reason\":\"r\"}", "time"),
        ("extendLock", "{\"until\":\"2020-01-01\",\"reason\":\"r\"}", "future"),
        ("extendLock", "{\"mode\":\"none\",\"reason\":\"r\"}", "mode"),
        ("extendLock", "{\"mode\":\"COMPLIANCE\",\"reason\":\"\"}", "reason"),
        ("extendLock", "{\"mode\":\"COMPLIANCE\",\"reason\":\"a\\u0007b\"}", "reason"),
        (
            "setPolicy",
            "{\"mode\":\"COMPLIANCE\",\"minimum\":\"8y\",\"default\":\"7y\",\"maximum\":\"10y\"}",
            "minimum <= default"
        ),
        (
            "setPolicy",
            "{\"mode\":\"COMPLIANCE\",\"minimum\":\"0d\",\"default\":\"7y\",\"maximum\":\"10y\"}",
            "duration"
        ),
        ("placeHold", "{\"matter\":\"a b\",\"records\":[1],\"reason\":\"r\"}", "matter"),
        ("placeHold", "{\"matter\":\"release\",\"records\":[1],\"reason\":\"r\"}", "release"),
        ("placeHold", "{\"matter\":\"m\",\"records\":[],\"reason\":\"r\"}", "records"),
        ("placeHold", "{\"matter\":\"m\",\"records\":[-1],\"reason\":\"r\"}", "records"),
        (
            "placeHold",
            "{\"matter\":\"m\",\"selection\":{\"collection\":\"A\"},\"reason\":\"r\"}",
            "collection"
        ),
        (
            "placeHold",
            "{\"matter\":\"m\",\"selection\":{\"collection\":\"a\",\"prefix\":\"\"},"
                + "\"reason\":\"r\"}",
            "prefix"
        ),
        ("recordEvent", "{\"event\":\"E\",\"records\":[1],\"reason\":\"r\"}", "event"),
        ("recordEvent", "{\"event\":\"e\",\"at\":\"x\",\"records\":[1],\"reason\":\"r\"}", "time"),
        ("createExport", "{\"collection\":\"A\"}", "collection"),
        ("createExport", "{\"prefix\":\"\"}", "prefix"),
        ("createExport", "{\"labels\":{\"A\":\"b\"}}", "label"),
        ("createExport", "{\"since\":\"x\"}", "time"),
        ("createExport", "{\"matter\":\"a b\"}", "matter"),
        ("createToken", "{\"name\":\"A\",\"role\":\"admin\"}", "principal"),
        ("createToken", "{\"name\":\"a\",\"role\":\"root\"}", "role"),
        ("createToken", "{\"name\":\"a\",\"role\":\"admin\",\"rights\":[\"all\"]}", "right"),
        ("createToken", "{\"name\":\"a\",\"role\":\"admin\",\"collections\":[]}", "collections"),
        ("createToken", "{\"name\":\"a\",\"role\":\"admin\",\"expires\":\"soon\"}", "duration"),
        ("createToken", "{\"name\":\"a\",\"role\":\"admin\",\"expires\":\"2020-01-01\"}", "future"),
        ("createToken", "{\"name\":\"a\",\"role\":\"writer\",\"rights\":[\"bypass\"]}", "bypass"),
        ("createToken", "{\"name\":\"anonymous\",\"role\":\"admin\"}", "anonymous"),
    ])
    func valuesOutsideTheirLimitsAreNamed(
        _ id: String,
        _ body: String,
        _ word: String
    ) throws {
        let size = fixture.api.treeSize
        let reply = try send(try OpenAPI.operation(id), Array(body.utf8))
        #expect(reply.status == 422, "\(body): \(reply)")
        #expect(try reply.string("detail")?.contains(word) == true, "\(reply)")
        #expect(fixture.api.treeSize == size)
    }

    @Test func listsOfRecordsHaveALimit() throws {
        let many = JSONValue.array((0...10_000).map { .integer($0) })
        let reply = try send(
            try OpenAPI.operation("placeHold"),
            ["matter": "m", "records": many, "reason": "r"]
        )
        try expectProblem(reply, 422, "limit-exceeded", mentions: "10001", "10000")
    }

    /// Members that do not go together.
    @Test func contradictionsAreRefused() throws {
        for (id, body) in [
            ("extendLock", "{\"reason\":\"r\"}"),
            ("erase", "{\"collection\":\"tests\",\"records\":[1]}"),
            ("erase", "{\"collection\":1}"),
            ("placeHold", "{\"matter\":\"m\",\"reason\":\"r\"}"),
            (
                "placeHold",
                "{\"matter\":\"m\",\"records\":[1],\"selection\":{\"collection\":\"tests\"},"
                    + "\"reason\":\"r\"}"
            ),
            (
                "placeHold",
                "{\"matter\":\"m\",\"records\":[1],\"standing\":true,\"reason\":\"r\"}"
            ),
        ] { try expect400(try OpenAPI.operation(id), body) }
    }
}
