import EvidenceModel
import Testing

private let second: Int64 = 1_000
private let hour: Int64 = 3_600_000
private let day: Int64 = 86_400_000
private let week = 7 * day

/// Nanoseconds after boot.
private func boot(_ milliseconds: Int64) -> UInt64 { UInt64(milliseconds) * 1_000_000 }

@Suite struct ClockReadingTests {
    private let noon = Timestamp(milliseconds: 1_800_000_000_000)

    private func reading(_ difference: Int64) throws -> ClockReading {
        let compliance = try #require(noon)
        return ClockReading(
            compliance: compliance,
            wall: compliance.adding(milliseconds: difference)
        )
    }

    @Test func locksAreGrantedByTheLaterClockAndReleasedByTheEarlier() throws {
        let ahead = try reading(hour)
        #expect(ahead.granting == ahead.wall && ahead.releasing == ahead.compliance)
        let behind = try reading(-hour)
        #expect(behind.granting == behind.compliance && behind.releasing == behind.wall)
        let alone = ClockReading(compliance: try #require(noon), wall: nil)
        #expect(alone.granting == alone.compliance && alone.releasing == alone.compliance)
    }

    @Test func theClocksMayDifferByADayEitherWay() throws {
        for difference in [0, 1, -1, hour, -hour, day, -day] {
            #expect(try reading(difference).isSettled)
        }
        for difference in [day + 1, -day - 1, week, -week] {
            #expect(try !reading(difference).isSettled)
        }
        #expect(!ClockReading(compliance: .earliest, wall: nil).isSettled)
        #expect(!ClockReading(compliance: .earliest, wall: .latest).isSettled)
        #expect(!ClockReading(compliance: .latest, wall: .earliest).isSettled)
    }
}

@Suite struct ComplianceClockTests {
    private let start = Timestamp(milliseconds: 1_800_000_000_000)

    private func time(_ milliseconds: Int64) throws -> Timestamp {
        try #require(start?.adding(milliseconds: milliseconds))
    }

    private func saved(_ offset: Int64 = 0, budget: Int64) throws -> ComplianceClock.Saved {
        ComplianceClock.Saved(
            value: try time(offset),
            budgetMilliseconds: budget,
            carryMilliseconds: 0
        )
    }

    @Test func itBeginsWithTheLaterOfHeartbeatAndLastRecord() throws {
        for (heartbeat, record) in [(0, hour), (hour, 0), (hour, hour)] {
            let clock = ComplianceClock(
                saved: try saved(heartbeat, budget: 0),
                lastReceived: try time(record),
                bootNanoseconds: 5
            )
            #expect(clock.now(bootNanoseconds: 5) == (try time(hour)))
        }
        let lost = ComplianceClock(saved: nil, lastReceived: try time(3), bootNanoseconds: 0)
        #expect(lost.now(bootNanoseconds: 0) == (try time(3)))
        #expect(lost.budgetMilliseconds == 0)
    }

    @Test func itRunsWithTheMachine() throws {
        let clock = ComplianceClock(
            saved: try saved(budget: 0),
            lastReceived: nil,
            bootNanoseconds: boot(100)
        )
        #expect(clock.now(bootNanoseconds: boot(100) + 999_999) == (try time(0)))
        #expect(clock.now(bootNanoseconds: boot(101)) == (try time(1)))
        #expect(clock.now(bootNanoseconds: boot(100 + week)) == (try time(week)))
        #expect(clock.now(bootNanoseconds: 0) == (try time(0)), "it never goes back")
        #expect(clock.now(bootNanoseconds: .max) > (try time(week)))
        let end = ComplianceClock(saved: nil, lastReceived: .latest, bootNanoseconds: 0)
        #expect(end.now(bootNanoseconds: boot(1)) == .latest)
    }

