package import Cryptography
package import EvidenceModel
package import TransparencyLog

/// What to search for; all conditions must hold.
///
/// Results come newest first.
package struct SearchQuery: Sendable {
    package var collection: CollectionName?
    /// The name begins with these bytes.
    package var namePrefix: String?
    /// Labels that the evidence must have, with these values.
    package var labels: [(key: String, value: String)] = []
    package var digest: SHA256Digest?
    /// Received at or after.
    package var since: Timestamp?
    /// Received before.
    package var until: Timestamp?
    /// How many results at most, 1...1,000.
    package var limit = 100
    /// Only records before this one: where the last page ended.
    package var before: RecordIndex?

    package static let limitMaximum = 1000

    package init() {}

    /// Whether a description meets the conditions on name, labels and digest.
    func matches(_ description: EvidenceDescription) -> Bool {
        if let digest, description.payloadDigest != digest { return false }
        if let namePrefix, !description.name.text.utf8.starts(with: namePrefix.utf8) {
            return false
        }
        return labels.allSatisfy { description.labels[$0.key] == $0.value }
    }

    /// Whether the conditions need a description; without one only collection and time are known.
    var needsDescription: Bool { namePrefix != nil || digest != nil || !labels.isEmpty }
}

/// A page of results.
package struct SearchPage: Sendable {
    package let entries: [StoredRecord]
    /// Where the next page begins (`SearchQuery.before`); nil: there is no more.
    package let next: RecordIndex?
    /// The records that were looked through: those of them that match are the entries.
    package let looked: Range<UInt64>
    /// The log that was searched.
    package let checkpoint: PublishedCheckpoint

    /// How large it was.
    package var treeSize: TreeSize { checkpoint.size }
}
