import HTTPMessage
import Platform
import Testing

@testable import MicroServer

@Suite struct ExchangeFlowTests {
    @Test func headsArriveAsTheyWereSent() throws {
        try withServer { server, application in
            let client = try RawClient(port: server.boundPort)
            client.send(request("GET /a%20b?c=d", "X-One: 1\r\nx-one:2  \r\nEmpty:\r\n"))
            let reply = try #require(client.reply())
            #expect(reply.status == 200)
            #expect(reply.fields["x-echo"] == "yes")
            #expect(reply.fields["date"] != nil)
            let head = application.seen.withLock { $0.heads[0] }
            #expect(head.method == .get)
            #expect(head.target.pathSegments == ["a b"])
            #expect(head.target.query == [.init(name: "c", value: "d")])
            #expect(head.fields.all("x-one") == ["1", "2"])
            #expect(head.fields.first("empty")?.isEmpty == true)
            #expect(!head.hasBody)
            #expect(head.remoteAddress.hasPrefix("127.0.0.1:"))
        }
    }

    @Test func aConnectionCarriesManyRequests() throws {
        try withServer { server, _ in
            let client = try RawClient(port: server.boundPort)
            for number in 0..<20 {
                let body = String(repeating: "x", count: number)
                client.send(request("POST /echo", "Content-Length: \(number)\r\n", body: body))
                let reply = try #require(client.reply())
                #expect(reply.text == body)
                #expect(reply.fields["connection"] == nil)
            }
            #expect(server.statistics.acceptedConnections == 1)
            #expect(server.statistics.requests == 20)
        }
    }

    @Test func requestsMayBeSentAhead() throws {
        try withServer { server, application in
            let client = try RawClient(port: server.boundPort)
            let post = request("POST /echo", "Content-Length: 3\r\n", body: "abc")
            client.send(post + request("POST /hold") + post + request("GET /echo"))
            #expect(client.reply()?.text == "abc")
            application.wait { $0.held.count == 1 }
            application.release()
            #expect(client.reply()?.text == "released")
            #expect(client.reply()?.text == "abc")
            #expect(client.reply()?.status == 200)
        }
    }

    @Test func bodiesMayComeInChunksAndPieces() throws {
        try withServer { server, application in
            let client = try RawClient(port: server.boundPort)
            client.send(request("POST /echo", "Transfer-Encoding: chunked\r\n"))
            for piece in ["3\r", "\nab", "c\r\n1;ext=1\r\nd\r\n", "0\r\nTrailer: x\r\n", "\r\n"] {
                client.send(piece)
            }
            #expect(client.reply()?.text == "abcd")
            #expect(application.seen.withLock { $0.heads[0].isChunked })
            #expect(application.seen.withLock { $0.heads[0].contentLength } == nil)
        }
    }

    @Test func largeBodiesPassWhole() throws {
        try withServer { server, _ in
            let client = try RawClient(port: server.boundPort)
            let body = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
            client.send(request("POST /echo", "Content-Length: \(body.count)\r\n"))
            let sender = Thread(name: "sender") { client.send(body) }
            let reply = try #require(client.reply())
            sender.join()
            #expect(reply.body == body)
        }
    }

    @Test(arguments: ["stream", "large"], [1, 65_536, 65_537, 262_144, 1_000_000])
    func longRepliesPassWhole(_ way: String, _ count: Int) throws {
        try withServer { server, _ in
            let client = try RawClient(port: server.boundPort)
            client.send(request("GET /\(way)/\(count)"))
            let reply = try #require(client.reply())
            #expect(reply.body == (0..<count).map { UInt8(truncatingIfNeeded: $0) })
            client.send(request("GET /echo"))
            #expect(client.reply()?.status == 200)
        }
    }

    @Test func headHasTheLengthButNotTheBody() throws {
        try withServer { server, _ in
            let client = try RawClient(port: server.boundPort)
            for path in ["/stream/100000", "/large/100000", "/large/100"] {
                client.send(request("HEAD \(path)"))
                let reply = try #require(client.reply(hasBody: false))
                #expect(
                    reply.fields["content-length"]
                        == path.split(separator: "/").last.map(String.init)
                )
            }
            client.send(request("GET /echo"))
            #expect(client.reply()?.status == 200)
        }
    }

    @Test func aBrokenStreamEndsTheConnectionInMidBody() throws {
        try withServer { server, _ in
            let client = try RawClient(port: server.boundPort)
            client.send(request("GET /broken/1000000"))
            #expect(client.reply() == nil)
            #expect(server.statistics.interruptedReplies == 1)
            let next = try RawClient(port: server.boundPort)
            next.send(request("GET /echo"))
            #expect(next.reply()?.status == 200)
        }
    }

    @Test func repliesFromAnotherThreadReachTheirClients() throws {
        try withServer { server, application in
            let clients = try (0..<50).map { _ in try RawClient(port: server.boundPort) }
            for round in 1...5 {
                for client in clients {
                    client.send(request("POST /hold", "Content-Length: 2\r\n", body: "ab"))
                }
                application.wait { $0.held.count == clients.count }
                application.release()
                for client in clients { #expect(client.reply()?.text == "released", "\(round)") }
            }
        }
    }

    @Test func aReplyToAClientThatLeftGoesNowhere() throws {
        try withServer { server, application in
            do {
                let client = try RawClient(port: server.boundPort)
                client.send(request("GET /hold"))
                application.wait { $0.held.count == 1 }
            }
            application.release()
            let next = try RawClient(port: server.boundPort)
            next.send(request("GET /echo"))
            #expect(next.reply()?.status == 200)
        }
    }

    @Test func aBrokenUploadIsAbandonedOnce() throws {
        try withServer { server, application in
            do {
                let client = try RawClient(port: server.boundPort)
                client.send(request("POST /echo", "Content-Length: 10\r\n", body: "abc"))
                application.wait { $0.heads.count == 1 }
            }
            application.wait { $0.abandoned == 1 }
            #expect(application.seen.withLock { $0.finished } == 0)
        }
    }

    @Test func closeIsHonoured() throws {
        try withServer { server, _ in
            let client = try RawClient(port: server.boundPort)
            client.send(request("GET /echo", "Connection: close\r\n"))
            #expect(client.reply()?.fields["connection"] == "close")
            #expect(client.isEnded())
        }
    }
}
