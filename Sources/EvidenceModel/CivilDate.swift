/// A day of the proleptic Gregorian calendar, and its arithmetic in whole days since 1970-01-01.
///
/// Only the years 1970 to 9999 occur; `dayNumber` is never negative.
///
/// Reference: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (`days_from_civil`,
/// `civil_from_days`), specialised to dates from 1970 on.
struct CivilDate: Equatable {
    static let lastDayNumber: Int64 = 2_932_896  // 9999-12-31

    let year: Int
    let month: Int
    let day: Int

    /// `nil` unless the day exists and its year is 1970...9999.
    init?(year: Int, month: Int, day: Int) {
        guard (1970...9999).contains(year), (1...12).contains(month), day >= 1,
            day <= Self.daysInMonth(month, of: year)
        else { return nil }
        self.year = year
        self.month = month
        self.day = day
    }

    init(dayNumber: Int64) {
        precondition((0...Self.lastDayNumber).contains(dayNumber), "day outside 1970...9999")
        // Eras of 400 years that begin on 1 March; from 0000-03-01 to 1970-01-01 it is 719,468
        // days.
        let shifted = Int(dayNumber) + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
    }

    /// Days since 1970-01-01.
    var dayNumber: Int64 {
        let marchYear = month <= 2 ? year - 1 : year
        let era = marchYear / 400
        let yearOfEra = marchYear % 400
        let monthFromMarch = month > 2 ? month - 3 : month + 9
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return Int64(era * 146_097 + dayOfEra - 719_468)
    }

    /// The same day and month some years later; `nil` beyond 9999.
    ///
    /// 29 February becomes 28 February where there is none.
    func adding(years: Int) -> CivilDate? {
        let (target, overflow) = year.addingReportingOverflow(years)
        guard !overflow, (1970...9999).contains(target) else { return nil }
        let lastDay = Self.daysInMonth(month, of: target)
        return CivilDate(year: target, month: month, day: min(day, lastDay))
    }

    static func isLeap(_ year: Int) -> Bool {
        year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    }

    static func daysInMonth(_ month: Int, of year: Int) -> Int {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}
