import Cryptography
import Foundation
import Testing

@testable import TransparencyLog

/// Chance that can be replayed: `STRONGROOM_SEED=<decimal> swift test`.
///
/// The seed is printed once, so that a failure can be repeated. Each test draws from a stream of
/// its own, whatever runs beside it.
struct Chance: RandomNumberGenerator {
    private static let seed: UInt64 = {
        let given = ProcessInfo.processInfo.environment["STRONGROOM_SEED"].flatMap { UInt64($0) }
        let seed = given ?? UInt64.random(in: 0...UInt64.max)
        print("TransparencyLogTests: STRONGROOM_SEED=\(seed)")
        return seed
    }()

    private var state: UInt64

    /// The stream called `name`.
    init(_ name: String = #function) {
        state = name.utf8.reduce(Self.seed) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    /// Reference: SplitMix64, Steele, Lea and Flood 2014.
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// A size with a random number of digits, so that small and large ones are as likely.
    mutating func size(upTo maximum: UInt64 = TreeSize.maximum.value) -> UInt64 {
        let bits = UInt64.random(in: 1...53, using: &self)
        return min(maximum, UInt64.random(in: 1...(1 << bits) - 1, using: &self))
    }
}

/// The tree as RFC 6962 defines it, recursively, over leaves that need not all be written down.
///
/// Leaf i is the decimal text of i for special indexes, the empty text else.
final class NaiveTree: NodeReader {
    private let special: [UInt64]
    private let limit: UInt64
    private var plain: [UInt64: MerkleHash] = [:]
    private var known: [Range<UInt64>: MerkleHash] = [:]

    /// Every leaf is its index.
    init(below limit: UInt64) {
        special = []
        self.limit = limit
    }

    /// Only these leaves are their index.
    init(special: [UInt64]) {
        self.special = special.sorted()
        limit = 0
    }

    static func leafHash(_ text: String) -> MerkleHash {
        sha256([0] + Array(text.utf8))
    }

    func leafHash(_ index: UInt64) -> MerkleHash {
        let isSpecial = index < limit || special.contains(index)
        return Self.leafHash(isSpecial ? String(index) : "")
    }

    /// MTH(D[leaves]), section 2.1.
    func root(_ leaves: Range<UInt64>) -> MerkleHash {
        if leaves.isEmpty {
            return sha256([])
        }
        if leaves.count == 1 {
            return leafHash(leaves.lowerBound)
        }
        let width = leaves.upperBound - leaves.lowerBound
        let isPlain = leaves.lowerBound >= limit && !special.contains { leaves.contains($0) }
        if let hash = isPlain ? plain[width] : known[leaves] {
            return hash
        }
        let middle = leaves.lowerBound + Self.split(width)
        let left = root(leaves.lowerBound..<middle).bytes
        let right = root(middle..<leaves.upperBound).bytes
        let hash = sha256([1] + left + right)
        if isPlain {
            plain[width] = hash
        } else {
            known[leaves] = hash
        }
        return hash
    }

    func root(_ size: UInt64) -> MerkleHash { root(0..<size) }

    /// PATH(m, D[leaves]), section 2.1.1.
    func inclusion(_ index: UInt64, _ leaves: Range<UInt64>) -> [MerkleHash] {
        let width = leaves.upperBound - leaves.lowerBound
        guard width > 1 else { return [] }
        let left = leaves.lowerBound..<leaves.lowerBound + Self.split(width)
        let right = left.upperBound..<leaves.upperBound
        return left.contains(index)
            ? inclusion(index, left) + [root(right)] : inclusion(index, right) + [root(left)]
    }

    /// PROOF(m, D[leaves]) and SUBPROOF, section 2.1.2.
    func consistency(
        _ old: UInt64,
        _ leaves: Range<UInt64>,
        isWhole: Bool = true
    ) -> [MerkleHash] {
        let width = leaves.upperBound - leaves.lowerBound
        if old == width {
            return isWhole ? [] : [root(leaves)]
        }
        let left = leaves.lowerBound..<leaves.lowerBound + Self.split(width)
        let right = left.upperBound..<leaves.upperBound
        let leftWidth = left.upperBound - left.lowerBound
        return old <= leftWidth
            ? consistency(old, left, isWhole: isWhole) + [root(right)]
            : consistency(old - leftWidth, right, isWhole: false) + [root(left)]
    }

    func node(_ id: NodeID) -> MerkleHash {
        root(id.index << UInt64(id.level)..<(id.index + 1) << UInt64(id.level))
    }

    func nodes(_ ids: [NodeID]) -> [MerkleHash] { ids.map(node) }

    /// The largest power of two below `width`.
    private static func split(_ width: UInt64) -> UInt64 {
        var half: UInt64 = 1
        while half * 2 < width {
            half *= 2
        }
        return half
    }
}

/// The files below Tests/Vectors; scripts/vectors/build.py makes them without any code of
/// Strongroom.
enum Vectors {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Vectors")

    static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    static func json<Value: Decodable>(_ path: String, as type: Value.Type) throws -> Value {
        try JSONDecoder().decode(type, from: Data(text(path).utf8))
    }

    /// The lines that are no comments, split at spaces.
    static func rows(_ path: String) throws -> [[Substring]] {
        try text(path).split(separator: "\n").filter { !$0.hasPrefix("#") }
            .map { $0.split(separator: " ") }
    }

    static func hash(_ hex: some StringProtocol) throws -> MerkleHash {
        try #require(MerkleHash(hex: hex))
    }

    static func hashes(_ hexes: [String]) throws -> [MerkleHash] {
        try hexes.map { try hash($0) }
    }
}

func sha256(_ bytes: [UInt8]) -> MerkleHash { SHA256.hash(bytes.span) }

/// The hash with these 32 bytes.
func merkleHash(_ bytes: [UInt8]) throws -> MerkleHash {
    let hash = MerkleHash(bytes.span)
    return try #require(hash)
}

/// Every variant of `bytes` in which one byte differs: each of its bits inverted, and all of them.
func flips(of bytes: [UInt8]) -> [(position: Int, bytes: [UInt8])] {
    bytes.indices.flatMap { position in
        ((0..<8).map { UInt8(1) << $0 } + [0xff]).map { mask in
            var changed = bytes
            changed[position] ^= mask
            return (position, changed)
        }
    }
}
