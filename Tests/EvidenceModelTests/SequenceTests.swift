import EvidenceModel
import Foundation
import Testing
import TransparencyLog

/// One record, its matter and the machine's clocks: all short sequences of what can happen to them,
/// against a model that knows a lock as a number.
@Suite struct SequenceTests {
    enum Step: CaseIterable {
        case extend, upgrade, hold, release, bypass, event, erase
        case tick, nudge, jumpForward, jumpBack, restart
    }

    /// The record as simply as it can be said.
    struct Model {
        var mode: RetentionMode
        /// Milliseconds from the start; `nil`: awaits its event.
        var until: Int64?
        let isEventBased: Bool
        var isHeld = false
        var isErased = false

        /// What a step does to the record; `nil` if it is refused.
        func after(_ step: Step, compliance: Int64, wall: Int64) -> Model? {
            let (late, early) = (max(compliance, wall), min(compliance, wall))
            let isSettled = late - early <= oneDay
            var next = self
            switch step {
            case .hold:
                guard !isErased else { return nil }
                next.isHeld = true
            case .release:
                guard isHeld else { return nil }
                next.isHeld = false
            case .extend:
                let wanted = (late + 10 * oneDay + 999) / 1_000 * 1_000
                guard isSettled, !isErased, let until, wanted >= until else { return nil }
                next.until = wanted
            case .upgrade:
                guard isSettled, !isErased else { return nil }
                if mode == .governance, let until, until <= late { return nil }
                next.mode = .compliance
            case .event:
                guard isSettled, !isErased, isEventBased else { return nil }
                // Five days, then up to midnight; the start is one. Again it may only get later.
                let end = (late + 5 * oneDay + oneDay - 1) / oneDay * oneDay
                next.until = max(end, until ?? end)
            case .bypass:
                guard isSettled, !isErased, !isHeld, mode == .governance else { return nil }
                if let until, early > until { return nil }
                next.isErased = true
            case .erase:
                guard isSettled, !isErased, !isHeld, let until, early > until else { return nil }
                next.isErased = true
            default: break
            }
            return next
        }
    }

    /// The machine, the log, and the model beside them.
    struct World {
        var ledger: Ledger
        var model: Model
        var compliance: ComplianceClock
        var saved: ComplianceClock.Saved
        /// Milliseconds that the machine has been running.
        var running: Int64 = 0
        /// What the wall clock says beyond that.
        var wallOffset: Int64 = 0
        var path: [Step] = []

        let facts: RecordFacts
        let bypasser: Principal
        let admin: Principal
        let matter: Matter
        let event: EventName

        init(_ lock: Lock) throws {
            facts = try Facts.record(7, lock)
            bypasser = try Persons.bypasser()
            admin = try Persons.admin()
            matter = try Matter("case-1")
            event = try EventName("end")
            ledger = try Ledger()
            ledger.writesBytes = false
            let isAwaiting = lock.until == Lock.withoutEnd
            model = Model(
                mode: lock.mode,
                until: isAwaiting ? nil : lock.until.milliseconds - Ledger.start,
                isEventBased: isAwaiting
            )
            saved = ComplianceClock.Saved(newLogAt: ledger.clock.compliance)
            compliance = ComplianceClock(saved: saved, lastReceived: nil, bootNanoseconds: 0)
        }

        var wall: Int64 { running + wallOffset }
        var boot: UInt64 { UInt64(running) * 1_000_000 }

        /// Does a step, and checks all that must be true; `false` if nothing changed.
        mutating func take(_ step: Step) throws -> Bool {
            path.append(step)
            let before = compliance.now(bootNanoseconds: boot)
            switch step {
            case .tick:
                running += 6 * oneDay
                saved = compliance.saved(bootNanoseconds: boot)
            case .nudge: wallOffset += 3 * oneDay
            case .jumpForward: wallOffset += 3_650 * oneDay
            case .jumpBack: wallOffset -= 3_650 * oneDay
            case .restart:
                compliance = ComplianceClock(
                    saved: saved,
                    lastReceived: ledger.clock.compliance,
                    bootNanoseconds: boot
                )
                compliance.settle(wall: Timestamp(milliseconds: Ledger.start + wall))
                saved = compliance.saved(bootNanoseconds: boot)
            default: return try decide(step)
            }
            try checkClock(notBefore: before)
            return true
        }

        private mutating func checkClock(notBefore before: Timestamp) throws {
            let now = compliance.now(bootNanoseconds: boot)
            let moved = now.milliseconds - Ledger.start
            // Free of charge is running time; the rest comes out of a budget of seven days and
            // seven in a year.
            if now < before || moved > running + 7 * oneDay + running * 7 / 365 {
                Issue.record("the clock moved from \(before) to \(now): \(path)")
            }
            try ledger.setClock(moved, wall: wall)
        }

