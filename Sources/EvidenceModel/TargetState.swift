public import TransparencyLog

/// A target, as the log tells of it.
public struct TargetState: Equatable, Sendable {
    /// The newest `target.probed`.
    public struct Probe: Equatable, Sendable {
        /// Its record.
        public let index: RecordIndex
        /// What was found.
        public let report: ProbeReport
        /// When the log took it.
        public let at: Timestamp
    }

    /// Where it is and how it is used.
    public let description: TargetDescription
    /// The `target.added` record.
    public let added: RecordIndex
    /// The phase in force.
    public internal(set) var phase = TargetPhase.local
    /// The newest `target.phase` record, if there is one.
    public internal(set) var lastPhase: RecordIndex?
    /// The newest probe, if there was one.
    public internal(set) var lastProbe: Probe?

    /// The name.
    public var name: TargetName { description.name }

    init(description: TargetDescription, added: RecordIndex) {
        self.description = description
        self.added = added
    }
}
