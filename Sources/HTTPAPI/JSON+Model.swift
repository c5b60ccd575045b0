import Attestation
import Cryptography
import EvidenceModel
import EvidenceStore
import TransparencyLog

// How the interface writes what the model and the store know.

extension JSONValue {
    static func index(_ index: RecordIndex) -> JSONValue { .integer(Int64(index.value)) }
}

extension Receipt {
    /// The receipt of an act as a part of a reply; what is sealed has an opening besides.
    var json: JSONObject {
        [
            "checkpoint": .string(checkpoint), "index": .index(index),
            "leafHash": .string(leafHash.base64),
            "proof": .array(proof.map { .string($0.base64) }),
            "record": .string(String(decoding: record, as: UTF8.self)),
            "treeSize": .integer(Int64(treeSize.value)), "type": .string(Self.type),
        ]
    }
}

extension [LogKey] {
    /// Keys as `GET /v1/keys` lists them.
    var json: JSONValue {
        .array(
            map { key in
                var object: JSONObject = ["key": .string(key.key.description)]
                object["act"] = key.rotated.map { .index($0) }
                object["until"] = key.until.map { .string($0.rfc3339) }
                return .object(object)
            }
        )
    }
}

extension EvidenceAPI {
    /// How many are asked for an authenticated time when the clocks are unsettled.
    private var timeSources: Int {
        guard store.readOnly == nil else { return 0 }
        return (witnesses?.statuses.count ?? 0) + (timestamps?.statuses().count ?? 0)
    }

    /// The reply of `GET /v1/clock`.
    var clockState: JSONObject {
        var object = store.clock.json
        object["timeSources"] = .integer(Int64(timeSources))
        return object
    }
}

extension ClockStatus {
    fileprivate var json: JSONObject {
        var object: JSONObject = [
            "budgetSeconds": .integer(budgetMilliseconds / 1000),
            "compliance": .string(reading.compliance.rfc3339), "settled": .bool(reading.isSettled),
        ]
        object["wall"] = reading.wall.map { .string($0.rfc3339) }
        object["differenceSeconds"] = differenceSeconds.map { .integer($0) }
        if let pendingResync {
            object["pendingResync"] = .object([
                "by": .string(pendingResync.principal.name.text),
                "expires": .string(pendingResync.until.rfc3339),
                "reason": .string(pendingResync.reason.text),
            ])
        }
        return object
    }

    /// Compliance clock minus wall clock; nil where there is no wall clock.
    var differenceSeconds: Int64? { reading.differenceMilliseconds.map { -($0 / 1000) } }
}

extension MatterState {
    func json(_ matter: Matter) -> JSONObject {
        [
            "acts": .array(acts.map { .index($0) }), "matter": .string(matter.text),
            "records": explicit.ranges.json, "released": .bool(isReleased),
            "selections": .array(selections.map(\.json)),
        ]
    }
}

extension MatterState.SelectionHold {
    var json: JSONValue {
        .object([
            "before": .index(before), "count": .integer(Int64(count)),
            "excluded": exclusions.ranges.json, "selection": selection.json,
            "standing": .bool(isStanding),
        ])
    }
}

extension TokenState {
    func json(at clock: ClockReading) -> JSONValue {
        let state = isValid(at: clock) ? "active" : revoked == nil ? "expired" : "revoked"
        var object: JSONObject = [
            "created": .index(created), "createdBy": .string(createdBy.text),
            "name": .string(name.text),
            "rights": .array(grant.rights.map(\.rawValue).sorted().map { .string($0) }),
            "role": .string(grant.role.rawValue), "state": .string(state),
        ]
        object["collections"] = grant.collections.map { collections in
            .array(collections.sorted().map { .string($0.text) })
        }
        object["expires"] = grant.expires.map { .string($0.rfc3339) }
        object["revoked"] = revoked.map { .index($0) }
        return .object(object)
    }
}

extension DueEntry {
    var json: JSONValue {
        var object: JSONObject = [
            "collection": .string(facts.collection.text), "index": .index(facts.index),
            "isDue": .bool(refusal == nil), "lock": standing.lock.json,
        ]
        object["name"] = facts.description.map { .string($0.name.text) }
        object["reason"] = refusal.map { .string("\($0)") }
        return .object(object)
    }
}

extension LockReport {
    /// The reply of `GET /v1/records/{index}/lock`.
    var json: JSONObject {
        let granted: JSONObject = [
            "at": .string(facts.received.rfc3339), "event": .string("granted"),
            "index": .index(facts.index), "lock": facts.lock.json,
        ]
        var entries: [JSONValue] = [.object(granted)]
        for (index, record) in history {
            var entry: JSONObject = [
                "at": .string(record.received.rfc3339), "event": .string(record.act.kind.rawValue),
                "index": .index(index), "principal": .string(record.principal.text),
            ]
            entry["lock"] = record.act.lock?.json
            entry["reason"] = record.reason.map { .string($0.text) }
            entries.append(.object(entry))
        }
        var object: JSONObject = [
            "history": .array(entries), "holds": .array(matters.map { .string($0.text) }),
            "index": .index(facts.index), "lock": standing.lock.json,
        ]
        object["erased"] = standing.erased.map { .index($0) }
        return object
    }
}

extension Act {
    /// The lock that the act gives.
    fileprivate var lock: Lock? {
        switch self {
        case .lockExtended(_, let lock), .eventRecorded(_, _, _, let lock): lock
        default: nil
        }
    }
}
