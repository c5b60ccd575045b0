import Cryptography

/// SHA-256 over the entries of a table, in the order of their keys, and how many they are.
///
/// Hashed of each entry: the sizes of key and value, 2 bytes each, then both.
final class TableDigest {
    private var hasher = SHA256Hasher()
    private var count: UInt64 = 0

    func append(_ key: Span<UInt8>, _ value: Span<UInt8>) {
        let sizes: InlineArray<4, UInt8> = [
            UInt8(truncatingIfNeeded: key.count >> 8), UInt8(truncatingIfNeeded: key.count),
            UInt8(truncatingIfNeeded: value.count >> 8), UInt8(truncatingIfNeeded: value.count),
        ]
        hasher.update(sizes.span)
        hasher.update(key)
        hasher.update(value)
        count += 1
    }

    /// The count (8 bytes), then the digest; ends the digest.
    func finalize() -> [UInt8] {
        var bytes = BigEndian.bytes(of: count)
        hasher.finalize().append(to: &bytes)
        return bytes
    }
}
