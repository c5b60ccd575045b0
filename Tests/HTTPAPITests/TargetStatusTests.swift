import EvidenceModel
import EvidenceStore
import Foundation
import HTTPMessage
import Observability
import Replication
import Testing
import TransparencyLog
import YAMLReader

@testable import HTTPAPI

/// How replies and metrics tell of a target.
@Suite struct TargetStatusTests {
    static func status(
        _ name: String = "copy",
        phase: TargetPhase = .dual,
        health: TargetStatus.Health = .running,
        lagSeconds: Double = 1.25,
        isWhole: Bool = true
    ) throws -> TargetStatus {
        var description = TargetDescription(
            name: try TargetName(name),
            bucket: "evidence-copy",
            region: "eu-central-1",
            logRetention: try RetentionDuration(parsing: "10y")
        )
        if isWhole {
            description.endpoint = "http://127.0.0.1:8333"
            description.kmsKey = "alias/evidence"
            description.profile = "writer"
            description.retentionProfile = "retention"
            description.prefix = "a/"
            description.isPathStyle = true
        }
        var statistics = StoreStatistics()
        statistics.requests = 31
        statistics.repetitions = 32
        statistics.faults = 33
        statistics.sentBytes = 34
        statistics.receivedBytes = 35
        statistics.circuit = .open
        statistics.circuitOpenings = 36
        let probed: (index: RecordIndex, isCompliant: Bool, at: Timestamp) = (
            RecordIndex(7), true, try Timestamp(userInput: "2026-11-21")
        )
        let until = try Timestamp(userInput: "2033-11-22")
        return TargetStatus(
            description: description,
            phase: phase,
            health: health,
            size: TreeSize(120),
            replicated: TreeSize(100),
            lagSeconds: lagSeconds,
            unpacked: 41,
            pending: 42,
            pendingUntil: isWhole ? until : nil,
            unpurged: 43,
            objects: 44,
            objectBytes: 45,
            isFenced: true,
            lastProbe: isWhole ? probed : nil,
            statistics: statistics
        )
    }

    // MARK: Replies

