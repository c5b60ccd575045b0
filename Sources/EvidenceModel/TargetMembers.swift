import Cryptography
import TransparencyLog

// What stands in records about targets: writing and reading.

extension TargetDescription {
    /// The members of `target.added`, the name as `target`.
    public var members: JSONObject {
        var members: JSONObject = [
            "bucket": .string(bucket), "logRetention": .string(logRetention.description),
            "region": .string(region), "target": .string(name.text),
        ]
        members["endpoint"] = endpoint.map { .string($0) }
        members["kmsKey"] = kmsKey.map { .string($0) }
        if isPathStyle { members["pathStyle"] = .bool(true) }
        if !prefix.isEmpty { members["prefix"] = .string(prefix) }
        members["profile"] = profile.map { .string($0) }
        members["retentionProfile"] = retentionProfile.map { .string($0) }
        return members
    }

    init(_ members: inout ActMembers) throws(RecordError) {
        self.init(
            name: try members.checked("target", TargetName.init),
            bucket: try members.string("bucket"),
            region: try members.string("region"),
            logRetention: try members.checked(
                "logRetention",
                RetentionDuration.init(parsing:)
            )
        )
        endpoint = try members.optionalString("endpoint")
        kmsKey = try members.optionalString("kmsKey")
        isPathStyle = try members.flag("pathStyle")
        if let text = try members.optionalString("prefix") {
            guard !text.isEmpty else {
                throw .invalidMember("prefix", reason: "must be absent when there is none")
            }
            prefix = text
        }
        profile = try members.optionalString("profile")
        retentionProfile = try members.optionalString("retentionProfile")
    }
}

extension ProbeReport {
    /// The members of `target.probed` but for the name: `findings`, `conditions` and `checksums` if
    /// they are kept, and `detail` if there is one.
    public var members: JSONObject {
        let found = findings.sorted { $0.key.rawValue < $1.key.rawValue }.map { rule, finding in
            (name: rule.rawValue, value: JSONValue.string(finding.rawValue))
        }
        var members: JSONObject = ["findings": .object(JSONObject(sorted: found))]
        if hasChecksums { members["checksums"] = .bool(true) }
        if hasConditions { members["conditions"] = .bool(true) }
        members["detail"] = detail.map { .string($0) }
        return members
    }

    init(_ members: inout ActMembers) throws(RecordError) {
        var words = try members.members("findings")
        var findings: [Rule: Finding] = [:]
        for rule in Rule.allCases {
            findings[rule] = try words.word(rule.rawValue, Finding.self)
        }
        try words.end()
        let detail = try members.optionalString("detail")
        self.init(
            findings: findings,
            hasConditions: try members.flag("conditions"),
            hasChecksums: try members.flag("checksums"),
            detail: detail
        )
        guard let detail else { return }
        guard self.detail?.hasSameBytes(as: detail) == true else {
            throw .invalidMember(
                "detail",
                reason: "must be 1 to 1,024 bytes without control characters"
            )
        }
    }
}

extension TargetPhaseChange {
    var members: JSONObject {
        [
            "differences": .count(differences), "from": .string(from.rawValue),
            "localRoot": .string(localRoot.hex), "size": .count(size.value),
            "target": .string(target.text), "targetRoot": .string(targetRoot.hex),
            "to": .string(to.rawValue),
        ]
    }

    init(_ members: inout ActMembers) throws(RecordError) {
        self.init(
            target: try members.checked("target", TargetName.init),
            from: try members.word("from", TargetPhase.self),
            to: try members.word("to", TargetPhase.self),
            size: TreeSize(try members.count("size")),
            localRoot: try members.digest("localRoot"),
            targetRoot: try members.digest("targetRoot"),
            differences: try members.count("differences")
        )
    }
}

extension PurgedObjects {
    var json: JSONValue {
        var object: JSONObject = ["count": .count(count), "digest": .string(digest.hex)]
        if !versions.isEmpty { object["versions"] = .strings(versions) }
        return .object(object)
    }

    init(_ name: String, _ value: JSONValue) throws(RecordError) {
        var members = try ActMembers(name, value)
        var versions: [String] = []
        if let value = members.optional("versions") {
            for element in try ActMembers.array("versions", value) {
                guard case .string(let text) = element else {
                    throw .invalidMember("versions", reason: "must be an array of strings")
                }
                versions.append(text)
            }
            guard !versions.isEmpty else {
                throw .invalidMember("versions", reason: "must be absent when there are none")
            }
        }
        self.init(
            count: try members.count("count"),
            digest: try members.digest("digest"),
            versions: versions
        )
        try members.end()
    }
}
