/// A media type with its parameters, kept as the client wrote it: at most 255 bytes of ASCII.
///
/// Reference: RFC 9110 section 8.3.1 (`media-type`), without `obs-text`.
public struct MediaType: Hashable, Sendable, CustomStringConvertible {
    /// The longest media type.
    public static let maximumSizeBytes = 255

    /// `application/octet-stream`, the type where none is given.
    public static let octetStream = MediaType(unchecked: "application/octet-stream")

    /// The media type as it stands in records.
    public let text: String

    /// - Throws: `LimitViolation` of the field `.mediaType`.
    public init(_ text: String) throws(LimitViolation) {
        let size = text.utf8.count
        guard size <= Self.maximumSizeBytes else {
            throw LimitViolation(
                .mediaType,
                .headerTooLarge,
                rule: "must be at most 255 bytes",
                limit: Self.maximumSizeBytes,
                given: "\(size) bytes"
            )
        }
        guard Self.isMediaType(text.utf8.span) else {
            throw LimitViolation(
                .mediaType,
                .malformed,
                rule: "must be of the form type/subtype; name=value",
                given: excerpt(text)
            )
        }
        self.text = text
    }

    private init(unchecked text: String) {
        self.text = text
    }

    private static func isMediaType(_ bytes: Span<UInt8>) -> Bool {
        var position = 0
        guard skipToken(bytes, &position), skip(UInt8(ascii: "/"), bytes, &position),
            skipToken(bytes, &position)
        else { return false }
        while position < bytes.count {
            skipBlanks(bytes, &position)
            guard skip(UInt8(ascii: ";"), bytes, &position) else { return false }
            skipBlanks(bytes, &position)
            // An empty parameter is allowed: `text/plain;`.
            if position == bytes.count || bytes[position] == UInt8(ascii: ";") { continue }
            guard skipToken(bytes, &position), skip(UInt8(ascii: "="), bytes, &position),
                skipToken(bytes, &position) || skipQuotedString(bytes, &position)
            else { return false }
        }
        return true
    }

    private static func skip(
        _ byte: UInt8,
        _ bytes: Span<UInt8>,
        _ position: inout Int
    ) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private static func skipBlanks(_ bytes: Span<UInt8>, _ position: inout Int) {
        while position < bytes.count, bytes[position] == 0x20 { position += 1 }
    }

    /// One or more `tchar` (RFC 9110 section 5.6.2).
    private static func skipToken(_ bytes: Span<UInt8>, _ position: inout Int) -> Bool {
        let start = position
        while position < bytes.count, isTokenCharacter(bytes[position]) { position += 1 }
        return position > start
    }

    /// `quoted-string` (RFC 9110 section 5.6.4) of printable ASCII.
    private static func skipQuotedString(_ bytes: Span<UInt8>, _ position: inout Int) -> Bool {
        guard skip(UInt8(ascii: "\""), bytes, &position) else { return false }
        while position < bytes.count {
            var byte = bytes[position]
            position += 1
            if byte == UInt8(ascii: "\"") { return true }
            if byte == UInt8(ascii: "\\") {
                guard position < bytes.count else { return false }
                byte = bytes[position]
                position += 1
            }
            guard (0x20...0x7E).contains(byte) else { return false }
        }
        return false
    }

    private static func isTokenCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "!"),
            UInt8(ascii: "#")...UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"),
            UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "^")...UInt8(ascii: "`"),
            UInt8(ascii: "|"), UInt8(ascii: "~"):
            true
        default: false
        }
    }

    /// The media type.
    public var description: String { text }
}
