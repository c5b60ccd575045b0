/// Reads the members of canonical objects in their known order, without building a tree.
///
/// The caller asks for each member that an object may have, in canonical order. A key that stands
/// before the one asked for is therefore one that the object must not have; so duplicates and
/// wrong order are refused as well, without remembering any key.
struct MemberReader {
    /// Where the reader stands in one object: the key whose value comes next, `nil` at the end.
    struct Cursor {
        fileprivate var key: Range<Int>?
    }

    private var json = JSONReader(form: .canonical)

    // MARK: Objects

    /// Enters the object that is the whole text.
    mutating func enterText(_ bytes: Span<UInt8>) throws(RecordError) -> Cursor {
        guard try isNext("{", bytes) else { throw .notAnObject }
        return try enter(bytes)
    }

    /// Enters the object that is the value of a member; `nil` if the member is absent.
    mutating func enterObject(
        _ name: String,
        _ cursor: inout Cursor,
        _ bytes: Span<UInt8>
    ) throws(RecordError) -> Cursor? {
        guard try has(name, &cursor, bytes) else { return nil }
        guard try isNext("{", bytes) else {
            throw .invalidMember(name, reason: "must be an object")
        }
        return try enter(bytes)
    }

    /// Leaves an object inside another: nothing may be left in it.
    mutating func leave(
        _ inner: Cursor,
        to outer: inout Cursor,
        _ bytes: Span<UInt8>
    ) throws(RecordError) {
        try refuseRest(inner, bytes)
        try advance(&outer, bytes)
    }

    /// Leaves the object that is the whole text: nothing may be left in it nor behind it.
    mutating func leaveText(_ cursor: Cursor, _ bytes: Span<UInt8>) throws(RecordError) {
        try refuseRest(cursor, bytes)
        do { try json.end(bytes) } catch { throw .notCanonical(error) }
    }

    private mutating func enter(_ bytes: Span<UInt8>) throws(RecordError) -> Cursor {
        do {
            try json.expect(JSONReader.openBrace, bytes)
            if try json.take(JSONReader.closeBrace, bytes) { return Cursor(key: nil) }
            return Cursor(key: try readKey(bytes))
        } catch { throw .notCanonical(error) }
    }

    /// Moves behind a value, to the next key or the end of the object.
    private mutating func advance(
        _ cursor: inout Cursor,
        _ bytes: Span<UInt8>
    ) throws(RecordError) {
        do {
            if try json.take(JSONReader.comma, bytes) {
                cursor.key = try readKey(bytes)
            } else {
                try json.expect(JSONReader.closeBrace, bytes)
                cursor.key = nil
            }
        } catch { throw .notCanonical(error) }
    }

    private mutating func readKey(_ bytes: Span<UInt8>) throws(JSONError) -> Range<Int> {
        let range = try json.rawString(bytes).range
        try json.expect(JSONReader.colon, bytes)
        return range
    }

    private func refuseRest(_ cursor: Cursor, _ bytes: Span<UInt8>) throws(RecordError) {
        guard let key = cursor.key else { return }
        throw .unknownMember(Self.excerptOfKey(bytes.extracting(key)))
    }

    /// Whether the next member is `name`; refuses one that should not be there.
    func has(
        _ name: String,
        _ cursor: inout Cursor,
        _ bytes: Span<UInt8>
    ) throws(RecordError) -> Bool {
        guard let range = cursor.key else { return false }
        let key = bytes.extracting(range)
        let expected = name.utf8.span
        if key.hasSameBytes(as: expected) { return true }
        guard expected.precedesCanonically(key) else {
            throw .unknownMember(Self.excerptOfKey(key))
        }
        return false
    }

    private static func excerptOfKey(_ key: Span<UInt8>) -> String {
        var bytes: [UInt8] = []
        bytes.append(copying: key.extracting(first: 64))
        return excerpt(String(decoding: bytes, as: UTF8.self))
    }

    private func isNext(
        _ character: Unicode.Scalar,
        _ bytes: Span<UInt8>
    ) throws(RecordError) -> Bool {
        do {
            return try json.peek(bytes) == UInt8(ascii: character)
        } catch { throw .notCanonical(error) }
    }

    // MARK: Values

