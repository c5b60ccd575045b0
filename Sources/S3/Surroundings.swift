import Platform

/// Time and chance, handed in so that tests can rule them.
package struct Surroundings: Sendable {
    package var wallMilliseconds: @Sendable () -> Int64
    package var monotonicNanoseconds: @Sendable () -> UInt64
    package var chance: @Sendable () -> UInt64
    package var sleep: @Sendable (_ milliseconds: UInt64) -> Void

    package init(
        wallMilliseconds: @escaping @Sendable () -> Int64,
        monotonicNanoseconds: @escaping @Sendable () -> UInt64,
        chance: @escaping @Sendable () -> UInt64,
        sleep: @escaping @Sendable (_ milliseconds: UInt64) -> Void
    ) {
        self.wallMilliseconds = wallMilliseconds
        self.monotonicNanoseconds = monotonicNanoseconds
        self.chance = chance
        self.sleep = sleep
    }

    /// This machine's.
    package static let machine = Surroundings(
        wallMilliseconds: { Clock.wallMilliseconds() },
        monotonicNanoseconds: { Clock.monotonicNanoseconds() },
        chance: { Random.bytes(count: 8).reduce(0) { $0 << 8 | UInt64($1) } },
        sleep: { Clock.sleep(milliseconds: $0) }
    )
}
