public import TransparencyLog

/// A key with which a log signs, or signed.
public struct LogKey: Hashable, Sendable {
    /// The key.
    public let key: VerifierKey
    /// The `key.rotated` record that brought it; `nil`: `log.created` names it.
    public let rotated: RecordIndex?
    /// Until when it signs; `nil`: the log's present key.
    public internal(set) var until: Timestamp?

    /// Whether it signs a tree whose last record has this time.
    public func signs(at time: Timestamp) -> Bool { until.map { time <= $0 } ?? true }
}

extension [LogKey] {
    /// The key that signs without end: that of the last rotation, or the first of `log.created`.
    public var current: VerifierKey? { (last { $0.rotated != nil } ?? first)?.key }
}

extension LogState {
    /// The most keys with which a log signs at the same time.
    public static let maximumSigningKeyCount = 4

    /// The key that signs without end; `nil` before the first record.
    public var currentKey: VerifierKey? { keys.current }

    /// All keys that ever signed, the oldest first.
    public var verifierKeys: [VerifierKey] { keys.map(\.key) }

    /// What somebody can trust who trusts `trusted`: those, and all keys that follow one of them,
    /// for each rotation is signed by the key before.
    public func keys(following trusted: [VerifierKey]) -> [VerifierKey] {
        guard let first = keys.firstIndex(where: { trusted.contains($0.key) }) else {
            return trusted
        }
        let later = keys[(first + 1)...].filter { $0.rotated != nil }.map(\.key)
        return trusted + later.filter { !trusted.contains($0) }
    }

    mutating func rotate(_ rotation: KeyRotation, at index: RecordIndex) {
        for place in keys.indices {
            keys[place].until = min(keys[place].until ?? rotation.until, rotation.until)
        }
        keys.append(LogKey(key: rotation.key, rotated: index, until: nil))
    }

    func fault(of rotation: KeyRotation, at index: RecordIndex) -> String? {
        guard rotation.previous == currentKey else {
            return "the log's key was another than \(rotation.previous)"
        }
        guard !keys.contains(where: { $0.key == rotation.key }) else {
            return "the log had the key \(rotation.key) before"
        }
        return rotation.size.value == index.value + 1
            ? nil : "the first tree with it has another size than \(rotation.size)"
    }

    /// Decides on another key: all earlier ones sign for `overlap` longer, or less if they would
    /// have ended before.
    func ruleRotation(
        to key: VerifierKey,
        _ signatures: KeyRotation.Signatures,
        overlap: RetentionDuration,
        at clock: ClockReading,
        next index: RecordIndex
    ) throws(Refusal) -> Ruling {
        guard let previous = currentKey else { throw .malformed("the log has no key yet") }
        guard !verifierKeys.contains(key) else { throw .keyKnown(key) }
        guard let until = overlap.end(from: clock.compliance) else {
            throw .malformed("the overlap must end by the year 9999")
        }
        guard keys.count(where: { $0.signs(at: clock.compliance) }) < Self.maximumSigningKeyCount
        else { throw .tooManyKeys(maximum: Self.maximumSigningKeyCount) }
        return Ruling([
            .keyRotated(
                KeyRotation(
                    key: key,
                    previous: previous,
                    size: TreeSize(index.value + 1),
                    until: until,
                    signatures: signatures
                )
            )
        ])
    }
}