        private mutating func decide(_ step: Step) throws -> Bool {
            let reading = ledger.clock
            let expected = model.after(
                step,
                compliance: reading.compliance.milliseconds - Ledger.start,
                wall: wall
            )
            let old = ledger.state.lockStanding(of: facts.index, lock: facts.lock)
            let acts = try outcome(step, reading)
            let new = ledger.state.lockStanding(of: facts.index, lock: facts.lock)
            check(step, old, new, expected)
            if (acts == nil) != (expected == nil) {
                Issue.record("\(path): refused is \(acts == nil), not \(expected == nil)")
            }
            if let expected { model = expected }
            return acts ?? 0 > 0
        }

        /// How many acts a step made; `nil` if it was refused.
        private mutating func outcome(_ step: Step, _ reading: ClockReading) throws -> Int? {
            do {
                let ruling = try ledger.propose(
                    proposal(step, reading),
                    by: step == .bypass || step == .erase ? bypasser : admin
                )
                return ruling.refused.isEmpty ? ruling.acts.count : nil
            } catch is Refusal {
                return nil
            }
        }

        private func proposal(_ step: Step, _ reading: ClockReading) -> ActProposal {
            switch step {
            case .extend:
                let until = reading.granting.adding(milliseconds: 10 * oneDay)
                return .extendLock(facts, LockExtension(until: until))
            case .upgrade: return .extendLock(facts, LockExtension(mode: .compliance))
            case .hold: return .placeHold(matter, .records(IndexRanges(facts.index)), [facts])
            case .release: return .releaseHold(matter, IndexRanges(facts.index), [facts])
            case .bypass: return .bypass([facts])
            case .event: return .recordEvent(event, at: nil, [facts])
            default: return .erase([facts])
            }
        }

        /// What no step may do, whatever the model says, and that the model says the same.
        private func check(
            _ step: Step,
            _ old: LockStanding,
            _ new: LockStanding,
            _ expected: Model?
        ) {
            let expected = expected ?? model
            var isProper = new.lock.mode == expected.mode
            isProper = isProper && (new.erased != nil) == expected.isErased
            let until = new.lock.until.milliseconds - Ledger.start
            isProper = isProper && (expected.until.map { $0 == until } ?? new.lock.isAwaiting)
            let holds = ledger.state.mattersHolding(facts)
            isProper = isProper && holds == (expected.isHeld ? [matter] : [])
            // A lock is never weaker nor shorter, but that an event gives a date to wait for.
            isProper = isProper && (new.lock.keeps(old.lock) || step == .event)
            isProper = isProper && (old.lock.mode == .governance || new.lock.mode == .compliance)
            isProper = isProper && (old.erased == nil || old.erased == new.erased)
            if old.erased == nil, new.erased != nil {
                let isOver = !old.lock.isLocked(at: ledger.clock.releasing)
                let isBypassed = step == .bypass && old.lock.mode == .governance
                isProper = isProper && (isOver || isBypassed) && !model.isHeld
                isProper = isProper && ledger.clock.isSettled
            }
            if !isProper { Issue.record("\(path): from \(old) to \(new), not \(expected)") }
        }
    }

    /// How long the sequences are: STRONGROOM_MODEL_DEPTH, else 5.
    private var depth: Int {
        ProcessInfo.processInfo.environment["STRONGROOM_MODEL_DEPTH"].flatMap { Int($0) } ?? 5
    }

    @Test(arguments: [
        ("GOVERNANCE", false), ("COMPLIANCE", false), ("GOVERNANCE", true), ("COMPLIANCE", true),
    ])
    func allShortSequencesAreAsTheModelSays(_ mode: String, _ isAwaiting: Bool) throws {
        let mode = try #require(RetentionMode(rawValue: mode))
        let lock = try isAwaiting ? Facts.awaiting(mode) : Facts.lock(mode, 10 * oneDay)
        var count = 0
        var erased = 0
        func explore(_ world: World, _ depth: Int) throws {
            guard depth > 0 else { return }
            for step in Step.allCases {
                var next = world
                count += 1
                // A step that changes nothing is followed by what follows without it.
                guard try next.take(step) else { continue }
                if next.model.isErased, !world.model.isErased { erased += 1 }
                try explore(next, depth - 1)
            }
        }
        try explore(World(lock), depth)
        #expect(count > 1_000)
        #expect(erased > 0)
    }
}

extension Lock {
    var isAwaiting: Bool {
        if case .awaiting = end { true } else { false }
    }
}
