/// What stands before a request's body.
package struct RequestHead: Sendable {
    package let method: HTTPMethod
    package let target: RequestTarget
    package let fields: HTTPFields
    /// The declared length of the body; nil without one.
    package let contentLength: UInt64?
    /// Whether the body comes in chunks, its length unknown.
    package let isChunked: Bool
    /// The client's address and port, such as `127.0.0.1:50312`.
    package let remoteAddress: String

    package init(
        method: HTTPMethod,
        target: RequestTarget,
        fields: HTTPFields = HTTPFields(),
        contentLength: UInt64? = nil,
        isChunked: Bool = false,
        remoteAddress: String = ""
    ) {
        self.method = method
        self.target = target
        self.fields = fields
        self.contentLength = contentLength
        self.isChunked = isChunked
        self.remoteAddress = remoteAddress
    }

    /// Whether bytes of a body follow.
    package var hasBody: Bool { isChunked || (contentLength ?? 0) > 0 }
}
