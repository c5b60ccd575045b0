internal import CZstd

/// Compresses; keeps its working memory from call to call.
///
/// Belongs to one thread at a time.
///
/// Reference: RFC 8878; `ZSTD_compress2`.
@safe package final class ZstdCompressor {
    private let context: OpaquePointer
    private var scratch: [UInt8] = []

    /// With `checksum` each frame ends with a checksum of its content, so that decompression
    /// detects damage.
    package init(level: Int32 = 1, checksum: Bool) {
        guard let context = unsafe ZSTD_createCCtx() else {
            preconditionFailure("out of memory for a zstd context")
        }
        unsafe self.context = context
        let results = unsafe [
            ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level),
            ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, checksum ? 1 : 0),
        ]
        precondition(results.allSatisfy { ZSTD_isError($0) == 0 }, "zstd refused a parameter")
    }

    deinit { unsafe ZSTD_freeCCtx(context) }

    /// The size that no frame of `sizeBytes` bytes exceeds.
    ///
    /// Reference: `ZSTD_compressBound`.
    package static func outputBound(sizeBytes: Int) -> Int { ZSTD_compressBound(sizeBytes) }

    /// One frame of `bytes` that tells their size; the array is no larger than it needs to be.
    package func compress(_ bytes: Span<UInt8>) throws(ZstdError) -> [UInt8] {
        try compress(bytes, into: &scratch)
        return unsafe scratch.withUnsafeBufferPointer { unsafe [UInt8]($0) }
    }

    /// Replaces the content of `output` by one frame of `bytes`, and reuses its memory.
    package func compress(
        _ bytes: Span<UInt8>,
        into output: inout [UInt8]
    ) throws(ZstdError) {
        output.removeAll(keepingCapacity: true)
        var result = 0
        output.append(addingCapacity: Self.outputBound(sizeBytes: bytes.count)) { frame in
            unsafe frame.withUnsafeMutableBufferPointer { buffer, count in
                result = unsafe bytes.withUnsafeBufferPointer { bytes in
                    unsafe ZSTD_compress2(
                        context,
                        buffer.baseAddress,
                        buffer.count,
                        bytes.baseAddress,
                        bytes.count
                    )
                }
                count = ZSTD_isError(result) == 0 ? result : 0
            }
        }
        guard ZSTD_isError(result) == 0 else {
            throw ZstdError(result: result, decompressing: false)
        }
    }
}
