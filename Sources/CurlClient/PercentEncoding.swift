/// `text` as one segment of a URL's path.
///
/// Everything but letters, digits and `-._~` is encoded.
///
/// Reference: RFC 3986 sections 2.1 and 2.3.
package func percentEncode(pathSegment text: String) -> String {
    percentEncoded(text)
}

/// `text` as a name or a value in a URL's query.
///
/// A space becomes `%20`, which means a space whether or not the server takes `+` for one.
///
/// Reference: RFC 3986 sections 2.1 and 2.3.
package func percentEncode(queryValue text: String) -> String {
    percentEncoded(text)
}

private func percentEncoded(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "_"), UInt8(ascii: "~"):
            bytes.append(byte)
        default:
            bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}
