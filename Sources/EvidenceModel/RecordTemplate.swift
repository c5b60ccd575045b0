internal import Cryptography

/// The bytes of an evidence record that do not depend on when and where it is appended, with gaps
/// for what does.
///
/// ```
/// head      {"collection":…,"kind":"evidence",…"lock":
/// lock      {"mode":"COMPLIANCE","until":"2033-11-22T00:00:00Z"},
/// middle    "mediaType":…,"payload":{…},"received":"
/// received  2026-11-21T01:02:03.456Z","sequence":41
/// tail      ,"submitter":…,"v":1}
/// ```
struct RecordTemplate: Sendable {
    private let head: [UInt8]
    private let middle: [UInt8]
    private let tail: [UInt8]

    /// Bytes of the gaps at most: lock, time, number and the quotation marks between.
    private static let gapsSizeBytes = 256

    /// The template of an open record.
    init(collection: CollectionName, description: EvidenceDescription) {
        var head: [UInt8] = []
        head.append(ascii: "{\"collection\":")
        CanonicalJSON.append(string: collection.text, to: &head)
        head.append(JSONReader.comma)
        description.appendIdempotencyKey(to: &head)
        head.append(ascii: "\"kind\":\"evidence\",")
        description.appendLabels(to: &head)
        head.append(ascii: "\"lock\":")

        var middle: [UInt8] = []
        description.appendMediaTypeNameAndPayload(to: &middle)
        middle.append(ascii: "\"received\":\"")

        var tail: [UInt8] = [JSONReader.comma]
        description.appendSubmitterAndTraceparent(to: &tail)
        tail.append(ascii: ",\"v\":1}")
        self.init(head: head, middle: middle, tail: tail)
    }

    /// The template of a sealed record.
    init(collection: CollectionName, commitment: SHA256Digest) {
        var head: [UInt8] = []
        head.append(ascii: "{\"collection\":")
        CanonicalJSON.append(string: collection.text, to: &head)
        head.append(ascii: ",\"commitment\":\"")
        commitment.appendHex(to: &head)
        head.append(ascii: "\",\"kind\":\"evidence\",\"lock\":")
        self.init(head: head, middle: Array("\"received\":\"".utf8), tail: Array(",\"v\":1}".utf8))
    }

    private init(head: [UInt8], middle: [UInt8], tail: [UInt8]) {
        let sizeBytes = head.count + middle.count + tail.count + Self.gapsSizeBytes
        precondition(sizeBytes <= Record.maximumSizeBytes, "the limits keep records smaller")
        self.head = head
        self.middle = middle
        self.tail = tail
    }

    /// The record's bytes.
    func encode(received: Timestamp, sequence: SequenceNumber, lock: Lock) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(head.count + middle.count + tail.count + Self.gapsSizeBytes)
        bytes.append(contentsOf: head)
        lock.appendCanonical(to: &bytes)
        bytes.append(JSONReader.comma)
        bytes.append(contentsOf: middle)
        received.appendRFC3339(to: &bytes)
        bytes.append(ascii: "\",\"sequence\":")
        bytes.append(ascii: String(sequence.value))
        bytes.append(contentsOf: tail)
        return bytes
    }
}

extension Lock {
    /// Appends the lock as a canonical object: the bytes of `json`.
    public func appendCanonical(to bytes: inout [UInt8]) {
        switch end {
        case .until(let until):
            bytes.append(ascii: "{\"mode\":\"")
            bytes.append(ascii: mode.rawValue)
            bytes.append(ascii: "\",\"until\":\"")
            until.appendRFC3339Seconds(to: &bytes)
        case .awaiting(let event, let duration):
            bytes.append(ascii: "{\"duration\":\"")
            bytes.append(ascii: duration.description)
            bytes.append(ascii: "\",\"event\":\"")
            bytes.append(ascii: event.text)
            bytes.append(ascii: "\",\"mode\":\"")
            bytes.append(ascii: mode.rawValue)
        }
        bytes.append(ascii: "\"}")
    }
}
