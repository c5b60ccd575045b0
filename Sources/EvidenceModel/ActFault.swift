public import TransparencyLog

/// An act that no Strongroom would have written where it stands: the log is damaged, or was written
/// by something else.
public struct ActFault: Error, Equatable, Sendable, CustomStringConvertible {
    /// The act.
    public let index: RecordIndex
    /// Its kind.
    public let kind: RecordKind
    /// What is wrong with it.
    public let reason: String

    /// For example `record 17, lock.extended: it weakens the lock of record 3`.
    public var description: String { "record \(index), \(kind.rawValue): \(reason)" }
}