    @Test func aNewLogTakesTheWallClockAndHasAFullBudget() throws {
        var clock = ComplianceClock(saved: nil, lastReceived: nil, bootNanoseconds: 0)
        #expect(clock.budgetMilliseconds == week)
        clock.settle(wall: nil)
        #expect(clock.now(bootNanoseconds: 0) == .earliest)
        clock.settle(wall: try time(0))
        #expect(clock.now(bootNanoseconds: 0) == (try time(0)))
        #expect(clock.budgetMilliseconds == week)
        #expect(ComplianceClock.Saved(newLogAt: try time(0)).budgetMilliseconds == week)
    }

    @Test(
        arguments: [
            // Wall ahead by, budget before; pushed by, budget after.
            (0, week, 0, week), (hour, week, hour, week - hour), (week, week, week, 0),
            (week + day, week, week, 0), (week + day + 1, week, 0, week),
            (3_650 * day, week, 0, week),
            (hour, 0, 0, 0), (day, 0, 0, 0), (day + 1, 0, 0, 0), (day + 1, 1, 1, 0),
            (day, 5 * second, 5 * second, 0), (-hour, week, 0, week), (-3_650 * day, week, 0, week),
        ] as [(Int64, Int64, Int64, Int64)]
    )
    func theWallClockPushesItOutOfABudget(
        _ ahead: Int64,
        _ budget: Int64,
        _ pushed: Int64,
        _ left: Int64
    ) throws {
        var clock = ComplianceClock(
            saved: try saved(budget: budget),
            lastReceived: nil,
            bootNanoseconds: 0
        )
        clock.settle(wall: try time(ahead))
        #expect(clock.now(bootNanoseconds: 0) == (try time(pushed)))
        #expect(clock.budgetMilliseconds == left)
        clock.settle(wall: try time(ahead + hour))
        #expect(clock.now(bootNanoseconds: 0) == (try time(pushed)), "once after a start")
        let isSettled = clock.reading(wall: try time(ahead), bootNanoseconds: 0).isSettled
        #expect(isSettled == (abs(ahead - pushed) <= day))
    }

    @Test func sevenDaysAreEarnedInAYear() throws {
        var clock = ComplianceClock(
            saved: try saved(budget: 0),
            lastReceived: nil,
            bootNanoseconds: 0
        )
        // In uneven steps: what is left of each is counted with the next.
        var now: UInt64 = 0
        while now < boot(365 * day) {
            now = min(now + 12_345_678_901_234, boot(365 * day))
            let saved = clock.saved(bootNanoseconds: now)
            #expect((0..<365).contains(saved.carryMilliseconds))
        }
        #expect(clock.budgetMilliseconds == week)
        #expect(clock.saved(bootNanoseconds: boot(365 * day)).value == (try time(365 * day)))
        _ = clock.saved(bootNanoseconds: boot(1_000 * day))
        #expect(clock.budgetMilliseconds == week, "never more")
    }

    @Test func runningTimeIsCountedOnceAndOverRestarts() throws {
        var saved = try saved(budget: 0)
        for round in 0..<73 {
            let begin = boot(Int64(round) * 10)
            var clock = ComplianceClock(saved: saved, lastReceived: nil, bootNanoseconds: begin)
            saved = clock.saved(bootNanoseconds: begin + boot(5))
            let again = clock.saved(bootNanoseconds: begin + boot(5))
            #expect(saved == again)
            #expect(clock.saved(bootNanoseconds: begin) == again, "nothing for going back")
        }
        #expect(saved.budgetMilliseconds == 7)
        #expect(saved.carryMilliseconds == 0)
        #expect(saved.value == (try time(365)))
    }

    @Test func twoPersonsRaiseItButNeverBack() throws {
        var clock = ComplianceClock(
            saved: try saved(budget: 3),
            lastReceived: nil,
            bootNanoseconds: 0
        )
        clock.raise(to: try time(3_650 * day), bootNanoseconds: boot(10))
        #expect(clock.now(bootNanoseconds: boot(11)) == (try time(3_650 * day + 1)))
        clock.raise(to: try time(0), bootNanoseconds: boot(11))
        #expect(clock.now(bootNanoseconds: boot(11)) == (try time(3_650 * day + 1)))
        #expect(clock.budgetMilliseconds == 3)
    }

