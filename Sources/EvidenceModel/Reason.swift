/// Why a person did something: 1 to 1,024 bytes of UTF-8 without control characters.
///
/// It stands in the log for ever, so it should not name what is to be erased.
public struct Reason: Hashable, Sendable, CustomStringConvertible {
    /// The longest reason.
    public static let maximumSizeBytes = 1_024

    private let exact: ExactText

    /// The words as they stand in records.
    public var text: String { exact.string }

    /// - Throws: `LimitViolation` of the field `.reason`.
    public init(_ text: String) throws(LimitViolation) {
        let size = text.utf8.count
        guard (1...Self.maximumSizeBytes).contains(size) else {
            throw LimitViolation(
                .reason,
                rule: "must be 1 to 1,024 bytes",
                limit: Self.maximumSizeBytes,
                given: "\(size) bytes"
            )
        }
        guard !text.hasControlCharacter else {
            throw LimitViolation(
                .reason,
                rule: "must not contain control characters",
                given: excerpt(text)
            )
        }
        exact = ExactText(text)
    }

    /// The words.
    public var description: String { text }
}
