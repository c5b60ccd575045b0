import Cryptography
import EvidenceModel
import EvidenceStore
import HTTPMessage
import Platform
import Testing
import TransparencyLog

@testable import HTTPAPI

@Suite struct AppendTests {
    private func digest(_ text: String) -> SHA256Digest { SHA256.hash(Array(text.utf8).span) }

    /// A page in a browser on the same machine must not be able to store what stays for years.
    @Test(arguments: [
        [("Sec-Fetch-Site", "cross-site")], [("Sec-Fetch-Site", "same-site")],
        [("Origin", "https://evil.example"), ("Host", "127.0.0.1:7440")], [("Origin", "null")],
    ])
    func pagesOfOtherOriginsAreRefused(_ fields: [(String, String)]) throws {
        let fixture = try APIFixture()
        let reply = try fixture.put("junk", "name=a", fields)
        #expect(reply.status == 403)
        #expect(fixture.treeSize == 1)
    }

    @Test func programsAndOwnPagesAreServed() throws {
        let fixture = try APIFixture()
        for (number, fields) in [
            [], [("Sec-Fetch-Site", "none")], [("Sec-Fetch-Site", "same-origin")],
            [("Origin", "http://127.0.0.1:7440"), ("Host", "127.0.0.1:7440")],
        ].enumerated() {
            #expect(try fixture.put("it", "name=a\(number)", fields).status == 201)
        }
    }

