import Cryptography
import Testing

@testable import strongroom

@Suite struct HTTPReplyParserTests {
    private func parse(_ text: String, _ steps: [Int]? = nil) throws -> HTTPReplyParser.Reply? {
        var parser = HTTPReplyParser()
        let bytes = Array(text.utf8)
        for count in steps ?? [] {
            if let early = try parser.parse(bytes.span, count: count) { return early }
        }
        return try parser.parse(bytes.span, count: bytes.count)
    }

    private let reply =
        "HTTP/1.1 201 Created\r\nContent-LENGTH:  5\r\nX: y\r\nConnection: keep-alive\r\n\r\nhello"

    @Test func aReplyIsFoundWhateverPiecesItComesIn() throws {
        let bytes = Array(reply.utf8)
        for first in 0..<bytes.count {
            var parser = HTTPReplyParser()
            #expect(try parser.parse(bytes.span, count: first) == nil)
            let found = try #require(try parser.parse(bytes.span, count: bytes.count))
            #expect(found.status == 201 && !found.closes)
            #expect(String(decoding: bytes[found.body], as: UTF8.self) == "hello")
        }
    }

    @Test func refusalsSayWhenToComeBack() throws {
        let found = try parse(
            "HTTP/1.1 503 Busy\r\nRetry-After: 2\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        )
        #expect(found?.status == 503 && found?.retryAfterSeconds == 2 && found?.closes == true)
        #expect(found?.body.isEmpty == true)
    }

    @Test func whatIsNotAReplyIsAnError() {
        for text in [
            "SSH-2.0-OpenSSH_9.2 and so on\r\n\r\n", "HTTP/1.1 abc\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX: " + String(repeating: "a", count: 20_000),
        ] {
            #expect(throws: HTTPReplyParser.Failure.self) { _ = try parse(text) }
        }
    }
}

@Suite struct LatencyHistogramTests {
    @Test func percentilesAreWithinOnePercent() {
        var histogram = LatencyHistogram()
        for value in 1...100_000 as ClosedRange<UInt64> {
            histogram.record(nanoseconds: value * 1000)
        }
        for (percentile, exact) in [(50.0, 50.0), (90, 90), (99, 99), (99.9, 99.9)] {
            let found = histogram.milliseconds(percentile: percentile)
            #expect(found >= exact && found <= exact * 1.01, "\(percentile): \(found)")
        }
        #expect(histogram.count == 100_000)
    }

    @Test func extremesHaveTheirBuckets() {
        var histogram = LatencyHistogram()
        #expect(histogram.milliseconds(percentile: 50) == 0)
        for value in [0, 1, 127, 128, 255, 256, UInt64.max] { histogram.record(nanoseconds: value) }
        #expect(histogram.milliseconds(percentile: 1) == 0)
        #expect(histogram.milliseconds(percentile: 100) > 1_000_000)
    }

    @Test func twoAddUp() {
        var first = LatencyHistogram()
        var second = LatencyHistogram()
        first.record(nanoseconds: 1000)
        second.record(nanoseconds: 2_000_000)
        first.add(second)
        #expect(first.count == 2)
        #expect(first.milliseconds(percentile: 100) >= 2)
    }
}

@Suite struct LoadRequestTests {
    @Test func everyRequestHasAnotherNameAndPayload() throws {
        var request = LoadRequest(
            kind: .appends(sizeBytes: 32),
            client: 3,
            run: "run",
            server: ServerAddress(host: "::1", port: 80),
            random: RandomSequence(seed: 1)
        )
        var digests: Set<SHA256Digest> = []
        var heads: Set<String> = []
        for _ in 0..<1000 {
            request.advance()
            let payload = Array(request.bytes.suffix(32))
            #expect(request.expectation == .appended(SHA256.hash(payload.span), sizeBytes: 32))
            digests.insert(SHA256.hash(payload.span))
            heads.insert(String(decoding: request.bytes.dropLast(32), as: UTF8.self))
        }
        #expect(digests.count == 1000 && heads.count == 1000)
        let head = try #require(heads.first { $0.contains("000000000007 ") })
        #expect(
            head == "POST /v1/collections/bench/evidence?name=run/3/000000000007 HTTP/1.1\r\n"
                + "Host: [::1]:80\r\nContent-Type: application/octet-stream\r\n"
                + "Content-Length: 32\r\n\r\n"
        )
    }

    @Test func aTokenGoesWithEveryRequest() {
        for kind in [LoadKind.appends(sizeBytes: 1), .receipts(treeSize: 1)] {
            for token in [nil, "strongroom_ab_cd"] {
                var request = LoadRequest(
                    kind: kind,
                    client: 0,
                    run: "run",
                    server: ServerAddress(host: "h", port: 80),
                    token: token,
                    random: RandomSequence(seed: 1)
                )
                request.advance()
                let text = String(decoding: request.bytes, as: UTF8.self)
                let field = "\r\nAuthorization: Bearer strongroom_ab_cd\r\n"
                #expect(text.contains(field) == (token != nil))
            }
        }
    }

    @Test func anEmptyPayloadIsAPayload() {
        var request = LoadRequest(
            kind: .appends(sizeBytes: 0),
            client: 0,
            run: "run",
            server: ServerAddress(host: "h", port: 80),
            random: RandomSequence(seed: 1)
        )
        request.advance()
        #expect(request.bytes.suffix(4) == Array("\r\n\r\n".utf8)[...])
    }

    @Test func receiptsAreAskedForBelowTheSize() {
        var request = LoadRequest(
            kind: .receipts(treeSize: 10),
            client: 0,
            run: "",
            server: ServerAddress(host: "h", port: 80),
            random: RandomSequence(seed: 1)
        )
        var seen: Set<UInt64> = []
        for _ in 0..<500 {
            request.advance()
            guard case .receipt(let index) = request.expectation else { continue }
            seen.insert(index)
            #expect(String(decoding: request.bytes, as: UTF8.self).contains("/\(index)/receipt "))
        }
        #expect(seen == Set(0..<10))
    }
}
