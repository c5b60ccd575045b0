import Cryptography
import TransparencyLog

extension ActRecord {
    /// Reads an act of a kind that is known; accepts exactly what `encoded` writes.
    init(kind: RecordKind, canonicalBytes bytes: Span<UInt8>) throws(RecordError) {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes, form: .canonical)
        } catch { throw .notCanonical(error) }
        guard case .object(let object) = value else { throw .notAnObject }
        var members = ActMembers(object)
        guard try members.string("kind") == kind.rawValue else {
            throw .invalidMember("kind", reason: "must be \(kind.rawValue)")
        }
        guard try members.value("v") == .integer(Record.version) else {
            throw .invalidMember("v", reason: "must be \(Record.version)")
        }
        let principal = try members.checked("principal", PrincipalName.init)
        let reason = try members.optionalChecked("reason", Reason.init)
        let received = try members.time("received")
        let act = try Act(kind, &members)
        try members.end()
        if let fault = act.fault { throw .invalidMember(fault.member, reason: fault.rule) }
        self.init(checked: act, principal: principal, reason: reason, received: received)
    }
}

extension Act {
    fileprivate init(_ kind: RecordKind, _ members: inout ActMembers) throws(RecordError) {
        switch kind {
        case .evidence, .logCreated: throw .unknownKind(excerpt(kind.rawValue))
        case .policySet:
            self = .policySet(
                try members.checked("collection", CollectionName.init),
                try CollectionPolicy("policy", members.value("policy"))
            )
        case .lockExtended:
            self = .lockExtended(
                records: try members.ranges("records"),
                lock: try Lock("lock", members.value("lock"))
            )
        case .lockBypassed: self = .lockBypassed(records: try members.ranges("records"))
        case .eventRecorded:
            self = .eventRecorded(
                try members.checked("event", EventName.init),
                at: try members.optionalTime("at"),
                records: try members.ranges("records"),
                lock: try Lock("lock", members.value("lock"))
            )
        case .holdPlaced:
            let matter = try members.checked("matter", Matter.init)
            self = .holdPlaced(matter, try HoldScope(&members))
        case .holdReleased:
            let matter = try members.checked("matter", Matter.init)
            self = .holdReleased(matter, records: try members.optionalRanges("records"))
        case .payloadErased: self = .payloadErased(try PayloadErased(&members))
        case .payloadPurged:
            self = .payloadPurged(
                erasure: try members.index("erasure"),
                copy: try members.string("copy"),
                count: try members.count("count"),
                objects: try members.optional("objects").map { value throws(RecordError) in
                    try PurgedObjects("objects", value)
                }
            )
        case .clockResynced:
            self = .clockResynced(
                from: try members.time("from"),
                to: try members.time("to"),
                by: try ClockWarrant(&members)
            )
        case .census: self = try Self.census(&members)
        case .accessChanged: self = .accessChanged(try AccessChange(&members))
        case .accessDigest:
            self = .accessDigest(
                count: try members.count("count"),
                head: try members.digest("head"),
                day: try members.string("day")
            )
        case .accessExported: self = .accessExported(try EvidenceExport(&members))
        case .targetAdded: self = .targetAdded(try TargetDescription(&members))
        case .targetProbed:
            self = .targetProbed(
                try members.checked("target", TargetName.init),
                try ProbeReport(&members)
            )
        case .targetPhase: self = .targetPhase(try TargetPhaseChange(&members))
        case .targetRemoved:
            self = .targetRemoved(try members.checked("target", TargetName.init))
        case .keyRotated: self = .keyRotated(try KeyRotation(&members))
        case .logClosed: self = .logClosed
        }
    }

    private static func census(_ members: inout ActMembers) throws(RecordError) -> Act {
        guard case .object(let object) = try members.value("collections") else {
            throw .invalidMember("collections", reason: "must be an object")
        }
        var collections: [CollectionName: CensusEntry] = [:]
        for member in object.members {
            let name = try ActMembers.checked("collections", member.name, CollectionName.init)
            var entry = try ActMembers("collections", member.value)
            let count = try entry.count("count")
            let last = try entry.index("last")
            try entry.end()
            guard let count = SequenceNumber(count) else {
                throw .invalidMember("count", reason: "must be at least 1")
            }
            collections[name] = CensusEntry(count: count, last: last)
        }
        return .census(
            before: try members.index("before"),
            part: Int(try members.count("part")),
            parts: Int(try members.count("parts")),
            collections: collections
        )
    }
}

extension Lock {
    init(_ name: String, _ value: JSONValue) throws(RecordError) {
        var members = try ActMembers(name, value)
        let mode = try members.word("mode", RetentionMode.self)
        if let duration = try members.optionalChecked("duration", RetentionDuration.init(parsing:))
        {
            self.init(
                mode: mode,
                awaiting: try members.checked("event", EventName.init),
                then: duration
            )
        } else {
            guard let until = Timestamp(rfc3339Seconds: try members.string("until")) else {
                throw .invalidMember("until", reason: "must be a time in seconds, UTC")
            }
            self.init(mode: mode, end: .until(until))
        }
        try members.end()
    }
}

