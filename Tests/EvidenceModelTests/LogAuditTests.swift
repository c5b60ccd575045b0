import EvidenceModel
import Testing
import TransparencyLog

/// Each rule of the audit: a log that keeps it passes, and one that breaks it is named.
@Suite struct LogAuditTests {
    private func soft(_ days: Int64 = 30) throws -> Lock {
        try Facts.lock(.governance, days * oneDay)
    }

    private func firm(_ days: Int64 = 30) throws -> Lock {
        try Facts.lock(.compliance, days * oneDay)
    }

    private func policy(
        _ mode: RetentionMode = .compliance,
        minimum: String = "1d",
        event: String? = nil,
        isSealed: Bool = false
    ) throws -> Act {
        .policySet(
            try CollectionName("a"),
            CollectionPolicy(
                retention: try RetentionPolicy(
                    mode: mode,
                    minimum: RetentionDuration(parsing: minimum),
                    standard: RetentionDuration(parsing: "9y"),
                    maximum: RetentionDuration(parsing: "99y")
                ),
                event: try event.map { try EventName($0) },
                isSealed: isSealed
            )
        )
    }

    private func extended(_ index: UInt64, _ lock: Lock) -> Act {
        .lockExtended(records: ranges(index), lock: lock)
    }

    private func bypasser(_ drive: inout AuditDrive) throws {
        let grant = AccessGrant(
            name: try PrincipalName("byp"),
            role: .retention,
            rights: [.bypass]
        )
        #expect(try drive.act(.accessChanged(.created(grant)), by: "local") == nil)
    }

    // MARK: Order

    @Test func theFirstRecordMakesThisLog() throws {
        var drive = try AuditDrive()
        #expect(try drive.add(Samples.logCreated())?.rule == .received)
        drive.audit = LogAudit(origin: "log.example/other")
        drive.next = 0
        #expect(try drive.add(Samples.logCreated())?.rule == .creation)
        drive.audit = LogAudit(origin: "log.example/payments")
        #expect(try drive.put(soft())?.rule == .creation)
    }

    @Test func timesDoNotGoBack() throws {
        var drive = try AuditDrive()
        #expect(try drive.put(soft()) == nil)
        drive.now -= 1
        #expect(try drive.put(soft())?.rule == .received)
    }

    @Test(arguments: [1, 3, 4]) func numbersHaveNoGapAndNoRepetition(number: UInt64) throws {
        var drive = try AuditDrive()
        #expect(try drive.put(soft()) == nil)
        #expect(try drive.put(soft(), in: "b") == nil)
        #expect(try drive.put(soft(), sequence: number)?.rule == .sequence)
    }

    @Test func nothingFollowsTheEnd() throws {
        var drive = try AuditDrive()
        #expect(try drive.act(.logClosed) == nil)
        let closed = drive
        #expect(try drive.put(soft())?.rule == .closed)
        drive = closed
        #expect(try drive.act(.logClosed)?.rule == .closed)
    }

    /// Names that nobody has are no persons.
    @Test func whoMovesTheClockHasAToken() throws {
        let reason = try Reason("r")
        for (names, isAllowed) in [
            (["ann", "bob"], true), (["ann", "ghost"], false), (["ghost", "ann"], false),
            (["ghost", "spook"], false),
        ] {
            var drive = try AuditDrive()
            for name in ["ann", "bob"] {
                let grant = AccessGrant(name: try PrincipalName(name), role: .admin)
                #expect(try drive.act(.accessChanged(.created(grant)), by: "local") == nil)
            }
            let act = Act.clockResynced(
                from: .earliest,
                to: .latest,
                by: .persons(with: try PrincipalName(names[0]), firstReason: reason)
            )
            let violation = try drive.act(act, by: names[1])
            #expect(violation?.rule == (isAllowed ? nil : .clock), "\(names)")
        }
    }

    // MARK: Policies

