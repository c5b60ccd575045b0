import Cryptography
import EvidenceModel
import TransparencyLog

/// The sorted index tables of a sealed segment, or of its sealed records' openings.
///
/// ```
/// table        key                                             value
/// by_sequence  collection NUL sequence(8)                      index(8)
/// by_digest    digest(32) index(8)                             -
/// by_name      collection NUL name(first 400 bytes) NUL index(8)   -
/// by_label     collection NUL key NUL value NUL index(8)       -
/// by_key       key hash(16) index(8)                           request fingerprint(16)
/// due          retain-until in ms since 1970 (8) index(8)      'C' or 'G'
/// acts         index(8)                                        -
/// ```
///
/// `by_sequence` and `due` tell only what stands in every leaf and are in `log.mdb` for all
/// evidence, `acts` for all records that are none. The others are made from the description: those
/// of sealed records are kept beside their openings.
struct IndexEntries {
    typealias Entry = (key: [UInt8], value: [UInt8])

    /// Bytes of a name that are in its key; LMDB keys end at 511.
    static let nameKeyBytes = 400

    private var tables: [String: [Entry]]

    /// The tables of `log.mdb`.
    static let logTables =
        descriptionTables + [
            TableName.bySequence, TableName.due, TableName.acts,
        ]
    /// The tables that are made from descriptions.
    static let descriptionTables = [
        TableName.byDigest, TableName.byName, TableName.byLabel, TableName.byKey,
    ]

    init() {
        tables = [:]
    }

    /// Adds a record that is no evidence.
    mutating func appendAct(_ index: RecordIndex) {
        append((BigEndian.bytes(of: index.value), []), to: TableName.acts)
    }

    /// Adds what every leaf of evidence tells.
    mutating func appendLeaf(_ facts: EvidenceFacts) {
        let index = BigEndian.bytes(of: facts.index.value)
        append(
            (
                Self.collectionPrefix(facts.collection) + BigEndian.bytes(of: facts.sequence.value),
                index
            ),
            to: TableName.bySequence
        )
        let until = BigEndian.bytes(of: UInt64(facts.lock.until.milliseconds))
        let mode = UInt8(ascii: facts.lock.mode == .compliance ? "C" : "G")
        append((until + index, [mode]), to: TableName.due)
    }

    /// Adds what the description tells, if it still stands.
    mutating func appendDescription(_ facts: EvidenceFacts) {
        guard let description = facts.description else { return }
        let index = BigEndian.bytes(of: facts.index.value)
        append((description.payloadDigest.bytes + index, []), to: TableName.byDigest)
        let prefix = Self.namePrefix(facts.collection, description.name.text)
        append((prefix + [0] + index, []), to: TableName.byName)
        for label in description.labels.sorted {
            append(
                (Self.labelPrefix(facts.collection, label.key, label.value) + index, []),
                to: TableName.byLabel
            )
        }
        if let hash = facts.keyHash, let fingerprint = facts.fingerprint {
            append((hash.bytes + index, fingerprint.bytes), to: TableName.byKey)
        }
    }

    /// A table's entries, in the order in which they were added.
    func entries(_ table: String) -> [Entry] { tables[table] ?? [] }

    /// A table's entries in key order.
    func sorted(_ table: String) -> [Entry] {
        entries(table).sorted { $0.key.lexicographicallyPrecedes($1.key) }
    }

    static func collectionPrefix(_ collection: CollectionName) -> [UInt8] {
        Array(collection.text.utf8) + [0]
    }

    /// What the keys of names with this prefix begin with.
    static func namePrefix(_ collection: CollectionName, _ prefix: String) -> [UInt8] {
        collectionPrefix(collection) + prefix.utf8.prefix(nameKeyBytes)
    }

    static func labelPrefix(
        _ collection: CollectionName,
        _ key: String,
        _ value: String
    ) -> [UInt8] {
        collectionPrefix(collection) + key.utf8 + [0] + value.utf8 + [0]
    }

    /// The record index at the end of a key.
    static func index(endOf key: Span<UInt8>) -> RecordIndex? {
        BigEndian.read(UInt64.self, from: key, at: key.count - 8).map { RecordIndex($0) }
    }

    private mutating func append(_ entry: Entry, to table: String) {
        tables[table, default: []].append(entry)
    }
}
