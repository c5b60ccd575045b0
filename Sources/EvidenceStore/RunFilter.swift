import EvidenceModel

/// A Bloom filter over the terms of a run (payload digests, labels), in blocks of 4 KiB: a term has
/// all its bits in one block, so that one read of the disk answers.
///
/// 12 bits and 8 probes a term: fewer than 5 false "maybe" in 1,000.
struct RunFilter {
    static let blockBytes = 4096
    private static let bitsPerTerm: UInt64 = 12
    private static let probes: UInt64 = 8
    private static let blockBits = UInt64(blockBytes * 8)

    private(set) var blocks: [[UInt8]]

    /// A filter for at most so many terms.
    init(capacity: UInt64) {
        let count = (max(1, capacity) * Self.bitsPerTerm + Self.blockBits - 1) / Self.blockBits
        blocks = [[UInt8]](
            repeating: [UInt8](repeating: 0, count: Self.blockBytes),
            count: Int(count)
        )
    }

    mutating func insert(_ term: TermHash) {
        let block = Self.block(of: term, in: UInt64(blocks.count))
        for bit in Self.bits(of: term) { blocks[block][bit >> 3] |= 1 << UInt8(bit & 7) }
    }

    /// Which block a term's bits are in.
    static func block(of term: TermHash, in count: UInt64) -> Int { Int(term.first % count) }

    /// False: the term is not in the run.
    ///
    /// True: look.
    static func mayContain(_ term: TermHash, in block: [UInt8]) -> Bool {
        bits(of: term).allSatisfy { block[$0 >> 3] & 1 << UInt8($0 & 7) != 0 }
    }

    private static func bits(of term: TermHash) -> some Sequence<Int> {
        let step = term.second >> 32 | 1
        return (0..<probes).lazy.map { Int((term.second &+ $0 &* step) % blockBits) }
    }
}
