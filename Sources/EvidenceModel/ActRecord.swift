import Cryptography
import TransparencyLog

/// An act as a record: who did it, why, and when the log took it.
public struct ActRecord: Hashable, Sendable {
    /// What was done.
    public let act: Act
    /// Who did it.
    public let principal: PrincipalName
    /// Why; present wherever a person has to say it.
    public let reason: Reason?
    /// When the log took it.
    public let received: Timestamp

    /// A record.
    ///
    /// - Precondition: the act is within the limits of its kind, as all are that `LogState.rule`
    ///   gives.
    public init(act: Act, principal: PrincipalName, reason: Reason?, received: Timestamp) {
        if let fault = act.fault { preconditionFailure("\(fault.member): \(fault.rule)") }
        self.init(checked: act, principal: principal, reason: reason, received: received)
    }

    init(checked act: Act, principal: PrincipalName, reason: Reason?, received: Timestamp) {
        self.act = act
        self.principal = principal
        self.reason = reason
        self.received = received
    }

    /// The canonical bytes, at most `Record.maximumSizeBytes`.
    public var encoded: [UInt8] {
        var members = act.members
        members["kind"] = .string(act.kind.rawValue)
        members["principal"] = .string(principal.text)
        if let reason { members["reason"] = .string(reason.text) }
        members["received"] = .string(received.rfc3339)
        members["v"] = .integer(Record.version)
        return CanonicalJSON.encode(.object(members))
    }
}

extension Act {
    /// The members that the kind has beyond those of all acts.
    var members: JSONObject {
        switch self {
        case .policySet(let collection, let policy):
            return ["collection": .string(collection.text), "policy": policy.json]
        case .lockExtended(let records, let lock):
            return ["lock": lock.json, "records": records.json]
        case .lockBypassed(let records): return ["records": records.json]
        case .eventRecorded(let event, let at, let records, let lock):
            var members: JSONObject = [
                "event": .string(event.text), "lock": lock.json, "records": records.json,
            ]
            members["at"] = at.map { .string($0.rfc3339) }
            return members
        case .holdPlaced(let matter, let scope):
            var members = scope.members
            members["matter"] = .string(matter.text)
            return members
        case .holdReleased(let matter, let records):
            var members: JSONObject = ["matter": .string(matter.text)]
            members["records"] = records.map(\.json)
            return members
        case .payloadErased(let erased): return erased.members
        case .payloadPurged(let erasure, let copy, let count, let objects):
            var members: JSONObject = [
                "copy": .string(copy), "count": .count(count), "erasure": .index(erasure),
            ]
            members["objects"] = objects.map(\.json)
            return members
        case .clockResynced(let from, let to, let warrant):
            var members = warrant.members
            members["from"] = .string(from.rfc3339)
            members["to"] = .string(to.rfc3339)
            return members
        case .census(let before, let part, let parts, let collections):
            return [
                "before": .index(before), "collections": .object(Self.census(collections)),
                "part": .integer(Int64(part)), "parts": .integer(Int64(parts)),
            ]
        case .accessChanged(let change): return change.members
        case .accessDigest(let count, let head, let day):
            return ["count": .count(count), "day": .string(day), "head": .string(head.hex)]
        case .accessExported(let export): return export.members
        case .targetAdded(let description): return description.members
        case .targetProbed(let target, let report):
            var members = report.members
            members["target"] = .string(target.text)
            return members
        case .targetPhase(let change): return change.members
        case .targetRemoved(let target): return ["target": .string(target.text)]
        case .keyRotated(let rotation): return rotation.members
        case .logClosed: return [:]
        }
    }

    private static func census(_ collections: [CollectionName: CensusEntry]) -> JSONObject {
        let members = collections.sorted { $0.key < $1.key }.map { name, entry in
            let value: JSONObject = [
                "count": .count(entry.count.value), "last": .index(entry.last),
            ]
            return (name: name.text, value: JSONValue.object(value))
        }
        return JSONObject(sorted: members)
    }
}

extension JSONValue {
    static func index(_ index: RecordIndex) -> JSONValue { .integer(Int64(index.value)) }

