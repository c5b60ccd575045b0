/// Header fields in the order in which they came, found by name whatever its case.
///
/// All names and values stand in one buffer, each ended by a zero byte, so that building a
/// request's fields costs two allocations and a C library can read a response's without a copy.
///
/// Reference: RFC 9110 section 5.
package struct HTTPFields: Sendable {
    /// Where a field stands in `bytes`: name, zero, value, zero.
    private struct Entry {
        let nameStart: UInt32
        let valueStart: UInt32
        let end: UInt32

        var name: Range<Int> { Int(nameStart)..<Int(valueStart) - 1 }
        var value: Range<Int> { Int(valueStart)..<Int(end) - 1 }
    }

    private var bytes: [UInt8] = []
    private var entries: [Entry] = []

    package init() {}

    /// Fields known beforehand, for replies.
    package init(_ fields: KeyValuePairs<StaticString, String>) {
        for (name, value) in fields { append(name, value) }
    }

    package var count: Int { entries.count }

    /// Makes room.
    package mutating func reserveCapacity(fieldCount: Int, byteCount: Int) {
        entries.reserveCapacity(fieldCount)
        bytes.reserveCapacity(byteCount)
    }

    /// Adds a field of a reply.
    ///
    /// A byte that a value cannot carry (a control character) becomes a space, as RFC 9110 section
    /// 5.5 allows: data can never start a field or a reply of its own.
    package mutating func append(_ name: StaticString, _ value: String) {
        let nameStart = bytes.count
        appendName(name)
        let valueStart = bytes.count
        for byte in value.utf8 { bytes.append(byte.isFieldValueByte ? byte : 0x20) }
        finishEntry(nameStart: nameStart, valueStart: valueStart)
    }

    /// Adds a field of a reply whose value is ASCII text as bytes.
    package mutating func append(_ name: StaticString, _ value: Span<UInt8>) {
        let nameStart = bytes.count
        appendName(name)
        let valueStart = bytes.count
        for index in value.indices {
            bytes.append(value[index].isFieldValueByte ? value[index] : 0x20)
        }
        finishEntry(nameStart: nameStart, valueStart: valueStart)
    }

    /// Adds a field of a request, blanks around the value removed.
    ///
    /// - Returns: False, with nothing added, if the name is not a token or the value holds a
    ///   control
    ///   character.
    package mutating func append(name: Span<UInt8>, value: Span<UInt8>) -> Bool {
        let value = value.extracting(value.trimmedRange)
        guard name.count > 0 else { return false }
        for index in name.indices where !name[index].isTokenByte { return false }
        for index in value.indices where !value[index].isFieldValueByte { return false }
        let nameStart = bytes.count
        bytes.append(contentsOf: name)
        bytes.append(0)
        let valueStart = bytes.count
        bytes.append(contentsOf: value)
        finishEntry(nameStart: nameStart, valueStart: valueStart)
        return true
    }

    /// The first value of a name in lower case, bytes that are not UTF-8 replaced by U+FFFD.
    package func first(_ name: StaticString) -> String? {
        for entry in entries where matches(entry, name) { return text(entry.value) }
        return nil
    }

    /// All values of a name in lower case, in order.
    package func all(_ name: StaticString) -> [String] {
        entries.filter { matches($0, name) }.map { text($0.value) }
    }

    /// How many fields have this name, given in lower case.
    package func count(of name: StaticString) -> Int {
        var count = 0
        for entry in entries where matches(entry, name) { count += 1 }
        return count
    }

    /// Runs `body` with the bytes of the first value of a name in lower case; nil if there is none.
    package func withFirst<Result>(
        _ name: StaticString,
        _ body: (Span<UInt8>) -> Result
    ) -> Result? {
        for entry in entries where matches(entry, name) {
            return body(bytes.span.extracting(entry.value))
        }
        return nil
    }

    /// Names and values, in order.
    package var pairs: [(name: String, value: String)] {
        entries.map { (text($0.name), text($0.value)) }
    }

    /// Runs `body` with each name and value as C strings that live for that call.
    package func forEachCString(
        _ body: (UnsafePointer<CChar>, UnsafePointer<CChar>) -> Void
    ) {
        unsafe bytes.withUnsafeBytes { buffer in
            guard let base = unsafe buffer.baseAddress?.assumingMemoryBound(to: CChar.self) else {
                return
            }
            for entry in entries {
                unsafe body(base + Int(entry.nameStart), base + Int(entry.valueStart))
            }
        }
    }

    private mutating func appendName(_ name: StaticString) {
        name.withUTF8Buffer { buffer in unsafe bytes.append(contentsOf: buffer) }
        bytes.append(0)
    }

    private mutating func finishEntry(nameStart: Int, valueStart: Int) {
        bytes.append(0)
        entries.append(
            Entry(
                nameStart: UInt32(nameStart),
                valueStart: UInt32(valueStart),
                end: UInt32(bytes.count)
            )
        )
    }

    private func matches(_ entry: Entry, _ name: StaticString) -> Bool {
        let range = entry.name
        guard range.count == name.utf8CodeUnitCount else { return false }
        return name.withUTF8Buffer { wanted in
            for offset in 0..<range.count
            where unsafe bytes[range.lowerBound + offset].lowercased != wanted[offset] {
                return false
            }
            return true
        }
    }

    private func text(_ range: Range<Int>) -> String {
        String(decoding: bytes[range], as: UTF8.self)
    }
}
