import EvidenceModel
import Testing
import TransparencyLog

@Suite struct TokenRuleTests {
    private func grant(
        _ name: String,
        _ role: Role,
        rights: Set<Right> = [],
        in collections: [String]? = nil,
        expires: Int64? = nil
    ) throws -> AccessGrant {
        AccessGrant(
            name: try PrincipalName(name),
            role: role,
            rights: rights,
            collections: try collections.map { try Set($0.map { try CollectionName($0) }) },
            expires: expires.flatMap { Timestamp(milliseconds: Ledger.start + $0) }
        )
    }

    private func bearer(_ name: String, _ ledger: Ledger) throws -> Principal {
        try #require(ledger.state.principal(named: PrincipalName(name), at: ledger.clock))
    }

    @Test func aTokenIsWhatTheLogSaysOfIt() throws {
        var ledger = try Ledger()
        #expect(!ledger.state.hasTokens)
        let first = try grant("ada", .admin)
        let ruling = try ledger.propose(.createToken(first), by: .anonymous, nil)
        #expect(ruling.acts == [.accessChanged(.created(first))])
        let ada = try bearer("ada", ledger)
        #expect(ada.role == .admin && ada.collections == nil && ada.rights.isEmpty)
        let scoped = try grant("bob", .retention, rights: [.bypass], in: ["a"], expires: oneDay)
        try ledger.propose(.createToken(scoped), by: ada, nil)
        let bob = try bearer("bob", ledger)
        #expect(bob.may(.bypass, in: try CollectionName("a")) && !bob.may(.bypass))
        #expect(ledger.state.tokens.map(\.name.text) == ["ada", "bob"])
        #expect(ledger.state.tokens[1].createdBy == ada.name)
        #expect(ledger.state.tokens[1].created == RecordIndex(1_001))
        #expect(ledger.state.hasTokens)
    }

    @Test func aTokenEndsByRevocationOrDate() throws {
        var ledger = try Ledger()
        let ada = try Persons.admin()
        try ledger.propose(.createToken(grant("t1", .admin)), by: ada, nil)
        try ledger.propose(.createToken(grant("t2", .admin, expires: oneDay)), by: ada, nil)
        let (t1, t2) = (try bearer("t1", ledger), try bearer("t2", ledger))
        let name = try PrincipalName("t1")
        let revocation = try ledger.propose(.revokeToken(name), by: t2, nil)
        #expect(revocation.acts == [.accessChanged(.revoked(name))])
        #expect(ledger.state.principal(named: name, at: ledger.clock) == nil)
        let gone = Refusal.tokenRevoked(name, by: RecordIndex(1_002))
        // Between the request and its decision it was revoked, or it expired.
        #expect(try ledger.refusal(.revokeToken(t2.name), by: t1) == gone)
        let before = Refusal.revokedBefore(name, by: RecordIndex(1_002))
        #expect(try ledger.refusal(.revokeToken(name), by: t2) == before)
        let reused = try grant("t1", .writer)
        #expect(try ledger.refusal(.createToken(reused), by: t2) == .tokenExists(name))
        try ledger.setClock(oneDay - 1, wall: oneDay - 1)
        #expect(ledger.state.principal(named: t2.name, at: ledger.clock) != nil)
        try ledger.setClock(0, wall: oneDay)
        #expect(ledger.state.principal(named: t2.name, at: ledger.clock) == nil, "the later clock")
        let refusal = try ledger.refusal(.createToken(grant("t3", .writer)), by: t2)
        let end = try #require(Timestamp(milliseconds: Ledger.start + oneDay))
        #expect(refusal == .tokenExpired(t2.name, end) && refusal?.category == .forbidden)
    }

