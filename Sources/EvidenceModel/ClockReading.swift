/// What both clocks said at one moment.
public struct ClockReading: Hashable, Sendable {
    /// How far the clocks may differ: 24 hours, either way.
    public static let toleranceMilliseconds: Int64 = 24 * 3_600 * 1_000

    /// The compliance clock.
    public let compliance: Timestamp
    /// The machine's clock; `nil` outside the years 1970 to 9999.
    public let wall: Timestamp?

    /// A reading.
    public init(compliance: Timestamp, wall: Timestamp?) {
        self.compliance = compliance
        self.wall = wall
    }

    /// The later clock: locks are granted from here.
    public var granting: Timestamp { max(compliance, wall ?? compliance) }

    /// The earlier clock: a lock is over only when it is over here.
    public var releasing: Timestamp { min(compliance, wall ?? compliance) }

    /// The wall clock minus the compliance clock; `nil` where there is no wall clock.
    public var differenceMilliseconds: Int64? {
        wall.map { $0.milliseconds - compliance.milliseconds }
    }

    /// Whether the clocks agree well enough to grant and to release.
    public var isSettled: Bool {
        guard let difference = differenceMilliseconds else { return false }
        return difference.magnitude <= Self.toleranceMilliseconds.magnitude
    }
}

extension ClockReading: CustomStringConvertible {
    /// For example `compliance clock 2026-11-21T01:02:03.456Z, wall clock out of range`.
    public var description: String {
        "compliance clock \(compliance), wall clock "
            + (wall.map { "\($0)" } ?? "outside the years 1970 to 9999")
    }
}
