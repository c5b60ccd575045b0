public import TransparencyLog

extension LogState {
    /// Adds the next act.
    ///
    /// All is checked before anything is changed: after an error the state is what it was.
    ///
    /// - Throws: `ActFault` for an act that `rule` would not have given in this state, as far as
    ///   the acts alone can tell.
    public mutating func apply(
        _ record: ActRecord,
        at index: RecordIndex
    ) throws(ActFault) {
        if let reason = fault(of: record, at: index) {
            throw ActFault(index: index, kind: record.act.kind, reason: reason)
        }
        change(record, index)
        lastAct = index
        actCount += 1
    }

    private mutating func change(_ record: ActRecord, _ index: RecordIndex) {
        switch record.act {
        case .policySet(let collection, let policy):
            policySettings[collection] = PolicySetting(policy: policy, index: index)
        case .lockExtended(let records, let lock):
            changeLocks(records, at: index) { $0.lock = lock }
        case .lockBypassed(let records):
            changeLocks(records, at: index) { $0.bypassed = index }
        case .eventRecorded(let event, _, let records, let lock):
            changeLocks(records, at: index) { change in
                change.event = event
                change.lock = lock
            }
        case .holdPlaced(let matter, let scope): place(matter, scope, at: index)
        case .holdReleased(let matter, let records): release(matter, records, at: index)
        case .payloadErased(let erased):
            erasedBy.update(erased.records) { $0 = index }
            erasures[index] = Erasure(records: erased.records)
            unpurged[index] = erased.records
            for name in targets.keys { owed[name, default: [:]][index] = erased.records }
        case .payloadPurged(let erasure, let copy, _, _):
            erasures[erasure]?.copies.append(copy)
            if copy == Self.localCopy {
                unpurged[erasure] = nil
            } else {
                targets.keys.first { $0.text == copy }.map { owed[$0]?[erasure] = nil }
            }
        case .clockResynced, .accessExported: break
        case .census(let before, let part, let parts, let collections):
            for (name, entry) in collections {
                censusMentions[name] = CensusMention(entry: entry, index: index)
            }
            if part == parts {
                censusProgress = nil
                lastCensus = (index, before)
            } else {
                censusProgress = CensusProgress(before: before, part: part, parts: parts)
            }
        case .accessChanged(.created(let grant)):
            tokensByName[grant.name] = TokenState(
                grant: grant,
                created: index,
                createdBy: record.principal
            )
        case .accessChanged(.revoked(let name)): tokensByName[name]?.revoked = index
        case .accessDigest(let count, let head, let day):
            lastAccessDigest = AccessDigest(index: index, day: day, count: count, head: head)
        case .targetAdded(let description):
            targets[description.name] = TargetState(description: description, added: index)
        case .targetProbed(let name, let report):
            targets[name]?.lastProbe = TargetState.Probe(
                index: index,
                report: report,
                at: record.received
            )
        case .targetPhase(let change):
            targets[change.target]?.phase = change.to
            targets[change.target]?.lastPhase = index
        case .targetRemoved(let name):
            targets[name] = nil
            owed[name] = nil
            removedTargets[name] = index
        case .keyRotated(let rotation): rotate(rotation, at: index)
        case .logClosed: closed = index
        }
    }

    /// The copy on the server's own disk.
    static let localCopy = "local"

    private mutating func changeLocks(
        _ records: IndexRanges,
        at index: RecordIndex,
        _ body: (inout LockChange) -> Void
    ) {
        lockChanges.update(records) { value in
            var change = value ?? LockChange()
            body(&change)
            change.history.append(index)
            value = change
        }
    }

    private mutating func place(_ matter: Matter, _ scope: HoldScope, at index: RecordIndex) {
        matters[matter, default: MatterState()].isReleased = false
        matters[matter]?.acts.append(index)
        switch scope {
        case .records(let records):
            matters[matter]?.explicit.insert(records)
            heldBy.update(records) { matters in
                guard matters?.contains(matter) != true else { return }
                matters = ((matters ?? []) + [matter]).sorted()
            }
        case .selection(let selection, let before, let count, let digest, let isStanding):
            matters[matter]?.selections.append(
                MatterState.SelectionHold(
                    act: index,
                    selection: selection,
                    before: before,
                    count: count,
                    digest: digest,
                    isStanding: isStanding
                )
            )
            if !selecting.contains(matter) { selecting = (selecting + [matter]).sorted() }
        }
    }

    private mutating func release(
        _ matter: Matter,
        _ records: IndexRanges?,
        at index: RecordIndex
    ) {
        let released = records ?? matters[matter]?.explicit.ranges ?? .none
        heldBy.update(released) { matters in
            matters?.removeAll { $0 == matter }
            if matters?.isEmpty == true { matters = nil }
        }
        matters[matter]?.acts.append(index)
        if let records {
            matters[matter]?.explicit.remove(records)
            let count = matters[matter]?.selections.count ?? 0
            for place in 0..<count { matters[matter]?.selections[place].exclusions.insert(records) }
        } else {
            matters[matter]?.explicit = RecordSet()
            matters[matter]?.selections = []
            matters[matter]?.isReleased = true
            selecting.removeAll { $0 == matter }
        }
    }
}
