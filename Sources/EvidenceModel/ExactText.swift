/// Text whose identity is its UTF-8 bytes.
///
/// Swift compares strings by canonical equivalence: a precomposed and a decomposed letter are equal
/// there, although a digest over them is not. Where text comes from records or users, this type
/// stands between.
struct ExactText: Hashable, Comparable, Sendable {
    let string: String

    init(_ string: String) {
        self.string = string
    }

    static func == (left: ExactText, right: ExactText) -> Bool {
        left.string.hasSameBytes(as: right.string)
    }

    static func < (left: ExactText, right: ExactText) -> Bool {
        left.string.utf8.lexicographicallyPrecedes(right.string.utf8)
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(string)  // equal bytes have equal hashes; the reverse is not needed
    }
}

extension String {
    /// Equality byte by byte.
    func hasSameBytes(as other: String) -> Bool {
        utf8.span.hasSameBytes(as: other.utf8.span)
    }

    /// The order of keys in canonical JSON: by UTF-16 code units.
    func precedesCanonically(_ other: String) -> Bool {
        utf8.span.precedesCanonically(other.utf8.span)
    }

    /// Whether a control character (Unicode category Cc) occurs: U+0000-001F, U+007F-009F.
    var hasControlCharacter: Bool {
        var previous: UInt8 = 0
        for byte in utf8 {
            if byte < 0x20 || byte == 0x7F { return true }
            if previous == 0xC2, byte < 0xA0 { return true }
            previous = byte
        }
        return false
    }
}

extension Span<UInt8> {
    /// Equality byte by byte.
    func hasSameBytes(as other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        for index in indices where self[index] != other[index] { return false }
        return true
    }

    /// The order of UTF-8 text by UTF-16 code units (RFC 8785 section 3.2.3).
    ///
    /// It differs from the order of bytes in one place: what UTF-16 writes with surrogates
    /// (U+10000 and above; lead bytes F0-F4) stands before U+E000-U+FFFF (lead bytes EE, EF).
    func precedesCanonically(_ other: Span<UInt8>) -> Bool {
        for index in 0..<Swift.min(count, other.count) where self[index] != other[index] {
            return utf16Rank(self[index]) < utf16Rank(other[index])
        }
        return count < other.count
    }
}

/// Moves the lead bytes EE and EF behind F4; all other bytes stay where they are.
private func utf16Rank(_ byte: UInt8) -> UInt8 {
    byte == 0xEE || byte == 0xEF ? byte + 0x10 : byte
}
