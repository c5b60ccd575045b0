import Testing

@testable import CurlClient

private struct Stop: Error, Equatable {}

private func client(_ change: (inout HTTPClient.Options) -> Void = { _ in }) -> HTTPClient {
    var options = HTTPClient.Options(userAgent: "tests/1")
    change(&options)
    return HTTPClient(baseURL: TestServer.shared.base, options: options)
}

private func error(_ body: () throws -> Void) -> CurlError? {
    do {
        try body()
        return nil
    } catch {
        return error as? CurlError
    }
}

private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// What `/echo` says: the request line and the fields, then the body.
private struct Echo {
    let lines: [Substring]
    let body: [UInt8]

    init(_ response: ClientResponse) throws {
        let bytes = response.body
        let end = try #require(
            bytes.indices.first { $0 + 1 < bytes.count && bytes[$0] == 10 && bytes[$0 + 1] == 10 }
        )
        lines = text(Array(bytes[..<end])).split(separator: "\n").map { $0[...] }
        body = Array(bytes[(end + 2)...])
    }

    func has(_ line: String) -> Bool { lines.contains { $0 == line } }
    func hasField(_ name: String) -> Bool { lines.contains { $0.hasPrefix(name + ":") } }
}

@Suite struct HTTPClientTests {
    @Test func getWithFields() throws {
        let response = try client().perform(
            ClientRequest(
                url: "/echo?a=b%20c",
                fields: [("X-One", "1"), ("X-Empty", ""), ("Authorization", "Bearer abc")]
            )
        )
        #expect(response.status == 200)
        let echo = try Echo(response)
        #expect(echo.lines.first == "GET /echo?a=b%20c")
        #expect(echo.has("x-one: 1"))
        #expect(echo.hasField("x-empty"))
        #expect(echo.has("authorization: Bearer abc"))
        #expect(echo.has("user-agent: tests/1"))
        #expect(!echo.hasField("content-type"))
        #expect(echo.body == [])
    }

    @Test(arguments: ["POST", "PUT", "PATCH", "DELETE"])
    func bodyOfBytes(method: String) throws {
        let client = client()
        let echo = try Echo(
            client.perform(
                ClientRequest(
                    method: method,
                    url: "/echo",
                    fields: [("Content-Type", "text/plain")],
                    body: .bytes([0, 1, 2, 255])
                )
            )
        )
        #expect(echo.lines.first?.hasPrefix(method) == true)
        #expect(echo.body == [0, 1, 2, 255])
        #expect(echo.has("content-length: 4"))
        #expect(echo.has("content-type: text/plain"))
        #expect(!echo.hasField("expect"))
    }

    @Test(arguments: ["POST", "PUT"])
    func noBody(method: String) throws {
        for body in [ClientRequest.Body.none, .bytes([])] {
            let echo = try Echo(
                client().perform(ClientRequest(method: method, url: "/echo", body: body))
            )
            #expect(echo.lines.first?.hasPrefix(method) == true)
            #expect(echo.has("content-length: 0"))
            #expect(!echo.hasField("content-type"))
        }
    }

    @Test(arguments: [0, 1, 100_000, 2 << 20], [true, false])
    func bodyFromAStream(count: Int, tellsLength: Bool) throws {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        var sent = 0
        let body = unsafe ClientRequest.Body.stream(lengthBytes: tellsLength ? UInt64(count) : nil)
        {
            let piece = min($0.count, count - sent, 50_000)
            unsafe $0.copyBytes(from: bytes[sent..<sent + piece])
            sent += piece
            return piece
        }
        let echo = try Echo(
            client().perform(ClientRequest(method: "PUT", url: "/echo", body: body))
        )
        #expect(echo.body == bytes)
        #expect(echo.has("content-length: \(count)") == tellsLength)
        #expect(echo.has("transfer-encoding: chunked") == !tellsLength)
    }

    @Test func asksBeforeLargeBodiesOnly() throws {
        let client = client()
        for (count, asks) in [(1 << 20, false), (2 << 20, true)] {
            let echo = try Echo(
                client.perform(
                    ClientRequest(
                        method: "POST",
                        url: "/echo",
                        body: .bytes([UInt8](repeating: 7, count: count))
                    )
                )
            )
            #expect(echo.has("expect: 100-continue") == asks)
            #expect(echo.body.count == count)
        }
    }

