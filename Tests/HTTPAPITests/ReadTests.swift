import Cryptography
import EvidenceModel
import HTTPMessage
import Testing
import TransparencyLog

@testable import HTTPAPI

@Suite struct ReadTests {
    private let fixture: APIFixture
    private let text = "0123456789"

    init() throws {
        fixture = try APIFixture()
        try fixture.put(text, "name=digits", [("Content-Type", "text/plain")])
        try fixture.seal("secret")
        try fixture.put("sealed", "name=s", collection: "secret")
        try fixture.put("", "name=empty")
    }

    @Test func recordsAreServedToTheByte() throws {
        let record = try fixture.get("/v1/records/1")
        #expect(record.status == 200)
        #expect(record.fields.first("content-type") == "application/json")
        #expect(record.fields.first("cache-control")?.contains("immutable") == true)
        #expect(record.fields.first("cache-control")?.contains("public") == false)
        let receipt = try fixture.get("/v1/records/1/receipt").receipt()
        #expect(receipt.record == record.body)
        #expect(MerkleTree.leafHash(record.body.span) == receipt.leafHash)
        #expect(try fixture.get("/v1/records/0").string("kind") == "log.created")
    }

    @Test func payloadsComeWithTheirDigest() throws {
        let reply = try fixture.get("/v1/records/1/payload")
        let digest = SHA256.hash(Array(text.utf8).span)
        #expect(reply.status == 200)
        #expect(reply.text == text)
        #expect(reply.fields.first("content-type") == "text/plain")
        #expect(reply.fields.first("etag") == "\"\(digest.hex)\"")
        #expect(reply.fields.first("repr-digest") == "sha-256=:\(digest.base64):")
        #expect(reply.fields.first("accept-ranges") == "bytes")
        #expect(reply.fields.first("x-content-type-options") == "nosniff")
        #expect(try fixture.get("/v1/records/3/payload").text == "sealed")
        #expect(try fixture.get("/v1/records/4/payload").body.isEmpty)
        let head = try fixture.send(.head, "/v1/records/1/payload", [("Range", "bytes=1-2")])
        #expect(head.status == 200)
    }

    @Test(arguments: [
        ("bytes=0-0", "0", "bytes 0-0/10"), ("bytes=3-5", "345", "bytes 3-5/10"),
        ("bytes=8-", "89", "bytes 8-9/10"), ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=5-100", "56789", "bytes 5-9/10"), ("bytes=-100", "0123456789", "bytes 0-9/10"),
    ])
    func aRangeIsServed(_ range: String, _ part: String, _ contentRange: String) throws {
        let reply = try fixture.get("/v1/records/1/payload", [("Range", range)])
        #expect(reply.status == 206)
        #expect(reply.text == part)
        #expect(reply.fields.first("content-range") == contentRange)
        // Always that of the whole.
        let digest = SHA256.hash(Array(text.utf8).span)
        #expect(reply.fields.first("repr-digest") == "sha-256=:\(digest.base64):")
    }

    @Test(arguments: ["bytes=10-", "bytes=-0", "bytes=99-100"])
    func aRangeBehindTheEndIsRefused(_ range: String) throws {
        let reply = try fixture.get("/v1/records/1/payload", [("Range", range)])
        try expectProblem(reply, 416, "range-not-satisfiable", mentions: "10 bytes")
        #expect(reply.fields.first("content-range") == "bytes */10")
    }

    @Test(arguments: ["bytes=0-1,3-4", "lines=1-2", "bytes=5-3", "nonsense"])
    func otherRangesGetTheWhole(_ range: String) throws {
        let reply = try fixture.get("/v1/records/1/payload", [("Range", range)])
        #expect(reply.status == 200)
        #expect(reply.text == text)
    }

    @Test func conditionsAreHonoured() throws {
        let tag = try #require(try fixture.get("/v1/records/1/payload").fields.first("etag"))
        let target = "/v1/records/1/payload"
        let same = try fixture.get(target, [("If-None-Match", tag)])
        #expect(same.status == 304)
        #expect(same.body.isEmpty)
        #expect(same.fields.first("etag") == tag)
        #expect(try fixture.get(target, [("If-None-Match", "\"other\"")]).status == 200)
        let range = ("Range", "bytes=0-1")
        #expect(try fixture.get(target, [range, ("If-Range", tag)]).status == 206)
        #expect(try fixture.get(target, [range, ("If-Range", "\"other\"")]).status == 200)
        #expect(try fixture.get(target, [range, ("If-Range", "W/" + tag)]).status == 200)
    }

