internal import Zstandard

/// The content of one zstd frame, pulled piece by piece out of a source that nobody trusts.
struct PackStream {
    /// What a frame may ask for, 8 MiB; the writer's frames need 512 KiB.
    private static let maximumWindowLog: Int32 = 23

    private let source: () throws -> [UInt8]?
    private let decompressor = ZstdDecompressionStream(maximumWindowLog: maximumWindowLog)
    private var piece: [UInt8] = []
    private var position = 0

    init(source: @escaping () throws -> [UInt8]?) {
        self.source = source
    }

    /// Replaces the content of `buffer` by exactly `count` bytes.
    ///
    /// - Throws: `truncated` if there are fewer.
    mutating func read(count: Int, into buffer: inout [UInt8]) throws(PackError) {
        buffer.removeAll(keepingCapacity: true)
        while buffer.count < count {
            guard !decompressor.isFinished else { throw .truncated }
            let before = buffer.count
            try decompress(limitBytes: count - before, to: &buffer)
            if buffer.count == before, position == piece.count, try !fill() { throw .truncated }
        }
    }

    /// Requires that the frame ends here, and the source with it.
    mutating func end() throws(PackError) {
        var rest: [UInt8] = []
        while !decompressor.isFinished {
            try decompress(limitBytes: 1, to: &rest)
            guard rest.isEmpty else { throw .damaged(detail: "data after the end mark") }
            if !decompressor.isFinished, position == piece.count, try !fill() { throw .truncated }
        }
        let isEmpty = position == piece.count
        guard isEmpty, try !fill() else {
            throw .damaged(detail: "data after the compressed frame")
        }
    }

    private mutating func decompress(
        limitBytes: Int,
        to buffer: inout [UInt8]
    ) throws(PackError) {
        do throws(ZstdError) {
            position += try decompressor.decompress(
                piece.span.extracting(droppingFirst: position),
                limitBytes: limitBytes,
                to: &buffer
            )
        } catch {
            switch error {
            case .outOfMemory: throw .outOfMemory
            case .damaged(let detail), .failed(let detail): throw .damaged(detail: detail)
            }
        }
    }

    /// Gets the next piece that is not empty; false at the end.
    private mutating func fill() throws(PackError) -> Bool {
        position = 0
        piece = []
        do {
            while let next = try source() {
                guard next.isEmpty else {
                    piece = next
                    return true
                }
            }
            return false
        } catch { throw .source(detail: "\(error)") }
    }
}
