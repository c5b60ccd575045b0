/// What a collection promises of its evidence: how long it is locked, from when, and whether its
/// records are sealed.
public struct CollectionPolicy: Hashable, Sendable {
    /// The rules where none were set: COMPLIANCE for 7 years from receipt, open records.
    public static let standard = CollectionPolicy(defaults: .standard)

    /// Mode and durations.
    public let retention: RetentionPolicy
    /// The event from which retention is counted; `nil`: from receipt.
    public let event: EventName?
    /// Whether records are sealed.
    public let isSealed: Bool

    /// A policy that is set; it grants no weaker mode than its own.
    public init(retention: RetentionPolicy, event: EventName? = nil, isSealed: Bool = false) {
        self.retention = retention.withoutWeakerModes
        self.event = event
        self.isSealed = isSealed
    }

    /// The rules of collections for which none were set; `retention` says which modes it grants.
    public init(defaults retention: RetentionPolicy) {
        self.retention = retention
        event = nil
        isSealed = false
    }

    /// Decides the lock of a record that is received now.
    ///
    /// A date is counted from the later of both clocks: a lock is never too short for a clock that
    /// goes wrong. Where retention is event-based, the lock awaits the event, and what is requested
    /// is the duration from there. Whether the clocks are settled is for the caller to ask.
    ///
    /// - Throws: `LockRefusal`, naming what was asked for and the policy's limit.
    public func grant(
        _ request: LockRequest,
        at clock: ClockReading
    ) throws(LockRefusal) -> Lock {
        guard let event else { return try retention.grant(request, at: clock.granting) }
        let mode = try retention.grantedMode(for: request.mode)
        switch request.retention {
        case .standard:
            return Lock(mode: mode, awaiting: event, then: retention.standard)
        case .duration(let duration):
            guard let end = duration.end(from: clock.granting) else { throw .beyondCalendar }
            try retention.checkRange(end, from: clock.granting)
            return Lock(mode: mode, awaiting: event, then: duration)
        case .until:
            throw .untilWithEvent(event)
        }
    }
}

extension CollectionPolicy: CustomStringConvertible {
    /// For example `COMPLIANCE, 1d to 100y, 7y by default, sealed`.
    public var description: String {
        let length =
            "\(retention.minimum) to \(retention.maximum), \(retention.standard) by default"
        let start = event.map { ", from the event \($0)" } ?? ""
        return "\(retention.mode), \(length)\(start)\(isSealed ? ", sealed" : "")"
    }
}
