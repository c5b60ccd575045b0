/// Why a request target cannot be read.
package enum RequestTargetError: Error, Equatable, Sendable {
    /// Neither a path nor an http URI.
    case form
    /// A byte that must be percent-encoded stands there as it is.
    case byte(UInt8)
    /// A percent sign without two hexadecimal digits after it.
    case percentEncoding
    /// What the percent-encoded bytes spell is not UTF-8.
    case encoding
    /// More query parameters than `RequestTarget.maximumParameters`.
    case tooManyParameters

    /// What is wrong, for the client.
    package var detail: String {
        switch self {
        case .form: "The request target must be a path that starts with \"/\"."
        case .byte(let byte):
            "The request target holds the byte 0x\(String(byte, radix: 16)), which must be"
                + " percent-encoded."
        case .percentEncoding:
            "The request target holds a \"%\" that two hexadecimal digits do not follow."
        case .encoding: "The request target does not decode to UTF-8 text."
        case .tooManyParameters:
            "The query has more than \(RequestTarget.maximumParameters) parameters."
        }
    }
}

/// The path and query that a request names, decoded strictly.
///
/// Reference: RFC 9112 section 3.2, RFC 3986; the query is read as HTML forms write it
/// (`application/x-www-form-urlencoded`, where "+" is a space).
package struct RequestTarget: Sendable, Equatable {
    /// A parameter of the query, decoded.
    package struct Parameter: Sendable, Equatable {
        package let name: String
        package let value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    package static let maximumParameters = 256

    /// The path as it was sent, without the query.
    package let rawPath: String
    /// The path's parts between slashes, decoded: `/a/b%2Fc` is `a`, `b/c`; `/` is one empty part.
    package let pathSegments: [String]
    /// The query's parameters in order.
    package let query: [Parameter]

    /// - Throws: `RequestTargetError`, which says what is wrong with the target.
    package init(parsing target: Span<UInt8>) throws(RequestTargetError) {
        var position = try Self.pathStart(of: target)
        let pathStart = position
        var segments: [String] = []
        segments.reserveCapacity(6)
        var parameters: [Parameter] = []

        position += 1
        while true {
            let end = try Self.part(of: target, from: position, until: "/", or: "?")
            segments.append(
                try Self.decode(target.extracting(position..<end), plusIsSpace: false)
            )
            position = end + 1
            if end >= target.count || target[end] == UInt8(ascii: "?") { break }
        }
        let pathEnd = min(position - 1, target.count)
        while position < target.count {
            let end = try Self.part(of: target, from: position, until: "&", or: "&")
            if end > position {
                guard parameters.count < Self.maximumParameters else { throw .tooManyParameters }
                parameters.append(try Self.parameter(target.extracting(position..<end)))
            }
            position = end + 1
        }
        rawPath = strictText(target.extracting(pathStart..<pathEnd)) ?? ""
        pathSegments = segments
        query = parameters
    }

    /// - Throws: `RequestTargetError`, which says what is wrong with the target.
    package init(parsing target: String) throws(RequestTargetError) {
        let bytes = Array(target.utf8)
        try self.init(parsing: bytes.span)
    }

    /// The index of the path's first slash, after scheme and host if a proxy left them there.
    private static func pathStart(of target: Span<UInt8>) throws(RequestTargetError) -> Int {
        guard target.count > 0 else { throw .form }
        if target[0] == UInt8(ascii: "/") { return 0 }
        for scheme in ["http://", "https://"] {
            let prefix = Array(scheme.utf8)
            guard target.count > prefix.count,
                prefix.indices.allSatisfy({ target[$0].lowercased == prefix[$0] })
            else { continue }
            var position = prefix.count
            while position < target.count, target[position] != UInt8(ascii: "/") { position += 1 }
            if position > prefix.count, position < target.count { return position }
        }
        throw .form
    }

    /// The index at which the part that starts at `start` ends, each byte of it checked.
    private static func part(
        of target: Span<UInt8>,
        from start: Int,
        until first: Unicode.Scalar,
        or second: Unicode.Scalar
    ) throws(RequestTargetError) -> Int {
        var position = start
        while position < target.count {
            let byte = target[position]
            if byte == UInt8(ascii: first) || byte == UInt8(ascii: second) { break }
            guard byte.isTargetByte || byte == UInt8(ascii: "%") else { throw .byte(byte) }
            position += 1
        }
        return position
    }

    private static func parameter(_ bytes: Span<UInt8>) throws(RequestTargetError) -> Parameter {
        var split = 0
        while split < bytes.count, bytes[split] != UInt8(ascii: "=") { split += 1 }
        let name = try decode(bytes.extracting(0..<split), plusIsSpace: true)
        guard split < bytes.count else { return Parameter(name: name, value: "") }
        let value = try decode(bytes.extracting((split + 1)..<bytes.count), plusIsSpace: true)
        return Parameter(name: name, value: value)
    }

    private static func decode(
        _ bytes: Span<UInt8>,
        plusIsSpace: Bool
    ) throws(RequestTargetError) -> String {
        var isPlain = true
        for index in bytes.indices
        where bytes[index] == UInt8(ascii: "%") || (plusIsSpace && bytes[index] == 0x2b) {
            isPlain = false
            break
        }
        if isPlain {
            guard let text = strictText(bytes) else { throw .encoding }
            return text
        }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var position = 0
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "%") {
                guard position + 2 < bytes.count, let high = bytes[position + 1].hexValue,
                    let low = bytes[position + 2].hexValue
                else { throw .percentEncoding }
                decoded.append(high << 4 | low)
                position += 3
            } else {
                decoded.append(plusIsSpace && byte == UInt8(ascii: "+") ? 0x20 : byte)
                position += 1
            }
        }
        guard let text = strictText(decoded.span) else { throw .encoding }
        return text
    }
}
