public import TransparencyLog

/// A set of record indexes as ranges: ascending, disjoint, and never adjacent, so that equal sets
/// have one form.
///
/// In JSON it is an array of `[first,last]`, both inclusive.
public struct IndexRanges: Hashable, Sendable {
    /// No index at all.
    public static let none = IndexRanges(canonical: [])

    /// The most ranges in one record; longer sets are written in parts.
    public static let maximumRangeCount = 1_500

    /// The ranges, ascending.
    public let ranges: [ClosedRange<UInt64>]

    /// Indexes in any order; one may occur several times.
    public init(_ indexes: some Sequence<RecordIndex>) {
        var values = indexes.map(\.value)
        if zip(values, values.dropFirst()).contains(where: { $0 > $1 }) { values.sort() }
        var ranges: [ClosedRange<UInt64>] = []
        for value in values { Self.append(value...value, to: &ranges) }
        self.ranges = ranges
    }

    /// Ranges in their one form; `nil` unless they ascend, and at least one index is missing
    /// between each two.
    public init?(ranges: [ClosedRange<UInt64>]) {
        for (left, right) in zip(ranges, ranges.dropFirst()) {
            guard left.upperBound < right.lowerBound, right.lowerBound - left.upperBound > 1
            else { return nil }
        }
        self.ranges = ranges
    }

    /// One index.
    public init(_ index: RecordIndex) {
        ranges = [index.value...index.value]
    }

    init(canonical ranges: [ClosedRange<UInt64>]) {
        self.ranges = ranges
    }

    /// Adds a range that begins nowhere before the last one begins.
    static func append(_ range: ClosedRange<UInt64>, to ranges: inout [ClosedRange<UInt64>]) {
        guard let last = ranges.last,
            range.lowerBound <= last.upperBound || range.lowerBound - last.upperBound == 1
        else {
            ranges.append(range)
            return
        }
        ranges[ranges.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
    }

    /// How many indexes there are.
    public var count: UInt64 {
        ranges.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) + 1 }
    }

    /// Whether there are none.
    public var isEmpty: Bool { ranges.isEmpty }

    /// The lowest index.
    public var first: RecordIndex? { ranges.first.map { RecordIndex($0.lowerBound) } }

    /// The highest index.
    public var last: RecordIndex? { ranges.last.map { RecordIndex($0.upperBound) } }

    /// Whether an index is among them.
    public func contains(_ index: RecordIndex) -> Bool {
        let position = position(of: index.value)
        return position < ranges.count && ranges[position].contains(index.value)
    }

    /// Every index, ascending.
    public var indexes: some Sequence<RecordIndex> {
        ranges.lazy.joined().lazy.map { RecordIndex($0) }
    }

    /// The same indexes in sets of at most `maximumRangeCount` ranges, ascending; none if there
    /// are no indexes.
    ///
    /// - Precondition: `maximumRangeCount` is positive.
    public func parts(maximumRangeCount: Int) -> [IndexRanges] {
        precondition(maximumRangeCount > 0, "a part has at least one range")
        return stride(from: 0, to: ranges.count, by: maximumRangeCount).map { start in
            let end = Swift.min(start + maximumRangeCount, ranges.count)
            return IndexRanges(canonical: Array(ranges[start..<end]))
        }
    }

    /// The indexes that are not in `other`.
    public func subtracting(_ other: IndexRanges) -> IndexRanges {
        var result: [ClosedRange<UInt64>] = []
        for range in ranges {
            var next = range.lowerBound
            var isOpen = true
            for hole in other.ranges[other.position(of: next)...] {
                guard isOpen, hole.lowerBound <= range.upperBound else { break }
                if hole.lowerBound > next { result.append(next...(hole.lowerBound - 1)) }
                isOpen = hole.upperBound < range.upperBound
                if isOpen { next = hole.upperBound + 1 }
            }
            if isOpen { result.append(next...range.upperBound) }
        }
        return IndexRanges(canonical: result)
    }

    /// The indexes below a limit.
    func below(_ limit: RecordIndex) -> IndexRanges {
        guard let last, last >= limit else { return self }
        return subtracting(IndexRanges(canonical: [limit.value...last.value]))
    }

    /// The indexes of both.
    public func union(_ other: IndexRanges) -> IndexRanges {
        var result: [ClosedRange<UInt64>] = []
        result.reserveCapacity(ranges.count + other.ranges.count)
        var (left, right) = (ranges[...], other.ranges[...])
        while let first = left.first, let second = right.first {
            if first.lowerBound <= second.lowerBound {
                Self.append(left.removeFirst(), to: &result)
            } else {
                Self.append(right.removeFirst(), to: &result)
            }
        }
        for range in left { Self.append(range, to: &result) }
        for range in right { Self.append(range, to: &result) }
        return IndexRanges(canonical: result)
    }

    /// The first range that ends at `value` or behind it.
    private func position(of value: UInt64) -> Int {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < value { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension IndexRanges: CustomStringConvertible {
    /// For example `3, 5-9`.
    public var description: String {
        ranges.map { range in
            range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)"
        }.joined(separator: ", ")
    }
}
