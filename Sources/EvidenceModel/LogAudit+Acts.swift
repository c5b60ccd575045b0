import TransparencyLog

extension LogAudit {
    /// Judges an act by what is known of the evidence that it is about, before it is folded.
    mutating func check<Memory: EvidenceMemory & ~Copyable>(
        _ record: ActRecord,
        at index: RecordIndex,
        from memory: borrowing Memory
    ) throws(AuditFailure<Memory.Failure>) {
        switch record.act {
        case .lockExtended(let records, let lock):
            try checkExtension(of: records, to: lock, at: index, from: memory)
        case .lockBypassed(let records):
            try checkBypass(of: records, by: record.principal, at: index, from: memory)
        case .eventRecorded(let event, let at, let records, let lock):
            try forEach(of: records, namedBy: index, .event, from: memory) {
                evidence throws(AuditFailure<Memory.Failure>) in
                let start = max(at ?? record.received, record.received)
                guard let fault = faultOfEvent(event, since: start, lock, on: evidence.facts) else {
                    return
                }
                throw .violation(violation(.event, index, evidence.facts.index, fault))
            }
        case .holdPlaced(_, .records(let records)):
            try forEach(of: records, namedBy: index, .hold, from: memory) {
                _ throws(AuditFailure<Memory.Failure>) in
            }
        case .holdPlaced(_, .selection(let selection, let before, let count, let digest, _)):
            let said = SelectionSummary(count: count, digest: digest)
            try checkSelection(selection, before: before, said, at: index, from: memory)
        case .payloadErased(let erased):
            try check(erased, record, at: index, from: memory)
        case .census(let before, let part, let parts, let collections):
            guard before <= index else { return }
            try checkCensus(
                collections,
                before: before,
                isLastPart: part == parts,
                at: index,
                from: memory
            )
        case .clockResynced(_, _, .persons(let first, _)):
            for name in [first, record.principal] where state.tokensByName[name] == nil {
                throw .violation(violation(.clock, index, nil, "\(name) has no token"))
            }
        case .policySet, .holdReleased, .payloadPurged, .clockResynced, .accessChanged,
            .accessDigest, .accessExported, .targetAdded, .targetProbed, .targetPhase,
            .targetRemoved, .keyRotated, .logClosed:
            break
        }
    }

    func violation(
        _ rule: LogViolation.Rule,
        _ index: RecordIndex,
        _ subject: RecordIndex?,
        _ detail: String
    ) -> LogViolation {
        LogViolation(rule, at: index, subject: subject, "record \(index): \(detail)")
    }

    // MARK: Locks

    private func checkExtension<Memory: EvidenceMemory & ~Copyable>(
        of records: IndexRanges,
        to lock: Lock,
        at index: RecordIndex,
        from memory: borrowing Memory
    ) throws(AuditFailure<Memory.Failure>) {
        try forEach(of: records, namedBy: index, .lockExtended, from: memory) {
            evidence throws(AuditFailure<Memory.Failure>) in
            let facts = evidence.facts
            let current = state.lockStanding(of: facts.index, lock: facts.lock).lock
            guard !lock.keeps(current) else { return }
            let fault = "\(lock) may not take the place of \(current) on record \(facts.index)"
            throw .violation(violation(.lockExtended, index, facts.index, fault))
        }
    }

    private func checkBypass<Memory: EvidenceMemory & ~Copyable>(
        of records: IndexRanges,
        by principal: PrincipalName,
        at index: RecordIndex,
        from memory: borrowing Memory
    ) throws(AuditFailure<Memory.Failure>) {
        let token = state.tokensByName[principal]
        guard let token, token.grant.rights.contains(.bypass), token.revoked == nil else {
            throw .violation(
                violation(.bypass, index, nil, "\(principal) has no right to bypass a lock")
            )
        }
        try forEach(of: records, namedBy: index, .bypass, from: memory) {
            evidence throws(AuditFailure<Memory.Failure>) in
            let facts = evidence.facts
            let current = state.lockStanding(of: facts.index, lock: facts.lock).lock
            if current.mode == .compliance {
                let fault = "record \(facts.index) is under \(current), which nobody bypasses"
                throw .violation(violation(.bypass, index, facts.index, fault))
            }
            if let matter = state.mattersHolding(facts).first {
                let fault = "record \(facts.index) is held by \(matter)"
                throw .violation(violation(.bypass, index, facts.index, fault))
            }
        }
    }

