public import Cryptography
public import TransparencyLog

/// The digest over the indexes that a selection matched: SHA-256 over each index (8 bytes,
/// big-endian), ascending.
public struct SelectionDigest: ~Copyable {
    private var hasher = SHA256Hasher()

    /// Of no indexes yet.
    public init() {}

    /// Adds the next index.
    public mutating func append(_ index: RecordIndex) {
        hasher.append(index)
    }

    /// The digest of the indexes added.
    public consuming func finalize() -> SHA256Digest {
        hasher.finalize()
    }
}

/// The digest over records that are erased: SHA-256 over index (8 bytes, big-endian) and leaf hash
/// of each, ascending.
public struct ErasureDigest: ~Copyable {
    private var hasher = SHA256Hasher()

    /// Of no records yet.
    public init() {}

    /// Adds the next record.
    public mutating func append(_ index: RecordIndex, leafHash: MerkleHash) {
        hasher.append(index)
        leafHash.withSpan { hasher.update($0) }
    }

    /// The digest of the records added.
    public consuming func finalize() -> SHA256Digest {
        hasher.finalize()
    }
}

extension SHA256Hasher {
    fileprivate mutating func append(_ index: RecordIndex) {
        var bytes = InlineArray<8, UInt8>(repeating: 0)
        for place in bytes.indices {
            bytes[place] = UInt8(truncatingIfNeeded: index.value >> UInt64(56 - 8 * place))
        }
        update(bytes.span)
    }
}
