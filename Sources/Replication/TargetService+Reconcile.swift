package import EvidenceModel
import Platform

extension TargetService {
    /// Compares both sides; with `repairing` the damaged side is repaired from the other.
    ///
    /// One at a time of each target, which meanwhile neither goes nor changes its phase. Ends early
    /// when the service stops. `progress`: called now and then with how much is done, from 0 to 1.
    package func reconcile(
        _ name: TargetName,
        repairing: Bool,
        progress: @Sendable (Double) -> Void
    ) throws(TargetError) -> ReconcileReport {
        let replicator = try changing.withLock { _ throws(TargetError) in
            let running = try self.replicator(name)
            try refuseIfCompared(name)
            reconciling.withLock { _ = $0.insert(name) }
            return running
        }
        defer {
            reconciling.withLock { _ = $0.remove(name) }
            reconciled.broadcast()
        }
        return try withoutActuallyEscaping(progress) { progress throws(TargetError) in
            do throws(ReplicationFailure) {
                return try Reconciliation(
                    replicator,
                    repairing: repairing,
                    isStopping: { [self] in isStopping },
                    progress: progress
                ).run()
            } catch .store(let failure) {
                throw .store(failure, while: "comparing \(name) with the log")
            } catch .log(let error) {
                throw .log(error)
            } catch .fenced(let reason) {
                throw .refused(
                    "nothing is repaired while \(name) is fenced: \(reason); see "
                        + "ops/runbooks/target-fenced.md"
                )
            } catch {
                throw .refused("\(name) cannot be compared with the log: \(error)")
            }
        }
    }

    /// - Throws: `refused` while the target is compared.
    func refuseIfCompared(_ name: TargetName) throws(TargetError) {
        guard reconciling.withLock({ $0.contains(name) }) else { return }
        throw .refused(
            "\(name) is being compared with the log; 'strongroom target show \(name)' tells how "
                + "far that is"
        )
    }

    /// Waits until no comparison runs; each ends at its next step once the service stops.
    func waitForComparisons() {
        reconciling.withLock(when: { $0.isEmpty }, on: reconciled) { _ in }
    }
}
