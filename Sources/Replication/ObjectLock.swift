package import EvidenceModel

/// The retention of one version of an object, as S3 Object Lock has it.
package struct ObjectLock: Hashable, Sendable, CustomStringConvertible {
    package let mode: RetentionMode
    /// A whole second.
    package let until: Timestamp

    /// `nil` unless `until` is a whole second.
    package init?(mode: RetentionMode, until: Timestamp) {
        guard until.isWholeSecond else { return nil }
        self.mode = mode
        self.until = until
    }

    package var description: String { "\(mode) until \(until.rfc3339Seconds)" }
}

/// Whether a version is under a legal hold: deletion is refused, whatever its retention.
package enum LegalHold: Hashable, Sendable { case on, off }
