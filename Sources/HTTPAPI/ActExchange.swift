import Cryptography
import EvidenceModel
import EvidenceStore
import HTTPMessage

/// A request with a small JSON body that asks for an act: a change of locks, rules or rights.
///
/// The body is held in memory, within the budget that batches have too. What it asks for is done
/// on a thread of its own kind (`WorkPool`), because it waits for the log; the connection is
/// suspended meanwhile.
///
/// `@unchecked Sendable`: the server calls one method at a time.
final class ActExchange: Exchange, @unchecked Sendable {
    static let maximumBytes = 1 << 20
    /// Budget is taken in steps of this size.
    private static let stepBytes = 64 << 10

    private let request: APIRequest
    private var declaredDigest: SHA256Digest?
    private var body: [UInt8] = []
    private var budgetBytes = 0

    init(_ request: APIRequest) {
        self.request = request
    }

    deinit { request.api.batchMemory.giveBack(budgetBytes) }

    func begin() -> Response? {
        do throws(Refused) {
            let head = request.head
            let type = head.fields.first("content-type")?.split(separator: ";").first ?? ""
            guard type.isEmpty || type.lowercased() == "application/json" else {
                throw Refused(
                    .unsupportedMediaType,
                    "The body is a JSON object: send it with Content-Type: application/json."
                )
            }
            try EvidenceRequest.checkCoding(head)
            declaredDigest = try EvidenceRequest.declaredDigest(head)
            try hold(head.contentLength ?? 0)
            return nil
        } catch {
            return request.refuse(error.problem)
        }
    }

    func receive(_ bytes: Span<UInt8>) -> Response? {
        do throws(Refused) {
            try hold(UInt64(body.count + bytes.count))
            unsafe bytes.withUnsafeBufferPointer { unsafe body.append(contentsOf: $0) }
            return nil
        } catch {
            abandon()
            return request.refuse(error.problem)
        }
    }

    func abandon() {
        body = []
        request.api.batchMemory.giveBack(budgetBytes)
        budgetBytes = 0
    }

    func finish(_ responder: Responder) {
        if let declaredDigest, declaredDigest != SHA256.hash(body.span) {
            let problem = Problem(
                .digestMismatch,
                "The body does not have the SHA-256 that Content-Digest announces; nothing was "
                    + "done. Send it again."
            )
            return responder.respond(request.refuse(problem))
        }
        let (request, handler) = (request, ActHandler(request: request, body: body))
        let pool = request.api.pool(for: request.action)
        let isTaken = pool.run { [self] in
            // The body counts until it is done with.
            defer { abandon() }
            let reply: Response
            do throws(Refused) {
                try request.checkAgain()
                reply = request.finish(try handler.reply())
            } catch {
                reply = request.refuse(error.problem)
            }
            return { responder.respond(reply) }
        }
        guard !isTaken else { return }
        abandon()
        responder.respond(request.refuse(Self.tooMuch(request.action)))
    }

    private static func tooMuch(_ action: Action) -> Problem {
        action == .erase
            ? Problem(
                .busy,
                "An erasure is running; one runs at a time. Ask again when it is done.",
                retryAfterSeconds: 5
            )
            : Problem(StoreError.overloaded(retryAfterSeconds: 1))
    }

    private func hold(_ bytes: UInt64) throws(Refused) {
        guard bytes <= UInt64(Self.maximumBytes) else {
            throw Refused(
                .contentTooLarge,
                "A JSON body has at most \(Self.maximumBytes) bytes; do it in parts."
            )
        }
        let steps = (Int(bytes) + Self.stepBytes - 1) / Self.stepBytes
        let missing = steps * Self.stepBytes - budgetBytes
        guard missing > 0 else { return }
        guard request.api.batchMemory.take(missing) else {
            throw Refused(StoreError.overloaded(retryAfterSeconds: 1))
        }
        budgetBytes += missing
    }
}
