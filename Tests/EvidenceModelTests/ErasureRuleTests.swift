import Cryptography
import EvidenceModel
import Testing
import TransparencyLog

@Suite struct ErasureRuleTests {
    private func due(_ index: UInt64, in collection: String = "a") throws -> RecordFacts {
        try Facts.record(index, Facts.lock(.compliance, -oneDay), in: collection)
    }

    private func digest(_ indexes: [UInt64]) -> SHA256Digest {
        var digest = ErasureDigest()
        for index in indexes { digest.append(RecordIndex(index), leafHash: Facts.leafHash(index)) }
        return digest.finalize()
    }

    private func certificates(_ ruling: Ruling) -> [PayloadErased] {
        ruling.acts.compactMap { act in
            guard case .payloadErased(let erased) = act else { return nil }
            return erased
        }
    }

    @Test func theCertificateSaysAll() throws {
        var ledger = try Ledger()
        let admin = try Persons.admin()
        let strict = CollectionPolicy(retention: .standard)
        try ledger.propose(.setPolicy(CollectionName("a"), strict), by: admin, nil)
        let changed = try Facts.record(5, Facts.lock(.governance, oneDay))
        let firmer = LockExtension(
            until: Timestamp(milliseconds: Ledger.start + 2 * oneDay),
            mode: .compliance
        )
        try ledger.propose(.extendLock(changed, firmer), by: admin)
        try ledger.setClock(3 * oneDay, wall: 3 * oneDay + 1)
        let facts = try [due(9, in: "b"), due(4), changed, due(3), due(3)]
        let ruling = try ledger.propose(.erase(facts), by: .system, nil)
        let found = certificates(ruling)
        #expect(ruling.acts.count == 2 && found.count == 2)
        let lock = try Facts.lock(.compliance, -oneDay)
        #expect(found[0].collection.text == "a")
        #expect(found[0].ground == .expired)
        #expect(
            found[0].items == [
                PayloadErased.Item(records: ranges(3, 4), lock: lock, history: []),
                PayloadErased.Item(
                    records: ranges(5),
                    lock: try Facts.lock(.compliance, 2 * oneDay),
                    history: [RecordIndex(1_001)]
                ),
            ]
        )
        #expect(found[0].policy == RecordIndex(1_000) && found[1].policy == nil)
        #expect(found[0].clock == ledger.clock)
        #expect(found[0].count == 3 && found[0].records == ranges(3, 4, 5))
        #expect(found[0].digest == digest([3, 4, 5]) && found[1].digest == digest([9]))
        #expect(ledger.state.erasure(of: RecordIndex(4)) == RecordIndex(1_002))
        #expect(ledger.state.erasure(of: RecordIndex(9)) == RecordIndex(1_003))
        #expect(ledger.state.erased(in: 4...9) == ranges(4, 5, 9))
        let standing = ledger.state.lockStanding(of: changed.index, lock: changed.lock)
        #expect(standing.erased == RecordIndex(1_002) && standing.history.count == 1)
        #expect(ledger.state.changedLocks(notAfter: .latest).isEmpty, "it is erased")
    }

    @Test func eachRecordThatIsNotDueSaysWhy() throws {
        var ledger = try Ledger()
        let (admin, matter) = (try Persons.admin(), try Matter("case-1"))
        let (held, erased, free) = (try due(3), try due(4), try due(5))
        let locked = try Facts.record(6, Facts.lock(.governance, 0))
        let waiting = try Facts.record(7, Facts.awaiting(.governance))
        try ledger.propose(.placeHold(matter, .records(ranges(3)), [held]), by: admin)
        try ledger.propose(.erase([erased]), by: .system, nil)
        let all = [held, erased, free, locked, waiting]
        let ruling = try ledger.propose(.erase(all), by: Persons.retention(), nil)
        #expect(certificates(ruling).map(\.records) == [ranges(5)])
        #expect(ruling.refused.map(\.0.value) == [3, 4, 6, 7])
        let now = ledger.clock.releasing
        #expect(
            ruling.refused.map(\.1) == [
                .held([matter]), .erased(certificate: RecordIndex(1_001)),
                .locked(locked.lock, at: now), .locked(waiting.lock, at: now),
            ]
        )
        #expect(ruling.refused[2].1.lockedUntil == locked.lock.until)
        for facts in all where facts.index != free.index {
            let refusal = ledger.state.refusalToErase(facts, at: ledger.clock)
            #expect(refusal == ruling.refused.first { $0.0 == facts.index }?.1)
        }
        try ledger.setClock(0, wall: nil)
        let refusal = ledger.state.refusalToErase(try due(8), at: ledger.clock)
        #expect(refusal == .clockUnsettled(ledger.clock))
    }

    @Test func nothingDueIsNothingToDo() throws {
        var ledger = try Ledger()
        let ruling = try ledger.propose(.erase([]), by: .system, nil)
        #expect(ruling.acts.isEmpty && ruling.refused.isEmpty)
    }

    // MARK: Bypass

    @Test func aBypassIsAnActOfItsOwnAndTheGroundOfTheErasure() throws {
        var ledger = try Ledger()
        let lock = try Facts.lock(.governance, oneDay)
        let facts = try [
            Facts.record(3, lock), Facts.record(4, lock, in: "b"),
            Facts.record(5, Facts.awaiting(.governance)),
        ]
        let ruling = try ledger.propose(.bypass(facts), by: Persons.bypasser())
        #expect(ruling.acts.first == .lockBypassed(records: ranges(3, 4, 5)))
        let found = certificates(ruling)
        #expect(found.map(\.ground) == [.bypass(RecordIndex(1_000)), .bypass(RecordIndex(1_000))])
        #expect(found.map(\.records) == [ranges(3, 5), ranges(4)])
        let standing = ledger.state.lockStanding(of: RecordIndex(3), lock: lock)
        #expect(standing.bypassed == RecordIndex(1_000))
        #expect(standing.erased == RecordIndex(1_001))
        #expect(standing.lock == lock)
    }

    @Test func whatCannotBeBypassedSaysWhy() throws {
        var ledger = try Ledger()
        let matter = try Matter("case-1")
        let soft = try Facts.lock(.governance, oneDay)
        let (firm, over) = (
            try Facts.lock(.compliance, oneDay), try Facts.lock(.governance, -oneDay)
        )
        let (held, upgraded) = (try Facts.record(3, soft), try Facts.record(6, soft))
        try ledger.propose(.placeHold(matter, .records(ranges(3)), [held]), by: Persons.admin())
        try ledger.propose(
            .extendLock(upgraded, LockExtension(mode: .compliance)),
            by: Persons.admin()
        )
        let facts = [held, try Facts.record(4, firm), try Facts.record(5, over), upgraded]
        let ruling = try ledger.propose(.bypass(facts), by: Persons.bypasser())
        #expect(ruling.acts.isEmpty)
        #expect(
            ruling.refused.map(\.1) == [
                .held([matter]), .complianceLocked(firm), .lockExpired(over),
                .complianceLocked(firm),
            ]
        )
        #expect(try ledger.refusal(.bypass([]), by: Persons.bypasser()) == .noRecords)
        #expect(
            try ledger.refusal(.bypass(facts), by: Persons.bypasser(), nil) == .reasonMissing
        )
        #expect(
            try ledger.refusal(.bypass(facts), by: Persons.retention())
                == .notPermitted(Persons.retention().name, .bypass, collection: nil)
        )
        #expect(try ledger.refusal(.bypass(facts), by: .anonymous) == .needsTokens(.bypass))
        let scoped = try Persons.bearer("scoped", .retention, bypass: true, in: ["b"])
        #expect(
            try ledger.refusal(.bypass(facts), by: scoped)
                == .notPermitted(scoped.name, .bypass, collection: CollectionName("a"))
        )
    }

    // MARK: Limits

    @Test func manyRecordsMakeCertificatesThatFit() throws {
        var ledger = try Ledger()
        ledger.next = RecordIndex(50_000)
        let (soft, over) = (
            try Facts.lock(.governance, oneDay), try Facts.lock(.governance, -oneDay)
        )
        // Every second record: as many ranges as records.
        let facts = try (0..<4_000).map { try Facts.record(UInt64($0 * 2), over) }
        let ruling = try ledger.propose(.erase(facts), by: .system, nil)
        let found = certificates(ruling)
        #expect(found.map(\.count) == [1_500, 1_500, 1_000])
        #expect(found.reduce(IndexRanges.none) { $0.union($1.records) }.count == 4_000)
        let others = try (0..<2_000).map { try Facts.record(UInt64($0 * 2 + 1), soft) }
        let bypass = try ledger.propose(.bypass(others), by: Persons.bypasser())
        #expect(
            bypass.acts.map(\.kind) == [
                .lockBypassed, .payloadErased, .lockBypassed, .payloadErased,
            ]
        )
        #expect(
            certificates(bypass).map(\.ground) == [
                .bypass(RecordIndex(50_003)), .bypass(RecordIndex(50_005)),
            ]
        )
    }

    /// Each record with a lock of its own, and a long history: the size decides, not the count.
    @Test func manyLocksMakeCertificatesThatFit() throws {
        var ledger = try Ledger()
        ledger.next = RecordIndex(50_000)
        let reason = String(repeating: "\"", count: Reason.maximumSizeBytes)
        var facts: [RecordFacts] = []
        for index in 0..<900 as Range<UInt64> {
            let lock = try Facts.lock(.governance, -oneDay - Int64(index) * 1_000)
            facts.append(try Facts.record(index, lock))
        }
        let whole = IndexRanges(facts.map(\.index))
        for round in 0..<300 {
            let lock = try Facts.lock(.governance, -2 * oneDay + Int64(round) * 1_000)
            try ledger.write(.lockExtended(records: whole, lock: lock), by: .anonymous)
        }
        let ruling = try ledger.propose(.erase(facts), by: .system, reason)
        let found = certificates(ruling)
        #expect(found.count > 1)
        #expect(found.reduce(0) { $0 + $1.count } == 900)
        let history = try #require(found.first?.items.first?.history)
        #expect(history.count == 256 && history.last == RecordIndex(50_299))
        let all = ledger.state.lockStanding(of: RecordIndex(0), lock: facts[0].lock)
        #expect(all.history.count == 300)
    }

    // MARK: Purges

    @Test func aPurgeIsToldOnceForEachCopy() throws {
        var ledger = try Ledger()
        let target = try TargetName("s3-1")
        try ledger.propose(.addTarget(Targets.description("s3-1")), by: Persons.admin(), nil)
        try ledger.propose(.erase([due(3), due(4)]), by: .system, nil)
        let erasure = RecordIndex(1_001)
        #expect(ledger.state.unpurged == [erasure: ranges(3, 4)])
        #expect(ledger.state.unpurged(in: target) == [erasure: ranges(3, 4)])
        #expect(
            try ledger.refusal(.close, by: Persons.admin()) == .erasureUnfinished(erasure)
        )
        let objects = PurgedObjects([(key: "payloads/a/3.zst", version: "v")])
        try ledger.propose(
            .purged(erasure: erasure, copy: "s3-1", objects: objects),
            by: .system,
            nil
        )
        #expect(ledger.state.unpurged == [erasure: ranges(3, 4)])
        #expect(ledger.state.unpurged(in: target).isEmpty)
        let ruling = try ledger.propose(.purged(erasure: erasure, copy: "local"), by: .system, nil)
        #expect(ruling.acts == [.payloadPurged(erasure: erasure, copy: "local", count: 2)])
        #expect(ledger.state.unpurged.isEmpty)
        #expect(ledger.state.purgedCopies(of: erasure) == ["s3-1", "local"])
        #expect(ledger.state.purgedCopies(of: RecordIndex(3)).isEmpty)
        #expect(
            try ledger.refusal(.purged(erasure: erasure, copy: "local"), by: .system)
                == .purgedBefore(copy: "local")
        )
        #expect(
            try ledger.refusal(.purged(erasure: RecordIndex(3), copy: "local"), by: .system)
                == .nothingErased(by: RecordIndex(3))
        )
        #expect(
            try ledger.refusal(.purged(erasure: erasure, copy: "s3-2"), by: .system)
                == .copyOwesNothing(copy: "s3-2", erasure: erasure)
        )
        #expect(
            try ledger.refusal(.purged(erasure: erasure, copy: "x"), by: Persons.admin())
                == .onlyTheLogItself(Persons.admin().name)
        )
    }
}
