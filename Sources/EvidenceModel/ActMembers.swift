import Cryptography
import TransparencyLog

/// Takes the members of a canonical object one by one; what is left over at the end is refused.
struct ActMembers {
    private var rest: JSONObject

    init(_ object: JSONObject) {
        rest = object
    }

    init(_ name: String, _ value: JSONValue) throws(RecordError) {
        guard case .object(let object) = value else {
            throw .invalidMember(name, reason: "must be an object")
        }
        rest = object
    }

    /// Ends reading: no member may be left.
    func end() throws(RecordError) {
        guard let member = rest.members.first else { return }
        throw .unknownMember(excerpt(member.name))
    }

    mutating func optional(_ name: String) -> JSONValue? {
        let value = rest[name]
        if value != nil { rest[name] = nil }
        return value
    }

    mutating func value(_ name: String) throws(RecordError) -> JSONValue {
        guard let value = optional(name) else { throw .missingMember(name) }
        return value
    }

    /// The members of an inner object.
    mutating func members(_ name: String) throws(RecordError) -> ActMembers {
        try ActMembers(name, value(name))
    }

    mutating func string(_ name: String) throws(RecordError) -> String {
        try Self.string(name, value(name))
    }

    mutating func optionalString(_ name: String) throws(RecordError) -> String? {
        guard let value = optional(name) else { return nil }
        return try Self.string(name, value)
    }

    private static func string(
        _ name: String,
        _ value: JSONValue
    ) throws(RecordError) -> String {
        guard case .string(let text) = value else {
            throw .invalidMember(name, reason: "must be a string")
        }
        return text
    }

    /// A number from 0.
    mutating func count(_ name: String) throws(RecordError) -> UInt64 {
        try Self.count(name, value(name))
    }

    mutating func index(_ name: String) throws(RecordError) -> RecordIndex {
        RecordIndex(try count(name))
    }

    mutating func optionalIndex(_ name: String) throws(RecordError) -> RecordIndex? {
        guard let value = optional(name) else { return nil }
        return RecordIndex(try Self.count(name, value))
    }

    static func count(_ name: String, _ value: JSONValue) throws(RecordError) -> UInt64 {
        guard case .integer(let integer) = value, let count = UInt64(exactly: integer) else {
            throw .invalidMember(name, reason: "must be an integer from 0")
        }
        return count
    }

    static func array(_ name: String, _ value: JSONValue) throws(RecordError) -> [JSONValue] {
        guard case .array(let elements) = value else {
            throw .invalidMember(name, reason: "must be an array")
        }
        return elements
    }

    /// A member that is there only if it is true.
    mutating func flag(_ name: String) throws(RecordError) -> Bool {
        guard let value = optional(name) else { return false }
        guard value == .bool(true) else {
            throw .invalidMember(name, reason: "must be true, or absent")
        }
        return true
    }

    /// A text that a type of its own checks.
    mutating func checked<Value>(
        _ name: String,
        _ make: (String) throws(LimitViolation) -> Value
    ) throws(RecordError) -> Value {
        try Self.checked(name, string(name), make)
    }

    mutating func optionalChecked<Value>(
        _ name: String,
        _ make: (String) throws(LimitViolation) -> Value
    ) throws(RecordError) -> Value? {
        guard let text = try optionalString(name) else { return nil }
        return try Self.checked(name, text, make)
    }

    static func checked<Value>(
        _ name: String,
        _ text: String,
        _ make: (String) throws(LimitViolation) -> Value
    ) throws(RecordError) -> Value {
        do { return try make(text) } catch {
            throw .invalidMember(name, reason: error.description)
        }
    }

    mutating func time(_ name: String) throws(RecordError) -> Timestamp {
        try Self.time(name, string(name))
    }

    mutating func optionalTime(_ name: String) throws(RecordError) -> Timestamp? {
        guard let text = try optionalString(name) else { return nil }
        return try Self.time(name, text)
    }

    private static func time(_ name: String, _ text: String) throws(RecordError) -> Timestamp {
        guard let time = Timestamp(rfc3339: text) else {
            throw .invalidMember(name, reason: "must be a time in milliseconds, UTC")
        }
        return time
    }

    mutating func digest(_ name: String) throws(RecordError) -> SHA256Digest {
        try Self.digest(name, string(name))
    }

    mutating func optionalDigest(_ name: String) throws(RecordError) -> SHA256Digest? {
        guard let text = try optionalString(name) else { return nil }
        return try Self.digest(name, text)
    }

    private static func digest(
        _ name: String,
        _ text: String
    ) throws(RecordError) -> SHA256Digest {
        guard let digest = SHA256Digest(hex: text) else {
            throw .invalidMember(name, reason: "must be 64 lower-case hex characters")
        }
        return digest
    }

    /// One of a few words.
    mutating func word<Value: RawRepresentable<String>>(
        _ name: String,
        _ type: Value.Type
    ) throws(RecordError) -> Value {
        guard let value = Value(rawValue: try string(name)) else {
            throw .invalidMember(name, reason: "must be one of the words for it")
        }
        return value
    }

    mutating func ranges(_ name: String) throws(RecordError) -> IndexRanges {
        try Self.ranges(name, value(name))
    }

    mutating func optionalRanges(_ name: String) throws(RecordError) -> IndexRanges? {
        guard let value = optional(name) else { return nil }
        return try Self.ranges(name, value)
    }

    static func ranges(_ name: String, _ value: JSONValue) throws(RecordError) -> IndexRanges {
        var ranges: [ClosedRange<UInt64>] = []
        for element in try array(name, value) {
            guard case .array(let ends) = element, ends.count == 2,
                case .integer(let first) = ends[0], case .integer(let last) = ends[1],
                first >= 0, first <= last
            else { throw .invalidMember(name, reason: "must be an array of [first,last]") }
            ranges.append(UInt64(first)...UInt64(last))
        }
        guard let found = IndexRanges(ranges: ranges) else {
            throw .invalidMember(name, reason: "must ascend and neither overlap nor touch")
        }
        return found
    }
}
