import EvidenceModel
import TransparencyLog

/// Which records a request is about.
enum Subject {
    case records(IndexRanges)
    case selection(Selection)
}

// Members that several bodies have, each with its rules.

extension BodyMembers {
    func reason() throws(Refused) -> Reason? {
        guard let text = try string("reason") else { return nil }
        return try limiting { () throws(LimitViolation) in try Reason(text) }
    }

    /// Why: it stands in the log for ever.
    func requiredReason() throws(Refused) -> Reason {
        guard let reason = try reason() else { throw missing("reason") }
        return reason
    }

    func matter() throws(Refused) -> Matter {
        let text = try requiredString("matter")
        return try limiting { () throws(LimitViolation) in try Matter(text) }
    }

    func collection() throws(Refused) -> CollectionName? {
        guard let text = try string("collection") else { return nil }
        return try limiting { () throws(LimitViolation) in try CollectionName(text) }
    }

    func principalName() throws(Refused) -> PrincipalName {
        let text = try requiredString("name")
        return try limiting { () throws(LimitViolation) in try PrincipalName(text) }
    }

    func time(_ name: String) throws(Refused) -> Timestamp? {
        guard let text = try string(name) else { return nil }
        return try limiting { () throws(LimitViolation) in try Timestamp(userInput: text) }
    }

    func mode() throws(Refused) -> RetentionMode? {
        guard let text = try string("mode") else { return nil }
        return try limiting { () throws(LimitViolation) in try RetentionMode(userInput: text) }
    }

    /// A duration from `now` on, such as `90d`, or a time.
    func expiry(from now: Timestamp) throws(Refused) -> Timestamp? {
        guard let text = try string("expires") else { return nil }
        let isTime = text.contains("-")
        return try limiting { () throws(LimitViolation) in
            guard !isTime else { return try Timestamp(userInput: text) }
            let duration = try RetentionDuration(parsing: text)
            return duration.end(from: now) ?? Lock.withoutEnd
        }
    }

    /// Either `records` or a `selection`.
    func subject() throws(Refused) -> Subject {
        let limit = ActHandler.maximumRecords
        switch (try indexes("records", limit: limit), try selection()) {
        case (let records?, nil): return .records(records)
        case (nil, let selection?): return .selection(selection)
        case (nil, nil):
            throw Refused(.badRequest, "Say which: give 'records' or a 'selection'.")
        case (_?, _?):
            throw Refused(.badRequest, "Give 'records' or a 'selection', not both.")
        }
    }

    private func selection() throws(Refused) -> Selection? {
        guard let members = try members("selection", known: ["collection", "prefix", "labels"])
        else { return nil }
        guard let collection = try members.collection() else { throw members.missing("collection") }
        let prefix = try members.string("prefix")
        let pairs = try members.pairs("labels") ?? []
        return try limiting { () throws(LimitViolation) in
            try Selection(
                collection: collection,
                namePrefix: prefix,
                labels: try Labels(pairs)
            )
        }
    }

    /// The policy that the body is as a whole.
    func policy() throws(Refused) -> CollectionPolicy {
        guard let mode = try mode() else { throw missing("mode") }
        let (minimum, standard, maximum) = (
            try duration("minimum"), try duration("default"), try duration("maximum")
        )
        let event = try string("event")
        let isSealed = try bool("sealed") ?? false
        return try limiting { () throws(LimitViolation) in
            CollectionPolicy(
                retention: try RetentionPolicy(
                    mode: mode,
                    minimum: minimum,
                    standard: standard,
                    maximum: maximum
                ),
                event: try event.map { text throws(LimitViolation) in try EventName(text) },
                isSealed: isSealed
            )
        }
    }

    private func duration(_ name: String) throws(Refused) -> RetentionDuration {
        let text = try requiredString(name)
        return try limiting { () throws(LimitViolation) in try RetentionDuration(parsing: text) }
    }
}

extension CollectionPolicy {
    /// The members of its JSON form.
    static let members = ["default", "event", "maximum", "minimum", "mode", "sealed"]

    /// What differs from a policy that was in force before, for a person.
    func changes(from before: CollectionPolicy) -> [String] {
        func event(_ policy: CollectionPolicy) -> String { policy.event?.text ?? "none" }
        let rows = [
            ("mode", before.retention.mode.rawValue, retention.mode.rawValue),
            ("weakest mode on request", before.weakestMode, weakestMode),
            ("minimum", before.retention.minimum.description, retention.minimum.description),
            ("default", before.retention.standard.description, retention.standard.description),
            ("maximum", before.retention.maximum.description, retention.maximum.description),
            ("event", event(before), event(self)),
            ("records", before.form, form),
        ]
        return rows.filter { $0.1 != $0.2 }.map { "\($0.0): \($0.1) -> \($0.2)" }
    }

    private var weakestMode: String { retention.weakestMode.rawValue }
    private var form: String { isSealed ? "sealed" : "open" }
}
