/// A length of retention as people write it: `90s`, `30m`, `12h`, `30d`, `7y`.
///
/// Seconds to days are fixed lengths; years follow the calendar. At least one unit and at most
/// 10,000 years, so that no arithmetic on it overflows. Equality is of the written form: `24h` and
/// `1d` are different requests.
public struct RetentionDuration: Hashable, Sendable {
    /// The unit; the raw value is the letter that is written.
    public enum Unit: Character, Sendable, CaseIterable {
        case seconds = "s"
        case minutes = "m"
        case hours = "h"
        case days = "d"
        case years = "y"

        /// `nil` for years, whose length depends on the calendar.
        var fixedSeconds: Int64? {
            switch self {
            case .seconds: 1
            case .minutes: 60
            case .hours: 3_600
            case .days: 86_400
            case .years: nil
            }
        }

        /// The count of this unit that fills 10,000 years of 365.25 days.
        var maximumCount: Int64 {
            fixedSeconds.map { 315_576_000_000 / $0 } ?? 10_000
        }
    }

    /// How many units, from 1 to about 10,000 years' worth.
    public let count: Int64
    /// The unit.
    public let unit: Unit

    /// - Throws: `LimitViolation` of the field `.duration`.
    public init(_ count: Int64, _ unit: Unit) throws(LimitViolation) {
        guard count >= 1, count <= unit.maximumCount else {
            throw LimitViolation(
                .duration,
                rule: "must be from 1\(unit.rawValue) to 10,000 years",
                limit: Int(unit.maximumCount),
                given: "\(count)\(unit.rawValue)"
            )
        }
        self.count = count
        self.unit = unit
    }

    /// Reads a count without leading zeros and one of the letters `s m h d y`.
    ///
    /// - Throws: `LimitViolation` of the field `.duration`.
    public init(parsing text: String) throws(LimitViolation) {
        guard let letter = text.last, let unit = Unit(rawValue: letter),
            let count = Self.count(text.dropLast().utf8)
        else {
            throw LimitViolation(
                .duration,
                rule: "must be a count and a unit, like 90s 30m 12h 30d 7y",
                given: excerpt(text)
            )
        }
        try self.init(count, unit)
    }

    init(unchecked count: Int64, _ unit: Unit) {
        self.count = count
        self.unit = unit
    }

    /// One to twelve digits without a leading zero; a value out of range is the caller's to refuse.
    private static func count(_ digits: Substring.UTF8View) -> Int64? {
        guard (1...12).contains(digits.count),
            digits.first != UInt8(ascii: "0") || digits.count == 1
        else { return nil }
        var value: Int64 = 0
        for byte in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            value = value * 10 + Int64(byte - UInt8(ascii: "0"))
        }
        return value
    }

    /// Whether a lock of this length ends at midnight: one day or more, however it is written.
    public var isDayOrMore: Bool {
        guard let seconds = unit.fixedSeconds else { return true }
        return count * seconds >= 86_400
    }

    /// The instant this long after `start`, not rounded; `nil` beyond 9999.
    ///
    /// Years keep the date and time of day; from 29 February they lead to 28 February where there
    /// is no 29th.
    public func end(from start: Timestamp) -> Timestamp? {
        guard let seconds = unit.fixedSeconds else { return start.adding(years: Int(count)) }
        return start.adding(milliseconds: count * seconds * Timestamp.millisecondsPerSecond)
    }

    /// The end of a lock of this length, rounded **up**: to 00:00Z for a day or more, else to the
    /// second; `nil` beyond 9999.
    func roundedUp(_ end: Timestamp) -> Timestamp? {
        isDayOrMore ? end.roundedUpToMidnight() : end.roundedUpToSecond()
    }

    /// The length with a year of 365.2425 days; to compare durations without a calendar.
    var nominalSeconds: Int64 { count * (unit.fixedSeconds ?? 31_556_952) }
}

extension RetentionDuration: CustomStringConvertible {
    /// The form that `init(parsing:)` reads.
    public var description: String { "\(count)\(unit.rawValue)" }
}
