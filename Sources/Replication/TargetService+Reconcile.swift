package import EvidenceModel
import Platform

extension TargetService {
    /// Compares both sides; with `repairing` the damaged side is repaired from the other.
    ///
    /// One at a time, and none while targets or phases change. `progress`: called now and then with
    /// how much is done, from 0 to 1.
    package func reconcile(
        _ name: TargetName,
        repairing: Bool,
        progress: @Sendable (Double) -> Void
    ) throws(TargetError) -> ReconcileReport {
        try changing.withLock { _ throws(TargetError) in
            let replicator = try replicator(name)
            return try withoutActuallyEscaping(progress) { progress throws(TargetError) in
                do throws(ReplicationFailure) {
                    return try Reconciliation(
                        replicator,
                        repairing: repairing,
                        progress: progress
                    ).run()
                } catch .store(let failure) {
                    throw .store(failure, while: "comparing \(name) with the log")
                } catch .log(let error) {
                    throw .log(error)
                } catch {
                    throw .refused("\(name) cannot be compared with the log: \(error)")
                }
            }
        }
    }
}
