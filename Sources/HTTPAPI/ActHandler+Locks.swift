import EvidenceModel
import EvidenceStore
import HTTPMessage
import TransparencyLog

// Locks, policies, holds and events.

extension ActHandler {
    /// `POST /v1/records/{index}/lock`.
    func extendLock(of index: RecordIndex) throws(Refused) -> Response {
        let members = try members(["until", "mode", "reason"])
        let reason = try members.requiredReason()
        let change = LockExtension(until: try members.time("until"), mode: try members.mode())
        guard change.until != nil || change.mode != nil else {
            throw Refused(.badRequest, "Give 'until', 'mode', or both.")
        }
        let facts = try request.facts(of: index, for: .extendLock)
        let outcome = try propose(.extendLock(facts, change), reason, about: index)
        let refused = refusals(outcome)
        guard refused.isEmpty else { throw Refused(allOf: refused) }
        var object: JSONObject = ["index": .index(index)]
        if let act = outcome.records.first, case .lockExtended(_, let lock) = act.record.act {
            object["lock"] = lock.json
            object["act"] = .index(act.index)
            object["receipt"] = try receipts(outcome).first
        } else {
            let standing = store.withState { $0.lockStanding(of: index, lock: facts.lock) }
            object["lock"] = standing.lock.json
        }
        return reply(object, isNew: !outcome.acts.isEmpty)
    }

    /// `PUT /v1/collections/{collection}/policy`.
    func setPolicy(_ name: String) throws(Refused) -> Response {
        let collection = try limiting { () throws(LimitViolation) in try CollectionName(name) }
        let query = try Query(request.head.target, known: ["dryRun"])
        let isDryRun = try query.flag("dryRun")
        let policy = try members(CollectionPolicy.members, parameters: ["dryRun"]).policy()
        let before = store.policy(for: collection)
        var object: JSONObject = [
            "after": policy.json, "before": before.json,
            "changes": .array(policy.changes(from: before).map { .string($0) }),
            "collection": .string(collection.text), "dryRun": .bool(isDryRun),
        ]
        let proposal = ActProposal.setPolicy(collection, policy)
        guard !isDryRun else {
            try check(proposal)
            return reply(object, isNew: false)
        }
        let outcome = try propose(proposal, nil)
        if !outcome.acts.isEmpty { (object["act"], object["receipt"]) = try only(outcome) }
        return reply(object, isNew: !outcome.acts.isEmpty)
    }

    /// Refuses what the log would refuse, and writes nothing.
    private func check(_ proposal: ActProposal) throws(Refused) {
        let clock = store.clock.reading
        let next = RecordIndex(store.checkpoint.size.value)
        do throws(Refusal) {
            _ = try store.withState { state throws(Refusal) in
                try state.rule(
                    on: proposal,
                    by: request.principal,
                    reason: nil,
                    at: clock,
                    next: next
                )
            }
        } catch {
            throw Refused(Problem(error))
        }
    }

    // MARK: Holds

    /// `POST /v1/holds`.
    func placeHold() throws(Refused) -> Response {
        let members = try members(["matter", "records", "selection", "standing", "reason"])
        let reason = try members.requiredReason()
        let matter = try members.matter()
        guard matter.text != "release" else {
            throw Refused(
                .limit,
                "The matter 'release' is not taken: the word belongs to the interface."
            )
        }
        let isStanding = try members.bool("standing") ?? false
        let (proposal, found): (ActProposal, [RefusedRecord])
        switch try members.subject() {
        case .records(let records):
            guard !isStanding else {
                throw Refused(
                    .badRequest,
                    "'standing' goes with a 'selection': what is named by index is there already."
                )
            }
            let (facts, refused) = try facts(of: records, for: .placeHold)
            let scope = HoldScope.records(IndexRanges(facts.map(\.index)))
            (proposal, found) = (.placeHold(matter, scope, facts), refused)
        case .selection(let selection):
            try request.require(.placeHold, in: selection.collection)
            let matches = try refusing { () throws(StoreError) in try store.matches(selection) }
            let scope = HoldScope.selection(
                selection,
                before: matches.before,
                count: matches.count,
                digest: matches.digest,
                isStanding: isStanding
            )
            (proposal, found) = (.placeHold(matter, scope, []), [])
        }
        let outcome = try propose(proposal, reason)
        return try changed("matter", matter.text, outcome, found)
    }

