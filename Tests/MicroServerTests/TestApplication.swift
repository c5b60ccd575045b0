import HTTPMessage
import Platform
import Synchronization
import Testing

@testable import MicroServer

/// An application that a test can look into.
///
/// The path says what to do: `/echo` returns the body; `/hold` replies when the test says so;
/// `/begin/<status>` refuses at the head and `/receive/<status>` at the first byte;
/// `/stream/<bytes>` streams; `/broken/<bytes>` streams half of it and fails; `/large/<bytes>`
/// replies from memory.
final class TestApplication: Application {
    struct Seen {
        var heads: [RequestHead] = []
        var abandoned = 0
        var finished = 0
        var held: [Responder] = []
    }

    let seen = Mutex(Seen())
    let changed = Condition()

    func exchange(for head: RequestHead) -> any Exchange {
        note { $0.heads.append(head) }
        return TestExchange(head, application: self)
    }

    /// Waits for a condition on what was seen.
    func wait(until condition: (Seen) -> Bool) {
        seen.withLock(when: condition, on: changed) { _ in }
    }

    func note(_ change: (inout Seen) -> Void) {
        seen.withLock { change(&$0) }
        changed.broadcast()
    }

    /// Replies to everything that is held.
    func release() {
        let held = seen.withLock { seen in
            defer { seen.held = [] }
            return seen.held
        }
        for responder in held {
            responder.respond { Response(status: 200, body: .bytes(Array("released".utf8))) }
        }
    }
}

/// `@unchecked Sendable`: the server calls an exchange from one thread at a time.
final class TestExchange: Exchange, @unchecked Sendable {
    private let application: TestApplication
    private let segments: [String]
    private var body: [UInt8] = []

    init(_ head: RequestHead, application: TestApplication) {
        self.application = application
        segments = head.target.pathSegments
    }

    private var number: Int { segments.count > 1 ? Int(segments[1]) ?? 0 : 0 }

    private func refusal() -> Response {
        Response(status: number, body: .bytes(Array("refused".utf8)))
    }

    func begin() -> Response? { segments[0] == "begin" ? refusal() : nil }

    func receive(_ bytes: Span<UInt8>) -> Response? {
        for index in bytes.indices { body.append(bytes[index]) }
        return segments[0] == "receive" ? refusal() : nil
    }

    func finish(_ responder: Responder) {
        switch segments[0] {
        case "hold": application.note { $0.held.append(responder) }
        case "stream":
            let length = UInt64(number)
            responder.respond(
                Response(status: 200, body: .stream(lengthBytes: length, Counting(length)))
            )
        case "broken":
            responder.respond(
                Response(
                    status: 200,
                    body: .stream(lengthBytes: UInt64(number), Counting(UInt64(number) / 2))
                )
            )
        case "large":
            let bytes = (0..<number).map { UInt8(truncatingIfNeeded: $0) }
            responder.respond(Response(status: 200, body: .bytes(bytes)))
        default:
            responder.respond(
                Response(
                    status: 200,
                    fields: HTTPFields(["X-Echo": "yes"]),
                    body: body.isEmpty ? .empty : .bytes(body)
                )
            )
        }
        application.note { $0.finished += 1 }
    }

    func abandon() { application.note { $0.abandoned += 1 } }
}

/// Bytes that count up; fails once it has given what it has.
///
/// `@unchecked Sendable`: one thread reads it.
private final class Counting: BodyReader, @unchecked Sendable {
    private let length: UInt64
    private var position: UInt64 = 0

    init(_ length: UInt64) { self.length = length }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(BodyInterrupted) -> Int {
        guard position < length else { throw BodyInterrupted("spent") }
        let count = Int(min(UInt64(buffer.count), length - position))
        for index in 0..<count {
            unsafe buffer[index] = UInt8(truncatingIfNeeded: position + UInt64(index))
        }
        position += UInt64(count)
        return count
    }
}

/// A server of a test on a free port, stopped at the end of `body`.
func withServer(
    _ change: (inout ServerConfiguration) -> Void = { _ in },
    _ body: (MicroServer, TestApplication) throws -> Void
) throws {
    var configuration = ServerConfiguration()
    configuration.threads = 2
    configuration.maximumConnections = 200
    change(&configuration)
    let application = TestApplication()
    let server = try MicroServer(configuration: configuration, application: application)
    defer { server.stop(gracePeriodSeconds: 0) }
    try body(server, application)
}

/// A request with the Host that each needs.
func request(_ line: String, _ fields: String = "", body: String = "") -> String {
    "\(line) HTTP/1.1\r\nHost: test\r\n\(fields)\r\n\(body)"
}
