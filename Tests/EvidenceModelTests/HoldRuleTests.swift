import EvidenceModel
import Testing
import TransparencyLog

@Suite struct HoldRuleTests {
    private func matter(_ text: String = "case-1") throws -> Matter { try Matter(text) }

    private func facts(_ indexes: ClosedRange<UInt64>) throws -> [RecordFacts] {
        try indexes.map { try Facts.record($0, Facts.lock(.governance, -oneDay)) }
    }

    private func scope(
        _ selection: Selection,
        before: UInt64 = 1_000,
        count: UInt64 = 5,
        isStanding: Bool = false
    ) -> HoldScope {
        .selection(
            selection,
            before: RecordIndex(before),
            count: count,
            digest: Samples.digest(of: "\(count)"),
            isStanding: isStanding
        )
    }

    @Test func matterAndRecordAreManyToMany() throws {
        var ledger = try Ledger()
        let (admin, facts) = (try Persons.admin(), try facts(3...6))
        let (first, second) = (try matter("a"), try matter("b"))
        try ledger.propose(.placeHold(first, .records(ranges(3, 4, 5)), facts), by: admin)
        try ledger.propose(.placeHold(second, .records(ranges(5, 6)), facts), by: admin)
        #expect(
            facts.map { ledger.state.mattersHolding($0).map(\.text) } == [
                ["a"], ["a"], ["a", "b"], ["b"],
            ]
        )
        try ledger.propose(.releaseHold(first, ranges(4, 5)), by: admin)
        #expect(
            facts.map { ledger.state.mattersHolding($0).map(\.text) } == [
                ["a"], [], ["b"], ["b"],
            ]
        )
        #expect(ledger.state.matters[first]?.explicit.ranges == ranges(3))
        try ledger.propose(.releaseHold(second, nil), by: admin)
        #expect(facts.map { ledger.state.mattersHolding($0).map(\.text) } == [["a"], [], [], []])
        #expect(ledger.state.matters[second]?.isReleased == true)
        #expect(ledger.state.matters[second]?.acts.map(\.value) == [1_001, 1_003])
    }

    @Test func placingAgainChangesNothing() throws {
        var ledger = try Ledger()
        let (admin, facts) = (try Persons.admin(), try facts(3...6))
        try ledger.propose(.placeHold(matter(), .records(ranges(3, 4)), facts), by: admin)
        let again = try ledger.propose(
            .placeHold(matter(), .records(ranges(3, 4)), facts),
            by: admin
        )
        #expect(again.acts.isEmpty && again.refused.isEmpty)
        let more = try ledger.propose(
            .placeHold(matter(), .records(ranges(4, 5)), facts),
            by: admin
        )
        #expect(more.acts == [.holdPlaced(try matter(), .records(ranges(5)))])
    }

    @Test func whatIsErasedOrNoEvidenceIsRefusedOneByOne() throws {
        var ledger = try Ledger()
        let (admin, facts) = (try Persons.admin(), try facts(3...6))
        try ledger.propose(.erase([facts[1]]), by: .system, nil)
        let ruling = try ledger.propose(
            .placeHold(matter(), .records(ranges(3, 4, 6, 9)), facts),
            by: admin
        )
        #expect(ruling.acts == [.holdPlaced(try matter(), .records(ranges(3, 6)))])
        #expect(ruling.refused.map(\.0.value) == [4, 9])
        #expect(
            ruling.refused.map(\.1) == [
                .erased(certificate: RecordIndex(1_000)), .notEvidence(RecordIndex(9)),
            ]
        )
        #expect(ruling.refused[0].1.certificate == RecordIndex(1_000))
        #expect(try ledger.refusal(.placeHold(matter(), .records(.none)), by: admin) == .noRecords)
    }

    @Test func longHoldsAreWrittenInParts() throws {
        var ledger = try Ledger()
        ledger.next = RecordIndex(20_000)
        let lock = try Facts.lock(.governance, -oneDay)
        let facts = try (0..<3_100).map { try Facts.record(UInt64($0 * 2), lock) }
        let records = IndexRanges(facts.map(\.index))
        let ruling = try ledger.propose(
            .placeHold(matter(), .records(records), facts),
            by: Persons.admin()
        )
        #expect(ruling.acts.count == 3)
        #expect(ledger.state.matters[try matter()]?.explicit.ranges == records)
        let release = try ledger.propose(.releaseHold(matter(), records), by: Persons.admin())
        #expect(release.acts.count == 3)
        #expect(ledger.state.matters[try matter()]?.explicit.isEmpty == true)
    }

    @Test func aSelectionHoldsWhatItMatched() throws {
        var ledger = try Ledger()
        let (admin, lock) = (try Persons.admin(), try Facts.lock(.governance, -oneDay))
        let (inside, outside) = (
            try Facts.record(3, lock, name: "x/1"), try Facts.record(4, lock, name: "y/1")
        )
        let late = try Facts.record(2_000, lock, name: "x/2")
        #expect(!ledger.state.hasSelectionHolds)
        let selection = try Selection(collection: inside.collection, namePrefix: "x/")
        try ledger.propose(.placeHold(matter(), scope(selection)), by: admin)
        #expect(ledger.state.hasSelectionHolds)
        #expect(ledger.state.mattersHolding(inside) == [try matter()])
        #expect(ledger.state.mattersHolding(outside).isEmpty)
        #expect(ledger.state.mattersHolding(late).isEmpty)
        try ledger.propose(
            .placeHold(matter(), scope(selection, count: 0, isStanding: true)),
            by: admin
        )
        #expect(ledger.state.mattersHolding(late) == [try matter()])
        // A description that is gone matches no prefix.
        let blank = RecordFacts(
            index: inside.index,
            collection: inside.collection,
            lock: lock,
            received: inside.received,
            description: nil,
            leafHash: inside.leafHash
        )
        #expect(ledger.state.mattersHolding(blank).isEmpty)
        try ledger.propose(.releaseHold(matter(), nil), by: admin)
        #expect(!ledger.state.hasSelectionHolds)
        #expect(ledger.state.mattersHolding(late).isEmpty)
    }

    @Test func theSameSelectionAgainChangesNothing() throws {
        var ledger = try Ledger()
        let (admin, facts) = (try Persons.admin(), try facts(3...3))
        let selection = try Selection(collection: facts[0].collection)
        func place(_ scope: HoldScope) throws -> Int {
            try ledger.propose(.placeHold(matter(), scope), by: admin).acts.count
        }
        #expect(try place(scope(selection)) == 1)
        #expect(try place(scope(selection)) == 0)
        #expect(try place(scope(selection, count: 6)) == 1)
        #expect(try place(scope(selection, isStanding: true)) == 1)
        #expect(try place(scope(selection, count: 7)) == 0, "the standing hold covers it")
        try ledger.propose(.releaseHold(matter(), ranges(3), facts), by: admin)
        #expect(try place(scope(selection, count: 7)) == 1, "a record was released from it")
        #expect(ledger.state.mattersHolding(facts[0]) == [try matter()])
    }

    @Test func recordsAreReleasedFromASelection() throws {
        var ledger = try Ledger()
        let (admin, facts) = (try Persons.admin(), try facts(3...5))
        let selection = try Selection(collection: facts[0].collection)
        try ledger.propose(.placeHold(matter(), scope(selection)), by: admin)
        try ledger.propose(.placeHold(matter(), .records(ranges(4)), facts), by: admin)
        try ledger.propose(.releaseHold(matter(), ranges(3, 4), facts), by: admin)
        #expect(facts.map { ledger.state.mattersHolding($0).isEmpty } == [true, true, false])
        let hold = try #require(ledger.state.matters[try matter()]?.selections.first)
        #expect(hold.exclusions.ranges == ranges(3, 4))
        #expect(hold.act == RecordIndex(1_000) && hold.count == 5 && !hold.isStanding)
        // Held again when it is named again.
        try ledger.propose(.placeHold(matter(), .records(ranges(3)), facts), by: admin)
        #expect(!ledger.state.mattersHolding(facts[0]).isEmpty)
    }

    @Test func releasesOfWhatIsNotHeldAreRefused() throws {
        var ledger = try Ledger()
        let (admin, facts) = (try Persons.admin(), try facts(3...6))
        let known = try matter()
        #expect(try ledger.refusal(.releaseHold(known, nil), by: admin) == .matterUnknown(known))
        try ledger.propose(.placeHold(known, .records(ranges(3)), facts), by: admin)
        let ruling = try ledger.propose(.releaseHold(known, ranges(3, 4, 5_000)), by: admin)
        #expect(ruling.acts == [.holdReleased(known, records: ranges(3))])
        #expect(ruling.refused.map(\.0.value) == [4, 5_000])
        #expect(ruling.refused.map(\.1) == [.notHeld(known), .notHeld(known)])
        #expect(try ledger.refusal(.releaseHold(known, IndexRanges.none), by: admin) == .noRecords)
        try ledger.propose(.releaseHold(known, nil), by: admin)
        let last = RecordIndex(1_002)
        #expect(
            try ledger.refusal(.releaseHold(known, nil), by: admin)
                == .matterReleased(known, by: last)
        )
        // A matter that is over can be opened again.
        try ledger.propose(.placeHold(known, .records(ranges(3)), facts), by: admin)
        #expect(ledger.state.matters[known]?.isReleased == false)
    }

    /// Without facts only what the index alone excludes is refused; with them nothing is guessed.
    @Test func factsDecideWhatASelectionHolds() throws {
        var ledger = try Ledger()
        let (admin, facts) = (try Persons.admin(), try facts(3...3))
        let selection = try Selection(collection: facts[0].collection, namePrefix: "other")
        try ledger.propose(.placeHold(matter(), scope(selection, before: 4, count: 1)), by: admin)
        let exact = ActProposal.releaseHold(try matter(), ranges(3), facts)
        #expect(try ledger.propose(exact, by: admin).refused.map(\.0.value) == [3])
        let blind = try ledger.propose(.releaseHold(matter(), ranges(3, 4)), by: admin)
        #expect(blind.acts.count == 1)
        #expect(blind.refused.map(\.0.value) == [4])
        let ahead = scope(selection, before: 5_000)
        #expect(
            try ledger.refusal(.placeHold(matter(), ahead), by: admin)
                == .selectionAhead(before: RecordIndex(5_000), next: ledger.next)
        )
        let impossible = scope(selection, before: 4, count: 5)
        #expect(
            try ledger.refusal(.placeHold(matter(), impossible), by: admin)
                == .malformed("count must be at most before")
        )
        let nothing = scope(selection, count: 0)
        #expect(try ledger.refusal(.placeHold(matter(), nothing), by: admin) == .noRecords)
    }

    /// A whole matter may span collections: who is confined to some may not release it.
    @Test func scopesDecideAboutReleases() throws {
        var ledger = try Ledger()
        let scoped = try Persons.bearer("scoped", .admin, in: ["a"])
        let (here, there) = (
            try facts(3...3), [try Facts.record(4, Facts.lock(.governance, 0), in: "b")]
        )
        let both = here + there
        try ledger.propose(
            .placeHold(matter(), .records(ranges(3, 4)), both),
            by: Persons.admin()
        )
        for proposal in [
            ActProposal.releaseHold(try matter(), nil),
            .releaseHold(try matter(), ranges(3)),
            .releaseHold(try matter(), ranges(4), there),
            .releaseHold(try matter(), ranges(3, 4), both),
            .placeHold(try matter(), .records(ranges(4)), there),
            .placeHold(try matter(), scope(try Selection(collection: there[0].collection))),
        ] {
            #expect(try ledger.refusal(proposal, by: scoped)?.category == .forbidden)
        }
        let own = ActProposal.releaseHold(try matter(), ranges(3), here)
        #expect(try ledger.propose(own, by: scoped).acts.count == 1)
    }
}