    /// `POST /v1/holds/release`.
    func releaseHold() throws(Refused) -> Response {
        let members = try members(["matter", "records", "reason"])
        let reason = try members.requiredReason()
        let matter = try members.matter()
        guard let records = try members.indexes("records", limit: Self.maximumRecords) else {
            try request.require(.releaseHold, in: nil)
            let outcome = try propose(.releaseHold(matter, nil), reason)
            return try changed("matter", matter.text, outcome, [])
        }
        let (facts, found) = try facts(of: records, for: .releaseHold)
        let named = IndexRanges(facts.map(\.index))
        let outcome = try propose(.releaseHold(matter, named, facts), reason)
        return try changed("matter", matter.text, outcome, found)
    }

    // MARK: Events

    /// `POST /v1/events`.
    func recordEvent() throws(Refused) -> Response {
        let members = try members(["event", "at", "records", "selection", "reason"])
        let reason = try members.requiredReason()
        let text = try members.requiredString("event")
        let event = try limiting { () throws(LimitViolation) in try EventName(text) }
        let at = try members.time("at")
        let (facts, found): ([RecordFacts], [RefusedRecord])
        switch try members.subject() {
        case .records(let records):
            (facts, found) = try self.facts(of: records, for: .recordEvent)
        case .selection(let selection):
            try request.require(.recordEvent, in: selection.collection)
            let matches = try refusing { () throws(StoreError) in try store.matches(selection) }
            guard matches.count <= Self.maximumSelected else {
                throw Refused(
                    .limit,
                    "The selection matches \(matches.count) records; an event takes "
                        + "\(Self.maximumSelected) at most: narrow it by prefix or labels."
                )
            }
            guard matches.count > 0 else {
                return try changed("event", event.text, nil, [])
            }
            (facts, found) = try self.facts(of: matches.indexes, for: .recordEvent)
        }
        let outcome = try propose(.recordEvent(event, at: at, facts), reason)
        return try changed("event", event.text, outcome, found)
    }

    /// How many records a selection of an event may match: their facts are held in memory.
    private static let maximumSelected: UInt64 = 100_000

    /// The reply to a hold, a release or an event.
    private func changed(
        _ kind: String,
        _ name: String,
        _ outcome: ActOutcome?,
        _ found: [RefusedRecord]
    ) throws(Refused) -> Response {
        let refused = outcome.map { refusals($0, after: found) } ?? found
        let acts = outcome?.records ?? []
        guard !acts.isEmpty || refused.isEmpty else { throw Refused(allOf: refused) }
        var object: JSONObject = [
            "acts": .array(acts.map { .index($0.index) }),
            "count": .integer(Int64(acts.reduce(0) { $0 + $1.record.act.recordCount })),
            "receipts": .array(
                try outcome.map { outcome throws(Refused) in
                    try receipts(outcome)
                } ?? []
            ),
            "refused": .array(refused.map(\.json)),
        ]
        object[kind] = .string(name)
        return reply(object, isNew: !acts.isEmpty)
    }
}

extension Act {
    /// How many records the act names or selects; 0 where it is about something else.
    var recordCount: UInt64 {
        switch self {
        case .lockExtended(let records, _), .lockBypassed(let records),
            .eventRecorded(_, _, let records, _), .holdPlaced(_, .records(let records)):
            records.count
        case .holdPlaced(_, .selection(_, _, let count, _, _)): count
        case .holdReleased(_, let records): records?.count ?? 0
        case .payloadErased(let erased): erased.count
        default: 0
        }
    }
}
