/// The name of an event that starts the retention of records which await it:
/// `[a-z0-9][a-z0-9._-]{0,62}`.
public struct EventName: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The longest name.
    public static let maximumSizeBytes = 63

    /// The name as it stands in records.
    public let text: String

    /// - Throws: `LimitViolation` of the field `.event`.
    public init(_ text: String) throws(LimitViolation) {
        guard text.isPlainName(upTo: Self.maximumSizeBytes) else {
            throw LimitViolation(
                .event,
                rule: "must match [a-z0-9][a-z0-9._-]{0,62}",
                limit: Self.maximumSizeBytes,
                given: excerpt(text)
            )
        }
        self.text = text
    }

    /// Orders by bytes.
    public static func < (left: EventName, right: EventName) -> Bool {
        left.text < right.text  // ASCII: the order of bytes
    }

    /// The name.
    public var description: String { text }
}

extension String {
    /// Whether the text matches `[a-z0-9][a-z0-9._-]*` and is at most `count` bytes long.
    func isPlainName(upTo count: Int) -> Bool {
        utf8.first?.isLowercaseOrDigit == true && utf8.count <= count
            && utf8.allSatisfy { $0.isLowercaseOrDigit || $0.isDotDashOrUnderscore }
    }
}
