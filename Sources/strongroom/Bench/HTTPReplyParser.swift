/// Finds the end of an HTTP/1.1 reply in the bytes that have arrived, for the load generator.
///
/// Knows what Strongroom's server sends: a status line, fields, a body of `Content-Length`.
/// Anything else is an error, for the generator to report.
/// Reference: RFC 9112.
struct HTTPReplyParser: Sendable {
    enum Failure: Error, Equatable, Sendable {
        case notHTTP
        case noLength
        case tooLarge
    }

    /// A whole reply at the start of the buffer.
    struct Reply: Equatable, Sendable {
        let status: Int
        let body: Range<Int>
        let closes: Bool
        let retryAfterSeconds: Int?
    }

    private static let headLimitBytes = 16 * 1024
    private static let bodyLimitBytes = 16 << 20

    private var status = 0
    private var bodyStart = 0
    private var length: Int?
    private var closes = false
    private var retryAfterSeconds: Int?
    private var searchedBytes = 0

    /// Looks at the first `count` bytes; nil: the reply is not whole yet.
    ///
    /// Call it again with more bytes behind the same first ones; after a reply, `reset`.
    mutating func parse(_ buffer: Span<UInt8>, count: Int) throws(Failure) -> Reply? {
        if bodyStart == 0 {
            guard let end = headEnd(buffer, count: count) else {
                if count > Self.headLimitBytes { throw .tooLarge }
                return nil
            }
            try readHead(buffer, end: end)
            bodyStart = end
        }
        guard let length else { throw .noLength }
        guard count >= bodyStart + length else { return nil }
        return Reply(
            status: status,
            body: bodyStart..<(bodyStart + length),
            closes: closes,
            retryAfterSeconds: retryAfterSeconds
        )
    }

    mutating func reset() { self = HTTPReplyParser() }

    /// Where the body starts: behind the first empty line.
    private mutating func headEnd(_ buffer: Span<UInt8>, count: Int) -> Int? {
        var place = searchedBytes
        while place + 3 < count {
            if buffer[place] == 13, buffer[place + 1] == 10, buffer[place + 2] == 13,
                buffer[place + 3] == 10
            {
                return place + 4
            }
            place += 1
        }
        searchedBytes = place
        return nil
    }

    private mutating func readHead(_ buffer: Span<UInt8>, end: Int) throws(Failure) {
        // "HTTP/1.1 201 …"
        guard end > 16, Self.matches(buffer, at: 0, "HTTP/1.1 ") else { throw .notHTTP }
        guard let code = Self.number(buffer, 9..<12) else { throw .notHTTP }
        status = code
        var start = 0
        while start < end - 2 {
            var stop = start
            while buffer[stop] != 13 { stop += 1 }
            try readField(buffer, start..<stop)
            start = stop + 2
        }
    }

    private mutating func readField(_ buffer: Span<UInt8>, _ line: Range<Int>) throws(Failure) {
        if let value = Self.value(buffer, line, "content-length") {
            guard let number = Self.number(buffer, value) else { throw .notHTTP }
            guard number <= Self.bodyLimitBytes else { throw .tooLarge }
            length = number
        } else if let value = Self.value(buffer, line, "connection") {
            closes = Self.matches(buffer, at: value.lowerBound, "close")
        } else if let value = Self.value(buffer, line, "retry-after") {
            retryAfterSeconds = Self.number(buffer, value)
        }
    }

    /// The value's place if the line is the field `name` (lowercase).
    private static func value(
        _ buffer: Span<UInt8>,
        _ line: Range<Int>,
        _ name: StaticString
    )
        -> Range<Int>?
    {
        let length = name.utf8CodeUnitCount
        guard line.count > length, buffer[line.lowerBound + length] == UInt8(ascii: ":"),
            matches(buffer, at: line.lowerBound, name)
        else { return nil }
        var start = line.lowerBound + length + 1
        while start < line.upperBound, buffer[start] == UInt8(ascii: " ") { start += 1 }
        return start..<line.upperBound
    }

    /// Compares without regard to case; `text` is lowercase where it has letters.
    private static func matches(_ buffer: Span<UInt8>, at start: Int, _ text: StaticString) -> Bool
    {
        guard start + text.utf8CodeUnitCount <= buffer.count else { return false }
        return text.withUTF8Buffer { wanted in
            for place in wanted.indices {
                var byte = buffer[start + place]
                let letter = unsafe wanted[place]
                if (0x41...0x5a).contains(byte), (0x61...0x7a).contains(letter) { byte |= 0x20 }
                if byte != letter { return false }
            }
            return true
        }
    }

    private static func number(_ buffer: Span<UInt8>, _ range: Range<Int>) -> Int? {
        guard !range.isEmpty, range.count <= 15 else { return nil }
        var number = 0
        for place in range {
            guard (0x30...0x39).contains(buffer[place]) else { return nil }
            number = number * 10 + Int(buffer[place] - 0x30)
        }
        return number
    }
}
