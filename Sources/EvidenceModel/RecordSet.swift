public import TransparencyLog

/// A set of record indexes that grows and shrinks: `IndexMap` with nothing to say but *present*.
public struct RecordSet: Equatable, Sendable {
    private struct Present: Equatable {}

    private var map = IndexMap<Present>()

    /// A set of no indexes.
    public init() {}

    /// Whether there are none.
    public var isEmpty: Bool { map.isEmpty }

    /// Whether an index is among them.
    public func contains(_ index: RecordIndex) -> Bool { map.value(at: index) != nil }

    /// The indexes as ranges.
    public var ranges: IndexRanges {
        IndexRanges(canonical: map.runs.map(\.range))
    }

    /// The indexes of `other` that are in the set.
    public func intersection(_ other: IndexRanges) -> IndexRanges {
        var ranges: [ClosedRange<UInt64>] = []
        map.forEach(in: other) { range, _ in IndexRanges.append(range, to: &ranges) }
        return IndexRanges(canonical: ranges)
    }

    /// Adds indexes.
    public mutating func insert(_ ranges: IndexRanges) {
        map.update(ranges) { $0 = Present() }
    }

    /// Takes indexes out.
    public mutating func remove(_ ranges: IndexRanges) {
        map.update(ranges) { $0 = nil }
    }
}
