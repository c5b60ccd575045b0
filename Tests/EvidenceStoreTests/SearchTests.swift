import Cryptography
import EvidenceModel
import Platform
import Testing
import TransparencyLog

@testable import EvidenceStore

extension Array {
    /// One of the elements; there must be one.
    fileprivate func any(_ random: inout SeededGenerator) -> Element {
        self[Int.random(in: indices, using: &random)]
    }
}

@Suite struct SearchTests {
    private static let collections = [
        "a", "b", "with-long-name-" + String(repeating: "c", count: 48),
    ]
    private static let values = ["1", "2", "value with \u{e4}"]
    private static let stem = String(repeating: "long/", count: 90)

    private func name(_ random: inout SeededGenerator) -> String {
        let stem = [
            "", "dir/", "dir/sub-", Self.stem, String(Self.stem.prefix(398)),
            String(Self.stem.prefix(400)),
        ]
        .randomElement(using: &random)
        return (stem ?? "") + ["x", "xy", "y", "yy"].any(&random)
    }

    func submission(
        _ fixture: Fixture,
        _ random: inout SeededGenerator
    ) throws -> Submission {
        var labels: [(key: String, value: String)] = []
        for key in ["k", "kk"] where Bool.random(using: &random) {
            labels.append((key: key, value: Self.values.any(&random)))
        }
        return try fixture.submission(
            [UInt8.random(in: 0..<5, using: &random)],
            name: name(&random),
            collection: Self.collections.any(&random),
            labels: labels,
            isSealed: Int.random(in: 0..<3, using: &random) == 0
        )
    }

    func query(
        _ size: UInt64,
        _ times: [Timestamp],
        _ random: inout SeededGenerator
    ) throws -> SearchQuery {
        var query = SearchQuery()
        func maybe(_ part: Int = 3) -> Bool { Int.random(in: 0..<part, using: &random) == 0 }
        if maybe() {
            query.collection = try CollectionName(
                (Self.collections + ["absent"]).any(&random)
            )
        }
        if maybe() {
            let name = name(&random)
            query.namePrefix = String(name.prefix(Int.random(in: 0...name.count, using: &random)))
        }
        if maybe() {
            query.labels.append((key: "k", value: Self.values.any(&random)))
        }
        if maybe(5) { query.labels.append((key: "kk", value: "2")) }
        if maybe(5) {
            query.digest = SHA256.hash([UInt8.random(in: 0..<5, using: &random)].span)
        }
        if maybe(5) { query.since = times.randomElement(using: &random) }
        if maybe(5) { query.until = times.randomElement(using: &random) }
        if maybe() { query.before = RecordIndex(.random(in: 0...size + 5, using: &random)) }
        query.limit = [1, 2, 7, 100, 1000].any(&random)
        return query
    }

    /// What the query means, from the records alone.
    func scan(_ records: [StoredRecord], _ query: SearchQuery) -> [UInt64] {
        records.reversed().filter { stored in
            guard let collection = stored.record.collection, let about = stored.description else {
                return false
            }
            return query.before.map { stored.index < $0 } ?? true
                && query.collection.map { $0 == collection } ?? true
                && query.namePrefix.map { Array(about.name.text.utf8).starts(with: Array($0.utf8)) }
                    ?? true
                && query.labels.allSatisfy { wanted in
                    about.labels.sorted.contains {
                        $0.key == wanted.key && $0.value == wanted.value
                    }
                }
                && query.digest.map { $0 == about.payloadDigest } ?? true
                && query.since.map { stored.record.received >= $0 } ?? true
                && query.until.map { stored.record.received < $0 } ?? true
        }.map(\.index.value)
    }

    /// Searches find what a scan finds, page after page, and say what they looked through.
    func expectEqual(
        _ fixture: Fixture,
        _ records: [StoredRecord],
        _ random: inout SeededGenerator,
        rounds: Int
    ) throws {
        let times = records.map(\.record.received)
        for _ in 0..<rounds {
            var query = try query(UInt64(records.count), times, &random)
            let expected = scan(records, query)
            var found: [UInt64] = []
            var pages = 0
            var below = min(query.before?.value ?? .max, UInt64(records.count))
            while true {
                let page = try fixture.store.search(query)
                #expect(page.entries.count <= query.limit)
                #expect(page.treeSize.value == UInt64(records.count))
                found += page.entries.map(\.index.value)
                #expect(page.looked == (page.next?.value ?? 0)..<below)
                below = page.looked.lowerBound
                pages += 1
                guard let next = page.next, pages < 20 else { break }
                #expect(page.entries.count == query.limit)
                query.before = next
            }
            let isWhole = pages < 20
            #expect(isWhole ? found == expected : expected.starts(with: found), "\(query)")
        }
    }

    @Test func resultsAreThoseOfAScan() throws {
        var random = SeededGenerator("resultsAreThoseOfAScan")
        let fixture = try Fixture()
        var done = 1
        while done < 600 {
            let count = Int.random(in: 1...60, using: &random)
            _ = try fixture.append((0..<count).map { _ in try submission(fixture, &random) })
            done += count
            Clock.sleep(milliseconds: 1)
        }
        let size = fixture.store.checkpoint.size.value
        let records = try (0..<size).map { try fixture.store.record(at: RecordIndex($0)) }
        try expectEqual(fixture, records, &random, rounds: 60)
        fixture.waitForSeals()
        try expectEqual(fixture, records, &random, rounds: 150)
        try fixture.reopen()
        try expectEqual(fixture, records, &random, rounds: 40)
    }

    @Test func limitsOutOfRangeAreRefused() throws {
        let fixture = try Fixture()
        for limit in [Int.min, -1, 0, 1001, .max] {
            var query = SearchQuery()
            query.limit = limit
            #expect(throws: StoreError.self) { try fixture.store.search(query) }
        }
        #expect(try fixture.store.search(SearchQuery()).entries.isEmpty)
    }

    @Test func recordsThatAreNotThereAreNotFound() throws {
        let fixture = try Fixture()
        try fixture.fill(3)
        for index: UInt64 in [4, 5, 256, 1 << 40, .max] {
            #expect(throws: StoreError.self) { try fixture.store.record(at: RecordIndex(index)) }
            #expect(throws: StoreError.self) { try fixture.store.receipt(for: RecordIndex(index)) }
            #expect(throws: StoreError.self) { try fixture.store.payload(at: RecordIndex(index)) }
        }
        #expect(throws: StoreError.self) { try fixture.store.payload(at: RecordIndex(0)) }
        var query = SearchQuery()
        query.before = RecordIndex(.max)
        #expect(try fixture.store.search(query).entries.map(\.index.value) == [3, 2, 1])
    }
}
