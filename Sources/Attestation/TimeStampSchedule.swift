/// When each authority is asked next, and when renewals are looked for; knows no clock.
struct TimeStampSchedule {
    enum Outcome { case stamped, notGrown, failed }

    private struct Turn {
        var nextNanoseconds: UInt64 = 0
        /// Failures in a row.
        var failures: UInt64 = 0
    }

    private let everyNanoseconds: UInt64
    private var turns: [String: Turn]
    private var renewalNanoseconds: UInt64 = 0

    private static let minute: UInt64 = 60_000_000_000
    private static let hour: UInt64 = 60 * minute

    init(_ authorities: [String], everySeconds: UInt64) {
        everyNanoseconds = everySeconds * 1_000_000_000
        turns = Dictionary(uniqueKeysWithValues: authorities.map { ($0, Turn()) })
    }

    /// `ageMilliseconds`: how old its newest token is; nil if it gave none.
    mutating func begin(_ authority: String, ageMilliseconds: Int64?, now: UInt64) {
        let age = ageMilliseconds.map { UInt64($0).multipliedReportingOverflow(by: 1_000_000) }
        guard let age, !age.overflow, age.partialValue < everyNanoseconds else {
            turns[authority]?.nextNanoseconds = now
            return
        }
        turns[authority]?.nextNanoseconds = now + everyNanoseconds - age.partialValue
    }

    func isDue(_ authority: String, now: UInt64) -> Bool {
        turns[authority].map { $0.nextNanoseconds <= now } ?? false
    }

    /// After a failure it is asked again in a minute, then two, up to an hour.
    mutating func note(_ authority: String, _ outcome: Outcome, now: UInt64) {
        guard var turn = turns[authority] else { return }
        switch outcome {
        case .stamped: turn = Turn(nextNanoseconds: now + everyNanoseconds)
        case .notGrown: turn.nextNanoseconds = now + Self.minute
        case .failed:
            let pause = min(Self.minute << min(turn.failures, 6), Self.hour, everyNanoseconds)
            turn.failures += 1
            turn.nextNanoseconds = now + pause
        }
        turns[authority] = turn
    }

    func isRenewalDue(now: UInt64) -> Bool { renewalNanoseconds <= now }

    /// Renewals are looked for once a day, and after a failure every hour.
    mutating func noteRenewal(done: Bool, now: UInt64) {
        renewalNanoseconds = now + (done ? 24 * Self.hour : Self.hour)
    }

    /// When there is something to do next.
    var nextNanoseconds: UInt64 {
        turns.values.reduce(renewalNanoseconds) { min($0, $1.nextNanoseconds) }
    }
}
