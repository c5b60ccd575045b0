/// A request to be sent.
package struct ClientRequest {
    @safe package enum Body {
        case none
        case bytes([UInt8])
        /// What `read` gives until it returns 0; it is called on the thread of `perform`.
        ///
        /// Without a length the body is sent in chunks. A throw aborts the request.
        case stream(
            lengthBytes: UInt64?,
            read: (UnsafeMutableRawBufferPointer) throws -> Int
        )
    }

    /// What libcurl may do by itself when a kept connection turns out to be closed before anything
    /// came back.
    package enum Repetition: Sendable {
        /// Send the request once more.
        case allowed
        /// Nothing: the server may have acted on the request. It ends as `connectionLost`.
        case refused
    }

    package var method: String
    /// Absolute, or what follows the client's base URL.
    package var url: String
    package var fields: [(String, String)]
    package var body: Body
    package var repetition = Repetition.allowed
    /// Instead of the client's limit; `nil` leaves that.
    package var timeoutMilliseconds: Int?
    /// How long no byte may pass in either direction, the wait for the reply included; `nil` sets
    /// no limit.
    ///
    /// Looked at once a second.
    package var silenceMilliseconds: Int?

    package init(
        method: String = "GET",
        url: String,
        fields: [(String, String)] = [],
        body: Body = .none
    ) {
        self.method = method
        self.url = url
        self.fields = fields
        self.body = body
    }
}

/// A response that was received as a whole.
package struct ClientResponse: Equatable, Sendable {
    package let status: Int
    package let fields: ResponseFields
    /// Empty if a closure received it.
    package let body: [UInt8]
}

/// The fields of a response, in their order.
package struct ResponseFields: Equatable, Sendable {
    package struct Field: Equatable, Sendable {
        package let name: String
        package let value: String
    }

    package private(set) var all: [Field] = []

    /// The value of the first field of that name, in any letter case.
    package subscript(_ name: String) -> String? {
        let name = name.lowercased()
        return all.first { $0.name.lowercased() == name }?.value
    }

    /// Takes a line as it was received, without its end; lines that are no field are left out.
    mutating func append(line: Substring) {
        guard let colon = line.firstIndex(of: ":") else { return }
        all.append(
            Field(
                name: String(line[..<colon]),
                value: String(trimmed(line[line.index(after: colon)...]))
            )
        )
    }

    private func trimmed(_ text: Substring) -> Substring {
        let text = text.drop { $0 == " " || $0 == "\t" }
        guard let last = text.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return "" }
        return text[...last]
    }
}
