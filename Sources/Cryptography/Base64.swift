/// Base64 in the standard alphabet with padding, canonical only: one text for each value.
///
/// Reference: RFC 4648 section 4; sections 3.1 to 3.5 for what is refused.
public enum Base64 {
    /// How many characters stand for `byteCount` bytes.
    public static func encodedCount(_ byteCount: Int) -> Int {
        (byteCount + 2) / 3 * 4
    }

    /// The text of `bytes`.
    public static func encode(_ bytes: Span<UInt8>) -> String {
        unsafe String(unsafeUninitializedCapacity: encodedCount(bytes.count)) { buffer in
            var output = unsafe OutputSpan(buffer: buffer, initializedCount: 0)
            encode(bytes, into: &output)
            return unsafe output.finalize(for: buffer)
        }
    }

    /// Appends the text of `bytes` as ASCII.
    public static func append(_ bytes: Span<UInt8>, to output: inout [UInt8]) {
        output.append(addingCapacity: encodedCount(bytes.count)) { encode(bytes, into: &$0) }
    }

    /// The bytes that `text` stands for; `nil` if it is not their canonical text.
    ///
    /// Refused: characters outside the alphabet (also white space), missing or superfluous
    /// padding, bits after the last byte that are not zero.
    public static func decode(_ text: some StringProtocol) -> [UInt8]? {
        withUTF8(of: text) { decode($0) }
    }

    /// The bytes that the ASCII text stands for; `nil` if it is not their canonical text.
    public static func decode(_ text: Span<UInt8>) -> [UInt8]? {
        guard text.count.isMultiple(of: 4) else { return nil }
        guard !text.isEmpty else { return [] }
        let paddingCount =
            text[text.count - 1] != padding ? 0 : text[text.count - 2] != padding ? 1 : 2
        let table = values.span
        // Every value of a character is below 64 and an invalid one is 255, so one test of all
        // values together at the end is enough.
        var seen: UInt8 = 0
        let bytes = [UInt8](capacity: text.count / 4 * 3) { (output: inout OutputSpan<UInt8>) in
            var index = 0
            while index < text.count {
                let isPadded = paddingCount > 0 && index == text.count - 4
                let first = table[Int(text[index])]
                let second = table[Int(text[index + 1])]
                let third = isPadded && paddingCount == 2 ? 0 : table[Int(text[index + 2])]
                let fourth = isPadded ? 0 : table[Int(text[index + 3])]
                seen |= first | second | third | fourth
                output.append(first << 2 | second >> 4)
                output.append(second << 4 | third >> 2)
                output.append(third << 6 | fourth)
                index += 4
            }
            // What the padding stands for must have come out as zero.
            for _ in 0..<paddingCount {
                seen |= output.removeLast() == 0 ? 0 : 255
            }
        }
        return seen < 64 ? bytes : nil
    }

    private static let padding = UInt8(ascii: "=")

    private static let alphabet = [UInt8](
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8
    )

    /// The value of each character, 255 for those outside the alphabet.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 255, count: 256)
        for (value, character) in alphabet.enumerated() {
            values[Int(character)] = UInt8(value)
        }
        return values
    }()

    private static func encode(_ bytes: Span<UInt8>, into output: inout OutputSpan<UInt8>) {
        let characters = alphabet.span
        var index = 0
        while index + 3 <= bytes.count {
            let (first, second, third) = (bytes[index], bytes[index + 1], bytes[index + 2])
            output.append(characters[Int(first >> 2)])
            output.append(characters[Int((first << 4 | second >> 4) & 63)])
            output.append(characters[Int((second << 2 | third >> 6) & 63)])
            output.append(characters[Int(third & 63)])
            index += 3
        }
        guard index < bytes.count else { return }
        let first = bytes[index]
        let second = index + 1 < bytes.count ? bytes[index + 1] : 0
        output.append(characters[Int(first >> 2)])
        output.append(characters[Int((first << 4 | second >> 4) & 63)])
        output.append(
            index + 1 < bytes.count ? characters[Int((second << 2) & 63)] : padding
        )
        output.append(padding)
    }
}
