import Platform
import Testing

@testable import LMDBKit

/// Look-ups in a file that is not mapped find what LMDB finds, and follow nothing out of it.
@Suite struct PageLookupTests {
    let directory: TemporaryDirectory
    let path: String
    /// So long that some values lie in pages of their own.
    private static let sizes = [1, 90, 700, 1_990, 2_100, 9_000]
    private static let count = 2_400

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.file()
        let environment = try environment(path)
        let transaction = try environment.beginWrite()
        let records = try transaction.createDatabase("records")
        for number in 0..<Self.count {
            try transaction.put(Self.key(number), Self.value(number), records)
        }
        _ = try transaction.createDatabase("empty")
        let other = try transaction.createDatabase("other")
        try transaction.put(Self.key(1), [7], other)
        try transaction.commit()
    }

    /// Keys of several lengths, of which some begin others; every second number is left out.
    private static func key(_ number: Int) -> [UInt8] {
        LMDBKitTests.key(number * 2) + (number % 3 == 0 ? [] : [1, 2])
    }

    private static func value(_ number: Int) -> [UInt8] {
        LMDBKitTests.value(number, count: sizes[number % sizes.count])
    }

    private func find(_ key: [UInt8], in name: String, _ lookup: PageLookup) throws -> [UInt8]? {
        try lookup.value(key.span, in: name)
    }

    @Test func findsWhatIsThere() throws {
        let lookup = try PageLookup(path: path)
        for number in (0..<Self.count).reversed() {
            #expect(try find(Self.key(number), in: "records", lookup) == Self.value(number))
        }
        #expect(try find(Self.key(1), in: "other", lookup) == [7])
    }

    @Test func whatIsNotThereIsNil() throws {
        let lookup = try PageLookup(path: path)
        for number in 0..<Self.count {
            let between = LMDBKitTests.key(number * 2 + 1)
            #expect(try find(between, in: "records", lookup) == nil)
            #expect(try find(Self.key(number) + [0], in: "records", lookup) == nil)
            #expect(try find(Self.key(number).dropLast(), in: "records", lookup) == nil)
        }
        #expect(try find([], in: "records", lookup) == nil)
        #expect(try find([255], in: "records", lookup) == nil)
        #expect(try find(Self.key(1), in: "empty", lookup) == nil)
        #expect(try find(Self.key(1), in: "absent", lookup) == nil)
        #expect(try find(Self.key(1), in: "", lookup) == nil)
    }

    @Test func aFileThatIsNoneIsRefused() throws {
        let bytes = try contents(path)
        let other = directory.file("other.mdb")
        #expect(lmdbError { _ = try PageLookup(path: other) } != nil)
        var version = bytes
        version[20] = 2
        for bytes in [[], Array(bytes.prefix(4_200)), [UInt8](repeating: 7, count: 9_000), version]
        {
            try write(bytes, to: other)
            let lookup = try PageLookup(path: other)
            #expect(lmdbError { _ = try find(Self.key(1), in: "records", lookup) } != nil)
        }
    }

    @Test(arguments: [10, 100, 300])
    func aFileThatWasCutGivesWhatIsLeft(missingPages: Int) throws {
        let other = directory.file("other.mdb")
        let bytes = try contents(path)
        try write(Array(bytes.dropLast(missingPages * 4_096)), to: other)
        let lookup = try PageLookup(path: other)
        var missing = 0
        for number in 0..<Self.count {
            let error = lmdbError {
                let found = try find(Self.key(number), in: "records", lookup)
                #expect(found == Self.value(number))
            }
            guard let error else { continue }
            missing += 1
            guard case .truncated(_, UInt64(bytes.count), _) = error else {
                Issue.record("\(error)")
                return
            }
        }
        #expect(missing > 0)
    }

    /// The pages from the root of a database to a key.
    private func way(to key: [UInt8], in bytes: [UInt8]) throws -> [Int] {
        let header = try #require(try FileHeader(of: try File(path, .read)))
        func page(_ number: UInt64) throws -> TreePage {
            let start = Int(number) * 4_096
            let part = Array(bytes[start..<start + 4_096])
            return try TreePage(part, number: number, sizeBytes: 4_096)
        }
        let main = try page(header.mainRoot)
        var way = [Int(header.mainRoot)]
        for position in 0..<main.count {
            let leaf = try main.leaf(position)
            guard main.bytes[leaf.key].elementsEqual("records".utf8),
                case .database(_, let root) = leaf.value
            else { continue }
            var number = root
            while true {
                way.append(Int(number))
                let next = try page(number)
                guard next.isBranch else { return way }
                number = try next.branch(0).page
                for position in 1..<next.count
                where !key.lexicographicallyPrecedes(next.bytes[try next.branch(position).key]) {
                    number = try next.branch(position).page
                }
            }
        }
        return []
    }

    private func damaged(
        _ key: [UInt8],
        _ change: (_ bytes: inout [UInt8], _ way: [Int]) throws -> Void
    ) throws -> LMDBError? {
        var bytes = try contents(path)
        let way = try way(to: key, in: bytes)
        try #require(way.count == 4)
        try change(&bytes, way)
        let other = directory.file("other.mdb")
        try write(bytes, to: other)
        let lookup = try PageLookup(path: other)
        return lmdbError { _ = try find(key, in: "records", lookup) }
    }

    /// Each field of a page's header, in every page on the way.
    @Test(arguments: [0, 10, 12, 13, 15])
    func aPageThatIsDamagedIsRefused(offset: Int) throws {
        for depth in 0..<4 {
            let error = try damaged(Self.key(600)) { $0[$1[depth] * 4_096 + offset] ^= 0xe7 }
            guard case .damaged = error else {
                Issue.record("depth \(depth): \(String(describing: error))")
                continue
            }
        }
    }

    @Test func aPageInThePlaceOfAnotherIsRefused() throws {
        let error = try damaged(Self.key(600)) { bytes, way in
            let (from, to) = (way[3] * 4_096, (way[3] + 1) * 4_096)
            bytes.replaceSubrange(from..<from + 4_096, with: bytes[to..<to + 4_096])
        }
        let page = try way(to: Self.key(600), in: try contents(path))[3]
        #expect(error == .damaged(detail: "page \(page) says that it is another"))
    }

    /// All children of a branch lead out of the file, or back to the branch.
    @Test(arguments: [UInt64(1) << 40, 0, 1, nil])
    func aTreeThatLeadsAstrayIsRefused(child: UInt64?) throws {
        let error = try damaged(Self.key(600)) { bytes, way in
            let start = way[1] * 4_096
            let count = (Int(littleEndian(bytes, start + 12, 2) ?? 0) - 16) / 2
            for position in 0..<count {
                let node = start + Int(littleEndian(bytes, start + 16 + 2 * position, 2) ?? 0)
                let target = child ?? UInt64(way[1])
                // The number's six bytes stand in three fields, the last two behind the sizes.
                for byte in 0..<6 {
                    bytes[node + byte] = UInt8(truncatingIfNeeded: target >> (8 * UInt64(byte)))
                }
            }
        }
        guard case .damaged = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    /// A size that no file has takes no memory.
    @Test func aValueLargerThanTheFileIsRefused() throws {
        // 9,000 bytes, in pages of their own.
        let number = 599
        #expect(Self.value(number).count == 9_000)
        for place in [2, 3] {
            let error = try damaged(Self.key(number)) { bytes, way in
                let start = way[3] * 4_096
                let page = try TreePage(
                    Array(bytes[start..<start + 4_096]),
                    number: UInt64(way[3]),
                    sizeBytes: 4_096
                )
                for position in 0..<page.count {
                    let leaf = try page.leaf(position)
                    guard case .overflow = leaf.value else { continue }
                    bytes[start + leaf.key.lowerBound - 8 + place] = 0x7f
                }
            }
            guard case .damaged = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
    }

    /// Bits flip anywhere: what is found is what was put, has a changed byte, or is refused; and
    /// nothing is read out of bounds.
    @Test func flippedBitsDoNoHarm() throws {
        var random = SystemRandomNumberGenerator()
        let original = try contents(path)
        let other = directory.file("other.mdb")
        var refused = 0
        for round in 0..<100 {
            var bytes = original
            for _ in 0..<40 {
                // Every second one in the header of a page or among its offsets.
                let page = Int.random(in: 0..<bytes.count / 4_096, using: &random) * 4_096
                let end = round % 2 == 0 ? 64 : 4_096
                bytes[page + Int.random(in: 0..<end, using: &random)] ^=
                    1 << UInt8.random(in: 0..<8, using: &random)
            }
            try write(bytes, to: other)
            guard let lookup = try? PageLookup(path: other) else { continue }
            for number in stride(from: 0, to: Self.count, by: 7) {
                do {
                    let found = try find(Self.key(number), in: "records", lookup)
                    #expect((found?.count ?? 0) <= bytes.count)
                } catch {
                    refused += 1
                }
            }
        }
        #expect(refused > 0)
    }
}
