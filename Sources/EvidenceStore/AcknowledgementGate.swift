import Platform
package import TransparencyLog

/// Holds acknowledgements back until the copies that must have the records have them.
///
/// Without copies to wait for, everything passes at once.
package final class AcknowledgementGate: Sendable {
    private struct Waiting {
        let size: TreeSize
        let sinceNanoseconds: UInt64
        let acknowledge: @Sendable (StoreError?) -> Void
    }

    private struct State {
        /// How much each copy has, of those that must have it.
        var covered: [String: TreeSize] = [:]
        var waiting: [Waiting] = []
        /// No copy grows any more.
        var isClosed = false

        var reached: TreeSize? { covered.values.min() }
    }

    private let state = Mutex(State())

    /// Whether something waits for a copy.
    package var isWaitedFor: Bool { state.withLock { !$0.waiting.isEmpty } }
    /// How many acknowledgements wait.
    package var waitingCount: Int { state.withLock { $0.waiting.count } }

    /// From here on nothing is acknowledged that the copy does not have.
    package func require(_ copy: String, has size: TreeSize) {
        release { $0.covered[copy] = size }
    }

    /// The copy has all records below `size`; nothing happens if it is not waited for.
    package func cover(_ copy: String, has size: TreeSize) {
        release { state in
            if state.covered[copy] != nil { state.covered[copy] = size }
        }
    }

    /// The copy is not waited for any more.
    package func dismiss(_ copy: String) {
        release { $0.covered[copy] = nil }
    }

    /// Tells those that have waited since before `deadlineNanoseconds` (monotonic) to ask again.
    package func giveUp(before deadlineNanoseconds: UInt64) {
        let late = state.withLock { state in
            let late = state.waiting.filter { $0.sinceNanoseconds < deadlineNanoseconds }
            state.waiting.removeAll { $0.sinceNanoseconds < deadlineNanoseconds }
            return late
        }
        for waiting in late { waiting.acknowledge(.copyPending(waiting.size)) }
    }

    /// Tells all that wait, and whoever comes, to ask again: no copy grows any more.
    package func close() {
        state.withLock { $0.isClosed = true }
        giveUp(before: .max)
    }

    /// Acknowledges records below `size`, now or when all copies have them.
    func pass(_ size: TreeSize, _ acknowledge: @escaping @Sendable (StoreError?) -> Void) {
        let (isKnown, answer): (Bool, StoreError?) = state.withLock { state in
            guard let reached = state.reached, reached < size else { return (true, nil) }
            if state.isClosed { return (true, .copyPending(size)) }
            state.waiting.append(
                Waiting(
                    size: size,
                    sinceNanoseconds: Clock.monotonicNanoseconds(),
                    acknowledge: acknowledge
                )
            )
            return (false, nil)
        }
        if isKnown { acknowledge(answer) }
    }

    private func release(_ change: (inout State) -> Void) {
        let covered = state.withLock { state in
            change(&state)
            let reached = state.reached
            let isCovered = { (waiting: Waiting) in reached.map { waiting.size <= $0 } ?? true }
            let covered = state.waiting.filter(isCovered)
            state.waiting.removeAll(where: isCovered)
            return covered
        }
        for waiting in covered { waiting.acknowledge(nil) }
    }
}
