import Cryptography
import EvidenceModel
import Testing
import TransparencyLog

@testable import Replication

/// Numbers that look random and are the same in each run with the same seed (SplitMix64).
struct Draw {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }
}

func digest(of bytes: [UInt8]) -> SHA256Digest { SHA256.hash(bytes.span) }

/// A record as a pack holds it.
struct PackedRecord {
    var entry: PackEntry
    var record: [UInt8]
    var received: Timestamp
    var opening: SealedOpening?
    var payload: [UInt8]?
}

/// The content of a pack or journal object.
struct PackSample {
    static let origin = "log.example/payments"
    static let time = Timestamp(milliseconds: 1_795_222_923_456) ?? .earliest

    var index: PackIndex
    var records: [PackedRecord]
    var checkpoint: String?

    static func opening(_ draw: inout Draw) throws -> SealedOpening {
        SealedOpening(
            salt: draw.bytes(32),
            evidence: EvidenceDescription(
                name: try EvidenceName("été/\(draw.below(1_000)).json"),
                mediaType: try MediaType("text/plain"),
                labels: try Labels([]),
                payloadDigest: digest(of: []),
                payloadSize: 0,
                idempotencyKey: nil,
                submitter: try Submitter("s"),
                traceparent: nil
            )
        )
    }

    static func home(_ kind: PackHome.Kind = .original) throws -> PackHome {
        let until = try #require(Timestamp(rfc3339Seconds: "2033-11-22T00:00:00Z"))
        let lock = try #require(Lock(mode: .compliance, until: until))
        return PackHome(collection: try CollectionName("payments"), lock: lock, kind: kind)
    }

    /// A pack of random records with gaps between their indexes, or a journal object.
    static func random(
        _ draw: inout Draw,
        isJournal: Bool = false,
        count: Int = 12,
        payloadLimit: Int = 3_000
    ) throws -> PackSample {
        var records: [PackedRecord] = []
        var index = UInt64(draw.below(1_000))
        let first = RecordIndex(index)
        for _ in 0..<count {
            let payload = draw.bytes(draw.below(5) == 0 ? 0 : draw.below(payloadLimit))
            let described = PackEntry.Payload(
                digest: SHA256.hash(payload.span),
                sizeBytes: UInt64(payload.count)
            )
            let key = ObjectLayout.payload(try CollectionName("payments"), RecordIndex(index))
            let content: PackEntry.Content =
                switch draw.below(isJournal ? 6 : 4) {
                case 0: .object(described, key)
                case 4: .none
                case 5: .erased
                default: .payload(described)
                }
            let entry = PackEntry(index: RecordIndex(index), content: content)
            let isOpen = entry.payload == nil || draw.below(2) == 0
            records.append(
                PackedRecord(
                    entry: entry,
                    record: draw.bytes(1 + draw.below(2_000)),
                    received: try #require(time.adding(milliseconds: Int64(index))),
                    opening: isOpen ? nil : try opening(&draw),
                    payload: entry.memberSizeBytes == nil ? nil : payload
                )
            )
            index += isJournal ? 1 : 1 + UInt64(draw.below(3))
        }
        let entries = records.map(\.entry)
        if isJournal {
            return PackSample(
                index: .journal(origin: origin, first: first, entries),
                records: records,
                checkpoint: "\(origin)\n7\nAAAA\n\n— \(origin) BBBB\n"
            )
        }
        return PackSample(index: .pack(origin: origin, try home(), entries), records: records)
    }

    /// Writes it, payloads in pieces of `pieceSize`.
    func written(
        to sink: PackWriter.Sink = .memory,
        pieceSize: Int = 1_000
    ) throws(PackError) -> PackWriter.Result {
        let writer = try PackWriter(index, indexTime: Self.time, to: sink)
        for item in records {
            try writer.append(
                index: item.entry.index,
                record: item.record.span,
                received: item.received,
                opening: item.opening
            )
            guard let payload = item.payload else { continue }
            try writer.beginPayload(
                index: item.entry.index,
                sizeBytes: UInt64(payload.count),
                received: item.received
            )
            for start in stride(from: 0, to: payload.count, by: pieceSize) {
                let piece = Array(payload[start..<min(payload.count, start + pieceSize)])
                try writer.payload(piece.span)
            }
        }
        if let checkpoint { try writer.checkpoint(checkpoint) }
        return try writer.finish()
    }
}

/// All that a reader gives, as text that can be compared.
func members(of object: [UInt8], pieceSize: Int = 4_096) throws(PackError) -> [String] {
    var position = 0
    let reader = PackReader {
        guard position < object.count else { return nil }
        defer { position += pieceSize }
        return Array(object[position..<min(object.count, position + pieceSize)])
    }
    var found = [String(decoding: try reader.index().encoded, as: UTF8.self)]
    while let member = try reader.next() {
        switch member {
        case .record(let index, let bytes):
            found.append("record \(index) \(SHA256.hash(bytes.span))")
        case .opening(let index, let opening):
            found.append("opening \(index) \(opening.commitment)")
        case .payload(let index, let sizeBytes):
            var (all, piece): ([UInt8], [UInt8]) = ([], [])
            while try reader.nextPiece(into: &piece) { all += piece }
            found.append("payload \(index) \(sizeBytes) \(SHA256.hash(all.span))")
        case .checkpoint(let text): found.append("checkpoint \(text)")
        }
    }
    return found
}

extension PackSample {
    /// What `members(of:)` must give.
    var members: [String] {
        var all = [String(decoding: index.encoded, as: UTF8.self)]
        for item in records {
            let index = item.entry.index
            all.append("record \(index) \(SHA256.hash(item.record.span))")
            if let opening = item.opening { all.append("opening \(index) \(opening.commitment)") }
            if let payload = item.payload {
                all.append("payload \(index) \(payload.count) \(SHA256.hash(payload.span))")
            }
        }
        if let checkpoint { all.append("checkpoint \(checkpoint)") }
        return all
    }
}
