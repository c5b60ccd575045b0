// The two text forms of an instant. Both are exact: a form has one spelling for an instant, and the
// parsers accept nothing else.
//
// Reference: RFC 3339 section 5.6, restricted to UTC written as "Z".

extension Timestamp: CustomStringConvertible {
    /// `YYYY-MM-DDTHH:MM:SS.mmmZ`, the form of every time except a lock's date.
    public var rfc3339: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.millisecondFormLength)
        appendRFC3339(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// `YYYY-MM-DDTHH:MM:SSZ`, the form of a lock's date.
    ///
    /// - Precondition: `isWholeSecond`.
    public var rfc3339Seconds: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.secondFormLength)
        appendRFC3339Seconds(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The same as `rfc3339`.
    public var description: String { rfc3339 }

    /// Reads `YYYY-MM-DDTHH:MM:SS.mmmZ`; `nil` for any other text.
    public init?(rfc3339 text: String) {
        self.init(exactly: text.utf8.span, length: Self.millisecondFormLength)
    }

    /// Reads `YYYY-MM-DDTHH:MM:SSZ`; `nil` for any other text.
    public init?(rfc3339Seconds text: String) {
        self.init(exactly: text.utf8.span, length: Self.secondFormLength)
    }

    static let millisecondFormLength = 24
    static let secondFormLength = 20

    /// Appends the 24 bytes of `rfc3339`.
    public func appendRFC3339(to bytes: inout [UInt8]) {
        appendDateAndTime(to: &bytes)
        bytes.append(UInt8(ascii: "."))
        appendDigits(Int(milliseconds % Self.millisecondsPerSecond), count: 3, to: &bytes)
        bytes.append(UInt8(ascii: "Z"))
    }

    /// Appends the 20 bytes of `rfc3339Seconds`.
    ///
    /// - Precondition: `isWholeSecond`.
    public func appendRFC3339Seconds(to bytes: inout [UInt8]) {
        precondition(isWholeSecond, "an instant with milliseconds has no form in seconds")
        appendDateAndTime(to: &bytes)
        bytes.append(UInt8(ascii: "Z"))
    }

    private func appendDateAndTime(to bytes: inout [UInt8]) {
        let date = CivilDate(dayNumber: milliseconds / Self.millisecondsPerDay)
        let second = Int(milliseconds % Self.millisecondsPerDay / Self.millisecondsPerSecond)
        appendDigits(date.year, count: 4, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        appendDigits(date.month, count: 2, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        appendDigits(date.day, count: 2, to: &bytes)
        bytes.append(UInt8(ascii: "T"))
        appendDigits(second / 3_600, count: 2, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        appendDigits(second / 60 % 60, count: 2, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        appendDigits(second % 60, count: 2, to: &bytes)
    }

    private func appendDigits(_ value: Int, count: Int, to bytes: inout [UInt8]) {
        if count >= 4 { bytes.append(UInt8(ascii: "0") + UInt8(value / 1_000 % 10)) }
        if count >= 3 { bytes.append(UInt8(ascii: "0") + UInt8(value / 100 % 10)) }
        bytes.append(UInt8(ascii: "0") + UInt8(value / 10 % 10))
        bytes.append(UInt8(ascii: "0") + UInt8(value % 10))
    }

    /// Reads one of the two exact forms, told apart by `length`.
    private init?(exactly bytes: Span<UInt8>, length: Int) {
        guard bytes.count == length,
            let date = Self.date(bytes, at: 0),
            bytes[10] == UInt8(ascii: "T"),
            let timeOfDay = Self.timeOfDayMilliseconds(bytes, at: 11),
            bytes[length - 1] == UInt8(ascii: "Z")
        else { return nil }
        var fraction = 0
        if length == Self.millisecondFormLength {
            guard bytes[19] == UInt8(ascii: "."), let digits = Self.digits(bytes, at: 20, count: 3)
            else { return nil }
            fraction = digits
        }
        self.init(
            unchecked: date.dayNumber * Self.millisecondsPerDay + timeOfDay + Int64(fraction)
        )
    }

    /// `YYYY-MM-DD` at `offset`; the ten bytes must be there.
    static func date(_ bytes: Span<UInt8>, at offset: Int) -> CivilDate? {
        guard let year = digits(bytes, at: offset, count: 4),
            bytes[offset + 4] == UInt8(ascii: "-"),
            let month = digits(bytes, at: offset + 5, count: 2),
            bytes[offset + 7] == UInt8(ascii: "-"),
            let day = digits(bytes, at: offset + 8, count: 2)
        else { return nil }
        return CivilDate(year: year, month: month, day: day)
    }

    /// `HH:MM:SS` at `offset` in milliseconds; the eight bytes must be there.
    static func timeOfDayMilliseconds(_ bytes: Span<UInt8>, at offset: Int) -> Int64? {
        guard let hour = digits(bytes, at: offset, count: 2), hour < 24,
            bytes[offset + 2] == UInt8(ascii: ":"),
            let minute = digits(bytes, at: offset + 3, count: 2), minute < 60,
            bytes[offset + 5] == UInt8(ascii: ":"),
            let second = digits(bytes, at: offset + 6, count: 2), second < 60
        else { return nil }
        return Int64((hour * 60 + minute) * 60 + second) * millisecondsPerSecond
    }

    /// Exactly `count` decimal digits at `offset`; the bytes must be there.
    static func digits(_ bytes: Span<UInt8>, at offset: Int, count: Int) -> Int? {
        var value = 0
        for index in offset..<(offset + count) {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            value = value * 10 + Int(digit)
        }
        return value
    }
}
