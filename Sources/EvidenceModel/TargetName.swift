/// The name of a target: of a bucket that receives the second copy.
///
/// `[a-z0-9][a-z0-9-]{0,31}`, and not `local`, which is the server's own disk.
public struct TargetName: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The longest name.
    public static let maximumSizeBytes = 32

    /// The name as it stands in records.
    public let text: String

    /// - Throws: `LimitViolation` of the field `.target`.
    public init(_ text: String) throws(LimitViolation) {
        let isProper = text.utf8.allSatisfy { $0.isLowercaseOrDigit || $0 == UInt8(ascii: "-") }
        guard isProper, text.utf8.first?.isLowercaseOrDigit == true,
            text.utf8.count <= Self.maximumSizeBytes, text != "local"
        else {
            throw LimitViolation(
                .target,
                rule: "must match [a-z0-9][a-z0-9-]{0,31} and not be local",
                limit: Self.maximumSizeBytes,
                given: excerpt(text)
            )
        }
        self.text = text
    }

    /// Orders by bytes.
    public static func < (left: TargetName, right: TargetName) -> Bool {
        left.text < right.text  // ASCII: the order of bytes
    }

    /// The name.
    public var description: String { text }
}
