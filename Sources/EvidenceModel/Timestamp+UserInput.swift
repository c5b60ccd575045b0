extension Timestamp {
    /// Reads a time as a person writes it: a date (`2033-11-22`, meaning 00:00Z of that day) or any
    /// RFC 3339 instant with its offset (`2033-11-22T08:30:00+01:00`).
    ///
    /// Lenient in spelling (`t`, `z`, a blank instead of `T`, any number of fraction digits), exact
    /// in meaning: what cannot be represented is refused, never rounded.
    ///
    /// - Throws: `LimitViolation` of the field `.time`, whose rule says what is wrong.
    ///
    /// Reference: RFC 3339 section 5.6.
    public init(userInput text: String) throws(LimitViolation) {
        let bytes = text.utf8.span
        guard bytes.count >= 10, let date = try Self.existingDate(bytes, of: text) else {
            throw Self.refusal(
                "must be a date (2033-11-22) or an RFC 3339 time (2033-11-22T00:00:00Z)",
                text
            )
        }
        let midnight = date.dayNumber * Self.millisecondsPerDay
        if bytes.count == 10 {
            self.init(unchecked: midnight)
            return
        }
        guard bytes.count >= 19, isDateTimeSeparator(bytes[10]),
            let timeOfDay = Self.timeOfDayMilliseconds(bytes, at: 11)
        else {
            throw Self.refusal("the time of day must be HH:MM:SS up to 23:59:59", text)
        }
        var position = 19
        let fraction = try Self.fraction(bytes, from: &position, of: text)
        let offset = try Self.offset(bytes, from: position, of: text)
        guard let instant = Timestamp(milliseconds: midnight + timeOfDay + fraction - offset)
        else {
            throw Self.refusal("must lie in the years 1970 to 9999 in UTC", text)
        }
        self = instant
    }

    /// The date in the first ten bytes; `nil` if they are not of the form `YYYY-MM-DD`.
    private static func existingDate(
        _ bytes: Span<UInt8>,
        of text: String
    ) throws(LimitViolation) -> CivilDate? {
        if let date = date(bytes, at: 0) { return date }
        guard let year = digits(bytes, at: 0, count: 4), bytes[4] == UInt8(ascii: "-"),
            digits(bytes, at: 5, count: 2) != nil, bytes[7] == UInt8(ascii: "-"),
            digits(bytes, at: 8, count: 2) != nil
        else { return nil }
        guard year >= 1970 else { throw refusal("must lie in the years 1970 to 9999", text) }
        throw refusal("must be a day that exists in the calendar", text)
    }

    /// An optional `.digits` at `position`, in milliseconds; moves `position` behind it.
    private static func fraction(
        _ bytes: Span<UInt8>,
        from position: inout Int,
        of text: String
    ) throws(LimitViolation) -> Int64 {
        guard position < bytes.count, bytes[position] == UInt8(ascii: ".") else { return 0 }
        position += 1
        var milliseconds: Int64 = 0
        var unit: Int64 = 100
        let start = position
        while position < bytes.count, let digit = digits(bytes, at: position, count: 1) {
            guard unit > 0 || digit == 0 else {
                throw refusal("must not be more precise than a millisecond", text)
            }
            milliseconds += Int64(digit) * unit
            unit /= 10
            position += 1
        }
        guard position > start else {
            throw refusal("a decimal point must be followed by digits", text)
        }
        return milliseconds
    }

    /// The offset that ends the text, in milliseconds east of UTC.
    private static func offset(
        _ bytes: Span<UInt8>,
        from position: Int,
        of text: String
    ) throws(LimitViolation) -> Int64 {
        let rest = bytes.count - position
        guard rest > 0 else {
            throw refusal("needs an offset: Z, or one like +01:00", text)
        }
        let sign = bytes[position]
        if rest == 1, sign | 0x20 == UInt8(ascii: "z") { return 0 }
        guard rest == 6, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"),
            let hours = digits(bytes, at: position + 1, count: 2), hours < 24,
            bytes[position + 3] == UInt8(ascii: ":"),
            let minutes = digits(bytes, at: position + 4, count: 2), minutes < 60
        else { throw refusal("the offset must be Z or of the form +01:00", text) }
        let magnitude = Int64(hours * 60 + minutes) * 60 * millisecondsPerSecond
        return sign == UInt8(ascii: "-") ? -magnitude : magnitude
    }

    private static func refusal(_ rule: String, _ text: String) -> LimitViolation {
        LimitViolation(.time, rule: rule, given: excerpt(text))
    }
}

private func isDateTimeSeparator(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "T") || byte == UInt8(ascii: "t") || byte == UInt8(ascii: " ")
}
