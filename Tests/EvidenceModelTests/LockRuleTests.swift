import EvidenceModel
import Testing
import TransparencyLog

@Suite struct LockRuleTests {
    private let event = try? EventName("end")

    private func time(_ milliseconds: Int64) throws -> Timestamp {
        try #require(Timestamp(milliseconds: Ledger.start + milliseconds))
    }

    @Test func anExtensionIsInForceAtOnce() throws {
        var ledger = try Ledger()
        let facts = try Facts.record(3, Facts.lock(.governance, oneDay))
        let until = try time(2 * oneDay + 1)
        try ledger.propose(
            .extendLock(facts, LockExtension(until: until, mode: .compliance)),
            by: Persons.retention()
        )
        let standing = ledger.state.lockStanding(of: facts.index, lock: facts.lock)
        #expect(standing.lock == (try Facts.lock(.compliance, 2 * oneDay + 1_000)), "rounded up")
        #expect(standing.history == [RecordIndex(1_000)])
        #expect(standing.erased == nil && standing.bypassed == nil)
        // Asking again is answered, and not written again.
        let again = LockExtension(until: standing.lock.until, mode: .compliance)
        #expect(try ledger.propose(.extendLock(facts, again), by: Persons.admin()).acts.isEmpty)
        let empty = ActProposal.extendLock(facts, LockExtension())
        #expect(try ledger.propose(empty, by: Persons.admin()).acts.isEmpty)
    }

    /// An extension that another record proves counts, whatever the leaf says.
    @Test func theLatestLockIsInForce() throws {
        var ledger = try Ledger()
        let facts = try Facts.record(3, Facts.lock(.compliance, oneDay))
        try ledger.write(
            .lockExtended(records: ranges(3), lock: Facts.lock(.governance, 0)),
            by: .anonymous
        )
        #expect(ledger.state.lockStanding(of: facts.index, lock: facts.lock).lock == facts.lock)
    }