    @Test func largePayloadsAreServedWholeAndInParts() throws {
        let body = (0..<3_500_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        let target = "/v1/collections/tests/evidence?name=large"
        #expect(try fixture.send(.post, target, body: body, pieceBytes: 65_536).status == 201)
        #expect(try fixture.get("/v1/records/5/payload").body == body)
        let part = try fixture.get(
            "/v1/records/5/payload",
            [("Range", "bytes=1048570-2097160")]
        )
        #expect(part.status == 206)
        #expect(part.body == Array(body[1_048_570...2_097_160]))
    }

    @Test func receiptsOfEarlierTreesVerify() throws {
        for size in 2...5 {
            let receipt = try fixture.get("/v1/records/1/receipt?size=\(size)").receipt()
            #expect(receipt.treeSize.value == UInt64(size))
            _ = try ReceiptVerification.verify(
                receipt,
                payload: (SHA256.hash(Array(text.utf8).span), 10),
                keys: [fixture.key]
            )
        }
        for size in ["1", "6", "9007199254740991"] {
            try expectProblem(
                try fixture.get("/v1/records/1/receipt?size=\(size)"),
                404,
                "not-found"
            )
        }
        for size in ["0", "x", "", "-1", "01", "9007199254740992", "1.0"] {
            try expectProblem(
                try fixture.get("/v1/records/1/receipt?size=\(size)"),
                400,
                "bad-request",
                mentions: "size"
            )
        }
    }

    @Test func aReceiptMayBeATlogProof() throws {
        for accept in ["text/plain", "text/*, application/json;q=0.1"] {
            let reply = try fixture.get("/v1/records/1/receipt", [("Accept", accept)])
            #expect(reply.fields.first("content-type") == "text/plain; charset=utf-8")
            let proof = try TlogProof(parsing: reply.text)
            #expect(proof.index.value == 1)
            #expect(proof.extra == (try fixture.get("/v1/records/1").body))
        }
        let json = try fixture.get("/v1/records/1/receipt", [("Accept", "*/*")])
        #expect(json.fields.first("content-type") == "application/json")
    }

    @Test func aLockIsShownWithItsHistory() throws {
        try fixture.put("x", "name=l&retainUntil=2040-01-01T00:00:00Z")
        let object = try fixture.get("/v1/records/5/lock").object()
        let lock = JSONValue.object([
            "mode": .string("COMPLIANCE"), "until": .string("2040-01-01T00:00:00Z"),
        ])
        #expect(object["lock"] == lock)
        #expect(object["holds"] == .array([]))
        #expect(object["index"] == .integer(5))
        guard case .array(let history) = object["history"], case .object(let first) = history[0]
        else {
            Issue.record("no history: \(object)")
            return
        }
        #expect(history.count == 1)
        #expect(first["event"] == .string("granted"))
        #expect(first["lock"] == lock)
        #expect(first["index"] == .integer(5))
    }

    @Test func whatIsNotThereIsNotFound() throws {
        for target in [
            "/v1/records/5", "/v1/records/x", "/v1/records/-1", "/v1/records/01",
            "/v1/records/9007199254740992", "/v1/records/0/payload", "/v1/records/0/lock",
            "/v1/records/5/payload", "/v1/records/5/receipt", "/v1/records/1/other", "/", "//",
            "/v1", "/v1/records", "/v1/records/", "/v1/records/1/", "/v2/records/1",
            "/v1/collections/a", "/v1/collections/a/evidence/other", "/healthz/", "/tile",
            "/tile/0/000", "/tile/0/0", "/tile/64/000", "/tile/0/000.p/0", "/tile/0/000.p/6",
            "/tile/entries/000", "/tile/entries/000.p/6", "/tile/entries/x001/000",
            "/checkpoint/x",
        ] { try expectProblem(try fixture.get(target), 404, "not-found") }
    }

    @Test func wrongMethodsAreNamedWithTheRightOnes() throws {
        for target in ["/v1/records/1", "/checkpoint", "/v1/search", "/tile/0/000", "/metrics"] {
            for method in [HTTPMethod.post, .put, .delete, .options, .other("PATCH")] {
                let reply = try fixture.send(method, target)
                try expectProblem(reply, 405, "method-not-allowed", mentions: method.name)
                #expect(reply.fields.first("allow") == "GET, HEAD")
            }
        }
        for target in ["/v1/collections/a/evidence", "/v1/collections/a/evidence/batch"] {
            let reply = try fixture.get(target)
            try expectProblem(reply, 405, "method-not-allowed")
            #expect(reply.fields.first("allow") == "POST")
        }
    }

    @Test func unknownParametersAndBodiesAreRefused() throws {
        for target in [
            "/v1/records/1", "/v1/records/1/payload", "/v1/records/1/receipt",
            "/v1/records/1/lock", "/v1/consistency", "/v1/search", "/checkpoint", "/healthz",
            "/readyz", "/metrics", "/tile/0/000.p/5", "/tile/entries/000.p/5",
        ] {
            try expectProblem(
                try fixture.get(target + "?bogus=1"),
                400,
                "bad-request",
                mentions: "bogus"
            )
            let reply = try fixture.send(.get, target, body: [1])
            try expectProblem(reply, 400, "bad-request", mentions: "body")
        }
    }

    @Test func headsAnswerLikeGets() throws {
        for target in ["/v1/records/1", "/checkpoint", "/healthz", "/v1/records/9"] {
            let get = try fixture.get(target)
            let head = try fixture.send(.head, target)
            #expect(head.status == get.status)
            #expect(head.fields.first("content-type") == get.fields.first("content-type"))
            #expect(head.body.count == get.body.count)
        }
    }

    @Test func everyReplyHasANameOfItsOwn() throws {
        let ids = try (0..<100).map { _ in
            try #require(try fixture.get("/healthz").fields.first("strongroom-request-id"))
        }
        #expect(Set(ids).count == 100)
    }

    @Test func brokenHTTPIsAProblemToo() throws {
        for (violation, slug) in [
            (ProtocolViolation.conflictingLengths, "bad-request"),
            (.target(.encoding), "bad-request"), (.missingHost, "bad-request"),
            (.targetTooLong(limitBytes: 9), "target-too-long"),
            (.headTooLarge(limitBytes: 9), "header-too-large"),
            (.expectation, "expectation-failed"),
        ] {
            let reply = try Reply(fixture.api.response(to: violation))
            try expectProblem(reply, violation.status, slug)
        }
    }
}
