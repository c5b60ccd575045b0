/// What is sent to a time-stamping authority.
///
/// Reference: RFC 3161 section 2.4.1.
package struct TimeStampRequest: Equatable, Sendable {
    package static let mediaType = "application/timestamp-query"

    package let digest: TimeStampDigest
    /// The digest of what is stamped.
    package let imprint: [UInt8]
    /// Ties the response to this request; at random.
    package let nonce: UInt64

    /// `imprint`: as long as `digest` says.
    package init(digest: TimeStampDigest, imprint: [UInt8], nonce: UInt64) {
        precondition(imprint.count == digest.sizeBytes, "an imprint of another algorithm")
        self.digest = digest
        self.imprint = imprint
        self.nonce = nonce
    }

    /// `TimeStampReq`, which asks for the certificates too.
    package var encoded: [UInt8] {
        let algorithm = DER.element(
            DER.sequence,
            digest.identifier.encoded,
            DER.element(DER.null, [])
        )
        return DER.element(
            DER.sequence,
            DER.integer(1),
            DER.element(DER.sequence, algorithm, DER.element(DER.octetString, imprint)),
            DER.integer(nonce),
            DER.element(DER.boolean, [0xff])
        )
    }

    /// Takes the token out of a response, if it answers this request; its signature is not yet
    /// verified.
    ///
    /// - Throws: `malformed`, `refused`, `wrongImprint`, `wrongNonce`.
    package func token(inResponse bytes: [UInt8]) throws(TimeStampError) -> TimeStampToken {
        let token = try TimeStampToken(parsingResponse: bytes)
        guard token.digest == digest, token.imprint == imprint else { throw .wrongImprint }
        guard token.nonce == DERReader(DER.integer(nonce)[...]).integerContent else {
            throw .wrongNonce
        }
        return token
    }
}

extension DERReader {
    /// The content of the integer that comes next.
    fileprivate var integerContent: [UInt8]? {
        var reader = self
        return (try? reader.next(DER.integer)).map { Array($0.content) }
    }
}

/// Why a time-stamp is not accepted.
package enum TimeStampError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The bytes are no response or token.
    case malformed(String)
    /// The authority did not grant it.
    case refused(status: Int, text: String)
    /// It stamps something else.
    case wrongImprint
    /// It answers another request.
    case wrongNonce
    /// The signature, or what it says of its certificate, is wrong.
    case signature(String)
    /// The certificate does not lead to one that is trusted, may not stamp, or was not valid.
    case certificate(String)
    /// A file has no certificate that can be read.
    case anchors(String)

    package var description: String {
        switch self {
        case .malformed(let detail): "it is not a time-stamp: \(detail)"
        case .refused(let status, let text):
            "the authority refused (status \(status))" + (text.isEmpty ? "" : ": \(text)")
        case .wrongImprint: "it stamps something else"
        case .wrongNonce: "it answers another request: the nonce differs"
        case .signature(let detail): "its signature is wrong: \(detail)"
        case .certificate(let detail): "its certificate is not accepted: \(detail)"
        case .anchors(let detail): detail
        }
    }

    /// One word, for metrics and tests.
    package var word: String {
        switch self {
        case .malformed: "malformed"
        case .refused: "refused"
        case .wrongImprint: "imprint"
        case .wrongNonce: "nonce"
        case .signature: "signature"
        case .certificate: "certificate"
        case .anchors: "anchors"
        }
    }
}