    /// The members that `Schemas/openapi.yaml` gives a schema, and those that it requires.
    private func members(of schema: String) throws -> (all: Set<String>, required: Set<String>) {
        let root = URL(filePath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let bytes = [UInt8](try Data(contentsOf: root.appending(path: "Schemas/openapi.yaml")))
        let document = try YAML.parse(bytes.span)
        let node = try #require(document["components"]?["schemas"]?[schema])
        let properties = try #require(node["properties"]).mapping().map(\.key)
        let required = try #require(node["required"]).sequence().map { try $0.string() }
        return (Set(properties), Set(required))
    }

    @Test func theReplyHasTheMembersThatTheInterfaceSays() throws {
        let whole = try Self.status(health: .failing("refused")).json
        let bare = try Self.status(isWhole: false).json
        let target = try members(of: "Target")
        // A comparison that runs is added by the interface, not by the status.
        #expect(Set(whole.members.map(\.name)) == target.all.subtracting(["reconciling"]))
        #expect(Set(bare.members.map(\.name)) == target.required)
        guard case .object(let all)? = whole["description"],
            case .object(let few)? = bare["description"],
            case .object(let statistics)? = whole["statistics"]
        else {
            Issue.record("no objects: \(whole)")
            return
        }
        let description = try members(of: "TargetDescription")
        #expect(Set(all.members.map(\.name)) == description.all)
        #expect(Set(few.members.map(\.name)).isSuperset(of: description.required))
        #expect(few["endpoint"] == nil && few["profile"] == nil)
        #expect(Set(statistics.members.map(\.name)) == (try members(of: "TargetStatistics")).all)
    }

    @Test func lagIsRoundedUpSoThatZeroMeansNone() throws {
        #expect(try Self.status(lagSeconds: 0).json["lagSeconds"] == .integer(0))
        #expect(try Self.status(lagSeconds: 0.001).json["lagSeconds"] == .integer(1))
        #expect(try Self.status(lagSeconds: 2).json["lagSeconds"] == .integer(2))
        #expect(try Self.status().json["lagRecords"] == .integer(20))
    }

    @Test func healthSaysWhy() throws {
        for (health, word, reason) in [
            (TargetStatus.Health.running, "running", nil),
            (.failing("no route"), "failing", "no route"),
            (.fenced("node b writes"), "fenced", "node b writes"),
        ] as [(TargetStatus.Health, String, String?)] {
            let object = try Self.status(health: health).json
            #expect(object["health"] == .string(word))
            #expect(object["reason"] == reason.map { .string($0) })
        }
    }

    // MARK: Metrics

    private func metrics(_ statuses: [TargetStatus]) -> [String: String] {
        var text = PrometheusText()
        EvidenceAPI.add(statuses, to: &text)
        var values: [String: String] = [:]
        for line in String(decoding: text.document, as: UTF8.self).split(separator: "\n")
        where !line.hasPrefix("#") {
            let parts = line.split(separator: " ")
            values[String(parts[0])] = String(parts[1])
        }
        return values
    }

    @Test func everyMemberIsAMetric() throws {
        let values = metrics([try Self.status(phase: .s3Primary, health: .fenced("x"))])
        for (name, value) in [
            ("tree_size", "120"), ("replicated_records", "100"), ("lag_records", "20"),
            ("lag_seconds", "1.25"), ("unpacked_records", "41"), ("pending_records", "42"),
            ("pending_until_timestamp_seconds", "2016230400"), ("unpurged_records", "43"),
            ("objects", "44"), ("object_bytes", "45"), ("conditional_writes", "1"),
            ("probe_compliant", "1"), ("probe_record", "7"),
            ("probe_timestamp_seconds", "1795219200"), ("requests_total", "31"),
            ("repetitions_total", "32"), ("faults_total", "33"), ("sent_bytes_total", "34"),
            ("received_bytes_total", "35"), ("circuit_openings_total", "36"),
        ] {
            let series = "strongroom_target_\(name){target=\"copy\"}"
            #expect(values[series] == value, "\(series) is \(values[series] ?? "not there")")
        }
        for (series, value) in [
            ("phase{target=\"copy\",phase=\"s3-primary\"}", "1"),
            ("phase{target=\"copy\",phase=\"local\"}", "0"),
            ("health{target=\"copy\",state=\"fenced\"}", "1"),
            ("health{target=\"copy\",state=\"running\"}", "0"),
            ("circuit{target=\"copy\",state=\"open\"}", "1"),
            ("circuit{target=\"copy\",state=\"closed\"}", "0"),
        ] {
            #expect(values["strongroom_target_\(series)"] == value)
        }
        #expect(values["strongroom_targets"] == "1")
    }

    @Test func theAlertRulesNameMetricsThatThereAre() throws {
        let root = URL(filePath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let rules = try String(
            contentsOf: root.appending(path: "ops/prometheus-rules.yaml"),
            encoding: .utf8
        )
        var text = PrometheusText()
        EvidenceAPI.add([try Self.status()], to: &text)
        let known = Set(
            String(decoding: text.document, as: UTF8.self).split(separator: "\n")
                .filter { $0.hasPrefix("# TYPE ") }
                .map { String($0.split(separator: " ")[2]) }
        ).union(["strongroom_target_unpurged_since_timestamp_seconds"])
        let used = Set(rules.matches(of: /strongroom_target[a-z_]+/).map { String($0.0) })
        #expect(used.count > 8)
        #expect(used.subtracting(known).isEmpty, "\(used.subtracting(known))")
        for runbook in Set(rules.matches(of: /ops.runbooks.[a-z-]+[.]md/).map { String($0.0) }) {
            #expect(FileManager.default.fileExists(atPath: root.path + "/" + runbook), "\(runbook)")
        }
    }

    @Test func aTargetThatWasNeverProbedShowsZeroAndNoVerdict() throws {
        let values = metrics([try Self.status(isWhole: false)])
        #expect(values["strongroom_target_probe_timestamp_seconds{target=\"copy\"}"] == "0")
        #expect(!values.keys.contains { $0.hasPrefix("strongroom_target_probe_compliant") })
        #expect(!values.keys.contains { $0.hasPrefix("strongroom_target_pending_until") })
    }

    @Test func everyTargetHasItsOwnSeriesAndNoneIsNoSeries() throws {
        let two = metrics([try Self.status("a"), try Self.status("b", phase: .local)])
        #expect(two["strongroom_targets"] == "2")
        #expect(two["strongroom_target_phase{target=\"a\",phase=\"dual\"}"] == "1")
        #expect(two["strongroom_target_phase{target=\"b\",phase=\"dual\"}"] == "0")
        #expect(metrics([]) == ["strongroom_targets": "0"])
    }
}

/// What becomes of failures of targets.
@Suite struct TargetProblemTests {
    @Test func everyFailureOfATargetHasItsStatus() throws {
        let name = try TargetName("copy")
        for (error, status, slug) in [
            (TargetError.unknown(name), 404, "target-unknown"),
            (.exists(name), 409, "target-exists"),
            (.unsuitable("versioning is off"), 422, "target-unsuitable"),
            (.refused("12 differences."), 409, "target-refused"),
            (.log(.overloaded(retryAfterSeconds: 3)), 503, "overloaded"),
        ] {
            let reply = try Reply(Problem(error).response)
            #expect(reply.status == status)
            #expect(try reply.string("type")?.hasSuffix("/" + slug) == true, "\(reply)")
            let detail = try #require(try reply.string("detail"))
            #expect(detail.hasSuffix(".") && !detail.hasSuffix(".."), "\(detail)")
        }
    }

    @Test func whatPassesByItselfIs503AndTheRestIs422() throws {
        let passing: [StoreFailure] = [
            .conflict(detail: "a"), .throttled(detail: "a"), .unavailable(detail: "a"),
            .circuitOpen(retryAfterMilliseconds: 6_100), .transport(.notSent, detail: "a"),
            .transport(.unknown, detail: "a"), .local(detail: "a"),
        ]
        for failure in passing {
            let reply = try Reply(Problem(.store(failure, while: "listing versions")).response)
            #expect(reply.status == 503, "\(failure)")
            #expect(reply.fields.first("retry-after") != nil)
            #expect(try reply.string("detail")?.hasPrefix("Listing versions: ") == true)
        }
        let open = Problem(.store(.circuitOpen(retryAfterMilliseconds: 6_100), while: "a"))
        #expect(open.retryAfterSeconds == 7)
        let lasting: [StoreFailure] = [
            .locked(detail: "a"), .preconditionFailed, .notFound, .deleteMarker,
            .accessDenied(detail: "a"), .invalid(.wrongSecretKey, detail: "a"),
            .rejected(detail: "a"), .unsupported(detail: "a"), .corrupt(detail: "a"),
        ]
        for failure in lasting {
            let problem = Problem(.store(failure, while: "listing versions"))
            #expect(problem.status == 422 && problem.slug == .targetUnsuitable, "\(failure)")
            #expect(problem.retryAfterSeconds == nil)
        }
    }
}

/// Requests about targets that are refused before a store is asked.
@Suite struct TargetRequestTests {
    private let fixture: APIFixture

    init() throws { fixture = try APIFixture() }

    @Test(
        arguments: [
            (["bucket": "b"], 400, "bad-request", "name"),
            (["name": "copy"], 400, "bad-request", "bucket"),
            (["name": "local", "bucket": "bucket"], 422, "limit-exceeded", "local"),
            (["name": "Copy", "bucket": "bucket"], 422, "limit-exceeded", "[a-z0-9]"),
            (["name": "copy", "bucket": .integer(7)], 400, "bad-request", "bucket"),
            (["name": "copy", "bucket": "bucket", "secret": "x"], 400, "bad-request", "secret"),
            (
                ["name": "copy", "bucket": "bucket", "logRetention": "ten"], 422, "limit-exceeded",
                "duration"
            ),
            (
                ["name": "copy", "bucket": "bucket", "pathStyle": "yes"], 400, "bad-request",
                "true or false"
            ),
            (
                [
                    "name": "copy", "bucket": "bucket",
                    "kmsKey": .string(String(repeating: "k", count: 257)),
                ], 422, "limit-exceeded", "256"
            ),
            (["name": "copy", "bucket": "B"], 422, "limit-exceeded", "bucket"),
            (
                ["name": "copy", "bucket": "bucket", "endpoint": "ftp://x"], 422,
                "limit-exceeded", "endpoint"
            ),
        ] as [(JSONObject, Int, String, String)]
    )
    func badDescriptionsSayWhatIsWrong(
        _ body: JSONObject,
        _ status: Int,
        _ slug: String,
        _ word: String
    ) throws {
        let reply = try fixture.act(.post, "/v1/targets", body)
        try expectProblem(reply, status, slug, mentions: word)
    }

    @Test func whatATargetCannotDoIsSaid() throws {
        let path = "/v1/targets/copy"
        let phase = try fixture.act(.post, path + "/phase", ["phase": "remote", "reason": "r"])
        try expectProblem(phase, 422, "limit-exceeded", mentions: "s3-primary", "remote")
        let silent = try fixture.act(.post, path + "/phase", ["phase": "dual"])
        try expectProblem(silent, 400, "bad-request", mentions: "reason")
        let far = try fixture.act(.post, path + "/wait", ["size": .integer(99)])
        try expectProblem(far, 422, "limit-exceeded", mentions: "99")
        let long = try fixture.act(.post, path + "/wait", ["seconds": .integer(61)])
        try expectProblem(long, 422, "limit-exceeded", mentions: "60")
        let removal = try fixture.send(.delete, path)
        try expectProblem(removal, 400, "bad-request")
        let twice = try fixture.act(.delete, path + "?reason=a", ["reason": "b"])
        try expectProblem(twice, 400, "bad-request", mentions: "not in both")
        let name = try fixture.get("/v1/targets/local")
        try expectProblem(name, 422, "limit-exceeded", mentions: "target")
    }

    /// Of a target that is known, though not replicated to here.
    @Test func aComparisonIsBegunOrAskedForAgain() throws {
        let description = TargetDescription(
            name: try TargetName("copy"),
            bucket: "evidence-copy",
            region: "us-east-1",
            logRetention: try RetentionDuration(parsing: "10y")
        )
        _ = try fixture.store.propose(.addTarget(description), by: .anonymous, reason: nil)
        let path = "/v1/targets/copy/reconcile"
        let both = try fixture.act(.post, path, ["repair": .bool(true), "run": "1234"])
        try expectProblem(both, 400, "bad-request", mentions: "'repair'")
        let long = try fixture.act(.post, path, ["seconds": .integer(61)])
        try expectProblem(long, 422, "limit-exceeded", mentions: "60")
        let unknown = try fixture.act(.post, path, ["run": "1234", "seconds": .integer(0)])
        try expectProblem(unknown, 404, "not-found", mentions: "1234", "anew")
        let query = try fixture.send(.post, path + "?repair=true")
        try expectProblem(query, 400, "bad-request")
        // What the comparison throws is the reply, whoever waits for it.
        let refused = try fixture.act(.post, path, ["repair": .bool(false)])
        try expectProblem(refused, 409, "target-refused", mentions: "could not begin")
        let again = try fixture.act(.post, path, ["seconds": .integer(60)])
        try expectProblem(again, 409, "target-refused")
    }

    @Test func unknownTargetsAre404() throws {
        let path = "/v1/targets/copy"
        for reply in [
            try fixture.get(path), try fixture.send(.post, path + "/probe"),
            try fixture.send(.post, path + "/reconcile"), try fixture.send(.post, path + "/wait"),
            try fixture.act(.post, path + "/phase", ["phase": "dual", "reason": "r"]),
            try fixture.send(.delete, path + "?reason=gone"),
        ] {
            try expectProblem(reply, 404, "target-unknown", mentions: "copy")
        }
        #expect(try fixture.get("/v1/targets").objects("targets").isEmpty)
        #expect(try fixture.get("/metrics").text.contains("\nstrongroom_targets 0\n"))
    }
}

/// Where a record's payload stands.
@Suite struct CopyTests {
    private func copies(_ fixture: APIFixture, _ index: Int) throws -> [String] {
        try fixture.get("/v1/records/\(index)/lock").objects("copies").map { copy in
            guard case .string(let name)? = copy["copy"], case .string(let state)? = copy["state"]
            else { throw Reply.NotAnObject(text: "\(copy)") }
            return "\(name) \(state)"
        }
    }

    @Test func theLockTellsEveryCopy() throws {
        let fixture = try APIFixture()
        try fixture.put("x", "name=a&retain=1s")
        #expect(try copies(fixture, 1) == ["local present"])
        let description = TargetDescription(
            name: try TargetName("copy"),
            bucket: "evidence-copy",
            region: "us-east-1",
            logRetention: try RetentionDuration(parsing: "10y")
        )
        _ = try fixture.store.propose(.addTarget(description), by: .anonymous, reason: nil)
        #expect(try copies(fixture, 1) == ["local present", "copy pending"])
        fixture.clock.pass(seconds: 3)
        let erasure = try fixture.act(.post, "/v1/erasures", ["records": .indexes(1)])
        try #require(erasure.status == 201, "\(erasure)")
        let states = try copies(fixture, 1)
        // The disk's bytes go behind the reply; the target's only where they are deleted there.
        #expect(states.count == 2 && states[1] == "copy erased", "\(states)")
        #expect(["local erased", "local gone"].contains(states[0]))
        let metrics = try fixture.get("/metrics").text
        #expect(metrics.contains("strongroom_target_unpurged_since_timestamp_seconds{target"))
    }
}
