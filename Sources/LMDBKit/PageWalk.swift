internal import Platform

/// Checks the structure of a whole file before it is mapped, so that LMDB finds nothing in it that
/// it would follow out of the file: LMDB trusts every number it reads, and pages carry no checksum.
///
/// Visits each page that the roots lead to, without mapping the file. Sizes, places and page
/// numbers must make sense, no page may be used twice, and no page in use may be listed as free.
/// What keys and values say is not looked at.
struct PageWalk: ~Copyable {
    private let file: File
    private let header: FileHeader
    private var pending: [(number: UInt64, isFreeList: Bool)] = []
    /// A bit for each page in use.
    private var used: [UInt64]
    private var free: [UInt64] = []
    /// The piece of the file that was read last: pages are read by the hundred, for neighbours are
    /// used together, and the tree is gone through from its end, against which no read-ahead helps.
    private var piece: [UInt8] = []
    private var pieceStart: UInt64 = 0

    private static let pieceBytes: UInt64 = 1 << 20

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
            guard number >= TreePage.metaPages, number <= header.lastPageNumber else {
                throw damaged("the list of free pages", "names page \(number)")
            }
            guard !isUsed(number) else {
                throw damaged("page \(number)", "is in use and listed as free")
            }
        }
    }

    private mutating func push(_ number: UInt64, isFreeList: Bool) throws(LMDBError) {
        guard number != TreePage.noPage else { return }
        try take(number)
        pending.append((number, isFreeList))
    }

    /// Marks a page as in use.
    private mutating func take(_ number: UInt64) throws(LMDBError) {
        guard number >= TreePage.metaPages, number <= header.lastPageNumber else {
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
        let size = header.pageSizeBytes
        let page = try TreePage(try bytes(number, Int(size)), number: number, sizeBytes: size)
        for position in 0..<page.count {
            if page.isBranch {
                try push(try page.branch(position).page, isFreeList: isFreeList)
            } else {
                switch try page.leaf(position).value {
                case .bytes(let range): if isFreeList { try addFree(page.bytes[range]) }
                case .overflow(let first, let size): try visitOverflow(first, size, isFreeList)
                case .database(_, let root):
                    guard !isFreeList else {
                        throw damaged("page \(number)", "has a database that is none")
                    }
                    try push(root, isFreeList: false)
                }
            }
        }
    }

    private mutating func visitOverflow(
        _ first: UInt64,
        _ size: Int,
        _ isFreeList: Bool
    ) throws(LMDBError) {
        let count = TreePage.overflowPages(size, pageSizeBytes: header.pageSizeBytes)
        let (last, overflow) = first.addingReportingOverflow(count - 1)
        guard !overflow, last <= header.lastPageNumber else {
            throw damaged("page \(first)", "does not hold the value that it should")
        }
        for number in first...last { try take(number) }
        let head = TreePage.headerSizeBytes
        let start = try bytes(first, isFreeList ? head + size : head)
        guard TreePage.isOverflow(start, number: first, pages: count) else {
            throw damaged("page \(first)", "does not hold the value that it should")
        }
        if isFreeList { try addFree(start[head...]) }
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

    private func damaged(_ what: String, _ detail: String) -> LMDBError {
        .damaged(detail: "\(what) \(detail)")
    }
}
