import TransparencyLog

extension LogState {
    // MARK: Extensions

    func ruleExtension(
        of facts: RecordFacts,
        to wanted: LockExtension,
        at clock: ClockReading,
        _ defaults: CollectionPolicy
    ) throws(Refusal) -> Ruling {
        let standing = lockStanding(of: facts.index, lock: facts.lock)
        if let certificate = standing.erased { throw .erased(certificate: certificate) }
        let current = standing.lock
        let mode = wanted.mode ?? current.mode
        guard mode == .compliance || current.mode == .governance else {
            throw .lockWeaker(mode, current: current)
        }
        guard case .until(let present) = current.end else {
            guard wanted.until == nil else { throw .dateBeforeEvent(current: current) }
            return extended(facts.index, from: current, to: Lock(mode: mode, end: current.end))
        }
        let date = wanted.until ?? present
        guard let until = date.roundedUpToSecond() else { throw .lockBeyondCalendar }
        if wanted.until != nil, date <= clock.granting {
            throw .lockInPast(until: date, now: clock.granting, current: current)
        }
        guard until >= present else { throw .lockShorter(until: date, current: current) }
        let lock = Lock(mode: mode, end: .until(until))
        guard lock != current else { return Ruling([]) }
        guard until > clock.granting else {
            throw .lockInPast(until: until, now: clock.granting, current: current)
        }
        if until > present {
            let policy = policy(for: facts.collection, defaults: defaults)
            try check(date, against: policy.retention.maximum, at: clock)
        }
        return extended(facts.index, from: current, to: lock)
    }

    private func extended(_ index: RecordIndex, from current: Lock, to lock: Lock) -> Ruling {
        lock == current
            ? Ruling([]) : Ruling([.lockExtended(records: IndexRanges(index), lock: lock)])
    }

    /// A maximum that leads beyond the calendar allows all of it.
    private func check(
        _ until: Timestamp,
        against maximum: RetentionDuration,
        at clock: ClockReading
    ) throws(Refusal) {
        if let latest = maximum.end(from: clock.granting), until > latest {
            throw .lockTooLong(until: until, maximum: maximum)
        }
    }

    // MARK: Events

    func ruleEvent(
        _ event: EventName,
        since at: Timestamp?,
        _ facts: [RecordFacts],
        at clock: ClockReading,
        _ defaults: CollectionPolicy
    ) throws(Refusal) -> Ruling {
        guard !facts.isEmpty else { throw .noRecords }
        // What a client says of the past would only release earlier.
        let start = max(at ?? clock.granting, clock.granting)
        var refused: [(RecordIndex, Refusal)] = []
        var changed: [Lock: [RecordIndex]] = [:]
        for facts in Self.ordered(facts) {
            do throws(Refusal) {
                let policy = policy(for: facts.collection, defaults: defaults)
                let lock = try lock(of: facts, after: event, start, at: clock, policy)
                if let lock { changed[lock, default: []].append(facts.index) }
            } catch {
                refused.append((facts.index, error))
            }
        }
        let locks = changed.sorted { $0.value[0] < $1.value[0] }
        var acts: [Act] = []
        for (lock, indexes) in locks {
            for part in IndexRanges(indexes).parts(maximumRangeCount: IndexRanges.maximumRangeCount)
            {
                acts.append(.eventRecorded(event, at: at, records: part, lock: lock))
            }
        }
        return Ruling(acts, refused: refused)
    }

    /// The lock of a record once its event is recorded; `nil` if it changes nothing.
    private func lock(
        of facts: RecordFacts,
        after event: EventName,
        _ start: Timestamp,
        at clock: ClockReading,
        _ policy: CollectionPolicy
    ) throws(Refusal) -> Lock? {
        let standing = lockStanding(of: facts.index, lock: facts.lock)
        if let certificate = standing.erased { throw .erased(certificate: certificate) }
        guard case .awaiting(event, let duration) = facts.lock.end else {
            throw .notAwaiting(event, current: standing.lock)
        }
        let end = duration.end(from: start).flatMap { duration.roundedUp($0) } ?? Lock.withoutEnd
        if start > clock.granting {
            try check(end, against: policy.retention.maximum, at: clock)
        }
        let lock = Lock(mode: standing.lock.mode, end: .until(min(end, Lock.withoutEnd)))
        if case .until(let until) = standing.lock.end, until >= lock.until { return nil }
        return lock
    }

    /// The facts by index, each record once.
    static func ordered(_ facts: [RecordFacts]) -> [RecordFacts] {
        var ordered: [RecordFacts] = []
        ordered.reserveCapacity(facts.count)
        for facts in facts.sorted(by: { $0.index < $1.index })
        where ordered.last?.index != facts.index {
            ordered.append(facts)
        }
        return ordered
    }
}
