import Testing

@testable import EvidenceModel

@Suite struct CalendarTests {
    /// Counts all days of the range one by one, with nothing but the length of months.
    @Test func everyDayAgreesWithACounter() {
        var (year, month, day) = (1970, 1, 1)
        var isRight = true
        for number in 0...CivilDate.lastDayNumber {
            let date = CivilDate(dayNumber: number)
            isRight = isRight && date.year == year && date.month == month && date.day == day
            isRight = isRight && date.dayNumber == number
            isRight = isRight && CivilDate(year: year, month: month, day: day) == date
            let isLeap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0)
            let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
            day += 1
            if day > lengths[month - 1] { (month, day) = (month + 1, 1) }
            if month > 12 { (year, month) = (year + 1, 1) }
        }
        #expect(isRight)
        #expect(year == 10_000)
    }

    @Test(.tags(.golden)) func instantsAgreeWithPython() throws {
        for row in try Vectors.rows("calendar/instants.tsv") {
            let milliseconds = try #require(Int64(row[0]))
            let instant = try #require(Timestamp(milliseconds: milliseconds))
            #expect(instant.rfc3339 == row[1])
            #expect(Timestamp(rfc3339: row[1]) == instant)
            if instant.isWholeSecond {
                let seconds = row[1].replacing(".000Z", with: "Z")
                #expect(instant.rfc3339Seconds == seconds)
                #expect(Timestamp(rfc3339Seconds: seconds) == instant)
            }
        }
    }

    @Test(.tags(.golden)) func yearsAgreeWithPython() throws {
        for row in try Vectors.rows("calendar/years.tsv") {
            let start = try #require(Timestamp(rfc3339: row[0]))
            let end = start.adding(years: try #require(Int(row[1])))
            #expect(end?.rfc3339 ?? "-" == row[2], "\(row)")
        }
    }

    @Test(.tags(.golden)) func roundingAgreesWithPython() throws {
        for row in try Vectors.rows("calendar/rounding.tsv") {
            let instant = try #require(Timestamp(rfc3339: row[0]))
            #expect(instant.roundedUpToSecond()?.rfc3339 ?? "-" == row[1])
            #expect(instant.roundedUpToMidnight()?.rfc3339 ?? "-" == row[2])
        }
    }

    @Test(.tags(.golden)) func userInputAgreesWithPython() throws {
        for row in try Vectors.rows("calendar/user-input.tsv") {
            #expect(try Timestamp(userInput: row[0]).milliseconds == Int64(row[1]), "\(row)")
        }
    }
}

@Suite struct TimestampTests {
    @Test func theRangeIsExact() {
        #expect(Timestamp.earliest.rfc3339 == "1970-01-01T00:00:00.000Z")
        #expect(Timestamp.latest.rfc3339 == "9999-12-31T23:59:59.999Z")
        #expect(Timestamp(milliseconds: -1) == nil)
        #expect(Timestamp(milliseconds: Timestamp.latest.milliseconds) == .latest)
        #expect(Timestamp(milliseconds: Timestamp.latest.milliseconds + 1) == nil)
        #expect(Timestamp(milliseconds: .max) == nil)
        #expect(Timestamp(milliseconds: .min) == nil)
    }

    @Test func arithmeticBeyondTheRangeIsRefused() {
        #expect(Timestamp.latest.adding(milliseconds: 1) == nil)
        #expect(Timestamp.latest.adding(milliseconds: .max) == nil)
        #expect(Timestamp.earliest.adding(milliseconds: -1) == nil)
        #expect(Timestamp.earliest.adding(milliseconds: .min) == nil)
        #expect(Timestamp.latest.adding(milliseconds: -1)?.rfc3339 == "9999-12-31T23:59:59.998Z")
        #expect(Timestamp.earliest.adding(years: -1) == nil)
        #expect(Timestamp.earliest.adding(years: .max) == nil)
        #expect(Timestamp.earliest.adding(years: .min) == nil)
        #expect(Timestamp.latest.roundedUpToSecond() == nil)
        #expect(Timestamp.latest.roundedUpToMidnight() == nil)
    }

