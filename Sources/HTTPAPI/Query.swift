import EvidenceModel
import HTTPMessage
import TransparencyLog

/// The query parameters of a request; one that the route does not know is refused.
struct Query {
    private let parameters: [RequestTarget.Parameter]

    /// Takes a target's parameters: `known` ones at most once, `repeatable` ones as often as they
    /// come.
    init(
        _ target: RequestTarget,
        known: [String],
        repeatable: [String] = []
    ) throws(Refused) {
        parameters = target.query
        for (place, parameter) in parameters.enumerated() {
            let name = parameter.name
            if repeatable.contains(name) { continue }
            guard known.contains(name) else {
                let all = (known + repeatable).sorted().joined(separator: ", ")
                throw Refused(
                    .badRequest,
                    "The query parameter '\(Self.excerpt(name))' is not known here; "
                        + (all.isEmpty ? "there are none." : "there are: \(all).")
                )
            }
            guard !parameters[..<place].contains(where: { $0.name == name }) else {
                throw Refused(.badRequest, "The query parameter '\(name)' is given twice.")
            }
        }
    }

    func first(_ name: String) -> String? {
        parameters.first { $0.name == name }?.value
    }

    func all(_ name: String) -> [String] {
        parameters.filter { $0.name == name }.map(\.value)
    }

    /// `true` or `false`; absent is false.
    func flag(_ name: String) throws(Refused) -> Bool {
        switch first(name) {
        case nil, "false": return false
        case "true": return true
        default:
            throw Refused(.badRequest, "The query parameter '\(name)' must be true or false.")
        }
    }

    /// The largest number of entries in a page, 1 to `maximum`.
    func limit(_ maximum: Int) throws(Refused) -> Int? {
        guard let limit = try number("limit") else { return nil }
        guard 1...UInt64(maximum) ~= limit else {
            throw Refused(.limit, "'limit' must be 1 to \(maximum).")
        }
        return Int(limit)
    }

    /// A tree size or index below 2^53.
    func number(_ name: String) throws(Refused) -> UInt64? {
        guard let text = first(name) else { return nil }
        guard let number = Query.number(text) else {
            throw Refused(
                .badRequest,
                "The query parameter '\(name)' must be a whole number below 2^53."
            )
        }
        return number
    }

    func requiredNumber(_ name: String) throws(Refused) -> UInt64 {
        guard let number = try number(name) else {
            throw Refused(.badRequest, "The query parameter '\(name)' is missing.")
        }
        return number
    }

    func timestamp(_ name: String) throws(Refused) -> Timestamp? {
        guard let text = first(name) else { return nil }
        return try limiting { () throws(LimitViolation) in try Timestamp(userInput: text) }
    }

    /// The index that a path names.
    static func index(_ text: String) throws(Refused) -> RecordIndex {
        guard let number = number(text) else {
            throw Refused(
                .notFound,
                "'\(excerpt(text))' is no record index: a whole number below 2^53."
            )
        }
        return RecordIndex(number)
    }

    /// Decimal digits without a leading zero, below 2^53.
    static func number(_ text: String) -> UInt64? {
        guard !text.isEmpty, text.utf8.count <= 16, text.utf8.allSatisfy({ 48...57 ~= $0 }),
            text == "0" || !text.hasPrefix("0"), let number = UInt64(text),
            number <= TreeSize.maximum.value
        else { return nil }
        return number
    }

    /// What of a client's text may be shown to it: short, printable ASCII.
    static func excerpt(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.prefix(40).map { 32...126 ~= $0.value ? $0 : "?" }
            )
        )
    }
}