    @Test func aReceiptProvesWhatWasPushed() throws {
        let fixture = try APIFixture()
        let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        let reply = try fixture.put(
            "hello",
            "name=a/b.txt&label=sprint%3D6&label=x%3D&retain=30d",
            [
                ("Content-Type", "text/plain; charset=utf-8"), ("traceparent", traceparent),
                ("Idempotency-Key", "k1"),
            ]
        )
        #expect(reply.status == 201, "\(reply)")
        #expect(reply.fields.first("location") == "/v1/records/1")
        #expect(reply.fields.first("content-type") == "application/json")
        #expect(reply.fields.first("strongroom-request-id") != nil)
        let receipt = try reply.receipt()
        #expect(receipt.index.value == 1)
        let steps = try ReceiptVerification.verify(
            receipt,
            payload: (digest("hello"), 5),
            keys: [fixture.key]
        )
        #expect(steps.map(\.name).contains(.payload))
        let record = String(decoding: receipt.record, as: UTF8.self)
        for part in [
            "\"collection\":\"tests\"", "\"name\":\"a/b.txt\"", "\"sprint\":\"6\"", "\"x\":\"\"",
            "\"mediaType\":\"text/plain; charset=utf-8\"", traceparent,
            "\"submitter\":\"anonymous\"",
            "\"idempotencyKey\":\"k1\"", "\"mode\":\"COMPLIANCE\"", digest("hello").hex,
        ] { #expect(record.contains(part), "\(part) in \(record)") }
    }

    @Test func whatIsNotSaidHasItsDefault() throws {
        let fixture = try APIFixture()
        let reply = try fixture.send(.post, "/v1/collections/tests/evidence?name=a")
        #expect(reply.status == 201, "\(reply)")
        let record = String(decoding: try reply.receipt().record, as: UTF8.self)
        #expect(record.contains("\"mediaType\":\"application/octet-stream\""))
        #expect(record.contains("\"size\":0"))
        #expect(!record.contains("labels"))
        #expect(!record.contains("traceparent"))
    }

    @Test func aMalformedTraceparentIsIgnored() throws {
        let fixture = try APIFixture()
        let reply = try fixture.put("x", "name=a", [("traceparent", "nonsense")])
        #expect(reply.status == 201)
        let record = String(decoding: try reply.receipt().record, as: UTF8.self)
        #expect(!record.contains("traceparent"))
    }

    @Test func aSealedCollectionShowsNothingInItsLeaf() throws {
        let fixture = try APIFixture()
        try fixture.seal("secret")
        let reply = try fixture.put("hello", "name=who.txt&label=a%3Db", collection: "secret")
        #expect(reply.status == 201, "\(reply)")
        let receipt = try reply.receipt()
        let record = String(decoding: receipt.record, as: UTF8.self)
        for word in ["who.txt", "label", digest("hello").hex, "anonymous"] {
            #expect(!record.contains(word), "\(word) in \(record)")
        }
        let opening = try #require(receipt.opening)
        #expect(String(decoding: opening.description, as: UTF8.self).contains("who.txt"))
        _ = try ReceiptVerification.verify(
            receipt,
            payload: (digest("hello"), 5),
            keys: [fixture.key]
        )
        // Salts are fresh: the same evidence commits to something else each time.
        let again = try fixture.put("hello", "name=who.txt&label=a%3Db", collection: "secret")
        #expect(try again.receipt().opening?.salt != opening.salt)
        #expect(try fixture.get("/v1/records/2/receipt").receipt().opening == opening)
    }

    @Test func aRepeatedKeyAddsNothing() throws {
        let fixture = try APIFixture()
        let first = try fixture.put("x", "name=a&label=b%3Dc", [("Idempotency-Key", "k")])
        let second = try fixture.put("x", "name=a&label=b%3Dc", [("Idempotency-Key", "k")])
        #expect(first.status == 201)
        #expect(second.status == 200)
        #expect(second.fields.first("location") == "/v1/records/1")
        #expect(try second.receipt().record == first.receipt().record)
        #expect(fixture.treeSize == 2)
        // The key belongs to the collection.
        let elsewhere = try fixture.put(
            "x",
            "name=a&label=b%3Dc",
            collection: "other",
            [("Idempotency-Key", "k")]
        )
        #expect(elsewhere.status == 201)
    }

    @Test(arguments: ["name=b", "name=a&label=b%3Dc", "name=a&retain=1d"])
    func aKeyOfAnotherRequestIsAConflict(_ query: String) throws {
        let fixture = try APIFixture()
        try fixture.put("x", "name=a", [("Idempotency-Key", "k")])
        let reply = try fixture.put("x", query, [("Idempotency-Key", "k")])
        try expectProblem(reply, 409, "idempotency-conflict", mentions: "record 1")
        #expect(try reply.integer("index") == 1)
        #expect(fixture.treeSize == 2)
    }

    @Test func aKeyOfAnotherPayloadIsAConflict() throws {
        let fixture = try APIFixture()
        try fixture.put("x", "name=a", [("Idempotency-Key", "k")])
        try expectProblem(
            try fixture.put("y", "name=a", [("Idempotency-Key", "k")]),
            409,
            "idempotency-conflict"
        )
    }

    @Test func aDeclaredDigestIsChecked() throws {
        let fixture = try APIFixture()
        let right = "sha-256=:\(digest("x").base64):"
        #expect(try fixture.put("x", "name=a", [("Content-Digest", right)]).status == 201)
        let with = "md5=:AAAA:, \(right)"
        #expect(try fixture.put("x", "name=a", [("Content-Digest", with)]).status == 201)
        try expectProblem(
            try fixture.put("y", "name=a", [("Content-Digest", right)]),
            400,
            "digest-mismatch",
            mentions: digest("x").hex,
            digest("y").hex,
            "nothing was stored"
        )
        #expect(fixture.treeSize == 3)
    }

    @Test(arguments: ["", "nonsense", "md5=:AAAA:", "sha-256=:AAAA:", "sha-256=AAAA", "?1"])
    func aDigestThatCannotBeCheckedIsRefused(_ value: String) throws {
        let fixture = try APIFixture()
        try expectProblem(
            try fixture.put("x", "name=a", [("Content-Digest", value)]),
            400,
            "bad-request",
            mentions: "Content-Digest"
        )
        #expect(fixture.treeSize == 1)
    }

    @Test(arguments: [
        ("", 400, "bad-request", "name"),
        ("name=", 422, "limit-exceeded", "name"),
        ("name=a&name=b", 400, "bad-request", "twice"),
        ("name=a&bogus=1", 400, "bad-request", "bogus"),
        ("name=../a", 422, "limit-exceeded", "name"),
        ("name=a/../b", 422, "limit-exceeded", "name"),
        ("name=/a", 422, "limit-exceeded", "name"),
        ("name=a%00b", 422, "limit-exceeded", "control"),
        ("name=a&label=b", 422, "limit-exceeded", "key=value"),
        ("name=a&label=B%3Dc", 422, "limit-exceeded", "label key"),
        ("name=a&label=b%3Dc&label=b%3Dd", 422, "limit-exceeded", "once"),
        ("name=a&mode=weak", 422, "limit-exceeded", "mode"),
        ("name=a&retain=7", 422, "limit-exceeded", "duration"),
        ("name=a&retain=101y", 422, "retention-refused", "100y"),
        ("name=a&retainUntil=2001-01-01", 422, "retention-refused", "past"),
        ("name=a&retainUntil=tomorrow", 422, "limit-exceeded", "time"),
        ("name=a&retain=7y&retainUntil=2040-01-01", 400, "bad-request", "not both"),
    ])
    func valuesOutsideOfTheirLimitsAreRefused(
        _ query: String,
        _ status: Int,
        _ slug: String,
        _ word: String
    ) throws {
        let fixture = try APIFixture()
        try expectProblem(try fixture.put("x", query), status, slug, mentions: word)
        #expect(fixture.treeSize == 1)
    }

    @Test func limitsOfNumberAndLengthAreStated() throws {
        let fixture = try APIFixture()
        let labels = (0...32).map { "&label=k\($0)%3Dv" }.joined()
        try expectProblem(
            try fixture.put("x", "name=a" + labels),
            422,
            "limit-exceeded",
            mentions: "32"
        )
        let long = String(repeating: "x", count: 1025)
        try expectProblem(
            try fixture.put("x", "name=" + long),
            422,
            "limit-exceeded",
            mentions: "1,024"
        )
        try expectProblem(
            try fixture.put("x", "name=a", [("Idempotency-Key", long)]),
            431,
            "header-too-large",
            mentions: "128"
        )
        try expectProblem(
            try fixture.put("x", "name=a", [("Idempotency-Key", "a b")]),
            422,
            "limit-exceeded"
        )
        try expectProblem(
            try fixture.put("x", "name=a", [("Idempotency-Key", "a"), ("idempotency-key", "b")]),
            400,
            "bad-request",
            mentions: "twice"
        )
        try expectProblem(
            try fixture.put("x", collection: "Payments"),
            422,
            "limit-exceeded",
            mentions: "collection"
        )
        try expectProblem(
            try fixture.put("x", "name=a", [("Content-Type", "nonsense")]),
            400,
            "bad-request",
            mentions: "media type"
        )
        #expect(fixture.treeSize == 1)
    }

    @Test func codingsAreRefused() throws {
        let fixture = try APIFixture()
        for coding in [["gzip"], ["identity", "br"]] {
            let fields = coding.map { ("Content-Encoding", $0) }
            try expectProblem(
                try fixture.put("x", "name=a", fields),
                415,
                "unsupported-media-type",
                mentions: coding[coding.count - 1]
            )
        }
        let fields = [("Content-Encoding", "Identity")]
        #expect(try fixture.put("x", "name=a", fields).status == 201)
    }

    @Test func theSizeLimitHoldsBeforeAndDuringTheBody() throws {
        let fixture = try APIFixture(api: { $0.payloadLimitBytes = 10_000 })
        let target = "/v1/collections/tests/evidence?name=a"
        let large = [UInt8](repeating: 7, count: 10_001)
        let head = try APIFixture.head(.post, target, body: large)
        let refusal = try #require(fixture.api.exchange(for: head).begin())
        try expectProblem(try Reply(refusal), 413, "content-too-large", mentions: "10000")
        try expectProblem(
            try fixture.send(.post, target, body: large, isChunked: true),
            413,
            "content-too-large",
            mentions: "10000"
        )
        let most = Array(large.dropLast())
        #expect(try fixture.send(.post, target, body: most, isChunked: true).status == 201)
        #expect(fixture.treeSize == 2)
    }

    @Test func aBrokenUploadLeavesNothing() throws {
        let fixture = try APIFixture()
        let target = "/v1/collections/tests/evidence?name=a"
        let piece = [UInt8](repeating: 7, count: 2_000_000)
        let exchange = fixture.api.exchange(
            for: try APIFixture.head(.post, target, isChunked: true)
        )
        #expect(exchange.begin()?.status == nil)
        #expect(exchange.receive(piece.span)?.status == nil)
        exchange.abandon()
        #expect(fixture.treeSize == 1)
        #expect(try fixture.send(.post, target, body: piece, pieceBytes: 60_000).status == 201)
    }

    @Test func afterTheStoreHasClosedEvidenceIsRefused() throws {
        let fixture = try APIFixture()
        fixture.store.close()
        let reply = try fixture.put("x")
        try expectProblem(reply, 503, "unavailable")
        #expect(reply.fields.first("retry-after") != nil)
        #expect(try reply.integer("retryAfter") != nil)
        try expectProblem(try fixture.get("/readyz"), 503, "unavailable")
        #expect(try fixture.get("/healthz").status == 200)
    }

    @Test func aFullDiskIsNamedBeforeTheBody() throws {
        let fixture = try APIFixture(store: { $0.diskReserveBytes = 1 << 60 })
        let reply = try fixture.put("x")
        try expectProblem(reply, 507, "storage-full", mentions: "reserve")
        #expect(reply.fields.first("retry-after") != nil)
        try expectProblem(try fixture.get("/readyz"), 507, "storage-full")
    }
}
