import Cryptography
import EvidenceModel
import TransparencyLog

/// What stands where in a run's file; `Schemas/record-format.md` is normative.
///
/// Every block ends with a check over the run's identity, the block's place and its bytes, and is
/// compared with it whenever it is read: a changed, a moved and a foreign block are refused.
enum RunFormat {
    static let magic = Array("strun\0\0\u{1}".utf8)
    static let version: UInt32 = 1
    /// A block of entries is closed before it grows beyond this; a block of the tree behind it.
    static let dataBytes = 4096 - checkBytes
    static let nodeBytes = 16_384
    static let checkBytes = 16
    static let footerBytes = 160
    /// Ranks in a block.
    static let ranksPerBlock = 4096
    /// The rank of evidence without a name in the run: a sealed record.
    static let sealedRank = UInt32.max - 1
    /// The rank of a record that is no evidence.
    static let noRank = UInt32.max
    /// More levels than 2^32 entries can need.
    static let depthLimit: UInt32 = 8
    /// No block is longer; a damaged length is not believed.
    static let blockLimitBytes: UInt32 = 1 << 20

    static func check(_ subtree: MerkleHash, _ offset: UInt64, _ bytes: Span<UInt8>) -> [UInt8] {
        var hasher = SHA256Hasher()
        subtree.withSpan { hasher.update($0) }
        hasher.update(BigEndian.bytes(of: offset).span)
        hasher.update(bytes)
        return Array(hasher.finalize().bytes.prefix(checkBytes))
    }
}

/// Where a block is.
struct RunBlock: Hashable, Sendable {
    let offset: UInt64
    /// Its check included.
    let length: UInt32
}

/// The end of a run's file: what it covers, and where its parts begin.
struct RunFooter: Equatable, Sendable {
    let place: RunPlace
    /// The node of the log's tree above the run's records.
    let subtree: MerkleHash
    var entryCount: UInt64 = 0
    /// Terms that are in the filter.
    var termCount: UInt64 = 0
    var root = RunBlock(offset: 0, length: 0)
    /// Levels of blocks above those with the entries.
    var depth: UInt32 = 0
    var ranksOffset: UInt64 = 0
    var filterOffset: UInt64 = 0
    var filterBlocks: UInt64 = 0
    /// The whole file, this footer included.
    var fileBytes: UInt64 = 0

    init(place: RunPlace, subtree: MerkleHash) {
        (self.place, self.subtree) = (place, subtree)
    }

    var encoded: [UInt8] {
        var bytes = RunFormat.magic
        BigEndian.append(RunFormat.version, to: &bytes)
        BigEndian.append(UInt32(place.level), to: &bytes)
        BigEndian.append(place.number, to: &bytes)
        subtree.append(to: &bytes)
        for value in [entryCount, termCount, root.offset] { BigEndian.append(value, to: &bytes) }
        BigEndian.append(root.length, to: &bytes)
        BigEndian.append(depth, to: &bytes)
        for value in [ranksOffset, filterOffset, filterBlocks, fileBytes] {
            BigEndian.append(value, to: &bytes)
        }
        bytes += [UInt8](repeating: 0, count: RunFormat.footerBytes - 16 - bytes.count)
        return bytes + RunFormat.check(subtree, fileBytes, bytes.span)
    }

    /// Reads what `encoded` gives; nil for anything else.
    init?(parsing bytes: [UInt8]) {
        func word(_ offset: Int) -> UInt64 {
            BigEndian.read(UInt64.self, from: bytes.span, at: offset) ?? 0
        }
        func half(_ offset: Int) -> UInt32 {
            BigEndian.read(UInt32.self, from: bytes.span, at: offset) ?? 0
        }
        guard bytes.count == RunFormat.footerBytes, bytes.starts(with: RunFormat.magic),
            half(8) == RunFormat.version, let level = UInt8(exactly: half(12)),
            1...RunPlace.highestLevel ~= level, word(16) < 1 << 40,
            let subtree = MerkleHash(bytes.span.extracting(24..<56))
        else { return nil }
        self.init(place: RunPlace(level: level, number: word(16)), subtree: subtree)
        (entryCount, termCount) = (word(56), word(64))
        root = RunBlock(offset: word(72), length: half(80))
        depth = half(84)
        (ranksOffset, filterOffset) = (word(88), word(96))
        (filterBlocks, fileBytes) = (word(104), word(112))
        guard encoded == bytes, 1...RunFormat.depthLimit ~= depth, entryCount < 1 << 32 else {
            return nil
        }
    }
}
