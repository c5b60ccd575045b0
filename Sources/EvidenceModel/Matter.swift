/// The name of a matter, the case that legal holds belong to.
///
/// `[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}`.
public struct Matter: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The longest name.
    public static let maximumSizeBytes = 128

    /// The name as it stands in records.
    public let text: String

    /// - Throws: `LimitViolation` of the field `.matter`.
    public init(_ text: String) throws(LimitViolation) {
        let isProper = text.utf8.allSatisfy { byte in
            byte.isLetterOrDigit || byte.isDotDashOrUnderscore || byte == UInt8(ascii: ":")
                || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "@")
        }
        guard isProper, text.utf8.first?.isLetterOrDigit == true,
            text.utf8.count <= Self.maximumSizeBytes
        else {
            throw LimitViolation(
                .matter,
                rule: "must match [A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}",
                limit: Self.maximumSizeBytes,
                given: excerpt(text)
            )
        }
        self.text = text
    }

    /// Orders by bytes.
    public static func < (left: Matter, right: Matter) -> Bool {
        left.text < right.text  // ASCII: the order of bytes
    }

    /// The name.
    public var description: String { text }
}

extension UInt8 {
    var isLetterOrDigit: Bool {
        isLowercaseOrDigit || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self)
    }
}
