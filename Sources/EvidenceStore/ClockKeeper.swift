package import EvidenceModel
import Platform

/// The compliance clock of an open log, and the resync that waits for its second person.
///
/// `ComplianceClock` has the rules and no clock; here it meets the machine's. Every method may be
/// called from any thread and takes a short lock.
///
/// The state's heartbeat keeps `saved()`, and a start hands it back. What a start takes from the
/// budget must be durable before the clock is used: else 200 restarts within a heartbeat would each
/// take it anew. So `init` settles, the caller writes `saved()`, and then the log takes appends.
package final class ClockKeeper: Sendable {
    private struct State {
        var clock: ComplianceClock
        var pending: PendingResync?
    }

    /// How long a resync waits for its second person, in boot time.
    private static let resyncNanoseconds: UInt64 = 3_600_000_000_000

    private let time: TimeSource
    private let state: Mutex<State>

    /// Starts the clock, and lets the wall clock push it as far as the budget allows.
    ///
    /// `saved`: what the last run kept; nil if that is lost. `lastReceived`: the latest time that
    /// the log itself has: the newest record's, or what its last `clock.resynced` says.
    package init(saved: ComplianceClock.Saved?, lastReceived: Timestamp?, time: TimeSource) {
        self.time = time
        var clock = ComplianceClock(
            saved: saved,
            lastReceived: lastReceived,
            bootNanoseconds: time.bootNanoseconds()
        )
        clock.settle(wall: time.wall)
        state = Mutex(State(clock: clock))
    }

    /// The compliance clock.
    package func now() -> Timestamp {
        let boot = time.bootNanoseconds()
        return state.withLock { $0.clock.now(bootNanoseconds: boot) }
    }

    /// Both clocks.
    package func reading() -> ClockReading {
        let (wall, boot) = (time.wall, time.bootNanoseconds())
        return state.withLock { $0.clock.reading(wall: wall, bootNanoseconds: boot) }
    }

    /// Moves the clock forward, to what a `clock.resynced` record says; never back.
    package func raise(to instant: Timestamp) {
        let boot = time.bootNanoseconds()
        state.withLock { $0.clock.raise(to: instant, bootNanoseconds: boot) }
    }

    /// What the heartbeat keeps; running time is counted into the budget up to here.
    package func saved() -> ComplianceClock.Saved {
        let boot = time.bootNanoseconds()
        return state.withLock { $0.clock.saved(bootNanoseconds: boot) }
    }

    /// How far the wall clock may push the clock at the next start.
    package var budgetMilliseconds: Int64 { state.withLock { $0.clock.budgetMilliseconds } }
}

/// A resync that one person asked for, and that another must ask for too.
package struct PendingResync: Hashable, Sendable {
    /// Who asked for it.
    package let principal: Principal
    package let reason: Reason
    /// When it was asked for, by the compliance clock.
    package let at: Timestamp
    /// One hour later: then it is forgotten.
    package let until: Timestamp

    fileprivate let endNanoseconds: UInt64
}

extension ClockKeeper {
    /// What a call for a resync came to.
    package enum ResyncStep: Sendable {
        /// It is the first: another person has to ask as well.
        case waiting(PendingResync)
        /// One waits already, for this call to complete it if `LogState.rule` lets it.
        case completing(PendingResync)
    }

    /// The resync that waits for its second person; nil if there is none, or an hour has passed.
    package var pendingResync: PendingResync? {
        let boot = time.bootNanoseconds()
        return state.withLock { Self.pending(&$0, at: boot) }
    }

    /// Takes a call for a resync: the first within an hour waits, any other may complete it.
    ///
    /// A call of the first person again is for the rule to refuse. The one that waits stays until
    /// `endResync`, so that a second call that was refused spoils nothing.
    package func requestResync(by principal: Principal, reason: Reason) -> ResyncStep {
        let boot = time.bootNanoseconds()
        return state.withLock { state in
            if let pending = Self.pending(&state, at: boot) { return .completing(pending) }
            let now = state.clock.now(bootNanoseconds: boot)
            let milliseconds = Int64(Self.resyncNanoseconds / 1_000_000)
            let pending = PendingResync(
                principal: principal,
                reason: reason,
                at: now,
                until: now.adding(milliseconds: milliseconds) ?? .latest,
                endNanoseconds: boot + Self.resyncNanoseconds
            )
            state.pending = pending
            return .waiting(pending)
        }
    }

    /// Forgets the resync that waits: it is done.
    package func endResync() { state.withLock { $0.pending = nil } }

    private static func pending(_ state: inout State, at boot: UInt64) -> PendingResync? {
        if let pending = state.pending, boot >= pending.endNanoseconds { state.pending = nil }
        return state.pending
    }
}
