internal import COpenSSL

/// MD5 over bytes that arrive in pieces: a checksum that old protocols ask for, and no security.
///
/// Belongs to one thread at a time.
///
/// Reference: RFC 1321; `EVP_DigestInit_ex`.
@safe package final class MD5Hasher {
    /// How many bytes a digest has.
    package static let sizeBytes = 16

    private let context: OpaquePointer

    /// Starts an empty message; `nil` where OpenSSL offers no MD5 (FIPS mode).
    package init?() {
        guard let context = unsafe EVP_MD_CTX_new() else {
            preconditionFailure("out of memory for OpenSSL")
        }
        guard unsafe EVP_DigestInit_ex(context, EVP_md5(), nil) == 1 else {
            unsafe EVP_MD_CTX_free(context)
            return nil
        }
        unsafe self.context = context
    }

    deinit { unsafe EVP_MD_CTX_free(context) }

    /// The digest of `bytes`; `nil` where OpenSSL offers no MD5.
    package static func hash(_ bytes: Span<UInt8>) -> [UInt8]? {
        guard let hasher = MD5Hasher() else { return nil }
        hasher.update(bytes)
        return hasher.finalize()
    }

    /// Adds `bytes` to the message.
    package func update(_ bytes: Span<UInt8>) {
        let status = unsafe bytes.withUnsafeBytes { raw in
            unsafe EVP_DigestUpdate(context, raw.baseAddress, raw.count)
        }
        precondition(status == 1, "EVP_DigestUpdate failed")
    }

    /// Ends the message; its 16 bytes of digest.
    ///
    /// Call it once.
    package func finalize() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Self.sizeBytes)
        let status = unsafe EVP_DigestFinal_ex(context, &digest, nil)
        precondition(status == 1, "EVP_DigestFinal_ex failed")
        return digest
    }
}
