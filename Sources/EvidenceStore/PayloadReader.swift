package import Cryptography
import EvidenceModel
import Platform
import Zstandard

/// Reads a payload, any part of it, in pieces of at most 1 MiB.
///
/// A payload of up to 1 MiB is checked against its digest when it is opened, before a byte is given
/// out. Of a larger one each frame is checked as it is read, and, where it is read from the first
/// byte to the last, the digest before the last piece is given out.
///
/// A payload file can be erased under its reader, which finds it empty then: `erasure` tells that
/// from damage.
///
/// `@unchecked Sendable`: one thread at a time reads.
package final class PayloadReader: @unchecked Sendable {
    package let digest: SHA256Digest
    package let sizeBytes: UInt64
    private let index: RecordIndex
    private let frames: [PayloadFile.Frame]
    private let file: File?
    /// Why nothing can be read any more, if the payload was erased.
    private let erasure: @Sendable () -> StoreError?
    private let decompressor = ZstdDecompressor()
    /// The piece that was read last, and its number; a small payload is piece 0.
    private var piece: [UInt8] = []
    private var pieceNumber = 0
    private var hasher = SHA256Hasher()
    /// How far the payload was hashed, from its first byte on without a gap.
    private var hashedBytes: UInt64 = 0
    /// The whole was read, and has another digest than the record says.
    private var isWrong = false

    /// A payload from a segment's table.
    init(
        index: RecordIndex,
        digest: SHA256Digest,
        sizeBytes: UInt64,
        chunk: [UInt8],
        codec: RecordFrame.PayloadCodec
    ) throws(StoreError) {
        (self.index, self.digest, self.sizeBytes) = (index, digest, sizeBytes)
        frames = []
        file = nil
        erasure = { nil }
        switch codec {
        case .asItIs: piece = chunk
        case .zstd:
            guard sizeBytes <= UInt64(PayloadFile.chunkSizeBytes) else {
                throw Self.damaged(index, "its size is wrong")
            }
            piece = try Self.decompress(chunk, Int(sizeBytes), decompressor, index)
        }
        guard UInt64(piece.count) == sizeBytes, SHA256.hash(piece.span) == digest else {
            throw Self.damaged(index, "its bytes do not have the digest that the record names")
        }
    }

    /// A payload from a file of its own.
    ///
    /// `erasure`: asked when what is read is not what was pushed; the error to throw if that is
    /// because the payload was erased, nil if it was not.
    init(
        index: RecordIndex,
        digest: SHA256Digest,
        sizeBytes: UInt64,
        file: consuming File,
        erasure: @escaping @Sendable () -> StoreError? = { nil }
    ) throws(StoreError) {
        (self.index, self.digest, self.sizeBytes) = (index, digest, sizeBytes)
        self.erasure = erasure
        do throws(StoreError) {
            frames = try PayloadFile.frames(in: file, sizeBytes: sizeBytes)
        } catch {
            throw erasure() ?? error
        }
        self.file = consume file
        pieceNumber = -1
    }

    /// The bytes from `offset` on, up to the end of a piece; empty at the end of the payload.
    ///
    /// `limit`: at most so many bytes.
    /// - Throws: `damaged` if what is stored is not what was pushed; what `erasure` says if it was
    ///   erased meanwhile.
    package func read(at offset: UInt64, limit: Int) throws(StoreError) -> ArraySlice<UInt8> {
        guard offset < sizeBytes, limit > 0 else { return [] }
        let size = UInt64(PayloadFile.chunkSizeBytes)
        let (number, start) = (Int(offset / size), Int(offset % size))
        if number != pieceNumber {
            do throws(StoreError) {
                try load(number)
            } catch {
                throw erasure() ?? error
            }
        }
        return piece[start..<min(piece.count, start + limit)]
    }

    private func load(_ number: Int) throws(StoreError) {
        guard !isWrong else { throw Self.damaged(index, "it does not have its digest") }
        guard file != nil, number < frames.count else {
            throw Self.damaged(index, "it is shorter than the record says")
        }
        let frame = frames[number]
        guard frame.storedSizeBytes <= 2 * PayloadFile.chunkSizeBytes else {
            throw Self.damaged(index, "frame \(number) is larger than a frame can be")
        }
        let stored = try read(frame)
        // Until all of it is checked nothing is given out, nor after a failure.
        pieceNumber = -1
        piece = try Self.decompress(stored, frame.originalSizeBytes, decompressor, index)
        try check(number)
        pieceNumber = number
    }

    private func read(_ frame: PayloadFile.Frame) throws(StoreError) -> [UInt8] {
        do throws(SystemError) {
            let bytes = try file?.read(count: frame.storedSizeBytes, at: frame.offset)
            if let bytes, bytes.count == frame.storedSizeBytes { return bytes }
        } catch {
            throw .system(error)
        }
        throw Self.damaged(index, "its file was cut while it was read")
    }

    /// Goes on with the digest if the pieces come in order, and compares it after the last.
    private func check(_ number: Int) throws(StoreError) {
        guard hashedBytes == UInt64(number) * UInt64(PayloadFile.chunkSizeBytes) else { return }
        hasher.update(piece.span)
        hashedBytes += UInt64(piece.count)
        guard hashedBytes == sizeBytes else { return }
        guard hasher.finalize() == digest else {
            isWrong = true
            throw Self.damaged(index, "its bytes do not have the digest that the record names")
        }
    }

    private static func decompress(
        _ bytes: [UInt8],
        _ size: Int,
        _ decompressor: ZstdDecompressor,
        _ index: RecordIndex
    ) throws(StoreError) -> [UInt8] {
        do throws(ZstdError) {
            return try decompressor.decompress(bytes.span, originalSize: size)
        } catch {
            throw damaged(index, "it cannot be decompressed (\(error))")
        }
    }

    private static func damaged(_ index: RecordIndex, _ detail: String) -> StoreError {
        .damaged(path: "the payload of record \(index)", detail: detail)
    }
}