    @Test func refusalsSayRuleAndState() throws {
        let ledger = try Ledger()
        let (admin, tomorrow) = (try Persons.admin(), try Facts.lock(.compliance, oneDay))
        let facts = try Facts.record(3, tomorrow)
        func refusal(_ until: Int64?, _ mode: RetentionMode? = nil) throws -> Refusal? {
            let wanted = LockExtension(until: try until.map { try time($0) }, mode: mode)
            return try ledger.refusal(.extendLock(facts, wanted), by: admin)
        }
        for past: Int64 in [0, -5] {
            #expect(
                try refusal(past)
                    == .lockInPast(until: time(past), now: time(0), current: tomorrow)
            )
        }
        #expect(try refusal(oneHour) == .lockShorter(until: time(oneHour), current: tomorrow))
        #expect(try refusal(nil, .governance) == .lockWeaker(.governance, current: tomorrow))
        let hundred = RetentionPolicy.standard.maximum
        let far = try #require(hundred.end(from: ledger.clock.granting))
        let limit = far.milliseconds - Ledger.start
        #expect(try refusal(limit) == nil)
        #expect(try refusal(limit + 1) == .lockTooLong(until: time(limit + 1), maximum: hundred))
        let end = Timestamp.latest.milliseconds - Ledger.start
        #expect(try refusal(end) == .lockBeyondCalendar)
        #expect(try refusal(oneHour)?.lockedUntil == tomorrow.until)
        #expect(try refusal(oneHour)?.category == .conflict)
        #expect(try refusal(0)?.category == .unprocessable)
    }

    @Test func thePolicyDecidesTheMaximum() throws {
        var ledger = try Ledger()
        let admin = try Persons.admin()
        let facts = try Facts.record(3, Facts.lock(.compliance, oneDay))
        let policy = CollectionPolicy(
            retention: try RetentionPolicy(
                mode: .compliance,
                minimum: RetentionDuration(parsing: "1s"),
                standard: RetentionDuration(parsing: "2d"),
                maximum: RetentionDuration(parsing: "3d")
            )
        )
        let four = LockExtension(until: try time(4 * oneDay))
        #expect(try ledger.refusal(.extendLock(facts, four), by: admin) == nil)
        let three = policy.retention.maximum
        #expect(throws: Refusal.lockTooLong(until: try time(4 * oneDay), maximum: three)) {
            try ledger.state.rule(
                on: .extendLock(facts, four),
                by: admin,
                reason: Reason("r"),
                at: ledger.clock,
                next: ledger.next,
                defaults: policy
            )
        }
        try ledger.propose(.setPolicy(facts.collection, policy), by: admin, nil)
        #expect(try ledger.refusal(.extendLock(facts, four), by: admin)?.category == .unprocessable)
        // A firmer mode at the same date is no longer lock: no maximum is in its way.
        let long = try Facts.record(4, Facts.lock(.governance, 30 * oneDay))
        let firmer = LockExtension(mode: .compliance)
        #expect(try ledger.propose(.extendLock(long, firmer), by: admin).acts.count == 1)
    }

    // MARK: Events

    @Test func anEventStartsTheDuration() throws {
        var ledger = try Ledger()
        let event = try #require(event)
        let facts = [
            try Facts.record(3, Facts.awaiting(.governance)),
            try Facts.record(4, Facts.awaiting(.governance, then: "10s")),
            try Facts.record(5, Facts.awaiting(.governance)),
            try Facts.record(5, Facts.awaiting(.governance)),
        ]
        try ledger.setClock(oneHour, wall: 2 * oneHour)
        let ruling = try ledger.propose(
            .recordEvent(event, at: nil, facts),
            by: Persons.retention()
        )
        // One act for each lock that comes out; counted from the later clock, then rounded up.
        let long = try Facts.lock(.governance, 6 * oneDay)
        let short = try Facts.lock(.governance, 2 * oneHour + 10_000)
        #expect(
            ruling.acts == [
                .eventRecorded(event, at: nil, records: ranges(3, 5), lock: long),
                .eventRecorded(event, at: nil, records: ranges(4), lock: short),
            ]
        )
        let standing = ledger.state.lockStanding(of: RecordIndex(3), lock: facts[0].lock)
        #expect(standing.lock == long && standing.history == [RecordIndex(1_000)])
        #expect(ledger.state.changedLocks(notAfter: long.until).map(\.value) == [3, 4, 5])
        #expect(ledger.state.changedLocks(notAfter: short.until).map(\.value) == [4])
    }

    @Test func clientTimesNeverReleaseEarlier() throws {
        var ledger = try Ledger()
        let event = try #require(event)
        let facts = try Facts.record(3, Facts.awaiting(.governance))
        let standard = try Facts.lock(.governance, 5 * oneDay)
        for (at, lock) in [
            (-365 * oneDay, standard), (0, standard),
            (7 * oneDay, try Facts.lock(.governance, 12 * oneDay)),
        ] {
            let ruling = try ledger.state.rule(
                on: .recordEvent(event, at: time(at), [facts]),
                by: Persons.admin(),
                reason: Reason("r"),
                at: ledger.clock,
                next: ledger.next
            )
            #expect(
                ruling.acts == [
                    .eventRecorded(event, at: try time(at), records: ranges(3), lock: lock)
                ]
            )
        }
        let century = try time(100 * 366 * oneDay)
        let tooLate = ActProposal.recordEvent(event, at: century, [facts])
        let ruling = try ledger.propose(tooLate, by: Persons.admin())
        #expect(ruling.acts.isEmpty && ruling.refused.first?.1.category == .unprocessable)
    }

    @Test func aLaterEventNeverShortens() throws {
        var ledger = try Ledger()
        let event = try #require(event)
        let (admin, facts) = (try Persons.admin(), try Facts.record(3, Facts.awaiting(.compliance)))
        try ledger.propose(.recordEvent(event, at: nil, [facts]), by: admin)
        #expect(try ledger.propose(.recordEvent(event, at: nil, [facts]), by: admin).acts.isEmpty)
        let extended = LockExtension(until: try time(30 * oneDay))
        try ledger.propose(.extendLock(facts, extended), by: admin)
        try ledger.setClock(oneDay, wall: oneDay)
        #expect(try ledger.propose(.recordEvent(event, at: nil, [facts]), by: admin).acts.isEmpty)
        let standing = ledger.state.lockStanding(of: facts.index, lock: facts.lock)
        #expect(standing.lock == (try Facts.lock(.compliance, 30 * oneDay)))
        try ledger.setClock(40 * oneDay, wall: 40 * oneDay)
        try ledger.propose(.recordEvent(event, at: nil, [facts]), by: admin)
        let later = ledger.state.lockStanding(of: facts.index, lock: facts.lock)
        #expect(later.lock == (try Facts.lock(.compliance, 45 * oneDay)))
        #expect(later.history.count == 3)
    }

    @Test func theEndOfTheCalendarIsTheLatestEnd() throws {
        var ledger = try Ledger()
        let event = try #require(event)
        let facts = try Facts.record(3, Facts.awaiting(.compliance, then: "10000y"))
        let ruling = try ledger.propose(.recordEvent(event, at: nil, [facts]), by: Persons.admin())
        let end = try #require(Lock(mode: .compliance, until: Lock.withoutEnd))
        #expect(
            ruling.acts == [.eventRecorded(event, at: nil, records: ranges(3), lock: end)]
        )
    }

    @Test func recordsThatAwaitAnotherEventOrNoneAreRefusedOneByOne() throws {
        var ledger = try Ledger()
        let event = try #require(event)
        let other = try Facts.awaiting(.compliance, "other")
        let none = try Facts.lock(.compliance, 0)
        let facts = [
            try Facts.record(3, Facts.awaiting(.compliance)), try Facts.record(5, other),
            try Facts.record(4, none),
        ]
        let ruling = try ledger.propose(.recordEvent(event, at: nil, facts), by: Persons.admin())
        #expect(ruling.acts.count == 1)
        #expect(ruling.refused.map(\.0.value) == [4, 5])
        #expect(
            ruling.refused.map(\.1) == [
                .notAwaiting(event, current: none), .notAwaiting(event, current: other),
            ]
        )
        #expect(
            try ledger.refusal(.recordEvent(event, at: nil, []), by: Persons.admin()) == .noRecords
        )
    }

    @Test func untilTheEventOnlyTheModeCanChange() throws {
        var ledger = try Ledger()
        let event = try #require(event)
        let (admin, facts) = (try Persons.admin(), try Facts.record(3, Facts.awaiting(.governance)))
        let dated = LockExtension(until: try time(oneDay), mode: .compliance)
        #expect(
            try ledger.refusal(.extendLock(facts, dated), by: admin)
                == .dateBeforeEvent(current: facts.lock)
        )
        try ledger.propose(.extendLock(facts, LockExtension(mode: .compliance)), by: admin)
        let firm = ledger.state.lockStanding(of: facts.index, lock: facts.lock).lock
        #expect(firm == (try Facts.awaiting(.compliance)))
        #expect(firm.until == Lock.withoutEnd && firm.isLocked(at: .latest))
        try ledger.propose(.recordEvent(event, at: nil, [facts]), by: admin)
        let dated2 = ledger.state.lockStanding(of: facts.index, lock: facts.lock).lock
        #expect(dated2 == (try Facts.lock(.compliance, 5 * oneDay)))
    }
}