    @Test func earlyRefusalOfALargeBodyIsTheResponse() throws {
        let response = try client().perform(
            ClientRequest(
                method: "POST",
                url: "/early",
                body: .bytes([UInt8](repeating: 7, count: 8 << 20))
            )
        )
        #expect(response.status == 413)
        #expect(text(response.body) == "too large")
    }

    @Test func headHasNoBody() throws {
        let response = try client().perform(ClientRequest(method: "HEAD", url: "/bytes/1000"))
        #expect(response.status == 200)
        #expect(response.fields["content-length"] == "1000")
        #expect(response.body == [])
    }

    @Test func connectionIsKept() throws {
        let client = client()
        let ports = try (0..<5).map { number in
            let method = number == 2 ? "POST" : "GET"
            return try client.perform(ClientRequest(method: method, url: "/port")).body
        }
        #expect(Set(ports).count == 1)
    }

    @Test func redirectIsNotFollowed() throws {
        let response = try client().perform(ClientRequest(url: "/redirect"))
        #expect(response.status == 302)
        #expect(response.fields["LOCATION"] == "/echo")
    }

    @Test func dotsInThePathAreKept() throws {
        let echo = try Echo(client().perform(ClientRequest(url: "/echo?../x/./..")))
        #expect(echo.lines.first == "GET /echo?../x/./..")
        // The server knows no other path that ends so; after normalization it would be `/echo`.
        #expect(try client().perform(ClientRequest(url: "/x/../echo")).status == 404)
    }

    @Test(arguments: [200, 400, 404, 507])
    func anyStatusIsAResponse(status: Int) throws {
        let response = try client().perform(ClientRequest(url: "/status/\(status)"))
        #expect(response.status == status)
        #expect(text(response.body) == "problem")
        #expect(response.fields["x-reason"] == "because")
        #expect(response.fields["absent"] == nil)
    }

    @Test func receivesInPieces() throws {
        var pieces: [Int] = []
        var received: [UInt8] = []
        let response = try client().perform(ClientRequest(url: "/bytes/300000")) { bytes in
            pieces.append(bytes.count)
            unsafe bytes.withUnsafeBufferPointer { unsafe received.append(contentsOf: $0) }
        }
        #expect(response.body == [])
        #expect(pieces.count > 1)
        #expect(received == (0..<300_000).map { UInt8($0 % 251) })
    }

    @Test func aRefusalIsCollectedThoughAClosureReceives() throws {
        var calls = 0
        let response = try client().perform(ClientRequest(url: "/status/404")) { _ in calls += 1 }
        #expect(text(response.body) == "problem")
        #expect(calls == 0)
    }

    @Test func chunkedResponse() throws {
        let response = try client().perform(ClientRequest(url: "/chunked"))
        #expect(text(response.body) == "onetwothree")
    }
}

@Suite struct HTTPClientFailureTests {
    @Test func closuresAbort() throws {
        let client = client()
        var failure = error {
            _ = try client.perform(ClientRequest(url: "/bytes/300000")) { _ in throw Stop() }
        }
        #expect(failure == .aborted)
        #expect(client.callbackError as? Stop == Stop())
        failure = error {
            _ = try client.perform(
                ClientRequest(
                    method: "PUT",
                    url: "/echo",
                    body: unsafe .stream(lengthBytes: 10) { _ in throw Stop() }
                )
            )
        }
        #expect(failure == .aborted)
        #expect(client.callbackError as? Stop == Stop())
        // The client is good for more.
        #expect(try client.perform(ClientRequest(url: "/port")).status == 200)
        #expect(client.callbackError == nil)
    }

    @Test func collectedBodyIsBounded() throws {
        let client = client { $0.maximumBodyBytes = 1_000 }
        #expect(try client.perform(ClientRequest(url: "/bytes/1000")).body.count == 1_000)
        let failure = error { _ = try client.perform(ClientRequest(url: "/bytes/1001")) }
        #expect(failure == .responseTooLarge(limitBytes: 1_000))
    }

    @Test func nobodyListens() {
        // Port 1 of the loopback address: refused at once.
        let client = HTTPClient(
            baseURL: "http://127.0.0.1:1",
            options: HTTPClient.Options(userAgent: "tests/1")
        )
        guard case .unreachable = error({ _ = try client.perform(ClientRequest(url: "/")) }) else {
            Issue.record("not unreachable")
            return
        }
    }

