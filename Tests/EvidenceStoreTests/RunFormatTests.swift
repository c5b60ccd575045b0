import Cryptography
import EvidenceModel
import Platform
import Testing
import TransparencyLog

@testable import EvidenceStore

/// A directory with runs that are made of given keys.
final class RunDirectory {
    let path = "/tmp/strongroom-runs-\(Hex.encode(Random.bytes(count: 8).span))"
    let cache = RunBlockCache(limitBytes: 1 << 20)

    init() throws { try FileSystem.makeDirectory(path) }

    deinit { try? FileSystem.removeTree(path) }

    static func subtree(_ place: RunPlace) -> MerkleHash {
        SHA256.hash(Array("\(place.level) \(place.number)".utf8).span)
    }

    func write(_ keys: [[UInt8]], _ place: RunPlace) throws -> IndexRun {
        let writer = try RunWriter(
            place,
            subtree: Self.subtree(place),
            in: path,
            expectedTerms: UInt64(keys.count)
        ) {}
        for key in keys { try writer.append(key.span) }
        try writer.finish()
        return try open(place)
    }

    func open(_ place: RunPlace) throws -> IndexRun {
        try IndexRun(place, in: path, cache: cache)
    }
}

@Suite struct RunFormatTests {
    private let place = RunPlace(level: 1, number: 3)

    /// Keys as they are made of `count` records, sorted; each name, label and digest often.
    private func keys(
        _ count: Int,
        of place: RunPlace,
        _ random: inout SeededGenerator
    ) throws -> [[UInt8]] {
        var keys: Set<[UInt8]> = []
        let collections = try ["a", "b", "long-" + String(repeating: "z", count: 50)].map {
            try CollectionName($0)
        }
        for _ in 0..<count {
            let offset = UInt32.random(in: 0..<UInt32(place.count), using: &random)
            let collection = collections[Int.random(in: 0..<3, using: &random)]
            keys.insert(RunKey.key(RunKey.collection(collections[Int(offset) % 3]), offset))
            let digest = SHA256.hash([UInt8.random(in: 0..<200, using: &random)].span)
            keys.insert(RunKey.key(RunKey.digest(digest), offset))
            let value = String(Int.random(in: 0..<40, using: &random))
            keys.insert(RunKey.key(RunKey.label(collection, "k", value), offset))
        }
        // One name a record.
        for offset in Set(keys.map { Array($0.suffix(4)) }) where Bool.random(using: &random) {
            let name = "dir-\(Int.random(in: 0..<20, using: &random))/"
            let number = BigEndian.read(UInt32.self, from: offset.span, at: 0) ?? 0
            keys.insert(RunKey.names(collections[Int(number) % 3], name) + [0] + offset)
        }
        return keys.sorted { $0.lexicographicallyPrecedes($1) }
    }

    private func offset(of key: [UInt8]) -> UInt32 {
        BigEndian.read(UInt32.self, from: key.span, at: key.count - 4) ?? 0
    }

    /// A run answers as a scan of its keys does.
    private func expectEqual(_ run: IndexRun, _ keys: [[UInt8]]) throws {
        #expect(run.footer.entryCount == UInt64(keys.count))
        var sum = RunEntriesSum()
        for key in keys { sum.add(key.span) }
        #expect(try run.sumOfEntries() == sum)
        let terms = Set(keys.map { Array($0.dropLast(4)) })
        let byTerm = Dictionary(grouping: keys) { Array($0.dropLast(4)) }
        for (term, own) in byTerm {
            let expected = own.map { offset(of: $0) }
            let cursor = try TermCursor(run, term)
            #expect(cursor.count == UInt64(expected.count))
            var found: [UInt32] = []
            var bound = UInt32(run.place.count - 1)
            while let next = try cursor.next(atMost: bound) {
                found.append(next)
                guard next > 0 else { break }
                bound = next - 1
            }
            #expect(found == expected.sorted(by: >))
            if term[0] == RunKey.digestTag || term[0] == RunKey.labelTag {
                #expect(try run.mayContain(TermHash(term.span)))
            }
        }
        for key in keys.indices.filter({ $0 % 97 == 0 }) {
            #expect(try run.position(of: keys[key]) == UInt64(key))
            #expect(try run.position(of: keys[key] + [0]) == UInt64(key + 1))
        }
        let collections = Set(terms.filter { $0[0] == RunKey.collectionTag })
        #expect(try run.collections().count == collections.count)
    }

    @Test func aRunHoldsItsKeys() throws {
        var random = SeededGenerator("aRunHoldsItsKeys")
        let directory = try RunDirectory()
        for count in [0, 1, 2, 50, 2000] {
            let keys = try keys(count, of: place, &random)
            try expectEqual(try directory.write(keys, place), keys)
        }
    }

