import Testing

@testable import CurlClient

private func error(_ body: () throws -> Void) -> CurlError? {
    do {
        try body()
        return nil
    } catch {
        return error as? CurlError
    }
}

/// They count what the server has seen, each of its own requests.
@Suite struct RepetitionTests {
    private let client = HTTPClient(
        baseURL: TestServer.shared.base,
        options: HTTPClient.Options(userAgent: "tests/1")
    )
    /// Tells the requests of a test from all others.
    private let own = UInt64.random(in: 0 ... .max)

    /// How often the server has closed a connection instead of answering.
    private func closes() throws -> Int {
        let response = try client.perform(ClientRequest(url: "/closes?\(own)"))
        return try #require(Int(String(decoding: response.body, as: UTF8.self)))
    }

    /// Sends a request on a connection that has carried one already.
    private func closesCaused(by request: ClientRequest) throws -> Int {
        let before = try closes()
        guard case .connectionLost = error({ _ = try client.perform(request) }) else {
            Issue.record("not lost")
            return 0
        }
        return try closes() - before
    }

    @Test(arguments: [0, 3, 300_000])
    func refusedMeansOnce(count: Int) throws {
        let body = ClientRequest.Body.bytes([UInt8](repeating: 7, count: count))
        var request = ClientRequest(method: "PUT", url: "/close?\(own)", body: body)
        request.repetition = .refused
        #expect(try closesCaused(by: request) == 1)
        request.repetition = .allowed
        #expect(try closesCaused(by: request) == 2)
    }

    @Test func aStreamIsNotSentTwiceEither() throws {
        var left = [UInt8](repeating: 7, count: 10)
        var request = ClientRequest(
            method: "PUT",
            url: "/close?\(own)",
            body: unsafe .stream(lengthBytes: 10) { buffer in
                let count = min(left.count, buffer.count)
                unsafe buffer.copyBytes(from: left[..<count])
                left.removeFirst(count)
                return count
            }
        )
        request.repetition = .refused
        #expect(try closesCaused(by: request) == 1)
    }

    @Test func silenceEndsARequest() {
        var request = ClientRequest(url: "/slow")
        request.silenceMilliseconds = 100
        guard case .timedOut = error({ _ = try client.perform(request) }) else {
            Issue.record("not timed out")
            return
        }
    }

    @Test func whatDripsIsNotSilent() throws {
        var request = ClientRequest(url: "/drip")
        request.silenceMilliseconds = 4_000
        #expect(try client.perform(request).body.count == 9)
    }

    @Test func aRequestHasATimeOfItsOwn() {
        var request = ClientRequest(url: "/slow")
        request.timeoutMilliseconds = 100
        guard case .timedOut = error({ _ = try client.perform(request) }) else {
            Issue.record("not timed out")
            return
        }
    }
}

@Suite struct SilenceWatchTests {
    @Test func countsFromTheLastByte() {
        var watch = SilenceWatch(limitMilliseconds: 2)
        watch.start(at: 1_000_000)
        for (byteCount, nanoseconds) in [(0, 3_000_000), (10, 3_500_000), (10, 5_500_000)] {
            let goesOn = watch.goesOn(byteCount: byteCount, at: UInt64(nanoseconds))
            #expect(goesOn)
        }
        #expect(!watch.isOver)
        let goesOn = watch.goesOn(byteCount: 10, at: 5_500_001)
        #expect(!goesOn)
        #expect(watch.isOver)
    }

    @Test func withoutALimitNothingEnds() {
        var watch = SilenceWatch(limitMilliseconds: nil)
        for nanoseconds in [0, UInt64.max] {
            let goesOn = watch.goesOn(byteCount: 0, at: nanoseconds)
            #expect(goesOn)
        }
    }
}
