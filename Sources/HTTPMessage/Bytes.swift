// What RFC 9110 section 5.6 and RFC 3986 section 2 say of single bytes, and text made of them.

/// Text of bytes that must be UTF-8; nil if they are not.
package func strictText(_ bytes: Span<UInt8>) -> String? {
    guard let text = try? UTF8Span(validating: bytes) else { return nil }
    return String(copying: text)
}

extension UInt8 {
    init(ascii scalar: Unicode.Scalar) {
        self = UInt8(truncatingIfNeeded: scalar.value)
    }

    var isDigit: Bool { self >= 0x30 && self <= 0x39 }

    var isLetter: Bool { (self | 0x20) >= 0x61 && (self | 0x20) <= 0x7a }

    /// ASCII lower case; other bytes as they are.
    var lowercased: UInt8 { self >= 0x41 && self <= 0x5a ? self | 0x20 : self }

    /// Space or tab, which may surround field values.
    var isBlank: Bool { self == 0x20 || self == 0x09 }

    /// A byte of a token, such as a method or a field name (RFC 9110 section 5.6.2).
    var isTokenByte: Bool {
        if isLetter || isDigit { return true }
        return switch Unicode.Scalar(self) {
        case "!", "#", "$", "%", "&", "'", "*", "+", "-", ".", "^", "_", "`", "|", "~": true
        default: false
        }
    }

    /// A byte of a field value (RFC 9110 section 5.5).
    var isFieldValueByte: Bool { self >= 0x20 ? self != 0x7f : self == 0x09 }

    /// A byte that may stand unencoded in a path or query (RFC 3986 sections 3.3 and 3.4).
    var isTargetByte: Bool {
        if isLetter || isDigit { return true }
        return switch Unicode.Scalar(self) {
        case "-", ".", "_", "~": true  // unreserved
        case "!", "$", "&", "'", "(", ")", "*", "+", ",", ";", "=": true  // sub-delims
        case ":", "@", "/", "?": true
        default: false
        }
    }

    /// The value of a hexadecimal digit.
    var hexValue: UInt8? {
        switch self {
        case 0x30...0x39: self - 0x30
        case 0x41...0x46: self - 0x41 + 10
        case 0x61...0x66: self - 0x61 + 10
        default: nil
        }
    }
}

extension Span<UInt8> {
    /// Where the bytes stand without the blanks at both ends.
    var trimmedRange: Range<Int> {
        var start = 0
        var end = count
        while start < end, self[start].isBlank { start += 1 }
        while end > start, self[end - 1].isBlank { end -= 1 }
        return start..<end
    }
}

extension [UInt8] {
    /// Appends a copy.
    mutating func append(contentsOf bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { buffer in unsafe append(contentsOf: buffer) }
    }
}