    @Test func aPolicyIsKept() throws {
        let event = try EventName("end")
        let waiting = Lock(
            mode: .compliance,
            awaiting: event,
            then: try RetentionDuration(parsing: "9y")
        )
        let hasty = Lock(
            mode: .compliance,
            awaiting: event,
            then: try RetentionDuration(parsing: "1s")
        )
        for (act, lock, isSealed, isKept) in [
            (try policy(), try firm(), false, true), (try policy(), try soft(), false, false),
            (try policy(.governance), try soft(), false, true),
            (try policy(minimum: "40d"), try firm(), false, false),
            (try policy(minimum: "30d"), try firm(), false, true),
            (try policy(isSealed: true), try firm(), false, false),
            (try policy(isSealed: true), try firm(), true, true),
            (try policy(event: "end"), waiting, false, true),
            (try policy(event: "end"), try firm(), false, false),
            (try policy(event: "other"), waiting, false, false),
            (try policy(minimum: "2d", event: "end"), hasty, false, false),
            (try policy(), waiting, false, false),
        ] {
            var drive = try AuditDrive()
            #expect(try drive.act(act) == nil)
            let violation = try drive.put(lock, isSealed: isSealed)
            #expect(violation?.rule == (isKept ? nil : .policy), "\(act), \(lock)")
            #expect(violation == nil || violation?.subject == RecordIndex(1))
        }
    }

    // MARK: Locks

    @Test func aLockIsNeverShortened() throws {
        for (lock, isAllowed) in [
            (try firm(40), true), (try firm(30), true), (try firm(29), false),
            (try soft(40), false), (try Facts.awaiting(.compliance), false),
        ] {
            var drive = try AuditDrive()
            #expect(try drive.put(firm()) == nil)
            let violation = try drive.act(extended(1, lock))
            #expect(violation?.rule == (isAllowed ? nil : .lockExtended), "\(lock)")
        }
        var drive = try AuditDrive()
        #expect(try drive.put(soft()) == nil)
        #expect(try drive.act(extended(1, soft(50))) == nil)
        let extended = drive
        #expect(try drive.act(self.extended(1, soft(40)))?.rule == .lockExtended)
        drive = extended
        #expect(try drive.act(self.extended(0, soft(90)))?.rule == .lockExtended)
    }

    @Test func anEventStartsWhatWasAwaited() throws {
        let awaiting = try Facts.awaiting(.governance)
        for (lock, event, isAllowed) in [
            (try soft(5), "end", true), (try soft(9), "end", true), (try soft(3), "end", false),
            (try firm(5), "end", false), (try soft(5), "other", false),
        ] {
            var drive = try AuditDrive()
            #expect(try drive.put(awaiting) == nil)
            #expect(try drive.put(soft()) == nil)
            let event = try EventName(event)
            let act = Act.eventRecorded(event, at: nil, records: ranges(1), lock: lock)
            #expect(try drive.act(act)?.rule == (isAllowed ? nil : .event), "\(lock) \(event)")
            guard isAllowed else { continue }
            let second = Act.eventRecorded(event, at: nil, records: ranges(2), lock: lock)
            #expect(try drive.act(second)?.rule == .event)
        }
    }

    @Test func aBypassTakesARightAndASoftLock() throws {
        var drive = try AuditDrive()
        #expect(try drive.put(soft()) == nil)
        #expect(try drive.put(firm()) == nil)
        let made = drive
        #expect(try drive.act(.lockBypassed(records: ranges(1)), by: "byp")?.rule == .bypass)
        drive = made
        try bypasser(&drive)
        let allowed = drive
        #expect(try drive.act(.lockBypassed(records: ranges(2)), by: "byp")?.rule == .bypass)
        drive = allowed
        #expect(try drive.act(selection([1, 2])) == nil)
        #expect(try drive.act(.lockBypassed(records: ranges(1)), by: "byp")?.rule == .bypass)
        drive = allowed
        #expect(try drive.act(.lockBypassed(records: ranges(1)), by: "byp") == nil)
        let ground = PayloadErased.Ground.bypass(RecordIndex(4))
        let bypassed = drive
        #expect(try drive.act(drive.certificate(1, ground: ground, history: [])) == nil)
        drive = bypassed
        let other = PayloadErased.Ground.bypass(RecordIndex(3))
        #expect(try drive.act(drive.certificate(1, ground: other, history: []))?.rule != nil)
        drive = bypassed
        #expect(try drive.act(drive.certificate(2, ground: ground))?.rule == .erasedLocked)
        drive = bypassed
        #expect(try drive.act(drive.certificate(1))?.rule == .erasedLocked)
    }

