/// Why bytes are not (canonical) JSON, and where.
public struct JSONError: Error, Equatable, Sendable {
    /// What is wrong.
    public enum Reason: String, Sendable {
        case unexpectedEnd = "the text ends too early"
        case unexpectedByte = "a byte that cannot stand here"
        case invalidLiteral = "neither true, false nor null"
        case numberNotInteger = "a number with a fraction or exponent"
        case numberNotCanonical = "a number with a leading zero or a minus zero"
        case numberOutOfRange = "an integer beyond 2^53 - 1"
        case invalidUTF8 = "not valid UTF-8"
        case controlCharacter = "an unescaped control character in a string"
        case invalidEscape = "an escape that does not exist"
        case escapeNotCanonical = "an escape that the canonical form writes differently"
        case loneSurrogate = "a surrogate without its pair"
        case keysNotSorted = "keys that are not in canonical order"
        case duplicateKey = "a key that occurs twice"
        case tooDeep = "more than 16 levels"
        case trailingBytes = "bytes after the end of the value"
    }

    /// What is wrong.
    public let reason: Reason
    /// The offset of the byte at which it was seen.
    public let offset: Int
}

extension JSONError: CustomStringConvertible {
    /// For example `a key that occurs twice (at byte 17)`.
    public var description: String { "\(reason.rawValue) (at byte \(offset))" }
}
