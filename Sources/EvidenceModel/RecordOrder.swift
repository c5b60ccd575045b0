public import TransparencyLog

/// What holds of the records of a log by their order alone: which is the first and which the last,
/// that times never go back, and that collections are numbered without gaps.
public struct RecordOrder: Equatable, Sendable {
    /// Of each collection the number of its last record, and that record.
    public private(set) var heads: [CollectionName: CensusEntry]
    /// When the last record was received.
    public private(set) var lastReceived: Timestamp
    private var closed: RecordIndex?

    /// The order of a log without records; or behind those that were taken before.
    public init(
        heads: [CollectionName: CensusEntry] = [:],
        lastReceived: Timestamp = .earliest,
        closed: RecordIndex? = nil
    ) {
        self.heads = heads
        self.lastReceived = lastReceived
        self.closed = closed
    }

    /// Takes the next record, whatever is wrong with it.
    ///
    /// - Returns: What is wrong with it; nothing as a rule.
    public mutating func take(_ record: Record, at index: RecordIndex) -> [LogViolation] {
        var faults: [LogViolation] = []
        if record.received < lastReceived {
            faults.append(
                LogViolation(
                    .received,
                    at: index,
                    "record \(index) was received before the one before it"
                )
            )
        }
        lastReceived = record.received
        if (index.value == 0) != (record.kind == .logCreated) {
            faults.append(
                LogViolation(
                    .creation,
                    at: index,
                    "record \(index) is of kind \(record.kind.rawValue)"
                )
            )
        }
        // Acts behind the end are the fold's to refuse.
        if let closed, record.collection != nil {
            faults.append(
                LogViolation(
                    .closed,
                    at: index,
                    subject: closed,
                    "record \(index) follows, and the log was closed by record \(closed)"
                )
            )
        }
        if record.kind == .logClosed, closed == nil { closed = index }
        if let collection = record.collection, let sequence = record.sequence {
            let expected = heads[collection]?.count.next ?? .first
            if sequence != expected {
                faults.append(
                    LogViolation(
                        .sequence,
                        at: index,
                        subject: heads[collection]?.last,
                        "record \(index) is number \(sequence) of \(collection), not \(expected)"
                    )
                )
            }
            heads[collection] = CensusEntry(count: sequence, last: index)
        }
        return faults
    }
}
