public import TransparencyLog

extension LogState {
    /// Decides a proposal, in this state and at this moment: the one place where that is done.
    ///
    /// The rules are those of S3 Object Lock. A COMPLIANCE lock is only ever extended; a GOVERNANCE
    /// lock may become one of COMPLIANCE at the same or a later date, or be bypassed with the right
    /// and a reason; a hold is independent of locks; a record is locked while `now <= until`. Locks
    /// are granted by the later of both clocks and released by the earlier, and while these differ
    /// by more than 24 hours neither is done.
    ///
    /// Single records that do not allow what is wanted are listed in the ruling; what concerns the
    /// request as a whole is thrown. Scopes are checked against the collections of the facts.
    ///
    /// `reason`: what a person must give, except to set a policy, to manage tokens, to add a
    /// target, and to erase what is due. `next`: the index that the first act will have; the state
    /// is that of all acts below. `defaults`: the policy of collections for which none was set.
    ///
    /// - Throws: `Refusal`, naming the rule and the state that it meets.
    public func rule(
        on proposal: ActProposal,
        by principal: Principal,
        reason: Reason?,
        at clock: ClockReading,
        next index: RecordIndex,
        defaults: CollectionPolicy = .standard
    ) throws(Refusal) -> Ruling {
        try admit(proposal, by: principal, reason: reason, at: clock)
        let ruling = try decide(proposal, by: principal, at: clock, next: index, defaults)
        for act in ruling.acts {
            if let fault = act.fault { throw .malformed("\(fault.member) \(fault.rule)") }
        }
        return ruling
    }

    private func decide(
        _ proposal: ActProposal,
        by principal: Principal,
        at clock: ClockReading,
        next index: RecordIndex,
        _ defaults: CollectionPolicy
    ) throws(Refusal) -> Ruling {
        switch proposal {
        case .setPolicy(let collection, let policy): return rulePolicy(collection, policy)
        case .extendLock(let facts, let wanted):
            return try ruleExtension(of: facts, to: wanted, at: clock, defaults)
        case .recordEvent(let event, let at, let facts):
            return try ruleEvent(event, since: at, facts, at: clock, defaults)
        case .placeHold(let matter, .records(let records), let facts):
            return try ruleHold(matter, on: records, facts)
        case .placeHold(let matter, let scope, _):
            return try ruleHold(matter, by: scope, next: index)
        case .releaseHold(let matter, let records, let facts):
            return try ruleRelease(matter, records, facts, next: index)
        case .erase(let facts): return ruleErasure(facts, at: clock)
        case .bypass(let facts): return try ruleBypass(facts, at: clock, next: index)
        case .purged(let erasure, let copy, let objects):
            return try rulePurge(erasure, copy, objects)
        case .resync(let first, let firstReason):
            return try ruleResync(first, firstReason, second: principal, at: clock)
        case .resyncByTimes(let times): return try ruleResync(by: times, at: clock)
        case .createToken(let grant): return try ruleToken(grant, by: principal, at: clock)
        case .revokeToken(let name): return try ruleRevocation(name, by: principal)
        case .census(let before, let collections):
            return try ruleCensus(before, collections, next: index)
        case .accessDigest(let count, let head, let day):
            return try ruleReport(.accessDigest(count: count, head: head, day: day), next: index)
        case .export(let export): return Ruling([.accessExported(export)])
        case .addTarget(let description): return try ruleTarget(description)
        case .probedTarget(let name, let report): return try ruleProbe(name, report)
        case .changePhase(let change): return try rulePhase(change, next: index)
        case .removeTarget(let name): return try ruleRemoval(name)
        case .rotateKey(let key, let signatures, let overlap):
            return try ruleRotation(to: key, signatures, overlap: overlap, at: clock, next: index)
        case .close: return try ruleClosing()
        }
    }

    // MARK: What comes before all rules

    private func admit(
        _ proposal: ActProposal,
        by principal: Principal,
        reason: Reason?,
        at clock: ClockReading
    ) throws(Refusal) {
        if let closed { throw .logClosed(closed) }
        try checkToken(of: principal, at: clock)
        try check(proposal, by: principal)
        if proposal.needsReason, reason == nil, principal != .system { throw .reasonMissing }
        guard clock.isSettled || !proposal.needsSettledClocks else { throw .clockUnsettled(clock) }
    }

    /// Between the request and its decision a token may have come to its end.
    func checkToken(of principal: Principal, at clock: ClockReading) throws(Refusal) {
        guard let token = tokensByName[principal.name] else { return }
        if let revoked = token.revoked { throw .tokenRevoked(principal.name, by: revoked) }
        if let expires = token.grant.expires, !token.isValid(at: clock) {
            throw .tokenExpired(principal.name, expires)
        }
    }