    @Test func whatIsSavedIsReadBack() throws {
        let saved = ComplianceClock.Saved(
            value: try time(1),
            budgetMilliseconds: 2,
            carryMilliseconds: 3
        )
        #expect(ComplianceClock.Saved(json: saved.json) == saved)
        for (name, value) in [
            ("value", JSONValue.integer(0)), ("value", .string("2026-11-21")),
            ("budgetMilliseconds", .integer(-1)), ("budgetMilliseconds", .integer(week + 1)),
            ("budgetMilliseconds", .string("1")), ("carryMilliseconds", .integer(365)),
            ("carryMilliseconds", .integer(-1)), ("x", .null),
        ] {
            var json = saved.json
            json[name] = value
            #expect(ComplianceClock.Saved(json: json) == nil, "\(name)")
        }
        var short = saved.json
        short["value"] = nil
        #expect(ComplianceClock.Saved(json: short) == nil)
    }

    @Test func aDamagedStateGivesNoMoreThanAFullOne() throws {
        let wild = ComplianceClock.Saved(
            value: .earliest,
            budgetMilliseconds: .max,
            carryMilliseconds: .min
        )
        #expect(wild.budgetMilliseconds == week && wild.carryMilliseconds == 0)
        let other = ComplianceClock.Saved(
            value: .earliest,
            budgetMilliseconds: .min,
            carryMilliseconds: .max
        )
        #expect(other.budgetMilliseconds == 0 && other.carryMilliseconds == 364)
    }

    /// However often the machine is started with a wall clock that is ahead, it gains a week.
    @Test(arguments: [hour, day, 6 * day, 8 * day, 11 * 365 * day] as [Int64])
    func restartsGainNoMoreThanTheBudget(_ ahead: Int64) throws {
        var saved = try saved(budget: week)
        for _ in 0..<200 {
            var clock = ComplianceClock(saved: saved, lastReceived: nil, bootNanoseconds: 0)
            clock.settle(wall: saved.value.adding(milliseconds: ahead))
            saved = clock.saved(bootNanoseconds: 0)
        }
        #expect(saved.value <= (try time(week)))
    }

    /// Random running, restarts, lost heartbeats and wall clocks: never back, and never further
    /// than running time and the budget that it earns.
    @Test(.tags(.property)) func itMovesByRunningTimeAndBudgetOnly() throws {
        var draw = Draw()
        for _ in 0..<200 {
            var saved = try saved(budget: Int64(draw.int(0...7)) * day)
            var (boot0, running) = (UInt64(draw.int(0...1_000)), Int64(0))
            let (begin, budget) = (saved.value, saved.budgetMilliseconds)
            var clock = ComplianceClock(saved: saved, lastReceived: nil, bootNanoseconds: boot0)
            var lastSeen = begin
            var lastKept = begin
            for _ in 0..<60 {
                switch draw.int(0...3) {
                case 0:
                    let step = Int64(draw.int(0...(20 * 86_400_000)))
                    running += step
                    boot0 += boot(step)
                case 1:
                    saved = clock.saved(bootNanoseconds: boot0)
                    lastKept = saved.value
                case 2:
                    // The reset of the time since boot; what ran since the heartbeat is lost.
                    boot0 = UInt64(draw.int(0...1_000))
                    clock = ComplianceClock(
                        saved: saved,
                        lastReceived: lastKept,
                        bootNanoseconds: boot0
                    )
                    clock.settle(wall: try draw.timestamp())
                    lastSeen = lastKept
                default:
                    let near = Int64(draw.int(-9...9)) * day
                    clock.settle(wall: lastSeen.adding(milliseconds: near))
                }
                let now = clock.now(bootNanoseconds: boot0)
                #expect(now >= lastSeen)
                lastSeen = now
                let limit = running + budget + running * 7 / 365
                #expect(now.milliseconds - begin.milliseconds <= limit)
            }
        }
    }
}
