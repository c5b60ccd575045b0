import Cryptography
import EvidenceModel

/// The keys of an index run: a term, then the record's offset in the run (4 bytes, big-endian).
///
/// ```
/// term                                             of
/// 'c' collection NUL                               all evidence
/// 'd' payload's SHA-256 (32)                       open records
/// 'l' collection NUL label key NUL value NUL       open records
/// 'n' collection NUL name (first 400 bytes) NUL    open records
/// ```
///
/// No term is the beginning of another. What stands in an opening is in no run: it must go with it.
enum RunKey {
    static let collectionTag = UInt8(ascii: "c")
    static let digestTag = UInt8(ascii: "d")
    static let labelTag = UInt8(ascii: "l")
    static let nameTag = UInt8(ascii: "n")

    /// A tag, a collection of 63 bytes, a name of 400, two NUL and the offset.
    static let maximumBytes = 512
    static let offsetBytes = 4

    static func collection(_ name: CollectionName) -> [UInt8] {
        [collectionTag] + IndexEntries.collectionPrefix(name)
    }

    static func digest(_ digest: SHA256Digest) -> [UInt8] { [digestTag] + digest.bytes }

    static func label(_ collection: CollectionName, _ key: String, _ value: String) -> [UInt8] {
        [labelTag] + IndexEntries.labelPrefix(collection, key, value)
    }

    /// What the terms of names with this prefix begin with.
    static func names(_ collection: CollectionName, _ prefix: String) -> [UInt8] {
        [nameTag] + IndexEntries.namePrefix(collection, prefix)
    }

    static func key(_ term: [UInt8], _ offset: UInt32) -> [UInt8] {
        var key = term
        BigEndian.append(offset, to: &key)
        return key
    }

    /// The first key behind all that begin with `prefix`.
    static func end(of prefix: [UInt8]) -> [UInt8] {
        var end = prefix
        while let last = end.last {
            if last < .max {
                end[end.count - 1] = last + 1
                return end
            }
            end.removeLast()
        }
        return [.max]
    }

    static func precedes(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        order(left, right, leftCount: left.count, rightCount: right.count) < 0
    }

    /// How the first bytes of two keys compare: below, at or above 0.
    static func order(
        _ left: Span<UInt8>,
        _ right: Span<UInt8>,
        leftCount: Int,
        rightCount: Int
    ) -> Int {
        let common = min(leftCount, rightCount)
        var place = 0
        while place < common {
            let (one, other) = (left[place], right[place])
            if one != other { return Int(one) - Int(other) }
            place += 1
        }
        return leftCount - rightCount
    }
}

/// The two halves of a term's hash, as a filter takes them.
struct TermHash: Hashable, Sendable {
    let first: UInt64
    let second: UInt64

    init(_ term: Span<UInt8>) {
        let digest = SHA256.hash(term)
        first = digest.word0
        second = digest.word1
    }
}
