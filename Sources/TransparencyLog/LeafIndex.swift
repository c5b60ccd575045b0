public import Cryptography

/// A hash in the Merkle tree: SHA-256 over a leaf or over an inner node.
///
/// Reference: RFC 6962, section 2.1.
public typealias MerkleHash = SHA256Digest

/// The zero-based position of a leaf in the log.
///
/// Any 64-bit value can be held; functions that verify reject an index that is not below the tree
/// size, and a tree size above ``TreeSize/maximum``.
public struct LeafIndex: Comparable, Hashable, Sendable, CustomStringConvertible {
    /// The number of leaves before this one.
    public let value: UInt64

    /// The leaf that has `value` leaves before it.
    @inlinable
    public init(_ value: UInt64) {
        self.value = value
    }

    /// Decimal digits.
    public var description: String { String(value) }

    /// Whether `left` was appended before `right`.
    @inlinable
    public static func < (left: LeafIndex, right: LeafIndex) -> Bool {
        left.value < right.value
    }
}

/// The number of leaves in a tree.
public struct TreeSize: Comparable, Hashable, Sendable, CustomStringConvertible {
    /// The largest size that is read or verified: 2^53 - 1, so that every index and size is an
    /// exact integer in JSON.
    public static let maximum = TreeSize((1 << 53) - 1)

    /// The size of the tree without leaves.
    public static let zero = TreeSize(0)

    /// The number of leaves.
    public let value: UInt64

    /// A tree of `value` leaves.
    @inlinable
    public init(_ value: UInt64) {
        self.value = value
    }

    /// Decimal digits.
    public var description: String { String(value) }

    /// Whether `left` has fewer leaves than `right`.
    @inlinable
    public static func < (left: TreeSize, right: TreeSize) -> Bool {
        left.value < right.value
    }
}
