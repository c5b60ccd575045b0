package import EvidenceModel
package import TransparencyLog

/// A segment's place in the log; segment 0 holds record 0.
package struct SegmentNumber: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let value: UInt64

    package init(_ value: UInt64) {
        self.value = value
    }

    package var next: SegmentNumber { SegmentNumber(value + 1) }
    package var description: String { "\(value)" }

    package static func < (left: SegmentNumber, right: SegmentNumber) -> Bool {
        left.value < right.value
    }
}

/// How records map to segments: runs of 2^height, so that a full segment's root is the tree's
/// node at (height, segment number).
package struct SegmentGeometry: Hashable, Sendable {
    /// 16, or 8 for small logs.
    package let height: UInt8

    /// The heights that a log can have: multiples of a tile's, so that tiles never straddle.
    package static let heights: [UInt8] = [16, 8]

    package init?(height: UInt8) {
        guard Self.heights.contains(height) else { return nil }
        self.height = height
    }

    /// How many records a full segment holds.
    package var capacity: UInt64 { 1 << UInt64(height) }

    package func segment(of index: RecordIndex) -> SegmentNumber {
        SegmentNumber(index.value >> UInt64(height))
    }

    package func firstIndex(of segment: SegmentNumber) -> RecordIndex {
        RecordIndex(segment.value << UInt64(height))
    }

    /// The indexes of a full segment.
    package func range(of segment: SegmentNumber) -> ClosedRange<UInt64> {
        let first = firstIndex(of: segment).value
        return first...first + capacity - 1
    }

    /// The segment that the next record of a log of this size goes into.
    package func openSegment(at size: TreeSize) -> SegmentNumber {
        SegmentNumber(size.value >> UInt64(height))
    }

    /// The record's place within its segment.
    package func offset(of index: RecordIndex) -> Int {
        Int(index.value & (capacity - 1))
    }
}
