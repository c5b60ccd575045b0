import EvidenceModel

/// A Bloom filter over idempotency keys: says for certain that a key is not in a segment.
///
/// 20 bits and 14 probes a key: one false "maybe" in 15,000. Key hashes are SHA-256, so their two
/// halves serve as the hash functions (h1 + i * h2).
struct KeyFilter: Equatable, Sendable {
    private static let bitsPerKey = 20
    private static let probes = 14

    private(set) var words: [UInt64]

    /// A filter for this many keys.
    init(capacity: Int) {
        let bits = max(1, capacity) * Self.bitsPerKey
        words = [UInt64](repeating: 0, count: (bits + 63) / 64)
    }

    init(_ keys: some Collection<KeyHash>) {
        self.init(capacity: keys.count)
        for key in keys { insert(key) }
    }

    mutating func insert(_ key: KeyHash) {
        for bit in bits(of: key) { words[bit >> 6] |= 1 << UInt64(bit & 63) }
    }

    /// False: the key is not there.
    ///
    /// True: look.
    func mayContain(_ key: KeyHash) -> Bool {
        bits(of: key).allSatisfy { words[$0 >> 6] & 1 << UInt64($0 & 63) != 0 }
    }

    /// Big-endian words, as the manifest and the catalog keep it.
    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(words.count * 8)
        for word in words { BigEndian.append(word, to: &bytes) }
        return bytes
    }

    init?(parsing bytes: Span<UInt8>) {
        guard !bytes.isEmpty, bytes.count.isMultiple(of: 8) else { return nil }
        words = []
        words.reserveCapacity(bytes.count / 8)
        for offset in stride(from: 0, to: bytes.count, by: 8) {
            guard let word = BigEndian.read(UInt64.self, from: bytes, at: offset) else {
                return nil
            }
            words.append(word)
        }
    }

    private func bits(of key: KeyHash) -> some Sequence<Int> {
        let count = UInt64(words.count) * 64
        let (first, step) = (key.words.0, key.words.1 | 1)
        return (0..<UInt64(Self.probes)).lazy.map { Int((first &+ $0 &* step) % count) }
    }
}
