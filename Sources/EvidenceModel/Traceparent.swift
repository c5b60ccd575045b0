/// The trace that a request belonged to: `version-traceid-parentid-flags`, 55 characters.
///
/// Reference: W3C Trace Context, section 3.2 (`traceparent`).
public struct Traceparent: Hashable, Sendable, CustomStringConvertible {
    /// The length of every value.
    public static let sizeBytes = 55

    /// The value as it stands in records.
    public let text: String

    /// A value of version 00 (or a later one of the same length) whose ids are not all zeros.
    ///
    /// A server that meets another value ignores it, as the specification demands.
    ///
    /// - Throws: `LimitViolation` of the field `.traceparent`.
    public init(_ text: String) throws(LimitViolation) {
        guard Self.isTraceparent(text.utf8.span) else {
            throw LimitViolation(
                .traceparent,
                .malformed,
                rule: "must be version-traceid-parentid-flags in 55 lower-case hex characters",
                given: excerpt(text)
            )
        }
        self.text = text
    }

    private static func isTraceparent(_ bytes: Span<UInt8>) -> Bool {
        guard bytes.count == sizeBytes else { return false }
        for index in bytes.indices {
            switch index {
            case 2, 35, 52:
                guard bytes[index] == UInt8(ascii: "-") else { return false }
            default:
                guard isLowercaseHex(bytes[index]) else { return false }
            }
        }
        let isForbiddenVersion = bytes[0] == UInt8(ascii: "f") && bytes[1] == UInt8(ascii: "f")
        return !isForbiddenVersion && !isAllZeros(bytes, 3..<35) && !isAllZeros(bytes, 36..<52)
    }

    private static func isLowercaseHex(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }

    private static func isAllZeros(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        for index in range where bytes[index] != UInt8(ascii: "0") { return false }
        return true
    }

    /// The value.
    public var description: String { text }
}
