import EvidenceModel
import EvidenceStore
import Foundation
import HTTPMessage
import Platform
import Testing
import TransparencyLog

@testable import HTTPAPI

@Suite struct ProblemTests {
    @Test func everySlugIsDocumentedAndEveryDocumentedOneExists() throws {
        let root = URL(filePath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let page = try String(
            contentsOf: root.appending(path: "Schemas/problems.md"),
            encoding: .utf8
        )
        let sections = page.components(separatedBy: "\n## ").dropFirst()
        var documented: [String: Int] = [:]
        for section in sections {
            let lines = section.split(separator: "\n", omittingEmptySubsequences: true)
            guard lines.count > 1, let status = Int(lines[1].prefix(3)) else { continue }
            documented[String(lines[0])] = status
        }
        let existing = Dictionary(
            uniqueKeysWithValues: Problem.Slug.allCases.map { ($0.rawValue, $0.status) }
        )
        #expect(documented == existing)
    }

    @Test func everyFailureOfTheStoreHasItsStatus() throws {
        let system = SystemError(operation: "write", path: "/x", errno: .inputOutput)
        let full = SystemError(operation: "write", path: "/x", errno: .noSpace)
        for (error, status) in [
            (StoreError.invalid("a"), 400), (.notFound("a"), 404),
            (.conflict(RecordIndex(7)), 409), (.retentionRefused(.beyondCalendar), 422),
            (.storageFull(freeBytes: 1, reserveBytes: 2), 507),
            (.overloaded(retryAfterSeconds: 3), 503), (.unavailable("a"), 503),
            (.busy(path: "/x"), 503), (.damaged(path: "/x", detail: "a"), 500),
            (.newerFormat(path: "/x", version: 9), 503), (.notALog(path: "/x"), 503),
            (.policyChanged, 503), (.copyPending(TreeSize(7)), 503),
            (.refused(.reasonMissing), 422),
            (.erased(RecordIndex(1), certificate: RecordIndex(2)), 410),
            (.system(system), 503), (.system(full), 507),
        ] {
            let reply = try Reply(Problem(error).response)
            #expect(reply.status == status, "\(error)")
            let mayRetry = status == 503 || status == 507
            #expect((reply.fields.first("retry-after") != nil) == mayRetry, "\(error)")
            #expect((try reply.integer("retryAfter") != nil) == mayRetry, "\(error)")
        }
        #expect(try Reply(Problem(.conflict(RecordIndex(7))).response).integer("index") == 7)
        #expect(
            try Reply(Problem(.overloaded(retryAfterSeconds: 3)).response).fields
                .first("retry-after") == "3"
        )
    }

    @Test func inputIsNeverEchoedRaw() throws {
        let fixture = try APIFixture()
        let reply = try fixture.get("/v1/records/1?%0d%0aSet-Cookie:%20a%3cb%3e=1")
        #expect(reply.status == 400)
        #expect(!reply.text.contains("\r"))
        let long = String(repeating: "x", count: 5000)
        #expect(try fixture.get("/" + long).body.count < 500)
        #expect(try fixture.get("/v1/records/" + long).body.count < 500)
    }
}

@Suite struct RouteTests {
    private func route(_ path: String) throws -> Route? {
        Route(try RequestTarget(parsing: path).pathSegments)
    }

    @Test func pathsNameWhatTheInterfaceSays() throws {
        #expect(try route("/v1/collections/a/evidence") == .evidence(collection: "a"))
        #expect(try route("/v1/collections/a%2Fb/evidence") == .evidence(collection: "a/b"))
        #expect(try route("/v1/collections/a/evidence/batch") == .batch(collection: "a"))
        #expect(try route("/v1/collections/a/policy") == .policy(collection: "a"))
        #expect(try route("/v1/collections/a/census") == .census(collection: "a"))
        #expect(try route("/v1/records/7") == .record("7"))
        #expect(try route("/v1/records/7/payload") == .payload("7"))
        #expect(try route("/v1/records/7/receipt") == .receipt("7"))
        #expect(try route("/v1/records/7/lock") == .lock("7"))
        #expect(try route("/v1/records/7/erasure") == .erasure("7"))
        #expect(try route("/v1/holds/a/b:c@d") == .matter("a/b:c@d"))
        #expect(try route("/v1/holds/a%2Fb") == .matter("a/b"))
        #expect(try route("/v1/holds/release") == .holdRelease)
        #expect(try route("/v1/holds/release/x") == .matter("release/x"))
        #expect(try route("/v1/consistency") == .consistency)
        #expect(try route("/v1/search") == .search)
        #expect(try route("/checkpoint") == .checkpoint)
        #expect(try route("/tile/0/x001/234.p/5") == .tile("tile/0/x001/234.p/5"))
        #expect(try route("/healthz") == .health)
        #expect(try route("/readyz") == .readiness)
        #expect(try route("/metrics") == .metrics)
        for path in [
            "/", "//", "/V1/search", "/v1/search/", "/v1/records", "/health",
            "/v1/collections/a/evidence%2Fbatch", "/v1/clock/resync/x", "/v1/erasures/due/",
            "/v1/collections/a", "/v1",
        ] {
            #expect(try route(path) == nil, "\(path)")
        }
    }

    @Test func encodedSlashesDoNotMakeATilePath() throws {
        let fixture = try APIFixture()
        #expect(try fixture.get("/tile/0/000.p/1").status == 200)
        try expectProblem(try fixture.get("/tile/0%2F000.p/1"), 404, "not-found")
    }
}
