/// Writes one JSON object on one line, its members in the order they are added.
///
/// For log lines and command output; the log's own records are written by `CanonicalJSON`.
/// Reference: RFC 8259; the escapes keep any text on one line and harmless to a terminal.
package struct JSONLine: Sendable {
    private var bytes: [UInt8] = [UInt8(ascii: "{")]

    package init() {}

    /// The finished object, without a line end.
    package var text: String { String(decoding: bytes, as: UTF8.self) + "}" }

    package mutating func add(_ name: String, _ value: String) {
        key(name)
        Self.append(value, to: &bytes)
    }

    package mutating func add(_ name: String, _ value: Int64) {
        key(name)
        bytes += String(value).utf8
    }

    package mutating func add(_ name: String, _ value: UInt64) {
        key(name)
        bytes += String(value).utf8
    }

    package mutating func add(_ name: String, _ value: Int) { add(name, Int64(value)) }

    /// Adds a number; one that JSON cannot express becomes `null`.
    package mutating func add(_ name: String, _ value: Double) {
        key(name)
        bytes += (value.isFinite ? "\(value)" : "null").utf8
    }

    package mutating func add(_ name: String, _ value: Bool) {
        key(name)
        bytes += (value ? "true" : "false").utf8
    }

    /// Adds an array of strings.
    package mutating func add(_ name: String, _ values: [String]) {
        key(name)
        bytes.append(UInt8(ascii: "["))
        for (place, value) in values.enumerated() {
            if place > 0 { bytes.append(UInt8(ascii: ",")) }
            Self.append(value, to: &bytes)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    /// Adds an object of strings.
    package mutating func add(_ name: String, _ members: [(name: String, value: String)]) {
        key(name)
        var object = JSONLine()
        for member in members { object.add(member.name, member.value) }
        bytes += object.text.utf8
    }

    /// Adds a value that is JSON already; the caller knows that it is.
    package mutating func add(_ name: String, json: [UInt8]) {
        key(name)
        bytes += json
    }

    /// A text as a JSON string, with its quotes.
    package static func string(_ text: String) -> String {
        var bytes: [UInt8] = []
        append(text, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    private mutating func key(_ name: String) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        Self.append(name, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
    }

    /// Appends a JSON string with its quotes.
    private static func append(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": bytes += #"\""#.utf8
            case "\\": bytes += #"\\"#.utf8
            case "\n": bytes += #"\n"#.utf8
            case "\r": bytes += #"\r"#.utf8
            case "\t": bytes += #"\t"#.utf8
            case "\u{0}"..."\u{1f}", "\u{7f}"..."\u{9f}", "\u{2028}", "\u{2029}":
                let digits = String(scalar.value, radix: 16)
                bytes += (#"\u"# + String(repeating: "0", count: 4 - digits.count) + digits).utf8
            default: bytes += UTF8.encode(scalar)?.map { $0 } ?? []
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
