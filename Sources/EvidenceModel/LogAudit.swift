public import TransparencyLog

/// Judges a log by its records alone, from the first on: that every record keeps the rules by
/// which a Strongroom writes.
///
/// What acts amount to is `LogState`, whose own faults are the first thing that is asked. Beyond
/// these an audit knows the evidence that acts are about, from an ``EvidenceMemory``, so that it
/// can tell what acts alone cannot: locks of leaves, leaf hashes, names, numbers. Of sealed records
/// it knows neither names nor labels; what would take them is counted in ``unjudged``, not guessed.
public struct LogAudit: Sendable {
    /// How many indexes are asked of the memory at once, at most.
    public static let pieceCount: UInt64 = 1_024

    /// What could not be judged, since sealed records hide names and labels.
    public struct Unjudged: Equatable, Sendable {
        /// Holds by selection whose count and digest depend on sealed records.
        public var holds: UInt64
        /// Erasures of sealed records that such a hold may have covered.
        public var erasures: UInt64

        /// Counts.
        public init(holds: UInt64 = 0, erasures: UInt64 = 0) {
            self.holds = holds
            self.erasures = erasures
        }

        /// Whether everything was judged.
        public var isEmpty: Bool { holds == 0 && erasures == 0 }
    }

    /// The log's name, as its keys have it.
    public let origin: String
    /// What the acts amount to.
    public internal(set) var state: LogState
    /// Numbers and times so far.
    public internal(set) var order: RecordOrder
    /// What could not be judged.
    public internal(set) var unjudged: Unjudged

    /// The audit of a log of which nothing was seen yet.
    public init(origin: String) {
        self.init(origin: origin, state: LogState(), order: RecordOrder(), unjudged: Unjudged())
    }

    /// An audit that goes on behind what was taken before.
    ///
    /// `state`: the fold over all acts so far; `order`, `unjudged`: as they were.
    public init(origin: String, state: LogState, order: RecordOrder, unjudged: Unjudged) {
        self.origin = origin
        self.state = state
        self.order = order
        self.unjudged = unjudged
    }

    /// Takes the next record.
    ///
    /// `memory`: has all evidence below `index`. After an error the audit is of no further use.
    ///
    /// - Throws: the first rule that the record breaks, or what `memory` throws.
    public mutating func take<Memory: EvidenceMemory & ~Copyable>(
        _ record: Record,
        at index: RecordIndex,
        from memory: borrowing Memory
    ) throws(AuditFailure<Memory.Failure>) {
        if let fault = order.take(record, at: index).first { throw .violation(fault) }
        switch record {
        case .logCreated(let creation):
            guard creation.origin.hasSameBytes(as: origin) else {
                throw .violation(
                    LogViolation(
                        .creation,
                        at: index,
                        "record \(index) makes the log \(creation.origin), not \(origin)"
                    )
                )
            }
            state = LogState(creation)
        case .evidence, .sealedEvidence:
            if let fault = faultOfGrant(record, at: index) { throw .violation(fault) }
        case .act(let act):
            try check(act, at: index, from: memory)
            do throws(ActFault) {
                try state.apply(act, at: index)
            } catch {
                throw .violation(LogViolation(act.act.kind.rule, at: index, "\(error)"))
            }
        }
    }

    // MARK: Reading the memory

    /// Reads evidence in pieces that fit into memory.
    func forEach<Memory: EvidenceMemory & ~Copyable>(
        in range: ClosedRange<UInt64>,
        from memory: borrowing Memory,
        _ body: (AuditedEvidence) throws(AuditFailure<Memory.Failure>) -> Void
    ) throws(AuditFailure<Memory.Failure>) {
        var next = range.lowerBound
        while true {
            let last = min(range.upperBound, next + (Self.pieceCount - 1))
            for evidence in try read(next...last, from: memory) { try body(evidence) }
            guard last < range.upperBound else { return }
            next = last + 1
        }
    }

    /// The same for records that an act names: each of them must be evidence.
    func forEach<Memory: EvidenceMemory & ~Copyable>(
        of records: IndexRanges,
        namedBy index: RecordIndex,
        _ rule: LogViolation.Rule,
        from memory: borrowing Memory,
        _ body: (AuditedEvidence) throws(AuditFailure<Memory.Failure>) -> Void
    ) throws(AuditFailure<Memory.Failure>) {
        for range in records.ranges {
            var next = range.lowerBound
            while next <= range.upperBound {
                let last = min(range.upperBound, next + (Self.pieceCount - 1))
                for evidence in try read(next...last, from: memory) {
                    guard evidence.facts.index.value == next else { break }
                    try body(evidence)
                    next += 1
                }
                guard next > last else {
                    throw .violation(
                        LogViolation(
                            rule,
                            at: index,
                            subject: RecordIndex(next),
                            "record \(index) is about record \(next), which is no evidence"
                        )
                    )
                }
            }
        }
    }

    private func read<Memory: EvidenceMemory & ~Copyable>(
        _ range: ClosedRange<UInt64>,
        from memory: borrowing Memory
    ) throws(AuditFailure<Memory.Failure>) -> [AuditedEvidence] {
        do throws(Memory.Failure) {
            return try memory.evidence(in: range)
        } catch { throw .memory(error) }
    }
}
