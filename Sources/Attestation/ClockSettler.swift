package import EvidenceModel
package import EvidenceStore
import Platform
import TransparencyLog

/// Settles the compliance clock after a long stop by two independent authenticated times.
///
/// Looks each minute, and at the start at once. Where the wall clock is ahead by more than a day,
/// it asks all witnesses and all authorities what time it is, verifies what they say, and hands the
/// two latest independent answers to the log, which decides (`LogState.rule`) and keeps both in a
/// `clock.resynced` record. Else it asks nobody.
package final class ClockSettler: Sendable {
    /// What the server's log is told.
    package enum Event: Sendable {
        /// The clock was moved.
        case settled(from: Timestamp, to: Timestamp, [AuthenticatedTime])
        /// It was not: of so many that were asked so many answered, and no two are independent.
        case tooFew(answers: Int, sources: Int)
        /// A time can stand in no record, and is left out.
        case unusable(AuthenticatedTime)
        /// It was not: the log refused it, or cannot write.
        case refused(StoreError, [AuthenticatedTime])
    }

    private struct State {
        var isStopping = false
        var thread: Thread?
    }

    private let store: EvidenceStore
    private let witnesses: WitnessService?
    private let timestamps: TimeStampService?
    private let onEvent: @Sendable (Event) -> Void
    private let state = Mutex(State())
    private let changed = Condition()

    private static let lookSeconds: UInt64 = 60
    /// After failures it asks again in one minute, two, four, up to so many.
    private static let maximumPauseMinutes: UInt64 = 16
    private static let second: UInt64 = 1_000_000_000

    /// Asks nobody before ``start()``.
    package init(
        store: EvidenceStore,
        witnesses: WitnessService?,
        timestamps: TimeStampService?,
        onEvent: @escaping @Sendable (Event) -> Void
    ) {
        self.store = store
        self.witnesses = witnesses
        self.timestamps = timestamps
        self.onEvent = onEvent
    }

    /// Who is asked, and how many they are.
    package var sources: [String] {
        (witnesses?.clients.map { $0.key.name } ?? [])
            + (timestamps?.configuration.authorities.map(\.name) ?? [])
    }

    // MARK: Life

    /// Begins to look.
    package func start() {
        guard sources.count >= AuthenticatedTime.neededCount else { return }
        let thread = Thread(name: "clock", priority: .background) { [self] in
            var failures: UInt64 = 0
            repeat {
                failures = settle() ? 0 : failures + 1
            } while waitUnlessStopping(Self.pauseSeconds(afterFailures: failures))
        }
        state.withLock { $0.thread = thread }
    }

    /// Nobody more is asked from now on, and nothing is proposed to the log.
    package func beginClosing() {
        state.withLock { $0.isStopping = true }
        changed.broadcast()
    }

    /// Ends; what is asked at this moment is waited for.
    ///
    /// Witnesses and authorities are stopped before, so that this is soon.
    package func stop() {
        beginClosing()
        state.withLock { $0.thread.take() }?.join()
    }

    private func waitUnlessStopping(_ seconds: UInt64) -> Bool {
        state.withLock(
            when: { $0.isStopping },
            on: changed,
            deadlineNanoseconds: Clock.monotonicNanoseconds() + seconds * Self.second
        ) { !$0.isStopping }
    }

    static func pauseSeconds(afterFailures count: UInt64) -> UInt64 {
        count == 0 ? lookSeconds : lookSeconds * min(maximumPauseMinutes, 1 << min(count - 1, 10))
    }

    // MARK: Work

    /// Settles the clock if that is needed; false if it was, and could not be done.
    func settle() -> Bool {
        guard store.withState({ $0.closed == nil }) else { return true }
        let reading = store.clock.reading
        guard !reading.isSettled, let ahead = reading.differenceMilliseconds, ahead > 0 else {
            return true
        }
        var found = timestamps?.times() ?? []
        if let witnesses {
            let seconds = witnesses.configuration.timeoutSeconds
            let deadline = Clock.monotonicNanoseconds() + seconds * Self.second
            found += witnesses.times(deadlineNanoseconds: deadline)
        }
        guard !state.withLock({ $0.isStopping }) else { return false }
        for unusable in found where unusable.time.fault != nil { onEvent(.unusable(unusable.time)) }
        found.removeAll { $0.time.fault != nil }
        guard let times = VouchedTime.best(of: found) else {
            onEvent(.tooFew(answers: found.count, sources: sources.count))
            return false
        }
        do throws(StoreError) {
            let outcome = try store.resync(by: times)
            guard !outcome.acts.isEmpty else { return true }
            let to = store.clock.reading.compliance
            onEvent(.settled(from: reading.compliance, to: to, times))
            return true
        } catch {
            onEvent(.refused(error, times))
            return false
        }
    }
}
