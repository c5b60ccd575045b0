internal import COpenSSL

/// An Ed25519 key that signs.
///
/// Its seed never leaves OpenSSL's memory except through ``seed``, and is wiped there when the last
/// reference goes.
///
/// Reference: RFC 8032 section 5.1; `EVP_PKEY_ED25519`.
@safe
public final class Ed25519PrivateKey: @unchecked Sendable {
    /// How many bytes a seed has.
    public static let seedSizeBytes = 32
    /// How many bytes a signature has.
    public static let signatureSizeBytes = 64

    /// The key that verifies what this one signs.
    public let publicKey: Ed25519PublicKey

    // Sendable holds: the EVP_PKEY is never changed after the initializer, OpenSSL permits
    // concurrent use of such a key, and each signature has a context of its own.
    private let key: OpaquePointer

    /// Takes ownership of `key`.
    private init?(owning key: OpaquePointer?) {
        guard let key = unsafe key else { return nil }
        let bytes = unsafe rawBytes(of: key, count: Ed25519PublicKey.sizeBytes) {
            unsafe EVP_PKEY_get_raw_public_key(key, $0, $1)
        }
        guard let bytes, let publicKey = Ed25519PublicKey(bytes: bytes) else {
            unsafe EVP_PKEY_free(key)
            return nil
        }
        unsafe self.key = key
        self.publicKey = publicKey
    }

    deinit {
        unsafe EVP_PKEY_free(key)
    }

    /// The key that the 32 bytes of `seed` determine; `nil` for any other count.
    ///
    /// Reference: RFC 8032 section 5.1.5; `EVP_PKEY_new_raw_private_key`.
    public convenience init?(seed: [UInt8]) {
        guard seed.count == Self.seedSizeBytes else { return nil }
        let key = unsafe EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, seed, seed.count)
        unsafe self.init(owning: key)
    }

    /// A new key from OpenSSL's random generator.
    ///
    /// Traps if the system has no randomness to give: there is no safe way to go on.
    public static func generate() -> Ed25519PrivateKey {
        let context = unsafe EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nil)
        defer { unsafe EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard unsafe EVP_PKEY_keygen_init(context) == 1,
            unsafe EVP_PKEY_keygen(context, &key) == 1,
            let result = unsafe Ed25519PrivateKey(owning: key)
        else {
            preconditionFailure("OpenSSL could not generate an Ed25519 key")
        }
        return result
    }

    /// The 32 secret bytes that determine the key.
    public var seed: [UInt8] {
        let bytes = unsafe rawBytes(of: key, count: Self.seedSizeBytes) {
            unsafe EVP_PKEY_get_raw_private_key(key, $0, $1)
        }
        guard let bytes else { preconditionFailure("an Ed25519 key always has a seed") }
        return bytes
    }

    /// Signs `message`; the same message gives the same 64 bytes.
    ///
    /// Safe from any thread.
    ///
    /// Reference: RFC 8032 section 5.1.6; `EVP_DigestSign`.
    public func sign(_ message: Span<UInt8>) -> [UInt8] {
        let context = unsafe EVP_MD_CTX_new()
        defer { unsafe EVP_MD_CTX_free(context) }
        guard unsafe EVP_DigestSignInit(context, nil, nil, nil, key) == 1 else {
            preconditionFailure("OpenSSL could not start an Ed25519 signature: out of memory")
        }
        var signature = [UInt8](repeating: 0, count: Self.signatureSizeBytes)
        var count = signature.count
        let result = unsafe message.withUnsafeBufferPointer { bytes in
            unsafe EVP_DigestSign(context, &signature, &count, bytes.baseAddress, bytes.count)
        }
        precondition(result == 1 && count == signature.count, "OpenSSL could not sign")
        return signature
    }
}

/// An Ed25519 key that verifies.
///
/// Holds 32 bytes; whether they are a point of the curve shows when a signature is verified.
public struct Ed25519PublicKey: Hashable, Sendable {
    /// How many bytes a public key has.
    public static let sizeBytes = 32

    /// The 32 bytes.
    public let bytes: [UInt8]

    /// Takes exactly 32 bytes; `nil` for any other count.
    public init?(bytes: [UInt8]) {
        guard bytes.count == Self.sizeBytes else { return nil }
        self.bytes = bytes
    }

    /// Whether `signature` is this key's signature of `message`.
    ///
    /// `false` for a signature that is not 64 bytes, whose scalar is not reduced, or for a key that
    /// is not a point of the curve.
    ///
    /// Reference: RFC 8032 section 5.1.7; `EVP_DigestVerify`.
    public func isValid(signature: Span<UInt8>, for message: Span<UInt8>) -> Bool {
        guard signature.count == Ed25519PrivateKey.signatureSizeBytes else { return false }
        let key = unsafe EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, bytes, bytes.count)
        defer { unsafe EVP_PKEY_free(key) }
        let context = unsafe EVP_MD_CTX_new()
        defer { unsafe EVP_MD_CTX_free(context) }
        guard unsafe EVP_DigestVerifyInit(context, nil, nil, nil, key) == 1 else { return false }
        return unsafe signature.withUnsafeBufferPointer { signature in
            unsafe message.withUnsafeBufferPointer { message in
                unsafe EVP_DigestVerify(
                    context,
                    signature.baseAddress,
                    signature.count,
                    message.baseAddress,
                    message.count
                ) == 1
            }
        }
    }
}

/// Calls an `EVP_PKEY_get_raw_…` function; `nil` if it does not give exactly `count` bytes.
private func rawBytes(
    of key: OpaquePointer,
    count: Int,
    _ get: (UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<Int>) -> Int32
) -> [UInt8]? {
    var size = count
    var bytes = [UInt8](repeating: 0, count: count)
    let result = unsafe bytes.withUnsafeMutableBufferPointer { buffer in
        unsafe get(buffer.baseAddress, &size)
    }
    return result == 1 && size == count ? bytes : nil
}
