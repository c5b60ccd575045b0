internal import CZstd

/// Why zstd refused, named by what the caller can do about it.
package enum ZstdError: Error, Equatable, Sendable {
    /// The bytes are not the one whole frame that they were said to be.
    case damaged(detail: String)
    /// The system gave no memory.
    case outOfMemory
    /// Any other error of libzstd; its own words.
    case failed(detail: String)

    /// The meaning of a result for which `ZSTD_isError` holds.
    init(result: Int, decompressing: Bool) {
        let detail = unsafe String(cString: ZSTD_getErrorName(result))
        self =
            if ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation {
                .outOfMemory
            } else if decompressing {
                .damaged(detail: detail)
            } else {
                .failed(detail: detail)
            }
    }
}

extension ZstdError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .damaged(let detail): "the compressed data is damaged: \(detail)"
        case .outOfMemory: "out of memory in zstd"
        case .failed(let detail): "zstd failed: \(detail)"
        }
    }
}
