import EvidenceModel
import Platform
import Testing

@testable import EvidenceStore

/// A machine whose clocks a test sets.
private final class FakeMachine: Sendable {
    private struct State {
        var wall: Int64
        var boot: UInt64
    }

    private let state: Platform.Mutex<State>

    init(wall: Timestamp) {
        state = Platform.Mutex(State(wall: wall.milliseconds, boot: 77_000_000_000))
    }

    var time: TimeSource {
        TimeSource(
            wallMilliseconds: { self.state.withLock { $0.wall } },
            bootNanoseconds: { self.state.withLock { $0.boot } }
        )
    }

    var wall: Int64 {
        get { state.withLock { $0.wall } }
        set { state.withLock { $0.wall = newValue } }
    }

    /// Both clocks go on.
    func run(milliseconds: Int64) {
        state.withLock { state in
            state.wall += milliseconds
            state.boot += UInt64(milliseconds) * 1_000_000
        }
    }

    /// Off for so long, then started: the time since boot begins anew.
    func reboot(offMilliseconds: Int64 = 0) {
        state.withLock { state in
            state.wall += offMilliseconds
            state.boot = 1_000_000_000
        }
    }
}

@Suite struct ClockKeeperTests {
    private static let minute: Int64 = 60_000
    private static let hour: Int64 = 3_600_000
    private static let day: Int64 = 86_400_000
    private static let year: Int64 = 365 * day
    private static let budget = ComplianceClock.maximumBudgetMilliseconds

    private func time(_ text: String) throws -> Timestamp {
        try #require(Timestamp(rfc3339: text))
    }

    private func at(_ milliseconds: Int64) throws -> Timestamp {
        try #require(Timestamp(milliseconds: milliseconds))
    }

    private func principal(_ name: String) throws -> Principal {
        Principal(
            name: try PrincipalName(name),
            role: .admin,
            chain: [try PrincipalName(name)]
        )
    }

    /// Stops a keeper and starts the next one, as the store does.
    private func restart(
        _ keeper: ClockKeeper,
        _ machine: FakeMachine,
        offMilliseconds: Int64 = 0
    ) -> ClockKeeper {
        let (saved, last) = (keeper.saved(), keeper.now())
        machine.reboot(offMilliseconds: offMilliseconds)
        return ClockKeeper(saved: saved, lastReceived: last, time: machine.time)
    }

    @Test func aNewLogTakesTheWallClockAndHasAFullBudget() throws {
        let start = try time("2026-11-21T00:00:00.000Z")
        let machine = FakeMachine(wall: start)
        let keeper = ClockKeeper(saved: nil, lastReceived: nil, time: machine.time)
        #expect(keeper.now() == start)
        #expect(keeper.budgetMilliseconds == Self.budget)
        #expect(keeper.reading() == ClockReading(compliance: start, wall: start))
        #expect(keeper.saved() == ComplianceClock.Saved(newLogAt: start))
    }

    @Test(arguments: [10 * year, -10 * year, 80 * year, -50 * year, 2 * day, -2 * day])
    func aJumpOfTheWallClockDoesNotMoveARunningClock(_ jump: Int64) throws {
        let start = try time("2026-11-21T00:00:00.000Z")
        let machine = FakeMachine(wall: start)
        let keeper = ClockKeeper(saved: nil, lastReceived: nil, time: machine.time)
        machine.run(milliseconds: Self.hour)
        machine.wall += jump
        let shifted = try at(start.milliseconds + Self.hour)
        #expect(keeper.now() == shifted)
        #expect(!keeper.reading().isSettled)
        machine.run(milliseconds: Self.hour)
        machine.wall -= jump
        #expect(keeper.now() == (try at(start.milliseconds + 2 * Self.hour)))
        #expect(keeper.reading().isSettled)
        #expect(keeper.budgetMilliseconds == Self.budget)
    }

    /// Off for so long: where the clock is then (from its old value), and what is left.
    @Test(arguments: [
        (0, 0, 7 * day, true), (3 * day, 3 * day, 4 * day, true), (7 * day, 7 * day, 0, true),
        (8 * day, 7 * day, 0, true), (8 * day + 1, 0, 7 * day, false),
        (10 * year, 0, 7 * day, false), (-hour, 0, 7 * day, true), (-day, 0, 7 * day, true),
        (-day - 1, 0, 7 * day, false), (-10 * year, 0, 7 * day, false),
    ])
    func aStartTakesWhatTheBudgetAllows(
        off: Int64,
        moved: Int64,
        left: Int64,
        isSettled: Bool
    ) throws {
        let start = try time("2026-11-21T00:00:00.000Z")
        let machine = FakeMachine(wall: start)
        let before = ClockKeeper(saved: nil, lastReceived: nil, time: machine.time)
        let keeper = restart(before, machine, offMilliseconds: off)
        #expect(keeper.now() == (try at(start.milliseconds + moved)))
        #expect(keeper.budgetMilliseconds == left)
        #expect(keeper.reading().isSettled == isSettled)
        // What was taken is in what is saved, and the next start takes nothing more.
        #expect(keeper.saved().budgetMilliseconds == left)
        let next = restart(keeper, machine)
        #expect(next.now() == keeper.now())
    }

