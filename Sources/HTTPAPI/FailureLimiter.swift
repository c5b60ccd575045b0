import Platform
import Synchronization

/// Counts wrong tokens, and says when too many come from one address.
final class FailureLimiter: Sendable {
    private let recent = Mutex(RecentFailures())
    private let count = Atomic<UInt64>(0)

    /// Wrong tokens since the start.
    var total: UInt64 { count.load(ordering: .relaxed) }

    /// Counts a wrong token.
    ///
    /// - Returns: Nil if that is tolerated, else after how many seconds the next try is.
    func recordFailure(from remoteAddress: String) -> Int? {
        count.wrappingAdd(1, ordering: .relaxed)
        let address = ClientAddress(remoteAddress)
        let now = Clock.monotonicNanoseconds()
        return recent.withLock { recent in
            if let seconds = recent.waitSeconds(for: address, at: now) { return seconds }
            recent.add(address, at: now)
            return nil
        }
    }
}
