import TransparencyLog

extension LogState {
    /// What is wrong with the next act; `nil` if it may follow.
    func fault(of record: ActRecord, at index: RecordIndex) -> String? {
        if let closed { return "the log was closed by record \(closed)" }
        if let lastAct, index <= lastAct { return "it does not follow record \(lastAct)" }
        guard index.value <= UInt64(JSONValue.maximumInteger) else {
            return "an index beyond 2^53 - 1"
        }
        switch record.act {
        case .policySet, .logClosed: return nil
        case .lockExtended(let records, let lock):
            return faultOfChange(records, below: index)
                ?? faultOfLock(lock, on: records) { change in
                    change.lock.map { lock.keeps($0) } ?? true
                }
        case .lockBypassed(let records):
            return faultOfChange(records, below: index) ?? faultOfBypass(records)
        case .eventRecorded(let event, _, let records, let lock):
            return faultOfChange(records, below: index)
                ?? faultOfLock(lock, on: records) { change in
                    Self.mayEnd(change, by: event, with: lock)
                }
        case .holdPlaced(_, .records(let records)): return faultOfChange(records, below: index)
        case .holdPlaced(_, .selection(_, let before, _, _, _)):
            return before <= index ? nil : "it selects records that do not exist yet"
        case .holdReleased(let matter, let records): return faultOfRelease(matter, records, index)
        case .payloadErased(let erased): return fault(of: erased, below: index)
        case .payloadPurged(let erasure, let copy, let count, _):
            return faultOfPurge(erasure, copy, count)
        case .clockResynced(_, _, let warrant):
            return fault(of: warrant, by: record.principal, at: index)
        case .census(let before, let part, let parts, let collections):
            return faultOfCensus(before, part, parts, below: index)
                ?? faultOfCounts(collections)
        case .accessChanged(let change): return fault(of: change)
        case .accessExported(let export):
            return export.before <= index ? nil : "it selects records that do not exist yet"
        case .targetAdded(let description): return fault(of: description)
        case .targetProbed(let name, _): return faultOfTarget(name)
        case .targetPhase(let change): return fault(of: change, below: index)
        case .targetRemoved(let name): return faultOfTarget(name) ?? faultOfRemoval(name)
        case .keyRotated(let rotation): return fault(of: rotation, at: index)
        case .accessDigest(let count, _, let day):
            guard let last = lastAccessDigest else { return nil }
            return day > last.day && count >= last.count
                ? nil : "it does not follow the digest of \(last.day)"
        }
    }

    // MARK: Locks

    /// Acts change records that exist and are not erased.
    private func faultOfChange(_ records: IndexRanges, below index: RecordIndex) -> String? {
        guard let last = records.last, last < index else {
            return "it names records that do not exist yet"
        }
        return firstErased(records).map { "record \($0) is erased" }
    }

    private func firstErased(_ records: IndexRanges) -> RecordIndex? {
        var first: RecordIndex?
        erasedBy.forEach(in: records) { range, _ in
            if first == nil { first = RecordIndex(range.lowerBound) }
        }
        return first
    }

    private func faultOfLock(
        _ lock: Lock,
        on records: IndexRanges,
        _ isProper: (LockChange) -> Bool
    ) -> String? {
        var fault: String?
        lockChanges.forEach(in: records) { range, change in
            guard fault == nil, !isProper(change), let before = change.lock else { return }
            fault = "\(lock) may not take the place of \(before) on record \(range.lowerBound)"
        }
        return fault
    }

    /// Whether an event may give this lock: it ends a waiting, or it came before and ends later.
    private static func mayEnd(
        _ change: LockChange,
        by event: EventName,
        with lock: Lock
    ) -> Bool {
        guard let before = change.lock else { return true }
        switch before.end {
        case .awaiting(let awaited, _):
            return awaited == event && (lock.mode == .compliance || before.mode == .governance)
        case .until: return change.event == event && lock.keeps(before)
        }
    }

    private func faultOfBypass(_ records: IndexRanges) -> String? {
        var fault = faultOfHold(records)
        lockChanges.forEach(in: records) { range, change in
            guard fault == nil, change.lock?.mode == .compliance else { return }
            fault = "record \(range.lowerBound) is under COMPLIANCE"
        }
        return fault
    }

    // MARK: Holds

    private func faultOfHold(_ records: IndexRanges) -> String? {
        var fault: String?
        heldBy.forEach(in: records) { range, matters in
            guard fault == nil, let matter = matters.first else { return }
            fault = "record \(range.lowerBound) is held by \(matter)"
        }
        return fault
    }

