package import Cryptography
package import EvidenceModel
package import EvidenceStore
import Platform
import TarArchive
import TransparencyLog

/// A bundle that was put together: its bytes can be read, any part of them at any time.
///
/// Payloads are read from the store as they are asked for, and checked there; one that was erased
/// since ends the reading.
package final class Bundle: Sendable {
    /// The record `access.exported`.
    package let index: RecordIndex
    /// All of the archive.
    package let sizeBytes: UInt64
    /// Names these bytes: the SHA-256 of all that stands before the payloads, their digests among
    /// it.
    package let tag: SHA256Digest

    private let store: EvidenceStore
    private let directory: String
    private let headSizeBytes: UInt64
    private let modifiedSeconds: UInt64

    /// Opens what `BundleWriter` has left.
    init(_ store: EvidenceStore, directory: String, export index: RecordIndex) throws(StoreError) {
        self.store = store
        self.directory = directory
        self.index = index
        modifiedSeconds =
            UInt64(try store.record(at: index).record.received.milliseconds / 1000)
        let head = try Self.open("\(directory)/\(BundleFiles.head)")
        headSizeBytes = try onDisk { () throws(SystemError) in try head.sizeBytes() }
        tag = try Self.digest(head, headSizeBytes)
        let rows = try Self.open("\(directory)/\(BundleFiles.payloads)")
        var offset = headSizeBytes
        var cursor = RowCursor(rows)
        while let row = try cursor.next() { offset += Self.archivedBytes(row) }
        sizeBytes = offset + UInt64(TarHeader.endMark.count)
    }

    /// A reader of its own.
    package func reader() throws(StoreError) -> BundleReader {
        BundleReader(
            store: store,
            head: try Self.open("\(directory)/\(BundleFiles.head)"),
            headSizeBytes: headSizeBytes,
            rows: RowCursor(try Self.open("\(directory)/\(BundleFiles.payloads)")),
            root: BundleLayout.directory(of: index),
            modifiedSeconds: modifiedSeconds,
            sizeBytes: sizeBytes
        )
    }

    private static func digest(
        _ file: borrowing File,
        _ sizeBytes: UInt64
    ) throws(StoreError) -> SHA256Digest {
        var hasher = SHA256Hasher()
        var offset: UInt64 = 0
        while offset < sizeBytes {
            let piece: [UInt8]
            do throws(SystemError) {
                piece = try file.read(count: 1 << 20, at: offset)
            } catch { throw .system(error) }
            guard !piece.isEmpty else { break }
            hasher.update(piece.span)
            offset += UInt64(piece.count)
        }
        return hasher.finalize()
    }

    private static func open(_ path: String) throws(StoreError) -> File {
        do throws(SystemError) {
            return try File(path, .read)
        } catch { throw .system(error) }
    }

    /// Header, content and what fills it up.
    static func archivedBytes(_ row: PayloadRow) -> UInt64 {
        UInt64(TarHeader.blockSizeBytes) + row.sizeBytes
            + UInt64(TarHeader.paddingBytes(sizeBytes: row.sizeBytes))
    }
}

/// Goes through the rows of a bundle's payloads.
struct RowCursor: ~Copyable {
    private let file: File
    private var buffer: [UInt8] = []
    private var position = 0
    private var offset: UInt64 = 0

    init(_ file: consuming File) { self.file = file }

    /// The next row; `nil` at the end.
    mutating func next() throws(StoreError) -> PayloadRow? {
        if position == buffer.count {
            do throws(SystemError) {
                buffer = try file.read(count: 4096 * PayloadRow.rowSizeBytes, at: offset)
            } catch { throw .system(error) }
            offset += UInt64(buffer.count)
            position = 0
        }
        guard position + PayloadRow.rowSizeBytes <= buffer.count else { return nil }
        defer { position += PayloadRow.rowSizeBytes }
        return PayloadRow(buffer[position...])
    }
}
