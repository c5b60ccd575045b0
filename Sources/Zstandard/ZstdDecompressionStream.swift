internal import CZstd

/// Decompresses one frame that comes in pieces, in bounded memory.
///
/// Belongs to one thread at a time. After an error only its end makes sense.
///
/// Reference: RFC 8878; `ZSTD_decompressStream`.
@safe package final class ZstdDecompressionStream {
    private let context: OpaquePointer
    private let scratch: UnsafeMutableRawBufferPointer
    /// Whether the frame has ended; what follows is not looked at.
    package private(set) var isFinished = false

    /// Frames that need more memory than 2^`maximumWindowLog` bytes are refused.
    package init(maximumWindowLog: Int32) {
        guard let context = unsafe ZSTD_createDCtx() else {
            preconditionFailure("out of memory for a zstd context")
        }
        unsafe self.context = context
        unsafe scratch = .allocate(byteCount: ZSTD_DStreamOutSize(), alignment: 16)
        let result = unsafe ZSTD_DCtx_setParameter(
            context,
            ZSTD_d_windowLogMax,
            maximumWindowLog
        )
        precondition(ZSTD_isError(result) == 0, "zstd refused a parameter")
    }

    deinit {
        unsafe ZSTD_freeDCtx(context)
        unsafe scratch.deallocate()
    }

    /// Appends up to `limitBytes` of the content to `output`.
    ///
    /// Without input it gives what was kept back for want of room.
    ///
    /// - Returns: How much of the input was taken. If it is all, and fewer than `limitBytes` came
    ///   out, more input is needed.
    /// - Throws: `damaged`. A skippable frame is one without content.
    package func decompress(
        _ input: Span<UInt8>,
        limitBytes: Int,
        to output: inout [UInt8]
    ) throws(ZstdError) -> Int {
        guard !isFinished, limitBytes > 0 else { return 0 }
        var (result, taken, count) = (0, 0, 0)
        unsafe input.withUnsafeBytes { input in
            var source = unsafe ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
            repeat {
                var target = unsafe ZSTD_outBuffer(
                    dst: scratch.baseAddress,
                    size: min(scratch.count, limitBytes - count),
                    pos: 0
                )
                let before = unsafe source.pos
                result = unsafe ZSTD_decompressStream(context, &target, &source)
                guard ZSTD_isError(result) == 0 else { return }
                let written = unsafe target.pos
                if written > 0 { unsafe output.append(contentsOf: scratch[..<written]) }
                count += written
                taken = unsafe source.pos
                if written == 0 && taken == before { return }
            } while result != 0 && count < limitBytes
        }
        guard ZSTD_isError(result) == 0 else {
            throw ZstdError(result: result, decompressing: true)
        }
        isFinished = result == 0
        return taken
    }
}
