package import EvidenceModel
import Platform

/// A person's word that the wall clock is right; it waits for a second person's.
package struct PendingResync: Sendable {
    package let principal: Principal
    package let reason: Reason
    package let until: Timestamp
}

final class ClockKeeper: Sendable {
    private struct State {
        var clock: ComplianceClock
        var pending: PendingResync?
    }

    private let time: TimeSource
    private let state: Mutex<State>

    init(saved: ComplianceClock.Saved?, lastReceived: Timestamp?, time: TimeSource) {
        self.time = time
        var clock = ComplianceClock(
            saved: saved,
            lastReceived: lastReceived,
            bootNanoseconds: time.bootNanoseconds()
        )
        clock.settle(wall: Timestamp(milliseconds: time.wallMilliseconds()))
        state = Mutex(State(clock: clock))
    }

    func now() -> Timestamp {
        let boot = time.bootNanoseconds()
        return state.withLock { $0.clock.now(bootNanoseconds: boot) }
    }

    func reading() -> ClockReading {
        let boot = time.bootNanoseconds()
        let wall = Timestamp(milliseconds: time.wallMilliseconds())
        return state.withLock { $0.clock.reading(wall: wall, bootNanoseconds: boot) }
    }

    func raise(to time: Timestamp) {
        let boot = self.time.bootNanoseconds()
        state.withLock { $0.clock.raise(to: time, bootNanoseconds: boot) }
    }

    func saved() -> ComplianceClock.Saved {
        let boot = time.bootNanoseconds()
        return state.withLock { $0.clock.saved(bootNanoseconds: boot) }
    }

    var budgetMilliseconds: Int64 { state.withLock { $0.clock.budgetMilliseconds } }

    var pendingResync: PendingResync? {
        let now = now()
        return state.withLock { state in
            if let pending = state.pending, pending.until < now { state.pending = nil }
            return state.pending
        }
    }

    func beginResync(by principal: Principal, reason: Reason) -> Timestamp {
        let until = now().adding(milliseconds: 3_600_000) ?? .latest
        state.withLock {
            $0.pending = PendingResync(principal: principal, reason: reason, until: until)
        }
        return until
    }

    func endResync() { state.withLock { $0.pending = nil } }
}
