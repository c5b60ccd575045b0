/// Which records a hold or an event means, told by what they are: those of one collection whose
/// name begins with a prefix and that have some labels.
public struct Selection: Hashable, Sendable {
    /// The longest prefix, that of the longest name.
    public static let maximumPrefixSizeBytes = EvidenceName.maximumSizeBytes

    /// The collection.
    public let collection: CollectionName
    private let exactPrefix: ExactText?
    /// Labels that a record must have, with these values; it may have others.
    public let labels: Labels

    /// How the name begins; `nil` for any name.
    public var namePrefix: String? { exactPrefix?.string }

    /// - Throws: `LimitViolation` of the field `.namePrefix`: a prefix has 1 to 1,024 bytes and no
    ///   control characters.
    public init(
        collection: CollectionName,
        namePrefix: String? = nil,
        labels: Labels = .none
    ) throws(LimitViolation) {
        try namePrefix.map { text throws(LimitViolation) in try Self.check(namePrefix: text) }
        self.collection = collection
        exactPrefix = namePrefix.map { ExactText($0) }
        self.labels = labels
    }

    /// Checks how a name begins: 1 to 1,024 bytes and no control characters.
    ///
    /// - Throws: `LimitViolation` of the field `.namePrefix`.
    static func check(namePrefix: String) throws(LimitViolation) {
        let size = namePrefix.utf8.count
        guard (1...Self.maximumPrefixSizeBytes).contains(size) else {
            throw LimitViolation(
                .namePrefix,
                rule: "must be 1 to 1,024 bytes",
                limit: Self.maximumPrefixSizeBytes,
                given: "\(size) bytes"
            )
        }
        guard !namePrefix.hasControlCharacter else {
            throw LimitViolation(
                .namePrefix,
                rule: "must not contain control characters",
                given: excerpt(namePrefix)
            )
        }
    }

    /// Whether the collection alone does not decide: a match needs the record's description.
    public var needsDescription: Bool { exactPrefix != nil || !labels.isEmpty }

    /// Whether a record is meant; a record whose description is gone has no prefix and no label.
    public func matches(_ facts: RecordFacts) -> Bool {
        guard facts.collection == collection else { return false }
        guard needsDescription else { return true }
        guard let description = facts.description else { return false }
        if let exactPrefix {
            guard description.name.text.utf8.starts(with: exactPrefix.string.utf8) else {
                return false
            }
        }
        return labels.sorted.allSatisfy { description.labels.sorted.contains($0) }
    }
}
