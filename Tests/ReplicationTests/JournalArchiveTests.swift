import EvidenceModel
import EvidenceStore
import Platform
import StoreDouble
import Testing
import TransparencyLog

@testable import Replication

/// Journal objects come every second and stand for 30 days: those that tiles and packs cover are in
/// the ledger only.
@Suite struct JournalArchiveTests {
    /// A log with some journal objects below the first full tile, and some above it.
    private static func filled() throws -> CopyFixture {
        let fixture = try CopyFixture()
        for _ in 0..<8 {
            try fixture.fill(40, lock: minute())
            _ = try fixture.settle()
        }
        return fixture
    }

    private static func minute() throws -> LockRequest {
        LockRequest(retention: .duration(try RetentionDuration(60, .seconds)))
    }

    /// The records of journal objects that are in memory.
    private static func inMemory(_ fixture: CopyFixture) throws -> [IndexRanges] {
        let found = Mutex<[IndexRanges]?>(nil)
        try fixture.service.replicator(fixture.name).post { replicator in
            let journals = replicator.book.stored(.journal).map(\.records)
            found.withLock { $0 = journals }
        }
        _ = fixture.eventually { found.withLock { $0 != nil } }
        return found.withLock { $0 } ?? []
    }

    private static func objects(_ fixture: CopyFixture) throws -> Int {
        try ["journal/", "packs/"].reduce(0) { try $0 + fixture.versions($1).count }
    }

    @Test func whatIsCoveredIsNotInMemory() throws {
        let fixture = try Self.filled()
        let all = try fixture.versions("journal/").count
        try fixture.care()
        let left = try Self.inMemory(fixture)
        #expect(!left.isEmpty && left.count < all)
        #expect(left.allSatisfy { ($0.last?.value ?? 0) >= 256 })
        // It is still counted, also after a start.
        let count = { try Int(fixture.service.status(of: fixture.name).objects) }
        #expect(try fixture.eventually { try count() == Self.objects(fixture) })
        try fixture.reopen()
        _ = try fixture.settle()
        #expect(try fixture.eventually { try count() == Self.objects(fixture) })
        #expect(try Self.inMemory(fixture).allSatisfy { ($0.last?.value ?? 0) >= 256 })
    }

    @Test func itGoesWhenItsLockIsOver() throws {
        let fixture = try Self.filled()
        try fixture.care()
        let kept = try Self.inMemory(fixture).count
        fixture.advance(seconds: 31 * 86_400)
        try fixture.care()
        #expect(try fixture.eventually { try fixture.versions("journal/").count == kept })
        let count = { try Int(fixture.service.status(of: fixture.name).objects) }
        #expect(try fixture.eventually { try count() == Self.objects(fixture) })
    }

    @Test func whatIsErasedGoesFromItToo() throws {
        let fixture = try Self.filled()
        try fixture.care()
        try fixture.reopen()
        fixture.advance(seconds: 120)
        let erased = [RecordIndex(7), RecordIndex(70), RecordIndex(130)]
        let facts = try erased.map { try fixture.store.facts(of: $0) }
        _ = try fixture.store.propose(.erase(facts), by: .system, reason: nil)
        fixture.advance(seconds: 31 * 86_400)
        let isGone = {
            try fixture.service.status(of: fixture.name).unpurged == 0
        }
        #expect(try fixture.eventually { try isGone() })
        for entry in try fixture.versions("journal/") + fixture.versions("packs/") {
            let contents = try fixture.contents(entry.name)
            #expect(erased.allSatisfy { contents.payloads[$0] == nil }, "\(entry.name.key)")
        }
    }
}
