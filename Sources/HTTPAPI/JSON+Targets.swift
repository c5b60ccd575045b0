import EvidenceModel
import EvidenceStore
import Replication
import TransparencyLog

// How the interface writes what is known of targets.

extension JSONValue {
    /// A count as JSON has it; what goes beyond 2^53 - 1 stays there.
    static func count(_ number: UInt64) -> JSONValue {
        .integer(min(Int64(clamping: number), JSONValue.maximumInteger))
    }
}

extension TargetStatus {
    /// An element of `GET /v1/targets`.
    var json: JSONObject {
        var object: JSONObject = [
            "conditionalWrites": .bool(isFenced), "description": .object(description.json),
            "health": .string(health.word), "lagRecords": .count(lagRecords),
            "lagSeconds": .count(lagWholeSeconds), "name": .string(description.name.text),
            "objectBytes": .count(objectBytes), "objects": .count(objects),
            "pending": .count(pending), "phase": .string(phase.rawValue),
            "replicated": .count(replicated.value), "size": .count(size.value),
            "statistics": .object(statistics.json), "unpacked": .count(unpacked),
            "unpurged": .count(unpurged),
        ]
        object["reason"] = health.reason.map { .string($0) }
        object["pendingUntil"] = pendingUntil.map { .string($0.rfc3339Seconds) }
        if let lastProbe {
            object["lastProbe"] = .object([
                "at": .string(lastProbe.at.rfc3339), "compliant": .bool(lastProbe.isCompliant),
                "record": .index(lastProbe.index),
            ])
        }
        return object
    }

    /// Records that do not stand verified in the target.
    var lagRecords: UInt64 { size.value - min(size.value, replicated.value) }

    /// Rounded up: 0 means that nothing is missing.
    private var lagWholeSeconds: UInt64 {
        UInt64(exactly: lagSeconds.rounded(.up)) ?? 0
    }
}

extension TargetStatus.Health {
    /// The word in replies and metrics.
    var word: String {
        switch self {
        case .running: "running"
        case .failing: "failing"
        case .fenced: "fenced"
        }
    }

    var reason: String? {
        switch self {
        case .running: nil
        case .failing(let reason), .fenced(let reason): reason
        }
    }
}

extension TargetDescription {
    /// The members that a target is added with.
    var json: JSONObject {
        var object: JSONObject = [
            "bucket": .string(bucket), "logRetention": .string("\(logRetention)"),
            "name": .string(name.text), "pathStyle": .bool(isPathStyle),
            "prefix": .string(prefix), "region": .string(region),
        ]
        object["endpoint"] = endpoint.map { .string($0) }
        object["kmsKey"] = kmsKey.map { .string($0) }
        object["profile"] = profile.map { .string($0) }
        object["retentionProfile"] = retentionProfile.map { .string($0) }
        return object
    }
}

extension StoreStatistics {
    var json: JSONObject {
        [
            "circuit": .string(circuit.word), "circuitOpenings": .count(circuitOpenings),
            "faults": .count(faults), "receivedBytes": .count(receivedBytes),
            "repetitions": .count(repetitions), "requests": .count(requests),
            "sentBytes": .count(sentBytes),
        ]
    }
}

extension StoreStatistics.Circuit {
    var word: String {
        switch self {
        case .closed: "closed"
        case .open: "open"
        case .probing: "probing"
        }
    }
}

extension ProbeReport {
    /// As the record has it, and the verdict.
    var json: JSONObject {
        var object = members
        object["checksums"] = .bool(hasChecksums)
        object["compliant"] = .bool(isCompliant)
        object["conditions"] = .bool(hasConditions)
        return object
    }
}

extension ReconcileReport {
    /// How many findings and strays a reply has; the rest is counted only.
    static let shownFindings = 1_000

    var json: JSONObject {
        let repaired = findings.filter(\.isRepaired).count
        return [
            "checkedObjects": .count(checkedObjects), "checkedPayloads": .count(checkedPayloads),
            "differences": .integer(Int64(findings.count)),
            "findings": .array(findings.prefix(Self.shownFindings).map(\.json)),
            "repaired": .integer(Int64(repaired)), "strayCount": .integer(Int64(strays.count)),
            "strays": .array(strays.prefix(Self.shownFindings).map(\.json)),
        ]
    }
}

extension ReconcileReport.Stray {
    fileprivate var json: JSONValue {
        .object(["problem": .string(problem), "version": .string(version), "what": .string(what)])
    }
}

extension ReconcileReport.Finding {
    fileprivate var json: JSONValue {
        .object([
            "problem": .string(problem), "repaired": .bool(isRepaired),
            "side": .string(side.rawValue), "what": .string(what),
        ])
    }
}
