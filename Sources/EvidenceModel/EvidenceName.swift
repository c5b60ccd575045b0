/// The name of a piece of evidence, a relative path with `/`: 1 to 1,024 bytes of UTF-8 without
/// control characters, no empty, `.` or `..` part, no leading `/`.
///
/// Two names are equal if their bytes are; there is no Unicode normalisation.
public struct EvidenceName: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The longest name.
    public static let maximumSizeBytes = 1_024

    private let exact: ExactText

    /// The name as it stands in records.
    public var text: String { exact.string }

    /// - Throws: `LimitViolation` of the field `.name`.
    public init(_ text: String) throws(LimitViolation) {
        let size = text.utf8.count
        guard size > 0 else {
            throw LimitViolation(.name, rule: "must not be empty", limit: 1, given: "0 bytes")
        }
        guard size <= Self.maximumSizeBytes else {
            throw LimitViolation(
                .name,
                rule: "must be at most 1,024 bytes",
                limit: Self.maximumSizeBytes,
                given: "\(size) bytes"
            )
        }
        guard !text.hasControlCharacter else {
            throw LimitViolation(
                .name,
                rule: "must not contain control characters",
                given: excerpt(text)
            )
        }
        guard Self.hasOnlyProperParts(text) else {
            throw LimitViolation(
                .name,
                rule: "must not begin or end with / nor have an empty, . or .. part",
                given: excerpt(text)
            )
        }
        exact = ExactText(text)
    }

    private static func hasOnlyProperParts(_ text: String) -> Bool {
        var partLength = 0
        var isOnlyDots = true
        for byte in text.utf8 {
            if byte == UInt8(ascii: "/") {
                guard partLength > 2 || (partLength > 0 && !isOnlyDots) else { return false }
                partLength = 0
                isOnlyDots = true
            } else {
                partLength += 1
                isOnlyDots = isOnlyDots && byte == UInt8(ascii: ".")
            }
        }
        return partLength > 2 || (partLength > 0 && !isOnlyDots)
    }

    /// Orders by bytes.
    public static func < (left: EvidenceName, right: EvidenceName) -> Bool {
        left.exact < right.exact
    }

    /// The name.
    public var description: String { text }
}
