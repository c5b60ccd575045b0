public import TransparencyLog

extension LogState {
    /// Decides a proposal.
    public func rule(
        on proposal: ActProposal,
        by principal: Principal,
        reason: Reason?,
        at clock: ClockReading,
        next index: RecordIndex,
        defaults: CollectionPolicy = .standard
    ) throws(Refusal) -> Ruling {
        throw .reasonMissing
    }
}