    private func check(
        _ proposal: ActProposal,
        by principal: Principal
    ) throws(Refusal) {
        guard let permission = proposal.permission else {
            guard principal == .system else { throw .onlyTheLogItself(principal.name) }
            return
        }
        let isAnonymous = principal == .anonymous
        guard principal.has(permission), !isAnonymous || !hasTokens else {
            if isAnonymous, !hasTokens { throw .needsTokens(permission) }
            throw .notPermitted(principal.name, permission, collection: nil)
        }
        guard let collections = proposal.collections else {
            guard principal.may(permission) else {
                throw .notPermitted(principal.name, permission, collection: nil)
            }
            return
        }
        let closed = collections.filter { !principal.may(permission, in: $0) }.min()
        if let closed { throw .notPermitted(principal.name, permission, collection: closed) }
    }

    // MARK: Policies

    private func rulePolicy(_ collection: CollectionName, _ policy: CollectionPolicy) -> Ruling {
        // Whatever modes the policy came to grant on the way, a policy that is set grants its own.
        let policy = CollectionPolicy(
            retention: policy.retention,
            event: policy.event,
            isSealed: policy.isSealed
        )
        guard policySettings[collection]?.policy != policy else { return Ruling([]) }
        return Ruling([.policySet(collection, policy)])
    }

    // MARK: What the log reports of itself

    private func rulePurge(
        _ erasure: RecordIndex,
        _ copy: String,
        _ objects: PurgedObjects?
    ) throws(Refusal) -> Ruling {
        guard let erased = erasures[erasure] else { throw .nothingErased(by: erasure) }
        guard !erased.copies.contains(copy) else { throw .purgedBefore(copy: copy) }
        guard unpurged(inCopy: copy)[erasure] != nil else {
            throw .copyOwesNothing(copy: copy, erasure: erasure)
        }
        return Ruling([
            .payloadPurged(
                erasure: erasure,
                copy: copy,
                count: erased.records.count,
                objects: objects
            )
        ])
    }

    private func ruleCensus(
        _ before: RecordIndex,
        _ collections: [CollectionName: CensusEntry],
        next index: RecordIndex
    ) throws(Refusal) -> Ruling {
        let names = collections.keys.sorted()
        let size = Act.maximumCensusEntryCount
        let starts = Array(stride(from: 0, to: names.count, by: size))
        var acts: [Act] = []
        for start in starts {
            let part = names[start..<min(start + size, names.count)]
            acts.append(
                .census(
                    before: before,
                    part: acts.count + 1,
                    parts: starts.count,
                    collections: collections.filter { part.contains($0.key) }
                )
            )
        }
        if let first = acts.first { _ = try ruleReport(first, next: index) }
        return Ruling(acts)
    }

    /// A report of the log must follow those before, as the fold demands it.
    private func ruleReport(_ act: Act, next index: RecordIndex) throws(Refusal) -> Ruling {
        let record = ActRecord(
            checked: act,
            principal: .strongroom,
            reason: nil,
            received: .earliest
        )
        if let fault = fault(of: record, at: index) { throw .reportOutOfOrder(fault) }
        return Ruling([act])
    }

    // MARK: The end

    private func ruleClosing() throws(Refusal) -> Ruling {
        if let open = unpurged.keys.min() { throw .erasureUnfinished(open) }
        return Ruling([.logClosed])
    }
}

extension ActProposal {
    /// What it takes; `nil` for what only the log itself writes.
    var permission: Permission? {
        switch self {
        case .setPolicy: .setPolicy
        case .extendLock: .extendLock
        case .recordEvent: .recordEvent
        case .placeHold: .placeHold
        case .releaseHold: .releaseHold
        case .erase: .erase
        case .bypass: .bypass
        case .resync: .resyncClock
        case .createToken, .revokeToken: .manageTokens
        case .addTarget, .changePhase, .removeTarget: .manageTargets
        case .export: .readEvidence
        case .rotateKey: .rotateKey
        case .close: .closeLog
        case .purged, .resyncByTimes, .probedTarget, .census, .accessDigest: nil
        }
    }

    /// The collections in which something is done; `nil`: perhaps all of them.
    var collections: Set<CollectionName>? {
        switch self {
        case .setPolicy(let collection, _): [collection]
        case .extendLock(let facts, _): [facts.collection]
        case .recordEvent(_, _, let facts), .erase(let facts), .bypass(let facts),
            .placeHold(_, .records, let facts):
            Set(facts.map(\.collection))
        case .placeHold(_, .selection(let selection, _, _, _, _), _): [selection.collection]
        case .releaseHold(_, let records?, let facts)
        where records.subtracting(IndexRanges(facts.map(\.index))).isEmpty:
            Set(facts.map(\.collection))
        case .export(let export): export.selection.collection.map { [$0] }
        default: nil
        }
    }

    /// Whether a person must say why.
    var needsReason: Bool {
        switch self {
        case .extendLock, .recordEvent, .placeHold, .releaseHold, .bypass, .resync, .changePhase,
            .removeTarget, .rotateKey, .close:
            true
        case .setPolicy, .erase, .createToken, .revokeToken, .addTarget, .purged, .resyncByTimes,
            .probedTarget, .census, .accessDigest, .export:
            false
        }
    }

    /// Whether it depends on what time it is, so that it must wait while the clocks disagree.
    var needsSettledClocks: Bool {
        switch self {
        case .extendLock, .recordEvent, .erase, .bypass: true
        default: false
        }
    }
}
