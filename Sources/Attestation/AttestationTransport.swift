/// Posts to a witness or a time-stamping authority.
///
/// The engine does not know HTTP libraries: who runs it gives one of these.
package protocol AttestationTransport: Sendable {
    /// Sends `body` and waits for the whole response, whatever its status; never follows a
    /// redirection.
    ///
    /// - Throws: ``AttestationSilence`` if there is no response within the deadline.
    func post(
        _ body: [UInt8],
        mediaType: String,
        to url: String,
        deadlineMilliseconds: Int
    ) throws(AttestationSilence) -> AttestationResponse
}

/// What a witness or an authority answered.
package struct AttestationResponse: Equatable, Sendable {
    package let status: Int
    /// The media type as it was sent; empty if there was none.
    package let mediaType: String
    package let body: [UInt8]

    package init(status: Int, mediaType: String, body: [UInt8]) {
        self.status = status
        self.mediaType = mediaType
        self.body = body
    }
}

/// No response came: unreachable, too slow, or no HTTP.
package struct AttestationSilence: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
