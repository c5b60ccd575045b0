import Cryptography
import EvidenceModel
import Testing
import TransparencyLog

@testable import strongroom

/// What a report answers, on logs that are made by hand.
@Suite struct ReportRuleTests {
    private typealias Drive = ReportDrive

    private func answers(
        _ facts: ReportFacts,
        _ attestations: ReportAttestations? = nil
    ) throws -> [String: ReportAnswer] {
        let report = Report(facts, try attestations ?? Drive.alone())
        return Dictionary(uniqueKeysWithValues: report.answers.map { ($0.question.id, $0.answer) })
    }

    private func answer(_ id: String, _ drive: ReportDrive) throws -> ReportAnswer {
        try #require(try answers(drive.facts())[id])
    }

    private func records(_ answer: ReportAnswer) -> [UInt64] { answer.records.flatMap(Array.init) }

    /// A log in which much has happened and nothing is wrong.
    private func full() throws -> ReportDrive {
        var drive = try Drive()
        try drive.policy()
        try drive.token("byp", bypass: true)
        try drive.target()
        try drive.probe(.enforced)
        try drive.phase()
        try drive.put(Drive.lock(.compliance, days: 4_000))
        drive.now += Drive.day
        return drive
    }

    /// Logs that reach verdicts; the name says what is in it.
    private func stories() throws -> [String: ReportDrive] {
        var stories = ["empty": try Drive(from: 500, to: 600), "made": try Drive()]
        stories["full"] = try full()
        var drive = try full()
        let weak = try Drive.lock(.governance, days: 2)
        try drive.put(weak, in: "b")
        try drive.act(
            .lockExtended(
                records: IndexRanges(RecordIndex(7)),
                lock: try Drive.lock(.governance, days: 3)
            )
        )
        try drive.hold(6)
        try drive.act(.holdReleased(try Matter("case/1"), records: nil))
        try drive.act(.lockBypassed(records: IndexRanges(RecordIndex(7))), by: "byp")
        try drive.erase(7, ground: .bypass(RecordIndex(drive.next - 1)))
        try drive.act(
            .accessDigest(count: 4, head: SHA256.hash([1].span), day: "2030-01-01"),
            by: "strongroom"
        )
        try drive.act(
            .accessExported(
                EvidenceExport(
                    selection: try ExportSelection(),
                    before: RecordIndex(1),
                    count: 0,
                    digest: SHA256.hash([2].span),
                    verifier: SHA256.hash([3].span)
                )
            )
        )
        stories["busy"] = drive
        let erasure = RecordIndex(drive.next - 3)
        var purged = drive
        for copy in ["local", "s3"] {
            let objects = copy == "local" ? nil : PurgedObjects([(key: String, version: String)]())
            try purged.act(
                .payloadPurged(erasure: erasure, copy: copy, count: 1, objects: objects),
                by: "strongroom"
            )
        }
        stories["purged"] = purged
        var late = drive
        late.now += 40 * Drive.day
        try late.put(weakest(late))
        stories["late"] = late
        var sealed = try full()
        let ended = try Drive.lock(.compliance, days: 2)
        try sealed.put(ended, name: "x", isSealed: true)
        try sealed.act(
            .holdPlaced(
                try Matter("case/2"),
                .selection(
                    try Selection(collection: CollectionName("a"), namePrefix: "x"),
                    before: RecordIndex(sealed.next),
                    count: 0,
                    digest: SelectionDigest().finalize(),
                    isStanding: false
                )
            )
        )
        sealed.now += 5 * Drive.day
        stories["sealed"] = sealed
        try sealed.erase(7)
        stories["sealed erased"] = sealed
        var due = try full()
        try due.put(ended)
        due.now += 5 * Drive.day
        try due.policy()
        stories["due"] = due
        var failing = try full()
        try failing.probe(.ignored)
        stories["failing"] = failing
        var added = try Drive()
        try added.target()
        stories["added"] = added
        let older = try Drive.signer("log.example/older", seed: 8)
        let last = try Checkpoint(
            origin: "log.example/older",
            size: .zero,
            root: MerkleTree.emptyRoot
        )
        let predecessor = try Predecessor(
            checkpoint: SignedCheckpoint.sign(last, by: older).encoded,
            keys: [older.verifierKey],
            lost: nil
        )
        stories["successor"] = try Drive(predecessor: predecessor)
        var rotated = try full()
        try rotated.rotate()
        stories["rotated"] = rotated
        var moved = try full()
        try moved.token("ann")
        try moved.token("bob")
        let (from, to) = (try Drive.time(0), try Drive.time(Drive.day * 9))
        try moved.act(
            .clockResynced(
                from: from,
                to: to,
                by: .persons(
                    with: try PrincipalName("ann"),
                    firstReason: try Reason("a battery")
                )
            ),
            by: "bob"
        )
        stories["moved"] = moved
        for (name, story) in stories { #expect(story.finding == nil, "\(name)") }
        return stories
    }

    private func weakest(_ drive: ReportDrive) throws -> Lock {
        try Drive.lock(.compliance, days: 4_000)
    }

    // MARK: Reachability

    /// What each question may say apart from findings, which make each with rules not met.
    private static let reachable: [String: Set<Verdict>] = [
        "whole-log": [.met],
        "completeness": [.met, .noOccurrence],
        "trail": [.met, .noOccurrence],
        "evidence-taken": [.recorded, .noOccurrence],
        "clock": [.met, .noOccurrence],
        "keys": [.recorded, .noOccurrence],
        "configuration": [.recorded, .noOccurrence],
        "incidents": [.cannotBeAnswered, .noOccurrence],
        "recovery": [.recorded, .noOccurrence],
        "witnesses": [.met, .notMet, .cannotBeAnswered],
        "timestamps": [.met, .notMet, .cannotBeAnswered, .noOccurrence],
        "policies": [.met, .cannotBeAnswered, .noOccurrence],
        "locks-granted": [.met, .noOccurrence],
        "firmness": [.met, .cannotBeAnswered, .noOccurrence],
        "locks-kept": [.met, .noOccurrence],
        "five-years": [.met, .cannotBeAnswered, .noOccurrence],
        "six-years": [.met, .cannotBeAnswered, .noOccurrence],
        "holds": [.recorded, .noOccurrence],
        "holds-kept": [.met, .cannotBeAnswered, .noOccurrence],
        "erasures": [.met, .noOccurrence],
        "bypasses": [.cannotBeAnswered, .noOccurrence],
        "purges": [.met, .notMet, .cannotBeAnswered, .noOccurrence],
        "due": [.met, .cannotBeAnswered, .noOccurrence],
        "tokens": [.recorded, .noOccurrence],
        "access-digests": [.met, .noOccurrence],
        "exports": [.recorded, .noOccurrence],
        "second-copy": [.met, .cannotBeAnswered],
        "probes": [.met, .notMet, .cannotBeAnswered, .noOccurrence],
    ]

    @Test func everyVerdictIsReached() throws {
        var reached: [String: Set<Verdict>] = [:]
        for (_, drive) in try stories() {
            for attestations in try Drive.attested() {
                for (id, answer) in try answers(drive.facts(), attestations) {
                    reached[id, default: []].insert(answer.verdict)
                }
            }
        }
        for (id, verdicts) in Self.reachable {
            #expect(reached[id] == verdicts, "\(id)")
        }
        #expect(Set(reached.keys) == Set(Self.reachable.keys))
    }

    @Test func everyControlSaysYesNoAndDoesNotKnow() throws {
        var reached: [String: Set<Verdict>] = [:]
        func add(_ report: Report) {
            for judged in report.controls {
                let name = judged.control.framework + judged.control.paragraph
                reached[name, default: []].insert(judged.verdict)
            }
        }
        for (_, drive) in try stories() {
            for others in try Drive.attested() { add(Report(drive.facts(), others)) }
        }
        for rule in Self.rules {
            var drive = try full()
            drive.finding = ReportFinding(rule: rule, detail: "d", records: [RecordIndex(1)])
            add(Report(drive.facts(), try Drive.alone()))
        }
        for control in ReportControls.all {
            let found = try #require(reached[control.framework + control.paragraph])
            #expect(found.contains(.cannotBeAnswered), "\(control.paragraph)")
            guard !control.decides.isEmpty else {
                #expect(found.isSubset(of: [.cannotBeAnswered, .notMet]), "\(control.paragraph)")
                continue
            }
            let mayBeBroken = (control.decides + control.adds).contains { id in
                ReportQuestions.all.contains { $0.id == id && !$0.rules.isEmpty }
                    || Self.reachable[id]?.contains(.notMet) == true
            }
            #expect(found.contains(.notMet) == mayBeBroken, "\(control.paragraph)")
            let fine: Set<Verdict> = [.met, .recorded, .noOccurrence]
            #expect(!found.isDisjoint(with: fine), "\(control.paragraph)")
        }
    }

    private static let rules =
        LogViolation.Rule.allCases.map(\.rawValue) + MonitorViolation.Rule.allCases.map(\.rawValue)

    // MARK: The table

    @Test func theTableHolds() {
        let ids = ReportQuestions.all.map(\.id)
        #expect(Set(ids).count == ids.count)
        var used: Set<String> = []
        for control in ReportControls.all {
            for id in control.decides + control.adds { #expect(ids.contains(id), "\(id)") }
            used.formUnion(control.decides + control.adds)
            #expect(Set(control.decides).isDisjoint(with: control.adds), "\(control.paragraph)")
            // Nothing is ever answered in full by the log alone.
            #expect(!control.gaps.isEmpty, "\(control.paragraph)")
        }
        #expect(used == Set(ids))
        // Of each framework is said what it was compared with.
        let frameworks = Set(ReportControls.all.map(\.framework))
        #expect(Set(ReportSource.all.map(\.framework)) == frameworks)
        #expect(ReportSource.all.count == frameworks.count)
        let names = ReportControls.all.map { $0.framework + $0.paragraph }
        #expect(Set(names).count == names.count)
    }

    /// No finding may be lost: it makes a control not met, and no other is said to be fine.
    @Test(arguments: rules) func aFindingIsLoud(rule: String) throws {
        var drive = try full()
        drive.finding = ReportFinding(rule: rule, detail: "what", records: [RecordIndex(2)])
        let report = Report(drive.facts(), try Drive.alone())
        #expect(!report.notMet.isEmpty)
        for judged in report.controls {
            #expect([.notMet, .cannotBeAnswered].contains(judged.verdict))
        }
        for answered in report.answers {
            let isBroken = answered.question.rules.contains(rule)
            #expect((answered.answer.verdict == .notMet) == isBroken, "\(answered.question.id)")
            #expect(answered.answer.text.contains(rule), "\(answered.question.id)")
        }
    }

    @Test func whatIsNotMetIsNeverOutvoted() {
        #expect(Verdict.together([.met, .notMet, .cannotBeAnswered]) == .notMet)
        #expect(Verdict.together([.met, .cannotBeAnswered, .noOccurrence]) == .cannotBeAnswered)
        #expect(Verdict.together([.noOccurrence, .recorded, .met]) == .met)
        #expect(Verdict.together([.noOccurrence, .recorded]) == .recorded)
        #expect(Verdict.together([.noOccurrence]) == .noOccurrence)
        #expect(Verdict.together([]) == .cannotBeAnswered)
    }

    // MARK: Single answers

    @Test func aBrokenRuleEndsTheLog() throws {
        var drive = try full()
        try drive.put(Drive.lock(.compliance, days: 4_000), skip: 1)
        try drive.put(Drive.lock(.compliance, days: 4_000), in: "later")
        let facts = drive.facts()
        #expect(facts.finding?.rule == "sequence" && facts.size == 7)
        let found = try answers(facts)
        #expect(found["completeness"]?.verdict == .notMet)
        #expect(found["erasures"]?.verdict == .cannotBeAnswered)
        #expect(facts.final.order.heads[try CollectionName("a")]?.count == .first)
        #expect(facts.final.state.targets.count == 1)
    }

    @Test func answersNameTheirRecords() throws {
        let busy = try #require(try stories()["busy"])
        // 0 made, 1 policy, 2 token, 3 target, 4 probe, 5 phase, 6 and 7 evidence, 8 extended,
        // 9 placed, 10 released, 11 bypassed, 12 erased, 13 digest, 14 exported
        for (id, expected) in [
            ("whole-log", Array(0...14)), ("trail", Array(0...14)), ("policies", [1]),
            ("tokens", [2]), ("second-copy", [3, 5]), ("probes", [4]), ("evidence-taken", [6, 7]),
            ("locks-kept", [8]), ("holds", [9, 10]), ("bypasses", [11]), ("erasures", [12]),
            ("purges", [12]), ("access-digests", [13]), ("exports", [14]),
            ("configuration", [1, 3, 5]), ("incidents", [11]), ("five-years", [7]),
        ] as [(String, [UInt64])] {
            let answer = try answer(id, busy)
            #expect(records(answer) == expected, "\(id)")
            for table in answer.tables where id != "trail" {
                for row in table.rows {
                    if let index = row.index {
                        #expect(expected.contains(index.value), "\(id): \(row)")
                    }
                    #expect(row.cells.count == table.columns.count, "\(id)")
                }
            }
        }
        let report = Report(busy.facts(), try Drive.alone())
        #expect(report.cited.map(\.value) == Array(0...14))
    }

    @Test func theBordersOfThePeriod() throws {
        var drive = try Drive(from: 1, to: 3)
        let lock = try Drive.lock(.compliance, days: 4_000)
        try drive.token("before")
        try drive.put(lock)
        try drive.hold(2)
        drive.now = Drive.start + Drive.day - 1
        try drive.put(lock)
        drive.now += 1
        try drive.put(lock)
        drive.now = Drive.start + 3 * Drive.day - 1
        try drive.put(lock)
        try drive.hold(5, "inside")
        drive.now += 1
        try drive.put(lock)
        try drive.token("behind")
        try drive.act(.holdReleased(try Matter("case/1"), records: nil))
        let facts = drive.facts()
        #expect(facts.records == 5...7 && facts.evidenceCount == 2)
        #expect(facts.firstBehind == RecordIndex(8) && facts.size == 11)
        let taken = try #require(facts.taken[try CollectionName("a")])
        #expect(taken.firstSequence.value == 3 && taken.lastSequence.value == 4)
        // As it stood when the period ended, not as it stands now.
        #expect(facts.ending.state.tokens.map(\.name.text) == ["before"])
        let holds = try answer("holds", drive)
        #expect(holds.tables.last?.rows.map { $0.cells[0] } == ["case/1", "inside"])
        #expect(try answer("tokens", drive).tables.count == 1)
    }

    @Test func oneCollection() throws {
        var drive = try Drive(collection: "a")
        let lock = try Drive.lock(.compliance, days: 4_000)
        try drive.put(lock)
        try drive.put(lock, in: "b")
        try drive.hold(2, "other")
        try drive.hold(1, "ours")
        try drive.policy("b")
        try drive.act(.lockExtended(records: IndexRanges(RecordIndex(2)), lock: lock))
        let facts = drive.facts()
        #expect(facts.evidenceCount == 1 && facts.standing.count == 1)
        #expect(facts.acts(.holdPlaced).records == [4...4])
        #expect(facts.acts(.policySet).count == 0 && facts.acts(.lockExtended).count == 0)
        #expect(try answer("policies", drive).verdict == .cannotBeAnswered)
    }

    @Test func purgesAreOwedByTheCopiesThereWere() throws {
        var drive = try Drive()
        try drive.put(Drive.lock(.compliance, days: 1))
        drive.now += 2 * Drive.day
        try drive.erase(1)
        try drive.target("later")
        try drive.act(
            .payloadPurged(erasure: RecordIndex(2), copy: "local", count: 1),
            by: "strongroom"
        )
        #expect(try answer("purges", drive).verdict == .met)
    }

    @Test func longListsAreCutAndCounted() throws {
        var drive = try Drive()
        for number in 1...250 { try drive.token("t\(number)") }
        let tokens = try answer("tokens", drive)
        #expect(tokens.records == [1...250])
        let table = try #require(tokens.tables.first)
        #expect(table.rows.count == 200 && table.leftOut == 50)
    }
}
