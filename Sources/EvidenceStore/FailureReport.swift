import Platform
import Synchronization

/// Tells once that the log cannot go on.
final class FailureReport: Sendable {
    private let wasReported = Atomic<Bool>(false)
    private let onFailure: @Sendable (StoreError) -> Void

    init(_ onFailure: @escaping @Sendable (StoreError) -> Void) {
        self.onFailure = onFailure
    }

    /// Tells the first failure; later ones follow from it.
    func report(_ error: StoreError) {
        guard !wasReported.exchange(true, ordering: .relaxed) else { return }
        onFailure(error)
    }

    /// Runs what syncs.
    ///
    /// A sync that fails, other than for want of room, is the end: its pages may be lost, and a
    /// second sync would say that all is well (fsync(2)).
    func reportingSyncs<Result>(
        _ body: () throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        do throws(StoreError) {
            return try body()
        } catch {
            if case .system(let failed) = error, failed.operation == "sync",
                failed.errno != .noSpace, failed.errno != .quotaExceeded
            {
                report(error)
            }
            throw error
        }
    }
}
