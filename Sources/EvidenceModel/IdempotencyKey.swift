/// A client's name for one request, so that a repetition adds nothing: 1 to 128 visible ASCII
/// characters.
public struct IdempotencyKey: Hashable, Sendable, CustomStringConvertible {
    /// The longest key.
    public static let maximumSizeBytes = 128

    /// The key as it stands in records.
    public let text: String

    /// - Throws: `LimitViolation` of the field `.idempotencyKey`.
    public init(_ text: String) throws(LimitViolation) {
        self.text = try visibleASCII(text, .idempotencyKey, maximumSizeBytes: Self.maximumSizeBytes)
    }

    /// The key.
    public var description: String { text }
}

/// Who pushed a record: a principal's name, 1 to 256 visible ASCII characters.
public struct Submitter: Hashable, Sendable, CustomStringConvertible {
    /// The longest name.
    public static let maximumSizeBytes = 256

    /// The submitter where the server runs without tokens.
    public static let anonymous = Submitter(unchecked: "anonymous")

    /// The name as it stands in records.
    public let text: String

    /// - Throws: `LimitViolation` of the field `.submitter`.
    public init(_ text: String) throws(LimitViolation) {
        self.text = try visibleASCII(text, .submitter, maximumSizeBytes: Self.maximumSizeBytes)
    }

    private init(unchecked text: String) {
        self.text = text
    }

    /// The name.
    public var description: String { text }
}

private func visibleASCII(
    _ text: String,
    _ field: LimitViolation.Field,
    maximumSizeBytes: Int
) throws(LimitViolation) -> String {
    let size = text.utf8.count
    guard size <= maximumSizeBytes else {
        throw LimitViolation(
            field,
            field == .idempotencyKey ? .headerTooLarge : .unprocessable,
            rule: "must be at most \(maximumSizeBytes) characters",
            limit: maximumSizeBytes,
            given: "\(size) bytes"
        )
    }
    guard size > 0, text.utf8.allSatisfy(\.isVisibleASCII) else {
        throw LimitViolation(
            field,
            rule: "must be 1 to \(maximumSizeBytes) visible ASCII characters",
            limit: maximumSizeBytes,
            given: excerpt(text)
        )
    }
    return text
}
