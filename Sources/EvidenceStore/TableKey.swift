import EvidenceModel
import TransparencyLog

/// The keys of the tables in a segment, big-endian so that they sort as the numbers do.
///
/// `records` and `openings`: index (8). `payloads`: index (8), chunk (4).
/// `tiles`: last leaf (8), level (1): a tile is kept in the segment of its last leaf, and keys
/// ascend in the order in which tiles complete.
struct TableKey {
    private var bytes = InlineArray<12, UInt8>(repeating: 0)
    private let count: Int

    static func record(_ index: RecordIndex) -> TableKey { TableKey(index.value, count: 8) }

    static func chunk(_ index: RecordIndex, _ number: UInt32) -> TableKey {
        var key = TableKey(index.value, count: 12)
        for position in 0..<4 {
            key.bytes[8 + position] = UInt8(truncatingIfNeeded: number >> UInt32(24 - 8 * position))
        }
        return key
    }

    static func tile(_ tile: TileCoordinate) -> TableKey {
        var key = TableKey(tile.lastLeaf.value, count: 9)
        key.bytes[8] = UInt8(tile.level)
        return key
    }

    private init(_ value: UInt64, count: Int) {
        self.count = count
        for position in 0..<8 {
            bytes[position] = UInt8(truncatingIfNeeded: value >> UInt64(56 - 8 * position))
        }
    }

    /// Lends the key's bytes.
    func withSpan<Result, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(bytes.span.extracting(first: count))
    }
}

/// The tables' names in a segment's files.
enum TableName {
    static let records = "records"
    static let payloads = "payloads"
    static let openings = "openings"
    static let tiles = "tiles"
    static let byDigest = "by_digest"
    static let byName = "by_name"
    static let byLabel = "by_label"
    static let byKey = "by_key"
    static let bySequence = "by_sequence"
    static let due = "due"
    static let acts = "acts"
    static let manifest = "manifest"
    static let digests = "digests"
}
