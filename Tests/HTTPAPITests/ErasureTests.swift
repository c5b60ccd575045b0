import EvidenceModel
import HTTPMessage
import Testing
import TransparencyLog

@testable import HTTPAPI

/// What is erased, what is not, and what is said of it.
@Suite struct ErasureTests {
    private let fixture: APIFixture

    init() throws { fixture = try APIFixture() }

    private func erase(_ body: JSONObject = [:]) throws -> Reply {
        try fixture.act(.post, "/v1/erasures", body)
    }

    private func due(_ query: String = "") throws -> [JSONObject] {
        let reply = try fixture.get("/v1/erasures/due" + query)
        return try reply.objects("due")
    }

    @Test func whatIsErasedIsGoneAndCertified() throws {
        try fixture.put("secret", "name=a&retain=1s")
        try fixture.put("kept", "name=b&retain=30d")
        let receipt = try fixture.get("/v1/records/1/receipt").receipt()
        #expect(try due().isEmpty)
        fixture.clock.pass(seconds: 3)
        #expect(try due().map { $0["index"] } == [.integer(1)])
        let all = try due("?whyNot=true&collection=tests")
        #expect(all.map { $0["isDue"] } == [.bool(true), .bool(false)])
        #expect(all.last?["reason"] != nil)
        #expect(try fixture.get("/v1/records/1/payload").text == "secret")

        let reply = try erase(["reason": "quarterly"])
        #expect(reply.status == 201, "\(reply)")
        #expect(try reply.integer("erased") == 1)
        let acts = try reply.list("acts")
        guard case .integer(let certificate)? = acts.first else {
            Issue.record("no acts: \(reply)")
            return
        }
        for method in [HTTPMethod.get, .head] {
            let gone = try fixture.send(method, "/v1/records/1/payload")
            try expectProblem(gone, 410, "erased", mentions: "record \(certificate)")
            #expect(try gone.integer("certificate") == certificate)
            #expect(try gone.integer("index") == 1)
        }
        // The record and its proofs stay, those made before too.
        #expect(try fixture.get("/v1/records/1").body == receipt.record)
        let after = try fixture.get("/v1/records/1/receipt").receipt()
        for proof in [receipt, after] {
            _ = try ReceiptVerification.verify(proof, payload: nil, keys: [fixture.key])
        }
        let proof = try fixture.get("/v1/records/1/erasure").receipt()
        #expect(proof.index.value == UInt64(certificate))
        #expect(String(decoding: proof.record, as: UTF8.self).contains("\"payload.erased\""))
        try expectProblem(try fixture.get("/v1/records/2/erasure"), 404, "not-found")
        #expect(try fixture.get("/v1/records/1/lock").integer("erased") == certificate)
        #expect(try fixture.get("/v1/records/2/payload").text == "kept")
        let again = try erase()
        #expect(again.status == 200, "\(again)")
        #expect(try again.integer("erased") == 0)
        let named = try erase(["records": .indexes(1)])
        try expectProblem(named, 410, "erased")
        #expect(try named.integer("certificate") == certificate)
        let extended = try fixture.act(
            .post,
            "/v1/records/1/lock",
            ["until": "2040-01-01", "reason": "r"]
        )
        try expectProblem(extended, 410, "erased")
        #expect(try fixture.get("/metrics").text.contains("strongroom_erased_records 1"))
    }

    @Test func aSealedRecordLosesItsOpening() throws {
        try fixture.seal("secret")
        try fixture.put("x", "name=who.txt&retain=1s", collection: "secret")
        #expect(try fixture.get("/v1/records/2/receipt").receipt().opening != nil)
        fixture.clock.pass(seconds: 3)
        #expect(try erase().status == 201)
        let receipt = try fixture.get("/v1/records/2/receipt").receipt()
        #expect(receipt.opening == nil)
        _ = try ReceiptVerification.verify(receipt, payload: nil, keys: [fixture.key])
        #expect(try fixture.get("/v1/records/2/payload").status == 410)
        let found = try fixture.get("/v1/search?collection=secret")
        #expect(!found.text.contains("who.txt"))
        let entry = try #require(try found.objects("entries").first)
        #expect(entry["sealed"] == .bool(true))
        #expect(entry["name"] == nil)
    }

