internal import EvidenceModel

/// A refusal as the server words it.
///
/// Reference: RFC 9457; `Schemas/problems.md`.
struct Problem: Equatable, Sendable {
    let status: Int
    /// The last part of the problem's type: what a program goes by.
    let slug: String?
    let title: String?
    let detail: String?
    let index: UInt64?
    /// The record that says of an erased payload why it is gone.
    let certificate: UInt64?
    /// The records that were refused, each with its own problem.
    let refused: [RefusedRecord]

    init(_ reply: APIReply) {
        var object = JSONObject()
        if case .object(let found)? = try? JSONValue(parsing: reply.body.span, form: .any) {
            object = found
        }
        self.init(object, status: reply.status)
    }

    /// A problem that stands inside a reply, about one of several records.
    init(_ object: JSONObject, status: Int? = nil) {
        self.status = status ?? object.number("status").map { Int(clamping: $0) } ?? 0
        slug = object.text("type")?.split(separator: "/").last.map { String($0.prefix(100)) }
        title = object.text("title").map { String($0.prefix(1000)) }
        detail = object.text("detail").map { String($0.prefix(1000)) }
        index = object.number("index")
        certificate = object.number("certificate")
        refused = RefusedRecord.all(in: object)
    }

    var exitCode: ExitCode {
        switch status {
        case 404: .notFound
        case 408, 429, 502, 503, 504: .tryAgain
        case 507: .storageFull
        // What was erased is not missing: it is refused for a reason that can be shown.
        case 400..<500: .refused
        case 500..<600: .bug
        default: .tryAgain
        }
    }

    /// The refusal as the failure of doing something.
    func failure(_ what: String) -> CommandFailure {
        var words = detail ?? title ?? "the server gave no reason"
        if words.hasSuffix(".") { words.removeLast() }
        return CommandFailure(exitCode, "\(what): \(words) (HTTP \(status))", advice: advice)
    }

    private var advice: String? {
        switch (status, slug) {
        case (401, _): "give a valid token, with --token-file or STRONGROOM_TOKEN"
        case (403, "cross-origin"?): nil
        case (403, _): "'strongroom token list' shows what each token may do"
        case (410, _): erasureAdvice
        case (429, _): "wait a minute: the server slows down who fails too often"
        case (503, "clock-unsettled"?): "'strongroom clock show' says what blocks, and until when"
        case (503, "target-unavailable"?): "see ops/runbooks/target-down.md"
        case (503, "copy-pending"?):
            "it is durable on the server; repeat it with the same key for its receipt"
        case (503, "policy-changed"?): "look at the policy again, then repeat it"
        case (503, "copy-pending"?): "repeat it; strongroom target list says how far the copy is"
        case (503, _): "try again later"
        case (507, _): "have room made on the server, then try again"
        case (500, _): "this is a bug in Strongroom: please report it with the server's log"
        default: nil
        }
    }

    private var erasureAdvice: String {
        let which = certificate.map { ", record \($0)" } ?? ""
        return "'strongroom erase proof \(index.map(String.init) ?? "INDEX")' fetches its deletion "
            + "certificate\(which)"
    }
}

/// A record that was left out of an act over several, and why.
struct RefusedRecord: Equatable, Sendable {
    let index: UInt64?
    let problem: Problem

    /// The member `refused` of an answer.
    static func all(in object: JSONObject) -> [RefusedRecord] {
        (object.objects("refused") ?? []).map { refused in
            RefusedRecord(
                index: refused.number("index"),
                problem: Problem(refused.object("problem") ?? JSONObject())
            )
        }
    }

    var failure: CommandFailure {
        problem.failure(index.map { "record \($0)" } ?? "a record")
    }
}
