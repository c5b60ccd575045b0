public import TransparencyLog

/// The log that another one goes on for: what is known of its end.
///
/// A copy that may be older than what was signed before never signs under the same origin; its
/// successor has an origin and key of its own, and says in its first record where it took over.
public struct Predecessor: Hashable, Sendable {
    /// The longest checkpoint.
    public static let maximumCheckpointSizeBytes = 16_384
    /// The most verifier keys.
    public static let maximumKeyCount = 16

    private let exactCheckpoint: ExactText

    /// The signed note of the last checkpoint that the successor knows.
    public var checkpoint: String { exactCheckpoint.string }
    /// The keys of the predecessor, one of which has signed the checkpoint.
    public let keys: [VerifierKey]
    /// Records that the predecessor is known to have had beyond the checkpoint, and that are lost.
    ///
    /// From the checkpoint's size on. `nil`: none are known, and there may be some all the same.
    public let lost: ClosedRange<UInt64>?
    /// What the checkpoint says.
    public let head: Checkpoint

    /// - Throws: `LimitViolation` of the field `.predecessor`: the checkpoint is too long or not
    ///   one, not signed by a key, a key that signed did so wrongly; or the keys are none, too
    ///   many, twice the same or of another name; or what is lost does not begin where the
    ///   checkpoint ends.
    public init(
        checkpoint: String,
        keys: [VerifierKey],
        lost: ClosedRange<UInt64>?
    ) throws(LimitViolation) {
        guard checkpoint.utf8.count <= Self.maximumCheckpointSizeBytes else {
            throw LimitViolation(
                .predecessor,
                rule: "must have a checkpoint of at most 16,384 bytes",
                limit: Self.maximumCheckpointSizeBytes,
                given: "\(checkpoint.utf8.count) bytes"
            )
        }
        guard (1...Self.maximumKeyCount).contains(keys.count), Set(keys).count == keys.count else {
            throw LimitViolation(
                .predecessor,
                rule: "must have 1 to 16 different keys",
                limit: Self.maximumKeyCount,
                given: "\(keys.count)"
            )
        }
        let head: Checkpoint
        do {
            head = try SignedCheckpoint.open(checkpoint, keys: keys).checkpoint
        } catch {
            throw LimitViolation(
                .predecessor,
                rule: "must have a checkpoint that one of its keys has signed",
                given: excerpt("\(error)")
            )
        }
        guard keys.allSatisfy({ $0.name.hasSameBytes(as: head.origin) }) else {
            throw LimitViolation(
                .predecessor,
                rule: "must have keys that are named like the checkpoint's origin",
                given: excerpt(keys.map(\.name).joined(separator: " "))
            )
        }
        if let lost {
            guard lost.lowerBound == head.size.value, lost.upperBound < TreeSize.maximum.value
            else {
                throw LimitViolation(
                    .predecessor,
                    rule: "must have lost records from the checkpoint's size on, below 2^53 - 1",
                    given: "\(lost.lowerBound) to \(lost.upperBound)"
                )
            }
        }
        exactCheckpoint = ExactText(checkpoint)
        self.keys = keys
        self.lost = lost
        self.head = head
    }

    /// The predecessor's name.
    public var origin: String { head.origin }

    /// Whether both have the same bytes.
    public static func == (left: Predecessor, right: Predecessor) -> Bool {
        left.exactCheckpoint == right.exactCheckpoint && left.keys == right.keys
            && left.lost == right.lost
    }

    /// Hashes what `==` compares; the head follows from the checkpoint.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(exactCheckpoint)
        hasher.combine(keys)
        hasher.combine(lost)
    }
}

extension Predecessor {
    /// The object that stands in `log.created`: `checkpoint`, `keys`, and `lost` if it is known.
    var json: JSONValue {
        var object: JSONObject = [
            "checkpoint": .string(checkpoint), "keys": .strings(keys.map(\.description)),
        ]
        object["lost"] = lost.map { .array([.count($0.lowerBound), .count($0.upperBound)]) }
        return .object(object)
    }
}
