import Cryptography
import EvidenceModel
import HTTPMessage
import Testing
import TransparencyLog
import Zstandard

@testable import HTTPAPI

/// 299 records of evidence; record 256, the first of the second segment, is the census of the
/// first.
@Suite struct LogTests {
    private let fixture: APIFixture

    /// The record of a number.
    private static func index(_ number: Int64) -> Int64 { number < 256 ? number : number + 1 }

    init() throws {
        fixture = try APIFixture()
        for number in 1..<300 {
            try fixture.put("\(number)", "name=f/\(number)&label=odd%3D\(number % 2)")
        }
    }

    @Test func theLogOnlyGrows() throws {
        for (from, to) in [(1, 301), (5, 17), (256, 257), (301, 301), (7, 256)] {
            let reply = try fixture.get("/v1/consistency?from=\(from)&to=\(to)")
            #expect(reply.status == 200, "\(reply)")
            #expect(try reply.integer("from") == Int64(from))
            #expect(try reply.integer("to") == Int64(to))
            guard case .array(let items) = try reply.object()["proof"] else {
                Issue.record("no proof: \(reply)")
                return
            }
            let path = items.compactMap { item -> SHA256Digest? in
                guard case .string(let text) = item else { return nil }
                return SHA256Digest(base64: text)
            }
            #expect(path.count == items.count)
            try ConsistencyProof.verify(
                from: TreeSize(UInt64(from)),
                to: TreeSize(UInt64(to)),
                oldRoot: try root(of: from),
                newRoot: try root(of: to),
                path: path
            )
            let note = try #require(try reply.string("checkpoint"))
            #expect(note.hasPrefix("log.example/test\n\(to)\n"))
        }
    }

    /// The root as a signed receipt of that tree states it.
    private func root(of size: Int) throws -> MerkleHash {
        let receipt = try fixture.get("/v1/records/0/receipt?size=\(size)").receipt()
        _ = try ReceiptVerification.verify(receipt, payload: nil, keys: [fixture.key])
        let line = receipt.checkpoint.split(separator: "\n")[2]
        return try #require(SHA256Digest(base64: String(line)))
    }

    @Test func sizesMustBeOfThisLog() throws {
        for query in [
            "", "from=1", "to=1", "from=x&to=1", "from=1&to=0", "from=0&to=0", "from=5&to=4",
            "from=1&from=2&to=3",
        ] {
            try expectProblem(
                try fixture.get("/v1/consistency?" + query),
                400,
                "bad-request"
            )
        }
        try expectProblem(
            try fixture.get("/v1/consistency?from=1&to=302"),
            404,
            "not-found",
            mentions: "301"
        )
    }

    @Test func tilesHoldTheHashesOfTheRecords() throws {
        let full = try fixture.get("/tile/0/000")
        #expect(full.status == 200)
        #expect(full.fields.first("content-type") == "application/octet-stream")
        #expect(full.fields.first("cache-control") == "public, max-age=31536000, immutable")
        #expect(full.body.count == 256 * 32)
        let partial = try fixture.get("/tile/0/001.p/44")
        #expect(partial.body.count == 44 * 32)
        #expect(partial.fields.first("cache-control") == "public, max-age=60")
        let entries = try fixture.get("/tile/entries/000")
        #expect(entries.fields.first("cache-control") == full.fields.first("cache-control"))
        #expect(entries.fields.first("content-encoding") == nil)
        let packed = try fixture.get("/tile/entries/000", [("Accept-Encoding", "gzip, zstd")])
        #expect(packed.fields.first("content-encoding") == "zstd")
        let unpacked = try ZstdDecompressor().decompress(
            packed.body.span,
            originalSize: entries.body.count
        )
        #expect(unpacked == entries.body)
        let refused = try fixture.get("/tile/entries/000", [("Accept-Encoding", "zstd;q=0")])
        #expect(refused.body == entries.body)
        let records = try EntryBundle.decode(entries.body.span, count: 256)
        for (index, record) in records.enumerated() {
            let hash = MerkleTree.leafHash(record.span).bytes
            #expect(Array(full.body[(index * 32)..<(index * 32 + 32)]) == hash)
        }
        #expect(records[1] == (try fixture.get("/v1/records/1").body))
        let rest = try fixture.get("/tile/entries/001.p/44")
        #expect(try EntryBundle.decode(rest.body.span, count: 44).count == 44)
        #expect(try fixture.get("/tile/1/000.p/1").body.count == 32)
    }

    @Test func theCheckpointIsSigned() throws {
        let reply = try fixture.get("/checkpoint")
        #expect(reply.fields.first("content-type") == "text/plain; charset=utf-8")
        #expect(reply.fields.first("cache-control") == "public, max-age=1")
        let signed = try SignedCheckpoint.open(
            reply.text,
            origin: "log.example/test",
            keys: [fixture.key]
        )
        #expect(signed.checkpoint.size.value == 301)
    }

