import EvidenceModel
import LMDBKit
import Platform
import Testing
import TransparencyLog

@testable import EvidenceStore

/// Searches read records of sealed segments without opening the segments.
@Suite struct RecordLookupTests {
    private let number = SegmentNumber(1)

    /// A log with sealed segments, closed; the records of one of them.
    private func log() throws -> (Fixture, [(index: RecordIndex, bytes: [UInt8])]) {
        let fixture = try Fixture()
        try fixture.fill(4_400, keyed: false)
        fixture.waitForRuns()
        var records: [(index: RecordIndex, bytes: [UInt8])] = []
        for value in UInt64(256)..<512 {
            let index = RecordIndex(value)
            records.append((index, try fixture.store.record(at: index).bytes))
        }
        fixture.store.close()
        return (fixture, records)
    }

    private func isDamaged(_ error: StoreError, _ path: String) -> Bool {
        if case .damaged(path, _) = error { true } else { false }
    }

    @Test func recordsAreThoseOfTheOpenSegment() throws {
        let (fixture, records) = try log()
        let cache = SealedSegmentCache(paths: StorePaths(fixture.path), limit: 2)
        for (index, bytes) in records {
            #expect(try cache.record(at: index, in: number).bytes == bytes)
        }
        let segment = try cache.segment(number)
        for (index, bytes) in records {
            let (frame, found) = try segment.log.beginRead().record(at: index)
            #expect(found == bytes)
            // Read in the open segment now.
            #expect(try cache.record(at: index, in: number).frame == frame)
        }
        let absent = storeError { _ = try cache.record(at: RecordIndex(512), in: number) }
        #expect(absent.map { isDamaged($0, StorePaths(fixture.path).log(number)) } == true)
        let never = SegmentNumber(900)
        #expect(storeError { try cache.prepare(never) } != nil)
        #expect(storeError { _ = try cache.record(at: RecordIndex(1), in: never) } != nil)
    }

    /// Damage of a page that leads to a record is told, that of another does not matter.
    @Test func onlyThePagesOfARecordMatterToIt() throws {
        let (fixture, records) = try log()
        let path = StorePaths(fixture.path).log(number)
        let original = try FileSystem.contents(path, limitBytes: 1 << 26)
        let samples = [0, 100, 255].map { records[$0] }
        var (refused, found) = (0, 0)
        for page in 2..<original.count / 4096 {
            var bytes = original
            // It says that it is another page.
            bytes[page * 4096] ^= 1
            try replace(path, bytes)
            let cache = SealedSegmentCache(paths: StorePaths(fixture.path), limit: 2)
            for (index, expected) in samples {
                do throws(StoreError) {
                    let bytes = try cache.record(at: index, in: number).bytes
                    #expect(bytes == expected)
                    found += 1
                } catch {
                    #expect(isDamaged(error, path), "\(error)")
                    refused += 1
                }
            }
        }
        // Three pages or four lead to each.
        #expect(refused >= 9 && found > refused)
    }

    /// A flipped bit in a record's bytes is found by its frame.
    @Test func aChangedRecordIsRefused() throws {
        let (fixture, records) = try log()
        let path = StorePaths(fixture.path).log(number)
        var bytes = try FileSystem.contents(path, limitBytes: 1 << 26)
        let (index, record) = records[77]
        let place = try #require(
            bytes.indices.first { bytes[$0...].prefix(record.count).elementsEqual(record) }
        )
        bytes[place + record.count / 2] ^= 1
        try replace(path, bytes)
        let cache = SealedSegmentCache(paths: StorePaths(fixture.path), limit: 2)
        let error = storeError { _ = try cache.record(at: index, in: number) }
        #expect(error.map { isDamaged($0, path) } == true)
    }

    /// What a search over a run finds is read from files that are not mapped; where one is damaged
    /// elsewhere a page is whole all the same.
    @Test func aSearchOpensNoSegment() throws {
        let (fixture, records) = try log()
        var query = SearchQuery()
        // The oldest is a census.
        query.limit = 255
        query.before = RecordIndex(512)
        try fixture.reopen()
        let expected = records.dropFirst().reversed().map(\.bytes)
        let isFound = try fixture.store.search(query).entries.map(\.bytes) == expected
        #expect(isFound)
        #expect(!fixture.store.view.sealed.isOpen(number))
        let path = StorePaths(fixture.path).log(number)
        fixture.store.close()
        try damageElsewhere(path, records)
        try fixture.reopen()
        let error = storeError { _ = try fixture.store.receipt(for: RecordIndex(300)) }
        #expect(error.map { isDamaged($0, path) } == true)
        let isFoundAgain = try fixture.store.search(query).entries.map(\.bytes) == expected
        #expect(isFoundAgain)
    }

    /// Damages a page that leads to no record, but is in use.
    private func damageElsewhere(
        _ path: String,
        _ records: [(index: RecordIndex, bytes: [UInt8])]
    ) throws {
        let original = try FileSystem.contents(path, limitBytes: 1 << 26)
        for page in 2..<original.count / 4096 {
            var bytes = original
            bytes[page * 4096] ^= 1
            try replace(path, bytes)
            guard (try? SealedFile(path: path)) == nil, let lookup = try? PageLookup(path: path)
            else { continue }
            let isWhole = records.allSatisfy { record in
                let found = try? TableKey.record(record.index).withSpan { key throws(LMDBError) in
                    try lookup.value(key, in: TableName.records)
                }
                return found != nil
            }
            if isWhole { return }
        }
        Issue.record("every page leads to a record")
    }

    private func replace(_ path: String, _ bytes: [UInt8]) throws {
        try FileSystem.unlink(path)
        try File(path, .create(permissions: 0o440)).write(bytes.span)
    }

    private func storeError(_ body: () throws -> Void) -> StoreError? {
        do {
            try body()
            return nil
        } catch {
            return error as? StoreError
        }
    }
}
