/// How often something may happen: at a steady rate, with some at once after a pause.
struct TokenBucket: Equatable, Sendable {
    /// How many may happen at once.
    let capacity: Double
    let perSecond: Double
    private var tokens: Double
    private var updatedNanoseconds: UInt64

    /// A full bucket.
    init(capacity: Double, perSecond: Double, nowNanoseconds: UInt64) {
        self.capacity = capacity
        self.perSecond = perSecond
        tokens = capacity
        updatedNanoseconds = nowNanoseconds
    }

    /// Takes one; false if none is left.
    ///
    /// `nowNanoseconds`: on a clock that nobody sets.
    mutating func take(nowNanoseconds: UInt64) -> Bool {
        let passed = Double(nowNanoseconds - min(nowNanoseconds, updatedNanoseconds)) / 1e9
        tokens = min(capacity, tokens + passed * perSecond)
        updatedNanoseconds = max(nowNanoseconds, updatedNanoseconds)
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }
}
