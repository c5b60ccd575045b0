import EvidenceModel
import Testing
import TransparencyLog

@Suite struct LogStateTests {
    /// A ledger in which something of everything has happened.
    private func rich() throws -> Ledger {
        var ledger = try Ledger(founders: ["Zoë"])
        let (admin, matter) = (try Persons.admin(), try Matter("case-1"))
        let past = try Facts.lock(.governance, -oneDay)
        let soft = try Facts.lock(.governance, oneDay)
        let facts = try (3...9).map { try Facts.record($0, past) }
        let selection = try Selection(
            collection: facts[0].collection,
            namePrefix: "na",
            labels: Labels([("k", "v")])
        )
        let scope = HoldScope.selection(
            selection,
            before: RecordIndex(20),
            count: 2,
            digest: Samples.digest(of: ""),
            isStanding: true
        )
        let event = try EventName("end")
        try ledger.propose(.setPolicy(facts[0].collection, .standard), by: admin)
        try ledger.propose(.erase(Array(facts[..<3])), by: .system)
        try ledger.propose(.purged(erasure: RecordIndex(1_001), copy: "local"), by: .system)
        try ledger.propose(.placeHold(matter, .records(ranges(7, 8)), facts), by: admin)
        try ledger.propose(.placeHold(matter, scope), by: admin)
        try ledger.propose(.releaseHold(matter, ranges(8)), by: admin)
        let locked = try Facts.record(12, soft)
        try ledger.propose(.extendLock(locked, LockExtension(mode: .compliance)), by: admin)
        try ledger.propose(.bypass([Facts.record(13, soft)]), by: Persons.bypasser())
        let waiting = try Facts.record(14, Facts.awaiting(.compliance))
        try ledger.propose(.recordEvent(event, at: nil, [waiting]), by: admin)
        let grant = AccessGrant(
            name: try PrincipalName("t"),
            role: .admin,
            rights: [.bypass],
            collections: [facts[0].collection],
            expires: .latest
        )
        try ledger.propose(.createToken(grant), by: .local)
        try ledger.propose(.revokeToken(grant.name), by: .local)
        let entry = CensusEntry(count: .first, last: RecordIndex(3))
        try ledger.propose(.census(before: RecordIndex(9), [locked.collection: entry]), by: .system)
        let head = Samples.digest(of: "head")
        try ledger.propose(.accessDigest(count: 5, head: head, day: "2026-11-21"), by: .system)
        try ledger.propose(.addTarget(Targets.description("s3")), by: admin)
        try ledger.propose(.addTarget(Targets.description("gone")), by: admin)
        let report = Targets.report(.enforced, "d")
        try ledger.propose(.probedTarget(TargetName("s3"), report), by: .system)
        try ledger.propose(.changePhase(Targets.change("s3", .local, .dual)), by: admin)
        try ledger.propose(.removeTarget(TargetName("gone")), by: admin)
        return ledger
    }

    @Test func theExportedFormSaysAll() throws {
        var ledger = try rich()
        let exported = ledger.state.exported
        guard case .object(let object) = try parsedJSON(exported) else {
            Issue.record("no object")
            return
        }
        #expect(CanonicalJSON.encode(.object(object)) == exported)
        #expect(object["actCount"] == .integer(19))
        #expect(ledger.state.actCount == 19)
        #expect(ledger.state.lastCensus?.before == RecordIndex(9))
        #expect(ledger.state.census(of: try CollectionName("a")) == RecordIndex(1_012))
        #expect(ledger.state.lastAccessDigest?.day == "2026-11-21")
        #expect(ledger.state.lastAccessDigest?.count == 5)
        // Whatever happens next shows in it.
        let admin = try Persons.admin()
        let before = ledger.state
        var seen: Set<[UInt8]> = [exported]
        let free = try Facts.record(20, Facts.lock(.governance, -oneDay))
        for proposal in [
            ActProposal.placeHold(try Matter("case-2"), .records(ranges(20)), [free]),
            .releaseHold(try Matter("case-2"), nil),
            .setPolicy(try CollectionName("b"), .standard),
            .createToken(AccessGrant(name: try PrincipalName("u"), role: .writer)),
            .addTarget(try Targets.description("s4")),
            .changePhase(try Targets.change("s3", .dual, .local)),
            .removeTarget(try TargetName("s4")),
        ] {
            try ledger.propose(proposal, by: admin)
            #expect(seen.insert(ledger.state.exported).inserted)
        }
        #expect(before != ledger.state)
        #expect(before.exported == exported)
        #expect(LogState().exported != LogState(founders: ["Zoë"]).exported)
        #expect(LogState() != LogState(founders: ["Zoë"]))
    }

