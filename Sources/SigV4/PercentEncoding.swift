// The encoding that both sides must agree on to the letter.
//
// Reference: AWS Identity and Access Management User Guide, "Create a signed AWS API request", the
// function UriEncode; RFC 3986 section 2.3.

extension [UInt8] {
    /// Appends a name or value of a query, all but unreserved characters encoded.
    mutating func append(encoded text: String) {
        for byte in text.utf8 { append(encoded: byte) }
    }

    /// Appends a path, encoded once; slashes stay, and nothing is normalised.
    mutating func append(encodedPath path: String) {
        for byte in path.utf8 {
            if byte == UInt8(ascii: "/") {
                append(byte)
            } else {
                append(encoded: byte)
            }
        }
    }

    private mutating func append(encoded byte: UInt8) {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "_"), UInt8(ascii: "~"):
            append(byte)
        default:
            append(UInt8(ascii: "%"))
            append(Self.digit(byte >> 4))
            append(Self.digit(byte & 15))
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value + (value < 10 ? UInt8(ascii: "0") : UInt8(ascii: "A") - 10)
    }

    mutating func append(_ text: String) {
        append(contentsOf: text.utf8)
    }

    mutating func appendLine(_ text: String = "") {
        append(contentsOf: text.utf8)
        append(UInt8(ascii: "\n"))
    }
}
