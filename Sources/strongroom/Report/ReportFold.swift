internal import EvidenceModel
internal import TransparencyLog

/// Collects what a report needs, record after record; pure.
///
/// It is told of each record twice: before the audit has taken it, and behind that.
struct ReportFold {
    private(set) var facts: ReportFacts
    private var hasBegun = false
    private var hasEnded = false
    /// Of the records that keep the rules.
    private var order = RecordOrder()
    /// Erasures of the collection that is reported on; of all times, for purges come later.
    private var concerning: Set<RecordIndex> = []
    /// What the audit could not judge before the record at hand.
    private var unjudgedBefore: UInt64 = 0

    /// The years of retention that are asked for.
    static let years = [5, 6]

    init(origin: String, scope: ReportScope) {
        facts = ReportFacts(origin: origin, scope: scope)
    }

    /// Takes note of how things stood before a record.
    mutating func willTake(_ record: Record, _ audit: LogAudit, at index: RecordIndex) {
        unjudgedBefore = UInt64(audit.unjudged.erasures)
        if !hasBegun, record.received >= facts.scope.from {
            hasBegun = true
            facts.beginning = audit
        }
        if !hasEnded, record.received >= facts.scope.to {
            hasEnded = true
            facts.ending = audit
            facts.firstBehind = index
        }
    }

    /// Takes a record that keeps the rules.
    ///
    /// `audit`: with the record. `memory`: the evidence before it.
    mutating func didTake<Memory: EvidenceMemory & ~Copyable>(
        _ record: Record,
        at index: RecordIndex,
        _ audit: LogAudit,
        from memory: borrowing Memory
    ) throws(Memory.Failure) {
        facts.size = index.value + 1
        _ = order.take(record, at: index)
        let isInside = facts.scope.contains(record.received)
        if isInside {
            facts.records = (facts.records?.lowerBound ?? index.value)...index.value
            if facts.firstReceived == nil { facts.firstReceived = record.received }
            facts.lastReceived = record.received
        }
        switch record {
        case .logCreated(let creation): facts.creation = creation
        case .evidence, .sealedEvidence: if isInside { take(evidence: record, at: index) }
        case .act(let act):
            guard try concerns(act.act, at: index, from: memory), isInside else { return }
            take(act, at: index, audit)
        }
    }

    /// Ends the collecting: `audit` as it is at the checkpoint, or where a rule was broken.
    mutating func end(_ audit: LogAudit, finding: ReportFinding?) {
        // Without the record that broke the rule, whose number and time an audit notes first.
        let audit = LogAudit(
            origin: audit.origin,
            state: audit.state,
            order: order,
            unjudged: audit.unjudged
        )
        facts.final = audit
        facts.finding = finding
        if !hasBegun { facts.beginning = audit }
        if !hasEnded { facts.ending = audit }
    }

    // MARK: Evidence

    private mutating func take(evidence record: Record, at index: RecordIndex) {
        guard let collection = record.collection, let sequence = record.sequence,
            let lock = record.lock, facts.scope.covers(collection)
        else { return }
        facts.evidenceCount += 1
        var taken =
            facts.taken[collection]
            ?? ReportFacts.Taken(
                first: index,
                last: index,
                firstSequence: sequence,
                lastSequence: sequence
            )
        taken.count += 1
        (taken.last, taken.lastSequence) = (index, sequence)
        if case .sealedEvidence = record { taken.sealedCount += 1 }
        if lock.mode == .compliance { taken.complianceCount += 1 }
        switch lock.end {
        case .awaiting: taken.awaitingCount += 1
        case .until(let until):
            if taken.earliest.map({ until < $0.until }) ?? true { taken.earliest = (until, index) }
            if taken.latest.map({ until > $0.until }) ?? true { taken.latest = (until, index) }
        }
        for years in Self.years where !Self.lasts(lock, years, from: record.received) {
            let before = taken.weaker[years]
            taken.weaker[years] = ((before?.count ?? 0) + 1, before?.first ?? index)
        }
        facts.taken[collection] = taken
    }

    /// Whether nobody can erase it for so many years.
    private static func lasts(_ lock: Lock, _ years: Int, from start: Timestamp) -> Bool {
        guard lock.mode == .compliance, let end = start.adding(years: years) else { return false }
        switch lock.end {
        case .until(let until): return until >= end
        // Not before the event, which is not before the receipt.
        case .awaiting(_, let duration):
            return duration.end(from: start).map { $0 >= end } ?? true
        }
    }

