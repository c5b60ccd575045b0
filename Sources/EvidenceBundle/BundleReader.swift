import EvidenceModel
package import EvidenceStore
import Platform
import TarArchive
import TransparencyLog

/// Reads a bundle's bytes from some offset on.
///
/// Belongs to one thread at a time.
package final class BundleReader {
    private let store: EvidenceStore
    private let head: File
    private let headSizeBytes: UInt64
    private var rows: RowCursor
    private let root: String
    private let modifiedSeconds: UInt64
    private let sizeBytes: UInt64
    private var header = TarHeaderWriter()

    /// The payload that the last byte read is of or before, and where its header stands.
    private var row: PayloadRow?
    private var rowOffset: UInt64
    private var payload: PayloadReader?

    init(
        store: EvidenceStore,
        head: consuming File,
        headSizeBytes: UInt64,
        rows: consuming RowCursor,
        root: String,
        modifiedSeconds: UInt64,
        sizeBytes: UInt64
    ) {
        self.store = store
        self.head = head
        self.headSizeBytes = headSizeBytes
        self.rows = rows
        self.root = root
        self.modifiedSeconds = modifiedSeconds
        self.sizeBytes = sizeBytes
        rowOffset = headSizeBytes
    }

    /// Bytes at an offset that is not below the one before: at least one, except at the end.
    ///
    /// - Throws: `erased` where a payload was erased since the bundle was put together; `damaged`.
    package func read(at offset: UInt64, limit: Int) throws(StoreError) -> ArraySlice<UInt8> {
        guard offset < sizeBytes, limit > 0 else { return [] }
        if offset < headSizeBytes {
            let count = Int(min(UInt64(limit), headSizeBytes - offset))
            // An erasure removes the file; who has it open gets no more of it.
            guard try isThere() else {
                throw .notFound("something in the bundle was erased meanwhile")
            }
            do throws(SystemError) {
                return try head.read(count: count, at: offset)[...]
            } catch { throw .system(error) }
        }
        try advance(to: offset)
        guard let row else { return zeros(min(UInt64(limit), sizeBytes - offset)) }
        let place = offset - rowOffset
        let headerSize = UInt64(TarHeader.blockSizeBytes)
        if place < headerSize {
            let block = try block(of: row)[Int(place)...]
            return block.prefix(limit)
        }
        if place - headerSize < row.sizeBytes {
            return try payload(of: row).read(at: place - headerSize, limit: limit)
        }
        return zeros(min(UInt64(limit), rowOffset + Bundle.archivedBytes(row) - offset))
    }

    private func isThere() throws(StoreError) -> Bool {
        do throws(SystemError) {
            return try FileSystem.exists(head.path)
        } catch { throw .system(error) }
    }

    /// Goes to the payload that holds an offset; to none behind the last.
    private func advance(to offset: UInt64) throws(StoreError) {
        if row == nil, rowOffset == headSizeBytes { row = try rows.next() }
        while let current = row, offset >= rowOffset + Bundle.archivedBytes(current) {
            rowOffset += Bundle.archivedBytes(current)
            row = try rows.next()
            payload = nil
        }
    }

    private func block(of row: PayloadRow) throws(StoreError) -> [UInt8] {
        let stored = try store.record(at: row.index)
        guard let description = stored.description else { throw try erased(row.index) }
        header.set(
            name: (root + BundleLayout.payload(of: row.index, name: description.name)).utf8.span,
            sizeBytes: row.sizeBytes,
            modifiedSeconds: modifiedSeconds
        )
        return header.block
    }

    private func payload(of row: PayloadRow) throws(StoreError) -> PayloadReader {
        if let payload { return payload }
        let opened = try store.payload(at: row.index)
        payload = opened
        return opened
    }

    private func erased(_ index: RecordIndex) throws(StoreError) -> StoreError {
        guard let certificate = try store.certificate(for: index) else {
            return .damaged(path: store.paths.segments, detail: "record \(index) lost its opening")
        }
        return .erased(index, certificate: certificate)
    }

    private func zeros(_ count: UInt64) -> ArraySlice<UInt8> {
        TarHeader.endMark[..<min(Int(count), TarHeader.endMark.count)]
    }
}