    @Test func unknownHost() {
        let failure = error {
            _ = try HTTPClient(options: HTTPClient.Options(userAgent: "tests/1"))
                .perform(ClientRequest(url: "http://no-such-host.invalid/"))
        }
        guard case .unreachable = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
    }

    @Test func requestTimeout() {
        let client = client { $0.requestTimeoutMilliseconds = 200 }
        guard case .timedOut = error({ _ = try client.perform(ClientRequest(url: "/slow")) }) else {
            Issue.record("not timed out")
            return
        }
    }

    @Test func lowSpeedTimeout() {
        let client = client {
            $0.lowSpeed = HTTPClient.LowSpeed(bytesPerSecond: 10, seconds: 1)
        }
        guard case .timedOut = error({ _ = try client.perform(ClientRequest(url: "/slow")) }) else {
            Issue.record("not timed out")
            return
        }
    }

    @Test(arguments: ["/close", "/half"])
    func lostConnection(url: String) {
        guard case .connectionLost = error({ _ = try client().perform(ClientRequest(url: url)) })
        else {
            Issue.record("not lost")
            return
        }
    }

    @Test func notHTTP() {
        guard
            case .protocolError = error({
                _ = try client().perform(ClientRequest(url: "/nonsense"))
            })
        else {
            Issue.record("taken for HTTP")
            return
        }
    }

    @Test func certificates() throws {
        let server = TestServer.secure
        var options = HTTPClient.Options(userAgent: "tests/1")
        let stranger = HTTPClient(baseURL: server.base, options: options)
        guard case .tlsFailed = error({ _ = try stranger.perform(ClientRequest(url: "/port")) })
        else {
            Issue.record("a stranger's certificate was taken")
            return
        }
        options.authorityFile = server.certificateFile
        let client = HTTPClient(baseURL: server.base, options: options)
        #expect(try client.perform(ClientRequest(url: "/port")).status == 200)
        // The name is checked as well as the signature.
        let other = HTTPClient(
            baseURL: "https://localhost:\(server.port)",
            options: options
        )
        guard case .tlsFailed = error({ _ = try other.perform(ClientRequest(url: "/port")) })
        else {
            Issue.record("another name's certificate was taken")
            return
        }
    }

    @Test func notTLS() {
        let failure = error {
            _ = try HTTPClient(options: HTTPClient.Options(userAgent: "tests/1"))
                .perform(ClientRequest(url: "https://127.0.0.1:\(TestServer.shared.port)/"))
        }
        guard case .tlsFailed = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
    }

    @Test(arguments: ["ftp://127.0.0.1/", "file:///etc/passwd", "127.0.0.1", "", "http://", "a b"])
    func refusesOtherURLs(url: String) {
        let failure = error {
            _ = try HTTPClient(options: HTTPClient.Options(userAgent: "tests/1"))
                .perform(ClientRequest(url: url))
        }
        guard case .invalidRequest = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
    }

    @Test func refusesFieldsThatAreNotOneLine() {
        let requests = [
            ClientRequest(url: "/echo", fields: [("X", "a\r\nY: b")]),
            ClientRequest(url: "/echo", fields: [("X\r\nY", "a")]),
            ClientRequest(url: "/echo", fields: [("X Y", "a")]),
            ClientRequest(url: "/echo", fields: [("", "a")]),
            ClientRequest(url: "/echo", fields: [("X", "a\0b")]),
            ClientRequest(method: "GET /other HTTP/1.1\r\nX: y", url: "/echo"),
        ]
        for request in requests {
            guard case .invalidRequest = error({ _ = try client().perform(request) }) else {
                Issue.record("sent \(request.fields)")
                return
            }
        }
    }
}

@Suite struct PercentEncodingTests {
    @Test(arguments: [
        ("", ""), ("abcXYZ019-._~", "abcXYZ019-._~"), ("a/b", "a%2Fb"), ("a b+c", "a%20b%2Bc"),
        ("é", "%C3%A9"), ("%", "%25"), ("?&=#", "%3F%26%3D%23"), ("\0", "%00"),
    ])
    func encodes(plain: String, encoded: String) {
        #expect(percentEncode(pathSegment: plain) == encoded)
        #expect(percentEncode(queryValue: plain) == encoded)
    }
}
