internal import Cryptography
public import TransparencyLog

/// A time that somebody outside has signed together with a checkpoint of the log.
///
/// It is a lower bound: if the signer's clock was right it was so late then, and is later now. So
/// an old one does no harm where a clock is only ever moved forward.
public struct AuthenticatedTime: Hashable, Sendable {
    /// How it was signed.
    public enum Kind: String, Hashable, Sendable {
        /// By a witness, in its cosignature (C2SP tlog-cosignature).
        case cosignature
        /// By an authority, in its time-stamp token over the checkpoint's text (RFC 3161).
        case timestamp
    }

    /// The most bytes of a source's name.
    public static let maximumSourceSizeBytes = 256
    /// The most bytes of what was signed.
    public static let maximumEvidenceSizeBytes = 16_384
    /// How many independent ones it takes to move the clock.
    public static let neededCount = 2

    /// How it was signed.
    public let kind: Kind
    /// Who signed: the name of the witness's key, or what the server calls the authority.
    ///
    /// Visible ASCII.
    public let source: String
    /// Of the tree whose checkpoint was signed.
    public let size: TreeSize
    /// The time that was signed.
    public let time: Timestamp
    /// What was signed: key ID, time and signature as in the line of the note; or the token's DER.
    public let evidence: [UInt8]

    /// A time that was verified elsewhere.
    public init(kind: Kind, source: String, size: TreeSize, time: Timestamp, evidence: [UInt8]) {
        self.kind = kind
        self.source = source
        self.size = size
        self.time = time
        self.evidence = evidence
    }

    /// Times in the order of a record: by kind, then source.
    public static func inOrder(_ times: [AuthenticatedTime]) -> [AuthenticatedTime] {
        times.sorted { $0.order < $1.order }
    }

    fileprivate var order: (String, ExactText) { (kind.rawValue, ExactText(source)) }
}

/// Who answers for the time to which the compliance clock was moved.
public enum ClockWarrant: Hashable, Sendable {
    /// Two persons: the first, and why; the second is the record's principal.
    case persons(with: PrincipalName, firstReason: Reason)
    /// Two independent authenticated times, none of them earlier; by kind, then source.
    case times([AuthenticatedTime])
}

// Their members in a record.
extension ClockWarrant {
    var members: JSONObject {
        switch self {
        case .persons(let first, let reason):
            ["firstReason": .string(reason.text), "with": .string(first.text)]
        case .times(let times): ["times": .array(times.map { .object($0.members) })]
        }
    }

    init(_ members: inout ActMembers) throws(RecordError) {
        guard let value = members.optional("times") else {
            self = .persons(
                with: try members.checked("with", PrincipalName.init),
                firstReason: try members.checked("firstReason", Reason.init)
            )
            return
        }
        var times: [AuthenticatedTime] = []
        for element in try ActMembers.array("times", value) {
            times.append(try AuthenticatedTime("times", element))
        }
        self = .times(times)
    }

    /// A limit that they break, if the clock was moved to a time.
    func fault(to time: Timestamp) -> (member: String, rule: String)? {
        guard case .times(let times) = self else { return nil }
        guard times.count == AuthenticatedTime.neededCount, times[0].order < times[1].order else {
            return ("times", "must be two, of different sources, by kind and source")
        }
        for one in times {
            if let rule = one.fault { return ("times", rule) }
        }
        guard times[0].evidence != times[1].evidence else {
            return ("times", "must have evidence of their own")
        }
        return times.allSatisfy { $0.time >= time }
            ? nil : ("to", "must not be later than one of times")
    }
}

extension AuthenticatedTime {
    fileprivate var members: JSONObject {
        [
            "evidence": .string(Base64.encode(evidence.span)), "kind": .string(kind.rawValue),
            "size": .count(size.value), "source": .string(source), "time": .string(time.rfc3339),
        ]
    }

    fileprivate init(_ name: String, _ value: JSONValue) throws(RecordError) {
        var members = try ActMembers(name, value)
        guard let evidence = Base64.decode(try members.string("evidence")) else {
            throw .invalidMember("evidence", reason: "must be base64")
        }
        self.init(
            kind: try members.word("kind", Kind.self),
            source: try members.string("source"),
            size: TreeSize(try members.count("size")),
            time: try members.time("time"),
            evidence: evidence
        )
        try members.end()
    }

    /// A limit that it breaks, so that no record can have it.
    package var fault: String? {
        guard (1...Self.maximumSourceSizeBytes).contains(source.utf8.count),
            source.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return "must name sources in 1 to 256 characters of visible ASCII" }
        guard (1...Self.maximumEvidenceSizeBytes).contains(evidence.count) else {
            return "must have evidence of 1 to 16,384 bytes"
        }
        guard kind != .cosignature || statesItsTime else {
            return "must have evidence of a cosignature with its time"
        }
        return (1...UInt64(JSONValue.maximumInteger)).contains(size.value)
            ? nil : "must be of trees of 1 to 2^53 - 1 leaves"
    }

    /// Key ID (4 bytes), time in seconds (8), signature (64).
    private var statesItsTime: Bool {
        guard evidence.count == 76 else { return false }
        let seconds = evidence[4..<12].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return Int64(exactly: seconds).map { $0.multipliedReportingOverflow(by: 1000) }
            .map { !$0.overflow && $0.partialValue == time.milliseconds } ?? false
    }
}
