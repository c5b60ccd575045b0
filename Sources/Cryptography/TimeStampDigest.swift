internal import COpenSSL

/// A digest algorithm that time-stamps and evidence records may use.
///
/// Nothing weaker is accepted: what is signed over a broken digest proves nothing.
package enum TimeStampDigest: String, CaseIterable, Hashable, Sendable {
    case sha256, sha384, sha512

    /// Reference: RFC 5754 section 2.
    package var identifier: OID {
        let last: UInt8 =
            switch self {
            case .sha256: 1
            case .sha384: 2
            case .sha512: 3
            }
        return OID(content: [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last])
    }

    package init?(_ identifier: OID) {
        guard let found = Self.allCases.first(where: { $0.identifier == identifier }) else {
            return nil
        }
        self = found
    }

    package var sizeBytes: Int {
        switch self {
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        }
    }

    /// Reference: `EVP_Digest`.
    package func hash(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        let message = Array(bytes)
        var digest = [UInt8](repeating: 0, count: sizeBytes)
        let algorithm =
            switch self {
            case .sha256: unsafe EVP_sha256()
            case .sha384: unsafe EVP_sha384()
            case .sha512: unsafe EVP_sha512()
            }
        let result = unsafe EVP_Digest(message, message.count, &digest, nil, algorithm, nil)
        precondition(result == 1, "OpenSSL could not hash")
        return digest
    }

    /// `AlgorithmIdentifier` without parameters.
    package var algorithmIdentifier: [UInt8] { DER.element(DER.sequence, identifier.encoded) }

    /// Reads an `AlgorithmIdentifier`, whose parameters are absent or NULL.
    package init(algorithm element: DERElement) throws(DERError) {
        var reader = element.reader
        let identifier = try OID(try reader.next())
        if let null = try reader.optional(DER.null), !null.content.isEmpty {
            throw DERError("NULL has content")
        }
        try reader.finish()
        guard let digest = Self(identifier) else {
            throw DERError("the digest algorithm \(identifier) is not one of SHA-256, -384, -512")
        }
        self = digest
    }
}