    private func selection(_ matches: [UInt64], prefix: String? = nil) throws -> Act {
        var drive = try AuditDrive()
        drive.next = 4
        return try drive.selection(matches, prefix: prefix)
    }

    // MARK: Erasures

    private func ended() throws -> AuditDrive {
        var drive = try AuditDrive()
        for number in 1...4 { #expect(try drive.put(firm(2), name: "n/\(number)") == nil) }
        #expect(try drive.put(firm(2), in: "b") == nil)
        drive.now += 3 * oneDay
        return drive
    }

    @Test func whatIsDueIsErased() throws {
        var drive = try ended()
        #expect(try drive.act(drive.certificate(1, 2)) == nil)
        #expect(try drive.act(drive.certificate(4)) == nil)
        #expect(try drive.act(drive.certificate(5)) == nil)
        #expect(drive.audit.unjudged.isEmpty)
        #expect(try drive.act(drive.certificate(4))?.rule == .certificate)
    }

    @Test func nothingIsErasedBeforeItsTime() throws {
        var drive = try ended()
        drive.now -= oneDay
        let early = drive
        #expect(try drive.act(drive.certificate(1))?.rule == .erasedLocked)
        // A certificate may name another lock, or other clocks: what counts is the record's own.
        drive = early
        #expect(try drive.act(drive.certificate(1, lock: firm(1)))?.rule == .erasedLocked)
        drive = early
        let ahead = ClockReading(
            compliance: try drive.time(9 * oneDay),
            wall: try drive.time(9 * oneDay)
        )
        #expect(try drive.act(drive.certificate(1, clock: ahead))?.rule == .erasedLocked)
        drive = try ended()
        #expect(try drive.act(extended(1, firm(9))) == nil)
        #expect(try drive.act(drive.certificate(1))?.rule == .erasedLocked)
    }

    @Test func nothingIsErasedUnderAHold() throws {
        let matter = try Matter("case")
        var drive = try ended()
        #expect(try drive.act(.holdPlaced(matter, .records(ranges(1)))) == nil)
        let held = drive
        #expect(try drive.act(drive.certificate(1))?.rule == .erasedHeld)
        drive = held
        #expect(try drive.act(.holdReleased(matter, records: nil)) == nil)
        #expect(try drive.act(drive.certificate(1)) == nil)
        drive = try ended()
        #expect(try drive.act(drive.selection([2], prefix: "n/2", isStanding: true)) == nil)
        #expect(try drive.act(drive.certificate(1)) == nil)
        let chosen = drive
        #expect(try drive.act(drive.certificate(2))?.rule == .erasedHeld)
        drive = chosen
        // What comes later is held too.
        #expect(try drive.put(firm(4), name: "n/22") == nil)
        drive.now += 9 * oneDay
        let later = drive.next - 1
        #expect(try drive.act(drive.certificate(later))?.rule == .erasedHeld)
    }

    @Test func aCertificateSaysWhatIsSo() throws {
        let start = try ended()
        var drive = start
        let other = Samples.digest(of: "other")
        #expect(try drive.act(drive.certificate(1, digest: other))?.rule == .certificate)
        drive = start
        #expect(try drive.act(drive.certificate(1, lock: firm(1)))?.rule == .certificate)
        drive = start
        let history = [RecordIndex(2)]
        #expect(try drive.act(drive.certificate(1, history: history))?.rule == .certificate)
        drive = start
        #expect(try drive.act(drive.certificate(1, 5))?.rule == .certificate)
        drive = start
        let ahead = ClockReading(compliance: try drive.time(1), wall: try drive.time())
        #expect(try drive.act(drive.certificate(1, clock: ahead))?.rule == .certificate)
        drive = start
        #expect(
            try drive.act(.payloadPurged(erasure: RecordIndex(3), copy: "local", count: 1))?.rule
                == .purge
        )
    }

