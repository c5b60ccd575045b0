package import EvidenceModel

extension TargetService {
    /// Compares both sides; with `repairing` the damaged side is repaired from the other.
    ///
    /// `progress`: called now and then with how much is done, from 0 to 1.
    package func reconcile(
        _ name: TargetName,
        repairing: Bool,
        progress: @Sendable (Double) -> Void
    ) throws(TargetError) -> ReconcileReport {
        throw .refused("this is not built yet")
    }
}
