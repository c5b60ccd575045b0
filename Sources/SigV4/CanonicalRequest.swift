import Cryptography

/// The text that stands for a request, and the text over it that is signed.
///
/// Reference: AWS Identity and Access Management User Guide, "Create a signed AWS API request",
/// steps 1 to 3.
struct CanonicalRequest {
    let bytes: [UInt8]
    /// `host;x-amz-date`: what the server must not ignore.
    let signedNames: String

    /// `fields` and `query` in their canonical form and order.
    init(
        _ request: SigningRequest,
        query: [SigningRequest.Item],
        fields: [SigningRequest.Item]
    ) {
        signedNames = fields.map(\.name).joined(separator: ";")
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512)
        bytes.appendLine(request.method)
        bytes.appendLine(request.encodedPath)
        for (index, item) in query.enumerated() {
            if index > 0 { bytes.append("&") }
            bytes.append(item.name)
            bytes.append("=")
            bytes.append(item.value)
        }
        bytes.appendLine()
        for field in fields {
            bytes.append(field.name)
            bytes.append(":")
            bytes.appendLine(field.value)
        }
        bytes.appendLine()
        bytes.appendLine(signedNames)
        bytes.append(request.payload.text)
        self.bytes = bytes
    }

    func stringToSign(at time: SigningTime, scope: String) -> [UInt8] {
        var text: [UInt8] = []
        text.appendLine(Signer.algorithm)
        text.appendLine(time.text)
        text.appendLine(scope)
        text.append(SHA256.hash(bytes.span).hex)
        return text
    }
}
