internal import Cryptography
internal import EvidenceModel
internal import TransparencyLog

/// What a monitor has caught a log at, with what proves it.
struct MonitorViolation: Equatable {
    /// Rules about what was signed and served; those about meaning are `LogViolation.Rule`.
    enum Rule: String, CaseIterable {
        /// Two trees were signed that cannot be of one log.
        case fork
        /// The log shows less than it signed before.
        case rollback
        /// Records are served that are not those of the signed tree.
        case entries
        /// Hash tiles are served that are not those of the signed tree.
        case tiles
        /// A record tells of a root that the log does not have.
        case comparison
    }

    /// Bytes that belong to the proof.
    struct Attachment: Equatable {
        let title: String
        let bytes: [UInt8]
    }

    /// The rule's name.
    let rule: String
    /// How it is broken, for a person.
    let detail: String
    /// The records that it is about.
    var records: [RecordIndex] = []
    /// The checkpoint that was verified before; nil where there was none.
    var known: String?
    /// The checkpoint with which the violation was found.
    var seen: String
    var attachments: [Attachment] = []

    init(_ rule: Rule, _ detail: String, records: [RecordIndex] = [], seen: String) {
        self.rule = rule.rawValue
        self.detail = detail
        self.records = records
        self.seen = seen
    }

    init(_ violation: LogViolation, record: [UInt8], seen: String) {
        rule = violation.rule.rawValue
        detail = violation.detail
        records = [violation.index] + (violation.subject.map { [$0] } ?? [])
        self.seen = seen
        attachments = [Attachment(title: "record \(violation.index)", bytes: record)]
    }

    /// Whether the next run must say so again: an older checkpoint may come from a cache, and while
    /// it is shown every run finds it anew; all else stays broken whatever is shown later.
    var isKept: Bool { rule != Rule.rollback.rawValue }

    /// Canonical JSON, as the state keeps it.
    var encoded: [UInt8] {
        var object: JSONObject = [
            "attachments": .array(
                attachments.map { attachment in
                    .array([
                        .string(attachment.title), .string(Base64.encode(attachment.bytes.span)),
                    ])
                }
            ),
            "detail": .string(detail), "records": .indexes(records.map(\.value)),
            "rule": .string(rule), "seen": .string(seen),
        ]
        object["known"] = known.map { .string($0) }
        return CanonicalJSON.encode(.object(object))
    }

    /// Reads what `encoded` wrote; nil for anything else.
    init?(_ bytes: Span<UInt8>) {
        guard case .object(let object)? = try? JSONValue(parsing: bytes, form: .canonical),
            let rule = object.text("rule"), let detail = object.text("detail"),
            let seen = object.text("seen"), let rows = object.values("attachments"),
            let indexes = object.values("records")
        else { return nil }
        for value in indexes {
            guard case .integer(let index) = value, index >= 0 else { return nil }
            records.append(RecordIndex(UInt64(index)))
        }
        for row in rows {
            guard case .array(let parts) = row, parts.count == 2,
                case .string(let title) = parts[0], case .string(let text) = parts[1],
                let bytes = Base64.decode(text)
            else { return nil }
            attachments.append(Attachment(title: title, bytes: bytes))
        }
        self.rule = rule
        self.detail = detail
        self.seen = seen
        known = object.text("known")
    }

    /// The report that is kept in a file: text, so that a court's expert needs no tool to read it.
    func report(origin: String, server: String, at time: Timestamp) -> String {
        let names = records.map { "\($0)" }.joined(separator: ", ")
        var text = """
            Strongroom monitor: what the log \(origin) was caught at

            rule      \(rule)
            what      \(detail)
            records   \(names.isEmpty ? "-" : names)
            server    \(server)
            seen      \(time) by this machine's clock

            """
        if let known {
            text += "\n--- the checkpoint that was verified before\n\n\(known)"
        }
        text += "\n--- the checkpoint with which it was found\n\n\(seen)"
        for attachment in attachments {
            text += "\n--- \(attachment.title), \(attachment.bytes.count) bytes in base64\n\n"
            text += Base64.encode(attachment.bytes.span) + "\n"
        }
        return text
    }
}