    // MARK: Acts

    private mutating func take(_ act: ActRecord, at index: RecordIndex, _ audit: LogAudit) {
        facts.kinds[act.act.kind, default: ReportFacts.Kind()].take(act, at: index)
        switch act.act {
        case .payloadErased(let erased):
            facts.erasures.append(
                ReportFacts.Erasure(
                    index: index,
                    received: act.received,
                    count: erased.count,
                    copies: ["local"] + audit.state.targets.keys.map(\.text).sorted()
                )
            )
            facts.hiddenErasures += UInt64(audit.unjudged.erasures) - unjudgedBefore
        case .targetProbed(_, let report):
            if !report.isCompliant { facts.failedProbes.take(act, at: index) }
        default: break
        }
    }

    /// Whether an act is about the collection that is reported on, or about the log.
    private mutating func concerns<Memory: EvidenceMemory & ~Copyable>(
        _ act: Act,
        at index: RecordIndex,
        from memory: borrowing Memory
    ) throws(Memory.Failure) -> Bool {
        guard let collection = facts.scope.collection else { return true }
        switch act {
        case .policySet(let name, _): return name == collection
        case .lockExtended(let records, _), .lockBypassed(let records),
            .eventRecorded(_, _, let records, _), .holdPlaced(_, .records(let records)):
            return try has(collection, records, from: memory)
        case .holdPlaced(_, .selection(let selection, _, _, _, _)):
            return selection.collection == collection
        case .holdReleased(_, let records?): return try has(collection, records, from: memory)
        case .payloadErased(let erased):
            guard erased.collection == collection else { return false }
            concerning.insert(index)
            return true
        case .payloadPurged(let erasure, _, _, _): return concerning.contains(erasure)
        case .census(_, _, _, let collections): return collections[collection] != nil
        case .accessExported(let export):
            return export.selection.collection.map { $0 == collection } ?? true
        // A whole matter may hold anything.
        case .holdReleased(_, nil): return true
        // What concerns the whole log concerns each collection.
        default: return true
        }
    }

    private func has<Memory: EvidenceMemory & ~Copyable>(
        _ collection: CollectionName,
        _ records: IndexRanges,
        from memory: borrowing Memory
    ) throws(Memory.Failure) -> Bool {
        for range in records.ranges {
            var next = range.lowerBound
            while next <= range.upperBound {
                let last = min(range.upperBound, next + (LogAudit.pieceCount - 1))
                let found = try memory.evidence(in: next...last)
                if found.contains(where: { $0.facts.collection == collection }) { return true }
                next = last + 1
            }
        }
        return false
    }
}

extension ReportFold {
    /// Takes stock of all evidence at the checkpoint; asked for last.
    mutating func takeStock<Memory: EvidenceMemory & ~Copyable>(
        from memory: borrowing Memory
    ) throws(Memory.Failure) {
        guard facts.size > 0 else { return }
        let (state, now) = (facts.final.state, facts.final.order.lastReceived)
        var standing = ReportFacts.Standing()
        var next: UInt64 = 0
        while next < facts.size {
            let last = min(facts.size - 1, next + (LogAudit.pieceCount - 1))
            for evidence in try memory.evidence(in: next...last)
            where facts.scope.covers(evidence.facts.collection) {
                standing.add(evidence.facts, state, at: now)
            }
            next = last + 1
        }
        facts.standing = standing
    }
}

extension ReportFacts.Standing {
    fileprivate mutating func add(_ facts: RecordFacts, _ state: LogState, at now: Timestamp) {
        count += 1
        let standing = state.lockStanding(of: facts.index, lock: facts.lock)
        if standing.erased != nil {
            erased += 1
        } else if standing.lock.isLocked(at: now) {
            locked += 1
        } else if !state.mattersHolding(facts).isEmpty {
            held += 1
        } else if state.mayBeHeldUnseen(facts) {
            unknown += 1
        } else {
            due += 1
            ReportFacts.append(facts.index, to: &dueRecords)
            if firstDue.count < ReportFacts.maximumShownCount { firstDue.append(facts.index) }
        }
    }
}
