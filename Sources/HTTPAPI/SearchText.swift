import Cryptography
import EvidenceModel
import EvidenceStore
import TransparencyLog

/// The body of a page of results: canonical JSON, written straight into bytes.
///
/// A page has a hundred entries of a dozen members; as objects that are sorted, encoded and thrown
/// away they took longer than the search.
struct SearchText {
    private(set) var bytes: [UInt8] = []
    private var isFirst = true

    init(_ page: SearchPage, sequences: ClosedRange<UInt64>?) {
        bytes.reserveCapacity(1024 + page.entries.count * 512)
        bytes.append(UInt8(ascii: "{"))
        append("checkpoint", page.checkpoint.note)
        // Members stand in canonical order: that of their names.
        if let next = page.next { append("cursor", String(next.value)) }
        begin("entries")
        bytes.append(UInt8(ascii: "["))
        for (position, entry) in page.entries.enumerated() {
            if position > 0 { bytes.append(UInt8(ascii: ",")) }
            append(entry)
        }
        bytes.append(UInt8(ascii: "]"))
        begin("range")
        CanonicalJSON.append(.object(Self.range(page.looked, sequences)), to: &bytes)
        append("treeSize", Int64(page.treeSize.value))
        bytes.append(UInt8(ascii: "}"))
    }

    /// What was looked through, and which of the collection's numbers are in it.
    private static func range(
        _ looked: Range<UInt64>,
        _ sequences: ClosedRange<UInt64>?
    ) -> JSONObject {
        var object: JSONObject = [
            "before": .integer(Int64(looked.upperBound)),
            "from": .integer(Int64(looked.lowerBound)),
        ]
        object["sequences"] = sequences.map {
            [
                "first": .integer(Int64($0.lowerBound)), "last": .integer(Int64($0.upperBound)),
            ]
        }
        return object
    }

    /// A result: what the record says, and of a sealed one what its opening says.
    private mutating func append(_ stored: StoredRecord) {
        let (record, description) = (stored.record, stored.description)
        bytes.append(UInt8(ascii: "{"))
        isFirst = true
        if let collection = record.collection { append("collection", collection.text) }
        append("index", Int64(stored.index.value))
        if let description {
            begin("labels")
            append(description.labels)
        }
        if let lock = record.lock {
            begin("lock")
            lock.appendCanonical(to: &bytes)
        }
        if let description {
            append("mediaType", description.mediaType.text)
            append("name", description.name.text)
        }
        begin("received")
        bytes.append(UInt8(ascii: "\""))
        record.received.appendRFC3339(to: &bytes)
        bytes.append(UInt8(ascii: "\""))
        begin("sealed")
        if case .sealedEvidence = record {
            bytes.append(contentsOf: "true".utf8)
        } else {
            bytes.append(contentsOf: "false".utf8)
        }
        if let sequence = record.sequence { append("sequence", Int64(sequence.value)) }
        if let description {
            begin("sha256")
            bytes.append(UInt8(ascii: "\""))
            description.payloadDigest.withSpan { Hex.append($0, to: &bytes) }
            bytes.append(UInt8(ascii: "\""))
            append("size", Int64(description.payloadSize))
        }
        bytes.append(UInt8(ascii: "}"))
    }

    private mutating func append(_ labels: Labels) {
        bytes.append(UInt8(ascii: "{"))
        for (position, label) in labels.sorted.enumerated() {
            if position > 0 { bytes.append(UInt8(ascii: ",")) }
            CanonicalJSON.append(string: label.key, to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            CanonicalJSON.append(string: label.value, to: &bytes)
        }
        bytes.append(UInt8(ascii: "}"))
    }

    private mutating func append(_ name: StaticString, _ text: String) {
        begin(name)
        CanonicalJSON.append(string: text, to: &bytes)
    }

    private mutating func append(_ name: StaticString, _ number: Int64) {
        begin(name)
        CanonicalJSON.append(integer: number, to: &bytes)
    }

    /// A member's name, which needs no escapes.
    private mutating func begin(_ name: StaticString) {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        bytes.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: "\":".utf8)
    }
}
