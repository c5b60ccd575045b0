internal import Glibc

/// The machine's clocks, read here and nowhere else.
package enum Clock {
    /// Wall clock, milliseconds since 1970 UTC.
    package static func wallMilliseconds() -> Int64 {
        let time = read(CLOCK_REALTIME)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// Nanoseconds on a clock that nobody sets; stands still while the machine sleeps.
    package static func monotonicNanoseconds() -> UInt64 { nanoseconds(CLOCK_MONOTONIC) }

    /// Nanoseconds since boot, sleep included.
    package static func bootNanoseconds() -> UInt64 { nanoseconds(CLOCK_BOOTTIME) }

    /// Waits.
    package static func sleep(milliseconds: UInt64) {
        let end = monotonicNanoseconds() + milliseconds * 1_000_000
        var deadline = timespec(tv_sec: Int(end / 1_000_000_000), tv_nsec: Int(end % 1_000_000_000))
        while unsafe clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, nil) == EINTR {}
    }

    private static func nanoseconds(_ clock: clockid_t) -> UInt64 {
        let time = read(clock)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private static func read(_ clock: clockid_t) -> timespec {
        var time = timespec()
        let status = unsafe clock_gettime(clock, &time)
        precondition(status == 0, "clock_gettime failed")
        return time
    }
}
