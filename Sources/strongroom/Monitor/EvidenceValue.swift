internal import Cryptography
internal import EvidenceModel
internal import TransparencyLog

/// A piece of evidence as a monitor keeps it, in few bytes.
///
/// ```
/// flags 1       bit 0 COMPLIANCE, bit 1 awaits an event, bit 2 open
/// collection 4  place in the list of collections
/// sequence 8    received 8 (ms)    leaf hash 32
/// until 8 (ms)  or: size 1, event, size 1, duration
/// open only:    size 2, name; count 1, for each label: size 1, key, size 2, value
/// ```
///
/// Numbers are big-endian. Around it stands a checksum, see `Checked`.
enum EvidenceValue {
    private static let complianceFlag: UInt8 = 1
    private static let awaitingFlag: UInt8 = 2
    private static let openFlag: UInt8 = 4

    static func encode(_ evidence: AuditedEvidence, collection: UInt32) -> [UInt8] {
        let facts = evidence.facts
        var flags: UInt8 = facts.lock.mode == .compliance ? complianceFlag : 0
        if case .awaiting = facts.lock.end { flags |= awaitingFlag }
        if facts.description != nil { flags |= openFlag }
        var writer = ByteWriter()
        writer.bytes.append(flags)
        writer.append(UInt64(collection), sizeBytes: 4)
        writer.append(evidence.sequence.value, sizeBytes: 8)
        writer.append(UInt64(facts.received.milliseconds), sizeBytes: 8)
        facts.leafHash.append(to: &writer.bytes)
        switch facts.lock.end {
        case .until(let until): writer.append(UInt64(until.milliseconds), sizeBytes: 8)
        case .awaiting(let event, let duration):
            writer.append(event.text, sizeBytes: 1)
            writer.append("\(duration)", sizeBytes: 1)
        }
        if let description = facts.description {
            writer.append(description.name.text, sizeBytes: 2)
            writer.append(UInt64(description.labels.sorted.count), sizeBytes: 1)
            for label in description.labels.sorted {
                writer.append(label.key, sizeBytes: 1)
                writer.append(label.value, sizeBytes: 2)
            }
        }
        return writer.bytes
    }

    /// Reads a value; nil unless it is one.
    static func decode(
        _ bytes: Span<UInt8>,
        at index: RecordIndex,
        collections: [CollectionName]
    ) -> AuditedEvidence? {
        var reader = ByteReader()
        guard let flags = reader.number(1, bytes), flags < 8,
            let place = reader.number(4, bytes), place < UInt64(collections.count),
            let number = reader.number(8, bytes), let sequence = SequenceNumber(number),
            let received = time(reader.number(8, bytes)),
            let leafHash = reader.digest(bytes),
            let lock = lock(UInt8(flags), &reader, bytes)
        else { return nil }
        var description: EvidenceDescription?
        if UInt8(flags) & openFlag != 0 {
            guard let found = self.description(&reader, bytes, leafHash) else { return nil }
            description = found
        }
        guard reader.offset == bytes.count else { return nil }
        return AuditedEvidence(
            facts: RecordFacts(
                index: index,
                collection: collections[Int(place)],
                lock: lock,
                received: received,
                description: description,
                leafHash: leafHash
            ),
            sequence: sequence
        )
    }

    /// The leaf hash alone; nil if there is no room for one.
    static func leafHash(_ bytes: Span<UInt8>) -> SHA256Digest? {
        var reader = ByteReader()
        // Flags, collection, sequence, received.
        for size in [1, 4, 8, 8] where reader.number(size, bytes) == nil { return nil }
        return reader.digest(bytes)
    }

    private static func time(_ milliseconds: UInt64?) -> Timestamp? {
        milliseconds.flatMap { Int64(exactly: $0) }.flatMap { Timestamp(milliseconds: $0) }
    }