    @Test func tokensThatCannotBe() throws {
        let ledger = try Ledger()
        let ada = try Persons.admin()
        func refusal(_ grant: AccessGrant) throws -> Refusal? {
            try ledger.refusal(.createToken(grant), by: ada, nil)
        }
        for name in ["anonymous", "local", "strongroom"] {
            let expected = Refusal.tokenNameReserved(try PrincipalName(name))
            #expect(try refusal(grant(name, .writer)) == expected)
        }
        for role in [Role.writer, .auditor] {
            let found = try refusal(grant("x", role, rights: [.bypass]))
            #expect(found == .roleWithoutBypass(role))
        }
        let now = ledger.clock.granting
        for expires: Int64 in [0, -1] {
            let wanted = try grant("x", .writer, expires: expires)
            #expect(try refusal(wanted) == .tokenExpiryPast(#require(wanted.expires), now: now))
        }
        #expect(try refusal(grant("x", .writer, expires: 1)) == nil)
        let many = (0..<257).map { "c\($0)" }
        #expect(try refusal(grant("x", .writer, in: many)) == .tokenCollections(maximum: 256))
        #expect(try refusal(grant("x", .writer, in: [])) == .tokenCollections(maximum: 256))
        #expect(try refusal(grant("x", .writer, in: many.dropLast())) == nil)
        let nobody = try PrincipalName("nobody")
        #expect(try ledger.refusal(.revokeToken(nobody), by: ada) == .tokenUnknown(nobody))
    }

    /// With the first token the server asks everybody for one: it must be able to make others.
    @Test func theFirstTokenIsAnAdmin() throws {
        var ledger = try Ledger()
        for wrong in [try grant("x", .writer), try grant("x", .admin, in: ["a"])] {
            let found = try ledger.refusal(.createToken(wrong), by: .anonymous)
            #expect(found == .firstTokenNotAdmin)
        }
        // On the machine itself any token can be made, at any time.
        #expect(try ledger.refusal(.createToken(grant("x", .writer)), by: .local, nil) == nil)
        try ledger.propose(.createToken(grant("ada", .admin)), by: .anonymous)
        for proposal in [
            ActProposal.createToken(try grant("eve", .admin)), .close,
            .setPolicy(try CollectionName("a"), .standard),
        ] {
            #expect(try ledger.refusal(proposal, by: .anonymous)?.category == .forbidden)
        }
        #expect(try ledger.refusal(.createToken(grant("x", .writer)), by: .local, nil) == nil)
    }

    @Test func aScopedAdminStaysWithinItsScope() throws {
        var ledger = try Ledger()
        let ada = try Persons.admin()
        try ledger.propose(.createToken(grant("wide", .writer)), by: ada)
        try ledger.propose(.createToken(grant("own", .writer, in: ["a"])), by: ada)
        let scoped = try Persons.bearer("scoped", .admin, in: ["a", "b"])
        for (collections, isAllowed) in [
            (["a"], true), (["a", "b"], true), (["c"], false), (["a", "c"], false), (nil, false),
        ] as [([String]?, Bool)] {
            let found = try ledger.refusal(
                .createToken(grant("x", .writer, in: collections)),
                by: scoped
            )
            #expect(found == (isAllowed ? nil : .tokenBeyondScope(scoped.name)))
        }
        #expect(
            try ledger.refusal(.revokeToken(PrincipalName("wide")), by: scoped)
                == .tokenBeyondScope(scoped.name)
        )
        #expect(try ledger.refusal(.revokeToken(PrincipalName("own")), by: scoped) == nil)
        for proposal in [
            ActProposal.close, .resync(firstBy: ada, firstReason: try Reason("r")),
        ] {
            #expect(try ledger.refusal(proposal, by: scoped)?.category == .forbidden)
        }
    }
}

@Suite struct ResyncRuleTests {
    /// A log with two admins made on the machine, and one that the first of them made.
    private func ledger(founders: [String] = []) throws -> Ledger {
        var ledger = try Ledger(founders: founders)
        for (name, maker) in [("ada", PrincipalName.local), ("bob", .local)] {
            let grant = AccessGrant(name: try PrincipalName(name), role: .admin)
            try ledger.write(.accessChanged(.created(grant)), by: maker)
        }
        let child = AccessGrant(name: try PrincipalName("cid"), role: .admin)
        try ledger.write(.accessChanged(.created(child)), by: PrincipalName("ada"))
        try ledger.setClock(0, wall: 3_650 * oneDay)
        return ledger
    }

