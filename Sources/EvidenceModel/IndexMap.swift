public import TransparencyLog

/// Values by record index, kept as runs of equal values: cheap for long ranges, and for single
/// indexes in any order.
///
/// The runs stand in blocks of bounded size, so that a change moves a few of them only, and a copy
/// shares all blocks with its original. Neighbouring runs never have equal values: maps with equal
/// contents have equal runs, though perhaps in other blocks.
public struct IndexMap<Value: Equatable & Sendable>: Sendable {
    private struct Run: Sendable {
        var first: UInt64
        var last: UInt64
        var value: Value
    }

    /// A run's place: its block, and its place therein.
    private struct Position {
        var block: Int
        var run: Int
    }

    /// Blocks that grow beyond this are split.
    private static var maximumRunCount: Int { 256 }

    /// Ascending; none of them empty.
    private var blocks: [[Run]] = []

    /// A map without values.
    public init() {}

    /// Whether no index has a value.
    public var isEmpty: Bool { blocks.isEmpty }

    /// The value at an index.
    public func value(at index: RecordIndex) -> Value? {
        let position = position(of: index.value)
        guard position.block < blocks.count else { return nil }
        let run = blocks[position.block][position.run]
        return run.first <= index.value ? run.value : nil
    }

    /// The runs of equal values, ascending.
    public var runs: some Sequence<(range: ClosedRange<UInt64>, value: Value)> {
        blocks.lazy.joined().lazy.map { (range: $0.first...$0.last, value: $0.value) }
    }

    /// Calls `body` for each run of equal values within `range`, cut to it, ascending.
    public func forEach<Failure>(
        in range: ClosedRange<UInt64>,
        _ body: (ClosedRange<UInt64>, Value) throws(Failure) -> Void
    ) throws(Failure) {
        let start = position(of: range.lowerBound)
        var next = start.run
        for block in blocks[start.block...] {
            for run in block[next...] {
                guard run.first <= range.upperBound else { return }
                try body((run.first...run.last).clamped(to: range), run.value)
            }
            next = 0
        }
    }

    /// Calls `body` for each run of equal values among the indexes, ascending.
    public func forEach<Failure>(
        in ranges: IndexRanges,
        _ body: (ClosedRange<UInt64>, Value) throws(Failure) -> Void
    ) throws(Failure) {
        for range in ranges.ranges { try forEach(in: range, body) }
    }

    /// Changes the values at all indexes of `ranges`.
    ///
    /// `change`: called once for each stretch of equal values, `nil` where there is none; it must
    /// depend on that value only.
    ///
    /// - Precondition: all indexes are below 2^64 - 1.
    public mutating func update(_ ranges: IndexRanges, _ change: (inout Value?) -> Void) {
        for range in ranges.ranges { update(range, change) }
    }

    private mutating func update(
        _ range: ClosedRange<UInt64>,
        _ change: (inout Value?) -> Void
    ) {
        precondition(range.upperBound < .max, "an index that is none")
        // From the run before to the run behind: they may come to have equal values.
        let start = position(of: range.lowerBound == 0 ? 0 : range.lowerBound - 1)
        var end = start
        var old: [Run] = []
        while end.block < blocks.count {
            let block = blocks[end.block]
            while end.run < block.count, block[end.run].first <= range.upperBound + 1 {
                old.append(block[end.run])
                end.run += 1
            }
            guard end.run == block.count, end.block + 1 < blocks.count,
                blocks[end.block + 1][0].first <= range.upperBound + 1
            else { break }
            end = Position(block: end.block + 1, run: 0)
        }
        replace(start, end, with: Self.updated(old, range, change))
    }

    /// The runs that touch `range`, with the values within it changed.
    private static func updated(
        _ old: [Run],
        _ range: ClosedRange<UInt64>,
        _ change: (inout Value?) -> Void
    ) -> [Run] {
        var new: [Run] = []
        func append(_ first: UInt64, _ last: UInt64, _ value: Value?) {
            guard first <= last, let value else { return }
            if let before = new.last, before.last + 1 == first, before.value == value {
                new[new.count - 1].last = last
            } else {
                new.append(Run(first: first, last: last, value: value))
            }
        }
        func appendChanged(_ first: UInt64, _ last: UInt64, _ value: Value?) {
            guard first <= last else { return }
            var value = value
            change(&value)
            append(first, last, value)
        }
        // The next index of the range that has not been changed yet.
        var next = range.lowerBound
        for run in old {
            if run.first < range.lowerBound {
                append(run.first, min(run.last, range.lowerBound - 1), run.value)
            }
            if run.first > next { appendChanged(next, min(run.first - 1, range.upperBound), nil) }
            next = max(next, min(run.first, range.upperBound + 1))
            if run.last >= next, next <= range.upperBound {
                appendChanged(next, min(run.last, range.upperBound), run.value)
                next = min(run.last, range.upperBound) + 1
            }
            append(max(run.first, range.upperBound + 1), run.last, run.value)
        }
        appendChanged(next, range.upperBound, nil)
        return new
    }

    /// Puts runs in the place of those from `start` up to but not including `end`.
    private mutating func replace(_ start: Position, _ end: Position, with new: [Run]) {
        guard start.block < blocks.count else {
            guard !new.isEmpty else { return }
            if blocks.isEmpty { blocks.append([]) }
            blocks[blocks.count - 1].append(contentsOf: new)
            split(blocks.count - 1)
            return
        }
        if start.block < end.block {
            let rest = blocks[end.block][end.run...]
            blocks[start.block].replaceSubrange(start.run..., with: rest)
            blocks.removeSubrange((start.block + 1)...end.block)
            blocks[start.block].insert(contentsOf: new, at: start.run)
        } else {
            blocks[start.block].replaceSubrange(start.run..<end.run, with: new)
        }
        if blocks[start.block].isEmpty {
            blocks.remove(at: start.block)
        } else {
            split(start.block)
        }
    }

    private mutating func split(_ block: Int) {
        while blocks[block].count > Self.maximumRunCount {
            let half = blocks[block].count / 2
            let cut = max(half, blocks[block].count - Self.maximumRunCount)
            let rest = Array(blocks[block][cut...])
            blocks[block].removeSubrange(cut...)
            blocks.insert(rest, at: block + 1)
        }
    }

    /// The first run that ends at `value` or behind it; the end of all blocks if there is none.
    private func position(of value: UInt64) -> Position {
        var (low, high) = (0, blocks.count)
        while low < high {
            let middle = (low + high) / 2
            if blocks[middle][blocks[middle].count - 1].last < value {
                low = middle + 1
            } else {
                high = middle
            }
        }
        guard low < blocks.count else { return Position(block: low, run: 0) }
        let block = low
        (low, high) = (0, blocks[block].count)
        while low < high {
            let middle = (low + high) / 2
            if blocks[block][middle].last < value { low = middle + 1 } else { high = middle }
        }
        return Position(block: block, run: low)
    }
}

extension IndexMap: Equatable {
    /// Whether every index has the same value in both.
    public static func == (left: IndexMap, right: IndexMap) -> Bool {
        left.blocks.lazy.joined().elementsEqual(right.blocks.lazy.joined()) {
            $0.first == $1.first && $0.last == $1.last && $0.value == $1.value
        }
    }
}
