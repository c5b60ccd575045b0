import Platform

/// The clocks that retention goes by.
package struct TimeSource: Sendable {
    /// Wall clock, milliseconds since 1970 UTC.
    package let wallMilliseconds: @Sendable () -> Int64
    /// Nanoseconds since boot, sleep included.
    package let bootNanoseconds: @Sendable () -> UInt64

    package init(
        wallMilliseconds: @escaping @Sendable () -> Int64,
        bootNanoseconds: @escaping @Sendable () -> UInt64
    ) {
        self.wallMilliseconds = wallMilliseconds
        self.bootNanoseconds = bootNanoseconds
    }

    /// The machine's.
    package static let machine = TimeSource(
        wallMilliseconds: Clock.wallMilliseconds,
        bootNanoseconds: Clock.bootNanoseconds
    )
}
