import Attestation
import EvidenceModel
import EvidenceStore
import MicroServer
import Observability
import Platform
import Replication
import S3
import Testing

@testable import strongroom

@Suite struct ConfigurationTests {
    private func parse(_ text: String) throws -> ServeSettings {
        try ConfigurationFile.parse(Array(text.utf8))
    }

    private func failure(_ text: String) -> String? {
        let bytes = Array(text.utf8)
        let result = Result { try ConfigurationFile.parse(bytes) }
        guard case .failure(let error) = result else { return nil }
        return "\(error)"
    }

    private func example() throws -> [UInt8] {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        return try FileSystem.contents("/\(root)/ops/strongroom.example.yaml")
    }

    @Test func theExampleIsTheDefaults() throws {
        let settings = try ConfigurationFile.parse(try example())
        #expect("\(settings)" == "\(ServeSettings())")
    }

    @Test func theExampleHasEveryKey() throws {
        var paths: Set<String> = []
        var group = ""
        for line in String(decoding: try example(), as: UTF8.self).split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":"), !line.contains("#") else { continue }
            let key = String(line[..<colon])
            if key.hasPrefix("  ") {
                paths.insert(group + "." + key.dropFirst(2))
            } else {
                group = key
                paths.insert(key)
            }
        }
        for key in ConfigurationKey.all { #expect(paths.contains(key.path), "\(key.path)") }
    }

    @Test func witnessesArrive() throws {
        let settings = try parse(
            """
            witnesses:
              policyFile: /etc/witnesses
              everySeconds: 2
              freshSeconds: 3
              timeoutSeconds: 4
            """
        )
        #expect(settings.witnessPolicyFile == "/etc/witnesses")
        #expect(settings.witnesses.everySeconds == 2 && settings.witnesses.freshSeconds == 3)
        #expect(settings.witnesses.timeoutSeconds == 4)
        #expect(failure("witnesses:\n  timeoutSeconds: 61\n") != nil)
        #expect(failure("witnesses:\n  everySeconds: 0\n") != nil)
    }

    @Test func replicationArrives() throws {
        let settings = try parse(
            """
            replication:
              packBytes: 1 MiB
              packSeconds: 60
              journalMilliseconds: 200
              journalLockSeconds: 90
              uploadsInFlight: 2
              acknowledgementSeconds: 5
              probeIntervalSeconds: 3600
              startSeconds: 3
              connections: 6
              attempts: 4
              retryBaseMilliseconds: 10
              retryMaximumMilliseconds: 20
              connectMilliseconds: 30
              attemptMilliseconds: 40
              slowestBytesPerSecond: 50
              breakerFaults: 7
              breakerOpenMilliseconds: 80
              breakerMaximumMilliseconds: 90
              contentMD5: true
              caFile: /etc/ca.pem
            """
        )
        let (engine, stores) = (settings.replication, settings.stores)
        #expect(engine.packBytes == 1 << 20 && engine.packSeconds == 60)
        #expect(engine.journalMilliseconds == 200 && engine.journalLockSeconds == 90)
        #expect(engine.uploadsInFlight == 2 && engine.acknowledgementSeconds == 5)
        #expect(engine.probeIntervalSeconds == 3600 && engine.startSeconds == 3)
        #expect(stores.connections == 6 && stores.retry.attempts == 4)
        #expect(stores.retry.baseMilliseconds == 10 && stores.retry.maximumMilliseconds == 20)
        #expect(stores.deadlines.connectMilliseconds == 30)
        #expect(stores.deadlines.attemptMilliseconds == 40)
        #expect(stores.deadlines.minimumBytesPerSecond == 50)
        #expect(stores.breaker.faultLimit == 7 && stores.breaker.openMilliseconds == 80)
        #expect(stores.breaker.maximumOpenMilliseconds == 90)
        #expect(stores.contentMD5 == .sent && stores.authorityFile == "/etc/ca.pem")
        // Keys belong into the server's environment; nothing here takes one.
        #expect(failure("replication: {secretAccessKey: x}")?.contains("unknown key") == true)
        #expect(failure("replication: {breakerFaults: 0}")?.contains("1 to 1000") == true)
    }

    @Test func timestampsArrive() throws {
        let settings = try parse(
            """
            timestamps:
              everyHours: 6
              renewBeforeDays: 30
              authorities:
                - {name: one, url: "http://one.example/", caFile: /etc/one.pem}
                - {name: two, url: "https://two.example/tsa", caFile: /etc/two.pem}
            """
        )
        #expect(settings.timestamps.everySeconds == 21_600)
        #expect(settings.timestamps.renewBeforeDays == 30)
        #expect(settings.timestampAuthorities.map(\.name) == ["one", "two"])
        #expect(settings.timestampAuthorities.map(\.caFile) == ["/etc/one.pem", "/etc/two.pem"])
        for (authority, word) in [
            ("{name: a, url: \"http://a/\"}", "needs"),
            ("{name: A/B, url: \"http://a/\", caFile: f}", "name"),
            ("{name: a, url: \"ftp://a/\", caFile: f}", "http"),
            ("{name: a, url: \"http://a/\", caFile: f, key: k}", "unknown key"),
            (
                "{name: a, url: \"http://a/\", caFile: f}, "
                    + "{name: a, url: \"http://b/\", caFile: f}",
                "two authorities"
            ),
        ] {
            let said = failure("timestamps: {authorities: [\(authority)]}")
            #expect(said?.contains(word) == true, "\(said ?? "accepted")")
        }
    }

    @Test func anEmptyFileIsAllDefaults() throws {
        #expect("\(try parse(""))" == "\(ServeSettings())")
        #expect("\(try parse("# nothing\n"))" == "\(ServeSettings())")
    }

    @Test func valuesArrive() throws {
        let settings = try parse(
            """
            listen: "[::1]:0"
            signingKey: /etc/strongroom/log.key
            log: {format: json, level: warning}
            http: {threads: 2, connections: 100, drainSeconds: 5}
            limits: {payload: 1 GiB, batchMemory: 67108864}
            store: {reserve: 100 MiB, idempotencyWindow: 12h}
            retention: {mode: governance, minimum: 10y, default: 20y, interval: 1h, apply: true}
            """
        )
        #expect(settings.listen == Endpoint(host: "::1", port: 0))
        #expect(settings.signingKeyFile == "/etc/strongroom/log.key")
        #expect(settings.logFormat == .json && settings.logLevel == .warning)
        #expect(settings.server.threads == 2 && settings.server.maximumConnections == 100)
        #expect(settings.store.payloadLimitBytes == 1 << 30)
        #expect(settings.batchMemoryBytes == 64 << 20)
        #expect(settings.store.diskReserveBytes == 100 << 20)
        #expect(settings.store.idempotencyWindowSeconds == 43_200)
        #expect(settings.store.retention.mode == .governance)
        #expect("\(settings.store.retention.minimum)" == "10y")
        #expect(
            try parse("retention: {weakestMode: compliance}").store.retention.weakestMode
                == .compliance
        )
        #expect(failure("retention: {mode: governance, weakestMode: compliance}") != nil)
        #expect(settings.store.retentionJobIntervalSeconds == 3600)
        #expect(settings.store.retentionJobApplies)
        #expect(!ServeSettings().store.retentionJobApplies)
        #expect(ServeSettings().store.retentionJobIntervalSeconds == 86_400)
    }

    @Test func unknownKeysAreErrorsWithTheirLine() {
        #expect(
            failure("# x\nlisten: 127.0.0.1:1\nlog:\n  formt: json\n")
                == "line 4, column 3: unknown key \"formt\"; did you mean log.format?"
        )
        #expect(failure("no-such-key: 1")?.hasPrefix("line 1, column 1: unknown key") == true)
        #expect(failure("collections: {a: {sealed: true}}")?.contains("policy set") == true)
        #expect(failure("listen.x: 1")?.contains("unknown key") == true)
    }

    @Test(arguments: [
        "listen: 127.0.0.1", "listen: [a]", "log: json", "log: {level: loud}", "http: {threads: 0}",
        "http: {threads: 1.5}", "limits: {payload: 5 GB}", "limits: {payload: -1}",
        "limits: {payload: 99999999999 TiB}", "store: {idempotencyWindow: 1y}",
        "retention: {minimum: 8y}", "retention: {maximum: 1s}", "retention: {mode: loose}",
        "retention: {interval: 1y}", "retention: {interval: 0s}", "retention: {apply: yes}", "- a",
        "x",
        "listen: a:1\nlisten: b:1",
    ])
    func wrongValuesAreErrors(_ text: String) {
        #expect(failure(text)?.hasPrefix("line ") == true, "\(failure(text) ?? "accepted")")
    }
}