    static func count(_ count: UInt64) -> JSONValue { .integer(Int64(count)) }

    static func strings(_ texts: some Sequence<String>) -> JSONValue {
        .array(texts.map { .string($0) })
    }
}

extension IndexRanges {
    /// An array of `[first,last]`.
    ///
    /// - Precondition: every index is below 2^53.
    public var json: JSONValue {
        .array(
            ranges.map { range in
                .array([.integer(Int64(range.lowerBound)), .integer(Int64(range.upperBound))])
            }
        )
    }
}

extension Lock {
    /// The object that stands in records: `mode` and `until`, or `duration`, `event` and `mode`.
    public var json: JSONValue {
        switch end {
        case .until(let until):
            ["mode": .string(mode.rawValue), "until": .string(until.rfc3339Seconds)]
        case .awaiting(let event, let duration):
            [
                "duration": .string(duration.description), "event": .string(event.text),
                "mode": .string(mode.rawValue),
            ]
        }
    }
}

extension CollectionPolicy {
    /// The object that stands in records: `default`, `event`, `maximum`, `minimum`, `mode`, and
    /// `sealed` if it is so.
    public var json: JSONValue {
        var object: JSONObject = [
            "default": .string(retention.standard.description),
            "maximum": .string(retention.maximum.description),
            "minimum": .string(retention.minimum.description),
            "mode": .string(retention.mode.rawValue),
        ]
        object["event"] = event.map { .string($0.text) }
        if isSealed { object["sealed"] = .bool(true) }
        return .object(object)
    }
}

extension Selection {
    /// The object that stands in records: `collection`, `labels`, `prefix`.
    public var json: JSONValue {
        var object: JSONObject = ["collection": .string(collection.text)]
        if !labels.isEmpty {
            let members = labels.sorted.map { (name: $0.key, value: JSONValue.string($0.value)) }
            object["labels"] = .object(JSONObject(sorted: members))
        }
        object["prefix"] = namePrefix.map { .string($0) }
        return .object(object)
    }
}

extension HoldScope {
    var members: JSONObject {
        switch self {
        case .records(let records): return ["records": records.json]
        case .selection(let selection, let before, let count, let digest, let isStanding):
            var members: JSONObject = [
                "before": .index(before), "count": .count(count), "digest": .string(digest.hex),
                "selection": selection.json,
            ]
            if isStanding { members["standing"] = .bool(true) }
            return members
        }
    }
}

extension PayloadErased {
    var members: JSONObject {
        var members: JSONObject = [
            "clock": clock.json, "collection": .string(collection.text), "count": .count(count),
            "digest": .string(digest.hex), "items": .array(items.map(\.json)),
        ]
        switch ground {
        case .expired: members["ground"] = "expired"
        case .bypass(let index):
            members["ground"] = "bypass"
            members["bypass"] = .index(index)
        }
        members["policy"] = policy.map { .index($0) }
        return members
    }
}

extension PayloadErased.Item {
    var json: JSONValue {
        var object: JSONObject = ["lock": lock.json, "records": records.json]
        if !history.isEmpty { object["history"] = .array(history.map { .index($0) }) }
        return .object(object)
    }
}

extension ClockReading {
    var json: JSONValue {
        var object: JSONObject = ["compliance": .string(compliance.rfc3339)]
        object["wall"] = wall.map { .string($0.rfc3339) }
        return .object(object)
    }
}

extension AccessChange {
    var members: JSONObject {
        switch self {
        case .created(let grant):
            var members: JSONObject = [
                "change": "created", "role": .string(grant.role.rawValue),
                "token": .string(grant.name.text),
            ]
            members["collections"] = grant.collections.map { .strings($0.sorted().map(\.text)) }
            members["expires"] = grant.expires.map { .string($0.rfc3339) }
            if !grant.rights.isEmpty {
                members["rights"] = .strings(grant.rights.map(\.rawValue).sorted())
            }
            return members
        case .revoked(let name): return ["change": "revoked", "token": .string(name.text)]
        }
    }
}