    @Test func mergingIsWritingAtOnce() throws {
        var random = SeededGenerator("mergingIsWritingAtOnce")
        let directory = try RunDirectory()
        let parent = RunPlace(level: 2, number: 5)
        var all: [[UInt8]] = []
        for (number, child) in parent.children.enumerated() {
            // Some have nothing.
            let keys = try keys(number % 4 == 3 ? 0 : 120, of: child, &random)
            _ = try directory.write(keys, child)
            for key in keys {
                let moved = offset(of: key) + UInt32(child.first - parent.first)
                all.append(RunKey.key(Array(key.dropLast(4)), moved))
            }
        }
        all.sort { $0.lexicographicallyPrecedes($1) }
        let runs = try parent.children.map { try directory.open($0) }
        var merge = try RunMerge(runs)
        var merged: [[UInt8]] = []
        while let key = try merge.next() {
            let base = UInt32(runs[merge.current].place.first - parent.first)
            merged.append(RunKey.key(Array(key.dropLast(4)), offset(of: key) + base))
        }
        #expect(merged == all)
        try expectEqual(try directory.write(merged, parent), all)
    }

    @Test func keysOutOfOrderAreRefused() throws {
        let directory = try RunDirectory()
        let term = RunKey.digest(SHA256.hash([1].span))
        for keys in [[(term, 5), (term, 5)], [(term, 5), (term, 4)], [(term, 4096)]] {
            #expect(throws: StoreError.self) {
                try directory.write(keys.map { RunKey.key($0.0, UInt32($0.1)) }, self.place)
            }
        }
    }

    @Test func everyChangedByteIsNoticed() throws {
        var random = SeededGenerator("everyChangedByteIsNoticed")
        let directory = try RunDirectory()
        let keys = try keys(60, of: place, &random)
        let run = try directory.write(keys, place)
        let bytes = try FileSystem.contents(run.path, limitBytes: 1 << 24)
        #expect(UInt64(bytes.count) == run.footer.fileBytes)
        func expectRefused(_ changed: [UInt8], _ what: String) throws {
            try FileSystem.unlink(run.path)
            try File(run.path, .create(permissions: 0o600)).write(changed.span)
            #expect(throws: StoreError.self, "\(what)") {
                try directory.open(self.place).sumOfEntries()
            }
        }
        // All of the footer and of the blocks; ranks and filter, which are long, here and there.
        let end = bytes.count - RunFormat.footerBytes
        let short = Array(0..<Int(run.footer.ranksOffset)) + Array(end..<bytes.count)
        let places = short.filter { $0 % 17 == 0 } + stride(from: 7, to: end, by: 1009)
        for place in places {
            var changed = bytes
            changed[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            try expectRefused(changed, "byte \(place)")
        }
        for count in [0, 1, 159, 160, 161, bytes.count - 1] {
            try expectRefused(Array(bytes.prefix(count)), "\(count) bytes")
        }
        try expectRefused(bytes + [0], "a byte more")
    }

    @Test func filtersAreRightAndSeldomWrong() {
        var filter = RunFilter(capacity: 10_000)
        func term(_ number: Int) -> TermHash { TermHash(Array("term \(number)".utf8).span) }
        for number in 0..<10_000 { filter.insert(term(number)) }
        func mayContain(_ number: Int) -> Bool {
            let term = term(number)
            let block = RunFilter.block(of: term, in: UInt64(filter.blocks.count))
            return RunFilter.mayContain(term, in: filter.blocks[block])
        }
        #expect((0..<10_000).allSatisfy { mayContain($0) })
        let wrong = (10_000..<60_000).count { mayContain($0) }
        #expect(wrong < 250, "\(wrong) of 50,000")
    }

    @Test func placesFitTheTree() {
        let small = SegmentGeometry(height: 8).map { RunPlace.baseLevel($0) }
        let large = SegmentGeometry(height: 16).map { RunPlace.baseLevel($0) }
        #expect(small == 1 && large == 2)
        let place = RunPlace(level: 2, number: 17)
        #expect(place.first == 17 << 16 && place.count == 65_536)
        #expect(place.node == NodeID(level: 16, index: 17))
        #expect(place.parent == RunPlace(level: 3, number: 1))
        #expect(place.children.first == RunPlace(level: 1, number: 272))
        #expect(RunPlace.covering(17 << 16, level: 2) == place)
        #expect(place.fileName == "2-0000000017.run")
        #expect(RunPlace(fileName: place.fileName) == place)
        for name in ["2-17.run", "0-0000000017.run", "5-0000000017.run", "2-0000000017.run.tmp"] {
            #expect(RunPlace(fileName: name) == nil)
        }
    }
}
