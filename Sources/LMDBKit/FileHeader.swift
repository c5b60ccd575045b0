internal import Platform

/// What the two meta pages of an LMDB file say, read without mapping it.
///
/// LMDB maps the file without looking at its length, so a page beyond its end is a SIGBUS; and it
/// divides by the page size that the file claims. Both are checked first, here and by `PageWalk`.
///
/// A meta page (little-endian, LMDB 0.9, 64 bit), the first at 0, the second at the page size:
///
///     offset  bytes  field
///          0      8  page number
///          8      2  padding
///         10      2  page flags, 0x08 = meta
///         12      4  -
///         16      4  magic 0xBEEFC0DE
///         20      4  data version 1
///         24     16  address, map size
///         40      4  page size
///         44     36  -
///         80      8  root page of the database of free pages
///         88     40  -
///        128      8  root page of the main database
///        136      8  number of the last used page
///        144      8  transaction
struct FileHeader {
    let pageSizeBytes: UInt64
    /// The file may end before it: a page that was taken and given back in one transaction is
    /// counted but not written.
    let lastPageNumber: UInt64
    let freeRoot: UInt64
    let mainRoot: UInt64
    let fileSizeBytes: UInt64

    private static let magic: UInt32 = 0xBEEF_C0DE
    private static let dataVersion: UInt32 = 1
    private static let metaFlag: UInt16 = 0x08
    private static let metaSizeBytes = 152
    private static let pageSizes: ClosedRange<UInt64> = 512...32_768

    /// Reads and checks both meta pages; `nil` for an empty file.
    ///
    /// - Throws: `damaged`, `versionMismatch`, `io`.
    init?(of file: borrowing File) throws(LMDBError) {
        let sizeBytes: UInt64
        let first: Meta
        let second: Meta
        do throws(SystemError) {
            sizeBytes = try file.sizeBytes()
            guard sizeBytes > 0 else { return nil }
            first = Meta(try file.read(count: Self.metaSizeBytes, at: 0))
            let secondOffset = Self.pageSizes.contains(first.pageSize) ? first.pageSize : 4_096
            second = Meta(try file.read(count: Self.metaSizeBytes, at: secondOffset))
        } catch {
            throw LMDBError(error)
        }
        for meta in [first, second] {
            guard meta.isComplete else {
                throw .damaged(detail: "\(file.path) is too short for two meta pages")
            }
            guard meta.magic == Self.magic, meta.flags & Self.metaFlag != 0 else {
                throw .damaged(detail: "\(file.path) has a meta page that is none")
            }
            guard meta.version == Self.dataVersion else { throw .versionMismatch }
            guard Self.pageSizes.contains(meta.pageSize), meta.pageSize.nonzeroBitCount == 1,
                meta.pageSize == first.pageSize
            else {
                throw .damaged(detail: "\(file.path) has an impossible page size")
            }
        }
        let current = second.transaction > first.transaction ? second : first
        let (pages, overflow) = current.lastPage.addingReportingOverflow(1)
        let (expectedBytes, tooLarge) = pages.multipliedReportingOverflow(by: current.pageSize)
        guard !overflow, !tooLarge, pages >= 2, expectedBytes <= UInt64(Int64.max) else {
            throw .damaged(detail: "\(file.path) has an impossible number of pages")
        }
        pageSizeBytes = current.pageSize
        lastPageNumber = current.lastPage
        freeRoot = current.freeRoot
        mainRoot = current.mainRoot
        fileSizeBytes = sizeBytes
    }

    private struct Meta {
        let isComplete: Bool
        let flags: UInt16
        let magic: UInt32
        let version: UInt32
        let pageSize: UInt64
        let freeRoot: UInt64
        let mainRoot: UInt64
        let lastPage: UInt64
        let transaction: UInt64

        init(_ bytes: [UInt8]) {
            func number(_ offset: Int, _ count: Int) -> UInt64 {
                littleEndian(bytes, offset, count) ?? 0
            }
            isComplete = bytes.count == FileHeader.metaSizeBytes
            flags = UInt16(number(10, 2))
            magic = UInt32(number(16, 4))
            version = UInt32(number(20, 4))
            pageSize = number(40, 4)
            freeRoot = number(80, 8)
            mainRoot = number(128, 8)
            lastPage = number(136, 8)
            transaction = number(144, 8)
        }
    }
}

/// The number in `count` bytes at `offset`; `nil` beyond the end.
func littleEndian(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> UInt64? {
    guard offset >= 0, offset + count <= bytes.count else { return nil }
    // Half of the time that a file takes to be checked goes here: no index is checked twice.
    return unsafe bytes.withUnsafeBytes { bytes in
        switch count {
        case 2:
            UInt64(
                UInt16(
                    littleEndian: unsafe bytes.loadUnaligned(
                        fromByteOffset: offset,
                        as: UInt16.self
                    )
                )
            )
        case 4:
            UInt64(
                UInt32(
                    littleEndian: unsafe bytes.loadUnaligned(
                        fromByteOffset: offset,
                        as: UInt32.self
                    )
                )
            )
        default:
            (0..<count).reduce(0) { number, index in
                unsafe number | UInt64(bytes[offset + index]) << (8 * index)
            }
        }
    }
}
