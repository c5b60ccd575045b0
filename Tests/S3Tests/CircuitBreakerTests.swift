import Replication
import Testing

@testable import S3

private let second: UInt64 = 1_000_000_000

/// A breaker that opens after two faults, for one second, then two, then four at most.
private func breaker() -> CircuitBreaker {
    var options = CircuitBreaker.Options()
    options.faultLimit = 2
    options.openMilliseconds = 1_000
    options.maximumOpenMilliseconds = 4_000
    return CircuitBreaker(options)
}

private func ticket(_ admission: CircuitBreaker.Admission) -> CircuitBreaker.Ticket? {
    guard case .admitted(let ticket) = admission else { return nil }
    return ticket
}

@Suite struct CircuitBreakerTests {
    /// Sends one request that ends at once.
    private func run(
        _ breaker: inout CircuitBreaker,
        _ outcome: CircuitBreaker.Outcome,
        at now: UInt64
    ) -> Bool {
        guard let ticket = ticket(breaker.admit(atNanoseconds: now)) else { return false }
        breaker.finish(ticket, outcome, atNanoseconds: now)
        return true
    }

    @Test func opensAfterFaultsInARow() {
        var breaker = breaker()
        for outcome in [.fault, .sound, .fault, .neutral] as [CircuitBreaker.Outcome] {
            let wasSent = run(&breaker, outcome, at: 0)
            #expect(wasSent)
            #expect(breaker.circuit == .closed)
        }
        let wasSent = run(&breaker, .fault, at: 0)
        #expect(wasSent)
        #expect(breaker.circuit == .open)
        #expect(breaker.openings == 1)
        let refused = breaker.admit(atNanoseconds: 400_000_001)
        #expect(refused == .refused(retryAfterMilliseconds: 600))
    }

    @Test func fiveAreTheDefault() {
        var breaker = CircuitBreaker()
        for _ in 0..<4 { _ = run(&breaker, .fault, at: 0) }
        #expect(breaker.circuit == .closed)
        _ = run(&breaker, .fault, at: 0)
        #expect(breaker.circuit == .open)
    }

    @Test func oneProbeDecides() throws {
        var breaker = breaker()
        for _ in 0..<2 { _ = run(&breaker, .fault, at: 0) }
        let probe = try #require(ticket(breaker.admit(atNanoseconds: second)))
        #expect(breaker.circuit == .probing)
        let other = breaker.admit(atNanoseconds: 100 * second)
        #expect(ticket(other) == nil)
        breaker.finish(probe, .sound, atNanoseconds: second)
        #expect(breaker.circuit == .closed)
        // From here as at the start.
        _ = run(&breaker, .fault, at: second)
        #expect(breaker.circuit == .closed)
    }

    @Test func aFailedProbeDoublesTheWaitUpToABound() throws {
        var breaker = breaker()
        for _ in 0..<2 { _ = run(&breaker, .fault, at: 0) }
        var now = second
        for wait in [2_000, 4_000, 4_000] as [UInt64] {
            let wasSent = run(&breaker, .fault, at: now)
            #expect(wasSent)
            let refused = breaker.admit(atNanoseconds: now)
            #expect(refused == .refused(retryAfterMilliseconds: wait))
            now += wait * 1_000_000
        }
        #expect(breaker.openings == 1)
        _ = run(&breaker, .sound, at: now)
        #expect(breaker.circuit == .closed)
        for _ in 0..<2 { _ = run(&breaker, .fault, at: now) }
        #expect(breaker.openings == 2)
        let refused = breaker.admit(atNanoseconds: now)
        #expect(refused == .refused(retryAfterMilliseconds: 1_000))
    }

    @Test func aProbeWithoutAVerdictLetsTheNextTry() throws {
        var breaker = breaker()
        for _ in 0..<2 { _ = run(&breaker, .fault, at: 0) }
        _ = run(&breaker, .neutral, at: second)
        #expect(breaker.circuit == .open)
        #expect(ticket(breaker.admit(atNanoseconds: second)) != nil)
    }

    /// Whatever comes in whatever order, up to seven events: the circuit is what a second, simpler
    /// account of the same rules says.
    @Test func allShortHistories() {
        var histories = 0
        var walk = Walk(breaker: breaker())
        walk.explore(depth: 7) { histories += 1 }
        #expect(histories > 4_000)
        #expect(walk.problems.isEmpty)
    }
}

/// Explores histories; keeps an account of its own beside the breaker.
private struct Walk {
    var breaker: CircuitBreaker
    var now: UInt64 = 0
    /// Requests under way, each with the number of changes before it was admitted.
    var underWay: [(ticket: CircuitBreaker.Ticket, changes: Int)] = []
    var changes = 0
    var faults = 0
    var openUntil: UInt64?
    var openSeconds: UInt64 = 0
    var isProbing = false
    var problems: [String] = []

    private var expected: StoreStatistics.Circuit {
        isProbing ? .probing : openUntil != nil ? .open : .closed
    }

    mutating func explore(depth: Int, _ leaf: () -> Void) {
        if breaker.circuit != expected { problems.append("\(breaker.circuit), not \(expected)") }
        guard depth > 0, problems.isEmpty else { return leaf() }
        branch(depth, leaf) { $0.now += second }
        if underWay.count < 2 { branch(depth, leaf) { $0.admit() } }
        for index in underWay.indices {
            for outcome in [.sound, .fault, .neutral] as [CircuitBreaker.Outcome] {
                branch(depth, leaf) { $0.finish(index, outcome) }
            }
        }
    }

    private mutating func branch(
        _ depth: Int,
        _ leaf: () -> Void,
        _ step: (inout Walk) -> Void
    ) {
        var next = self
        step(&next)
        next.explore(depth: depth - 1, leaf)
        problems = next.problems
    }

    private mutating func admit() {
        let admission = breaker.admit(atNanoseconds: now)
        if let until = openUntil, now >= until {
            openUntil = nil
            isProbing = true
            changes += 1
        } else if isProbing || openUntil != nil {
            if ticket(admission) != nil { problems.append("admitted while not closed") }
            return
        }
        guard let ticket = ticket(admission) else {
            problems.append("refused without need")
            return
        }
        underWay.append((ticket, changes))
    }

    private mutating func finish(_ index: Int, _ outcome: CircuitBreaker.Outcome) {
        let (ticket, before) = underWay.remove(at: index)
        breaker.finish(ticket, outcome, atNanoseconds: now)
        guard before == changes else { return }
        switch outcome {
        case .sound:
            faults = 0
            if isProbing { changes += 1 }
            isProbing = false
        case .neutral:
            guard isProbing else { return }
            isProbing = false
            openUntil = now
            changes += 1
        case .fault:
            faults += 1
            guard isProbing || faults >= 2 else { return }
            openSeconds = isProbing ? min(openSeconds * 2, 4) : 1
            openUntil = now + openSeconds * second
            isProbing = false
            faults = 0
            changes += 1
        }
    }
}
