import Cryptography
import EvidenceModel
import Platform
import Replication

/// Comparisons of targets with the log: one at a time of each target, on threads of their own.
///
/// A comparison may take hours, longer than whatever is between client and server leaves a silent
/// connection alone. So requests begin it and come back for it: the outcome of a target's last
/// comparison is kept until the next one begins, or the server ends.
final class Reconciliations: Sendable {
    /// What a comparison came to: its report as replies have it, of bounded size.
    typealias Outcome = Result<JSONObject, TargetError>

    /// One comparison, as it stands.
    struct Run: Sendable {
        let id: String
        /// How much is done, from 0 to 1.
        fileprivate(set) var share = 0.0
        /// `nil` while it runs.
        fileprivate(set) var outcome: Outcome?

        var percent: Int64 { Int64(share * 100) }
    }

    private let runs = Mutex<[TargetName: Run]>([:])
    private let ended = Condition()
    /// There are at most 8 targets.
    private let pool = WorkPool(name: "comparisons", limit: 8, waitingLimit: 0)

    /// Begins a comparison; `nil`, and nothing happens, while one of that target runs.
    ///
    /// `compare` is told whom to tell how much is done.
    func begin(
        _ name: TargetName,
        _ compare: @escaping @Sendable (@Sendable (Double) -> Void) -> Outcome
    ) -> Run? {
        let run = Run(id: Hex.encode(Random.bytes(count: 8).span))
        let before = runs.withLock { runs -> (isFree: Bool, run: Run?) in
            let before = runs[name]
            guard before == nil || before?.outcome != nil else { return (false, nil) }
            runs[name] = run
            return (true, before)
        }
        guard before.isFree else { return nil }
        let isTaken = pool.run { [self] in
            let outcome = compare { share in
                runs.withLock { $0[name]?.share = min(max(share, 0), 1) }
            }
            runs.withLock { $0[name]?.outcome = outcome }
            return { self.ended.broadcast() }
        }
        guard isTaken else {
            runs.withLock { $0[name] = before.run }
            return nil
        }
        return run
    }

    /// The comparison of a target that runs, or the last one that did.
    func last(_ name: TargetName) -> Run? { runs.withLock { $0[name] } }

    /// Waits for the end of a comparison; one that was not the last of its target is forgotten.
    func wait(
        for name: TargetName,
        _ id: String,
        until deadlineNanoseconds: UInt64
    ) -> Run? {
        runs.withLock(
            when: { $0[name].map { $0.id != id || $0.outcome != nil } ?? true },
            on: ended,
            deadlineNanoseconds: deadlineNanoseconds
        ) { runs in
            runs[name].flatMap { $0.id == id ? $0 : nil }
        }
    }

    /// Waits until nothing runs.
    func wait() { pool.wait() }
}
