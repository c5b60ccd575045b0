internal import COpenSSL

// Why the low-level functions, which OpenSSL 3.0 calls deprecated: they keep their state in a plain
// struct, so a hash needs no heap, no lock and no context that belongs to one thread. Measured in
// release mode on 65 bytes (one Merkle node): EVP with a fetched-once EVP_MD and a reused context
// 200 ns, SHA256_Init/_Update/_Final 130 ns, two calls of SHA256_Transform 105 ns. They use the
// same assembly (SHA extensions of the processor) as EVP.

/// SHA-256 in one call.
///
/// Thread-safe: no state is shared between calls. No call allocates.
///
/// Reference: FIPS 180-4.
public enum SHA256 {
    /// Hashes `bytes`.
    public static func hash(_ bytes: Span<UInt8>) -> SHA256Digest {
        var hasher = SHA256Hasher()
        hasher.update(bytes)
        return hasher.finalize()
    }

    /// Hashes `prefix ‖ bytes`, as a domain-separated leaf is hashed.
    ///
    /// Reference: RFC 6962 section 2.1.
    public static func hash(prefix: UInt8, _ bytes: Span<UInt8>) -> SHA256Digest {
        var hasher = SHA256Hasher()
        hasher.update(prefix)
        hasher.update(bytes)
        return hasher.finalize()
    }

    /// Hashes `prefix ‖ left ‖ right`, as a Merkle node is hashed.
    ///
    /// 65 bytes and their padding are exactly two blocks of the compression function, so the padded
    /// message is put together in registers and nothing is buffered.
    ///
    /// Reference: RFC 6962 section 2.1; FIPS 180-4 section 5.1.1; `SHA256_Transform`.
    public static func hash(
        prefix: UInt8,
        _ left: SHA256Digest,
        _ right: SHA256Digest
    ) -> SHA256Digest {
        // The message is the digests' words shifted right by one byte, prefix first; then the bit
        // 1, zeros, and the length in bits.
        let message: InlineArray<16, UInt64> = [
            (UInt64(prefix) << 56 | left.word0 >> 8).bigEndian,
            (left.word0 << 56 | left.word1 >> 8).bigEndian,
            (left.word1 << 56 | left.word2 >> 8).bigEndian,
            (left.word2 << 56 | left.word3 >> 8).bigEndian,
            (left.word3 << 56 | right.word0 >> 8).bigEndian,
            (right.word0 << 56 | right.word1 >> 8).bigEndian,
            (right.word1 << 56 | right.word2 >> 8).bigEndian,
            (right.word2 << 56 | right.word3 >> 8).bigEndian,
            (right.word3 << 56 | 0x80 << 48).bigEndian,
            0, 0, 0, 0, 0, 0,
            (65 * 8 as UInt64).bigEndian,
        ]
        var context = SHA256_CTX()
        unsafe SHA256_Init(&context)
        unsafe withUnsafeBytes(of: message) { raw in
            guard let block = raw.baseAddress else { return }
            unsafe SHA256_Transform(&context, block)
            unsafe SHA256_Transform(&context, block + 64)
        }
        let state = context.h
        return SHA256Digest(
            UInt64(state.0) << 32 | UInt64(state.1),
            UInt64(state.2) << 32 | UInt64(state.3),
            UInt64(state.4) << 32 | UInt64(state.5),
            UInt64(state.6) << 32 | UInt64(state.7)
        )
    }
}

/// SHA-256 over bytes that arrive in pieces.
///
/// Belongs to one thread at a time. Never allocates.
///
/// Reference: FIPS 180-4; `SHA256_Init`, `SHA256_Update`, `SHA256_Final`.
public struct SHA256Hasher: ~Copyable {
    private var context = SHA256_CTX()

    /// Starts an empty message.
    public init() {
        unsafe SHA256_Init(&context)
    }

    /// Adds `bytes` to the message.
    public mutating func update(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBytes { raw in
            unsafe update(raw)
        }
    }

    /// Ends the message, returns its digest, and starts an empty message.
    public mutating func finalize() -> SHA256Digest {
        var output: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        unsafe withUnsafeMutableBytes(of: &output) { raw in
            _ = unsafe SHA256_Final(raw.baseAddress, &context)
        }
        unsafe SHA256_Init(&context)
        return SHA256Digest(
            UInt64(bigEndian: output.0),
            UInt64(bigEndian: output.1),
            UInt64(bigEndian: output.2),
            UInt64(bigEndian: output.3)
        )
    }

    mutating func update(_ byte: UInt8) {
        unsafe withUnsafeBytes(of: byte) { raw in
            unsafe update(raw)
        }
    }

    private mutating func update(_ bytes: UnsafeRawBufferPointer) {
        unsafe SHA256_Update(&context, bytes.baseAddress, bytes.count)
    }
}
