internal import Platform

/// Checks the structure of a whole file before it is mapped, so that LMDB finds nothing in it that
/// it would follow out of the file: LMDB trusts every number it reads, and pages carry no checksum.
///
/// Visits each page that the roots lead to, without mapping the file. Sizes, places and page
/// numbers must make sense, no page may be used twice, and no page in use may be listed as free.
/// What keys and values say is not looked at.
///
///     page:  page number 8, padding 2, flags 2, end of offsets 2, begin of nodes 2,
///            offsets of nodes 2 each
///     node:  low size 2, high size 2, flags 2, key size 2, key, data
///
/// In a branch node the first three fields are the number of the child page. Numbers are
/// little-endian. An overflow page has its count of pages, 4 bytes, in place of the two bounds.
struct PageWalk: ~Copyable {
    private let file: File
    private let header: FileHeader
    private var pending: [(number: UInt64, isFreeList: Bool)] = []
    /// A bit for each page in use.
    private var used: [UInt64]
    private var free: [UInt64] = []
    private var page: [UInt8] = []
    /// The piece of the file that was read last: pages are read by the hundred, for neighbours are
    /// used together, and the tree is gone through from its end, against which no read-ahead helps.
    private var piece: [UInt8] = []
    private var pieceStart: UInt64 = 0

    private static let pieceBytes: UInt64 = 1 << 20
    private static let noPage = UInt64.max
    private static let branchFlag: UInt64 = 0x01
    private static let leafFlag: UInt64 = 0x02
    private static let overflowFlag: UInt64 = 0x04
    private static let nodeOverflowFlag: UInt64 = 0x01
    private static let nodeDatabaseFlag: UInt64 = 0x02
    private static let pageHeaderSizeBytes = 16
    private static let nodeHeaderSizeBytes = 8
    private static let databaseSizeBytes = 48
    private static let rootOffset = 40
    private static let metaPages: UInt64 = 2
    private static let maximumKeyBytes = 511

    /// - Throws: `truncated` if a page in use is missing, `damaged` if something makes no sense,
    ///   `io`.
    static func check(_ file: consuming File, _ header: FileHeader) throws(LMDBError) {
        var walk = PageWalk(file, header)
        try walk.run()
    }

    private init(_ file: consuming File, _ header: FileHeader) {
        self.file = file
        self.header = header
        // The file's length bounds the pages that can be in use, whatever the header claims.
        let pages = min(header.lastPageNumber + 1, header.fileSizeBytes / header.pageSizeBytes)
        used = [UInt64](repeating: 0, count: Int(pages / 64 + 1))
    }

    private mutating func run() throws(LMDBError) {
        try push(header.freeRoot, isFreeList: true)
        try push(header.mainRoot, isFreeList: false)
        while let next = pending.popLast() { try visit(next.number, isFreeList: next.isFreeList) }
        for number in free {
            guard number >= Self.metaPages, number <= header.lastPageNumber else {
                throw damaged("the list of free pages", "names page \(number)")
            }
            guard !isUsed(number) else {
                throw damaged("page \(number)", "is in use and listed as free")
            }
        }
    }

    private mutating func push(_ number: UInt64, isFreeList: Bool) throws(LMDBError) {
        guard number != Self.noPage else { return }
        try take(number)
        pending.append((number, isFreeList))
    }

    /// Marks a page as in use.
    private mutating func take(_ number: UInt64) throws(LMDBError) {
        guard number >= Self.metaPages, number <= header.lastPageNumber else {
            throw damaged("a page", "refers to page \(number), which there is not")
        }
        let end = (number + 1) * header.pageSizeBytes
        guard end <= header.fileSizeBytes else {
            throw .truncated(
                path: file.path,
                expectedBytes: (header.lastPageNumber + 1) * header.pageSizeBytes,
                actualBytes: header.fileSizeBytes
            )
        }
        guard !isUsed(number) else { throw damaged("page \(number)", "is used twice") }
        used[Int(number / 64)] |= 1 << (number % 64)
    }

    private func isUsed(_ number: UInt64) -> Bool {
        let place = Int(number / 64)
        return place < used.count && used[place] & 1 << (number % 64) != 0
    }

    private mutating func visit(_ number: UInt64, isFreeList: Bool) throws(LMDBError) {
        try read(number)
        let flags = field(10, 2)
        let lower = Int(field(12, 2))
        let upper = Int(field(14, 2))
        let isBranch = flags == Self.branchFlag
        guard isBranch || flags == Self.leafFlag, lower >= Self.pageHeaderSizeBytes,
            lower.isMultiple(of: 2), lower <= upper, upper <= page.count
        else { throw damaged("page \(number)", "has an impossible header") }
        let offsets = stride(from: Self.pageHeaderSizeBytes, to: lower, by: 2)
        // LMDB asserts that a branch leads to two places.
        guard !isBranch || lower >= Self.pageHeaderSizeBytes + 4 else {
            throw damaged("page \(number)", "is a branch to one place")
        }
        for (position, offset) in offsets.enumerated() {
            let node = Int(field(offset, 2))
            guard node >= upper, node + Self.nodeHeaderSizeBytes <= page.count else {
                throw damaged("page \(number)", "has a node outside of itself")
            }
            if isBranch {
                try visitBranch(node, number, isFirst: position == 0, isFreeList)
            } else {
                try visitLeaf(node, number, isFreeList)
            }
        }
    }

