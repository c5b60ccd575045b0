internal import EvidenceModel

/// A refusal as the server words it.
///
/// Reference: RFC 9457; `Schemas/problems.md`.
struct Problem: Equatable, Sendable {
    let status: Int
    let title: String?
    let detail: String?
    let index: UInt64?

    init(_ reply: APIReply) {
        status = reply.status
        guard case .object(let object)? = try? JSONValue(parsing: reply.body.span, form: .any)
        else {
            (title, detail, index) = (nil, nil, nil)
            return
        }
        title = Self.string(object["title"])
        detail = Self.string(object["detail"])
        if case .integer(let number)? = object["index"] {
            index = UInt64(exactly: number)
        } else {
            index = nil
        }
    }

    private static func string(_ value: JSONValue?) -> String? {
        guard case .string(let text)? = value else { return nil }
        return String(text.prefix(1000))
    }

    var exitCode: ExitCode {
        switch status {
        case 404, 410: .notFound
        case 408, 429, 502, 503, 504: .tryAgain
        case 507: .storageFull
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
        switch status {
        case 401, 403: "see that the token has the right for it"
        case 503, 429: "try again later"
        case 507: "have room made on the server, then try again"
        case 500: "this is a bug in Strongroom: please report it with the server's log"
        default: nil
        }
    }
}
