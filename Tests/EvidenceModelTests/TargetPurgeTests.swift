import EvidenceModel
import Testing
import TransparencyLog

/// What targets owe after erasures.
@Suite struct TargetPurgeTests {
    private func due(_ index: UInt64) throws -> RecordFacts {
        try Facts.record(index, Facts.lock(.governance, -oneDay))
    }

    private let objects = PurgedObjects([(key: "payloads/a/3.zst", version: "v1")])

    @Test func aTargetOwesWhatWasErasedSinceItWasAdded() throws {
        var ledger = try Ledger()
        let (admin, old, new) = (try Persons.admin(), try TargetName("old"), try TargetName("new"))
        try ledger.propose(.addTarget(Targets.description("old")), by: admin)
        try ledger.propose(.erase([due(3), due(4)]), by: .system, nil)
        try ledger.propose(.addTarget(Targets.description("new")), by: admin)
        try ledger.propose(.erase([due(9)]), by: .system, nil)
        let (first, second) = (RecordIndex(1_001), RecordIndex(1_003))
        #expect(ledger.state.unpurged(in: old) == [first: ranges(3, 4), second: ranges(9)])
        #expect(ledger.state.unpurged(in: new) == [second: ranges(9)])
        #expect(ledger.state.unpurged(in: try TargetName("other")).isEmpty)
        #expect(
            try ledger.refusal(
                .purged(erasure: first, copy: "new", objects: objects),
                by: .system
            ) == .copyOwesNothing(copy: "new", erasure: first)
        )
        let proposal = ActProposal.purged(erasure: first, copy: "old", objects: objects)
        let ruling = try ledger.propose(proposal, by: .system, nil)
        #expect(
            ruling.acts == [
                .payloadPurged(erasure: first, copy: "old", count: 2, objects: objects)
            ]
        )
        #expect(try ledger.refusal(proposal, by: .system) == .purgedBefore(copy: "old"))
        #expect(ledger.state.unpurged(in: old) == [second: ranges(9)])
        #expect(ledger.state.unpurged.keys.sorted() == [first, second])
        #expect(ledger.state.purgedCopies(of: first) == ["old"])
    }

    @Test func aRemovedTargetOwesNothing() throws {
        var ledger = try Ledger()
        let (admin, target) = (try Persons.admin(), try TargetName("s3"))
        try ledger.propose(.addTarget(Targets.description("s3")), by: admin)
        try ledger.propose(.erase([due(3)]), by: .system, nil)
        #expect(ledger.state.unpurged(in: target).count == 1)
        try ledger.propose(.removeTarget(target), by: admin)
        #expect(ledger.state.unpurged(in: target).isEmpty)
        let erasure = RecordIndex(1_001)
        #expect(
            try ledger.refusal(.purged(erasure: erasure, copy: "s3", objects: objects), by: .system)
                == .copyOwesNothing(copy: "s3", erasure: erasure)
        )
        try ledger.propose(.erase([due(4)]), by: .system, nil)
        #expect(ledger.state.unpurged(in: target).isEmpty)
    }

    /// The disk tells no objects; a target always does.
    @Test func onlyTargetsTellWhatWasDeleted() throws {
        var ledger = try Ledger()
        try ledger.propose(.addTarget(Targets.description("s3")), by: Persons.admin())
        try ledger.propose(.erase([due(3)]), by: .system, nil)
        let erasure = RecordIndex(1_001)
        for (copy, objects) in [("local", objects), ("s3", nil)] as [(String, PurgedObjects?)] {
            guard
                case .malformed? = try ledger.refusal(
                    .purged(erasure: erasure, copy: copy, objects: objects),
                    by: .system
                )
            else {
                Issue.record("\(copy)")
                continue
            }
        }
        // What never got there is purged without deleting anything.
        let nothing = PurgedObjects([])
        #expect(nothing.count == 0 && nothing.versions.isEmpty)
        try ledger.propose(.purged(erasure: erasure, copy: "s3", objects: nothing), by: .system)
    }

    /// What a log waits for before it can end is its own disk; a target's locks may last longer.
    @Test func aLogIsClosedWhileATargetOwes() throws {
        var ledger = try Ledger()
        let admin = try Persons.admin()
        try ledger.propose(.addTarget(Targets.description("s3")), by: admin)
        try ledger.propose(.erase([due(3)]), by: .system, nil)
        let erasure = RecordIndex(1_001)
        #expect(try ledger.refusal(.close, by: admin) == .erasureUnfinished(erasure))
        try ledger.propose(
            .purged(erasure: erasure, copy: "s3", objects: objects),
            by: .system,
            nil
        )
        #expect(try ledger.refusal(.close, by: admin) == .erasureUnfinished(erasure))
        try ledger.propose(.erase([due(4)]), by: .system, nil)
        for erasure in [1_001, 1_003] as [UInt64] {
            try ledger.propose(
                .purged(erasure: RecordIndex(erasure), copy: "local"),
                by: .system,
                nil
            )
        }
        #expect(ledger.state.unpurged(in: try TargetName("s3")).count == 1)
        try ledger.propose(.close, by: admin)
    }

    // MARK: What a purge tells

    @Test func theDigestIsOverLinesInOrder() {
        let objects = PurgedObjects([
            (key: "b", version: "1"), (key: "a", version: "2"), (key: "a", version: "10"),
            (key: "a", version: "2"), (key: "a!", version: "0"),
        ])
        #expect(objects.versions == ["a 10", "a 2", "a! 0", "b 1"])
        #expect(objects.count == 4)
        #expect(objects.digest == Samples.digest(of: "a 10\na 2\na! 0\nb 1\n"))
        #expect(PurgedObjects([]).digest == Samples.digest(of: ""))
    }

    @Test func manyAreNotNamed() {
        func objects(_ count: Int, keySizeBytes: Int = 4) -> PurgedObjects {
            PurgedObjects(
                (0..<count).map { number in
                    let digits = "\(number + 1_000)"
                    let padding = String(repeating: "k", count: keySizeBytes - digits.utf8.count)
                    return (key: digits + padding, version: "v")
                }
            )
        }
        #expect(objects(64).versions.count == 64)
        #expect(objects(65).versions.isEmpty && objects(65).count == 65)
        #expect(objects(65).digest != objects(66).digest)
        // 48 lines of 512 bytes are 24,576.
        #expect(objects(48, keySizeBytes: 510).versions.count == 48)
        #expect(objects(48, keySizeBytes: 511).versions.isEmpty)
        #expect(objects(48, keySizeBytes: 511).count == 48)
    }
}

