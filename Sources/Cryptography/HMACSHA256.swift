internal import COpenSSL

/// HMAC with SHA-256.
///
/// Thread-safe.
///
/// Reference: RFC 2104; `HMAC`.
package enum HMACSHA256 {
    /// The code of `message` under `key`, which may have any length.
    package static func authenticate(_ message: Span<UInt8>, key: Span<UInt8>) -> SHA256Digest {
        let code = [UInt8](capacity: SHA256Digest.sizeBytes) { (output: inout OutputSpan<UInt8>) in
            unsafe output.withUnsafeMutableBufferPointer { output, count in
                let isMade = unsafe key.withUnsafeBytes { key in
                    unsafe message.withUnsafeBufferPointer { message in
                        // A null key would mean the key of the call before.
                        let empty: StaticString = ""
                        return unsafe HMAC(
                            EVP_sha256(),
                            key.baseAddress ?? UnsafeRawPointer(empty.utf8Start),
                            Int32(key.count),
                            message.baseAddress,
                            message.count,
                            output.baseAddress,
                            nil
                        ) != nil
                    }
                }
                precondition(isMade, "OpenSSL could not compute an HMAC: out of memory")
                count = SHA256Digest.sizeBytes
            }
        }
        guard let digest = SHA256Digest(code.span) else {
            preconditionFailure("an HMAC with SHA-256 has 32 bytes")
        }
        return digest
    }
}
