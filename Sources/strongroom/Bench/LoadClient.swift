internal import Platform

/// One connection of the load generator.
///
/// Thread: the generator's.
final class LoadClient {
    /// A whole reply.
    struct Result {
        let reply: HTTPReplyParser.Reply
        let latencyNanoseconds: UInt64

        /// How long to hold back after a refusal, so that refusals are not all that is measured.
        var pauseNanoseconds: UInt64? {
            reply.status < 300 ? nil : 20_000_000
        }
    }

    private(set) var request: LoadRequest
    /// The reply is at its start.
    private var received = [UInt8](repeating: 0, count: 8192)
    private let socket: StreamSocket
    private var receivedCount = 0
    private var sentCount = 0
    private var startedNanoseconds: UInt64 = 0
    private var parser = HTTPReplyParser()

    init(socket: StreamSocket, request: LoadRequest) {
        self.socket = socket
        self.request = request
    }

    /// A reply by itself, with what it should say.
    struct Taken {
        let status: Int
        let body: [UInt8]
        let latencyNanoseconds: UInt64
        let expectation: LoadExpectation
    }

    /// Takes the reply that came last out, so that the next request can begin.
    func take(_ result: Result) -> Taken {
        Taken(
            status: result.reply.status,
            body: Array(received[result.reply.body]),
            latencyNanoseconds: result.latencyNanoseconds,
            expectation: request.expectation
        )
    }

    /// Sends the next request, as far as that goes now.
    func begin(_ poll: SocketPoll, tag: UInt64, now: UInt64) throws(CommandFailure) {
        request.advance()
        receivedCount = 0
        sentCount = 0
        parser.reset()
        startedNanoseconds = now
        try send()
        if sentCount < request.bytes.count {
            try watch(poll, tag, .readableAndWritable)
        }
    }

    /// Goes on after the poll has named this client; a result once the reply is whole.
    func advance(_ poll: SocketPoll, tag: UInt64) throws(CommandFailure) -> Result? {
        if sentCount < request.bytes.count {
            try send()
            if sentCount == request.bytes.count { try watch(poll, tag, .readable) }
        }
        if receivedCount == received.count {
            received += [UInt8](repeating: 0, count: received.count)
        }
        let outcome: StreamSocket.Outcome
        do throws(SystemError) {
            outcome = try socket.receive(into: &received, from: receivedCount)
        } catch {
            throw CommandFailure(.tryAgain, "\(error)")
        }
        switch outcome {
        case .wouldBlock: return nil
        case .closed:
            throw CommandFailure(.tryAgain, "the server has closed a connection before its reply")
        case .moved(let count): receivedCount += count
        }
        return try parse()
    }

    private func parse() throws(CommandFailure) -> Result? {
        let buffer = received
        let found: HTTPReplyParser.Reply?
        do throws(HTTPReplyParser.Failure) {
            found = try parser.parse(buffer.span, count: receivedCount)
        } catch {
            throw CommandFailure(.tryAgain, "the server's reply cannot be read: \(error)")
        }
        guard let reply = found else { return nil }
        guard !reply.closes else {
            throw CommandFailure(
                .tryAgain,
                "the server answers \(reply.status) and closes the connection"
            )
        }
        return Result(
            reply: reply,
            latencyNanoseconds: Clock.monotonicNanoseconds() - startedNanoseconds
        )
    }

    private func send() throws(CommandFailure) {
        while sentCount < request.bytes.count {
            let outcome: StreamSocket.Outcome
            do throws(SystemError) {
                outcome = try socket.send(request.bytes, from: sentCount)
            } catch {
                throw CommandFailure(.tryAgain, "\(error)")
            }
            switch outcome {
            case .moved(let count): sentCount += count
            case .wouldBlock: return
            case .closed: throw CommandFailure(.tryAgain, "the server has closed a connection")
            }
        }
    }

    private func watch(
        _ poll: SocketPoll,
        _ tag: UInt64,
        _ interest: SocketPoll.Interest
    )
        throws(CommandFailure)
    {
        do throws(SystemError) {
            try poll.change(socket, tag: tag, interest)
        } catch {
            throw CommandFailure(error)
        }
    }
}