    private func search(_ query: String) throws -> (indexes: [Int64], cursor: String?) {
        let reply = try fixture.get("/v1/search?" + query)
        #expect(reply.status == 200, "\(reply)")
        #expect(try reply.integer("treeSize") == 301)
        guard case .array(let entries) = try reply.object()["entries"] else { return ([], nil) }
        let indexes = entries.compactMap { entry -> Int64? in
            guard case .object(let object) = entry, case .integer(let index) = object["index"]
            else { return nil }
            return index
        }
        return (indexes, try reply.string("cursor"))
    }

    @Test func searchesFindWhatTheyName() throws {
        #expect(
            try search("prefix=f/29").indexes
                == [299, 298, 297, 296, 295, 294, 293, 292, 291, 290, 29].map(Self.index)
        )
        #expect(
            try search("prefix=f/29&label=odd%3D1").indexes
                == [299, 297, 295, 293, 291, 29].map(Self.index)
        )
        let digest = SHA256.hash(Array("7".utf8).span).hex
        #expect(try search("digest=\(digest)").indexes == [7])
        #expect(try search("collection=other").indexes.isEmpty)
        #expect(try search("until=2001-01-01").indexes.isEmpty)
        #expect(try search("since=2001-01-01&limit=1").indexes == [300])
    }

    @Test func pagesSayWhatTheyLookedThrough() throws {
        let page = try fixture.get("/v1/search?collection=tests&prefix=f/29&limit=5")
        let range = try page.object()["range"]
        // Of eleven matches five, down to f/295, number 295 of the collection.
        #expect(
            range
                == .object([
                    "before": .integer(301), "from": .integer(Self.index(295)),
                    "sequences": .object(["first": .integer(295), "last": .integer(299)]),
                ])
        )
        let note = try #require(try page.string("checkpoint"))
        let signed = try SignedCheckpoint.open(
            note,
            origin: "log.example/test",
            keys: [fixture.key]
        )
        #expect(signed.checkpoint.size.value == 301)
        // Elsewhere it has no records, hence no numbers; without a collection there are none.
        for query in ["collection=tests&cursor=1", "collection=other", "prefix=f/"] {
            let reply = try fixture.get("/v1/search?limit=1000&" + query).object()
            guard case .object(let range) = reply["range"] else {
                Issue.record("no range")
                continue
            }
            #expect(range["from"] == .integer(0) && range["sequences"] == nil)
        }
    }

    @Test func pagesJoinWithoutGapOrOverlap() throws {
        var found: [Int64] = []
        var cursor: String?
        repeat {
            let page = try search("limit=64" + (cursor.map { "&cursor=\($0)" } ?? ""))
            #expect(page.indexes.count <= 64)
            found += page.indexes
            cursor = page.cursor
        } while cursor != nil
        #expect(found == (1..<300).reversed().map(Self.index))
    }

    @Test func searchesThatCannotBeAreRefused() throws {
        for query in ["limit=x", "cursor=!!", "digest=xyz", "limit=-1", "since=a&since=b"] {
            let reply = try fixture.get("/v1/search?" + query)
            try expectProblem(reply, 400, "bad-request")
        }
        for query in [
            "limit=0", "limit=1001", "since=yesterday", "collection=A", "label=x",
            "until=2040-02-30",
        ] {
            let reply = try fixture.get("/v1/search?" + query)
            try expectProblem(reply, 422, "limit-exceeded")
        }
    }

    @Test func theServersStatisticsAreMetricsOnceItIsWatched() throws {
        #expect(!(try fixture.get("/metrics").text.contains("strongroom_http")))
        fixture.api.watch {
            var statistics = ServerStatistics()
            statistics.openConnections = 3
            statistics.evicted = 5
            statistics.timedOut = 6
            return statistics
        }
        let text = try fixture.get("/metrics").text
        for line in [
            "strongroom_http_connections 3",
            "strongroom_http_closed_connections_total{reason=\"slow\"} 6",
            "strongroom_http_closed_connections_total{reason=\"limit\"} 5",
        ] { #expect(text.contains("\n\(line)\n"), "\(line)") }
    }

    @Test func metricsCount() throws {
        let reply = try fixture.get("/metrics")
        #expect(reply.fields.first("content-type")?.hasPrefix("text/plain; version=0.0.4") == true)
        for line in [
            "strongroom_appends_total 299", "strongroom_tree_size 301", "strongroom_ready 1",
            "strongroom_queue_records 0",
        ] { #expect(reply.text.contains("\n\(line)\n"), "\(line)") }
    }
}
