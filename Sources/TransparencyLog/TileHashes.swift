public import Cryptography

/// The bytes of a tile: its hashes, 32 bytes each, one after the other.
///
/// Reference: C2SP tlog-tiles, "Merkle Tree".
public enum TileHashes {
    /// Writes the hashes of a tile.
    ///
    /// - Precondition: there are 1...256 of them.
    public static func encode(_ hashes: [MerkleHash]) -> [UInt8] {
        precondition((1...TileCoordinate.fullWidth).contains(hashes.count), "not a tile's width")
        var bytes: [UInt8] = []
        bytes.reserveCapacity(hashes.count * 32)
        for hash in hashes {
            hash.append(to: &bytes)
        }
        return bytes
    }

    /// Reads the hashes of a tile of `width` hashes.
    ///
    /// - Throws: ``TileError/wrongSize(expectedBytes:foundBytes:)`` when there are more or fewer
    ///   bytes.
    public static func decode(
        _ bytes: Span<UInt8>,
        width: Int
    ) throws(TileError) -> [MerkleHash] {
        guard bytes.count == width * 32 else {
            throw .wrongSize(expectedBytes: width * 32, foundBytes: bytes.count)
        }
        var hashes: [MerkleHash] = []
        hashes.reserveCapacity(width)
        for position in 0..<width {
            let first = position * 32
            guard let hash = MerkleHash(bytes.extracting(first..<first + 32)) else {
                preconditionFailure("32 bytes are a hash")
            }
            hashes.append(hash)
        }
        return hashes
    }
}

/// Why the bytes of a tile or an entry bundle were not accepted.
public enum TileError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The tile does not have 32 bytes for each hash.
    case wrongSize(expectedBytes: Int, foundBytes: Int)
    /// The bundle ends within entry number `entry` (counted from 0) or before it.
    case truncated(entry: Int)
    /// The bundle goes on after its last entry.
    case trailingBytes(count: Int)

    /// One sentence for a person.
    public var description: String {
        switch self {
        case .wrongSize(let expected, let found):
            "the tile has \(found) bytes where \(expected) are needed"
        case .truncated(let entry):
            "the entry bundle ends before entry \(entry) is complete"
        case .trailingBytes(let count):
            "the entry bundle goes on for \(count) bytes after its last entry"
        }
    }
}
