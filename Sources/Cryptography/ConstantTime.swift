internal import COpenSSL

/// Comparison of secrets: the time that it takes does not tell where two values differ.
package enum ConstantTime {
    /// Whether both have the same bytes; only their counts can be learned from the time taken.
    ///
    /// Reference: `CRYPTO_memcmp`.
    package static func areEqual(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        return unsafe left.withUnsafeBytes { left in
            unsafe right.withUnsafeBytes { right in
                guard let first = left.baseAddress, let second = right.baseAddress else {
                    return true
                }
                return unsafe CRYPTO_memcmp(first, second, left.count) == 0
            }
        }
    }
}

extension SHA256Digest {
    /// Whether both are the same, in a time that does not depend on their bytes.
    package func isEqualInConstantTime(to other: SHA256Digest) -> Bool {
        withSpan { left in
            other.withSpan { right in ConstantTime.areEqual(left, right) }
        }
    }
}
