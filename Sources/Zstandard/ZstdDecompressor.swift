internal import CZstd

/// Decompresses; keeps its working memory from call to call.
///
/// Belongs to one thread at a time.
///
/// Reference: RFC 8878; `ZSTD_decompressDCtx`.
@safe package final class ZstdDecompressor {
    private let context: OpaquePointer

    package init() {
        guard let context = unsafe ZSTD_createDCtx() else {
            preconditionFailure("out of memory for a zstd context")
        }
        unsafe self.context = context
    }

    deinit { unsafe ZSTD_freeDCtx(context) }

    /// The content of exactly one frame.
    ///
    /// Never makes room for more than `originalSize` bytes, whatever the frame says.
    ///
    /// - Throws: `damaged` also if the frame does not tell its content's size, if that is not
    ///   `originalSize`, and if bytes follow the frame.
    package func decompress(
        _ frame: Span<UInt8>,
        originalSize: Int
    ) throws(ZstdError) -> [UInt8] {
        var output: [UInt8] = []
        try decompress(frame, originalSize: originalSize, into: &output)
        return output
    }

    /// Replaces the content of `output` by that of exactly one frame, and reuses its memory.
    ///
    /// - Throws: As `decompress(_:originalSize:)`; `output` is then empty.
    package func decompress(
        _ frame: Span<UInt8>,
        originalSize: Int,
        into output: inout [UInt8]
    ) throws(ZstdError) {
        output.removeAll(keepingCapacity: true)
        try Self.check(frame, originalSize: originalSize)
        var result = 0
        output.append(addingCapacity: originalSize) { content in
            unsafe content.withUnsafeMutableBufferPointer { buffer, count in
                result = unsafe frame.withUnsafeBufferPointer { frame in
                    unsafe ZSTD_decompressDCtx(
                        context,
                        buffer.baseAddress,
                        originalSize,
                        frame.baseAddress,
                        frame.count
                    )
                }
                count = ZSTD_isError(result) == 0 ? result : 0
            }
        }
        guard ZSTD_isError(result) == 0 else {
            throw ZstdError(result: result, decompressing: true)
        }
        guard output.count == originalSize else {
            output.removeAll(keepingCapacity: true)
            throw .damaged(detail: "\(result) bytes where \(originalSize) are expected")
        }
    }

    /// Looks at the frame's header and its end before anything is allocated.
    private static func check(_ frame: Span<UInt8>, originalSize: Int) throws(ZstdError) {
        let (magic, contentSize, frameSize) = unsafe frame.withUnsafeBytes { bytes in
            unsafe (
                bytes.count < 4 ? 0 : bytes.loadUnaligned(as: UInt32.self),
                ZSTD_getFrameContentSize(bytes.baseAddress, bytes.count),
                ZSTD_findFrameCompressedSize(bytes.baseAddress, bytes.count)
            )
        }
        guard UInt32(littleEndian: magic) == ZSTD_MAGICNUMBER,
            contentSize != shim_ZSTD_CONTENTSIZE_ERROR()
        else { throw .damaged(detail: "not a zstd frame") }
        guard contentSize != shim_ZSTD_CONTENTSIZE_UNKNOWN() else {
            throw .damaged(detail: "a frame that does not tell its size")
        }
        guard originalSize >= 0, contentSize == UInt64(originalSize) else {
            throw .damaged(
                detail: "a frame of \(contentSize) bytes where \(originalSize) are expected"
            )
        }
        // A block has at most 128 KiB of content and at least its header of three bytes: what is
        // allocated is in proportion to the input also where the caller took the size on trust.
        guard originalSize >> 17 <= frame.count / 3 else {
            throw .damaged(detail: "a frame of \(contentSize) bytes that cannot hold them")
        }
        guard ZSTD_isError(frameSize) == 0 else {
            throw ZstdError(result: frameSize, decompressing: true)
        }
        guard frameSize == frame.count else {
            throw .damaged(detail: "\(frame.count - frameSize) bytes after the frame")
        }
    }
}
