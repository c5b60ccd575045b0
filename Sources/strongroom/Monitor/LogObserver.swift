internal import EvidenceModel
internal import TransparencyLog

/// Who wants to know what a follower reads: records that are proven to be in the signed tree.
///
/// A record that breaks a rule is told of before it is judged, and not behind that.
protocol LogObserver: AnyObject {
    /// The next record, and the audit before it.
    func willTake(_ record: Record, at index: RecordIndex, _ audit: LogAudit)

    /// The record keeps the rules; the audit has taken it. `step` has the evidence before it.
    func didTake(
        _ record: Record,
        at index: RecordIndex,
        _ audit: LogAudit,
        from step: borrowing MonitorStep
    ) throws(CommandFailure)

    /// The record breaks a rule, and nothing behind it is judged; what the acts before it amount to
    /// is in the audit still.
    func isCaught(_ audit: LogAudit)
}
