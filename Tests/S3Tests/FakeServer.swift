import Cryptography
import HTTPMessage
import MicroServer
import Platform
import SigV4
import Testing

@testable import S3

/// A request as the fake server got it.
struct FakeRequest: Sendable {
    let method: String
    let path: String
    let query: [String: String]
    /// Names in lower case.
    let fields: [String: String]
    let body: [UInt8]

    var bodyText: String { String(decoding: body, as: UTF8.self) }
}

/// An HTTP server that answers as a test says, and keeps what it was asked.
final class FakeServer: Application {
    private let answer: @Sendable (FakeRequest, _ number: Int) -> Response
    private let seen = Mutex([FakeRequest]())
    private let server = Mutex(MicroServer?.none)

    /// `answer` gets the request and how many came before it.
    init(_ answer: @escaping @Sendable (FakeRequest, _ number: Int) -> Response) throws {
        self.answer = answer
        var configuration = ServerConfiguration()
        configuration.threads = 2
        configuration.maximumConnections = 100
        let started = try MicroServer(configuration: configuration, application: self)
        server.withLock { $0 = started }
    }

    /// What one reply after the other says; the last one again and again.
    convenience init(_ answers: [Response]) throws {
        try self.init { _, number in answers[min(number, answers.count - 1)] }
    }

    /// Ends the server; the requests can still be looked at.
    func stop() {
        let running = server.withLock { server in
            defer { server = nil }
            return server
        }
        running?.stop(gracePeriodSeconds: 0)
    }

    var url: String { "http://127.0.0.1:\(server.withLock { $0?.boundPort } ?? 0)" }
    var requests: [FakeRequest] { seen.withLock { $0 } }

    func exchange(for head: RequestHead) -> any Exchange { FakeExchange(head, self) }

    fileprivate func reply(to request: FakeRequest) -> Response {
        let number = seen.withLock { seen in
            seen.append(request)
            return seen.count - 1
        }
        return answer(request, number)
    }
}

/// `@unchecked Sendable`: the server calls an exchange from one thread at a time.
private final class FakeExchange: Exchange, @unchecked Sendable {
    private let head: RequestHead
    private let server: FakeServer
    private var body: [UInt8] = []

    init(_ head: RequestHead, _ server: FakeServer) {
        self.head = head
        self.server = server
    }

    func receive(_ bytes: Span<UInt8>) -> Response? {
        unsafe bytes.withUnsafeBufferPointer { unsafe body.append(contentsOf: $0) }
        return nil
    }

    func finish(_ responder: Responder) {
        let query = head.target.query.map { ($0.name, $0.value) }
        let fields = head.fields.pairs.map { ($0.name.lowercased(), $0.value) }
        responder.respond(
            server.reply(
                to: FakeRequest(
                    method: head.method.name,
                    path: head.target.rawPath,
                    query: Dictionary(query) { first, _ in first },
                    fields: Dictionary(fields) { first, _ in first },
                    body: body
                )
            )
        )
    }
}

extension Response {
    static func text(
        _ status: Int,
        _ text: String = "",
        _ fields: KeyValuePairs<StaticString, String> = [:]
    ) -> Response {
        Response(
            status: status,
            fields: HTTPFields(fields),
            body: text.isEmpty ? .empty : .bytes(Array(text.utf8))
        )
    }

    /// A refusal as S3 words it.
    static func error(
        _ status: Int,
        _ code: String,
        more: String = "",
        _ fields: KeyValuePairs<StaticString, String> = [:]
    ) -> Response {
        text(
            status,
            "<?xml version=\"1.0\"?><Error><Code>\(code)</Code><Message>because</Message>\(more)"
                + "</Error>",
            fields
        )
    }

    static let stored = text(200, "", ["ETag": "\"tag\"", "x-amz-version-id": "v1"])
}

/// Time that passes only when somebody sleeps.
final class FakeTime: Sendable {
    private let state: Mutex<(wallMilliseconds: Int64, nanoseconds: UInt64, slept: [UInt64])>

    init(wallMilliseconds: Int64 = 1_795_219_200_000) {
        state = Mutex((wallMilliseconds, 1_000_000_000, []))
    }

    var slept: [UInt64] { state.withLock { $0.slept } }
    var wallMilliseconds: Int64 { state.withLock { $0.wallMilliseconds } }

    func pass(milliseconds: UInt64) {
        state.withLock { state in
            state.wallMilliseconds += Int64(milliseconds)
            state.nanoseconds += milliseconds * 1_000_000
        }
    }

    /// Waits are as long as they can be.
    var surroundings: Surroundings {
        Surroundings(
            wallMilliseconds: { self.state.withLock { $0.wallMilliseconds } },
            monotonicNanoseconds: { self.state.withLock { $0.nanoseconds } },
            chance: { .max },
            sleep: { milliseconds in
                self.state.withLock { $0.slept.append(milliseconds) }
                self.pass(milliseconds: milliseconds)
            }
        )
    }
}
