import EvidenceModel
import Testing
import TransparencyLog

/// Who may do what with targets, and when.
@Suite struct TargetRuleTests {
    private func name(_ text: String) throws -> TargetName { try TargetName(text) }

    private func add(_ name: String, to ledger: inout Ledger) throws {
        try ledger.propose(.addTarget(Targets.description(name)), by: Persons.admin(), nil)
    }

    @Test func aTargetIsKnownFromItsRecordOn() throws {
        var ledger = try Ledger()
        #expect(ledger.state.targets.isEmpty)
        let description = try Targets.description("s3")
        let ruling = try ledger.propose(.addTarget(description), by: Persons.admin(), nil)
        #expect(ruling.acts == [.targetAdded(description)])
        let target = try #require(ledger.state.targets[try name("s3")])
        #expect(target.description == description && target.name == description.name)
        #expect(target.added == RecordIndex(1_000) && target.phase == .local)
        #expect(target.lastPhase == nil && target.lastProbe == nil)
    }

    @Test func aNameIsNeverGivenAgain() throws {
        var ledger = try Ledger()
        let admin = try Persons.admin()
        try add("s3", to: &ledger)
        let again = ActProposal.addTarget(try Targets.description("s3", prefix: "other/"))
        #expect(try ledger.refusal(again, by: admin) == .targetExists(try name("s3")))
        let ruling = try ledger.propose(.removeTarget(name("s3")), by: admin)
        #expect(ruling.acts == [.targetRemoved(try name("s3"))])
        #expect(ledger.state.targets.isEmpty)
        #expect(try ledger.refusal(again, by: admin) == .targetExists(try name("s3")))
        // Its place is free.
        try ledger.propose(.addTarget(Targets.description("s4", prefix: "s3/")), by: admin)
    }

    @Test func thereAreAtMostEight() throws {
        var ledger = try Ledger()
        for number in 1...LogState.maximumTargetCount { try add("t\(number)", to: &ledger) }
        #expect(LogState.maximumTargetCount == 8)
        let ninth = ActProposal.addTarget(try Targets.description("t9"))
        #expect(try ledger.refusal(ninth, by: Persons.admin()) == .tooManyTargets(maximum: 8))
        try ledger.propose(.removeTarget(name("t3")), by: Persons.admin())
        try ledger.propose(ninth, by: Persons.admin())
    }

    @Test func objectsOfTwoTargetsDoNotStandAmongEachOther() throws {
        var ledger = try Ledger()
        let admin = try Persons.admin()
        try ledger.propose(.addTarget(Targets.description("s3", prefix: "a/b/")), by: admin)
        for (prefix, isFree) in [
            ("a/b/", false), ("a/", false), ("", false), ("a/b/c/", false), ("a/bc/", true),
            ("b/", true), ("a/c/", true),
        ] {
            let found = try ledger.refusal(
                .addTarget(Targets.description("new", prefix: prefix)),
                by: admin
            )
            #expect(found == (isFree ? nil : .targetPlaceTaken(by: try name("s3"))), "\(prefix)")
        }
        // Another region of Amazon's, another endpoint, another bucket: another place.
        let here = try Targets.description("new", prefix: "")
        var elsewhere = here
        elsewhere.region = "us-east-1"
        #expect(try ledger.refusal(.addTarget(elsewhere), by: admin) == nil)
        elsewhere = here
        elsewhere.endpoint = "https://s3.example.org"
        #expect(try ledger.refusal(.addTarget(elsewhere), by: admin) == nil)
        try ledger.propose(.addTarget(elsewhere), by: admin)
        // With an endpoint the region is only what requests are signed for.
        var same = elsewhere
        same.region = "us-east-1"
        same.kmsKey = "k"
        let other = TargetDescription(
            name: try name("third"),
            bucket: "another",
            region: here.region,
            logRetention: here.logRetention
        )
        #expect(try ledger.refusal(.addTarget(other), by: admin) == nil)
        #expect(try ledger.refusal(.addTarget(same), by: admin) == .targetExists(same.name))
    }