    /// Written, read and folded again, all at once or with copies on the way: the same state.
    @Test func twoFoldsAreEqual() throws {
        let direct = try rich()
        var again = try rich()
        again.writesBytes = false
        #expect(direct.state == again.state)
        #expect(direct.state.exported == again.state.exported)
    }

    /// Records that are held one by one, in any order, are the same few ranges in the end.
    @Test(.tags(.property)) func singlesInAnyOrderBecomeRanges() throws {
        var draw = Draw()
        var ledger = try Ledger()
        ledger.next = RecordIndex(10_000)
        ledger.writesBytes = false
        let indexes = (0..<3_000).map { UInt64($0) }
        let (fifth, other) = (try Matter("fifth"), try Matter("other"))
        for index in indexes.shuffled(using: &draw) {
            let matter = index % 5 == 0 ? fifth : other
            try ledger.write(.holdPlaced(matter, .records(ranges(index))), by: .anonymous)
        }
        let fifths = IndexRanges(indexes.filter { $0 % 5 == 0 }.map { RecordIndex($0) })
        let all = IndexRanges(indexes.map { RecordIndex($0) })
        #expect(ledger.state.matters[fifth]?.explicit.ranges == fifths)
        #expect(ledger.state.matters[other]?.explicit.ranges == all.subtracting(fifths))
        try ledger.write(.holdReleased(fifth, records: nil), by: .anonymous)
        try ledger.write(.holdReleased(other, records: nil), by: .anonymous)
        let lock = try Facts.lock(.governance, -oneDay)
        for index in indexes {
            #expect(ledger.state.mattersHolding(try Facts.record(index, lock)).isEmpty)
        }
    }

    @Test func copiesDoNotChangeWithTheirOriginal() throws {
        var ledger = try rich()
        let copy = ledger.state
        let exported = copy.exported
        for index in 100..<600 as Range<UInt64> {
            let lock = try Facts.lock(.compliance, Int64(index) * 1_000)
            try ledger.write(.lockExtended(records: ranges(index), lock: lock), by: .anonymous)
        }
        #expect(copy.exported == exported)
        #expect(ledger.state.exported != exported)
    }

    // MARK: Census and digests

    private func entry(_ count: UInt64, _ last: UInt64) throws -> CensusEntry {
        CensusEntry(count: try #require(SequenceNumber(count)), last: RecordIndex(last))
    }

    @Test func aLongCensusIsWrittenInParts() throws {
        var ledger = try Ledger()
        var collections: [CollectionName: CensusEntry] = [:]
        for number in 0..<1_001 {
            let padding = String(repeating: "x", count: 58 - "\(number)".utf8.count)
            let name = try CollectionName("c\(padding)-\(number)")
            collections[name] = try entry(UInt64(number + 1), 900)
        }
        let ruling = try ledger.propose(
            .census(before: RecordIndex(901), collections),
            by: .system,
            nil
        )
        #expect(ruling.acts.count == 3)
        #expect(ledger.state.lastCensus?.index == RecordIndex(1_002))
        var found: [CollectionName: CensusEntry] = [:]
        for act in ruling.acts {
            guard case .census(_, _, 3, let part) = act else { continue }
            found.merge(part) { first, _ in first }
        }
        #expect(found == collections)
        for name in collections.keys { #expect(ledger.state.census(of: name) != nil) }
        let none = try ledger.propose(.census(before: RecordIndex(902), [:]), by: .system, nil)
        #expect(none.acts.isEmpty)
    }

    @Test func reportsFollowEachOther() throws {
        var ledger = try Ledger()
        let (a, head) = (try CollectionName("a"), Samples.digest(of: ""))
        try ledger.propose(.census(before: RecordIndex(9), [a: entry(3, 8)]), by: .system)
        for (before, count, last) in [(9, 3, 8), (8, 3, 7), (20, 2, 9), (20, 4, 7), (20, 4, 20)]
            as [(UInt64, UInt64, UInt64)]
        {
            let proposal = ActProposal.census(
                before: RecordIndex(before),
                [a: try entry(count, last)]
            )
            #expect(try ledger.refusal(proposal, by: .system)?.category == .unprocessable)
        }
        let ahead = ActProposal.census(before: RecordIndex(2_000), [a: try entry(9, 9)])
        #expect(try ledger.refusal(ahead, by: .system)?.category == .unprocessable)
        try ledger.propose(.accessDigest(count: 7, head: head, day: "2026-11-21"), by: .system)
        for (count, day) in [(7, "2026-11-21"), (7, "2026-11-20"), (6, "2026-11-22"), (7, "x")]
            as [(UInt64, String)]
        {
            let proposal = ActProposal.accessDigest(count: count, head: head, day: day)
            #expect(try ledger.refusal(proposal, by: .system)?.category == .unprocessable)
        }
        try ledger.propose(.accessDigest(count: 7, head: head, day: "2026-12-01"), by: .system)
    }
}
