/// An instant in UTC with millisecond precision, from 1970-01-01T00:00:00.000Z to
/// 9999-12-31T23:59:59.999Z; every value has exactly one text form.
///
/// Leap seconds do not exist here, as in POSIX time: every day has 86,400 seconds.
public struct Timestamp: Hashable, Comparable, Sendable {
    /// 1970-01-01T00:00:00.000Z.
    public static let earliest = Timestamp(unchecked: 0)

    /// 9999-12-31T23:59:59.999Z.
    public static let latest = Timestamp(
        unchecked: (CivilDate.lastDayNumber + 1) * millisecondsPerDay - 1
    )

    static let millisecondsPerSecond: Int64 = 1_000
    static let millisecondsPerDay: Int64 = 86_400_000

    /// Milliseconds since 1970-01-01T00:00:00.000Z.
    public let milliseconds: Int64

    /// `nil` outside the years 1970 to 9999.
    public init?(milliseconds: Int64) {
        guard milliseconds >= 0, milliseconds <= Self.latest.milliseconds else { return nil }
        self.milliseconds = milliseconds
    }

    init(unchecked milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    /// Orders by time.
    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.milliseconds < right.milliseconds
    }

    /// Whether the instant falls on a whole second, as every lock's date does.
    public var isWholeSecond: Bool { milliseconds % Self.millisecondsPerSecond == 0 }

    /// The instant that many milliseconds later (earlier if negative); `nil` outside 1970...9999.
    public func adding(milliseconds delta: Int64) -> Timestamp? {
        let (sum, overflow) = milliseconds.addingReportingOverflow(delta)
        return overflow ? nil : Timestamp(milliseconds: sum)
    }

    /// The same time of day on the same date some years later; `nil` outside 1970...9999.
    ///
    /// 29 February becomes 28 February in a year that has none.
    public func adding(years: Int) -> Timestamp? {
        let date = CivilDate(dayNumber: milliseconds / Self.millisecondsPerDay)
        guard let target = date.adding(years: years) else { return nil }
        let timeOfDay = milliseconds % Self.millisecondsPerDay
        return Timestamp(
            milliseconds: target.dayNumber * Self.millisecondsPerDay + timeOfDay
        )
    }

    /// This instant if it is a whole second, else the next one; `nil` beyond 9999.
    public func roundedUpToSecond() -> Timestamp? {
        roundedUp(to: Self.millisecondsPerSecond)
    }

    /// This instant if it is 00:00Z, else the next 00:00Z; `nil` beyond 9999.
    public func roundedUpToMidnight() -> Timestamp? {
        roundedUp(to: Self.millisecondsPerDay)
    }

    private func roundedUp(to unit: Int64) -> Timestamp? {
        let remainder = milliseconds % unit
        return remainder == 0 ? self : Timestamp(milliseconds: milliseconds - remainder + unit)
    }
}
