import Platform
import Synchronization

/// Counts wrong tokens by the address that they come from, and says when there are too many.
///
/// An address has a bucket of `limit` tries that fills again within a minute. What is remembered is
/// bounded: of many addresses those are forgotten first whose bucket is full again, and where none
/// is, a stranger's tries count against one bucket for all.
final class FailureLimiter: Sendable {
    /// Wrong tokens from one address within a minute.
    static let limit = 10
    private static let refillMilliseconds: UInt64 = 60_000 / UInt64(limit)
    private static let rememberedLimit = 10_000

    private struct State {
        /// When the bucket of an address is full again.
        var fullAt: [String: UInt64] = [:]
    }

    private let state = Mutex(State())
    private let count = Atomic<UInt64>(0)

    /// Wrong tokens since the start.
    var total: UInt64 { count.load(ordering: .relaxed) }

    /// Counts a wrong token.
    ///
    /// `now`: milliseconds of a clock that nobody sets.
    /// - Returns: Nil if that is tolerated, else after how many seconds the next try is.
    func recordFailure(
        from address: String,
        now: UInt64 = Clock.monotonicNanoseconds() / 1_000_000
    ) -> Int? {
        count.wrappingAdd(1, ordering: .relaxed)
        return state.withLock { state in
            if state.fullAt[address] == nil, state.fullAt.count >= Self.rememberedLimit {
                state.fullAt = state.fullAt.filter { $0.value > now }
            }
            let isKnown = state.fullAt[address] != nil
            let key = isKnown || state.fullAt.count < Self.rememberedLimit ? address : ""
            let fullAt = max(state.fullAt[key] ?? now, now) + Self.refillMilliseconds
            let capacity = Self.refillMilliseconds * UInt64(Self.limit)
            guard fullAt - now <= capacity else {
                return Int((fullAt - now - capacity + 999) / 1000)
            }
            state.fullAt[key] = fullAt
            return nil
        }
    }
}
