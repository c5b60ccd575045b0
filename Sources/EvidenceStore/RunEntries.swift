import EvidenceModel

/// The entries of a block, as they are written: each key after how much it shares with the one
/// before.
///
/// ```
/// count 2, then for each key: bytes shared (varint), bytes of its own (varint), these bytes
/// ```
struct RunEntryEncoder {
    private(set) var bytes: [UInt8] = [0, 0]
    private(set) var count = 0
    private var last: [UInt8] = []

    /// Whether a key of this size may not fit any more.
    func isFull(adding keyBytes: Int) -> Bool {
        count > 0 && (bytes.count + keyBytes + 4 > RunFormat.dataBytes || count == Int(UInt16.max))
    }

    mutating func append(_ key: Span<UInt8>) {
        var shared = 0
        let common = min(key.count, last.count)
        while shared < common && key[shared] == last[shared] { shared += 1 }
        appendVarint(shared)
        appendVarint(key.count - shared)
        last.removeLast(last.count - shared)
        for place in shared..<key.count {
            bytes.append(key[place])
            last.append(key[place])
        }
        count += 1
    }

    /// The block, without its check; begins the next.
    mutating func take() -> [UInt8] {
        bytes[0] = UInt8(truncatingIfNeeded: count >> 8)
        bytes[1] = UInt8(truncatingIfNeeded: count)
        defer { self = RunEntryEncoder() }
        return bytes
    }

    private mutating func appendVarint(_ value: Int) {
        var rest = value
        while rest >= 128 {
            bytes.append(UInt8(truncatingIfNeeded: rest & 127 | 128))
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}

/// Goes through the entries of a block.
struct RunEntryDecoder {
    /// How many entries there are.
    let count: Int
    /// The key at the current place.
    private(set) var key: [UInt8] = []
    /// How many keys were read.
    private(set) var read = 0
    private var position = 2

    init(_ bytes: Span<UInt8>) {
        count = bytes.count < 2 ? 0 : Int(bytes[0]) << 8 | Int(bytes[1])
        key.reserveCapacity(RunKey.maximumBytes)
    }

    /// Reads the next key; false at the end, or where the bytes make no sense.
    mutating func next(_ bytes: Span<UInt8>) -> Bool {
        guard read < count, let shared = varint(bytes), let own = varint(bytes),
            shared <= key.count, own <= bytes.count - position,
            shared + own > RunKey.offsetBytes, shared + own <= RunKey.maximumBytes
        else { return false }
        key.removeLast(key.count - shared)
        for place in position..<position + own { key.append(bytes[place]) }
        position += own
        read += 1
        return true
    }

    /// The offset at the end of the key.
    var offset: UInt32 {
        var offset: UInt32 = 0
        for place in key.count - RunKey.offsetBytes..<key.count {
            offset = offset << 8 | UInt32(key[place])
        }
        return offset
    }

    private mutating func varint(_ bytes: Span<UInt8>) -> Int? {
        var (value, shift) = (0, 0)
        while position < bytes.count, shift < 21 {
            let byte = bytes[position]
            position += 1
            value |= Int(byte & 127) << shift
            if byte < 128 { return value }
            shift += 7
        }
        return nil
    }
}

/// A block of the tree above the entries.
///
/// ```
/// for each block below: length of its separator 2, the separator, offset 8, length 4,
///                       number of its first entry 8
/// ```
///
/// A separator is greater than all keys before its block and not greater than any in it.
final class RunNode: Sendable {
    struct Child: Sendable {
        let block: RunBlock
        let firstEntry: UInt64
        fileprivate let separator: Range<Int>
    }

    let children: [Child]
    private let bytes: [UInt8]

    /// Nil if the bytes make no sense.
    init?(parsing bytes: [UInt8]) {
        var children: [Child] = []
        var position = 0
        while position < bytes.count {
            guard let count = BigEndian.read(UInt16.self, from: bytes.span, at: position) else {
                return nil
            }
            let start = position + 2
            position = start + Int(count)
            guard let offset = BigEndian.read(UInt64.self, from: bytes.span, at: position),
                let length = BigEndian.read(UInt32.self, from: bytes.span, at: position + 8),
                let first = BigEndian.read(UInt64.self, from: bytes.span, at: position + 12)
            else { return nil }
            children.append(
                Child(
                    block: RunBlock(offset: offset, length: length),
                    firstEntry: first,
                    separator: start..<position
                )
            )
            position += 20
        }
        self.children = children
        self.bytes = bytes
    }

    /// The block that holds the first key which is not less than `key`, or ends before it.
    func child(below key: [UInt8]) -> Child? {
        // The last one that begins before the key; the first if all begin behind it.
        child { isBefore($0.separator, key) }
    }

    /// Whether a separator is less than a key.
    private func isBefore(_ separator: Range<Int>, _ key: [UInt8]) -> Bool {
        for (place, byte) in zip(separator, key) where bytes[place] != byte {
            return bytes[place] < byte
        }
        return separator.count < key.count
    }

    /// The block that holds an entry.
    func child(holding entry: UInt64) -> Child? { child { $0.firstEntry <= entry } }

    /// The last child for which this holds, the first if it holds for none.
    private func child(where isBefore: (Child) -> Bool) -> Child? {
        var (low, high) = (0, children.count)
        while low < high {
            let middle = (low + high) / 2
            if isBefore(children[middle]) { low = middle + 1 } else { high = middle }
        }
        return children.isEmpty ? nil : children[max(0, low - 1)]
    }

    /// Adds a child to the bytes of a block.
    static func append(
        _ separator: [UInt8],
        _ block: RunBlock,
        firstEntry: UInt64,
        to bytes: inout [UInt8]
    ) {
        BigEndian.append(UInt16(separator.count), to: &bytes)
        bytes += separator
        BigEndian.append(block.offset, to: &bytes)
        BigEndian.append(block.length, to: &bytes)
        BigEndian.append(firstEntry, to: &bytes)
    }
}
