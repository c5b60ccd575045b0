import HTTPMessage
import Platform
import Testing

@testable import MicroServer

@Suite struct ProtocolViolationTests {
    /// What no request may hold, and the answer.
    static let violations: [(name: String, bytes: String, status: Int)] = [
        ("two lengths", post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), 400),
        ("length list", post("Content-Length: 3, 3\r\n", "abc"), 400),
        ("length of letters", post("Content-Length: abc\r\n", "abc"), 400),
        ("negative length", post("Content-Length: -1\r\n", "abc"), 400),
        ("signed length", post("Content-Length: +3\r\n", "abc"), 400),
        ("length beyond 64 bits", post("Content-Length: 99999999999999999999999\r\n", ""), 413),
        ("length and chunks", post("Content-Length: 3\r\n" + chunked, "0\r\n\r\n"), 400),
        ("chunks and length", post(chunked + "Content-Length: 3\r\n", "0\r\n\r\n"), 400),
        ("two codings", post(chunked + chunked, "0\r\n\r\n"), 400),
        ("unknown coding", post("Transfer-Encoding: gzip\r\n", "abc"), 400),
        ("coding list", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 400),
        ("coding and blank", post("Transfer-Encoding: chunked \r\n", "0\r\n\r\n"), 400),
        ("chunk size of letters", post(chunked, "zz\r\nabc\r\n0\r\n\r\n"), 400),
        ("chunk too long", post(chunked, "3\r\nabcdef\r\n0\r\n\r\n"), 400),
        ("no chunk size", post(chunked, "\r\nabc\r\n"), 400),
        ("chunk size beyond 64 bits", post(chunked, "fffffffffffffffff\r\nabc\r\n"), 413),
        ("chunks in HTTP/1.0", "POST /echo HTTP/1.0\r\n" + chunked + "\r\n0\r\n\r\n", 400),
        ("no host", "GET /echo HTTP/1.1\r\n\r\n", 400),
        ("two hosts", request("GET /echo", "Host: b\r\n"), 400),
        ("continued field", request("GET /echo", "A: b\r\n c\r\n"), 400),
        ("continued last field", request("GET /echo", "A: b\r\n\tc\r\n"), 400),
        ("blank before colon", request("GET /echo", "A : b\r\n"), 400),
        ("zero byte in a value", request("GET /echo", "A: b\u{0}c\r\nB: d\r\n"), 400),
        ("zero byte in the last value", request("GET /echo", "A: b\u{0}c\r\n"), 400),
        ("control character", request("GET /echo", "A: b\u{1}c\r\n"), 400),
        ("no colon", request("GET /echo", "A\r\n"), 400),
        ("no name", request("GET /echo", ": b\r\n"), 400),
        ("blank in the target", request("GET /a b"), 400),
        ("zero byte behind the target", request("GET /echo\u{0}"), 400),
        ("zero byte in the target", request("GET /echo\u{0}/more?a=b"), 400),
        ("zero byte in the query", request("GET /echo?a=b\u{0}c"), 400),
        ("zero byte in the method", request("GET\u{0}X /echo"), 400),
        ("two blanks before the target", request("GET  /echo"), 400),
        ("broken escape", request("GET /%zz"), 400),
        ("no slash", request("GET echo"), 400),
        ("asterisk", request("OPTIONS *"), 400),
        ("authority", request("CONNECT a:80"), 400),
        ("method", request("G{}T /echo"), 400),
        ("expectation", request("POST /echo", "Expect: 200-maybe\r\n"), 417),
        ("head over the limit", request("GET /echo", "A: \(run(26_000))\r\n"), 431),
        ("head far over the limit", request("GET /echo", "A: \(run(200_000))\r\n"), 431),
        ("many fields", request("GET /echo", run(5000, of: "A: b\r\n")), 431),
        ("target over the limit", request("GET /\(run(17_000))"), 414),
        ("target far over the limit", request("GET /\(run(100_000))"), 414),
        ("old version", "GET /echo\r\n\r\n", 400),
        ("version that comes", request("GET /echo").replacing("HTTP/1.1", with: "HTTP/2.0"), 505),
        ("TLS", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0} \u{1}\r\n\r\n", 400),
    ]

    private static let chunked = "Transfer-Encoding: chunked\r\n"

    private static func post(_ fields: String, _ body: String) -> String {
        request("POST /echo", fields, body: body)
    }

    private static func run(_ count: Int, of text: String = "x") -> String {
        String(repeating: text, count: count)
    }

    @Test(arguments: violations.indices)
    func isAnsweredAndEndsTheConnection(_ index: Int) throws {
        let violation = Self.violations[index]
        try withServer { server, application in
            let client = try RawClient(port: server.boundPort)
            client.send(violation.bytes)
            #expect(client.reply()?.status == violation.status, "\(violation.name)")
            _ = client.rest()
            #expect(application.seen.withLock { $0.finished } == 0, "\(violation.name)")
            let next = try RawClient(port: server.boundPort)
            next.send(request("GET /echo"))
            #expect(next.reply()?.status == 200)
        }
    }

    @Test func whatIsUnusualButAllowedIsServed() throws {
        try withServer { server, _ in
            for bytes in [
                "\r\n\r\n" + request("GET /echo"),
                request("FROB /echo"),
                "GET /echo HTTP/1.1\nHost: test\n\n",
                request("GET http://test/echo"),
                "GET /echo HTTP/1.0\r\n\r\n",
                request("POST /echo", "Content-Length: 0\r\n"),
                request("GET /echo", "A:\t b\r\n"),
            ] {
                let client = try RawClient(port: server.boundPort)
                client.send(bytes)
                #expect(client.reply()?.status == 200, "\(bytes)")
            }
        }
    }

    @Test func randomBytesNeverStopTheServer() throws {
        try withServer { server, _ in
            var generator = SystemRandomNumberGenerator()
            let good = Array(request("POST /echo", "Content-Length: 3\r\n", body: "abc").utf8)
            for _ in 0..<150 {
                var bytes = good
                for _ in 0..<Int.random(in: 1...8, using: &generator) {
                    bytes[Int.random(in: 0..<bytes.count, using: &generator)] =
                        UInt8.random(in: 0...255, using: &generator)
                }
                let client = try RawClient(port: server.boundPort)
                client.send(bytes)
                client.finishSending()
                let answer = client.rest()
                // Silence, or a reply whose status is one of a client's faults at worst.
                if !answer.isEmpty {
                    let status = String(decoding: answer.prefix(12), as: UTF8.self)
                    #expect(
                        status.hasPrefix("HTTP/1.1 2") || status.hasPrefix("HTTP/1.1 4")
                            || status == "HTTP/1.1 505" || status == "HTTP/1.1 100",
                        "\(bytes) \(status)"
                    )
                }
            }
            let client = try RawClient(port: server.boundPort)
            client.send(request("GET /echo"))
            #expect(client.reply()?.status == 200)
        }
    }
}
