/// The name of who does something: of a token, or one of three that no token can have.
///
/// `[a-z0-9][a-z0-9._:@-]{0,62}`.
public struct PrincipalName: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The longest name.
    public static let maximumSizeBytes = 63

    /// Whoever talks to a server that runs without tokens, on loopback.
    public static let anonymous = PrincipalName(unchecked: "anonymous")
    /// The log itself: its schedules, its census.
    public static let strongroom = PrincipalName(unchecked: "strongroom")
    /// Whoever may write to the log's directory.
    public static let local = PrincipalName(unchecked: "local")

    /// The name as it stands in records.
    public let text: String

    /// - Throws: `LimitViolation` of the field `.principal`.
    public init(_ text: String) throws(LimitViolation) {
        let isProper = text.utf8.allSatisfy { byte in
            byte.isLowercaseOrDigit || byte.isDotDashOrUnderscore || byte == UInt8(ascii: ":")
                || byte == UInt8(ascii: "@")
        }
        guard isProper, text.utf8.first?.isLowercaseOrDigit == true,
            text.utf8.count <= Self.maximumSizeBytes
        else {
            throw LimitViolation(
                .principal,
                rule: "must match [a-z0-9][a-z0-9._:@-]{0,62}",
                limit: Self.maximumSizeBytes,
                given: excerpt(text)
            )
        }
        self.text = text
    }

    private init(unchecked text: String) {
        self.text = text
    }

    /// Whether no token may have this name.
    public var isReserved: Bool {
        self == .anonymous || self == .strongroom || self == .local
    }

    /// Orders by bytes.
    public static func < (left: PrincipalName, right: PrincipalName) -> Bool {
        left.text < right.text  // ASCII: the order of bytes
    }

    /// The name.
    public var description: String { text }
}
