extension LockRequest {
    /// Whether this may be what was asked for when a record got its lock.
    ///
    /// For records of which it is not known what was asked. What is left to the policy fits every
    /// lock, since nobody knows the policy of then. Durations count from the clock that granted,
    /// which was at most a day ahead of the record's time.
    ///
    /// `lock`: the record's own, without what acts made of it. `received`: the record's time.
    package func mayHaveGiven(_ lock: Lock, received: Timestamp) -> Bool {
        guard mode == nil || mode == lock.mode else { return false }
        switch (retention, lock.end) {
        case (.standard, _): return true
        case (.duration(let asked), .awaiting(_, let given)): return asked == given
        case (.until, .awaiting): return false
        case (.until(let asked), .until(let given)): return asked.roundedUpToSecond() == given
        case (.duration(let asked), .until(let given)):
            let day: Int64 = 86_400_000
            guard let earliest = asked.end(from: received).flatMap(asked.roundedUp),
                let latest = received.adding(milliseconds: day).flatMap(asked.end(from:))
                    .flatMap(asked.roundedUp)
            else { return false }
            return (earliest...latest).contains(given)
        }
    }
}
