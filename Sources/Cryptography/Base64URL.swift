/// Base64 in the alphabet for URLs and file names, without padding, canonical only: one text for
/// each value.
///
/// Reference: RFC 4648 section 5; section 3.2 for the missing padding.
package enum Base64URL {
    /// The text of `bytes`.
    package static func encode(_ bytes: Span<UInt8>) -> String {
        var text: [UInt8] = []
        Base64.append(bytes, to: &text)
        while text.last == UInt8(ascii: "=") { text.removeLast() }
        for index in text.indices { text[index] = exchange(text[index], "+/", for: "-_") }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes that the ASCII text stands for; `nil` if it is not their canonical text.
    package static func decode(_ text: Span<UInt8>) -> [UInt8]? {
        var standard: [UInt8] = []
        standard.reserveCapacity(text.count + 2)
        for index in text.indices {
            switch text[index] {
            case UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="): return nil
            default: standard.append(exchange(text[index], "-_", for: "+/"))
            }
        }
        while !standard.count.isMultiple(of: 4) { standard.append(UInt8(ascii: "=")) }
        return Base64.decode(standard.span)
    }

    /// `byte`, or what stands in `to` at its place in `from`.
    private static func exchange(
        _ byte: UInt8,
        _ from: StaticString,
        for to: StaticString
    ) -> UInt8 {
        for place in 0..<from.utf8CodeUnitCount where unsafe from.utf8Start[place] == byte {
            return unsafe to.utf8Start[place]
        }
        return byte
    }
}