    private func faultOfRelease(
        _ matter: Matter,
        _ records: IndexRanges?,
        _ index: RecordIndex
    ) -> String? {
        guard let state = matters[matter] else { return "no hold names the matter \(matter)" }
        guard !state.isReleased else { return "the matter \(matter) is released" }
        guard let records else { return nil }
        guard let last = records.last, last < index else {
            return "it names records that do not exist yet"
        }
        return state.beyondReach(records).first.map { record in
            "the matter \(matter) does not hold record \(record)"
        }
    }

    // MARK: Erasures

    private func fault(of erased: PayloadErased, below index: RecordIndex) -> String? {
        let records = erased.records
        if let fault = faultOfChange(records, below: index) ?? faultOfHold(records) { return fault }
        if let fault = faultOfLatest(erased) { return fault }
        guard erased.clock.isSettled else { return "the clocks were not settled" }
        if policyIndex(for: erased.collection) != erased.policy {
            return "it names another policy than that in force"
        }
        switch erased.ground {
        case .expired:
            let locked = erased.items.first { $0.lock.isLocked(at: erased.clock.releasing) }
            guard let locked else { return nil }
            return "the lock of record \(locked.records.first?.value ?? 0) had not expired"
        case .bypass(let bypass):
            let firm = erased.items.first { $0.lock.mode == .compliance }
            if let firm {
                return "record \(firm.records.first?.value ?? 0) was under COMPLIANCE"
            }
            var covered: [ClosedRange<UInt64>] = []
            lockChanges.forEach(in: records) { range, change in
                if change.bypassed == bypass { IndexRanges.append(range, to: &covered) }
            }
            return covered == records.ranges
                ? nil : "record \(bypass) does not bypass all of its locks"
        }
    }

    /// The lock that a certificate names is not less than what acts gave.
    private func faultOfLatest(_ erased: PayloadErased) -> String? {
        var fault: String?
        for item in erased.items {
            lockChanges.forEach(in: item.records) { range, change in
                guard fault == nil, let lock = change.lock, !item.lock.keeps(lock) else { return }
                fault = "the lock of record \(range.lowerBound) was \(lock)"
            }
        }
        return fault
    }

    private func faultOfPurge(
        _ erasure: RecordIndex,
        _ copy: String,
        _ count: UInt64
    ) -> String? {
        guard let erased = erasures[erasure] else { return "record \(erasure) erased nothing" }
        guard !erased.copies.contains(copy) else { return "the copy \(copy) was purged before" }
        guard unpurged(inCopy: copy)[erasure] != nil else {
            return "the copy \(copy) never held what record \(erasure) erased"
        }
        return count == erased.records.count
            ? nil : "record \(erasure) erased \(erased.records.count) records"
    }

    // MARK: Log

    private func fault(
        of warrant: ClockWarrant,
        by principal: PrincipalName,
        at index: RecordIndex
    ) -> String? {
        switch warrant {
        case .persons(let first, _):
            let arePersons = !first.isReserved && !principal.isReserved
            return arePersons && Set(chain(of: first)).isDisjoint(with: chain(of: principal))
                ? nil : "\(first) and \(principal) are not two persons"
        case .times(let times):
            guard principal == .strongroom else {
                return "only the log itself moves its clock by authenticated times"
            }
            return times.allSatisfy { $0.size.value <= index.value }
                ? nil : "what was signed for it was no tree of the log yet"
        }
    }

    private func faultOfCensus(
        _ before: RecordIndex,
        _ part: Int,
        _ parts: Int,
        below index: RecordIndex
    ) -> String? {
        guard before <= index else { return "it counts records that do not exist yet" }
        if let progress = censusProgress, part > 1 {
            let isNext =
                before == progress.before && parts == progress.parts && part == progress.part + 1
            return isNext ? nil : "it is not the next part of its census"
        }
        guard part == 1 else { return "the first part of its census is missing" }
        guard let last = lastCensus else { return nil }
        return before > last.before ? nil : "it counts less than record \(last.index)"
    }

    private func faultOfCounts(_ collections: [CollectionName: CensusEntry]) -> String? {
        for (name, entry) in collections {
            guard let before = censusMentions[name] else { continue }
            guard entry.count >= before.entry.count, entry.last >= before.entry.last else {
                return "\(name) had more records at record \(before.index)"
            }
        }
        return nil
    }

    private func fault(of change: AccessChange) -> String? {
        switch change {
        case .created(let grant):
            if grant.name.isReserved { return "no token may be named \(grant.name)" }
            if tokensByName[grant.name] != nil { return "there was a token \(grant.name) before" }
            guard grant.rights.contains(.bypass), !grant.role.admitsBypass else { return nil }
            return "the role \(grant.role.rawValue) has no right to bypass"
        case .revoked(let name):
            guard let token = tokensByName[name] else { return "there is no token \(name)" }
            return token.revoked == nil ? nil : "the token \(name) was revoked before"
        }
    }
}
