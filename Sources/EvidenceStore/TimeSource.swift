import EvidenceModel
import Platform

/// The clocks that the store reads, as functions, so that a test can set them.
///
/// Safe from any thread.
package struct TimeSource: Sendable {
    /// Milliseconds since 1970 UTC, as the machine is set.
    package let wallMilliseconds: @Sendable () -> Int64
    /// Nanoseconds since boot, sleep included; never goes back while the process lives.
    package let bootNanoseconds: @Sendable () -> UInt64

    package init(
        wallMilliseconds: @escaping @Sendable () -> Int64,
        bootNanoseconds: @escaping @Sendable () -> UInt64
    ) {
        self.wallMilliseconds = wallMilliseconds
        self.bootNanoseconds = bootNanoseconds
    }

    /// The machine's own clocks.
    package static let machine = TimeSource(
        wallMilliseconds: { Clock.wallMilliseconds() },
        bootNanoseconds: { Clock.bootNanoseconds() }
    )

    /// The wall clock; nil outside the years 1970 to 9999.
    var wall: Timestamp? { Timestamp(milliseconds: wallMilliseconds()) }
}
