import HTTPMessage
import Platform
import Testing

@testable import MicroServer

@Suite struct DeadlineTests {
    @Test func aConnectionWithoutARequestEnds() throws {
        try withServer({ $0.headDeadlineSeconds = 0.1 }) { server, _ in
            let client = try RawClient(port: server.boundPort)
            #expect(client.isEnded())
            #expect(server.statistics.timedOut == 1)
        }
    }

    @Test func aHeadThatDripsEnds() throws {
        try withServer({ $0.headDeadlineSeconds = 0.3 }) { server, application in
            let client = try RawClient(port: server.boundPort)
            client.send("GET /echo HTTP/1.1\r\nHost: test\r\n")
            while client.send("A: b\r\n") { Clock.sleep(milliseconds: 20) }
            #expect(application.seen.withLock { $0.heads.count } == 0)
        }
    }

    @Test func aBodyThatStandsStillEnds() throws {
        try withServer({ $0.bodyWindowSeconds = 0.3 }) { server, application in
            let client = try RawClient(port: server.boundPort)
            client.send(request("POST /echo", "Content-Length: 10\r\n", body: "abc"))
            #expect(client.isEnded())
            application.wait { $0.abandoned == 1 }
        }
    }

    @Test func anIdleConnectionEnds() throws {
        try withServer({ $0.idleDeadlineSeconds = 0.1 }) { server, _ in
            let client = try RawClient(port: server.boundPort)
            client.send(request("GET /echo"))
            #expect(client.reply()?.status == 200)
            #expect(client.isEnded())
        }
    }

    @Test func aReplyThatNobodyTakesEnds() throws {
        try withServer({
            $0.bodyWindowSeconds = 0.2
            $0.minimumBodyBytesPerSecond = 100_000_000
        }) { server, _ in
            let client = try RawClient(port: server.boundPort)
            client.send(request("GET /stream/100000000"))
            while server.statistics.timedOut == 0 { Clock.sleep(milliseconds: 5) }
            #expect(client.reply() == nil)
        }
    }

    @Test func aRequestThatIsBeingAnsweredHasAllTheTime() throws {
        try withServer({
            $0.headDeadlineSeconds = 0.3
            $0.idleDeadlineSeconds = 0.3
            $0.bodyWindowSeconds = 0.3
            // The reply itself may take its time: that is not what this is about.
            $0.minimumBodyBytesPerSecond = 1
        }) { server, application in
            let client = try held(server, application)
            Clock.sleep(milliseconds: 1000)
            application.release()
            #expect(client.reply()?.status == 200)
        }
    }

    /// A client whose request is held; one that was too slow with its head on a busy machine is
    /// let go, as it must be, and another takes its place.
    private func held(
        _ server: MicroServer,
        _ application: TestApplication
    ) throws -> RawClient {
        while true {
            let ended = server.statistics.timedOut
            let client = try RawClient(port: server.boundPort)
            client.send(request("GET /hold"))
            while server.statistics.timedOut == ended {
                if application.seen.withLock({ $0.held.count }) == 1 { return client }
                Clock.sleep(milliseconds: 1)
            }
            while server.statistics.openConnections > 0 {
                application.release()
                Clock.sleep(milliseconds: 1)
            }
        }
    }

    @Test(arguments: ["", "GET /echo HT", "GET /echo HTTP/1.1\r\nHost: a\r\n"])
    func aClientThatEndsTooEarlyIsLetGo(_ bytes: String) throws {
        try withServer { server, _ in
            let client = try RawClient(port: server.boundPort)
            client.send(bytes)
            client.finishSending()
            #expect(client.isEnded())
        }
    }

    @Test func aClientThatEndsAfterItsRequestIsAnswered() throws {
        try withServer { server, _ in
            for _ in 0..<5 {
                let client = try RawClient(port: server.boundPort)
                client.send(request("POST /echo", "Content-Length: 3\r\n", body: "abc"))
                client.finishSending()
                #expect(client.reply()?.text == "abc")
                #expect(client.isEnded())
            }
        }
    }

    @Test func nearTheLimitTheOldestGoesFirst() throws {
        try withServer({
            $0.threads = 1
            $0.maximumConnections = 16
        }) { server, application in
            let held = try RawClient(port: server.boundPort)
            held.send(request("GET /hold"))
            application.wait { $0.held.count == 1 }
            var silent: [RawClient] = []
            for _ in 0..<200 {
                silent.append(try RawClient(port: server.boundPort))
                let client = try RawClient(port: server.boundPort)
                client.send(request("GET /echo"))
                #expect(client.reply()?.status == 200)
            }
            #expect(server.statistics.evicted > 0)
            #expect(server.statistics.openConnections <= 16)
            #expect(silent[0].isEnded())
            application.release()
            #expect(held.reply()?.status == 200)
        }
    }
}