    private func ask(_ first: String, _ second: String, _ ledger: inout Ledger) throws -> Ruling {
        let first = try #require(
            ledger.state.principal(named: PrincipalName(first), at: ledger.clock)
        )
        let second = try #require(
            ledger.state.principal(named: PrincipalName(second), at: ledger.clock)
        )
        return try ledger.propose(
            .resync(firstBy: first, firstReason: Reason("one")),
            by: second,
            "two"
        )
    }

    @Test func twoPersonsMoveTheClockToTheWall() throws {
        var ledger = try ledger()
        let ruling = try ask("ada", "bob", &ledger)
        let wall = try #require(ledger.clock.wall)
        #expect(
            ruling.acts == [
                .clockResynced(
                    from: ledger.clock.compliance,
                    to: wall,
                    by: .persons(
                        with: try PrincipalName("ada"),
                        firstReason: try Reason("one")
                    )
                )
            ]
        )
        _ = try ask("bob", "cid", &ledger)
    }

    @Test func onePersonIsNotTwo() throws {
        var ledger = try ledger()
        for (first, second) in [("ada", "ada"), ("ada", "cid"), ("cid", "ada")] {
            let expected = Refusal.samePerson(
                first: try PrincipalName(first),
                second: try PrincipalName(second)
            )
            #expect(throws: expected) { try ask(first, second, &ledger) }
        }
    }

    /// With founders, tokens that are made on the machine and bear no founder's name are all of one
    /// person: whoever may write there.
    @Test func foundersCountAsPersons() throws {
        var named = try ledger(founders: ["ada", "Zoë"])
        _ = try ask("ada", "bob", &named)
        var strange = try ledger(founders: ["Zoë"])
        #expect(throws: Refusal.self) { try ask("ada", "bob", &strange) }
        #expect(
            strange.state.chain(of: try PrincipalName("cid")).map(\.text) == [
                "cid", "ada", "local",
            ]
        )
        #expect(named.state.chain(of: try PrincipalName("cid")).map(\.text) == ["cid", "ada"])
    }

    @Test func theClockNeverGoesBack() throws {
        var ledger = try ledger()
        for wall: Int64? in [0, -1, -3_650 * oneDay, nil] {
            try ledger.setClock(0, wall: wall)
            #expect(throws: Refusal.clockNotBehind(ledger.clock)) {
                try ask("ada", "bob", &ledger)
            }
        }
        try ledger.setClock(0, wall: 1)
        _ = try ask("ada", "bob", &ledger)
    }

    @Test func bothMustBeAllowedTo() throws {
        var ledger = try ledger()
        let writer = try Persons.bearer("wri", .writer)
        let ada = try #require(
            ledger.state.principal(named: PrincipalName("ada"), at: ledger.clock)
        )
        let reason = try Reason("r")
        #expect(
            try ledger.refusal(.resync(firstBy: writer, firstReason: reason), by: ada)
                == .notPermitted(writer.name, .resyncClock, collection: nil)
        )
        #expect(
            try ledger.refusal(.resync(firstBy: ada, firstReason: reason), by: writer)?.category
                == .forbidden
        )
        #expect(
            try ledger.refusal(.resync(firstBy: ada, firstReason: reason), by: .anonymous)
                == .needsTokens(.resyncClock)
                || ledger.state.hasTokens
        )
        let bob = try #require(
            ledger.state.principal(named: PrincipalName("bob"), at: ledger.clock)
        )
        #expect(
            try ledger.refusal(.resync(firstBy: ada, firstReason: reason), by: bob, nil)
                == .reasonMissing
        )
        try ledger.propose(.revokeToken(ada.name), by: bob)
        #expect(
            try ledger.refusal(.resync(firstBy: ada, firstReason: reason), by: bob)?.category
                == .forbidden
        )
    }
}