    private static func lock(
        _ flags: UInt8,
        _ reader: inout ByteReader,
        _ bytes: Span<UInt8>
    ) -> Lock? {
        let mode: RetentionMode = flags & complianceFlag != 0 ? .compliance : .governance
        guard flags & awaitingFlag != 0 else {
            return time(reader.number(8, bytes)).flatMap { Lock(mode: mode, until: $0) }
        }
        guard let event = reader.text(1, bytes), let duration = reader.text(1, bytes),
            let name = try? EventName(event),
            let length = try? RetentionDuration(parsing: duration)
        else { return nil }
        return Lock(mode: mode, awaiting: name, then: length)
    }

    /// Name and labels, which is what decisions ask for; the payload's digest is not kept, and a
    /// hash that is none stands in its place.
    private static func description(
        _ reader: inout ByteReader,
        _ bytes: Span<UInt8>,
        _ standIn: SHA256Digest
    ) -> EvidenceDescription? {
        guard let text = reader.text(2, bytes), let name = try? EvidenceName(text),
            let count = reader.number(1, bytes)
        else { return nil }
        var pairs: [(key: String, value: String)] = []
        for _ in 0..<count {
            guard let key = reader.text(1, bytes), let value = reader.text(2, bytes) else {
                return nil
            }
            pairs.append((key, value))
        }
        guard let labels = try? Labels(pairs) else { return nil }
        return EvidenceDescription(
            name: name,
            labels: labels,
            payloadDigest: standIn,
            payloadSize: 0
        )
    }
}

/// Bytes with a checksum in front: the first 8 of SHA-256 over key and bytes.
enum Checked {
    static let checksumSizeBytes = 8

    static func wrap(_ bytes: [UInt8], key: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(checksum(bytes.span, key), sizeBytes: checksumSizeBytes)
        return writer.bytes + bytes
    }

    /// Lends what stands behind the checksum to `body`; nil if the checksum is another.
    static func unwrap<Result>(
        _ value: Span<UInt8>,
        key: [UInt8],
        _ body: (Span<UInt8>) -> Result?
    ) -> Result? {
        var reader = ByteReader()
        guard let stored = reader.number(checksumSizeBytes, value) else { return nil }
        let bytes = value.extracting(checksumSizeBytes..<value.count)
        return stored == checksum(bytes, key) ? body(bytes) : nil
    }

    private static func checksum(_ bytes: Span<UInt8>, _ key: [UInt8]) -> UInt64 {
        var hasher = SHA256Hasher()
        hasher.update(key.span)
        hasher.update(bytes)
        return hasher.finalize().word0
    }
}

/// Writes big-endian numbers, and texts behind their sizes.
struct ByteWriter {
    var bytes: [UInt8] = []

    mutating func append(_ number: UInt64, sizeBytes: Int) {
        for place in (0..<sizeBytes).reversed() {
            bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(8 * place)))
        }
    }

    mutating func append(_ text: String, sizeBytes: Int) {
        append(UInt64(text.utf8.count), sizeBytes: sizeBytes)
        bytes += text.utf8
    }
}

/// Reads what `ByteWriter` writes; nil where the bytes end too early.
struct ByteReader {
    private(set) var offset = 0

    mutating func number(_ sizeBytes: Int, _ bytes: Span<UInt8>) -> UInt64? {
        guard bytes.count - offset >= sizeBytes else { return nil }
        var number: UInt64 = 0
        for place in offset..<offset + sizeBytes { number = number << 8 | UInt64(bytes[place]) }
        offset += sizeBytes
        return number
    }

    mutating func digest(_ bytes: Span<UInt8>) -> SHA256Digest? {
        guard bytes.count - offset >= SHA256Digest.sizeBytes else { return nil }
        defer { offset += SHA256Digest.sizeBytes }
        return SHA256Digest(bytes.extracting(offset..<offset + SHA256Digest.sizeBytes))
    }

    mutating func text(_ sizeBytes: Int, _ bytes: Span<UInt8>) -> String? {
        guard let count = number(sizeBytes, bytes), count <= UInt64(bytes.count - offset) else {
            return nil
        }
        let end = offset + Int(count)
        defer { offset = end }
        var text: [UInt8] = []
        text.reserveCapacity(Int(count))
        for place in offset..<end { text.append(bytes[place]) }
        return String(validating: text, as: UTF8.self)
    }
}
