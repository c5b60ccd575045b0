import EvidenceModel
import Testing
import TransparencyLog

func ranges(_ values: UInt64...) -> IndexRanges {
    IndexRanges(values.map { RecordIndex($0) })
}

@Suite struct IndexRangesTests {
    @Test func indexesBecomeRangesInAnyOrder() {
        #expect(ranges(5, 3, 4, 9, 3).ranges == [3...5, 9...9])
        #expect(ranges().isEmpty)
        #expect(ranges() == .none)
        #expect(ranges(3, 4, 9).description == "3-4, 9")
        #expect(IndexRanges(RecordIndex(7)) == ranges(7))
        #expect(ranges(0, .max).ranges == [0...0, .max ... .max])
    }

    @Test func onlyTheOneFormOfASetIsTaken() {
        #expect(IndexRanges(ranges: [1...2, 4...4])?.ranges == [1...2, 4...4])
        #expect(IndexRanges(ranges: []) == IndexRanges.none)
        #expect(IndexRanges(ranges: [0...(.max)])?.last == RecordIndex(.max))
        for ranges: [ClosedRange<UInt64>] in [[1...2, 3...3], [1...2, 2...3], [4...4, 1...2]] {
            #expect(IndexRanges(ranges: ranges) == nil)
        }
    }

    @Test func partsAreTheWhole() {
        let all = IndexRanges((0..<10).map { RecordIndex(UInt64($0 * 2)) })
        let parts = all.parts(maximumRangeCount: 4)
        #expect(parts.map(\.ranges.count) == [4, 4, 2])
        #expect(parts.reduce(IndexRanges.none) { $0.union($1) } == all)
        #expect(IndexRanges.none.parts(maximumRangeCount: 4).isEmpty)
    }

    /// Against sets of numbers.
    @Test(.tags(.property)) func setsAreSets() {
        var draw = Draw()
        for _ in 0..<2_000 {
            let (left, right) = (draw.small(), draw.small())
            let (first, second) = (IndexRanges(left), IndexRanges(right))
            #expect(Set(first.indexes) == left)
            #expect(first.count == UInt64(left.count))
            #expect(first.first == left.min() && first.last == left.max())
            #expect(first.union(second) == IndexRanges(left.union(right)))
            #expect(first.subtracting(second) == IndexRanges(left.subtracting(right)))
            #expect(IndexRanges(ranges: first.subtracting(second).ranges) != nil)
            let probe = RecordIndex(UInt64(draw.int(0...45)))
            #expect(first.contains(probe) == left.contains(probe))
        }
    }
}

extension Draw {
    fileprivate mutating func small() -> Set<RecordIndex> {
        Set((0..<int(0...25)).map { _ in RecordIndex(UInt64(int(0...40))) })
    }
}

@Suite struct IndexMapTests {
    /// Against a dictionary: single indexes and ranges, in any order, over many blocks.
    @Test(.tags(.property)) func isAMap() throws {
        var draw = Draw()
        for scale in [60, 4_000] {
            var map = IndexMap<Int>()
            var model: [UInt64: Int] = [:]
            for step in 0..<3_000 {
                let first = UInt64(draw.int(0...scale))
                let length = draw.chance(4) ? UInt64(draw.int(0...(scale / 6))) : 0
                let range = first...(first + length)
                let ranges = try #require(IndexRanges(ranges: [range]))
                let value = draw.int(0...3)
                let isRemoval = draw.chance(4)
                map.update(ranges) { old in old = isRemoval ? nil : (old ?? 0) / 2 + value }
                for index in range {
                    model[index] = isRemoval ? nil : (model[index] ?? 0) / 2 + value
                }
                guard step % 100 == 0 else { continue }
                try compare(map, model, upTo: UInt64(scale * 2))
            }
        }
    }

    private func compare(
        _ map: IndexMap<Int>,
        _ model: [UInt64: Int],
        upTo limit: UInt64
    ) throws {
        var found: [UInt64: Int] = [:]
        var last: (range: ClosedRange<UInt64>, value: Int)?
        for (range, value) in map.runs {
            for index in range { found[index] = value }
            if let last {
                #expect(range.lowerBound > last.range.upperBound)
                let touches = range.lowerBound == last.range.upperBound + 1
                #expect(!touches || last.value != value, "two runs that should be one")
            }
            last = (range, value)
        }
        #expect(found == model)
        #expect(map.isEmpty == model.isEmpty)
        for index in stride(from: 0, to: limit, by: 7) {
            #expect(map.value(at: RecordIndex(index)) == model[index])
        }
        var cut: [UInt64: Int] = [:]
        let window = limit / 5...limit / 2
        map.forEach(in: window) { range, value in for index in range { cut[index] = value } }
        #expect(cut == model.filter { window.contains($0.key) })
    }

    /// Equal contents are equal, however they came about.
    @Test func equalityIsOfContents() throws {
        let count: UInt64 = 1_000
        var up = IndexMap<UInt64>()
        var down = IndexMap<UInt64>()
        for index in 0..<count { up.update(ranges(index)) { $0 = index % 3 } }
        for index in (0..<count).reversed() { down.update(ranges(index)) { $0 = index % 3 } }
        #expect(up == down)
        down.update(ranges(500)) { $0 = 7 }
        #expect(up != down)
        down.update(ranges(500)) { $0 = 500 % 3 }
        #expect(up == down)
        down.update(ranges(500)) { $0 = nil }
        #expect(up != down)
    }

    /// A range over all possible records is one run, whatever stands in it.
    @Test func longRangesAreCheap() throws {
        let all = try #require(IndexRanges(ranges: [0...((1 << 53) - 1)]))
        var map = IndexMap<Int>()
        map.update(ranges(1, 1 << 40)) { $0 = 1 }
        map.update(all) { $0 = ($0 ?? 0) + 1 }
        let middle: UInt64 = 1 << 40
        let last: UInt64 = (1 << 53) - 1
        let expected: [ClosedRange<UInt64>] = [
            0...0, 1...1, 2...(middle - 1), middle...middle, (middle + 1)...last,
        ]
        #expect(map.runs.map(\.range) == expected)
        map.update(all) { $0 = 5 }
        #expect(map.runs.map(\.range) == all.ranges)
        map.update(all) { $0 = nil }
        #expect(map.isEmpty)
    }

    @Test func setsOfRecordsGrowAndShrink() {
        var set = RecordSet()
        #expect(set.isEmpty)
        set.insert(ranges(1, 2, 3, 9))
        set.remove(ranges(2))
        #expect(set.ranges == ranges(1, 3, 9))
        #expect(set.contains(RecordIndex(3)) && !set.contains(RecordIndex(2)))
        #expect(set.intersection(ranges(2, 3, 4, 9)) == ranges(3, 9))
    }
}