    @Test func locksAndHoldsStopAnErasure() throws {
        try fixture.put("a", "name=a&retain=1s")
        try fixture.put("b", "name=b&retain=30d&mode=governance")
        try fixture.put("c", "name=c&retain=1s")
        try fixture.act(
            .post,
            "/v1/holds",
            ["matter": "case", "records": .indexes(1), "reason": "r"]
        )
        fixture.clock.pass(seconds: 3)
        let held = try erase(["records": .indexes(1)])
        try expectProblem(held, 409, "refused", mentions: "Record 1", "case")
        let locked = try erase(["records": .indexes(2)])
        try expectProblem(locked, 409, "locked", mentions: "GOVERNANCE")
        #expect(try locked.string("lockedUntil") == "2026-12-21T00:00:00Z")
        let mixed = try erase(["records": .indexes(1, 2, 3)])
        #expect(mixed.status == 201, "\(mixed)")
        #expect(try mixed.integer("erased") == 1)
        let refused = try mixed.list("refused")
        #expect(refused.count == 2)
        for index in [1, 2] {
            #expect(try fixture.get("/v1/records/\(index)/payload").status == 200)
        }
    }

    @Test func theDueListHasPages() throws {
        for number in 0..<5 { try fixture.put("x", "name=\(number)&retain=1s") }
        fixture.clock.pass(seconds: 3)
        var seen: [JSONValue?] = []
        var cursor: String? = ""
        while let position = cursor {
            let query = "?limit=2" + (position.isEmpty ? "" : "&cursor=\(position)")
            seen += try due(query).map { $0["index"] }
            cursor = try fixture.get("/v1/erasures/due" + query).string("cursor")
        }
        #expect(seen == (1...5).map { .integer($0) })
        for query in ["?limit=0", "?limit=1001", "?collection=A"] {
            try expectProblem(
                try fixture.get("/v1/erasures/due" + query),
                422,
                "limit-exceeded"
            )
        }
        for query in ["?whyNot=1", "?limit=x", "?cursor=x", "?x=1"] {
            try expectProblem(try fixture.get("/v1/erasures/due" + query), 400, "bad-request")
        }
    }

    @Test func onlyTheRightBypassesAndOnlyGovernance() throws {
        let fixture = try AccessFixture()
        let operation = try OpenAPI.operation("bypass")
        let bypasser = try fixture.fields(.bypasser)
        func bypass(_ index: Int64) throws -> Reply {
            let body = JSONObject([
                (name: "records", value: .array([.integer(index)])), (name: "reason", value: "r"),
            ])
            return try fixture.api.send(
                .post,
                "/v1/erasures/bypass",
                bypasser,
                body: CanonicalJSON.encode(.object(try #require(body)))
            )
        }
        let held = try bypass(1)
        #expect(held.status == 409, "\(held)")
        try expectProblem(try bypass(6), 409, "locked", mentions: "COMPLIANCE")
        let expired = try bypass(3)
        try expectProblem(expired, 409, "refused", mentions: "over")
        for caller in [AccessFixture.Caller.admin, .retention, .auditor, .writer] {
            #expect(try fixture.send(operation, as: caller).status == 403)
        }
        let done = try fixture.send(operation, as: .bypasser)
        #expect(done.status == 201, "\(done)")
        #expect(try done.integer("erased") == 1)
        let auditor = try fixture.fields(.auditor)
        #expect(try fixture.api.send(.get, "/v1/records/2/payload", auditor).status == 410)
        #expect(try fixture.api.send(.get, "/v1/records/1/payload", auditor).status == 200)
    }

    @Test func oneErasureRunsAtATime() throws {
        try fixture.put("x", "name=a&retain=1s")
        fixture.clock.pass(seconds: 3)
        let started = Blocker()
        #expect(
            fixture.api.erasures.run {
                started.wait()
                return {}
            }
        )
        try expectProblem(try erase(), 409, "busy")
        started.open()
        fixture.api.waitForWork()
        #expect(try erase().status == 201)
    }
}
