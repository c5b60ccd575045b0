/// Decimal numbers as the formats of this module write them: ASCII digits, no sign, no leading
/// zero.
enum Decimal {
    /// Reads a number of at most ``TreeSize/maximum``; nil for every other spelling.
    static func parse(_ digits: some Collection<UInt8>) -> UInt64? {
        guard let first = digits.first, first != UInt8(ascii: "0") || digits.count == 1 else {
            return nil
        }
        return value(ofDigits: digits)
    }

    /// The value of digits with leading zeros allowed; nil if another byte is among them, if there
    /// are none, or if the value is above ``TreeSize/maximum``.
    static func value(ofDigits digits: some Collection<UInt8>) -> UInt64? {
        guard !digits.isEmpty else { return nil }
        var value: UInt64 = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            value = value * 10 + UInt64(digit - UInt8(ascii: "0"))
            guard value <= TreeSize.maximum.value else { return nil }
        }
        return value
    }
}
