/// Hexadecimal digits, lowercase only: one text for each value.
///
/// Reference: RFC 4648 section 8, with lowercase digits.
public enum Hex {
    /// The digits of `bytes`, two for each.
    public static func encode(_ bytes: Span<UInt8>) -> String {
        unsafe String(unsafeUninitializedCapacity: bytes.count * 2) { output in
            for index in bytes.indices {
                unsafe output[2 * index] = digit(bytes[index] >> 4)
                unsafe output[2 * index + 1] = digit(bytes[index] & 15)
            }
            return bytes.count * 2
        }
    }

    /// Appends the digits of `bytes` as ASCII.
    public static func append(_ bytes: Span<UInt8>, to output: inout [UInt8]) {
        output.append(addingCapacity: bytes.count * 2) { (digits: inout OutputSpan<UInt8>) in
            for index in bytes.indices {
                digits.append(digit(bytes[index] >> 4))
                digits.append(digit(bytes[index] & 15))
            }
        }
    }

    /// The bytes that `text` stands for; `nil` if it is not an even count of lowercase digits.
    public static func decode(_ text: some StringProtocol) -> [UInt8]? {
        withUTF8(of: text) { decode($0) }
    }

    /// The bytes that the ASCII digits stand for; `nil` if they are not an even count of lowercase
    /// digits.
    public static func decode(_ digits: Span<UInt8>) -> [UInt8]? {
        guard digits.count.isMultiple(of: 2) else { return nil }
        var isValid = true
        let bytes = [UInt8](capacity: digits.count / 2) { (output: inout OutputSpan<UInt8>) in
            for index in 0..<digits.count / 2 {
                let high = value(digits[2 * index])
                let low = value(digits[2 * index + 1])
                guard (high | low) < 16 else {
                    isValid = false
                    return
                }
                output.append(high << 4 | low)
            }
        }
        return isValid ? bytes : nil
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value + (value < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10)
    }

    /// 0...15, or 255 for what is not a digit.
    private static func value(_ digit: UInt8) -> UInt8 {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: 255
        }
    }
}

/// Lends the UTF-8 bytes of `text`, without a copy where it has them in one piece.
func withUTF8<Result>(
    of text: some StringProtocol,
    _ body: (Span<UInt8>) -> Result
) -> Result {
    let viaStorage = text.utf8.withContiguousStorageIfAvailable { bytes in
        body(unsafe Span(_unsafeElements: bytes))
    }
    return viaStorage ?? body([UInt8](text.utf8).span)
}
