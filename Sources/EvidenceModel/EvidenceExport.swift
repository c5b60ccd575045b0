public import Cryptography
public import TransparencyLog

/// What an `access.exported` record says: which evidence was handed out as a bundle.
public struct EvidenceExport: Hashable, Sendable {
    /// What was asked for.
    public let selection: ExportSelection
    /// Only records below this one were looked at.
    public let before: RecordIndex
    /// How many pieces of evidence matched.
    public let count: UInt64
    /// SHA-256 over their indexes, 8 bytes each, big-endian, ascending.
    public let digest: SHA256Digest
    /// SHA-256 of the verifier that lies in the bundle.
    public let verifier: SHA256Digest

    /// An export.
    public init(
        selection: ExportSelection,
        before: RecordIndex,
        count: UInt64,
        digest: SHA256Digest,
        verifier: SHA256Digest
    ) {
        self.selection = selection
        self.before = before
        self.count = count
        self.digest = digest
        self.verifier = verifier
    }
}

/// Which evidence a bundle is to hold; all conditions must hold, and there may be none.
public struct ExportSelection: Hashable, Sendable {
    /// Of this collection.
    public let collection: CollectionName?
    private let exactPrefix: ExactText?
    /// With these labels; there may be others.
    public let labels: Labels
    /// Of a payload with this digest.
    public let payloadDigest: SHA256Digest?
    /// Received at or after.
    public let since: Timestamp?
    /// Received before.
    public let until: Timestamp?
    /// Held by this matter when it is exported.
    public let matter: Matter?

    /// How the name begins; `nil` for any name.
    public var namePrefix: String? { exactPrefix?.string }

    /// - Throws: `LimitViolation` of the field `.namePrefix`: a prefix has 1 to 1,024 bytes and no
    ///   control characters.
    public init(
        collection: CollectionName? = nil,
        namePrefix: String? = nil,
        labels: Labels = .none,
        payloadDigest: SHA256Digest? = nil,
        since: Timestamp? = nil,
        until: Timestamp? = nil,
        matter: Matter? = nil
    ) throws(LimitViolation) {
        try namePrefix.map { text throws(LimitViolation) in
            try Selection.check(namePrefix: text)
        }
        self.collection = collection
        exactPrefix = namePrefix.map { ExactText($0) }
        self.labels = labels
        self.payloadDigest = payloadDigest
        self.since = since
        self.until = until
        self.matter = matter
    }

    /// Whether it asks for whole collections, so that their numbers must be there without gaps.
    public var isOfWholeCollections: Bool {
        !needsDescription && since == nil && until == nil && matter == nil
    }

    /// Whether a match needs the record's description.
    public var needsDescription: Bool {
        exactPrefix != nil || !labels.isEmpty || payloadDigest != nil
    }

    /// Whether a record is meant, the matter aside; without a description it has no prefix, no
    /// label and no digest.
    public func matches(_ facts: RecordFacts) -> Bool {
        if let collection, facts.collection != collection { return false }
        if let since, facts.received < since { return false }
        if let until, facts.received >= until { return false }
        guard needsDescription else { return true }
        guard let description = facts.description else { return false }
        if let payloadDigest, description.payloadDigest != payloadDigest { return false }
        if let exactPrefix,
            !description.name.text.utf8.starts(with: exactPrefix.string.utf8)
        {
            return false
        }
        return labels.sorted.allSatisfy { description.labels.sorted.contains($0) }
    }
}

extension ExportSelection {
    /// The object that stands in records: `collection`, `digest`, `labels`, `matter`, `prefix`,
    /// `since`, `until`.
    public var json: JSONValue {
        var object: JSONObject = [:]
        object["collection"] = collection.map { .string($0.text) }
        object["digest"] = payloadDigest.map { .string($0.hex) }
        if !labels.isEmpty {
            let members = labels.sorted.map { (name: $0.key, value: JSONValue.string($0.value)) }
            object["labels"] = .object(JSONObject(sorted: members))
        }
        object["matter"] = matter.map { .string($0.text) }
        object["prefix"] = namePrefix.map { .string($0) }
        object["since"] = since.map { .string($0.rfc3339) }
        object["until"] = until.map { .string($0.rfc3339) }
        return .object(object)
    }

    init(_ name: String, _ value: JSONValue) throws(RecordError) {
        var members = try ActMembers(name, value)
        let collection = try members.optionalChecked("collection", CollectionName.init)
        let digest = try members.optionalDigest("digest")
        let labels = try Labels(&members)
        let matter = try members.optionalChecked("matter", Matter.init)
        let prefix = try members.optionalString("prefix")
        let since = try members.optionalTime("since")
        let until = try members.optionalTime("until")
        try members.end()
        do {
            try self.init(
                collection: collection,
                namePrefix: prefix,
                labels: labels,
                payloadDigest: digest,
                since: since,
                until: until,
                matter: matter
            )
        } catch { throw .invalidMember(name, reason: error.description) }
    }
}

extension EvidenceExport {
    var members: JSONObject {
        [
            "before": .index(before), "count": .count(count), "digest": .string(digest.hex),
            "selection": selection.json, "verifier": .string(verifier.hex),
        ]
    }

    init(_ members: inout ActMembers) throws(RecordError) {
        self.init(
            selection: try ExportSelection("selection", members.value("selection")),
            before: try members.index("before"),
            count: try members.count("count"),
            digest: try members.digest("digest"),
            verifier: try members.digest("verifier")
        )
    }
}
