import Cryptography
import EvidenceModel
import TransparencyLog

/// A line of `log/entries.txt`.
enum BundleEntry {
    case leaf(RecordIndex, ArraySlice<UInt8>)
    case node(first: UInt64, level: UInt8, MerkleHash)

    /// Reads a line; `nil` for any bytes but those of the two forms.
    init?(_ line: ArraySlice<UInt8>) {
        guard let word = Self.word(line, from: line.startIndex),
            let number = Self.word(line, from: word.endIndex + 1),
            let value = Self.decimal(number)
        else { return nil }
        let rest = line[min(number.endIndex + 1, line.endIndex)...]
        if word.elementsEqual("leaf".utf8) {
            guard !rest.isEmpty else { return nil }
            self = .leaf(RecordIndex(value), rest)
        } else if word.elementsEqual("node".utf8) {
            guard let levelText = Self.word(rest, from: rest.startIndex),
                let level = Self.decimal(levelText), level < 53,
                let hash = MerkleHash(
                    base64: String(decoding: rest[(levelText.endIndex + 1)...], as: UTF8.self)
                )
            else { return nil }
            self = .node(first: value, level: UInt8(level), hash)
        } else {
            return nil
        }
    }

    /// What stands up to the next space; `nil` without one.
    static func word(_ line: ArraySlice<UInt8>, from start: Int) -> ArraySlice<UInt8>? {
        guard start <= line.endIndex else { return nil }
        guard let end = line[start...].firstIndex(of: UInt8(ascii: " ")) else { return nil }
        return line[start..<end]
    }

    /// A number without leading zeros, below 2^53.
    static func decimal(_ text: ArraySlice<UInt8>) -> UInt64? {
        guard let first = text.first, text.count <= 16 else { return nil }
        guard first != UInt8(ascii: "0") || text.count == 1 else { return nil }
        var value: UInt64 = 0
        for byte in text {
            let digit = byte &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            value = value * 10 + UInt64(digit)
        }
        return value <= UInt64(JSONValue.maximumInteger) ? value : nil
    }
}

/// The tree that the lines of `log/entries.txt` give, one after the other.
struct BundleTree {
    private(set) var range = CompactRange()

    /// Adds a line's hash.
    mutating func add(_ entry: BundleEntry, leafHash: MerkleHash?) throws(BundleFault) {
        let position = range.size.value
        switch entry {
        case .leaf(let index, _):
            guard index.value == position, position < TreeSize.maximum.value, let leafHash else {
                throw Self.gap(position)
            }
            range.append(leafHash)
        case .node(let first, let level, let hash):
            guard first == position, first & ((1 << UInt64(level)) - 1) == 0,
                first + (1 << UInt64(level)) <= UInt64(JSONValue.maximumInteger)
            else { throw Self.gap(position) }
            range.append(subtree: hash, level: level)
        }
    }

    private static func gap(_ position: UInt64) -> BundleFault {
        BundleFault(BundleLayout.entries, "no line stands where leaf \(position) must be")
    }
}
