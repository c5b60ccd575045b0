internal import HTTPMessage
internal import TransparencyLog

/// The HTTP interface of a witness.
///
/// | route | |
/// |---|---|
/// | `POST /add-checkpoint` | asks for a cosignature |
/// | `GET /<origin hash>/checkpoint` | what was cosigned last of a log |
///
/// Reference: C2SP tlog-witness, "HTTP Interface".
final class WitnessApplication: Application {
    private let witness: Witness

    init(_ witness: Witness) {
        self.witness = witness
    }

    func exchange(for head: RequestHead) -> any Exchange {
        let path = head.target.pathSegments
        if path == ["add-checkpoint"] {
            guard head.method == .post else { return FixedReply(.notAllowed("POST")) }
            return AddCheckpointExchange(witness, head)
        }
        if path.count == 2, path[1] == "checkpoint" {
            guard head.method == .get || head.method == .head else {
                return FixedReply(.notAllowed("GET, HEAD"))
            }
            guard let note = witness.latest(originHash: path[0]) else {
                return FixedReply(.text(404, "this witness has cosigned nothing of such a log"))
            }
            return FixedReply(.text(200, note))
        }
        return FixedReply(.text(404, "there is /add-checkpoint and /<origin hash>/checkpoint"))
    }
}

/// `POST /add-checkpoint`.
///
/// `@unchecked Sendable`: the server calls an exchange from one thread at a time.
private final class AddCheckpointExchange: Exchange, @unchecked Sendable {
    private let witness: Witness
    private let declaredBytes: UInt64
    private var body: [UInt8] = []

    private static let limitBytes = AddCheckpointRequest.maximumBytes

    init(_ witness: Witness, _ head: RequestHead) {
        self.witness = witness
        declaredBytes = head.contentLength ?? 0
    }

    func begin() -> Response? { declaredBytes > UInt64(Self.limitBytes) ? tooLarge() : nil }

    func receive(_ bytes: Span<UInt8>) -> Response? {
        guard bytes.count <= Self.limitBytes - body.count else { return tooLarge() }
        unsafe bytes.withUnsafeBufferPointer { unsafe body.append(contentsOf: $0) }
        return nil
    }

    func finish(_ responder: Responder) {
        let answer = witness.answer(body)
        var response = Response.text(answer.status, answer.body, type: answer.contentType)
        if answer.status == 429 || answer.status >= 500 {
            response.fields.append("Retry-After", answer.status == 429 ? "1" : "30")
        }
        responder.respond(response)
    }

    private func tooLarge() -> Response {
        .text(413, "a request has at most \(Self.limitBytes) bytes")
    }
}

/// A reply that the head alone decides.
private final class FixedReply: Exchange {
    private let reply: Response

    init(_ reply: Response) {
        self.reply = reply
    }

    func begin() -> Response? { reply }
    func finish(_ responder: Responder) { responder.respond(reply) }
}

extension Response {
    fileprivate static func text(
        _ status: Int,
        _ body: [UInt8],
        type: String = "text/plain; charset=utf-8"
    ) -> Response {
        Response(
            status: status,
            fields: HTTPFields(["Content-Type": type, "X-Content-Type-Options": "nosniff"]),
            body: .bytes(body)
        )
    }

    fileprivate static func text(_ status: Int, _ line: String) -> Response {
        text(status, Array((line + "\n").utf8))
    }

    fileprivate static func notAllowed(_ methods: String) -> Response {
        var reply = text(405, "the method must be one of \(methods)")
        reply.fields.append("Allow", methods)
        return reply
    }
}