    @Test func twoHundredRestartsElevenYearsAheadMoveItByNoMoreThanTheBudget() throws {
        let start = try time("2026-11-21T00:00:00.000Z")
        let machine = FakeMachine(wall: start)
        var keeper = ClockKeeper(saved: nil, lastReceived: nil, time: machine.time)
        for number in 0..<200 {
            machine.wall = start.milliseconds + 11 * Self.year + Int64(number) * Self.minute
            keeper = restart(keeper, machine)
            machine.run(milliseconds: Self.minute)
            #expect(
                keeper.now().milliseconds <= start.milliseconds + Int64(number + 1) * Self.minute
            )
        }
        #expect(!keeper.reading().isSettled)
    }

    /// The cleverest way: each time as far ahead as a start still takes.
    @Test func smallStepsMoveItByNoMoreThanTheBudget() throws {
        let start = try time("2026-11-21T00:00:00.000Z")
        let machine = FakeMachine(wall: start)
        var keeper = ClockKeeper(saved: nil, lastReceived: nil, time: machine.time)
        for _ in 0..<200 {
            machine.wall = keeper.now().milliseconds + keeper.budgetMilliseconds + Self.day
            keeper = restart(keeper, machine)
        }
        #expect(keeper.now() == (try at(start.milliseconds + Self.budget)))
        #expect(keeper.budgetMilliseconds == 0)
        // A year of running earns it anew, and no more than once.
        machine.run(milliseconds: Self.year)
        #expect(keeper.saved().budgetMilliseconds == Self.budget)
        machine.run(milliseconds: Self.year)
        #expect(keeper.saved().budgetMilliseconds == Self.budget)
    }

    @Test func aLostStateBeginsAtTheNewestRecordWithoutABudget() throws {
        let last = try time("2026-11-21T00:00:00.000Z")
        let machine = FakeMachine(wall: try at(last.milliseconds + Self.hour))
        let keeper = ClockKeeper(saved: nil, lastReceived: last, time: machine.time)
        #expect(keeper.now() == last)
        #expect(keeper.budgetMilliseconds == 0)
        #expect(keeper.reading().isSettled)
    }

    @Test func theLaterOfStateAndRecordCounts() throws {
        let (early, late) = (
            try time("2026-11-21T00:00:00.000Z"), try time("2026-11-22T00:00:00.000Z")
        )
        let machine = FakeMachine(wall: early)
        for (saved, last) in [(early, late), (late, early)] {
            let keeper = ClockKeeper(
                saved: ComplianceClock.Saved(newLogAt: saved),
                lastReceived: last,
                time: machine.time
            )
            #expect(keeper.now() == late)
        }
    }

    /// The ends of 32-bit time, signed and unsigned, and of the calendar.
    @Test(arguments: [
        "2038-01-19T03:14:07.000Z", "2106-02-07T06:28:15.000Z", "2099-12-31T23:59:59.999Z",
        "9998-12-31T23:59:59.000Z",
    ])
    func boundariesOfTimeAreOrdinaryMoments(_ text: String) throws {
        let start = try time(text)
        let machine = FakeMachine(wall: start)
        var keeper = ClockKeeper(saved: nil, lastReceived: nil, time: machine.time)
        var previous = keeper.now()
        for step in 1...20 {
            machine.run(milliseconds: 250)
            #expect(keeper.now() == (try at(start.milliseconds + Int64(step) * 250)))
            #expect(keeper.now() > previous)
            #expect(keeper.reading().isSettled)
            previous = keeper.now()
            let saved = keeper.saved()
            #expect(ComplianceClock.Saved(json: saved.json) == saved)
            if step % 5 == 0 { keeper = restart(keeper, machine) }
        }
    }

    @Test func itStopsAtTheEndOfTheCalendar() throws {
        let machine = FakeMachine(wall: .latest)
        let keeper = ClockKeeper(saved: nil, lastReceived: nil, time: machine.time)
        machine.run(milliseconds: Self.day)
        #expect(keeper.now() == .latest)
        #expect(keeper.reading() == ClockReading(compliance: .latest, wall: nil))
        #expect(!keeper.reading().isSettled)
        #expect(keeper.saved().value == .latest)
    }

    @Test(arguments: [-1, Int64.min, 253_402_300_800_000, Int64.max])
    func aWallClockOutsideTheCalendarIsNone(_ wall: Int64) throws {
        let last = try time("2026-11-21T00:00:00.000Z")
        let machine = FakeMachine(wall: last)
        machine.wall = wall
        let keeper = ClockKeeper(
            saved: ComplianceClock.Saved(newLogAt: last),
            lastReceived: last,
            time: machine.time
        )
        #expect(keeper.reading() == ClockReading(compliance: last, wall: nil))
        #expect(!keeper.reading().isSettled)
        #expect(keeper.budgetMilliseconds == Self.budget)
    }

    @Test func raisingGoesForwardOnlyAndStays() throws {
        let start = try time("2026-11-21T00:00:00.000Z")
        let machine = FakeMachine(wall: start)
        let keeper = ClockKeeper(saved: nil, lastReceived: nil, time: machine.time)
        keeper.raise(to: try at(start.milliseconds - Self.year))
        #expect(keeper.now() == start)
        machine.run(milliseconds: Self.hour)
        let target = try at(start.milliseconds + Self.year)
        keeper.raise(to: target)
        #expect(keeper.now() == target)
        #expect(keeper.budgetMilliseconds == Self.budget)
        machine.run(milliseconds: Self.hour)
        #expect(keeper.now() == (try at(target.milliseconds + Self.hour)))
        let next = restart(keeper, machine)
        #expect(next.now() >= target)
    }

    @Test func noSequenceGoesBackOrGainsMoreThanItsBudget() throws {
        var random = SeededGenerator("noSequenceGoesBackOrGainsMoreThanItsBudget")
        let start = try time("2026-11-21T00:00:00.000Z")
        let machine = FakeMachine(wall: start)
        var keeper = ClockKeeper(saved: nil, lastReceived: nil, time: machine.time)
        var (running, raised) = (Int64(0), Int64(0))
        var previous = start
        for _ in 0..<5000 {
            switch Int.random(in: 0..<8, using: &random) {
            case 0...2:
                let time = Int64.random(in: 0...30 * Self.day, using: &random)
                machine.run(milliseconds: time)
                running += time
            case 3:
                machine.wall += Int64.random(in: -9 * Self.day...9 * Self.day, using: &random)
            case 4: machine.wall = keeper.now().milliseconds + keeper.budgetMilliseconds
            case 5:
                keeper = restart(
                    keeper,
                    machine,
                    offMilliseconds: Int64.random(in: 0...9 * Self.day, using: &random)
                )
            case 6: keeper = ClockKeeper(saved: nil, lastReceived: keeper.now(), time: machine.time)
            default:
                guard Int.random(in: 0..<50, using: &random) == 0 else { continue }
                let before = keeper.now()
                keeper.raise(to: try at(before.milliseconds + Self.day))
                raised += Self.day
            }
            let now = keeper.now()
            #expect(now >= previous)
            let most = running + raised + Self.budget + running / 365 * 7 + 7
            #expect(now.milliseconds - start.milliseconds <= most)
            previous = now
        }
    }

    // MARK: Resync

    @Test func aSecondCallMayCompleteAResync() throws {
        let start = try time("2026-11-21T00:00:00.000Z")
        let machine = FakeMachine(wall: start)
        let keeper = ClockKeeper(saved: nil, lastReceived: nil, time: machine.time)
        let (alice, bob) = (try principal("alice"), try principal("bob"))
        #expect(keeper.pendingResync == nil)
        let step = keeper.requestResync(by: alice, reason: try Reason("off for a month"))
        guard case .waiting(let waiting) = step else {
            Issue.record("\(step)")
            return
        }
        #expect(waiting.principal == alice)
        #expect(waiting.at == start)
        #expect(waiting.until == (try at(start.milliseconds + Self.hour)))
        machine.run(milliseconds: Self.minute)
        // The first person again, too: that is for the rule to judge.
        for second in [alice, bob, bob] {
            let step = keeper.requestResync(by: second, reason: try Reason("checked"))
            guard case .completing(let pending) = step else {
                Issue.record("\(step)")
                return
            }
            #expect(pending == waiting)
        }
        #expect(keeper.pendingResync == waiting)
        keeper.endResync()
        #expect(keeper.pendingResync == nil)
    }

    @Test func aResyncWaitsForAnHourOfBootTime() throws {
        let start = try time("2026-11-21T00:00:00.000Z")
        let machine = FakeMachine(wall: start)
        let keeper = ClockKeeper(saved: nil, lastReceived: nil, time: machine.time)
        let (alice, bob) = (try principal("alice"), try principal("bob"))
        _ = keeper.requestResync(by: alice, reason: try Reason("a"))
        machine.run(milliseconds: Self.hour - 1)
        machine.wall += 10 * Self.year
        #expect(keeper.pendingResync?.principal == alice)
        machine.run(milliseconds: 1)
        #expect(keeper.pendingResync == nil)
        let step = keeper.requestResync(by: bob, reason: try Reason("b"))
        guard case .waiting(let pending) = step, pending.principal == bob else {
            Issue.record("\(step)")
            return
        }
        // A start forgets it.
        #expect(restart(keeper, machine).pendingResync == nil)
    }

    @Test func theMachinesClocksAreRead() {
        let before = Clock.bootNanoseconds()
        let wall = Clock.wallMilliseconds()
        #expect(TimeSource.machine.bootNanoseconds() >= before)
        #expect((TimeSource.machine.wallMilliseconds() - wall).magnitude < 86_400_000)
    }
}