    @Test func adminsManageTargetsAndTheLogReports() throws {
        var ledger = try Ledger()
        try add("s3", to: &ledger)
        let token = AccessGrant(name: try PrincipalName("ada"), role: .admin)
        try ledger.propose(.createToken(token), by: .local)
        let managed: [ActProposal] = [
            .addTarget(try Targets.description("new")),
            .changePhase(try Targets.change("s3", .local, .dual)),
            .removeTarget(try name("s3")),
        ]
        let reported = ActProposal.probedTarget(try name("s3"), Targets.report(.enforced))
        for role in Role.allCases {
            let bearer = try Persons.bearer("x", role, bypass: true)
            let scoped = try Persons.bearer("x", role, in: ["a"])
            for proposal in managed {
                let found = try ledger.refusal(proposal, by: bearer)
                #expect((found == nil) == (role == .admin), "\(role)")
                #expect(try ledger.refusal(proposal, by: scoped)?.category == .forbidden)
            }
            #expect(
                try ledger.refusal(reported, by: bearer) == .onlyTheLogItself(bearer.name)
            )
        }
        for proposal in managed {
            for principal in [Principal.anonymous, .local, .system] {
                #expect(try ledger.refusal(proposal, by: principal)?.category == .forbidden)
            }
        }
        #expect(try ledger.refusal(reported, by: .system, nil) == nil)
        // Without tokens whoever talks to the server may.
        let open = try Ledger()
        #expect(try open.refusal(managed[0], by: .anonymous, nil) == nil)
    }

    @Test func aChangeTakesAReason() throws {
        var ledger = try Ledger()
        try add("s3", to: &ledger)
        for proposal in [
            ActProposal.changePhase(try Targets.change("s3", .local, .dual)),
            .removeTarget(try name("s3")),
        ] {
            #expect(try ledger.refusal(proposal, by: Persons.admin(), nil) == .reasonMissing)
        }
    }

    // MARK: Probes

    @Test func theNewestProbeCounts() throws {
        var ledger = try Ledger()
        try add("s3", to: &ledger)
        for finding in [ProbeReport.Finding.ignored, .enforced] {
            let report = Targets.report(finding, "told")
            let ruling = try ledger.propose(.probedTarget(name("s3"), report), by: .system, nil)
            #expect(ruling.acts == [.targetProbed(try name("s3"), report)])
            let probe = try #require(ledger.state.targets[try name("s3")]?.lastProbe)
            #expect(probe.report == report && probe.at == ledger.clock.granting)
            #expect(probe.index.value == ledger.next.value - 1)
            #expect(probe.report.isCompliant == (finding == .enforced))
        }
        let unknown = ActProposal.probedTarget(try name("s4"), Targets.report(.enforced))
        #expect(try ledger.refusal(unknown, by: .system) == .targetUnknown(try name("s4")))
    }

    // MARK: Phases

    /// Every change in every phase.
    @Test func aTargetWalksOneStepAtATime() throws {
        let walk = TargetPhase.allCases
        #expect(walk == [.local, .dual, .s3Primary, .localBackup])
        for present in walk.indices {
            var ledger = try Ledger()
            let admin = try Persons.admin()
            try add("s3", to: &ledger)
            for place in 0..<present {
                let change = try Targets.change("s3", walk[place], walk[place + 1])
                try ledger.propose(.changePhase(change), by: admin)
            }
            let target = try #require(ledger.state.targets[try name("s3")])
            #expect(target.phase == walk[present])
            #expect(target.lastPhase == (present > 0 ? RecordIndex(1_000 + UInt64(present)) : nil))
            for (from, to) in walk.indices.flatMap({ from in walk.indices.map { (from, $0) } }) {
                let change = try Targets.change("s3", walk[from], walk[to])
                let expected: Refusal? =
                    if to == present {
                        nil  // it is there already
                    } else if from != present {
                        .targetInPhase(target.name, target.phase)
                    } else if abs(from - to) != 1 {
                        .phaseNotNext(from: walk[from], to: walk[to])
                    } else {
                        nil
                    }
                var next = ledger
                #expect(try next.refusal(.changePhase(change), by: admin) == expected)
                guard expected == nil else { continue }
                let acts = try next.propose(.changePhase(change), by: admin).acts
                #expect(acts == (to == present ? [] : [.targetPhase(change)]))
                #expect(next.state.targets[target.name]?.phase == walk[to])
            }
        }
    }

    @Test func aChangeTellsOfEqualSidesThatExist() throws {
        var ledger = try Ledger()
        let admin = try Persons.admin()
        try add("s3", to: &ledger)
        func change(size: UInt64, differences: UInt64, isEqual: Bool) throws -> ActProposal {
            .changePhase(
                TargetPhaseChange(
                    target: try name("s3"),
                    from: .local,
                    to: .dual,
                    size: TreeSize(size),
                    localRoot: Facts.leafHash(1),
                    targetRoot: Facts.leafHash(isEqual ? 1 : 2),
                    differences: differences
                )
            )
        }
        for (size, differences, isEqual) in [(0, 0, true), (9, 1, true), (9, 0, false)]
            as [(UInt64, UInt64, Bool)]
        {
            let proposal = try change(size: size, differences: differences, isEqual: isEqual)
            guard case .malformed? = try ledger.refusal(proposal, by: admin) else {
                Issue.record("\(size) \(differences) \(isEqual)")
                continue
            }
        }
        let ahead = try change(size: ledger.next.value + 1, differences: 0, isEqual: true)
        #expect(
            try ledger.refusal(ahead, by: admin)
                == .comparisonAhead(size: TreeSize(1_002), next: RecordIndex(1_001))
        )
        let all = try change(size: ledger.next.value, differences: 0, isEqual: true)
        #expect(try ledger.refusal(all, by: admin) == nil)
        let unknown = ActProposal.changePhase(try Targets.change("s4", .local, .dual))
        #expect(try ledger.refusal(unknown, by: admin) == .targetUnknown(try name("s4")))
    }

    @Test func wherePayloadsMayStandOnlyThereATargetStays() throws {
        var ledger = try Ledger()
        let admin = try Persons.admin()
        let walk = TargetPhase.allCases
        try add("s3", to: &ledger)
        for place in walk.indices {
            let found = try ledger.refusal(.removeTarget(name("s3")), by: admin)
            let isFree = walk[place] != .s3Primary
            #expect(found == (isFree ? nil : .targetHoldsPayloads(try name("s3"))))
            guard place + 1 < walk.count else { break }
            let change = try Targets.change("s3", walk[place], walk[place + 1])
            try ledger.propose(.changePhase(change), by: admin)
        }
        #expect(
            try ledger.refusal(.removeTarget(name("s4")), by: admin)
                == .targetUnknown(try name("s4"))
        )
    }
}
