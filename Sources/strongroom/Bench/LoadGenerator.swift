internal import Platform

/// Keeps a number of connections busy from one thread, one request under way on each.
///
/// Costs little, for client and server often share the processors: sockets that do not block, one
/// poll for all, requests made ready in advance, replies searched only for status and length, and
/// then verified in full.
///
/// Thread: all of it on the caller's.
struct LoadGenerator {
    /// What came of a run.
    struct Outcome: Sendable {
        var latencies = LatencyHistogram()
        /// Replies verified.
        var records: UInt64 = 0
        var bytesSent: UInt64 = 0
        /// Replies that refused (503, 507 and so on), by status.
        var refusals: [Int: UInt64] = [:]
        var elapsedNanoseconds: UInt64 = 0
        /// What the generator itself cost: sending, receiving and verifying.
        var processorNanoseconds: UInt64 = 0
    }

    private let clients: [LoadClient]
    private let poll: SocketPoll
    private var verifier: ReplyVerifier
    private var outcome = Outcome()

    /// Connects all clients.
    init(
        clients count: Int,
        kind: LoadKind,
        server: ServerAddress,
        token: String?,
        run: String,
        verifier: ReplyVerifier
    ) throws(CommandFailure) {
        self.verifier = verifier
        do throws(SystemError) {
            poll = try SocketPoll(capacity: 512)
            var connected: [LoadClient] = []
            for number in 0..<count {
                let socket = try StreamSocket(host: server.host, port: server.port)
                let request = LoadRequest(
                    kind: kind,
                    client: number,
                    run: run,
                    server: server,
                    token: token,
                    random: RandomSequence()
                )
                connected.append(LoadClient(socket: socket, request: request))
                try poll.add(socket, tag: UInt64(number), .readable)
            }
            clients = connected
        } catch {
            throw CommandFailure(
                .tryAgain,
                "\(error)",
                advice: "is a server running at \(server)?"
            )
        }
    }

    /// Runs for a time, then waits for the replies that are still under way.
    ///
    /// `isCancelled` is asked about every 100 ms; true ends the run early. The first reply that
    /// does not verify is thrown with the exit code `verificationFailed`; a connection that the
    /// server closes, or no answer for 30 seconds, with `tryAgain`.
    mutating func run(
        seconds: Double,
        isCancelled: () -> Bool
    ) throws(CommandFailure) -> Outcome {
        let processorStart = Environment.processorNanoseconds()
        let start = Clock.monotonicNanoseconds()
        let end = start + UInt64(seconds * 1e9)
        var now = start
        var underWay = 0
        var paused: [(client: Int, until: UInt64)] = []
        for number in clients.indices {
            try begin(number, now: Clock.monotonicNanoseconds())
            underWay += 1
        }
        var ready: [UInt64] = []
        var lastProgress = start
        while underWay > 0 {
            try wait(&ready, milliseconds: paused.isEmpty ? 100 : 5)
            now = Clock.monotonicNanoseconds()
            let isOver = now >= end || isCancelled()
            if !ready.isEmpty { lastProgress = now }
            for tag in ready {
                let number = Int(tag)
                guard let result = try clients[number].advance(poll, tag: tag) else { continue }
                let reply = clients[number].take(result)
                if isOver {
                    underWay -= 1
                } else if let pause = result.pauseNanoseconds {
                    paused.append((number, now + pause))
                } else {
                    try begin(number, now: Clock.monotonicNanoseconds())
                }
                // After the next request is out, so that the server works meanwhile.
                try verify(reply)
            }
            let due = paused.filter { isOver || $0.until <= now }
            paused.removeAll { isOver || $0.until <= now }
            for pause in due {
                if isOver {
                    underWay -= 1
                } else {
                    try begin(pause.client, now: now)
                }
            }
            if now > lastProgress + 30_000_000_000 {
                throw CommandFailure(.tryAgain, "the server has not answered for 30 seconds")
            }
        }
        outcome.elapsedNanoseconds = Clock.monotonicNanoseconds() - start
        outcome.processorNanoseconds = Environment.processorNanoseconds() - processorStart
        return outcome
    }

    private func wait(_ ready: inout [UInt64], milliseconds: Int32) throws(CommandFailure) {
        do throws(SystemError) {
            try poll.wait(timeoutMilliseconds: milliseconds, tags: &ready)
        } catch {
            throw CommandFailure(error)
        }
    }

    private mutating func begin(_ number: Int, now: UInt64) throws(CommandFailure) {
        try clients[number].begin(poll, tag: UInt64(number), now: now)
        outcome.bytesSent += UInt64(clients[number].request.bytes.count)
    }

    private mutating func verify(_ reply: LoadClient.Taken) throws(CommandFailure) {
        guard reply.status == 200 || reply.status == 201 else {
            outcome.refusals[reply.status, default: 0] += 1
            return
        }
        outcome.latencies.record(nanoseconds: reply.latencyNanoseconds)
        try verifier.verify(reply.body.span, reply.expectation)
        outcome.records += 1
    }
}
