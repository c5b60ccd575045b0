/// A value that a limit or rule of the interfaces refuses: which field, which rule, and what was
/// given, in words that can be shown to the person who sent it.
///
/// Neither long content nor control characters of the input are echoed.
public struct LimitViolation: Error, Equatable, Sendable {
    /// What kind of refusal this is; the edge translates it to a status of its protocol.
    public enum Category: Sendable, Equatable {
        /// Not of the shape at all (HTTP: 400).
        case malformed
        /// Too much content (HTTP: 413).
        case contentTooLarge
        /// The address of the request is too long (HTTP: 414).
        case targetTooLong
        /// Understood, and outside the rules (HTTP: 422).
        case unprocessable
        /// A header field is too long (HTTP: 431).
        case headerTooLarge
    }

    /// The fields that have limits; the raw value is the word used in messages.
    public enum Field: String, Sendable {
        case collection
        case name
        case labels
        case labelKey = "label key"
        case labelValue = "label value"
        case idempotencyKey = "idempotency key"
        case mediaType = "media type"
        case submitter
        case traceparent
        case duration
        case mode
        case time
        case policy
        case origin
        case founders
        case segmentHeight
        case verifierKeys
        case matter
        case event
        case reason
        case principal
        case namePrefix = "name prefix"
        case expiry
        case collections
        case target
        case predecessor
    }

    /// The kind of refusal.
    public let category: Category
    /// The field that was refused.
    public let field: Field
    /// The rule, in words that include the limit's value.
    public let rule: String
    /// The limit's value, where the rule is a number.
    public let limit: UInt64?
    /// What was given: a size, or a short excerpt of printable ASCII.
    public let given: String

    init(
        _ field: Field,
        _ category: Category = .unprocessable,
        rule: String,
        limit: Int? = nil,
        given: String
    ) {
        self.category = category
        self.field = field
        self.rule = rule
        self.limit = limit.map { UInt64($0) }
        self.given = given
    }
}

extension LimitViolation: CustomStringConvertible {
    /// For example `collection: must match [a-z0-9][a-z0-9._-]{0,62}, was "Payments"`.
    public var description: String { "\(field.rawValue): \(rule), was \(given)" }
}

/// A quoted excerpt for messages: printable ASCII as it is, everything else as `\u{…}`, at most 40
/// characters.
func excerpt(_ text: some StringProtocol) -> String {
    var result = "\""
    var length = 0
    for scalar in text.unicodeScalars {
        guard length < 40 else { return result + "\"…" }
        let piece =
            (0x20...0x7E).contains(scalar.value) && scalar != "\"" && scalar != "\\"
            ? String(scalar) : "\\u{" + String(scalar.value, radix: 16) + "}"
        result += piece
        length += piece.utf8.count
    }
    return result + "\""
}
