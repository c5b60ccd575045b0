/// How much freedom of form a reader allows.
public enum JSONForm: Sendable {
    /// RFC 8785 only: what is accepted is exactly what the writer would write.
    case canonical
    /// Any spelling of the same values: white space, order of keys, escapes. Still strict about
    /// everything that could be read in two ways (duplicate keys, UTF-8, surrogates, numbers).
    case any
}

/// Reads JSON piece by piece, without building a tree.
///
/// The bytes are passed to each call (a span cannot be stored); the caller passes the same ones
/// each time. After an error the reader is of no further use.
///
/// Invariants: `position` is between 0 and the count of bytes; in the canonical form it never
/// stands before white space.
struct JSONReader {
    private(set) var position = 0
    let form: JSONForm

    init(form: JSONForm) {
        self.form = form
    }

    /// Skips white space where the form allows it; call before the first value.
    mutating func begin(_ bytes: Span<UInt8>) {
        skipWhiteSpace(bytes)
    }

    /// Demands that nothing follows.
    mutating func end(_ bytes: Span<UInt8>) throws(JSONError) {
        skipWhiteSpace(bytes)
        guard position == bytes.count else { throw error(.trailingBytes) }
    }

    // MARK: Structure (inlined, because every token passes here: 6 % of the time of a record)

    /// The next byte of the text, without consuming it.
    @inline(__always)
    func peek(_ bytes: Span<UInt8>) throws(JSONError) -> UInt8 {
        guard position < bytes.count else { throw error(.unexpectedEnd) }
        return bytes[position]
    }

    /// Consumes `byte` and the white space behind it.
    @inline(__always)
    mutating func expect(_ byte: UInt8, _ bytes: Span<UInt8>) throws(JSONError) {
        guard try peek(bytes) == byte else { throw error(.unexpectedByte) }
        position += 1
        skipWhiteSpace(bytes)
    }

    /// Consumes `byte` if it is the next one.
    @inline(__always)
    mutating func take(_ byte: UInt8, _ bytes: Span<UInt8>) throws(JSONError) -> Bool {
        guard try peek(bytes) == byte else { return false }
        position += 1
        skipWhiteSpace(bytes)
        return true
    }

    @inline(__always)
    mutating func skipWhiteSpace(_ bytes: Span<UInt8>) {
        if form == .any { skipBlanks(bytes) }
    }

    private mutating func skipBlanks(_ bytes: Span<UInt8>) {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    // MARK: Strings

    /// Reads a string as it stands, without decoding it.
    ///
    /// Returns the range of bytes between the quotation marks and whether escapes occur in it. The
    /// bytes are not yet known to be UTF-8.
    mutating func rawString(
        _ bytes: Span<UInt8>
    ) throws(JSONError) -> (range: Range<Int>, hasEscapes: Bool) {
        guard try peek(bytes) == Self.quote else { throw error(.unexpectedByte) }
        let start = position + 1
        var index = start
        var hasEscapes = false
        while true {
            index = JSONEscapes.nextSpecial(in: bytes, from: index)
            guard index < bytes.count else {
                throw JSONError(reason: .unexpectedEnd, offset: bytes.count)
            }
            switch bytes[index] {
            case Self.quote:
                position = index + 1
                skipWhiteSpace(bytes)
                return (start..<index, hasEscapes)
            case Self.backslash:
                hasEscapes = true
                index += 2  // what is escaped is judged when the string is decoded
            default: throw JSONError(reason: .controlCharacter, offset: index)
            }
        }
    }

    /// Reads a string.
    mutating func string(_ bytes: Span<UInt8>) throws(JSONError) -> String {
        let (range, hasEscapes) = try rawString(bytes)
        if hasEscapes {
            let decoded = try JSONEscapes.decode(bytes, range, form)
            return try validated(decoded.span, at: range.lowerBound)
        }
        return try validated(bytes.extracting(range), at: range.lowerBound)
    }

    /// The text in a range that `rawString` gave, escapes left as they are.
    func rawText(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(JSONError) -> String {
        try validated(bytes.extracting(range), at: range.lowerBound)
    }

    private func validated(_ text: Span<UInt8>, at offset: Int) throws(JSONError) -> String {
        do {
            return String(copying: try UTF8Span(validating: text))
        } catch {
            throw JSONError(reason: .invalidUTF8, offset: offset)
        }
    }

    // MARK: Numbers and literals

    /// Reads an integer with a magnitude below 2^53; fractions, exponents, leading zeros and -0 are
    /// refused in either form.
    mutating func integer(_ bytes: Span<UInt8>) throws(JSONError) -> Int64 {
        let start = position
        let isNegative = try peek(bytes) == UInt8(ascii: "-")
        if isNegative { position += 1 }
        let firstDigit = position
        var magnitude: Int64 = 0
        while position < bytes.count {
            let digit = bytes[position] &- UInt8(ascii: "0")
            guard digit <= 9 else { break }
            magnitude = magnitude * 10 + Int64(digit)
            guard magnitude <= JSONValue.maximumInteger else { throw error(.numberOutOfRange) }
            position += 1
        }
        guard position > firstDigit else {
            throw error(position < bytes.count ? .unexpectedByte : .unexpectedEnd)
        }
        let hasLeadingZero = bytes[firstDigit] == UInt8(ascii: "0") && position > firstDigit + 1
        guard !hasLeadingZero, !(isNegative && magnitude == 0) else {
            throw JSONError(reason: .numberNotCanonical, offset: start)
        }
        if position < bytes.count, Self.continuesNumber(bytes[position]) {
            throw error(.numberNotInteger)
        }
        skipWhiteSpace(bytes)
        return isNegative ? -magnitude : magnitude
    }

    private static func continuesNumber(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ".") || byte | 0x20 == UInt8(ascii: "e")
    }

    /// Reads `word`, whose first letter was seen.
    mutating func literal(_ word: StaticString, _ bytes: Span<UInt8>) throws(JSONError) {
        let start = position
        for byte in word.description.utf8 {
            guard position < bytes.count, bytes[position] == byte else {
                throw JSONError(reason: .invalidLiteral, offset: start)
            }
            position += 1
        }
        skipWhiteSpace(bytes)
    }

    func error(_ reason: JSONError.Reason) -> JSONError {
        JSONError(reason: reason, offset: position)
    }

    static let quote = UInt8(ascii: "\"")
    static let backslash = UInt8(ascii: "\\")
    static let comma = UInt8(ascii: ",")
    static let colon = UInt8(ascii: ":")
    static let openBrace = UInt8(ascii: "{")
    static let closeBrace = UInt8(ascii: "}")
    static let openBracket = UInt8(ascii: "[")
    static let closeBracket = UInt8(ascii: "]")
}
