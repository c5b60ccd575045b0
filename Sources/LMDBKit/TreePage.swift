/// A page of a tree whose sizes and places were checked: nothing in it leads out of it.
///
/// LMDB trusts every number it reads; whoever reads pages before it, or without it, asks here.
///
///     page:  page number 8, padding 2, flags 2, end of offsets 2, begin of nodes 2,
///            offsets of nodes 2 each
///     node:  low size 2, high size 2, flags 2, key size 2, key, data
///
/// In a branch node the first three fields are the number of the child page. Numbers are
/// little-endian. An overflow page has its count of pages, 4 bytes, in place of the two bounds.
struct TreePage {
    let number: UInt64
    let bytes: [UInt8]
    let isBranch: Bool
    /// How many nodes there are.
    let count: Int
    /// Where the nodes begin.
    private let upper: Int

    static let noPage = UInt64.max
    static let metaPages: UInt64 = 2
    static let headerSizeBytes = 16
    static let overflowFlag: UInt64 = 0x04
    private static let branchFlag: UInt64 = 0x01
    private static let leafFlag: UInt64 = 0x02
    private static let nodeHeaderSizeBytes = 8
    private static let nodeOverflowFlag: UInt64 = 0x01
    private static let nodeDatabaseFlag: UInt64 = 0x02
    private static let maximumKeyBytes = 511
    private static let databaseSizeBytes = 48
    private static let databaseFlagsOffset = 4
    private static let rootOffset = 40

    /// A node of a leaf.
    struct Leaf {
        enum Value {
            case bytes(Range<Int>)
            /// On pages of its own, of which this is the first.
            case overflow(UInt64, size: Int)
            /// A database: its own flags, and the page that its tree begins with.
            case database(flags: UInt64, root: UInt64)
        }

        let key: Range<Int>
        let value: Value
    }

    /// - Throws: `damaged` if these are not the bytes of a tree's page of this number.
    init(_ bytes: [UInt8], number: UInt64, sizeBytes: UInt64) throws(LMDBError) {
        (self.number, self.bytes) = (number, bytes)
        func field(_ offset: Int, _ count: Int) -> UInt64 {
            littleEndian(bytes, offset, count) ?? 0
        }
        guard bytes.count == Int(sizeBytes), field(0, 8) == number else {
            throw .damaged(detail: "page \(number) says that it is another")
        }
        let flags = field(10, 2)
        let lower = Int(field(12, 2))
        upper = Int(field(14, 2))
        isBranch = flags == Self.branchFlag
        guard isBranch || flags == Self.leafFlag, lower >= Self.headerSizeBytes,
            lower.isMultiple(of: 2), lower <= upper, upper <= bytes.count
        else { throw .damaged(detail: "page \(number) has an impossible header") }
        count = (lower - Self.headerSizeBytes) / 2
        // LMDB asserts that a branch leads to two places.
        guard !isBranch || count >= 2 else {
            throw .damaged(detail: "page \(number) is a branch to one place")
        }
    }

    /// The node of a branch at a position.
    func branch(_ position: Int) throws(LMDBError) -> (key: Range<Int>, page: UInt64) {
        let node = try node(position)
        let keySize = Int(field(node + 6, 2))
        let key = node + Self.nodeHeaderSizeBytes
        // The first key of a branch is never looked at and may be empty.
        guard keySize <= Self.maximumKeyBytes, position == 0 || keySize > 0,
            key + keySize <= bytes.count
        else { throw damaged("has an impossible key") }
        return (key..<key + keySize, field(node, 4) | field(node + 4, 2) << 32)
    }

    /// The node of a leaf at a position.
    func leaf(_ position: Int) throws(LMDBError) -> Leaf {
        let node = try node(position)
        let size = Int(field(node, 4))
        let flags = field(node + 4, 2)
        let keySize = Int(field(node + 6, 2))
        let key = node + Self.nodeHeaderSizeBytes
        let data = key + keySize
        let isOverflow = flags == Self.nodeOverflowFlag
        guard 1...Self.maximumKeyBytes ~= keySize,
            data + (isOverflow ? 8 : size) <= bytes.count
        else { throw damaged("has a node of an impossible size") }
        let value: Leaf.Value
        if isOverflow {
            value = .overflow(field(data, 8), size: size)
        } else if flags == Self.nodeDatabaseFlag {
            guard size == Self.databaseSizeBytes else {
                throw damaged("has a database that is none")
            }
            value = .database(
                flags: field(data + Self.databaseFlagsOffset, 2),
                root: field(data + Self.rootOffset, 8)
            )
        } else {
            guard flags == 0 else { throw damaged("has a node of no known kind") }
            value = .bytes(data..<data + size)
        }
        return Leaf(key: key..<data, value: value)
    }

    private func node(_ position: Int) throws(LMDBError) -> Int {
        let node = Int(field(Self.headerSizeBytes + 2 * position, 2))
        guard node >= upper, node + Self.nodeHeaderSizeBytes <= bytes.count else {
            throw damaged("has a node outside of itself")
        }
        return node
    }

    private func field(_ offset: Int, _ count: Int) -> UInt64 {
        littleEndian(bytes, offset, count) ?? 0
    }

    private func damaged(_ detail: String) -> LMDBError {
        .damaged(detail: "page \(number) \(detail)")
    }

    /// How many pages a value on pages of its own takes.
    static func overflowPages(_ size: Int, pageSizeBytes: UInt64) -> UInt64 {
        (UInt64(headerSizeBytes + size) + pageSizeBytes - 1) / pageSizeBytes
    }

    /// Whether these bytes begin such pages.
    static func isOverflow(_ start: [UInt8], number: UInt64, pages: UInt64) -> Bool {
        guard let found = littleEndian(start, 12, 4) else { return false }
        return littleEndian(start, 0, 8) == number && littleEndian(start, 10, 2) == overflowFlag
            && found >= pages
    }
}
