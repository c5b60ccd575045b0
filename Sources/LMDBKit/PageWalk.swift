internal import Platform

/// Finds out whether a file that is shorter than its last page number says lacks a page in use.
///
/// Reads every page that the roots lead to, without mapping the file. Seldom needed: only for files
/// whose last pages were taken and given back in one transaction, and for truncated ones.
///
///     page:  page number 8, padding 2, flags 2, end of offsets 2, - 2, offsets of nodes 2 each
///     node:  low size 2, high size 2, flags 2, key size 2, key, data
///
/// In a branch node the first three fields are the number of the child page. Numbers are
/// little-endian. An overflow page has its count of pages, 4 bytes, in place of the offsets' end.
struct PageWalk {
    private let header: FileHeader
    private var pending: [UInt64] = []

    private static let noPage = UInt64.max
    private static let branchFlag: UInt64 = 0x01
    private static let leafFlag: UInt64 = 0x02
    private static let nodeOverflowFlag: UInt64 = 0x01
    private static let nodeDatabaseFlag: UInt64 = 0x02
    private static let pageHeaderSizeBytes = 16
    private static let nodeHeaderSizeBytes = 8
    private static let rootOffset = 40

    /// - Throws: `truncated` if a page in use is missing, `damaged` if a page makes no sense, `io`.
    static func check(_ file: borrowing File, _ header: FileHeader) throws(LMDBError) {
        var walk = PageWalk(header: header)
        walk.push(header.freeRoot)
        walk.push(header.mainRoot)
        // Each page has one parent, so more visits than pages are a loop.
        var visits: UInt64 = 0
        while let number = walk.pending.popLast() {
            visits += 1
            guard visits <= header.lastPageNumber + 1 else {
                throw .damaged(detail: "\(file.path) has a loop of pages")
            }
            try walk.visit(try walk.page(number, in: file), file)
        }
    }

    private init(header: FileHeader) {
        self.header = header
    }

    private mutating func push(_ number: UInt64) {
        if number != Self.noPage { pending.append(number) }
    }

    private mutating func visit(_ page: [UInt8], _ file: borrowing File) throws(LMDBError) {
        let flags = littleEndian(page, 10, 2) ?? 0
        let end = Int(littleEndian(page, 12, 2) ?? 0)
        guard flags & (Self.branchFlag | Self.leafFlag) != 0, end <= page.count else {
            throw Self.nonsense(file)
        }
        for position in stride(from: Self.pageHeaderSizeBytes, to: end, by: 2) {
            let node = Int(littleEndian(page, position, 2) ?? 0)
            guard let low = littleEndian(page, node, 4),
                let nodeFlags = littleEndian(page, node + 4, 2),
                let keySize = littleEndian(page, node + 6, 2)
            else { throw Self.nonsense(file) }
            if flags & Self.branchFlag != 0 {
                push(low | nodeFlags << 32)
                continue
            }
            let data = node + Self.nodeHeaderSizeBytes + Int(keySize)
            if nodeFlags & Self.nodeOverflowFlag != 0 {
                guard let first = littleEndian(page, data, 8) else { throw Self.nonsense(file) }
                try checkOverflow(first, file)
            } else if nodeFlags & Self.nodeDatabaseFlag != 0 {
                guard let root = littleEndian(page, data + Self.rootOffset, 8) else {
                    throw Self.nonsense(file)
                }
                push(root)
            }
        }
    }

    private func checkOverflow(_ first: UInt64, _ file: borrowing File) throws(LMDBError) {
        let count = littleEndian(try page(first, in: file), 12, 4) ?? 0
        guard count > 0 else { throw Self.nonsense(file) }
        try checkPresence(of: first + (count - 1), in: file)
    }

    private func page(_ number: UInt64, in file: borrowing File) throws(LMDBError) -> [UInt8] {
        try checkPresence(of: number, in: file)
        do throws(SystemError) {
            return try file.read(
                count: Int(header.pageSizeBytes),
                at: number * header.pageSizeBytes
            )
        } catch {
            throw LMDBError(error)
        }
    }

    private func checkPresence(of number: UInt64, in file: borrowing File) throws(LMDBError) {
        guard number <= header.lastPageNumber else { throw Self.nonsense(file) }
        let expectedBytes = (number + 1) * header.pageSizeBytes
        guard expectedBytes <= header.fileSizeBytes else {
            throw .truncated(
                path: file.path,
                expectedBytes: (header.lastPageNumber + 1) * header.pageSizeBytes,
                actualBytes: header.fileSizeBytes
            )
        }
    }

    private static func nonsense(_ file: borrowing File) -> LMDBError {
        .damaged(detail: "\(file.path) has a page that makes no sense")
    }
}
