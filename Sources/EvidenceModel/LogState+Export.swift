import Cryptography
import TransparencyLog

extension LogState {
    /// All of it as canonical JSON: equal states have equal bytes, and different ones others.
    public var exported: [UInt8] {
        var object: JSONObject = [
            "actCount": .count(actCount),
            "census": .object(exportedCensus),
            "erasures": .array(exportedErasures),
            "founders": .strings(founders.map(\.string)),
            "keys": .array(keys.map(\.json)),
            "locks": .array(lockChanges.runs.map { .array([Self.json($0.range), $0.value.json]) }),
            "matters": .object(exportedMatters),
            "policies": .object(exportedPolicies),
            "removedTargets": .object(exportedRemovals),
            "targets": .object(exportedTargets),
            "tokens": .array(tokens.map(\.json)),
        ]
        object["accessDigest"] = lastAccessDigest.map(\.json)
        object["closed"] = closed.map { .index($0) }
        object["lastAct"] = lastAct.map { .index($0) }
        return CanonicalJSON.encode(.object(object))
    }

    private static func json(_ range: ClosedRange<UInt64>) -> JSONValue {
        IndexRanges(canonical: [range]).json
    }

    private var exportedPolicies: JSONObject {
        JSONObject(
            sorted: policies.map { setting in
                let value: JSONObject = [
                    "index": .index(setting.index), "policy": setting.policy.json,
                ]
                return (name: setting.collection.text, value: .object(value))
            }
        )
    }

    private var exportedTargets: JSONObject {
        JSONObject(
            sorted: targets.sorted { $0.key < $1.key }.map { name, state in
                (name: name.text, value: state.json)
            }
        )
    }

    private var exportedRemovals: JSONObject {
        JSONObject(
            sorted: removedTargets.sorted { $0.key < $1.key }.map { name, index in
                (name: name.text, value: .index(index))
            }
        )
    }

    private var exportedMatters: JSONObject {
        JSONObject(
            sorted: matters.sorted { $0.key < $1.key }.map { matter, state in
                (name: matter.text, value: state.json)
            }
        )
    }

    private var exportedErasures: [JSONValue] {
        erasures.sorted { $0.key < $1.key }.map { index, erasure in
            [
                "copies": .strings(erasure.copies), "index": .index(index),
                "records": erasure.records.json,
            ]
        }
    }

    private var exportedCensus: JSONObject {
        let collections = censusMentions.sorted { $0.key < $1.key }.map { name, mention in
            let value: JSONObject = [
                "count": .count(mention.entry.count.value), "index": .index(mention.index),
                "last": .index(mention.entry.last),
            ]
            return (name: name.text, value: JSONValue.object(value))
        }
        var object: JSONObject = ["collections": .object(JSONObject(sorted: collections))]
        object["last"] = lastCensus.map { last in
            ["before": .index(last.before), "index": .index(last.index)]
        }
        object["progress"] = censusProgress.map { progress in
            [
                "before": .index(progress.before), "part": .integer(Int64(progress.part)),
                "parts": .integer(Int64(progress.parts)),
            ]
        }
        return object
    }
}

extension LogState.LockChange {
    fileprivate var json: JSONValue {
        var object: JSONObject = ["history": .array(history.map { .index($0) })]
        object["bypassed"] = bypassed.map { .index($0) }
        object["event"] = event.map { .string($0.text) }
        object["lock"] = lock.map(\.json)
        return .object(object)
    }
}

extension LogKey {
    fileprivate var json: JSONValue {
        var object: JSONObject = ["key": .string(key.description)]
        object["rotated"] = rotated.map { .index($0) }
        object["until"] = until.map { .string($0.rfc3339) }
        return .object(object)
    }
}

extension LogState.AccessDigest {
    fileprivate var json: JSONValue {
        [
            "count": .count(count), "day": .string(day), "head": .string(head.hex),
            "index": .index(index),
        ]
    }
}

extension MatterState {
    fileprivate var json: JSONValue {
        [
            "acts": .array(acts.map { .index($0) }), "isReleased": .bool(isReleased),
            "records": explicit.ranges.json, "selections": .array(selections.map(\.json)),
        ]
    }
}

extension MatterState.SelectionHold {
    fileprivate var json: JSONValue {
        [
            "act": .index(act), "before": .index(before), "count": .count(count),
            "digest": .string(digest.hex), "exclusions": exclusions.ranges.json,
            "isStanding": .bool(isStanding), "selection": selection.json,
        ]
    }
}

extension TokenState {
    fileprivate var json: JSONValue {
        var object = AccessChange.created(grant).members
        object["change"] = nil
        object["created"] = .index(created)
        object["createdBy"] = .string(createdBy.text)
        object["revoked"] = revoked.map { .index($0) }
        return .object(object)
    }
}

extension TargetState {
    fileprivate var json: JSONValue {
        var object: JSONObject = [
            "added": .index(added), "description": .object(description.members),
            "phase": .string(phase.rawValue),
        ]
        object["lastPhase"] = lastPhase.map { .index($0) }
        object["lastProbe"] = lastProbe.map { probe in
            var members = probe.report.members
            members["at"] = .string(probe.at.rfc3339)
            members["index"] = .index(probe.index)
            return .object(members)
        }
        return .object(object)
    }
}
