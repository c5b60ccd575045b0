import EvidenceModel

/// Goes through offsets of a run, the highest first; each call asks for less than the one before.
protocol RunCursor: AnyObject {
    /// At most how many there are.
    var count: UInt64 { get }
    /// The highest that is not above `bound`, or nil.
    func next(atMost bound: UInt32) throws(StoreError) -> UInt32?
    /// Whether an offset is one of them.
    func contains(_ offset: UInt32) throws(StoreError) -> Bool
}

/// The offsets of one term: a digest, a label, a collection.
final class TermCursor: RunCursor {
    private let run: IndexRun
    private let term: [UInt8]
    private let positions: Range<UInt64>
    /// Those of a block, ascending; all others are below or not asked for any more.
    private var offsets: ArraySlice<UInt32> = []

    init(_ run: IndexRun, _ term: [UInt8]) throws(StoreError) {
        (self.run, self.term) = (run, term)
        positions = try run.positions(term)
    }

    var count: UInt64 { UInt64(positions.count) }

    func next(atMost bound: UInt32) throws(StoreError) -> UInt32? {
        if offsets.first.map({ $0 > bound }) ?? true {
            guard try load(bound) else { return nil }
        }
        var (low, high) = (offsets.startIndex, offsets.endIndex)
        while low < high {
            let middle = (low + high) / 2
            if offsets[middle] <= bound { low = middle + 1 } else { high = middle }
        }
        guard low > offsets.startIndex else { throw run.damaged("its entries are not in order") }
        return offsets[low - 1]
    }

    func contains(_ offset: UInt32) throws(StoreError) -> Bool {
        try next(atMost: offset) == offset
    }

    /// Reads the block with the highest offset up to `bound`; false if there is none.
    private func load(_ bound: UInt32) throws(StoreError) -> Bool {
        let end =
            bound == .max
            ? positions.upperBound : try run.position(of: RunKey.key(term, bound + 1))
        guard end > positions.lowerBound, end <= positions.upperBound else { return false }
        let (found, first) = try run.offsets(around: end - 1)
        let lower = max(positions.lowerBound, first)
        let upper = min(positions.upperBound, first + UInt64(found.count))
        offsets = found[Int(lower - first)..<Int(upper - first)]
        return true
    }
}

/// The offsets of any of several terms.
final class UnionCursor: RunCursor {
    private let parts: [any RunCursor]

    init(_ parts: [any RunCursor]) {
        self.parts = parts
    }

    var count: UInt64 { parts.reduce(0) { $0 + $1.count } }

    func next(atMost bound: UInt32) throws(StoreError) -> UInt32? {
        var highest: UInt32?
        for part in parts {
            guard let found = try part.next(atMost: bound) else { continue }
            highest = max(highest ?? found, found)
        }
        return highest
    }

    func contains(_ offset: UInt32) throws(StoreError) -> Bool {
        for part in parts where try part.contains(offset) {
            return true
        }
        return false
    }
}

/// The offsets of records whose rank lies in one of some ranges: whose names have a prefix.
///
/// Looks at the ranks of one record after the other: 4 bytes each.
final class RankCursor: RunCursor {
    private let run: IndexRun
    /// Ascending, apart from each other.
    private let ranges: [ClosedRange<UInt32>]
    private var block: (number: Int, ranks: [UInt32])?

    init(_ run: IndexRun, _ ranges: [ClosedRange<UInt32>]) {
        (self.run, self.ranges) = (run, ranges)
    }

    var count: UInt64 { ranges.reduce(0) { $0 + UInt64($1.count) } }

    func next(atMost bound: UInt32) throws(StoreError) -> UInt32? {
        var place = Int(min(UInt64(bound), run.place.count - 1))
        while place >= 0 {
            let ranks = try ranks(around: place)
            let start = place / RunFormat.ranksPerBlock * RunFormat.ranksPerBlock
            if let only = ranges.first, ranges.count == 1 {
                let (low, high) = (only.lowerBound, only.upperBound)
                while place >= start {
                    let rank = ranks[place - start]
                    if rank >= low && rank <= high { return UInt32(place) }
                    place -= 1
                }
            } else {
                while place >= start {
                    if isMeant(ranks[place - start]) { return UInt32(place) }
                    place -= 1
                }
            }
        }
        return nil
    }

    func contains(_ offset: UInt32) throws(StoreError) -> Bool {
        let place = Int(offset)
        return isMeant(try ranks(around: place)[place % RunFormat.ranksPerBlock])
    }

    private func isMeant(_ rank: UInt32) -> Bool {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < rank { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].contains(rank)
    }

    private func ranks(around place: Int) throws(StoreError) -> [UInt32] {
        let number = place / RunFormat.ranksPerBlock
        if let block, block.number == number { return block.ranks }
        let ranks = try run.ranks(block: number)
        block = (number, ranks)
        return ranks
    }
}

/// Offsets that were worked out, ascending.
final class ListCursor: RunCursor {
    private let offsets: [UInt32]

    init(_ offsets: [UInt32]) {
        self.offsets = offsets
    }

    var count: UInt64 { UInt64(offsets.count) }

    func next(atMost bound: UInt32) -> UInt32? {
        var (low, high) = (0, offsets.count)
        while low < high {
            let middle = (low + high) / 2
            if offsets[middle] <= bound { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? offsets[low - 1] : nil
    }

    func contains(_ offset: UInt32) -> Bool { next(atMost: offset) == offset }
}