    @Test(arguments: [
        "", "2026-11-21T01:02:03Z", "2026-11-21T01:02:03.45Z", "2026-11-21T01:02:03.4567Z",
        "2026-11-21t01:02:03.456Z", "2026-11-21T01:02:03.456z", "2026-11-21 01:02:03.456Z",
        "2026-11-21T01:02:03,456Z", "2026-11-21T01:02:03.456+", "2026-11-21T24:00:00.000Z",
        "2026-11-21T01:60:03.456Z", "2026-11-21T01:02:60.456Z", "2026-02-29T01:02:03.456Z",
        "1969-12-31T23:59:59.999Z", "2026-00-21T01:02:03.456Z", "2026-11-31T01:02:03.456Z",
        "2026-11-00T01:02:03.456Z", "+026-11-21T01:02:03.456Z", "2026-1１-21T01:02:03.45Z",
        "2026-11-21T-1:02:03.456Z", "2026/11/21T01:02:03.456Z", "2026-11-21T01.02.03.456Z",
    ])
    func otherFormsAreNotAccepted(_ text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
        #expect(Timestamp(rfc3339Seconds: String(text.dropLast())) == nil)
    }

    @Test func secondsAreAFormOfTheirOwn() throws {
        #expect(Timestamp(rfc3339Seconds: "2026-11-21T01:02:03Z")?.isWholeSecond == true)
        #expect(Timestamp(rfc3339Seconds: "2026-11-21T01:02:03.000Z") == nil)
        #expect(try !Samples.time("2026-11-21T01:02:03.001Z").isWholeSecond)
    }

    @Test(arguments: [
        ("2033-11-22", "2033-11-22T00:00:00.000Z"),
        ("2033-11-22T08:30:00+01:00", "2033-11-22T07:30:00.000Z"),
        ("2033-11-22t08:30:00.5z", "2033-11-22T08:30:00.500Z"),
        ("2033-11-22 08:30:00.123000-00:00", "2033-11-22T08:30:00.123Z"),
        ("1970-01-01T23:59:59+23:59", "1970-01-01T00:00:59.000Z"),
        ("9999-12-31T00:00:00.999-23:59", "9999-12-31T23:59:00.999Z"),
    ])
    func userInputIsLenientInSpelling(_ input: String, _ expected: String) throws {
        #expect(try Timestamp(userInput: input).rfc3339 == expected)
    }

    @Test(arguments: [
        ("", "must be a date"), ("tomorrow", "must be a date"), ("2033-11", "must be a date"),
        ("22-11-2033T", "must be a date"), ("20331122T000000Z", "must be a date"),
        ("2033-02-30", "exists in the calendar"), ("2033-13-01", "exists in the calendar"),
        ("1969-12-31", "1970 to 9999"), ("1970-01-01T00:00:00+00:01", "1970 to 9999"),
        ("9999-12-31T23:59:59-00:01", "1970 to 9999"), ("2033-11-22T", "HH:MM:SS"),
        ("2033-11-22T24:00:00Z", "HH:MM:SS"), ("2033-11-22T23:59:60Z", "HH:MM:SS"),
        ("2033-11-22T08:30Z", "HH:MM:SS"), ("2033-11-22\u{0}08:30:00Z", "HH:MM:SS"),
        ("2033-11-22T08:30:00", "needs an offset"), ("2033-11-22T08:30:00.1", "needs an offset"),
        ("2033-11-22T08:30:00+1:00", "the offset"), ("2033-11-22T08:30:00+24:00", "the offset"),
        ("2033-11-22T08:30:00+01:60", "the offset"), ("2033-11-22T08:30:00Z ", "the offset"),
        ("2033-11-22T08:30:00CET", "the offset"), ("2033-11-22T08:30:00*01:00", "the offset"),
        ("2033-11-22T08:30:00.Z", "followed by digits"),
        ("2033-11-22T08:30:00.1234Z", "a millisecond"),
        ("2033-11-22T08:30:00.1230001Z", "a millisecond"),
    ])
    func userInputIsExactInMeaning(_ input: String, _ rule: String) throws {
        let violation = try #require(
            error { () throws(LimitViolation) in
                try Timestamp(userInput: input)
            }
        )
        #expect(violation.field == .time)
        #expect(violation.category == .unprocessable)
        #expect(violation.rule.contains(rule), "\(violation)")
    }
}
