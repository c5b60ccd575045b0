import EvidenceModel
import EvidenceStore
import Platform
import TransparencyLog

// The register: no object of the ledger, without a lock, and written anew with each checkpoint.
extension Reconciliation {
    private static let attempts = 100

    /// Sees whether the register says what was written; the replicator, to which it belongs, writes
    /// it anew.
    func reconcileRegister(
        _ listed: [ObjectKey: [VersionEntry]]
    ) throws(ReplicationFailure) {
        let ledger = replicator.ledger
        guard try logged({ () throws(StoreError) in try ledger.registerTag() != nil }) else {
            return
        }
        checkedObjects += 1
        let key = ObjectLayout.checkpoint
        do throws(ReplicationFailure) {
            guard let problem = try registerProblem() else { return }
            guard isRepairing else {
                return report(.target, key.text, problem, isRepaired: false)
            }
            let markers = (listed[key] ?? []).prefix { $0.content == .deleteMarker }
            var left = ""
            do throws(ReplicationFailure) {
                try remove(markers.map(\.name))
            } catch {
                // What is written anew comes above it.
                left = "; a delete marker is left: \(error)"
            }
            replicator.post { $0.isRegisterLost = true }
            // What a marker hid may be whole already: it is written anew all the same, and nobody
            // is told before that.
            let isWritten = Mutex(false)
            var rest: String? = problem
            for _ in 0..<Self.attempts {
                Clock.sleep(milliseconds: 100)
                try checkStopping()
                replicator.post { replicator in
                    if !replicator.isRegisterLost { isWritten.withLock { $0 = true } }
                }
                guard isWritten.withLock({ $0 }) else { continue }
                rest = try registerProblem()
                if rest == nil { break }
            }
            let advice = rest == nil ? "" : "; not repaired: \(replicator.progress.health)"
            report(.target, key.text, problem + left + advice, isRepaired: rest == nil)
        } catch .fenced(let reason) {
            report(.target, key.text, reason, isRepaired: false)
        } catch {
            throw error
        }
    }

    /// - Throws: `fenced` if another node has written there, or somebody something else.
    private func registerProblem() throws(ReplicationFailure) -> String? {
        let written = replicator.progress.registered
        guard let found = try replicator.register.read() else { return "it is missing" }
        guard found.checkpoint.size < written else { return nil }
        return "it is the checkpoint of \(found.checkpoint.size) records, \(written) were written"
    }
}
