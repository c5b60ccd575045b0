import HTTPMessage
import Platform
import Testing

@testable import MicroServer

@Suite struct LifecycleTests {
    private func start(_ application: TestApplication) throws -> MicroServer {
        var configuration = ServerConfiguration()
        configuration.threads = 2
        configuration.maximumConnections = 100
        return try MicroServer(configuration: configuration, application: application)
    }

    @Test func requestsInFlightAreAnsweredBeforeItStops() throws {
        let application = TestApplication()
        let server = try start(application)
        let held = try (0..<20).map { _ in try RawClient(port: server.boundPort) }
        for client in held { client.send(request("GET /hold")) }
        application.wait { $0.held.count == held.count }
        let uploading = try RawClient(port: server.boundPort)
        uploading.send(request("POST /echo", "Content-Length: 6\r\n", body: "abc"))
        application.wait { $0.heads.count == held.count + 1 }
        let idle = try RawClient(port: server.boundPort)
        idle.send(request("GET /echo"))
        #expect(idle.reply()?.status == 200)

        let stopping = Thread(name: "stop") { server.stop(gracePeriodSeconds: 30) }
        #expect(idle.isEnded())
        uploading.send("def")
        let reply = try #require(uploading.reply())
        #expect(reply.text == "abcdef")
        #expect(reply.fields["connection"] == "close")
        application.release()
        for client in held { #expect(client.reply()?.text == "released") }
        stopping.join()
        #expect(throws: (any Error).self) { try RawClient(port: server.boundPort) }
    }

    @Test func whatOutlastsTheGraceIsBrokenOff() throws {
        let application = TestApplication()
        let server = try start(application)
        let held = try RawClient(port: server.boundPort)
        held.send(request("GET /hold"))
        application.wait { $0.held.count == 1 }
        let unfinished = try RawClient(port: server.boundPort)
        unfinished.send(request("POST /echo", "Content-Length: 6\r\n", body: "abc"))
        application.wait { $0.heads.count == 2 }
        server.stop(gracePeriodSeconds: 0.05)
        #expect(held.reply() == nil)
        #expect(unfinished.reply() == nil)
        #expect(application.seen.withLock { $0.abandoned } == 1)
        // The reply that comes too late finds nobody, and does no harm.
        application.release()
    }

    @Test func underLoadEveryReplyThatWasBegunIsWhole() throws {
        let application = TestApplication()
        let server = try start(application)
        let port = server.boundPort
        let broken = Mutex(0)
        let served = Mutex(0)
        let threads = (0..<8).map { _ in
            Thread(name: "client") {
                while let client = try? RawClient(port: port) {
                    var count = 0
                    while client.send(request("POST /echo", "Content-Length: 3\r\n", body: "abc")) {
                        guard let reply = client.reply() else { break }
                        if reply.text != "abc" { broken.withLock { $0 += 1 } }
                        count += 1
                        if reply.fields["connection"] == "close" { break }
                    }
                    served.withLock { $0 += count }
                    if count == 0 { break }
                }
            }
        }
        while server.statistics.requests < 500 { Clock.sleep(milliseconds: 1) }
        server.stop(gracePeriodSeconds: 30)
        for thread in threads { thread.join() }
        #expect(broken.withLock { $0 } == 0)
        #expect(UInt64(served.withLock { $0 }) == server.statistics.requests)
    }

    @Test func startAndStopManyTimes() throws {
        for _ in 0..<20 {
            let server = try start(TestApplication())
            let client = try RawClient(port: server.boundPort)
            client.send(request("GET /echo"))
            #expect(client.reply()?.status == 200)
            server.stop(gracePeriodSeconds: 0)
        }
    }

    @Test func aSecondReplyIsAProgrammersError() async {
        await #expect(processExitsWith: .failure) {
            try withServer { server, application in
                let client = try RawClient(port: server.boundPort)
                client.send(request("GET /hold"))
                application.wait { $0.held.count == 1 }
                let responder = application.seen.withLock { $0.held[0] }
                responder.respond(Response(status: 200))
                responder.respond(Response(status: 200))
            }
        }
    }

    @Test func anAddressInUseIsNamed() throws {
        try withServer { server, _ in
            var configuration = ServerConfiguration()
            configuration.port = server.boundPort
            #expect {
                try MicroServer(configuration: configuration, application: TestApplication())
            } throws: { error in
                guard case ServerError.cannotListen(_, let port, let reason) = error else {
                    return false
                }
                return port == server.boundPort && !reason.isEmpty
            }
        }
    }

    @Test func aHostWithoutAnAddressIsNamed() {
        var configuration = ServerConfiguration()
        configuration.host = "no such host."
        #expect(throws: ServerError.unknownHost("no such host.")) {
            try MicroServer(configuration: configuration, application: TestApplication())
        }
    }

    @Test(arguments: [(0, 10), (2, 0), (2, 241), (257, 10)])
    func limitsThatCannotBeAreRefused(_ threads: Int, _ connections: Int) {
        var configuration = ServerConfiguration()
        configuration.threads = threads
        configuration.maximumConnections = connections
        #expect {
            try MicroServer(configuration: configuration, application: TestApplication())
        } throws: { error in
            if case ServerError.invalidConfiguration = error { true } else { false }
        }
    }
}
