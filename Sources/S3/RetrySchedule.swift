/// How often a request is sent, and what each attempt may take.
package struct RetryPolicy: Hashable, Sendable {
    /// The first one counted.
    package var attempts = 3
    /// The wait before attempt n + 1 is drawn from nothing to `base` times 2^(n - 1).
    package var baseMilliseconds: UInt64 = 200
    /// But never to more than this.
    package var maximumMilliseconds: UInt64 = 2_000

    package init() {}
}

/// The waits between the attempts of one request, with full jitter.
///
/// A pure state machine: chance is handed in.
///
/// Reference: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog 2015.
package struct RetrySchedule: Sendable {
    private let policy: RetryPolicy
    private var failures = 0

    package init(_ policy: RetryPolicy) {
        self.policy = policy
    }

    /// The longest wait that the next failure can bring; `nil` if there is no further attempt.
    var ceilingMilliseconds: UInt64? {
        guard failures + 1 < policy.attempts else { return nil }
        let maximum = min(policy.maximumMilliseconds, 86_400_000)
        var ceiling = min(policy.baseMilliseconds, maximum)
        for _ in 0..<failures where ceiling < maximum { ceiling = min(ceiling * 2, maximum) }
        return ceiling
    }

    /// How long to wait before the next attempt; `nil` if the attempts are spent.
    ///
    /// `chance`: any 64 bits, all equally likely.
    package mutating func next(chance: UInt64) -> UInt64? {
        guard let ceiling = ceilingMilliseconds else { return nil }
        failures += 1
        // The high half of the product is evenly spread over 0...ceiling.
        return chance.multipliedFullWidth(by: ceiling + 1).high
    }
}

/// What an attempt may take, by what it has to carry.
package struct Deadlines: Hashable, Sendable {
    /// To get a connection, with TLS.
    package var connectMilliseconds = 2_000
    /// For an attempt without a body worth mentioning.
    package var attemptMilliseconds = 2_000
    /// The slowest transfer of a large body that is still waited for.
    package var minimumBytesPerSecond: UInt64 = 1 << 20
    /// The slowest a store may be at digesting a large body before it answers.
    package var digestedBytesPerSecond: UInt64 = 8 << 20
    /// For a store to put the parts of an upload together.
    package var completionMilliseconds = 120_000

    package init() {}

    /// From the start of an attempt to its end, with bodies of that size both ways.
    func totalMilliseconds(bodyBytes: UInt64) -> Int {
        attemptMilliseconds + milliseconds(bodyBytes, at: minimumBytesPerSecond)
    }

    /// For how long no byte may pass.
    func silenceMilliseconds(bodyBytes: UInt64) -> Int {
        attemptMilliseconds + milliseconds(bodyBytes, at: digestedBytesPerSecond)
    }

    private func milliseconds(_ byteCount: UInt64, at bytesPerSecond: UInt64) -> Int {
        let whole = Double(byteCount) / Double(max(1, bytesPerSecond)) * 1_000
        return Int(min(whole, 86_400_000))
    }
}
