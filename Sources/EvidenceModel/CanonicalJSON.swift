/// Canonical JSON (RFC 8785), restricted to integers with a magnitude below 2^53.
///
/// The writer and the reader are inverses: the reader accepts exactly what the writer can write.
public enum CanonicalJSON {
    /// The canonical bytes of a value.
    ///
    /// - Precondition: every integer has a magnitude below 2^53.
    public static func encode(_ value: JSONValue) -> [UInt8] {
        var bytes: [UInt8] = []
        append(value, to: &bytes)
        return bytes
    }

    /// Appends the canonical bytes of a value.
    ///
    /// - Precondition: every integer has a magnitude below 2^53.
    public static func append(_ value: JSONValue, to bytes: inout [UInt8]) {
        switch value {
        case .object(let object): append(object, to: &bytes)
        case .array(let values):
            bytes.append(JSONReader.openBracket)
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(JSONReader.comma) }
                append(value, to: &bytes)
            }
            bytes.append(JSONReader.closeBracket)
        case .string(let text): append(string: text, to: &bytes)
        case .integer(let value): append(integer: value, to: &bytes)
        case .bool(true): bytes.append(contentsOf: "true".utf8)
        case .bool(false): bytes.append(contentsOf: "false".utf8)
        case .null: bytes.append(contentsOf: "null".utf8)
        }
    }

    private static func append(_ object: JSONObject, to bytes: inout [UInt8]) {
        bytes.append(JSONReader.openBrace)
        for (index, member) in object.members.enumerated() {
            if index > 0 { bytes.append(JSONReader.comma) }
            append(string: member.name, to: &bytes)
            bytes.append(JSONReader.colon)
            append(member.value, to: &bytes)
        }
        bytes.append(JSONReader.closeBrace)
    }

    /// Appends a string with its quotation marks and the fewest escapes.
    public static func append(string: String, to bytes: inout [UInt8]) {
        JSONEscapes.append(string.utf8.span, to: &bytes)
    }

    /// Appends an integer in decimal.
    ///
    /// - Precondition: its magnitude is below 2^53.
    public static func append(integer: Int64, to bytes: inout [UInt8]) {
        precondition(
            integer.magnitude <= UInt64(JSONValue.maximumInteger),
            "an integer beyond 2^53 - 1"
        )
        bytes.append(contentsOf: String(integer).utf8)
    }
}

extension JSONValue {
    /// Reads one value; in the canonical form, `CanonicalJSON.encode` gives the same bytes back.
    ///
    /// Never traps and never allocates more than a small multiple of the bytes given.
    ///
    /// - Throws: `JSONError` with the offset of the first fault.
    public init(parsing bytes: Span<UInt8>, form: JSONForm) throws(JSONError) {
        var reader = JSONReader(form: form)
        reader.begin(bytes)
        self = try reader.value(bytes, depth: 0)
        try reader.end(bytes)
    }
}

extension JSONReader {
    /// Reads a value of any type that stands inside `depth` objects and arrays.
    mutating func value(_ bytes: Span<UInt8>, depth: Int) throws(JSONError) -> JSONValue {
        switch try peek(bytes) {
        case Self.openBrace: return .object(try object(bytes, depth: depth))
        case Self.openBracket: return .array(try array(bytes, depth: depth))
        case Self.quote: return .string(try string(bytes))
        case UInt8(ascii: "t"):
            try literal("true", bytes)
            return .bool(true)
        case UInt8(ascii: "f"):
            try literal("false", bytes)
            return .bool(false)
        case UInt8(ascii: "n"):
            try literal("null", bytes)
            return .null
        default: return .integer(try integer(bytes))
        }
    }

    private mutating func object(
        _ bytes: Span<UInt8>,
        depth: Int
    ) throws(JSONError) -> JSONObject {
        guard depth < JSONValue.maximumDepth else { throw error(.tooDeep) }
        let start = position
        try expect(Self.openBrace, bytes)
        var members: [(name: String, value: JSONValue)] = []
        if try take(Self.closeBrace, bytes) { return JSONObject() }
        repeat {
            let keyOffset = position
            let name = try string(bytes)
            if form == .canonical, let last = members.last {
                guard last.name.precedesCanonically(name) else {
                    let isSame = last.name.hasSameBytes(as: name)
                    throw JSONError(
                        reason: isSame ? .duplicateKey : .keysNotSorted,
                        offset: keyOffset
                    )
                }
            }
            try expect(Self.colon, bytes)
            members.append((name, try value(bytes, depth: depth + 1)))
        } while try take(Self.comma, bytes)
        try expect(Self.closeBrace, bytes)
        if form == .canonical { return JSONObject(sorted: members) }
        guard let object = JSONObject(members) else {
            throw JSONError(reason: .duplicateKey, offset: start)
        }
        return object
    }

    private mutating func array(
        _ bytes: Span<UInt8>,
        depth: Int
    ) throws(JSONError) -> [JSONValue] {
        guard depth < JSONValue.maximumDepth else { throw error(.tooDeep) }
        try expect(Self.openBracket, bytes)
        var values: [JSONValue] = []
        if try take(Self.closeBracket, bytes) { return values }
        repeat {
            values.append(try value(bytes, depth: depth + 1))
        } while try take(Self.comma, bytes)
        try expect(Self.closeBracket, bytes)
        return values
    }
}
