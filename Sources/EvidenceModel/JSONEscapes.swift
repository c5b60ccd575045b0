/// The escapes of JSON strings, both ways.
///
/// Reference: RFC 8259 section 7; RFC 8785 section 3.2.2.2 for the one canonical spelling of each.
enum JSONEscapes {
    /// Decodes the inside of a string.
    static func decode(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        _ form: JSONForm
    ) throws(JSONError) -> [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(range.count)
        var position = range.lowerBound
        while position < range.upperBound {
            let byte = bytes[position]
            guard byte == JSONReader.backslash else {
                decoded.append(byte)
                position += 1
                continue
            }
            try decodeOne(bytes, &position, end: range.upperBound, form, into: &decoded)
        }
        return decoded
    }

    /// Decodes the escape at `position` (at its backslash) and moves behind it.
    private static func decodeOne(
        _ bytes: Span<UInt8>,
        _ position: inout Int,
        end: Int,
        _ form: JSONForm,
        into decoded: inout [UInt8]
    ) throws(JSONError) {
        let start = position
        guard start + 1 < end else { throw JSONError(reason: .invalidEscape, offset: start) }
        position += 2
        switch bytes[start + 1] {
        case UInt8(ascii: "\""): decoded.append(UInt8(ascii: "\""))
        case UInt8(ascii: "\\"): decoded.append(UInt8(ascii: "\\"))
        case UInt8(ascii: "b"): decoded.append(0x08)
        case UInt8(ascii: "t"): decoded.append(0x09)
        case UInt8(ascii: "n"): decoded.append(0x0A)
        case UInt8(ascii: "f"): decoded.append(0x0C)
        case UInt8(ascii: "r"): decoded.append(0x0D)
        case UInt8(ascii: "/"):
            guard form == .any else {
                throw JSONError(reason: .escapeNotCanonical, offset: start)
            }
            decoded.append(UInt8(ascii: "/"))
        case UInt8(ascii: "u"):
            let scalar = try scalar(bytes, &position, end: end, form)
            decoded.append(contentsOf: String(scalar).utf8)
        default: throw JSONError(reason: .invalidEscape, offset: start)
        }
    }

    /// Reads the digits of `\uXXXX` (and of the second half of a surrogate pair).
    private static func scalar(
        _ bytes: Span<UInt8>,
        _ position: inout Int,
        end: Int,
        _ form: JSONForm
    ) throws(JSONError) -> Unicode.Scalar {
        let start = position - 2
        let unit = try codeUnit(bytes, &position, end: end)
        if form == .canonical {
            // Only control characters without a short escape are written so, in lower case.
            guard unit < 0x20, shortEscape(of: UInt8(unit)) == nil,
                bytes[start + 5] < UInt8(ascii: "A") || bytes[start + 5] > UInt8(ascii: "F")
            else { throw JSONError(reason: .escapeNotCanonical, offset: start) }
        }
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard unit < 0xDC00, position + 1 < end, bytes[position] == JSONReader.backslash,
            bytes[position + 1] == UInt8(ascii: "u")
        else { throw JSONError(reason: .loneSurrogate, offset: start) }
        position += 2
        let second = try codeUnit(bytes, &position, end: end)
        guard (0xDC00...0xDFFF).contains(second),
            let scalar = Unicode.Scalar(
                0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(second) - 0xDC00)
            )
        else { throw JSONError(reason: .loneSurrogate, offset: start) }
        return scalar
    }

    private static func codeUnit(
        _ bytes: Span<UInt8>,
        _ position: inout Int,
        end: Int
    ) throws(JSONError) -> UInt16 {
        guard position + 4 <= end else {
            throw JSONError(reason: .invalidEscape, offset: position - 2)
        }
        var unit: UInt16 = 0
        for index in position..<(position + 4) {
            guard let digit = hexDigit(bytes[index]) else {
                throw JSONError(reason: .invalidEscape, offset: position - 2)
            }
            unit = unit << 4 | UInt16(digit)
        }
        position += 4
        return unit
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// The offset of the first byte from `start` on that cannot stand in a string as it is
    /// (quotation mark, backslash, control character), or the count of bytes.
    ///
    /// Eight bytes are looked at together; most strings are longer than that and have none.
    static func nextSpecial(in bytes: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index + 8 <= bytes.count {
            // In bounds by the condition above; `RawSpan` checks it again.
            let word = unsafe bytes.bytes.unsafeLoadUnaligned(
                fromByteOffset: index,
                as: UInt64.self
            )
            guard !mayHaveSpecial(word) else { break }
            index += 8
        }
        while index < bytes.count {
            let byte = bytes[index]
            if byte < 0x20 || byte == JSONReader.quote || byte == JSONReader.backslash { break }
            index += 1
        }
        return Swift.min(index, bytes.count)
    }

    /// Whether one of eight bytes may be special; never false where one is.
    ///
    /// A byte `b` below `n` (`n` <= 128) borrows into its highest bit when `n` is subtracted.
    private static func mayHaveSpecial(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quotes = word ^ (ones &* UInt64(JSONReader.quote))
        let backslashes = word ^ (ones &* UInt64(JSONReader.backslash))
        let isControl = (word &- ones &* 0x20) & ~word
        let isQuote = (quotes &- ones) & ~quotes
        let isBackslash = (backslashes &- ones) & ~backslashes
        return (isControl | isQuote | isBackslash) & (ones &* 0x80) != 0
    }

    // MARK: Writing

    /// Appends `text` as a string with its quotation marks and the fewest escapes.
    ///
    /// `text` must be UTF-8; then so is the result.
    static func append(_ text: Span<UInt8>, to bytes: inout [UInt8]) {
        bytes.append(JSONReader.quote)
        var start = 0
        while true {
            let end = nextSpecial(in: text, from: start)
            bytes.append(copying: text.extracting(start..<end))
            guard end < text.count else { break }
            appendEscape(of: text[end], to: &bytes)
            start = end + 1
        }
        bytes.append(JSONReader.quote)
    }

    private static func appendEscape(of byte: UInt8, to bytes: inout [UInt8]) {
        bytes.append(JSONReader.backslash)
        if let letter = shortEscape(of: byte) {
            bytes.append(letter)
            return
        }
        bytes.append(UInt8(ascii: "u"))
        bytes.append(UInt8(ascii: "0"))
        bytes.append(UInt8(ascii: "0"))
        bytes.append(UInt8(ascii: "0") + byte >> 4)
        let low = byte & 0xF
        bytes.append(low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10)
    }

    /// The letter of the two-character escape, where there is one.
    private static func shortEscape(of byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "\""): UInt8(ascii: "\"")
        case UInt8(ascii: "\\"): UInt8(ascii: "\\")
        case 0x08: UInt8(ascii: "b")
        case 0x09: UInt8(ascii: "t")
        case 0x0A: UInt8(ascii: "n")
        case 0x0C: UInt8(ascii: "f")
        case 0x0D: UInt8(ascii: "r")
        default: nil
        }
    }
}

extension [UInt8] {
    /// Appends borrowed bytes in one copy.
    mutating func append(copying bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }
}