extension CollectionPolicy {
    fileprivate init(_ name: String, _ value: JSONValue) throws(RecordError) {
        var members = try ActMembers(name, value)
        let mode = try members.word("mode", RetentionMode.self)
        let minimum = try members.checked("minimum", RetentionDuration.init(parsing:))
        let standard = try members.checked("default", RetentionDuration.init(parsing:))
        let maximum = try members.checked("maximum", RetentionDuration.init(parsing:))
        let event = try members.optionalChecked("event", EventName.init)
        let isSealed = try members.flag("sealed")
        try members.end()
        let retention: RetentionPolicy
        do {
            retention = try RetentionPolicy(
                mode: mode,
                minimum: minimum,
                standard: standard,
                maximum: maximum
            )
        } catch { throw .invalidMember(name, reason: error.description) }
        self.init(retention: retention, event: event, isSealed: isSealed)
    }
}

extension HoldScope {
    fileprivate init(_ members: inout ActMembers) throws(RecordError) {
        if let records = try members.optionalRanges("records") {
            self = .records(records)
            return
        }
        self = .selection(
            try Selection("selection", members.value("selection")),
            before: try members.index("before"),
            count: try members.count("count"),
            digest: try members.digest("digest"),
            isStanding: try members.flag("standing")
        )
    }
}

extension Selection {
    fileprivate init(_ name: String, _ value: JSONValue) throws(RecordError) {
        var members = try ActMembers(name, value)
        let collection = try members.checked("collection", CollectionName.init)
        let prefix = try members.optionalString("prefix")
        let labels = try Labels(&members)
        try members.end()
        do {
            try self.init(collection: collection, namePrefix: prefix, labels: labels)
        } catch { throw .invalidMember(name, reason: error.description) }
    }
}

extension Labels {
    /// The optional member `labels`.
    init(_ members: inout ActMembers) throws(RecordError) {
        var pairs: [(key: String, value: String)] = []
        if let labels = members.optional("labels") {
            guard case .object(let object) = labels, !object.members.isEmpty else {
                throw .invalidMember("labels", reason: "must be an object of one or more strings")
            }
            for member in object.members {
                guard case .string(let text) = member.value else {
                    throw .invalidMember("labels", reason: "must be an object of strings")
                }
                pairs.append((member.name, text))
            }
        }
        do { try self.init(pairs) } catch {
            throw .invalidMember("labels", reason: error.description)
        }
    }
}

extension PayloadErased {
    fileprivate init(_ members: inout ActMembers) throws(RecordError) {
        var clock = try members.members("clock")
        let compliance = try clock.time("compliance")
        let wall = try clock.time("wall")
        try clock.end()
        let ground: Ground
        switch try members.string("ground") {
        case "expired": ground = .expired
        case "bypass": ground = .bypass(try members.index("bypass"))
        default: throw .invalidMember("ground", reason: "must be expired or bypass")
        }
        var items: [Item] = []
        for element in try ActMembers.array("items", members.value("items")) {
            items.append(try Item(element))
        }
        self.init(
            collection: try members.checked("collection", CollectionName.init),
            ground: ground,
            items: items,
            policy: try members.optionalIndex("policy"),
            clock: ClockReading(compliance: compliance, wall: wall),
            count: try members.count("count"),
            digest: try members.digest("digest")
        )
    }
}

extension PayloadErased.Item {
    fileprivate init(_ value: JSONValue) throws(RecordError) {
        var members = try ActMembers("items", value)
        var history: [RecordIndex] = []
        if let value = members.optional("history") {
            for element in try ActMembers.array("history", value) {
                history.append(RecordIndex(try ActMembers.count("history", element)))
            }
            guard !history.isEmpty else {
                throw .invalidMember("history", reason: "must be absent when there is none")
            }
        }
        self.init(
            records: try members.ranges("records"),
            lock: try Lock("lock", members.value("lock")),
            history: history
        )
        try members.end()
    }
}

extension AccessChange {
    fileprivate init(_ members: inout ActMembers) throws(RecordError) {
        let name = try members.checked("token", PrincipalName.init)
        switch try members.string("change") {
        case "revoked": self = .revoked(name)
        case "created":
            self = .created(
                AccessGrant(
                    name: name,
                    role: try members.word("role", Role.self),
                    rights: try Self.rights(&members),
                    collections: try Self.collections(&members),
                    expires: try members.optionalTime("expires")
                )
            )
        default: throw .invalidMember("change", reason: "must be created or revoked")
        }
    }

    private static func rights(_ members: inout ActMembers) throws(RecordError) -> Set<Right> {
        var rights: Set<Right> = []
        for text in try ascending("rights", &members) ?? [] {
            guard let right = Right(rawValue: text) else {
                throw .invalidMember("rights", reason: "must be rights that exist")
            }
            rights.insert(right)
        }
        return rights
    }

    private static func collections(
        _ members: inout ActMembers
    ) throws(RecordError) -> Set<CollectionName>? {
        guard let texts = try ascending("collections", &members) else { return nil }
        var names: Set<CollectionName> = []
        for text in texts {
            names.insert(try ActMembers.checked("collections", text, CollectionName.init))
        }
        return names
    }

    /// An array of one or more texts in the order of their bytes, each once.
    private static func ascending(
        _ name: String,
        _ members: inout ActMembers
    ) throws(RecordError) -> [String]? {
        guard let value = members.optional(name) else { return nil }
        var texts: [String] = []
        for element in try ActMembers.array(name, value) {
            guard case .string(let text) = element else {
                throw .invalidMember(name, reason: "must be an array of strings")
            }
            texts.append(text)
        }
        let isAscending = zip(texts, texts.dropFirst()).allSatisfy { ExactText($0) < ExactText($1) }
        guard !texts.isEmpty, isAscending else {
            throw .invalidMember(name, reason: "must be one or more, ascending, each once")
        }
        return texts
    }
}
