import TransparencyLog

extension LogAudit {
    /// How far a record's time and the clock that granted its lock may lie apart.
    ///
    /// A record's time is the compliance clock's, when it got its index; the lock was counted from
    /// the later of both clocks, at the begin of its batch.
    private static let batchMilliseconds: Int64 = 60_000

    /// The shortest end of a lock of this length that is granted with a record of that time.
    ///
    /// A minute less for locks below a day; a day less for others, whose calendar may step over a
    /// leap day within that minute. `nil` beyond the calendar, where nothing is too short.
    static func earliestEnd(
        of duration: RetentionDuration,
        from received: Timestamp
    ) -> Timestamp? {
        let slack = duration.isDayOrMore ? Timestamp.millisecondsPerDay : batchMilliseconds
        return duration.end(from: received)?.adding(milliseconds: -slack)
    }

    /// What a policy that was set promises holds for every record from there on.
    ///
    /// Which rules hold where none was set is the configuration's, which no record tells.
    func faultOfGrant(_ record: Record, at index: RecordIndex) -> LogViolation? {
        guard let lock = record.lock, let collection = record.collection,
            let setting = state.policySettings[collection]
        else { return nil }
        let isSealed = if case .sealedEvidence = record { true } else { false }
        let fault = Self.fault(of: lock, isSealed, under: setting.policy, record.received)
        guard let fault else { return nil }
        return LogViolation(
            .policy,
            at: index,
            subject: setting.index,
            "record \(index) is \(fault); the policy of \(collection) is \(setting.policy)"
        )
    }

    private static func fault(
        of lock: Lock,
        _ isSealed: Bool,
        under policy: CollectionPolicy,
        _ received: Timestamp
    ) -> String? {
        guard isSealed || !policy.isSealed else { return "not sealed" }
        guard lock.mode == .compliance || policy.retention.weakestMode == .governance else {
            return "under \(lock), a weaker mode"
        }
        let shortest = earliestEnd(of: policy.retention.minimum, from: received)
        switch lock.end {
        case .until(let until):
            if let event = policy.event { return "under \(lock), and does not await \(event)" }
            guard let shortest, until < shortest else { return nil }
        case .awaiting(let event, let duration):
            guard event == policy.event else { return "under \(lock), another event" }
            guard let shortest, let end = duration.end(from: received), end < shortest else {
                return nil
            }
        }
        return "under \(lock), shorter than the minimum"
    }
}