    private mutating func visitBranch(
        _ node: Int,
        _ number: UInt64,
        isFirst: Bool,
        _ isFreeList: Bool
    ) throws(LMDBError) {
        let keySize = Int(field(node + 6, 2))
        // The first key of a branch is never looked at and may be empty.
        guard keySize <= Self.maximumKeyBytes, isFirst || keySize > 0,
            node + Self.nodeHeaderSizeBytes + keySize <= page.count
        else { throw damaged("page \(number)", "has an impossible key") }
        try push(field(node, 4) | field(node + 4, 2) << 32, isFreeList: isFreeList)
    }

    private mutating func visitLeaf(
        _ node: Int,
        _ number: UInt64,
        _ isFreeList: Bool
    ) throws(LMDBError) {
        let size = Int(field(node, 4))
        let flags = field(node + 4, 2)
        let keySize = Int(field(node + 6, 2))
        let data = node + Self.nodeHeaderSizeBytes + keySize
        let isOverflow = flags == Self.nodeOverflowFlag
        let inPage = isOverflow ? 8 : size
        guard 1...Self.maximumKeyBytes ~= keySize, data + inPage <= page.count else {
            throw damaged("page \(number)", "has a node of an impossible size")
        }
        if isOverflow {
            try visitOverflow(field(data, 8), size: size, isFreeList)
        } else if flags == Self.nodeDatabaseFlag {
            guard size == Self.databaseSizeBytes, !isFreeList else {
                throw damaged("page \(number)", "has a database that is none")
            }
            try push(field(data + Self.rootOffset, 8), isFreeList: false)
        } else {
            guard flags == 0 else { throw damaged("page \(number)", "has a node of no known kind") }
            if isFreeList { try addFree(page[data..<data + size]) }
        }
    }

    private mutating func visitOverflow(
        _ first: UInt64,
        size: Int,
        _ isFreeList: Bool
    ) throws(LMDBError) {
        let pageSize = header.pageSizeBytes
        let count = (UInt64(Self.pageHeaderSizeBytes + size) + pageSize - 1) / pageSize
        let (last, overflow) = first.addingReportingOverflow(count - 1)
        guard !overflow, last <= header.lastPageNumber else {
            throw damaged("page \(first)", "does not hold the value that it should")
        }
        for number in first...last { try take(number) }
        let start = try bytes(first, isFreeList ? Self.pageHeaderSizeBytes + size : 16)
        guard littleEndian(start, 0, 8) == first, littleEndian(start, 10, 2) == Self.overflowFlag,
            let pages = littleEndian(start, 12, 4), pages >= count
        else { throw damaged("page \(first)", "does not hold the value that it should") }
        if isFreeList { try addFree(start[Self.pageHeaderSizeBytes...]) }
    }

    /// A list of free pages: how many, then their numbers.
    private mutating func addFree(_ list: ArraySlice<UInt8>) throws(LMDBError) {
        let list = Array(list)
        guard let count = littleEndian(list, 0, 8), count <= UInt64(list.count / 8 - 1) else {
            throw damaged("the list of free pages", "is longer than its place")
        }
        for position in 0..<Int(count) {
            free.append(littleEndian(list, 8 + 8 * position, 8) ?? 0)
        }
    }

    private mutating func read(_ number: UInt64) throws(LMDBError) {
        page = try bytes(number, Int(header.pageSizeBytes))
        guard page.count == Int(header.pageSizeBytes), field(0, 8) == number else {
            throw damaged("page \(number)", "says that it is another")
        }
    }

    private mutating func bytes(_ number: UInt64, _ count: Int) throws(LMDBError) -> [UInt8] {
        let start = number * header.pageSizeBytes
        let end = start + UInt64(count)
        do throws(SystemError) {
            let first = start / Self.pieceBytes * Self.pieceBytes
            // What lies across a border of pieces, or is long, is read by itself.
            guard end <= first + Self.pieceBytes else {
                return try file.read(count: count, at: start)
            }
            if piece.isEmpty || first != pieceStart {
                piece = try file.read(count: Int(Self.pieceBytes), at: first)
                pieceStart = first
            }
        } catch {
            throw LMDBError(error)
        }
        let from = min(Int(start - pieceStart), piece.count)
        return Array(piece[from..<min(Int(end - pieceStart), piece.count)])
    }

    private func field(_ offset: Int, _ count: Int) -> UInt64 {
        littleEndian(page, offset, count) ?? 0
    }

    private func damaged(_ what: String, _ detail: String) -> LMDBError {
        .damaged(detail: "\(what) \(detail)")
    }
}
