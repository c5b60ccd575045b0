/// A collection's rules for locks: the mode, and how short and how long a lock may be.
public struct RetentionPolicy: Hashable, Sendable {
    /// COMPLIANCE for 7 years; requests in either mode from one second to a hundred years.
    public static let standard = RetentionPolicy(
        mode: .compliance,
        weakestMode: .governance,
        minimum: RetentionDuration(unchecked: 1, .seconds),
        standard: RetentionDuration(unchecked: 7, .years),
        maximum: RetentionDuration(unchecked: 100, .years),
        isChecked: ()
    )

    /// The mode where none is requested.
    public let mode: RetentionMode
    /// The weakest mode that is granted on request.
    public let weakestMode: RetentionMode
    /// The shortest lock that is granted.
    public let minimum: RetentionDuration
    /// The lock where none is requested.
    public let standard: RetentionDuration
    /// The longest lock that is granted.
    public let maximum: RetentionDuration

    /// A policy; it grants no weaker mode than its own unless `weakestMode` says so.
    ///
    /// - Throws: `LimitViolation` of the field `.policy` unless minimum <= standard <= maximum
    ///   (compared with years of 365.2425 days), and the mode is one that is granted.
    public init(
        mode: RetentionMode,
        weakestMode: RetentionMode? = nil,
        minimum: RetentionDuration,
        standard: RetentionDuration,
        maximum: RetentionDuration
    ) throws(LimitViolation) {
        guard minimum.nominalSeconds <= standard.nominalSeconds,
            standard.nominalSeconds <= maximum.nominalSeconds
        else {
            throw LimitViolation(
                .policy,
                rule: "must have minimum <= default <= maximum",
                given: "\(minimum), \(standard), \(maximum)"
            )
        }
        guard mode == .compliance || weakestMode != .compliance else {
            throw LimitViolation(
                .policy,
                rule: "must have a mode that is not weaker than the weakest that is granted",
                given: "\(mode)"
            )
        }
        self.init(
            mode: mode,
            weakestMode: weakestMode ?? mode,
            minimum: minimum,
            standard: standard,
            maximum: maximum,
            isChecked: ()
        )
    }

    private init(
        mode: RetentionMode,
        weakestMode: RetentionMode,
        minimum: RetentionDuration,
        standard: RetentionDuration,
        maximum: RetentionDuration,
        isChecked: Void
    ) {
        self.mode = mode
        self.weakestMode = weakestMode
        self.minimum = minimum
        self.standard = standard
        self.maximum = maximum
    }

    /// The same rules; no weaker mode than the policy's own is granted.
    var withoutWeakerModes: RetentionPolicy {
        RetentionPolicy(
            mode: mode,
            weakestMode: mode,
            minimum: minimum,
            standard: standard,
            maximum: maximum,
            isChecked: ()
        )
    }

    /// Decides the lock of a record received at `now`.
    ///
    /// The range is checked on the requested length, before rounding; the date is then rounded
    /// **up**: to the next 00:00Z for durations of a day or more, else to the next second, and an
    /// exact instant to the next second. So a lock is never shorter than what was asked for.
    ///
    /// - Throws: `LockRefusal`, naming what was asked for and the policy's limit. Where the policy
    ///   itself leads beyond the year 9999 nothing is granted either.
    public func grant(_ request: LockRequest, at now: Timestamp) throws(LockRefusal) -> Lock {
        let grantedMode = try grantedMode(for: request.mode)
        let unrounded: Timestamp
        let rounded: Timestamp?
        switch request.retention {
        case .standard:
            unrounded = try end(of: standard, from: now)
            // Nominal lengths are ordered; by this year's calendar the minimum may be a day longer.
            let shortest = try end(of: minimum, from: now)
            rounded = max(roundedUp(unrounded, of: standard), roundedUp(shortest, of: minimum))
        case .duration(let duration):
            unrounded = try end(of: duration, from: now)
            try checkRange(unrounded, from: now)
            rounded = roundedUp(unrounded, of: duration)
        case .until(let until):
            unrounded = until
            guard until >= now else { throw .inThePast(until: until, now: now) }
            try checkRange(unrounded, from: now)
            rounded = until.roundedUpToSecond()
        }
        guard let rounded, let lock = Lock(mode: grantedMode, until: rounded) else {
            throw .beyondCalendar
        }
        return lock
    }

    func grantedMode(for requested: RetentionMode?) throws(LockRefusal) -> RetentionMode {
        guard let requested else { return mode }
        guard weakestMode == .governance || requested == .compliance else {
            throw .modeTooWeak(requested: requested, policy: weakestMode)
        }
        return requested
    }

    func checkRange(_ end: Timestamp, from now: Timestamp) throws(LockRefusal) {
        guard let earliest = minimum.end(from: now), end >= earliest else {
            throw .tooShort(until: end, minimum: minimum)
        }
        // A maximum that leads beyond the calendar allows all of it.
        if let latest = maximum.end(from: now), end > latest {
            throw .tooLong(until: end, maximum: maximum)
        }
    }

    private func end(
        of duration: RetentionDuration,
        from now: Timestamp
    ) throws(LockRefusal) -> Timestamp {
        guard let end = duration.end(from: now) else { throw .beyondCalendar }
        return end
    }

    private func roundedUp(_ end: Timestamp, of duration: RetentionDuration) -> Timestamp? {
        duration.roundedUp(end)
    }

    private func max(_ left: Timestamp?, _ right: Timestamp?) -> Timestamp? {
        guard let left, let right else { return nil }
        return Swift.max(left, right)
    }
}

/// Why a requested lock is not granted.
public enum LockRefusal: Error, Equatable, Sendable {
    /// A weaker mode than the policy's was requested.
    case modeTooWeak(requested: RetentionMode, policy: RetentionMode)
    /// The lock would end before the policy's minimum.
    case tooShort(until: Timestamp, minimum: RetentionDuration)
    /// The lock would end after the policy's maximum.
    case tooLong(until: Timestamp, maximum: RetentionDuration)
    /// The requested instant is over.
    case inThePast(until: Timestamp, now: Timestamp)
    /// The lock would end after the year 9999.
    case beyondCalendar
    /// A date was requested where locks end a duration after an event.
    case untilWithEvent(EventName)
}

extension LockRefusal: CustomStringConvertible {
    /// What was asked for and which limit refuses it.
    public var description: String {
        switch self {
        case .modeTooWeak(let requested, let policy):
            "mode \(requested) is weaker than the collection's policy, \(policy)"
        case .tooShort(let until, let minimum):
            "a lock until \(until) is shorter than the policy's minimum of \(minimum)"
        case .tooLong(let until, let maximum):
            "a lock until \(until) is longer than the policy's maximum of \(maximum)"
        case .inThePast(let until, let now):
            "the requested time \(until) is in the past; it is \(now)"
        case .beyondCalendar:
            "the lock would end after the year 9999"
        case .untilWithEvent(let event):
            "the collection's locks end some time after the event \(event): a duration may be "
                + "requested, not a date"
        }
    }
}
