package import EvidenceModel
package import EvidenceStore
import Platform
package import TransparencyLog

extension TargetService {
    /// Tries everything that the target needs, then records it and begins to replicate.
    package func add(
        _ description: TargetDescription,
        by principal: Principal
    ) throws(TargetError) -> (status: TargetStatus, outcome: ActOutcome) {
        try changing.withLock { _ throws(TargetError) in
            let name = description.name
            guard store.withState({ $0.targets[name] }) == nil else { throw .exists(name) }
            let target = try opened(description, .writing)
            let deleting =
                description.retentionProfile == nil ? nil : try opened(description, .deleting)
            let store = store
            _ = try TargetCheck.run(
                target,
                description,
                origin: store.description.origin,
                keys: store.verifierKeys,
                deleting: deleting
            ) { size in
                size <= store.checkpoint.size
                    ? try? store.signedCheckpoint(at: size).root : nil
            }
            let report = try probed(description, target, deleting)
            guard report.isCompliant else { throw Self.unsuitable(description, report) }
            let outcome = try proposed(.addTarget(description), principal, nil)
            _ = try proposed(.probedTarget(name, report), .system, nil)
            guard let state = store.withState({ $0.targets[name] }) else { throw .unknown(name) }
            take(try makeReplicator(state))
            return (status(state), outcome)
        }
    }

    private static func unsuitable(
        _ description: TargetDescription,
        _ report: ProbeReport
    ) -> TargetError {
        func rules(_ finding: ProbeReport.Finding) -> String {
            ProbeReport.Rule.allCases.filter { report.findings[$0] == finding }
                .map(\.rawValue).sorted().joined(separator: ", ")
        }
        let (broken, open) = (rules(.ignored), rules(.unknown))
        let detail = report.detail ?? "no detail"
        guard broken.isEmpty else {
            return .unsuitable(
                "the store does not enforce Object Lock in the bucket \(description.bucket): "
                    + "\(broken); \(detail). A copy there could be deleted: use a store that "
                    + "passes the probe"
            )
        }
        return .unsuitable(
            "whether the store enforces Object Lock in the bucket \(description.bucket) could not "
                + "be tried: \(open); \(detail). Deletion can be tried only with credentials that "
                + "may delete: name their profile with --retention-profile"
        )
    }

    /// Ends replication to a target for good; what stands there stays.
    package func remove(
        _ name: TargetName,
        by principal: Principal,
        reason: Reason?
    ) throws(TargetError) -> ActOutcome {
        try changing.withLock { _ throws(TargetError) in
            guard store.withState({ $0.targets[name] }) != nil else { throw .unknown(name) }
            try refuseIfCompared(name)
            let outcome = try proposed(.removeTarget(name), principal, reason)
            drop(name)?.stop()
            return outcome
        }
    }

    /// Tries whether the target enforces locks, and records the outcome.
    package func probe(
        _ name: TargetName
    ) throws(TargetError) -> (report: ProbeReport, outcome: ActOutcome) {
        let description = try status(of: name).description
        let target = try opened(description, .writing)
        let deleting =
            description.retentionProfile == nil ? nil : try opened(description, .deleting)
        let report = try probed(description, target, deleting)
        return (report, try proposed(.probedTarget(name, report), .system, nil))
    }

    private func probed(
        _ description: TargetDescription,
        _ target: any ObjectStore,
        _ deleting: (any ObjectStore)?
    ) throws(TargetError) -> ProbeReport {
        do throws(StoreFailure) {
            return try LockProbe(
                target,
                deleting: deleting,
                lockSeconds: configuration.probeLockSeconds
            ).run()
        } catch {
            throw .store(error, while: "trying the locks of \(description.name)")
        }
    }

    func opened(
        _ description: TargetDescription,
        _ purpose: TargetPurpose
    ) throws(TargetError) -> any ObjectStore {
        do throws(StoreFailure) {
            return try open(description, purpose)
        } catch {
            throw .store(error, while: "opening the bucket \(description.bucket)")
        }
    }

    func proposed(
        _ proposal: ActProposal,
        _ principal: Principal,
        _ reason: Reason?
    ) throws(TargetError) -> ActOutcome {
        do throws(StoreError) {
            return try store.propose(proposal, by: principal, reason: reason)
        } catch {
            throw .log(error)
        }
    }

    // MARK: Waiting

