/// The time of a signature, in whole seconds of UTC.
package struct SigningTime: Hashable, Sendable {
    /// `20150830T123600Z`, the basic form of ISO 8601.
    package let text: String
    /// `20150830`.
    package let date: String

    /// `nil` outside the years 1970 to 9999.
    package init?(secondsSince1970 seconds: Int64) {
        guard seconds >= 0, seconds < 253_402_300_800 else { return nil }
        let day = seconds / 86_400
        let second = Int(seconds % 86_400)
        date = Self.civil(day)
        text =
            "\(date)T" + padded(second / 3_600, 2) + padded(second / 60 % 60, 2)
            + padded(second % 60, 2) + "Z"
    }

    /// The date of a day since 1970-01-01.
    ///
    /// Reference: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms",
    /// `civil_from_days`.
    private static func civil(_ day: Int64) -> String {
        // Eras of 400 years that begin on 1 March; from 0000-03-01 to 1970-01-01 it is 719,468
        // days.
        let shifted = Int(day) + 719_468
        let dayOfEra = shifted % 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = shifted / 146_097 * 400 + yearOfEra + (month <= 2 ? 1 : 0)
        let dayOfMonth = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        return padded(year, 4) + padded(month, 2) + padded(dayOfMonth, 2)
    }
}

/// Decimal digits with zeros in front.
private func padded(_ value: Int, _ count: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, count - digits.utf8.count)) + digits
}
