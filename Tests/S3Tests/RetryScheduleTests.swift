import Testing

@testable import S3

@Suite struct RetryScheduleTests {
    private func policy(attempts: Int, base: UInt64, maximum: UInt64) -> RetryPolicy {
        var policy = RetryPolicy()
        policy.attempts = attempts
        policy.baseMilliseconds = base
        policy.maximumMilliseconds = maximum
        return policy
    }

    /// All waits, always drawn as long or as short as can be.
    private func waits(_ policy: RetryPolicy, chance: UInt64) -> [UInt64] {
        var schedule = RetrySchedule(policy)
        var waits: [UInt64] = []
        while let wait = schedule.next(chance: chance) { waits.append(wait) }
        return waits
    }

    @Test func ceilingsDoubleUpToTheMaximum() {
        let policy = policy(attempts: 6, base: 100, maximum: 500)
        #expect(waits(policy, chance: .max) == [100, 200, 400, 500, 500])
        #expect(waits(policy, chance: 0) == [0, 0, 0, 0, 0])
    }

    @Test func everyAttemptButTheFirstHasAWait() {
        for attempts in 0...6 {
            for base in [0, 1, 7, .max] as [UInt64] {
                let policy = policy(attempts: attempts, base: base, maximum: 2_000)
                #expect(waits(policy, chance: 1 << 63).count == max(0, attempts - 1))
                #expect(waits(policy, chance: .max).allSatisfy { $0 <= 2_000 })
            }
        }
        #expect(waits(RetryPolicy(), chance: .max).count == 2)
    }

    @Test func aSpentScheduleStaysSpent() {
        var schedule = RetrySchedule(policy(attempts: 1, base: 1, maximum: 1))
        for _ in 0..<3 {
            let wait = schedule.next(chance: 0)
            #expect(wait == nil)
        }
    }

    /// Each value from nothing to the ceiling, all equally often.
    @Test func jitterIsFull() {
        let policy = policy(attempts: 2, base: 9, maximum: 9)
        var counts: [UInt64: Int] = [:]
        for step in 0..<1_000 {
            let chance = UInt64.max / 1_000 * UInt64(step)
            counts[waits(policy, chance: chance)[0], default: 0] += 1
        }
        #expect(counts.keys.sorted() == Array(0...9))
        #expect(counts.values.allSatisfy { (99...101).contains($0) })
    }
}

@Suite struct DeadlineTests {
    @Test func growWithTheBody() {
        let deadlines = Deadlines()
        #expect(deadlines.totalMilliseconds(bodyBytes: 0) == 2_000)
        #expect(deadlines.totalMilliseconds(bodyBytes: 64 << 20) == 66_000)
        #expect(deadlines.silenceMilliseconds(bodyBytes: 64 << 20) == 10_000)
    }

    @Test func areBounded() {
        var deadlines = Deadlines()
        deadlines.minimumBytesPerSecond = 0
        #expect(deadlines.totalMilliseconds(bodyBytes: .max) == 86_402_000)
    }
}