@Suite struct CollectionPolicyTests {
    private func policy(event: String?) throws -> CollectionPolicy {
        CollectionPolicy(
            retention: try RetentionPolicy(
                mode: .governance,
                weakestMode: .governance,
                minimum: RetentionDuration(parsing: "1d"),
                standard: RetentionDuration(parsing: "2d"),
                maximum: RetentionDuration(parsing: "9d")
            ),
            event: try event.map { try EventName($0) }
        )
    }

    @Test func locksAreGrantedByTheLaterClock() throws {
        var ledger = try Ledger()
        for (compliance, wall) in [(oneHour, 0), (0, oneHour)] {
            try ledger.setClock(compliance, wall: wall)
            let lock = try policy(event: nil).grant(.standard, at: ledger.clock)
            #expect(lock == (try Facts.lock(.governance, 3 * oneDay)))
        }
    }

    @Test func anEventBasedLockAwaitsItsEvent() throws {
        let (ledger, policy) = (try Ledger(), try policy(event: "end"))
        func grant(
            _ retention: LockRequest.Retention,
            _ mode: RetentionMode? = nil
        ) throws -> Lock {
            try policy.grant(LockRequest(mode: mode, retention: retention), at: ledger.clock)
        }
        #expect(try grant(.standard) == Facts.awaiting(.governance, then: "2d"))
        #expect(try grant(.standard, .compliance) == Facts.awaiting(.compliance, then: "2d"))
        let three = try RetentionDuration(parsing: "3d")
        #expect(try grant(.duration(three)) == Facts.awaiting(.governance, then: "3d"))
        for text in ["1h", "10d", "10000y"] {
            let duration = try RetentionDuration(parsing: text)
            #expect(throws: LockRefusal.self) { try grant(.duration(duration)) }
        }
        let event = try EventName("end")
        #expect(throws: LockRefusal.untilWithEvent(event)) { try grant(.until(.latest)) }
        #expect("\(LockRefusal.untilWithEvent(event))".contains("the event end"))
    }

    @Test func aPolicyThatIsSetGrantsNoWeakerMode() throws {
        #expect(CollectionPolicy.standard.retention.weakestMode == .governance)
        let set = CollectionPolicy(retention: .standard)
        #expect(set.retention.weakestMode == .compliance)
        #expect(set != .standard)
        let ledger = try Ledger()
        #expect(throws: LockRefusal.self) {
            try set.grant(LockRequest(mode: .governance), at: ledger.clock)
        }
        #expect(CollectionPolicy(defaults: .standard) == .standard)
        #expect("\(set)" == "COMPLIANCE, 1s to 100y, 7y by default")
        #expect(try "\(policy(event: "end"))".hasSuffix(", from the event end"))
    }

    @Test func locksKeepWhatTheyPromise() throws {
        let (firm, soft) = (try Facts.lock(.compliance, 0), try Facts.lock(.governance, 0))
        let (later, waits) = (try Facts.lock(.governance, 1_000), try Facts.awaiting(.governance))
        #expect(firm.keeps(soft) && !soft.keeps(firm) && soft.keeps(soft))
        #expect(later.keeps(soft) && !soft.keeps(later) && !later.keeps(firm))
        #expect(!waits.keeps(soft) && !soft.keeps(waits) && waits.keeps(waits))
        #expect("\(waits)" == "GOVERNANCE until the event end, then for 5d")
    }
}
