/// The name of a collection: `[a-z0-9][a-z0-9._-]{0,62}`.
public struct CollectionName: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The longest name.
    public static let maximumSizeBytes = 63

    /// The name as it stands in records.
    public let text: String

    /// - Throws: `LimitViolation` of the field `.collection`.
    public init(_ text: String) throws(LimitViolation) {
        let size = text.utf8.count
        guard size <= Self.maximumSizeBytes else {
            throw LimitViolation(
                .collection,
                rule: "must be at most 63 bytes",
                limit: Self.maximumSizeBytes,
                given: "\(size) bytes"
            )
        }
        guard let first = text.utf8.first, first.isLowercaseOrDigit,
            text.utf8.allSatisfy({ $0.isLowercaseOrDigit || $0.isDotDashOrUnderscore })
        else {
            throw LimitViolation(
                .collection,
                rule: "must match [a-z0-9][a-z0-9._-]{0,62}",
                given: excerpt(text)
            )
        }
        self.text = text
    }

    /// Orders by bytes.
    public static func < (left: CollectionName, right: CollectionName) -> Bool {
        left.text < right.text  // ASCII: the order of bytes
    }

    /// The name.
    public var description: String { text }
}

extension UInt8 {
    var isLowercaseOrDigit: Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self)
    }

    var isDotDashOrUnderscore: Bool {
        self == UInt8(ascii: ".") || self == UInt8(ascii: "-") || self == UInt8(ascii: "_")
    }

    /// Printable ASCII without the blank.
    var isVisibleASCII: Bool { (0x21...0x7E).contains(self) }
}
