import EvidenceModel
import EvidenceStore
import Platform

// What is tried again, and when.
extension Replicator {
    /// How long a record is left alone.
    private static let restNanoseconds: UInt64 = 30_000_000_000

    func succeeded(_ work: Work) {
        backoff[work] = nil
        guard backoff.isEmpty else { return }
        let reason = resting.min { $0.key < $1.key }?.value.reason
        update { status in
            if case .failing = status.health {
                status.health = reason.map { .failing($0) } ?? .running
            }
        }
    }

    func failed(_ work: Work, _ failure: ReplicationFailure) {
        if case .fenced(let reason) = failure {
            return update { $0.health = .fenced(reason) }
        }
        let failures = (backoff[work]?.failures ?? 0) + 1
        let seconds = min(30, UInt64(1) << UInt64(min(failures - 1, 5)))
        backoff[work] = (Clock.monotonicNanoseconds() + seconds * 500_000_000, failures)
        update { $0.health = .failing("\(failure)") }
    }

    /// Leaves a record alone for a while.
    func rest(_ index: RecordIndex, because error: StoreError) {
        let reason =
            "record \(index) cannot be copied, the others are: \(error); "
            + "'strongroom target reconcile \(name) --repair' may mend it"
        resting[index] = (Clock.monotonicNanoseconds() + Self.restNanoseconds, reason)
        update { $0.health = .failing(reason) }
    }

    func wake(_ now: UInt64) {
        guard !resting.isEmpty else { return }
        resting = resting.filter { $0.value.untilNanoseconds > now }
    }

    /// Whether work of a kind may be tried now.
    func mayTry(_ work: Work, _ now: UInt64) -> Bool {
        backoff[work].map { $0.untilNanoseconds <= now } ?? true
    }
}
