internal import CArchive

/// Reads an uncompressed tar archive (ustar, pax, GNU) that is in memory, entry by entry.
///
/// Belongs to one thread at a time. Nothing is allocated by the sizes that headers claim. After an
/// error only the reader's end makes sense.
///
/// Reference: POSIX pax; libarchive's `archive_read_support_format_tar`.
@safe package final class TarReader {
    private let archive: OpaquePointer
    private let source: Source
    /// libarchive looks at the first block when it opens.
    private let isTar: Bool
    private var current: TarEntry?

    /// `nil` if the system has none of that name; then names beyond ASCII are refused.
    ///
    /// A locale is never changed after it was made, and this one is never freed.
    nonisolated(unsafe) private static let locale = unsafe shim_newlocale_utf8()

    package init(_ bytes: [UInt8]) {
        guard let archive = unsafe archive_read_new() else {
            preconditionFailure("out of memory for libarchive")
        }
        unsafe self.archive = archive
        source = Source(bytes)
        unsafe archive_read_support_format_tar(archive)
        let result = unsafe archive_read_open(
            archive,
            Unmanaged.passUnretained(source).toOpaque(),
            nil,
            { _, address, start in
                guard let address = unsafe address else { return -1 }
                let source = unsafe Unmanaged<Source>.fromOpaque(address).takeUnretainedValue()
                unsafe start?.pointee = unsafe UnsafeRawPointer(source.piece.baseAddress)
                return source.fill()
            },
            nil
        )
        isTar = result == ARCHIVE_OK
    }

    deinit { unsafe archive_read_free(archive) }

    /// The next entry; what was not read of the last one's data is passed over.
    ///
    /// - Returns: `nil` after the end mark, when nothing but zeros follows.
    /// - Throws: `notTar`, `truncated`, `damaged`.
    ///
    /// Reference: `archive_read_next_header`.
    package func next() throws(TarError) -> TarEntry? {
        guard isTar else { throw .notTar }
        current = nil
        var header: OpaquePointer?
        let result = unsafe shim_archive_read_next_header_utf8(archive, &header, Self.locale)
        if result == ARCHIVE_EOF {
            try checkEnd()
            return nil
        }
        // A warning is a header that libarchive could not read in full.
        guard result == ARCHIVE_OK, let header = unsafe header else { throw failure() }
        guard let name = unsafe archive_entry_pathname(header),
            let path = unsafe String(validatingCString: name)
        else { throw .damaged(detail: "a name that is not UTF-8") }
        guard let size = UInt64(exactly: unsafe archive_entry_size(header)) else {
            throw .damaged(detail: "a negative size")
        }
        let entry = unsafe TarEntry(path: path, kind: Self.kind(of: header), sizeBytes: size)
        current = entry
        return entry
    }

    /// All data of the current entry.
    ///
    /// - Throws: `entryTooLarge` if there are more than `limitBytes`.
    package func data(limitBytes: Int) throws(TarError) -> [UInt8] {
        var data: [UInt8] = []
        var piece: [UInt8] = []
        while try nextPiece(into: &piece) {
            guard piece.count <= limitBytes - data.count else {
                throw .entryTooLarge(path: current?.path ?? "", limitBytes: limitBytes)
            }
            data.append(contentsOf: piece)
        }
        return data
    }

    /// Replaces the content of `piece` by the next data of the current entry, at most 64 KiB.
    ///
    /// - Returns: False at the end of the data; `piece` is then empty.
    ///
    /// Reference: `archive_read_data`.
    package func nextPiece(into piece: inout [UInt8]) throws(TarError) -> Bool {
        precondition(current != nil, "the reader is at no entry")
        piece.removeAll(keepingCapacity: true)
        var count = 0
        piece.append(addingCapacity: Source.pieceSizeBytes) { output in
            unsafe output.withUnsafeMutableBufferPointer { buffer, initialized in
                count = unsafe archive_read_data(
                    archive,
                    buffer.baseAddress,
                    Source.pieceSizeBytes
                )
                initialized = max(count, 0)
            }
        }
        guard count >= 0 else { throw failure() }
        return count > 0
    }

    private static func kind(of header: OpaquePointer) -> TarEntry.Kind {
        if unsafe archive_entry_hardlink(header) != nil { return .link }
        if unsafe archive_entry_sparse_count(header) > 0 { return .other }
        return switch unsafe archive_entry_filetype(header) {
        case shim_AE_IFREG(): .regular
        case shim_AE_IFDIR(): .directory
        case shim_AE_IFLNK(): .link
        default: .other
        }
    }

    /// libarchive takes the end of the bytes for the end of the archive, and does not look behind
    /// the end mark.
    private func checkEnd() throws(TarError) {
        guard !source.wasExhausted else { throw .truncated }
        let position = unsafe archive_filter_bytes(archive, 0)
        guard source.hasOnlyZeros(from: Int(position)) else {
            throw .damaged(detail: "data after the end mark")
        }
    }

    private func failure() -> TarError {
        if source.wasExhausted { return .truncated }
        let text = unsafe archive_error_string(archive).map { unsafe String(cString: $0) }
        return .damaged(detail: text ?? "no reason given")
    }
}

/// Gives the archive's bytes to libarchive in pieces.
///
/// Owned by the reader; libarchive has its address as long as the reader lives.
@safe private final class Source {
    static let pieceSizeBytes = 65_536

    private let bytes: [UInt8]
    private var position = 0
    /// Whether libarchive asked for more than there is.
    private(set) var wasExhausted = false
    /// The piece that libarchive looks at until it asks for the next.
    let piece = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: pieceSizeBytes)

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    deinit { unsafe piece.deallocate() }

    func hasOnlyZeros(from start: Int) -> Bool {
        bytes[min(start, bytes.count)...].allSatisfy { $0 == 0 }
    }

    /// Puts the next bytes into `piece`; 0 at the end.
    func fill() -> Int {
        let count = min(bytes.count - position, Self.pieceSizeBytes)
        guard count > 0 else {
            wasExhausted = true
            return 0
        }
        unsafe _ = piece.update(fromContentsOf: bytes[position..<position + count])
        position += count
        return count
    }
}
