/// A reply; the server adds `Date`, `Content-Length` and `Connection` itself.
package struct Response: Sendable {
    package enum Body: Sendable {
        case empty
        case bytes([UInt8])
        /// Bytes that are read as they are sent; not read for HEAD.
        case stream(lengthBytes: UInt64, any BodyReader)
    }

    package var status: Int
    package var fields: HTTPFields
    package var body: Body

    package init(status: Int, fields: HTTPFields = HTTPFields(), body: Body = .empty) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    /// The length that `Content-Length` states.
    package var bodyLengthBytes: UInt64 {
        switch body {
        case .empty: 0
        case .bytes(let bytes): UInt64(bytes.count)
        case .stream(let length, _): length
        }
    }
}

/// A body ends before its length was reached; the client learns it by the connection's end.
package struct BodyInterrupted: Error, Equatable, Sendable {
    package let reason: String

    package init(_ reason: String) { self.reason = reason }
}

/// The source of a streamed body.
///
/// One thread reads it, from its start to its end or to `deinit`.
package protocol BodyReader: AnyObject, Sendable {
    /// Fills a buffer with the next bytes: at least one, except at the end.
    ///
    /// - Returns: How many bytes there are; 0 at the end.
    /// - Throws: `BodyInterrupted`; the server closes the connection in mid-body.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(BodyInterrupted) -> Int
}
