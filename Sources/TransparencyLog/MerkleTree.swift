public import Cryptography

/// The hash functions of the tree.
///
/// A leaf and an inner node are hashed with different prefixes, so that neither can be passed off
/// as the other.
///
/// Reference: RFC 6962, section 2.1 (unchanged in RFC 9162, section 2.1.1).
public enum MerkleTree {
    /// The root of the tree without leaves: SHA-256 of nothing.
    public static let emptyRoot: MerkleHash = SHA256.hash([UInt8]().span)

    /// The hash of a leaf: SHA-256(0x00 || record).
    @inlinable
    public static func leafHash(_ record: Span<UInt8>) -> MerkleHash {
        SHA256.hash(prefix: 0x00, record)
    }

    /// The hash of an inner node: SHA-256(0x01 || left || right).
    @inlinable
    public static func nodeHash(_ left: MerkleHash, _ right: MerkleHash) -> MerkleHash {
        SHA256.hash(prefix: 0x01, left, right)
    }

    /// The root over `hashes`, taken as neighbouring nodes of one level, leftmost first.
    ///
    /// For leaf hashes this is the Merkle Tree Hash of RFC 6962. For the 256 hashes of a full tile
    /// it is the hash that stands for the tile one tile level above. No hashes give ``emptyRoot``.
    public static func root(over hashes: [MerkleHash]) -> MerkleHash {
        var range = CompactRange()
        for hash in hashes {
            range.append(hash)
        }
        return range.root
    }
}