    /// What is wrong with the lock that an event gave a record.
    private func faultOfEvent(
        _ event: EventName,
        since start: Timestamp,
        _ lock: Lock,
        on facts: RecordFacts
    ) -> String? {
        guard case .awaiting(event, let duration) = facts.lock.end else {
            return "record \(facts.index) never awaited \(event): it is under \(facts.lock)"
        }
        let current = state.lockStanding(of: facts.index, lock: facts.lock).lock
        guard lock.mode == current.mode else {
            return "record \(facts.index) was under \(current), and an event changes no mode"
        }
        if case .until = current.end, !lock.keeps(current) {
            return "\(lock) may not take the place of \(current) on record \(facts.index)"
        }
        guard let shortest = Self.earliestEnd(of: duration, from: start), lock.until < shortest
        else { return nil }
        return "record \(facts.index) was to be locked for \(duration) from the event, not \(lock)"
    }

    // MARK: Holds

    /// What a hold by selection says that it covers.
    struct SelectionSummary {
        let count: UInt64
        let digest: MerkleHash
    }

    private mutating func checkSelection<Memory: EvidenceMemory & ~Copyable>(
        _ selection: Selection,
        before: RecordIndex,
        _ said: SelectionSummary,
        at index: RecordIndex,
        from memory: borrowing Memory
    ) throws(AuditFailure<Memory.Failure>) {
        guard before <= index else { return }
        var matches: [RecordIndex] = []
        var hidden: UInt64 = 0
        if before.value > 0, order.heads[selection.collection] != nil {
            try forEach(in: 0...before.value - 1, from: memory) {
                evidence throws(AuditFailure<Memory.Failure>) in
                let facts = evidence.facts
                if selection.isHidden(facts) {
                    hidden += 1
                } else if selection.matches(facts) {
                    matches.append(facts.index)
                }
            }
        }
        let count = UInt64(matches.count)
        guard hidden == 0 else {
            unjudged.holds += 1
            if (count...(count + hidden)).contains(said.count) { return }
            let fault = "it says \(said.count) records match, and there are \(count) open ones"
            throw .violation(violation(.hold, index, nil, "\(fault) and \(hidden) sealed ones"))
        }
        var digest = SelectionDigest()
        for match in matches { digest.append(match) }
        guard count == said.count, digest.finalize() == said.digest else {
            let fault = "it says that \(said.count) records match, and \(count) others do"
            let text =
                count == said.count ? "the digest is not that of the \(count) that match" : fault
            throw .violation(violation(.hold, index, nil, text))
        }
    }

    // MARK: Census

    private func checkCensus<Memory: EvidenceMemory & ~Copyable>(
        _ collections: [CollectionName: CensusEntry],
        before: RecordIndex,
        isLastPart: Bool,
        at index: RecordIndex,
        from memory: borrowing Memory
    ) throws(AuditFailure<Memory.Failure>) {
        // What stands at `before` or behind it is not counted; as a rule there is nothing.
        var behind: [CollectionName: UInt64] = [:]
        if before < index {
            try forEach(in: before.value...index.value - 1, from: memory) {
                evidence throws(AuditFailure<Memory.Failure>) in
                behind[evidence.facts.collection, default: 0] += 1
            }
        }
        for (name, entry) in collections.sorted(by: { $0.key < $1.key }) {
            guard let head = order.heads[name] else {
                let fault = "it counts \(name), of which there is no record"
                throw .violation(violation(.census, index, nil, fault))
            }
            let count = head.count.value - (behind[name] ?? 0)
            var isLast = entry.last == head.last
            if behind[name] != nil {
                let last = entry.last.value
                try forEach(in: last...last, from: memory) {
                    found throws(AuditFailure<Memory.Failure>) in
                    isLast = found.facts.collection == name && found.sequence == entry.count
                }
            }
            guard entry.count.value == count, isLast else {
                let fault = "it counts \(entry.count) of \(name), the last record \(entry.last)"
                throw .violation(
                    violation(.census, index, nil, "\(fault); below \(before) there are \(count)")
                )
            }
        }
        guard isLastPart else { return }
        for (name, head) in order.heads.sorted(by: { $0.key < $1.key }) {
            let count = head.count.value - (behind[name] ?? 0)
            let said = (collections[name] ?? state.censusMentions[name]?.entry)?.count.value ?? 0
            guard said == count else {
                let fault = "it leaves out \(name), which has \(count) records and had \(said)"
                throw .violation(violation(.census, index, nil, fault))
            }
        }
    }
}

extension Selection {
    /// Whether only the description would tell that a record is meant, and that is not known.
    func isHidden(_ facts: RecordFacts) -> Bool {
        needsDescription && facts.collection == collection && facts.description == nil
    }
}