    /// The string of a member; `nil` if the member is absent.
    mutating func optionalString(
        _ name: String,
        _ cursor: inout Cursor,
        _ bytes: Span<UInt8>
    ) throws(RecordError) -> String? {
        guard try has(name, &cursor, bytes) else { return nil }
        guard try isNext("\"", bytes) else {
            throw .invalidMember(name, reason: "must be a string")
        }
        let value: String
        do { value = try json.string(bytes) } catch { throw .notCanonical(error) }
        try advance(&cursor, bytes)
        return value
    }

    /// The string of a member that must be there.
    mutating func string(
        _ name: String,
        _ cursor: inout Cursor,
        _ bytes: Span<UInt8>
    ) throws(RecordError) -> String {
        guard let value = try optionalString(name, &cursor, bytes) else {
            throw .missingMember(name)
        }
        return value
    }

    /// The integer of a member that must be there.
    mutating func integer(
        _ name: String,
        _ cursor: inout Cursor,
        _ bytes: Span<UInt8>
    ) throws(RecordError) -> Int64 {
        guard try has(name, &cursor, bytes) else { throw .missingMember(name) }
        let value: Int64
        do { value = try json.integer(bytes) } catch {
            guard error.reason != .unexpectedByte else {
                throw .invalidMember(name, reason: "must be an integer")
            }
            throw .notCanonical(error)
        }
        try advance(&cursor, bytes)
        return value
    }

    /// The strings of a member that must be there, an array of at most `maximumCount`.
    mutating func strings(
        _ name: String,
        maximumCount: Int,
        _ cursor: inout Cursor,
        _ bytes: Span<UInt8>
    ) throws(RecordError) -> [String] {
        guard try has(name, &cursor, bytes) else { throw .missingMember(name) }
        guard try isNext("[", bytes) else {
            throw .invalidMember(name, reason: "must be an array")
        }
        let array: JSONValue
        do { array = try json.value(bytes, depth: 1) } catch { throw .notCanonical(error) }
        guard case .array(let elements) = array else { return [] }
        var values: [String] = []
        for element in elements {
            guard case .string(let value) = element else {
                throw .invalidMember(name, reason: "must be an array of strings")
            }
            values.append(value)
        }
        guard values.count <= maximumCount else {
            throw .invalidMember(name, reason: "must have at most \(maximumCount) elements")
        }
        try advance(&cursor, bytes)
        return values
    }

    /// The first and last of a range, `[first,last]`; `nil` if the member is absent.
    mutating func optionalRange(
        _ name: String,
        _ cursor: inout Cursor,
        _ bytes: Span<UInt8>
    ) throws(RecordError) -> ClosedRange<UInt64>? {
        guard try has(name, &cursor, bytes) else { return nil }
        let value: JSONValue
        do { value = try json.value(bytes, depth: 2) } catch { throw .notCanonical(error) }
        guard case .array(let ends) = value, ends.count == 2, case .integer(let first) = ends[0],
            case .integer(let last) = ends[1], first >= 0, first <= last
        else { throw .invalidMember(name, reason: "must be [first,last]") }
        try advance(&cursor, bytes)
        return UInt64(first)...UInt64(last)
    }

    /// The members of an object of strings, in canonical order.
    mutating func pairs(
        _ name: String,
        _ cursor: inout Cursor,
        _ bytes: Span<UInt8>
    ) throws(RecordError) -> [(key: String, value: String)]? {
        guard var inner = try enterObject(name, &cursor, bytes) else { return nil }
        var pairs: [(key: String, value: String)] = []
        while let range = inner.key {
            guard try isNext("\"", bytes) else {
                throw .invalidMember(name, reason: "must be an object of strings")
            }
            pairs.append(try pair(range, after: pairs.last?.key, bytes))
            try advance(&inner, bytes)
        }
        try advance(&cursor, bytes)
        return pairs
    }

    /// One member of an object of strings.
    ///
    /// An escape in its key is left as it is: no key that may occur has one.
    private mutating func pair(
        _ keyRange: Range<Int>,
        after previous: String?,
        _ bytes: Span<UInt8>
    ) throws(RecordError) -> (key: String, value: String) {
        do throws(JSONError) {
            let key = try json.rawText(bytes, keyRange)
            if let previous, !previous.precedesCanonically(key) {
                throw JSONError(reason: .keysNotSorted, offset: keyRange.lowerBound)
            }
            return (key, try json.string(bytes))
        } catch { throw .notCanonical(error) }
    }
}
