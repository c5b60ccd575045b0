import Cryptography
import EvidenceStore
import Platform

/// A file that is written from its start to its end, once, with the digest of its bytes.
final class SpoolFile {
    let path: String
    private(set) var sizeBytes: UInt64 = 0
    private let file: File
    private var hasher = SHA256Hasher()
    private var buffer: [UInt8] = []
    private let store: EvidenceStore

    private static let bufferSizeBytes = 1 << 20

    /// `store`: whose reserve of room on the disk is kept.
    init(_ path: String, _ store: EvidenceStore) throws(StoreError) {
        self.path = path
        self.store = store
        file = try Self.create(path)
    }

    private static func create(_ path: String) throws(StoreError) -> File {
        do throws(SystemError) {
            return try File(path, .create(permissions: 0o600))
        } catch { throw .system(error) }
    }

    func write(_ bytes: Span<UInt8>) throws(StoreError) {
        unsafe bytes.withUnsafeBufferPointer { unsafe buffer.append(contentsOf: $0) }
        if buffer.count >= Self.bufferSizeBytes { try flush() }
    }

    func write(_ bytes: ArraySlice<UInt8>) throws(StoreError) {
        buffer += bytes
        if buffer.count >= Self.bufferSizeBytes { try flush() }
    }

    func write(_ text: String) throws(StoreError) {
        let bytes = Array(text.utf8)
        try write(bytes.span)
    }

    private func flush() throws(StoreError) {
        let bytes = buffer
        try store.checkRoom(addingBytes: UInt64(buffer.count))
        hasher.update(bytes.span)
        do throws(SystemError) {
            try file.write(bytes.span, at: sizeBytes)
        } catch { throw .system(error) }
        sizeBytes += UInt64(buffer.count)
        buffer.removeAll(keepingCapacity: true)
    }

    /// Makes the file durable.
    ///
    /// - Returns: The digest of all its bytes.
    func finish() throws(StoreError) -> SHA256Digest {
        try flush()
        do throws(SystemError) {
            try file.sync()
        } catch { throw .system(error) }
        return hasher.finalize()
    }

    /// Lends all bytes, piece by piece, after `finish`.
    func forEachPiece(
        _ body: (Span<UInt8>) throws(StoreError) -> Void
    ) throws(StoreError) {
        var offset: UInt64 = 0
        while offset < sizeBytes {
            let count = Int(min(UInt64(Self.bufferSizeBytes), sizeBytes - offset))
            let piece: [UInt8]
            do throws(SystemError) {
                piece = try file.read(count: count, at: offset)
            } catch { throw .system(error) }
            guard piece.count == count else {
                throw .damaged(path: path, detail: "it is shorter than it was written")
            }
            try body(piece.span)
            offset += UInt64(count)
        }
    }
}
