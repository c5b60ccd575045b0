import HTTPMessage
import Platform
import Testing

@testable import MicroServer

@Suite struct RefusalTests {
    @Test func withoutABodyTheConnectionGoesOn() throws {
        try withServer { server, application in
            let client = try RawClient(port: server.boundPort)
            client.send(request("GET /begin/404"))
            #expect(client.reply()?.status == 404)
            client.send(request("GET /echo"))
            #expect(client.reply()?.status == 200)
            #expect(application.seen.withLock { $0.abandoned } == 0)
        }
    }

    @Test func aSmallBodyIsReadAndTheConnectionGoesOn() throws {
        try withServer { server, _ in
            let client = try RawClient(port: server.boundPort)
            client.send(request("POST /begin/422", "Content-Length: 3\r\n", body: "abc"))
            let reply = try #require(client.reply())
            #expect(reply.status == 422)
            #expect(reply.text == "refused")
            client.send(request("GET /echo"))
            #expect(client.reply()?.status == 200)
        }
    }

    @Test func aLargeBodyIsRefusedBeforeItComes() throws {
        try withServer { server, _ in
            let client = try RawClient(port: server.boundPort)
            client.send(request("POST /begin/413", "Content-Length: 6000000000\r\n"))
            let reply = try #require(client.reply())
            #expect(reply.status == 413)
            #expect(reply.fields["connection"] == "close")
            #expect(client.isEnded())
        }
    }

    @Test func aClientThatSendsOnStillHearsTheRefusal() throws {
        try withServer { server, _ in
            let client = try RawClient(port: server.boundPort)
            client.send(request("POST /begin/413", "Content-Length: 20000000\r\n"))
            #expect(client.send([UInt8](repeating: 1, count: 20_000_000)))
            #expect(client.reply()?.status == 413)
        }
    }

    @Test func expectationIsAnsweredByContinue() throws {
        try withServer { server, _ in
            let client = try RawClient(port: server.boundPort)
            client.send(
                request("POST /echo", "Content-Length: 3\r\nExpect: 100-continue\r\n")
            )
            #expect(client.reply()?.status == 100)
            client.send("abc")
            #expect(client.reply()?.text == "abc")
        }
    }

    @Test func expectationIsAnsweredByTheRefusalItself() throws {
        try withServer { server, _ in
            let client = try RawClient(port: server.boundPort)
            client.send(
                request("POST /begin/507", "Content-Length: 3\r\nExpect: 100-continue\r\n")
            )
            #expect(client.reply()?.status == 507)
            #expect(client.isEnded())
        }
    }

    @Test(arguments: [3, 1_000_000])
    func inMidBodyTheRestIsDiscarded(_ count: Int) throws {
        try withServer { server, application in
            let client = try RawClient(port: server.boundPort)
            client.send(request("POST /receive/507", "Content-Length: \(count)\r\n"))
            client.send([UInt8](repeating: 1, count: count))
            #expect(client.reply()?.status == 507)
            client.send(request("GET /echo"))
            #expect(client.reply()?.status == 200)
            #expect(application.seen.withLock { $0.abandoned } == 1)
            #expect(application.seen.withLock { $0.finished } == 1)
        }
    }

    @Test func inMidBodyTooMuchOfARestEndsTheConnection() throws {
        try withServer({ $0.maximumDiscardBytes = 100_000 }) { server, application in
            let client = try RawClient(port: server.boundPort)
            client.send(request("POST /receive/507", "Content-Length: 300000000\r\n"))
            let sender = Thread(name: "sender") {
                client.send([UInt8](repeating: 1, count: 200_000_000))
            }
            #expect(client.reply() == nil)
            sender.join()
            application.wait { $0.abandoned == 1 }
        }
    }
}
