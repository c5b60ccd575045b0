import EvidenceModel
import EvidenceStore
import Platform
import StoreDouble
import Testing
import TransparencyLog

@testable import Replication

/// The copy in a target: what is there, under which locks, and that it stays so.
@Suite struct CopyTests {
    @Test func everyRecordStandsInTilesPacksAndTheJournal() throws {
        let fixture = try CopyFixture()
        let open = try fixture.fill(300)
        let sealed = try fixture.fill(40, isSealed: true)
        let large = try fixture.fill(2, bytes: 1_300_000)
        let status = try fixture.settle()
        #expect(status.replicated == status.size)
        #expect(status.unpacked == 0)
        var packed: Set<RecordIndex> = []
        for entry in try fixture.versions("packs/") {
            let contents = try fixture.contents(entry.name)
            for (index, record) in contents.records {
                #expect(try fixture.store.record(at: index).bytes == record)
                packed.insert(index)
            }
            for (index, payload) in contents.payloads {
                #expect(try fixture.store.payload(at: index).sizeBytes == UInt64(payload.count))
            }
            #expect(contents.openings.keys.allSatisfy { sealed.contains($0) })
            let head = try fixture.head(entry.name)
            let lock = try #require(try fixture.store.record(at: open[0]).record.lock)
            #expect(head.lock?.mode == lock.mode)
            #expect(head.hold != .on)
        }
        #expect(packed == Set(open + sealed + large))
        #expect(try fixture.versions("payloads/").count == 2)
        #expect(try fixture.versions("log/tile/entries/").count == 1)
        #expect(try fixture.versions("log/tile/0/").count == 1)
        var journaled: Set<RecordIndex> = []
        for entry in try fixture.versions("journal/") {
            let contents = try fixture.contents(entry.name)
            journaled.formUnion(contents.records.keys)
            #expect(contents.checkpoint != nil)
        }
        #expect(journaled.count == Int(fixture.store.checkpoint.size.value))
        #expect(try fixture.versions().allSatisfy { $0.content != .deleteMarker })
    }

    @Test func aStartGoesOnWhereTheLastRunEnded() throws {
        let fixture = try CopyFixture()
        try fixture.fill(100)
        try fixture.reopen()
        try fixture.fill(200)
        _ = try fixture.settle()
        let before = try fixture.versions("packs/").count
        try fixture.reopen()
        _ = try fixture.settle()
        #expect(try fixture.versions("packs/").count == before)
        for entry in try fixture.versions() where entry.name.key.text != "log/checkpoint" {
            #expect(entry.isLatest, "a second version of \(entry.name.key)")
        }
    }

    @Test func aNodeWithoutItsLedgerTakesTheCopyOver() throws {
        let fixture = try CopyFixture()
        try fixture.fill(300)
        try fixture.fill(1, bytes: 1_200_000)
        _ = try fixture.settle()
        let before = try fixture.versions().map(\.name)
        try fixture.reopen { try FileSystem.removeTree(fixture.path + "/state/targets") }
        _ = try fixture.settle()
        let after = try fixture.versions().map(\.name)
        let isNew = { (name: VersionedKey) in
            !before.contains(name) && name.key != ObjectLayout.checkpoint
        }
        #expect(after.filter(isNew).isEmpty)
        let indexes = try fixture.fill(20)
        #expect(try fixture.settle().replicated == fixture.store.checkpoint.size)
        let packs = try fixture.versions("packs/").map { try fixture.contents($0.name) }
        #expect(packs.filter { $0.records[indexes[0]] != nil }.count == 1)
    }

