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
        unsafe String(unsafeUninitializedCapacity: encodedCount(bytes.count)) { output in
            unsafe bytes.withUnsafeBufferPointer { unsafe encode($0, into: output) }
        }
    }

    /// Appends the text of `bytes` as ASCII.
    public static func append(_ bytes: Span<UInt8>, to output: inout [UInt8]) {
        output.append(addingCapacity: encodedCount(bytes.count)) { text in
            unsafe text.withUnsafeMutableBufferPointer { output, count in
                count = unsafe bytes.withUnsafeBufferPointer { unsafe encode($0, into: output) }
            }
        }
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
        var isCanonical = false
        let bytes = [UInt8](capacity: text.count / 4 * 3) { bytes in
            unsafe bytes.withUnsafeMutableBufferPointer { output, count in
                isCanonical = unsafe text.withUnsafeBufferPointer {
                    unsafe decode($0, paddingCount: paddingCount, into: output)
                }
                count = text.count / 4 * 3 - paddingCount
            }
        }
        return isCanonical ? bytes : nil
    }

    private static let padding = UInt8(ascii: "=")

    private static let alphabet: StaticString =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

    /// The value of each character, 255 for those outside the alphabet.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 255, count: 256)
        for value in 0..<64 {
            values[Int(unsafe alphabet.utf8Start[value])] = UInt8(value)
        }
        return values
    }()

    // The loops work on pointers: receipts are full of base64, and with checked accesses encoding
    // 1 KiB takes 1.8 times as long, decoding 1.4 times. `output` has room for the whole text.

    /// Returns the count of characters.
    private static func encode(
        _ bytes: UnsafeBufferPointer<UInt8>,
        into output: UnsafeMutableBufferPointer<UInt8>
    ) -> Int {
        let count = encodedCount(bytes.count)
        precondition(output.count >= count)
        guard let input = bytes.baseAddress, var next = output.baseAddress,
            count > 0
        else { return 0 }
        let characters = unsafe alphabet.utf8Start
        var index = 0
        while index + 3 <= bytes.count {
            let (first, second, third) = unsafe (
                input[index], input[index + 1], input[index + 2]
            )
            let group = Int(first) << 16 | Int(second) << 8 | Int(third)
            unsafe next[0] = characters[group >> 18]
            unsafe next[1] = characters[group >> 12 & 63]
            unsafe next[2] = characters[group >> 6 & 63]
            unsafe next[3] = characters[group & 63]
            unsafe next += 4
            index += 3
        }
        let rest = bytes.count - index
        if rest > 0 {
            let group =
                unsafe Int(input[index]) << 16 | (rest == 2 ? Int(input[index + 1]) << 8 : 0)
            unsafe next[0] = characters[group >> 18]
            unsafe next[1] = characters[group >> 12 & 63]
            unsafe next[2] = rest == 2 ? characters[group >> 6 & 63] : padding
            unsafe next[3] = padding
        }
        return count
    }

    /// Returns whether the text is canonical; the content of `output` is right only then.
    private static func decode(
        _ text: UnsafeBufferPointer<UInt8>,
        paddingCount: Int,
        into output: UnsafeMutableBufferPointer<UInt8>
    ) -> Bool {
        precondition(output.count >= text.count / 4 * 3)
        guard let input = text.baseAddress, var next = output.baseAddress else {
            return false
        }
        return unsafe values.withUnsafeBufferPointer { values in
            // Every value of a character is below 64 and an invalid one is 255, so one test of
            // all values together at the end is enough.
            var seen: UInt8 = 0
            for index in stride(from: 0, to: text.count, by: 4) {
                let isPadded = paddingCount > 0 && index == text.count - 4
                let first = unsafe values[Int(input[index])]
                let second = unsafe values[Int(input[index + 1])]
                let third =
                    unsafe isPadded && paddingCount == 2
                    ? 0 : values[Int(input[index + 2])]
                let fourth = unsafe isPadded ? 0 : values[Int(input[index + 3])]
                seen |= first | second | third | fourth
                unsafe next[0] = first << 2 | second >> 4
                unsafe next[1] = second << 4 | third >> 2
                unsafe next[2] = third << 6 | fourth
                unsafe next += 3
            }
            // What the padding stands for must have come out as zero.
            for index in 0..<paddingCount {
                seen |= unsafe next[-1 - index] == 0 ? 0 : 255
            }
            return seen < 64
        }
    }
}
