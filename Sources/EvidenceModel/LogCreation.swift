public import Cryptography
public import TransparencyLog

/// The record of kind `log.created`, index 0 of every log: what the log says of itself.
public struct LogCreation: Hashable, Sendable {
    /// The longest origin.
    public static let maximumOriginSizeBytes = 255
    /// The most founders.
    public static let maximumFounderCount = 16
    /// The longest name of a founder.
    public static let maximumFounderSizeBytes = 256
    /// The most verifier keys.
    public static let maximumVerifierKeyCount = 16

    private let exactOrigin: ExactText
    private let exactFounders: [ExactText]

    /// The name of the log: the first line of its checkpoints and the name of its keys.
    public var origin: String { exactOrigin.string }
    /// The persons who made the log, in the order given; may be empty.
    public var founders: [String] { exactFounders.map(\.string) }
    /// The binary logarithm of the number of records in a segment: 8 or 16.
    public let segmentHeight: UInt8
    /// The keys with which the log signs; at least one, each named like the origin.
    public let verifierKeys: [VerifierKey]
    /// The log that this one goes on for, if there is one; of another origin.
    public let predecessor: Predecessor?
    /// SHA-256 of the verifier that lies in bundles (`verify.py`), as it was when the log was made.
    ///
    /// `nil`: the log is older than bundles.
    public let bundleVerifier: SHA256Digest?
    /// When the log was made.
    public let received: Timestamp

    /// - Throws: `LimitViolation` of the field `.origin`, `.founders`, `.segmentHeight`,
    ///   `.verifierKeys` or `.predecessor`.
    public init(
        origin: String,
        founders: [String],
        segmentHeight: UInt8,
        verifierKeys: [VerifierKey],
        predecessor: Predecessor? = nil,
        bundleVerifier: SHA256Digest? = nil,
        received: Timestamp
    ) throws(LimitViolation) {
        try Self.check(origin: origin)
        try Self.check(founders: founders)
        guard segmentHeight == 8 || segmentHeight == 16 else {
            throw LimitViolation(.segmentHeight, rule: "must be 8 or 16", given: "\(segmentHeight)")
        }
        guard (1...Self.maximumVerifierKeyCount).contains(verifierKeys.count) else {
            throw LimitViolation(
                .verifierKeys,
                rule: "must be 1 to 16",
                limit: Self.maximumVerifierKeyCount,
                given: "\(verifierKeys.count)"
            )
        }
        guard Set(verifierKeys).count == verifierKeys.count,
            verifierKeys.allSatisfy({ $0.name.hasSameBytes(as: origin) })
        else {
            throw LimitViolation(
                .verifierKeys,
                rule: "must be different and named like the origin",
                given: excerpt(verifierKeys.map(\.name).joined(separator: " "))
            )
        }
        if let predecessor, predecessor.origin.hasSameBytes(as: origin) {
            throw LimitViolation(
                .predecessor,
                rule: "must have another origin",
                given: excerpt(origin)
            )
        }
        exactOrigin = ExactText(origin)
        exactFounders = founders.map { ExactText($0) }
        self.segmentHeight = segmentHeight
        self.verifierKeys = verifierKeys
        self.predecessor = predecessor
        self.bundleVerifier = bundleVerifier
        self.received = received
    }

    /// Checks a log's name: 1 to 255 bytes of UTF-8 without white space, control characters or `+`.
    ///
    /// - Throws: `LimitViolation` of the field `.origin`.
    ///
    /// Reference: C2SP signed-note (key names) and tlog-checkpoint (origin).
    public static func check(origin: String) throws(LimitViolation) {
        let size = origin.utf8.count
        guard (1...maximumOriginSizeBytes).contains(size) else {
            throw LimitViolation(
                .origin,
                rule: "must be 1 to 255 bytes",
                limit: maximumOriginSizeBytes,
                given: "\(size) bytes"
            )
        }
        let isForbidden = origin.unicodeScalars.contains {
            $0.properties.isWhitespace || $0 == "+"
        }
        guard !isForbidden, !origin.hasControlCharacter else {
            throw LimitViolation(
                .origin,
                rule: "must not contain white space, control characters or +",
                given: excerpt(origin)
            )
        }
    }

    private static func check(founders: [String]) throws(LimitViolation) {
        guard founders.count <= maximumFounderCount else {
            throw LimitViolation(
                .founders,
                rule: "must be at most 16",
                limit: maximumFounderCount,
                given: "\(founders.count)"
            )
        }
        for founder in founders {
            let size = founder.utf8.count
            guard (1...maximumFounderSizeBytes).contains(size) else {
                throw LimitViolation(
                    .founders,
                    rule: "must have names of 1 to 256 bytes",
                    limit: maximumFounderSizeBytes,
                    given: "\(size) bytes"
                )
            }
            guard !founder.hasControlCharacter else {
                throw LimitViolation(
                    .founders,
                    rule: "must not contain control characters",
                    given: excerpt(founder)
                )
            }
        }
        guard Set(founders.map { ExactText($0) }).count == founders.count else {
            throw LimitViolation(
                .founders,
                rule: "must name each person once",
                given: "a name twice"
            )
        }
    }

    var encoded: [UInt8] {
        var object: JSONObject = [
            "founders": .strings(founders),
            "kind": .string(RecordKind.logCreated.rawValue),
            "origin": .string(origin),
            "received": .string(received.rfc3339),
            "segmentHeight": .integer(Int64(segmentHeight)),
            "v": .integer(Record.version),
            "verifierKeys": .strings(verifierKeys.map(\.description)),
        ]
        object["predecessor"] = predecessor.map(\.json)
        object["verifier"] = bundleVerifier.map { .string($0.hex) }
        return CanonicalJSON.encode(.object(object))
    }
}