    @Test func failuresOfTheStoreAreMadeGood() throws {
        let fixture = try CopyFixture()
        fixture.bucket.fail(next: 3, with: .unavailable(detail: "injected"))
        fixture.bucket.fail(
            next: 2,
            [.put],
            below: "journal/",
            with: .transport(.unknown, detail: "injected"),
            effect: .done
        )
        fixture.bucket.fail(
            next: 2,
            [.put],
            below: "packs/",
            with: .transport(.unknown, detail: "injected"),
            effect: .done
        )
        try fixture.fill(120)
        let status = try fixture.settle()
        #expect(status.replicated == status.size && status.unpacked == 0)
        for entry in try fixture.versions() where entry.name.key.text != "log/checkpoint" {
            #expect(entry.isLatest, "a second version of \(entry.name.key)")
        }
    }

    @Test func heldAndExtendedRecordsMoveAndTheOthersGoAtTheirDate() throws {
        let fixture = try CopyFixture()
        let lock = LockRequest(retention: .duration(try RetentionDuration(60, .seconds)))
        let indexes = try fixture.fill(50, lock: lock)
        _ = try fixture.settle()
        let original = try #require(try fixture.versions("packs/").first)
        let store = fixture.store
        let reason = try Reason("a case")
        _ = try store.propose(
            .placeHold(
                try Matter("case/1"),
                .records(IndexRanges(indexes[3])),
                [try store.facts(of: indexes[3])]
            ),
            by: try CopyFixture.keeper(),
            reason: reason
        )
        let later = try #require(store.clock.reading.granting.adding(milliseconds: 9_000_000))
        _ = try store.propose(
            .extendLock(try store.facts(of: indexes[7]), LockExtension(until: later)),
            by: try CopyFixture.keeper(),
            reason: reason
        )
        #expect(
            try fixture.eventually {
                try fixture.versions("packs/").count == 3
                    && fixture.service.status(of: fixture.name).pending == 0
            }
        )
        let held = try #require(try fixture.versions("packs/held/").first)
        #expect(try fixture.head(held.name).hold == .on)
        #expect(try fixture.contents(held.name).records.keys.sorted() == [indexes[3]])
        let extended = try #require(try fixture.versions("packs/extended/").first)
        #expect(try #require(try fixture.head(extended.name).lock).until >= later)
        fixture.advance(seconds: 3_600)
        let facts = try indexes.map { try store.facts(of: $0) }
        let erased = try store.propose(.erase(facts), by: .system, reason: nil)
        #expect(erased.refused.count == 2)
        #expect(
            try fixture.eventually {
                try !fixture.versions("packs/").contains { $0.name == original.name }
            }
        )
        // The journal is locked for 30 days more.
        #expect(
            try fixture.eventually {
                try fixture.service.status(of: fixture.name).unpurged == 48
            }
        )
        fixture.advance(seconds: 31 * 86_400)
        try fixture.fill(300)
        _ = try fixture.settle()
        #expect(
            try fixture.eventually {
                try fixture.service.status(of: fixture.name).unpurged == 0
            }
        )
        let left = try fixture.versions("packs/").map(\.name)
        #expect(left.contains(held.name) && left.contains(extended.name))
    }

    @Test func aLargePayloadIsExtendedInPlaceAndStandsTwiceUnderAStrongerMode() throws {
        let fixture = try CopyFixture()
        let lock = LockRequest(mode: .governance)
        let index = try fixture.fill(1, bytes: 1_200_000, lock: lock)[0]
        _ = try fixture.settle()
        let store = fixture.store
        let reason = try Reason("longer")
        func extend(_ days: Int64, _ mode: RetentionMode?) throws -> Timestamp {
            let until = try #require(
                try store.lockReport(of: index).standing.lock.until.adding(
                    milliseconds: days * 86_400_000
                )
            )
            _ = try store.propose(
                .extendLock(try store.facts(of: index), LockExtension(until: until, mode: mode)),
                by: try CopyFixture.keeper(),
                reason: reason
            )
            return until
        }
        let longer = try extend(2, nil)
        #expect(
            try fixture.eventually {
                let versions = try fixture.versions("payloads/")
                return try versions.count == 1
                    && fixture.head(versions[0].name).lock?.until == longer
                    && fixture.service.status(of: fixture.name).pending == 0
            }
        )
        let latest = try extend(2, .compliance)
        #expect(
            try fixture.eventually {
                let locks = try fixture.versions("payloads/").map {
                    try fixture.head($0.name).lock
                }
                return try locks.contains { $0?.mode == .compliance && $0?.until == latest }
                    && fixture.service.status(of: fixture.name).pending == 0
            }
        )
        let packs = try fixture.versions("packs/").map { try fixture.contents($0.name).index }
        let objects = packs.flatMap(\.entries).compactMap(\.object)
        #expect(objects.contains(ObjectLayout.strongerPayload(fixture.collection, index)))
    }

    @Test func aQuietLogLetsGoOfWhatIsErasedToo() throws {
        let fixture = try CopyFixture()
        let lock = LockRequest(retention: .duration(try RetentionDuration(60, .seconds)))
        let indexes = try fixture.fill(2, lock: lock)
        #expect(
            try fixture.eventually {
                try fixture.service.status(of: fixture.name).replicated
                    == fixture.store.checkpoint.size
            }
        )
        fixture.advance(seconds: 120)
        let facts = [try fixture.store.facts(of: indexes[0])]
        _ = try fixture.store.propose(.erase(facts), by: .system, reason: nil)
        let payload = { (entry: VersionEntry) in
            try fixture.contents(entry.name).payloads[indexes[0]] != nil
        }
        #expect(
            try fixture.eventually {
                try fixture.versions("journal/").contains { entry in
                    let contents = try fixture.contents(entry.name)
                    return contents.records[indexes[0]] != nil
                        && contents.payloads[indexes[0]] == nil
                }
            }
        )
        try fixture.reopen()
        fixture.advance(seconds: 31 * 86_400)
        #expect(
            try fixture.eventually {
                try fixture.service.status(of: fixture.name).unpurged == 0
            }
        )
        #expect(try !fixture.versions("journal/").contains { try payload($0) })
        let left = try fixture.versions("journal/").map { try fixture.contents($0.name) }
        #expect(left.contains { $0.records[indexes[0]] != nil })
    }

    @Test func inDualAnAcknowledgementWaitsForTheJournal() throws {
        let fixture = try CopyFixture()
        try fixture.fill(3)
        _ = try fixture.settle()
        _ = try fixture.service.change(
            fixture.name,
            to: .dual,
            by: try CopyFixture.boss(),
            reason: try Reason("now")
        )
        let index = try fixture.fill(1)[0]
        let journal = try fixture.versions("journal/").map { try fixture.contents($0.name) }
        #expect(journal.contains { $0.records[index] != nil })
        fixture.configuration.acknowledgementSeconds = 1
        try fixture.reopen()
        fixture.bucket.fail(next: .max, with: .unavailable(detail: "injected"))
        #expect(throws: StoreError.self) { try fixture.fill(1) }
        fixture.bucket.heal()
        // Once the copy has caught up, which it tries ever more seldom.
        #expect(fixture.eventually { (try? fixture.fill(1)) != nil })
        #expect(try fixture.settle().replicated == fixture.store.checkpoint.size)
    }

    @Test func whoLosesTheRegisterStops() throws {
        let fixture = try CopyFixture()
        try fixture.fill(3)
        _ = try fixture.settle()
        let other = try CopyFixture()
        try other.fill(9)
        let note = other.store.checkpoint.note
        _ = try MemoryStore(fixture.bucket).put(
            PutRequest(key: ObjectLayout.checkpoint, bytes: Array(note.utf8))
        )
        try fixture.fill(3)
        #expect(
            try fixture.eventually {
                if case .fenced = try fixture.service.status(of: fixture.name).health {
                    true
                } else {
                    false
                }
            }
        )
        // The log itself goes on.
        try fixture.fill(1)
    }
}
