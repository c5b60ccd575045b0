import Cryptography
import EvidenceModel
import HTTPMessage
import Testing
import TransparencyLog

@testable import HTTPAPI

@Suite struct BatchTests {
    /// An archive entry in the ustar format.
    private func entry(_ name: String, _ data: [UInt8], type: Character = "0") -> [UInt8] {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at offset: Int) {
            header.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
        }
        func octal(_ number: Int, _ width: Int) -> String {
            let digits = String(number, radix: 8)
            return String(repeating: "0", count: width - digits.count) + digits
        }
        put(name, at: 0)
        put("0000644", at: 100)
        put("0000000", at: 108)
        put("0000000", at: 116)
        put(octal(data.count, 11), at: 124)
        put("00000000000", at: 136)
        put("        ", at: 148)
        put(String(type), at: 156)
        put("ustar\u{0}00", at: 257)
        put(octal(header.reduce(0) { $0 + Int($1) }, 6) + "\u{0} ", at: 148)
        let padding = [UInt8](repeating: 0, count: (512 - data.count % 512) % 512)
        return header + data + padding
    }

    private func archive(_ files: [(String, String)]) -> [UInt8] {
        files.flatMap { entry($0.0, Array($0.1.utf8)) } + [UInt8](repeating: 0, count: 1024)
    }

    private func send(
        _ fixture: APIFixture,
        _ body: [UInt8],
        _ query: String = "",
        collection: String = "tests",
        type: String = "application/x-tar",
        fields: [(String, String)] = []
    ) throws -> Reply {
        try fixture.send(
            .post,
            "/v1/collections/\(collection)/evidence/batch?\(query)",
            [("Content-Type", type)] + fields,
            body: body
        )
    }

    private func receipts(_ reply: Reply) throws -> [Receipt] {
        guard case .array(let items) = try reply.object()["receipts"] else { return [] }
        return try items.map { try Receipt(parsing: CanonicalJSON.encode($0).span) }
    }

    @Test(arguments: ["tests", "secret"])
    func eachFileHasItsReceipt(_ collection: String) throws {
        let fixture = try APIFixture()
        try fixture.seal("secret")
        let body =
            entry("dir/", [], type: "5")
            + archive([("./a.txt", "one"), ("dir/b.txt", ""), ("c", "three")])
        let reply = try send(
            fixture,
            body,
            "label=x%3Dy&retain=1d",
            collection: collection,
            type: "Application/X-Tar; a=b"
        )
        #expect(reply.status == 201, "\(reply)")
        let receipts = try receipts(reply)
        #expect(receipts.map(\.index.value) == [2, 3, 4])
        for (receipt, (name, text)) in zip(
            receipts,
            [("a.txt", "one"), ("dir/b.txt", ""), ("c", "three")]
        ) {
            _ = try ReceiptVerification.verify(
                receipt,
                payload: (SHA256.hash(Array(text.utf8).span), UInt64(text.utf8.count)),
                keys: [fixture.key]
            )
            #expect((receipt.opening != nil) == (collection == "secret"))
            let description = receipt.opening?.description ?? receipt.record
            let said = String(decoding: description, as: UTF8.self)
            #expect(said.contains("\"name\":\"\(name)\""))
            #expect(said.contains("\"x\":\"y\""))
        }
    }

    @Test func aKeyGivesEachFileItsOwn() throws {
        let fixture = try APIFixture()
        let body = archive([("a", "one"), ("b", "two")])
        let first = try send(fixture, body, fields: [("Idempotency-Key", "k")])
        let second = try send(fixture, body, fields: [("Idempotency-Key", "k")])
        #expect(first.status == 201)
        #expect(second.status == 200)
        #expect(try receipts(second).map(\.record) == receipts(first).map(\.record))
        #expect(fixture.treeSize == 3)
        let records = try receipts(first).map { String(decoding: $0.record, as: UTF8.self) }
        #expect(records[0].contains("\"idempotencyKey\":\"k/0\""))
        #expect(records[1].contains("\"idempotencyKey\":\"k/1\""))
        let other = archive([("a", "one"), ("b", "other")])
        try expectProblem(
            try send(fixture, other, fields: [("Idempotency-Key", "k")]),
            409,
            "idempotency-conflict",
            mentions: "record 2"
        )
        #expect(fixture.treeSize == 3)
    }

    @Test func oneBadFileRefusesAll() throws {
        let fixture = try APIFixture()
        let end = [UInt8](repeating: 0, count: 1024)
        for (body, word) in [
            (archive([("a", "x"), ("../b", "y")]), "name"),
            (archive([("a", "x"), ("a", "y")]), "twice"),
            (archive([("a", "x"), ("./a", "y")]), "twice"),
            (entry("a", [1]) + entry("l", [], type: "2") + end, "regular"),
            (end, "no regular file"),
            (Array("this is no archive, but text".utf8), "tar"),
            (Array(archive([("a", "x")]).prefix(700)), "tar"),
            ([], "tar"),
        ] {
            let reply = try send(fixture, body)
            #expect(reply.status == 400 || reply.status == 422, "\(word): \(reply)")
            #expect(try reply.string("detail")?.contains(word) == true, "\(word): \(reply)")
        }
        #expect(fixture.treeSize == 1)
    }

    @Test func onlyTarIsTaken() throws {
        let fixture = try APIFixture()
        let body = archive([("a", "x")])
        for type in ["application/zip", "application/octet-stream"] {
            try expectProblem(
                try send(fixture, body, type: type),
                415,
                "unsupported-media-type",
                mentions: "application/x-tar"
            )
        }
        try expectProblem(
            try send(fixture, body, fields: [("Content-Encoding", "gzip")]),
            415,
            "unsupported-media-type"
        )
        try expectProblem(
            try send(fixture, body, "name=a"),
            400,
            "bad-request",
            mentions: "name"
        )
    }

    @Test func theArchivesDigestIsChecked() throws {
        let fixture = try APIFixture()
        let body = archive([("a", "x")])
        let digest = "sha-256=:\(SHA256.hash(body.span).base64):"
        #expect(try send(fixture, body, fields: [("Content-Digest", digest)]).status == 201)
        try expectProblem(
            try send(fixture, archive([("a", "y")]), fields: [("Content-Digest", digest)]),
            400,
            "digest-mismatch",
            mentions: "nothing was stored"
        )
        #expect(fixture.treeSize == 2)
    }

    @Test func thousandFilesAndNoMore() throws {
        let fixture = try APIFixture()
        let files = (0...1000).map { ("f\($0)", "\($0)") }
        try expectProblem(
            try send(fixture, archive(files)),
            413,
            "content-too-large",
            mentions: "1000"
        )
        #expect(fixture.treeSize == 1)
        let reply = try send(fixture, archive(files.dropLast()))
        #expect(reply.status == 201, "\(reply)")
        // And a census at each of the three seals.
        #expect(fixture.treeSize == 1004)
        let last = try #require(try receipts(reply).last)
        _ = try ReceiptVerification.verify(last, payload: nil, keys: [fixture.key])
    }

    @Test func memoryIsBoundedAndGivenBack() throws {
        let fixture = try APIFixture(api: { $0.batchMemoryLimitBytes = 1 << 20 })
        let target = "/v1/collections/tests/evidence/batch"
        let type = [("Content-Type", "application/x-tar")]
        let body = archive([("a", "x")])
        let first = fixture.api.exchange(
            for: try APIFixture.head(.post, target, type, body: body)
        )
        #expect(first.begin()?.status == nil)
        let reply = try send(fixture, body)
        try expectProblem(reply, 503, "overloaded")
        #expect(try reply.integer("retryAfter") == 1)
        first.abandon()
        #expect(try send(fixture, body).status == 201)
        #expect(try send(fixture, body).status == 201)
    }

    @Test func tooManyBytesAreRefusedByTheHead() throws {
        let fixture = try APIFixture()
        let head = RequestHead(
            method: .post,
            target: try RequestTarget(parsing: "/v1/collections/tests/evidence/batch"),
            fields: HTTPFields(["Content-Type": "application/x-tar"]),
            contentLength: UInt64(BatchExchange.maximumBytes) + 1
        )
        let refusal = try #require(fixture.api.exchange(for: head).begin())
        try expectProblem(
            try Reply(refusal),
            413,
            "content-too-large",
            mentions: "\(BatchExchange.maximumBytes)"
        )
    }
}
