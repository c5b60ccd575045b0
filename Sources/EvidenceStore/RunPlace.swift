import EvidenceModel
import TransparencyLog

/// Which records an index run covers: those under one node of the log's tree.
///
/// A run of level L covers 2^(8 + 4 L) records: level 1 is 16 segments of 2^8, level 2 one segment
/// of 2^16 or 16 runs of level 1, and so on. Sixteen neighbours are merged into one of the next
/// level, up to the highest.
struct RunPlace: Hashable, Sendable {
    let level: UInt8
    /// How many runs of this level are before it.
    let number: UInt64

    /// A run of the highest level covers 16,777,216 records.
    static let highestLevel: UInt8 = 4
    /// Runs that are merged into one.
    static let fanIn: UInt64 = 16

    /// The level of the runs that are made from segments.
    static func baseLevel(_ geometry: SegmentGeometry) -> UInt8 {
        max(1, (geometry.height - 8) / 4)
    }

    private var shift: UInt64 { 8 + 4 * UInt64(level) }

    /// The first record.
    var first: UInt64 { number << shift }
    /// How many records.
    var count: UInt64 { 1 << shift }
    /// The first record behind it.
    var end: UInt64 { first + count }
    /// The tree's node above exactly these records.
    var node: NodeID { NodeID(level: UInt8(shift), index: number) }

    /// The run that it is merged into; nil at the highest level.
    var parent: RunPlace? {
        level < Self.highestLevel
            ? RunPlace(level: level + 1, number: number / Self.fanIn) : nil
    }

    /// The runs that are merged into it, in order.
    var children: [RunPlace] {
        (0..<Self.fanIn).map { RunPlace(level: level - 1, number: number * Self.fanIn + $0) }
    }

    /// The segments that it covers.
    func segments(_ geometry: SegmentGeometry) -> Range<UInt64> {
        first >> UInt64(geometry.height)..<end >> UInt64(geometry.height)
    }

    /// The place at a level that covers a record.
    static func covering(_ index: UInt64, level: UInt8) -> RunPlace {
        let place = RunPlace(level: level, number: 0)
        return RunPlace(level: level, number: index >> place.shift)
    }

    /// `2-0000000017.run`.
    var fileName: String {
        let digits = String(number)
        return "\(level)-\(String(repeating: "0", count: max(0, 10 - digits.count)))\(digits).run"
    }

    init(level: UInt8, number: UInt64) {
        (self.level, self.number) = (level, number)
    }

    /// Reads what `fileName` gives; nil for anything else.
    init?(fileName: String) {
        guard fileName.hasSuffix(".run") else { return nil }
        let parts = fileName.dropLast(4).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let level = UInt8(parts[0]), let number = UInt64(parts[1]),
            1...Self.highestLevel ~= level, number < 1 << 40
        else { return nil }
        self.init(level: level, number: number)
        guard self.fileName == fileName else { return nil }
    }
}