/// Long random sequences of targets, erasures and purges, against the plainest of models.
@Suite(.tags(.property)) struct TargetDriveTests {
    private struct Model {
        var phases: [String: TargetPhase] = [:]
        var added: [String: UInt64] = [:]
        var gone: Set<String> = []
        var erasures: [UInt64] = []
        var purged: Set<String> = []
        var counts: [String: Int] = [:]

        func owes(_ copy: String, _ erasure: UInt64) -> Bool {
            guard let added = added[copy] else { return false }
            return erasure > added && !purged.contains("\(copy) \(erasure)")
        }
    }

    @Test func thousandsOfStepsAreAsTheModelSays() throws {
        var draw = Draw()
        var ledger = try Ledger()
        ledger.next = RecordIndex(100_000)
        ledger.writesBytes = false
        var (model, record, written) = (Model(), UInt64(0), [(RecordIndex, [UInt8])]())
        let admin = try Persons.admin()
        for step in 0..<6_000 {
            let name = "t\(draw.int(0...13))" + draw.element(of: ["", "-b", "-c", "-d"])
            let index = ledger.next.value
            let known = model.phases[name]
            let (proposal, principal, isAllowed): (ActProposal, Principal, Bool)
            let what: String
            switch draw.int(0...9) {
            case 0:
                what = "add"
                proposal = .addTarget(try Targets.description(name))
                isAllowed = known == nil && !model.gone.contains(name) && model.phases.count < 8
                principal = admin
                if isAllowed { (model.phases[name], model.added[name]) = (.local, index) }
            case 1 where draw.chance(4):
                what = "remove"
                proposal = .removeTarget(try TargetName(name))
                isAllowed = known != nil && known != .s3Primary
                principal = admin
                if isAllowed {
                    (model.phases[name], model.added[name]) = (nil, nil)
                    model.gone.insert(name)
                }
            case 2...4:
                what = "phase"
                let from = draw.element(of: TargetPhase.allCases)
                let change = try Targets.change(name, from, draw.element(of: from.neighbours))
                proposal = .changePhase(change)
                isAllowed = known != nil && (known == change.to || known == change.from)
                principal = admin
                if isAllowed { model.phases[name] = change.to }
            case 5:
                what = "erase"
                record += 1
                let facts = try Facts.record(record, Facts.lock(.governance, -oneDay))
                (proposal, principal, isAllowed) = (.erase([facts]), .system, true)
                model.erasures.append(index)
            case 6:
                what = "probe"
                proposal = .probedTarget(try TargetName(name), draw.probe())
                (principal, isAllowed) = (.system, known != nil)
            default:
                what = "purge"
                let recent = model.erasures.suffix(20)
                let erasure = recent.isEmpty ? 7 : draw.element(of: Array(recent))
                proposal = .purged(
                    erasure: RecordIndex(erasure),
                    copy: name,
                    objects: PurgedObjects([(key: "k", version: "\(step)")])
                )
                (principal, isAllowed) = (.system, model.owes(name, erasure))
                if isAllowed { model.purged.insert("\(name) \(erasure)") }
            }
            let refusal = try ledger.refusal(proposal, by: principal)
            if (refusal == nil) != isAllowed {
                Issue.record("\(step) \(what) \(name): \(refusal as Any), seed \(draw.seed)")
                return
            }
            guard isAllowed else { continue }
            model.counts[what, default: 0] += 1
            for act in try ledger.propose(proposal, by: principal).acts {
                let record = ActRecord(
                    act: act,
                    principal: principal.name,
                    reason: nil,
                    received: ledger.clock.granting
                )
                written.append((RecordIndex(index), record.encoded))
            }
            if step % 100 == 0 { compare(ledger.state, model) }
        }
        compare(ledger.state, model)
        for (what, count) in model.counts { #expect(count > 5, "\(what)") }
        #expect(model.counts.count == 6)
        try refold(written, ledger.state)
    }

    /// Erasures are drawn one by one, so that every act has an index of its own.
    private func refold(_ written: [(RecordIndex, [UInt8])], _ expected: LogState) throws {
        var state = LogState()
        for (index, bytes) in written {
            guard case .act(let record) = try parsedRecord(bytes) else { continue }
            try state.apply(record, at: index)
        }
        #expect(state == expected && state.exported == expected.exported)
        #expect(written.count > 1_000)
    }

    private func compare(_ state: LogState, _ model: Model) {
        let phases = state.targets.map { ($0.key.text, $0.value.phase) }
        #expect(Dictionary(uniqueKeysWithValues: phases) == model.phases)
        for (name, target) in state.targets {
            #expect(target.added.value == model.added[name.text])
            let owed = state.unpurged(in: name).keys.map(\.value)
            #expect(Set(owed) == Set(model.erasures.filter { model.owes(name.text, $0) }))
        }
    }
}