    /// Closes packs and waits until all records below `size` are verified in the target, or the
    /// deadline is over; what is left then shows in the status.
    package func wait(
        for name: TargetName,
        size: TreeSize,
        deadlineNanoseconds: UInt64
    ) throws(TargetError) -> (status: TargetStatus, isDone: Bool) {
        let replicator = try replicator(name)
        let size = min(size, store.checkpoint.size)
        replicator.flush(below: size)
        while true {
            let progress = replicator.progress
            if progress.has(size) { return (try status(of: name), true) }
            var isOver = Clock.monotonicNanoseconds() >= deadlineNanoseconds
            if case .fenced = progress.health { isOver = true }
            if isStopping { isOver = true }
            if isOver { return (try status(of: name), false) }
            Clock.sleep(milliseconds: 50)
        }
    }

    // MARK: Phases

    private static let phaseSeconds: UInt64 = 50

    /// Takes the target one phase on or back, once both sides are found equal.
    package func change(
        _ name: TargetName,
        to phase: TargetPhase,
        by principal: Principal,
        reason: Reason?
    ) throws(TargetError) -> ActOutcome {
        try changing.withLock { _ throws(TargetError) in
            guard let state = store.withState({ $0.targets[name] }) else { throw .unknown(name) }
            guard state.phase.neighbours.contains(phase) else {
                let next = state.phase.neighbours.map(\.rawValue).joined(separator: " or ")
                throw .refused(
                    "the target \(name) is in the phase \(state.phase); from there it goes to "
                        + next
                )
            }
            try refuseIfCompared(name)
            if !state.phase.keepsPayloadsOnDisk { try bringBackEvicted(name) }
            let change = try compared(name, from: state.phase, to: phase)
            // From before the record on: nothing is acknowledged behind it that is not there.
            if phase.waitsForTarget, !state.phase.waitsForTarget {
                store.gate.require(name.text, has: try replicator(name).progress.replicated)
            }
            do throws(TargetError) {
                let outcome = try proposed(.changePhase(change), principal, reason)
                if !phase.waitsForTarget { store.gate.dismiss(name.text) }
                return outcome
            } catch {
                if !state.phase.waitsForTarget { store.gate.dismiss(name.text) }
                throw error
            }
        }
    }

    /// Waits until the target has everything, and compares the roots of both sides.
    private func compared(
        _ name: TargetName,
        from: TargetPhase,
        to: TargetPhase
    ) throws(TargetError) -> TargetPhaseChange {
        let size = store.checkpoint.size
        let deadline = Clock.monotonicNanoseconds() + Self.phaseSeconds * 1_000_000_000
        let (status, isDone) = try wait(for: name, size: size, deadlineNanoseconds: deadline)
        guard isDone else {
            let missing = max(status.unpacked, size.value - min(size, status.replicated).value)
            throw .refused(
                "\(missing) of \(size) records are not verified in \(name) yet; wait for them with "
                    + "'strongroom target wait \(name)' and try again"
            )
        }
        let replicator = try replicator(name)
        do throws(ReplicationFailure) {
            guard let found = try replicator.register.read() else {
                throw .fenced("the bucket has no \(ObjectLayout.checkpoint)")
            }
            let size = found.checkpoint.size
            let store = store
            let own = try logged { () throws(StoreError) in try store.signedCheckpoint(at: size) }
            guard own.root == found.checkpoint.root else {
                throw .fenced("the bucket's checkpoint of \(size) records has another root")
            }
            let different = try Comparison(
                target: replicator.target,
                ledger: replicator.ledger
            ).differences()
            guard different.isEmpty else {
                throw .fenced(
                    "\(different.count) objects differ, \(different[0]) first: look at them with "
                        + "'strongroom target reconcile \(name)'"
                )
            }
            return TargetPhaseChange(
                target: name,
                from: from,
                to: to,
                size: size,
                localRoot: own.root,
                targetRoot: found.checkpoint.root,
                differences: 0
            )
        } catch {
            throw .refused("both sides cannot be compared: \(error)")
        }
    }
}

extension Replicator.Progress {
    /// Whether all records below `size` stand verified: in the journal and under the register's
    /// checkpoint, in packs, and in tiles as far as these are full.
    func has(_ size: TreeSize) -> Bool {
        let width = UInt64(EntryBundleCoordinate.fullWidth)
        return replicated >= size && registered >= size
            && firstUnpacked.map { $0.value >= size.value } ?? true
            && tiles.value >= size.value / width * width
    }
}