@Suite struct ActivityTests {
    private let deadlines = {
        var configuration = ServerConfiguration()
        configuration.headDeadlineSeconds = 10
        configuration.idleDeadlineSeconds = 60
        configuration.bodyWindowSeconds = 10
        configuration.minimumBodyBytesPerSecond = 1000
        return Deadlines(configuration)
    }()

    private func isOver(_ phase: Phase, since: UInt64 = 1000, now: UInt64, bytes: Int = 0) -> Bool {
        var window: RateWindow?
        return deadlines.isOver(
            Activity(phase, sinceMilliseconds: since),
            bytes: bytes,
            nowMilliseconds: now,
            window: &window
        )
    }

    @Test func packsIntoAWord() {
        for raw in 0...5 {
            let phase = Phase(rawValue: UInt8(raw)) ?? .fresh
            let activity = Activity(phase, sinceMilliseconds: 1 << 40 + UInt64(raw))
            #expect(Activity(rawValue: activity.rawValue) == activity)
        }
    }

    @Test func onlyWhoWaitsForTheClientIsWaiting() {
        for (phase, expected) in [
            (Phase.fresh, true), (.idle, true), (.head, true), (.body, false), (.working, false),
            (.replying, false),
        ] {
            let activity = Activity(phase, sinceMilliseconds: 1000)
            #expect(activity.isWaiting(nowMilliseconds: 2000) == expected)
            #expect(!activity.isWaiting(nowMilliseconds: 1001))
        }
    }

    @Test func eachPhaseHasItsTime() {
        for phase in [Phase.fresh, .head] {
            #expect(!isOver(phase, now: 11_000))
            #expect(isOver(phase, now: 11_001))
        }
        #expect(!isOver(.idle, now: 61_000))
        #expect(isOver(.idle, now: 61_001))
        #expect(!isOver(.working, now: 1 << 50))
        #expect(!isOver(.replying, now: 11_000))
        #expect(isOver(.replying, now: 11_001))
        #expect(!isOver(.replying, now: 21_000, bytes: 10_000))
        #expect(isOver(.replying, now: 21_001, bytes: 10_000))
        #expect(!isOver(.head, since: 5000, now: 4000))
    }

    @Test func aBodyIsJudgedByEachWindow() {
        let activity = Activity(.body, sinceMilliseconds: 0)
        var window: RateWindow?
        func isOver(_ now: UInt64, _ bytes: Int) -> Bool {
            deadlines.isOver(activity, bytes: bytes, nowMilliseconds: now, window: &window)
        }
        #expect(!isOver(0, 0))
        #expect(!isOver(9_999, 0))
        #expect(!isOver(10_000, 1_000_000))
        // What came fast at first buys no time afterwards.
        #expect(!isOver(19_999, 1_000_000))
        #expect(isOver(20_000, 1_009_999))
        #expect(!isOver(20_000, 1_010_000))
        #expect(isOver(30_000, 1_010_000))
    }

    @Test func aNewBodyStartsANewWindow() {
        var window: RateWindow? = RateWindow(
            activity: Activity(.body, sinceMilliseconds: 0),
            startMilliseconds: 0,
            startBytes: 500
        )
        let next = Activity(.body, sinceMilliseconds: 50_000)
        #expect(!deadlines.isOver(next, bytes: 0, nowMilliseconds: 50_100, window: &window))
        #expect(window?.startMilliseconds == 50_000)
        #expect(window?.startBytes == 0)
    }

    private func rank(
        _ phase: Phase,
        since: UInt64,
        served: Bool = false,
        bytes: Int = 0
    ) -> Dispensability? {
        Dispensability(
            Activity(phase, sinceMilliseconds: since),
            servedBefore: served,
            bytes: bytes,
            nowMilliseconds: 100_000
        )
    }

    @Test func whoNeverAskedGoesBeforeWhoDid() throws {
        let old = try #require(rank(.fresh, since: 0))
        let young = try #require(rank(.head, since: 99_000))
        let idle = try #require(rank(.idle, since: 0, served: true))
        let slow = try #require(rank(.body, since: 0, bytes: 10))
        let fast = try #require(rank(.body, since: 0, bytes: 1_000_000))
        let new = try #require(rank(.body, since: 99_500))
        #expect(old > young)
        #expect(young > idle)
        #expect(idle > slow)
        #expect(slow > fast)
        #expect(fast > new)
        #expect(rank(.working, since: 0) == nil)
        #expect(rank(.replying, since: 0) == nil)
    }
}
