import EvidenceModel
import Testing
import TransparencyLog

/// Parts of the tests about targets.
enum Targets {
    static func description(
        _ name: String,
        prefix: String? = nil
    ) throws -> TargetDescription {
        var description = TargetDescription(
            name: try TargetName(name),
            bucket: "evidence",
            region: "eu-central-1",
            logRetention: try RetentionDuration(parsing: "10y")
        )
        description.prefix = prefix ?? "\(name)/"
        return description
    }

    static func report(_ finding: ProbeReport.Finding, _ detail: String? = nil) -> ProbeReport {
        ProbeReport(
            findings: Dictionary(
                uniqueKeysWithValues: ProbeReport.Rule.allCases.map { ($0, finding) }
            ),
            hasConditions: true,
            hasChecksums: false,
            detail: detail
        )
    }

    static func change(
        _ name: String,
        _ from: TargetPhase,
        _ to: TargetPhase,
        size: UInt64 = 1_000
    ) throws -> TargetPhaseChange {
        TargetPhaseChange(
            target: try TargetName(name),
            from: from,
            to: to,
            size: TreeSize(size),
            localRoot: Facts.leafHash(size),
            targetRoot: Facts.leafHash(size)
        )
    }
}

extension Draw {
    mutating func targetName() throws -> TargetName {
        try TargetName(element(of: ["s3", "0", "a-b-", "z9", String(repeating: "t", count: 32)]))
    }

    mutating func target() throws -> TargetDescription {
        var description = TargetDescription(
            name: try targetName(),
            bucket: element(of: ["evidence", "a.b", "9-9", String(repeating: "b", count: 63)]),
            region: element(of: ["eu-central-1", "default", "Z_0"]),
            logRetention: try RetentionDuration(
                Int64(int(1...100)),
                element(of: RetentionDuration.Unit.allCases)
            )
        )
        if chance(2) {
            description.endpoint = element(of: [
                "http://127.0.0.1:8333", "https://s3.example.org", "http://[::1]:65535",
                "https://[fe80::1]", "http://a:1",
            ])
        }
        if chance(2) { description.prefix = element(of: ["a/", "a/b.c/...d/", "~!\"/"]) }
        description.isPathStyle = chance(2)
        if chance(2) { description.kmsKey = visible(upTo: 256) }
        if chance(2) { description.profile = visible(upTo: 256) }
        if chance(2) { description.retentionProfile = visible(upTo: 256) }
        return description
    }

    mutating func probe() -> ProbeReport {
        var findings: [ProbeReport.Rule: ProbeReport.Finding] = [:]
        for rule in ProbeReport.Rule.allCases where chance(2) {
            findings[rule] = element(of: [.enforced, .ignored, .unknown])
        }
        return ProbeReport(
            findings: findings,
            hasConditions: chance(2),
            hasChecksums: chance(2),
            detail: chance(2) ? text(upTo: 30) : nil
        )
    }

    mutating func phaseChange() throws -> TargetPhaseChange {
        let from = element(of: TargetPhase.allCases)
        let root = digest()
        return TargetPhaseChange(
            target: try targetName(),
            from: from,
            to: element(of: from.neighbours),
            size: TreeSize(count() / 2 + 1),
            localRoot: root,
            targetRoot: root
        )
    }

    mutating func purge() throws -> Act {
        let (erasure, count) = (RecordIndex(count()), count())
        guard chance(2) else {
            return .payloadPurged(erasure: erasure, copy: "local", count: count)
        }
        let versions = (0..<int(0...80)).map { _ in
            (key: visible(upTo: 400), version: visible(upTo: 40))
        }
        return .payloadPurged(
            erasure: erasure,
            copy: try targetName().text,
            count: count,
            objects: PurgedObjects(versions)
        )
    }
}