@Suite struct AdmissionTests {
    private func proposals() throws -> [(ActProposal, Principal)] {
        let (admin, facts) = (
            try Persons.admin(), try Facts.record(3, Facts.lock(.governance, 1_000))
        )
        let (matter, reason) = (try Matter("case-1"), try Reason("r"))
        let bob = try Persons.bearer("bob", .admin)
        return [
            (.setPolicy(facts.collection, .standard), admin),
            (.extendLock(facts, LockExtension(mode: .compliance)), admin),
            (.recordEvent(try EventName("e"), at: nil, [facts]), admin),
            (.placeHold(matter, .records(ranges(3)), [facts]), admin),
            (.releaseHold(matter, nil), admin), (.erase([facts]), .system),
            (.bypass([facts]), try Persons.bypasser()),
            (.purged(erasure: RecordIndex(1), copy: "local"), .system),
            (.resync(firstBy: bob, firstReason: reason), admin),
            (.createToken(AccessGrant(name: try PrincipalName("t"), role: .writer)), admin),
            (.revokeToken(try PrincipalName("t")), admin),
            (.census(before: RecordIndex(9), [:]), .system),
            (.accessDigest(count: 0, head: Samples.digest(of: ""), day: "2026-11-21"), .system),
            (.close, admin), (.addTarget(try Targets.description("s3")), admin),
            (.probedTarget(try TargetName("s3"), Targets.report(.enforced)), .system),
            (.changePhase(try Targets.change("s3", .local, .dual)), admin),
            (.removeTarget(try TargetName("s3")), admin),
        ]
    }

    @Test func afterTheEndNothingFollows() throws {
        var ledger = try Ledger()
        try ledger.propose(.close, by: Persons.admin())
        #expect(ledger.state.closed == RecordIndex(1_000))
        for (proposal, principal) in try proposals() {
            let found = try ledger.refusal(proposal, by: principal)
            #expect(found == .logClosed(RecordIndex(1_000)))
            #expect(found?.category == .closed)
        }
    }

    @Test func whatDependsOnTimeWaitsForTheClocks() throws {
        var ledger = try Ledger()
        try ledger.setClock(0, wall: oneDay + 1)
        var waiting: [Int] = []
        for (number, (proposal, principal)) in try proposals().enumerated() {
            let found = try ledger.refusal(proposal, by: principal)
            if found?.category == .clockUnsettled { waiting.append(number) }
        }
        #expect(waiting == [1, 2, 5, 6], "locks, events and erasures")
    }

    @Test func whoeverMayNotIsRefusedFirst() throws {
        let ledger = try Ledger()
        let writer = try Persons.bearer("wri", .writer)
        for (proposal, _) in try proposals() {
            #expect(try ledger.refusal(proposal, by: writer, nil)?.category == .forbidden)
        }
    }

    @Test func personsSayWhy() throws {
        let ledger = try Ledger()
        var silent: [Int] = []
        for (number, (proposal, principal)) in try proposals().enumerated()
        where try ledger.refusal(proposal, by: principal, nil) == .reasonMissing {
            silent.append(number)
        }
        #expect(silent == [1, 2, 3, 4, 6, 8, 13, 16, 17])
    }

    @Test func aPolicyIsSetOnce() throws {
        var ledger = try Ledger()
        let (admin, name) = (try Persons.admin(), try CollectionName("a"))
        let lenient = CollectionPolicy(defaults: .standard)
        let ruling = try ledger.propose(.setPolicy(name, lenient), by: admin, nil)
        // What is set grants no weaker mode than its own.
        let strict = CollectionPolicy(retention: .standard)
        #expect(ruling.acts == [.policySet(name, strict)])
        #expect(ledger.state.policy(for: name) == strict)
        #expect(ledger.state.policyIndex(for: name) == RecordIndex(1_000))
        #expect(ledger.state.policies.map(\.collection) == [name])
        #expect(try ledger.propose(.setPolicy(name, strict), by: admin, nil).acts.isEmpty)
        let other = try CollectionName("other")
        #expect(ledger.state.policy(for: other) == .standard)
        #expect(ledger.state.policy(for: other, defaults: strict) == strict)
        #expect(ledger.state.policyIndex(for: other) == nil)
        let scoped = try Persons.bearer("scoped", .admin, in: ["a"])
        #expect(try ledger.refusal(.setPolicy(other, strict), by: scoped)?.category == .forbidden)
    }
}
