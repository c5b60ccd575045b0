/// The labels of a piece of evidence: at most 32, keys `[a-z0-9._/-]{1,64}`, values of at most 256
/// bytes of UTF-8 without control characters (an empty value is allowed), each key once.
public struct Labels: Hashable, Sendable {
    /// The most labels of a record.
    public static let maximumCount = 32
    /// The longest key.
    public static let maximumKeySizeBytes = 64
    /// The longest value.
    public static let maximumValueSizeBytes = 256

    /// No labels.
    public static let none = Labels()

    /// One label.
    public struct Label: Hashable, Sendable {
        /// The key.
        public let key: String
        private let exactValue: ExactText
        /// The value.
        public var value: String { exactValue.string }

        init(key: String, value: String) throws(LimitViolation) {
            try Self.check(key: key)
            let size = value.utf8.count
            guard size <= Labels.maximumValueSizeBytes else {
                throw LimitViolation(
                    .labelValue,
                    rule: "must be at most 256 bytes",
                    limit: Labels.maximumValueSizeBytes,
                    given: "\(size) bytes"
                )
            }
            guard !value.hasControlCharacter else {
                throw LimitViolation(
                    .labelValue,
                    rule: "must not contain control characters",
                    given: excerpt(value)
                )
            }
            self.key = key
            exactValue = ExactText(value)
        }

        private static func check(key: String) throws(LimitViolation) {
            let size = key.utf8.count
            guard size <= Labels.maximumKeySizeBytes else {
                throw LimitViolation(
                    .labelKey,
                    rule: "must be at most 64 bytes",
                    limit: Labels.maximumKeySizeBytes,
                    given: "\(size) bytes"
                )
            }
            let isProper = key.utf8.allSatisfy {
                $0.isLowercaseOrDigit || $0.isDotDashOrUnderscore || $0 == UInt8(ascii: "/")
            }
            guard size > 0, isProper else {
                throw LimitViolation(
                    .labelKey,
                    rule: "must match [a-z0-9._/-]{1,64}",
                    given: excerpt(key)
                )
            }
        }
    }

    /// The labels in the order of their keys.
    public let sorted: [Label]

    private init() {
        sorted = []
    }

    /// Labels in any order.
    ///
    /// - Throws: `LimitViolation` of the field `.labels`, `.labelKey` or `.labelValue`.
    public init(_ pairs: [(key: String, value: String)]) throws(LimitViolation) {
        guard pairs.count <= Self.maximumCount else {
            throw LimitViolation(
                .labels,
                rule: "must be at most 32",
                limit: Self.maximumCount,
                given: "\(pairs.count)"
            )
        }
        var labels: [Label] = []
        labels.reserveCapacity(pairs.count)
        for pair in pairs { labels.append(try Label(key: pair.key, value: pair.value)) }
        labels.sort { $0.key < $1.key }
        for (left, right) in zip(labels, labels.dropFirst()) where left.key == right.key {
            throw LimitViolation(
                .labels,
                rule: "must have each key once",
                given: "\(excerpt(left.key)) twice"
            )
        }
        sorted = labels
    }

    /// Labels as users write them, `key=value`; the first `=` separates.
    ///
    /// - Throws: `LimitViolation` of the field `.labels`, `.labelKey` or `.labelValue`.
    public init(userInput texts: [String]) throws(LimitViolation) {
        var pairs: [(key: String, value: String)] = []
        for text in texts.prefix(Self.maximumCount + 1) {
            guard let separator = text.utf8.firstIndex(of: UInt8(ascii: "=")) else {
                throw LimitViolation(
                    .labels,
                    rule: "must be written key=value",
                    given: excerpt(text)
                )
            }
            let value = text[text.utf8.index(after: separator)...]
            pairs.append((String(text[..<separator]), String(value)))
        }
        try self.init(pairs)
    }

    /// Whether there are none.
    public var isEmpty: Bool { sorted.isEmpty }

    /// The value of a label.
    public subscript(key: String) -> String? {
        sorted.first { $0.key == key }?.value
    }
}
