internal import CZstd

/// Compresses one frame from bytes that come in pieces.
///
/// The same bytes give the same frame, however they are cut into pieces. Belongs to one thread at a
/// time.
///
/// Reference: RFC 8878; `ZSTD_compressStream2`.
@safe package final class ZstdCompressionStream {
    private let context: OpaquePointer
    /// Where zstd writes; allocated once.
    private let scratch: UnsafeMutableRawBufferPointer
    private var hasContent = false

    /// With `checksum` the frame ends with a checksum of its content.
    package init(level: Int32 = 1, checksum: Bool) {
        guard let context = unsafe ZSTD_createCCtx() else {
            preconditionFailure("out of memory for a zstd context")
        }
        unsafe self.context = context
        unsafe scratch = .allocate(byteCount: ZSTD_CStreamOutSize(), alignment: 16)
        let results = unsafe [
            ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level),
            ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, checksum ? 1 : 0),
        ]
        precondition(results.allSatisfy { ZSTD_isError($0) == 0 }, "zstd refused a parameter")
    }

    deinit {
        unsafe ZSTD_freeCCtx(context)
        unsafe scratch.deallocate()
    }

    /// Takes the next bytes; what of the frame is ready is appended to `output`.
    package func append(_ bytes: Span<UInt8>, to output: inout [UInt8]) throws(ZstdError) {
        guard !bytes.isEmpty else { return }
        hasContent = true
        try run(bytes, ZSTD_e_continue, to: &output)
    }

    /// Ends the frame; the rest of it is appended to `output`.
    ///
    /// - Precondition: there is content. zstd would take a frame that ends with its first call for
    ///   one whose size is known beforehand, and write it in another way.
    package func finish(to output: inout [UInt8]) throws(ZstdError) {
        precondition(hasContent, "a frame without content")
        try run(Span(), ZSTD_e_end, to: &output)
        hasContent = false
    }

    private func run(
        _ bytes: Span<UInt8>,
        _ operation: ZSTD_EndDirective,
        to output: inout [UInt8]
    ) throws(ZstdError) {
        var result = 0
        unsafe bytes.withUnsafeBytes { bytes in
            var source = unsafe ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
            var isDone = false
            while !isDone {
                var target = unsafe ZSTD_outBuffer(
                    dst: scratch.baseAddress,
                    size: scratch.count,
                    pos: 0
                )
                result = unsafe ZSTD_compressStream2(context, &target, &source, operation)
                guard ZSTD_isError(result) == 0 else { return }
                let count = unsafe target.pos
                if count > 0 { unsafe output.append(contentsOf: scratch[..<count]) }
                // Of an end, how much is left to be written; else, whether all was taken.
                isDone = unsafe operation == ZSTD_e_end ? result == 0 : source.pos == source.size
            }
        }
        guard ZSTD_isError(result) == 0 else {
            throw ZstdError(result: result, decompressing: false)
        }
    }
}
