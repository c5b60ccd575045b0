internal import Platform

/// Values of a file that nobody writes any more, by their keys, without mapping it.
///
/// Reads the few pages that lead to a key, and checks each as `PageWalk` does before anything in it
/// is followed; so the whole file need not be checked before its first use. Damage on the way
/// throws; damage elsewhere in the file is not seen.
///
/// Only for databases without flags, as all of Strongroom's are: keys sort as their bytes do.
package final class PageLookup: Sendable {
    /// Where the file is.
    package var path: String { file.path }

    private let file: File
    private let state = Mutex(State())

    private struct State {
        /// Nil until the first look-up.
        var header: FileHeader?
        /// Pages that were read last: neighbours are asked for together.
        var pages: [UInt64: TreePage] = [:]
    }

    /// Pages kept in memory, 4 KiB each.
    private static let pageLimit = 32
    /// LMDB's own bound of a tree's depth.
    private static let depthLimit = 32
    /// Smaller files come into memory in one read: that takes as long as few single pages do.
    private static let readAheadLimitBytes: UInt64 = 512 << 10

    /// Opens the file and waits for none of its bytes: of many files that are opened one after the
    /// other, small ones are read at once.
    ///
    /// - Throws: `io`; for an absent file `other` with the system's number.
    package init(path: String) throws(LMDBError) {
        do throws(SystemError) {
            file = try File(path, .read)
            if try file.sizeBytes() <= Self.readAheadLimitBytes { file.readAhead() }
        } catch {
            throw LMDBError(error)
        }
    }

    private func header() throws(LMDBError) -> FileHeader {
        if let known = state.withLock({ $0.header }) { return known }
        guard let header = try FileHeader(of: file) else {
            throw .damaged(detail: "\(path) is empty")
        }
        state.withLock { $0.header = header }
        return header
    }

    /// The value of a key in a database, or nil if the file has no such key or database.
    ///
    /// - Throws: `truncated`, `damaged`, `versionMismatch`, `io`.
    package func value(
        _ key: Span<UInt8>,
        in database: String
    ) throws(LMDBError) -> [UInt8]? {
        let header = try header()
        guard let (page, leaf) = try find(database.utf8.span, from: header.mainRoot, header)
        else { return nil }
        guard case .database(let flags, let root) = leaf.value, flags == 0 else {
            throw .damaged(detail: "page \(page.number) has no database where it should")
        }
        guard let (page, leaf) = try find(key, from: root, header) else { return nil }
        switch leaf.value {
        case .bytes(let range): return Array(page.bytes[range])
        case .overflow(let first, let size): return try overflow(first, size, header)
        case .database:
            throw .damaged(detail: "page \(page.number) has a database where no name stands")
        }
    }

    /// Goes down from a root to the leaf that holds a key.
    private func find(
        _ key: Span<UInt8>,
        from root: UInt64,
        _ header: FileHeader
    ) throws(LMDBError) -> (TreePage, TreePage.Leaf)? {
        guard root != TreePage.noPage else { return nil }
        var number = root
        for _ in 0..<Self.depthLimit {
            let page = try page(number, header)
            // The last node that does not stand behind the key.
            var (low, high) = (page.isBranch ? 1 : 0, page.count)
            while low < high {
                let middle = (low + high) / 2
                let range =
                    page.isBranch
                    ? try page.branch(middle).key : try page.leaf(middle).key
                if page.precedes(key, range) { high = middle } else { low = middle + 1 }
            }
            if page.isBranch {
                number = try page.branch(low - 1).page
                continue
            }
            guard low > 0 else { return nil }
            let leaf = try page.leaf(low - 1)
            return page.isEqual(key, leaf.key) ? (page, leaf) : nil
        }
        throw .damaged(detail: "\(file.path) has a tree without an end")
    }

    private func page(
        _ number: UInt64,
        _ header: FileHeader
    ) throws(LMDBError) -> TreePage {
        if let known = state.withLock({ $0.pages[number] }) { return known }
        let size = header.pageSizeBytes
        try checkPlace(number, count: 1, header)
        let page = try TreePage(
            try bytes(number, count: Int(size), header),
            number: number,
            sizeBytes: size
        )
        state.withLock { state in
            if state.pages.count >= Self.pageLimit { state.pages.removeAll(keepingCapacity: true) }
            state.pages[number] = page
        }
        return page
    }

    /// A value on pages of its own.
    private func overflow(
        _ first: UInt64,
        _ size: Int,
        _ header: FileHeader
    ) throws(LMDBError) -> [UInt8] {
        let count = TreePage.overflowPages(size, pageSizeBytes: header.pageSizeBytes)
        try checkPlace(first, count: count, header)
        let head = TreePage.headerSizeBytes
        let bytes = try bytes(first, count: head + size, header)
        guard bytes.count == head + size,
            TreePage.isOverflow(bytes, number: first, pages: count)
        else {
            throw .damaged(detail: "page \(first) does not hold the value that it should")
        }
        return Array(bytes[head...])
    }

    /// Checks that pages are there before any memory is taken for them.
    private func checkPlace(
        _ first: UInt64,
        count: UInt64,
        _ header: FileHeader
    ) throws(LMDBError) {
        let (last, overflow) = first.addingReportingOverflow(count - 1)
        guard !overflow, first >= TreePage.metaPages, last <= header.lastPageNumber else {
            throw .damaged(detail: "a page refers to page \(first), which there is not")
        }
        guard (last + 1) * header.pageSizeBytes <= header.fileSizeBytes else {
            throw .truncated(
                path: file.path,
                expectedBytes: (header.lastPageNumber + 1) * header.pageSizeBytes,
                actualBytes: header.fileSizeBytes
            )
        }
    }

    private func bytes(
        _ number: UInt64,
        count: Int,
        _ header: FileHeader
    ) throws(LMDBError) -> [UInt8] {
        do throws(SystemError) {
            return try file.read(count: count, at: number * header.pageSizeBytes)
        } catch {
            throw LMDBError(error)
        }
    }
}

extension TreePage {
    /// Whether a key stands before that of a node.
    fileprivate func precedes(_ key: Span<UInt8>, _ other: Range<Int>) -> Bool {
        let common = min(key.count, other.count)
        for place in 0..<common where key[place] != bytes[other.lowerBound + place] {
            return key[place] < bytes[other.lowerBound + place]
        }
        return key.count < other.count
    }

    fileprivate func isEqual(_ key: Span<UInt8>, _ other: Range<Int>) -> Bool {
        guard key.count == other.count else { return false }
        for place in 0..<key.count where key[place] != bytes[other.lowerBound + place] {
            return false
        }
        return true
    }
}
