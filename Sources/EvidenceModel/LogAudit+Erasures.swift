import TransparencyLog

extension LogAudit {
    /// Judges a certificate: what it says of each record, and that the record might be erased.
    mutating func check<Memory: EvidenceMemory & ~Copyable>(
        _ erased: PayloadErased,
        _ record: ActRecord,
        at index: RecordIndex,
        from memory: borrowing Memory
    ) throws(AuditFailure<Memory.Failure>) {
        var hidden: UInt64 = 0
        for item in erased.items {
            try forEach(of: item.records, namedBy: index, .certificate, from: memory) {
                evidence throws(AuditFailure<Memory.Failure>) in
                let facts = evidence.facts
                if let (rule, fault) = self.fault(of: erased, item, record.received, on: facts) {
                    throw .violation(violation(rule, index, facts.index, fault))
                }
                if state.mayBeHeld(facts) { hidden += 1 }
            }
        }
        unjudged.erasures += hidden
        guard erased.clock.compliance <= record.received else {
            let fault = "its clock says \(erased.clock.compliance), later than its own time"
            throw .violation(violation(.certificate, index, nil, fault))
        }
        var leaves: [(RecordIndex, MerkleHash)] = []
        try forEach(of: erased.records, namedBy: index, .certificate, from: memory) {
            evidence throws(AuditFailure<Memory.Failure>) in
            leaves.append((evidence.facts.index, evidence.facts.leafHash))
        }
        var digest = ErasureDigest()
        for (index, hash) in leaves { digest.append(index, leafHash: hash) }
        guard digest.finalize() == erased.digest else {
            let fault = "the digest of what was erased is not that of the records"
            throw .violation(violation(.certificate, index, nil, fault))
        }
    }

    private func fault(
        of erased: PayloadErased,
        _ item: PayloadErased.Item,
        _ received: Timestamp,
        on facts: RecordFacts
    ) -> (LogViolation.Rule, String)? {
        let standing = state.lockStanding(of: facts.index, lock: facts.lock)
        if let certificate = standing.erased {
            return (.certificate, "record \(facts.index) was erased before, by \(certificate)")
        }
        var history = standing.history
        switch erased.ground {
        case .expired:
            // By the clocks that it names, and by its own time.
            let now = min(erased.clock.releasing, received)
            if standing.lock.isLocked(at: now) {
                return (
                    .erasedLocked,
                    "record \(facts.index) was under \(standing.lock), and it was \(now)"
                )
            }
        case .bypass(let bypass):
            history.removeAll { $0 == bypass }
            if standing.lock.mode == .compliance || standing.bypassed != bypass {
                return (
                    .erasedLocked,
                    "record \(facts.index) was under \(standing.lock), which record \(bypass) does "
                        + "not set aside"
                )
            }
        }
        if let matter = state.mattersHolding(facts).first {
            return (.erasedHeld, "record \(facts.index) is held by \(matter)")
        }
        guard facts.collection == erased.collection else {
            return (.certificate, "record \(facts.index) is of collection \(facts.collection)")
        }
        guard item.lock == standing.lock else {
            return (
                .certificate,
                "it names \(item.lock); record \(facts.index) was under \(standing.lock)"
            )
        }
        guard item.history == history.suffix(PayloadErased.Item.maximumHistoryCount) else {
            return (
                .certificate,
                "it names another history of the lock of record \(facts.index)"
            )
        }
        return nil
    }
}

extension LogState {
    /// Whether a hold may cover a record of which only the description would tell, and is unknown.
    func mayBeHeld(_ facts: RecordFacts) -> Bool {
        guard facts.description == nil else { return false }
        return selecting.contains { matter in
            matters[matter]?.selections.contains { hold in
                hold.reaches(facts.index) && hold.selection.isHidden(facts)
            } == true
        }
    }
}