    @Test func longRangesAreReadInPieces() throws {
        var drive = try AuditDrive()
        for _ in 0..<3_000 { #expect(try drive.put(firm(2)) == nil) }
        let all = IndexRanges((1...3_000).map { RecordIndex($0) })
        #expect(try drive.act(.lockExtended(records: all, lock: firm(3))) == nil)
        let many = IndexRanges((1...3_001).map { RecordIndex($0) })
        let violation = try drive.act(.lockExtended(records: many, lock: firm(4)))
        #expect(violation?.subject == RecordIndex(3_001))
    }

    // MARK: Holds

    @Test func aSelectionSaysWhatMatches() throws {
        let start = try ended()
        for (matches, prefix, isRight) in [
            ([1, 2, 3, 4], nil, true), ([3], "n/3", true), ([], "x", false), ([3], "n/", false),
            ([4], "n/3", false), ([1, 2, 3], nil, false), ([1, 2, 3, 5], nil, false),
        ] as [([UInt64], String?, Bool)] {
            var drive = start
            let act = try drive.selection(matches, prefix: prefix, isStanding: true)
            let rule = try drive.act(act)?.rule
            #expect(
                rule == (isRight || matches.isEmpty ? nil : .hold),
                "\(matches) \(prefix ?? "")"
            )
        }
        var drive = start
        #expect(try drive.act(.holdPlaced(Matter("m"), .records(ranges(0))))?.rule == .hold)
    }

    @Test func whatSealedRecordsHideIsCounted() throws {
        var drive = try AuditDrive()
        for number in 1...3 {
            #expect(try drive.put(firm(2), name: "n/\(number)", isSealed: number > 1) == nil)
        }
        let start = drive
        #expect(try drive.act(drive.selection([1, 2, 3])) == nil)
        #expect(drive.audit.unjudged.isEmpty)
        drive = start
        #expect(try drive.act(drive.selection([1, 2], prefix: "n/")) == nil)
        #expect(drive.audit.unjudged == LogAudit.Unjudged(holds: 1, erasures: 0))
        drive.now += 3 * oneDay
        #expect(try drive.act(drive.certificate(2)) == nil)
        #expect(drive.audit.unjudged == LogAudit.Unjudged(holds: 1, erasures: 1))
        drive = start
        #expect(try drive.act(drive.selection([1, 2, 3, 4], prefix: "n/"))?.rule == .hold)
    }

    // MARK: Census

    @Test func aCensusCountsAll() throws {
        var drive = try AuditDrive()
        for _ in 0..<3 { #expect(try drive.put(soft()) == nil) }
        #expect(try drive.put(soft(), in: "b") == nil)
        let start = drive
        #expect(try drive.act(drive.census(["a": (3, 3), "b": (1, 4)])) == nil)
        let counted = drive
        for entries: [String: (count: UInt64, last: UInt64)] in [
            ["a": (2, 3), "b": (1, 4)], ["a": (3, 2), "b": (1, 4)], ["a": (3, 3)],
            ["a": (3, 3), "b": (1, 4), "c": (1, 1)],
        ] {
            drive = start
            #expect(try drive.act(drive.census(entries))?.rule == .census, "\(entries)")
        }
        // What came behind the place up to which it counts does not count.
        drive = start
        #expect(try drive.act(drive.census(["a": (2, 2)], before: 3)) == nil)
        drive = start
        #expect(try drive.act(drive.census(["a": (2, 1)], before: 3))?.rule == .census)
        // The next one names what has changed.
        drive = counted
        #expect(try drive.put(soft(), in: "b") == nil)
        let changed = drive
        #expect(try drive.act(drive.census(["b": (2, 6)])) == nil)
        drive = changed
        #expect(try drive.act(drive.census(["a": (3, 3)]))?.rule == .census)
    }
}
