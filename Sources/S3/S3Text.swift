import EvidenceModel

// Texts of S3's interface.

extension Timestamp {
    /// A time as stores write it: RFC 3339 in UTC, with seconds and any fraction, of which the
    /// milliseconds are kept.
    init?(storeText text: String) {
        guard text.utf8.count <= 40, text.hasSuffix("Z") else { return nil }
        guard let point = text.firstIndex(of: ".") else {
            self.init(rfc3339Seconds: text)
            return
        }
        let fraction = text[text.index(after: point)...].dropLast()
        guard !fraction.isEmpty, fraction.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
            return nil
        }
        let digits = String(fraction.prefix(3))
        let milliseconds = digits + String(repeating: "0", count: 3 - digits.utf8.count)
        self.init(rfc3339: "\(text[..<point]).\(milliseconds)Z")
    }
}

/// The text behind `%` escapes, `+` for a blank, as listings encode keys; `nil` for what is not
/// such a text of UTF-8.
func formDecoded(_ text: String) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
        switch byte {
        case UInt8(ascii: "+"): bytes.append(0x20)
        case UInt8(ascii: "%"):
            guard let high = rest.popFirst().flatMap(hexValue),
                let low = rest.popFirst().flatMap(hexValue)
            else { return nil }
            bytes.append(high << 4 | low)
        default: bytes.append(byte)
        }
    }
    guard let decoded = try? UTF8Span(validating: bytes.span) else { return nil }
    return String(copying: decoded)
}

private func hexValue(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
}

/// Text of a document that is sent.
///
/// Reference: XML 1.0 section 2.2: some characters cannot be written at all.
func xmlEscaped(_ text: String) -> String? {
    var escaped = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "&": escaped += "&amp;"
        case "<": escaped += "&lt;"
        case ">": escaped += "&gt;"
        case "\t", "\n", "\r": escaped += "&#\(scalar.value);"
        case "\u{20}"..."\u{D7FF}", "\u{E000}"..."\u{FFFD}", "\u{10000}"..."\u{10FFFF}":
            escaped.unicodeScalars.append(scalar)
        default: return nil
        }
    }
    return escaped
}

/// What a store said, fit for one line of a message.
func excerpt(_ text: String, limit: Int = 300) -> String {
    let line = text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? " " : $0 }
    var short = String.UnicodeScalarView(line.prefix(limit))
    if line.count > limit { short.append(contentsOf: " …".unicodeScalars) }
    return String(short)
}
