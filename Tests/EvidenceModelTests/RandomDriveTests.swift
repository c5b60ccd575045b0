import EvidenceModel
import Testing
import TransparencyLog

/// Long random sequences of all that can be asked, by all sorts of clocks, against `DriveModel`.
@Suite(.tags(.property)) struct RandomDriveTests {
    private struct Drive {
        var draw: Draw
        var ledger: Ledger
        var model = DriveModel()
        var facts: [UInt64: RecordFacts] = [:]
        /// Records that requests are about: few, so that much happens to each.
        var live: [UInt64] = []
        var gone: [UInt64] = []
        var acts: [(index: RecordIndex, bytes: [UInt8])] = []
        var counts: [String: Int] = [:]

        // The machine.
        var compliance: ComplianceClock
        var saved: ComplianceClock.Saved
        var running: Int64 = 0
        var resynced: Int64 = 0
        var wall: Int64 = Ledger.start

        let admin: Principal
        let other: Principal
        let bypasser: Principal
        let auditor: Principal

        init(_ test: String) throws {
            draw = Draw(test)
            ledger = try Ledger()
            ledger.next = RecordIndex(1)
            ledger.writesBytes = false
            saved = ComplianceClock.Saved(newLogAt: ledger.clock.compliance)
            compliance = ComplianceClock(saved: saved, lastReceived: nil, bootNanoseconds: 0)
            admin = try Persons.admin()
            other = try Persons.bearer("ole", .admin)
            bypasser = try Persons.bypasser()
            auditor = try Persons.bearer("aud", .auditor)
            (model.late, model.early) = (Ledger.start, Ledger.start)
        }

        var boot: UInt64 { UInt64(running) * 1_000_000 }
        var now: Int64 { ledger.clock.compliance.milliseconds }

        // MARK: Steps

        mutating func step() throws {
            if live.count < 20 || live.count < 50 && draw.chance(8) { try append() }
            switch draw.int(0...99) {
            case ..<18: try extend()
            case ..<26: try happen()
            case ..<36: try hold()
            case ..<42: try choose()
            case ..<54: try release()
            case ..<60: try setPolicy()
            case ..<66: try erase(isBypass: true)
            case ..<80: try erase(isBypass: false)
            case ..<83: try purge()
            default: try moveClocks()
            }
        }

        private mutating func append() throws {
            let index = ledger.next.value
            ledger.next = RecordIndex(index + 1)
            let collection = draw.element(of: ["a", "b"])
            let name = draw.element(of: ["x/1", "x/2", "y/1"])
            let mode = draw.element(of: RetentionMode.allCases)
            let days = Int64(draw.int(1...9))
            let isAwaiting = draw.chance(4)
            let event = draw.element(of: ["end", "fin"])
            let until = (now / 1_000 + Int64(draw.int(1...900_000))) * 1_000
            let lock =
                try isAwaiting
                ? Facts.awaiting(mode, event, then: "\(days)d")
                : Facts.lock(mode, until - Ledger.start)
            facts[index] = try Facts.record(index, lock, in: collection, name: name)
            model.items[index] = DriveModel.Item(
                collection: collection,
                name: name,
                awaited: isAwaiting ? (event, days) : nil,
                isFirm: mode == .compliance,
                until: isAwaiting ? nil : until
            )
            live.append(index)
        }

        /// A few records, now and then one that is erased or that there is not.
        private mutating func some(_ most: Int = 4) -> Set<UInt64> {
            var chosen: Set<UInt64> = []
            for _ in 0..<draw.int(1...most) { chosen.insert(draw.element(of: live)) }
            if draw.chance(10), !gone.isEmpty { chosen.insert(draw.element(of: gone)) }
            return chosen
        }

        private func known(_ indexes: Set<UInt64>) -> [RecordFacts] {
            indexes.compactMap { facts[$0] }
        }

        private mutating func extend() throws {
            let index =
                draw.chance(20) && !gone.isEmpty ? draw.element(of: gone) : draw.element(of: live)
            let firm = draw.element(of: [nil, nil, true, false] as [Bool?])
            let date = draw.chance(4) ? nil : now + Int64(draw.int(-200_000...2_000_000)) * 997
            guard let facts = facts[index] else { return }
            let wanted = LockExtension(
                until: date.flatMap { Timestamp(milliseconds: $0) },
                mode: firm.map { $0 ? .compliance : .governance }
            )
            let expected = model.extend(index, to: date, firm: firm)
            try propose("extend", .extendLock(facts, wanted), by: admin, [index], expected)
        }

        private mutating func happen() throws {
            let (event, indexes) = (draw.element(of: ["end", "fin"]), some())
            let at = draw.chance(2) ? nil : now + Int64(draw.int(-900_000...900_000)) * 1_000
            let proposal = ActProposal.recordEvent(
                try EventName(event),
                at: at.flatMap { Timestamp(milliseconds: $0) },
                known(indexes)
            )
            let expected = model.happen(event, at: at, indexes)
            try propose("event", proposal, by: admin, indexes, expected)
        }

        private mutating func hold() throws {
            let (matter, indexes) = (draw.element(of: ["m1", "m2", "m3"]), some())
            let records = IndexRanges(indexes.map { RecordIndex($0) })
            let expected = model.hold(matter, indexes)
            let proposal = ActProposal.placeHold(
                try Matter(matter),
                .records(records),
                known(indexes)
            )
            try propose("hold", proposal, by: admin, indexes, expected)
        }

        private mutating func choose() throws {
            let matter = draw.element(of: ["m1", "m2", "m3"])
            let (collection, prefix) = (
                draw.element(of: ["a", "b"]), draw.element(of: ["x/", "x/1", "y"])
            )
            let matched = Set(
                live.filter {
                    model.items[$0]?.collection == collection
                        && model.items[$0]?.name.hasPrefix(prefix) == true
                }
            )
            var digest = SelectionDigest()
            for index in matched.sorted() { digest.append(RecordIndex(index)) }
            let choice = DriveModel.Choice(
                collection: collection,
                prefix: prefix,
                before: ledger.next.value,
                matched: matched,
                isStanding: draw.chance(5)
            )
            let scope = HoldScope.selection(
                try Selection(collection: CollectionName(collection), namePrefix: prefix),
                before: ledger.next,
                count: UInt64(matched.count),
                digest: digest.finalize(),
                isStanding: choice.isStanding
            )
            let expected = model.hold(matter, choice)
            try propose("choose", .placeHold(Matter(matter), scope), by: admin, matched, expected)
        }

        private mutating func release() throws {
            let matter = draw.element(of: ["m1", "m2", "m3"])
            let isWhole = draw.chance(3)
            let indexes = isWhole ? [] : some()
            let expected = model.release(matter, isWhole ? nil : indexes)
            let records = isWhole ? nil : IndexRanges(indexes.map { RecordIndex($0) })
            let proposal = ActProposal.releaseHold(try Matter(matter), records, known(indexes))
            let touched = isWhole ? Set(live) : indexes
            try propose(isWhole ? "end" : "release", proposal, by: admin, touched, expected)
        }

        private mutating func setPolicy() throws {
            let (collection, days) = (draw.element(of: ["a", "b"]), draw.int(2...30))
            let policy = CollectionPolicy(
                retention: try RetentionPolicy(
                    mode: .governance,
                    minimum: RetentionDuration(parsing: "1s"),
                    standard: RetentionDuration(parsing: "1d"),
                    maximum: RetentionDuration(parsing: "\(days)d")
                )
            )
            model.longest[collection] = Int64(days)
            let proposal = ActProposal.setPolicy(try CollectionName(collection), policy)
            try propose("policy", proposal, by: admin, [], .yes(refused: []))
        }

        private mutating func erase(isBypass: Bool) throws {
            let indexes = !isBypass && draw.chance(3) ? Set(live) : some()
            let expected = model.erase(indexes, isBypass: isBypass)
            let facts = known(indexes)
            let proposal = isBypass ? ActProposal.bypass(facts) : .erase(facts)
            try propose(isBypass ? "bypass" : "erase", proposal, by: bypasser, indexes, expected)
            let erased = live.filter { model.items[$0]?.isErased == true }
            gone += erased
            live.removeAll { model.items[$0]?.isErased == true }
        }

        private mutating func purge() throws {
            guard let erasure = ledger.state.unpurged.keys.min() else { return }
            let proposal = ActProposal.purged(erasure: erasure, copy: "local")
            try propose("purge", proposal, by: .system, [], .yes(refused: []))
        }

        // MARK: Clocks

        private mutating func moveClocks() throws {
            let before = compliance.now(bootNanoseconds: boot)
            switch draw.int(0...7) {
            case 0...3:
                let step = Int64(draw.int(0...200_000)) * 997
                running += step
                wall += step
                saved = compliance.saved(bootNanoseconds: boot)
            case 4, 5:
                // Mostly close enough to go on.
                let hours = draw.element(of: [0, 0, 20, -20, 24, 25, -25, 72, 87_600, -87_600])
                wall = before.milliseconds + Int64(hours) * 3_600_000
            case 6:
                saved = compliance.saved(bootNanoseconds: boot)
                compliance = ComplianceClock(
                    saved: saved,
                    lastReceived: before,
                    bootNanoseconds: boot
                )
                compliance.settle(wall: Timestamp(milliseconds: wall))
            default: try resync(before)
            }
            let reading = compliance.reading(
                wall: Timestamp(milliseconds: wall),
                bootNanoseconds: boot
            )
            let moved = reading.compliance.milliseconds - Ledger.start
            let limit = running + resynced + 7 * oneDay + running * 7 / 365
            if reading.compliance < before || moved > limit {
                Issue.record("the clock moved from \(before) to \(reading), seed \(draw.seed)")
            }
            ledger.clock = reading
            model.late = max(reading.compliance.milliseconds, wall)
            model.early = min(reading.compliance.milliseconds, wall)
        }

        private mutating func resync(_ before: Timestamp) throws {
            // Two persons do not go ten years ahead: nothing would be left to lock.
            guard wall - before.milliseconds < 30 * oneDay else { return }
            let ahead = wall - before.milliseconds
            ledger.clock = ClockReading(
                compliance: before,
                wall: Timestamp(milliseconds: wall)
            )
            let proposal = ActProposal.resync(firstBy: other, firstReason: try Reason("one"))
            let expected = ahead > 0 ? DriveModel.Outcome.yes(refused: []) : .no
            try propose("resync", proposal, by: admin, [], expected)
            guard ahead > 0, let target = Timestamp(milliseconds: wall) else { return }
            compliance.raise(to: target, bootNanoseconds: boot)
            resynced += ahead
        }

        // MARK: Comparing

        private mutating func propose(
            _ what: String,
            _ proposal: ActProposal,
            by principal: Principal,
            _ touched: Set<UInt64>,
            _ expected: DriveModel.Outcome
        ) throws {
            if draw.chance(20), principal != .system {
                let refusal = try ledger.refusal(proposal, by: auditor)
                if refusal?.category != .forbidden { Issue.record("an auditor may \(what)") }
            }
            let old = standings(touched)
            let first = ledger.next.value
            var found = DriveModel.Outcome.no
            do {
                let ruling = try ledger.propose(proposal, by: principal)
                found = .yes(refused: Set(ruling.refused.map(\.0.value)))
                if ledger.writesBytes { keep(ruling, from: first, by: principal) }
                counts[what, default: 0] += ruling.acts.count
            } catch is Refusal {}
            if found != expected {
                Issue.record("\(what) \(proposal): \(found), not \(expected), seed \(draw.seed)")
            }
            for index in touched { compare(index, old[index], what) }
        }

        private mutating func keep(_ ruling: Ruling, from first: UInt64, by principal: Principal) {
            for (place, act) in ruling.acts.enumerated() {
                let record = ActRecord(
                    act: act,
                    principal: principal.name,
                    reason: try? Reason("because"),
                    received: ledger.clock.granting
                )
                acts.append((RecordIndex(first + UInt64(place)), record.encoded))
            }
        }

        private func standings(_ indexes: Set<UInt64>) -> [UInt64: LockStanding] {
            var found: [UInt64: LockStanding] = [:]
            for facts in known(indexes) {
                found[facts.index.value] = ledger.state.lockStanding(
                    of: facts.index,
                    lock: facts.lock
                )
            }
            return found
        }

        func compare(_ index: UInt64, _ old: LockStanding?, _ what: String) {
            guard let item = model.items[index], let facts = facts[index] else { return }
            let new = ledger.state.lockStanding(of: facts.index, lock: facts.lock)
            let matters = ledger.state.mattersHolding(facts).map(\.text)
            var isSame = (new.erased != nil) == item.isErased && matters == model.holders(index)
            isSame = isSame && (new.lock.mode == .compliance) == item.isFirm
            let until = new.lock.isAwaiting ? nil : new.lock.until.milliseconds
            isSame = isSame && until == item.until
            if let old {
                isSame = isSame && (new.lock.keeps(old.lock) || old.lock.isAwaiting)
                isSame = isSame && (old.lock.mode == .governance || new.lock.mode == .compliance)
                isSame = isSame && (old.erased == nil || old.erased == new.erased)
                if old.erased == nil, new.erased != nil, old.lock.mode == .compliance {
                    isSame = isSame && ledger.clock.releasing > old.lock.until
                }
            }
            if !isSame {
                Issue.record(
                    "after \(what): \(index) is \(new), \(matters); \(item), seed \(draw.seed)"
                )
            }
        }

        func compareAll() {
            for index in live + gone.suffix(200) { compare(index, nil, "all") }
            let candidates = Set(ledger.state.changedLocks(notAfter: .latest).map(\.value))
            for index in live {
                guard let facts = facts[index], let item = model.items[index] else { continue }
                let isChanged = item.until.map { $0 > facts.lock.until.milliseconds } ?? false
                if isChanged, !candidates.contains(index) {
                    Issue.record("the changed lock of \(index) is missing, seed \(draw.seed)")
                }
            }
            if !candidates.isDisjoint(with: gone) { Issue.record("erased, and still a candidate") }
        }
    }

    @Test func aHundredThousandStepsAreAsTheModelSays() throws {
        var drive = try Drive(#function)
        for step in 0..<100_000 {
            try drive.step()
            if step % 2_000 == 0 { drive.compareAll() }
        }
        drive.compareAll()
        for (what, count) in drive.counts { #expect(count > 100, "\(what)") }
        #expect(drive.counts.count == 11)
        #expect(drive.gone.count > 1_000)
    }

    /// The same in short, through bytes; what was written folds to the same state.
    @Test func whatADriveWroteFoldsToTheSameState() throws {
        var drive = try Drive(#function)
        drive.ledger.writesBytes = true
        for _ in 0..<5_000 { try drive.step() }
        drive.compareAll()
        var state = LogState()
        for (index, bytes) in drive.acts {
            guard case .act(let record) = try parsedRecord(bytes) else { continue }
            try state.apply(record, at: index)
        }
        #expect(state == drive.ledger.state)
        #expect(state.exported == drive.ledger.state.exported)
        #expect(drive.acts.count > 1_000)
    }
}
