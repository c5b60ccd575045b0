internal import Attestation
internal import CurlClient

/// Witnesses and time-stamping authorities over libcurl: a connection a request, for there are few.
struct CurlAttestationTransport: AttestationTransport {
    /// A response with more is refused: cosignatures and tokens have some kilobytes.
    static let maximumBodyBytes = 1 << 20

    func post(
        _ body: [UInt8],
        mediaType: String,
        to url: String,
        deadlineMilliseconds: Int
    ) throws(AttestationSilence) -> AttestationResponse {
        var options = HTTPClient.Options(userAgent: "strongroom/\(VersionCommand.version)")
        options.maximumBodyBytes = Self.maximumBodyBytes
        options.requestTimeoutMilliseconds = deadlineMilliseconds
        let request = ClientRequest(
            method: "POST",
            url: url,
            fields: [("Content-Type", mediaType)],
            body: .bytes(body)
        )
        do throws(CurlError) {
            let response = try HTTPClient(options: options).perform(request)
            return AttestationResponse(
                status: response.status,
                mediaType: response.fields["Content-Type"] ?? "",
                body: response.body
            )
        } catch {
            throw AttestationSilence("\(error)")
        }
    }
}
