/// Answers requests; its methods are called on many threads at once.
package protocol Application: Sendable {
    /// Starts the exchange for a request whose head has arrived.
    func exchange(for head: RequestHead) -> any Exchange

    /// The reply to a request that breaks HTTP's own rules, so that no exchange can be made for it.
    func response(to violation: ProtocolViolation) -> Response
}

extension Application {
    package func response(to violation: ProtocolViolation) -> Response {
        Response(
            status: violation.status,
            fields: HTTPFields(["Content-Type": "text/plain; charset=utf-8"]),
            body: .bytes(Array((violation.detail + "\n").utf8))
        )
    }
}

/// One request and its reply.
///
/// The server calls, one after the other and never two at once: `begin`; `receive` for each piece
/// of the body; then `finish`, or `abandon` if the client went away or was too slow. A reply from
/// `begin` is the end; after a reply from `receive`, `abandon` is called and is the end. What
/// blocks here holds up the other connections of the thread.
package protocol Exchange: AnyObject, Sendable {
    /// Looks at the head: a reply refuses the request before its body is read, nil goes on.
    func begin() -> Response?

    /// Takes the next bytes of the body.
    ///
    /// A reply refuses the request: the server reads on and discards the rest, then replies; if
    /// there is too much of it, it closes the connection.
    func receive(_ bytes: Span<UInt8>) -> Response?

    /// The request is complete; `responder` takes the reply, now or later, from any thread.
    func finish(_ responder: Responder)

    /// The request will never be complete, or was refused by a reply of `receive`.
    func abandon()
}

extension Exchange {
    package func begin() -> Response? { nil }
    package func receive(_ bytes: Span<UInt8>) -> Response? { nil }
    package func abandon() {}
}

/// A request breaks a rule of HTTP itself.
package enum ProtocolViolation: Error, Equatable, Sendable {
    case method
    case requestLine
    case target(RequestTargetError)
    case targetTooLong(limitBytes: Int)
    case headTooLarge(limitBytes: Int)
    case field
    case missingHost
    case contentLength
    case conflictingLengths
    case transferCoding
    case expectation

    package var status: Int {
        switch self {
        case .targetTooLong: 414
        case .headTooLarge: 431
        case .expectation: 417
        default: 400
        }
    }

    /// What is wrong and what to do, for the client.
    package var detail: String {
        switch self {
        case .method: "The request method is not a token of RFC 9110."
        case .requestLine:
            "The request line must be method, target and version with one blank between them, and"
                + " hold no zero byte."
        case .target(let error): error.detail
        case .targetTooLong(let limit):
            "The request target is longer than the limit of \(limit) bytes."
        case .headTooLarge(let limit):
            "The request line and header fields are larger than the limit of \(limit) bytes."
        case .field:
            "A header field is malformed: a name must be a token right before its colon, a value"
                + " must hold no control characters, and a field must not continue on another line."
        case .missingHost: "The request must have exactly one Host header field."
        case .contentLength: "Content-Length must be one decimal number."
        case .conflictingLengths:
            "The request gives its length twice; send one Content-Length, or Transfer-Encoding"
                + " alone."
        case .transferCoding: "The only transfer coding that is understood is chunked, in HTTP/1.1."
        case .expectation: "The only expectation that is understood is 100-continue."
        }
    }
}
