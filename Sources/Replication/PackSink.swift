internal import Cryptography
internal import EvidenceModel
internal import Platform
internal import TarArchive
internal import TransparencyLog
internal import Zstandard

/// Members on their way into the object: headers and padding around them, compressed, hashed, and
/// put where they belong.
///
/// Keeps its memory: nothing is allocated for a member.
struct PackSink: ~Copyable {
    /// So many bytes go to a file at once.
    private static let pieceSizeBytes = 128 << 10
    private static let compressionLevel: Int32 = 1

    private var file: File?
    private let compressor = ZstdCompressionStream(level: compressionLevel, checksum: true)
    private var hasher = SHA256Hasher()
    private var sizeBytes: UInt64 = 0
    /// Compressed, and not in the file yet; without a file all.
    private var output: [UInt8] = []
    private var header = TarHeaderWriter()
    private var name: [UInt8] = []

    init(_ sink: PackWriter.Sink) throws(PackError) {
        guard case .file(let path) = sink else {
            file = nil
            return
        }
        do throws(SystemError) {
            file = try File(path, .create(permissions: 0o600))
        } catch { throw .system(error) }
    }

    /// Adds a whole member.
    mutating func member(
        _ name: Span<UInt8>,
        _ content: Span<UInt8>,
        _ seconds: UInt64
    ) throws(PackError) {
        header.set(name: name, sizeBytes: UInt64(content.count), modifiedSeconds: seconds)
        try writeHeader()
        try write(content)
        try pad(after: UInt64(content.count))
    }

    /// Adds a whole member of a record.
    mutating func member(
        _ folder: MemberName.Folder,
        _ index: RecordIndex,
        _ content: Span<UInt8>,
        _ seconds: UInt64
    ) throws(PackError) {
        try begin(folder, index, sizeBytes: UInt64(content.count), seconds)
        try write(content)
        try pad(after: UInt64(content.count))
    }

    /// Adds the header of a record's member.
    mutating func begin(
        _ folder: MemberName.Folder,
        _ index: RecordIndex,
        sizeBytes: UInt64,
        _ seconds: UInt64
    ) throws(PackError) {
        MemberName.set(&name, folder, index)
        let bytes = name
        header.set(name: bytes.span, sizeBytes: sizeBytes, modifiedSeconds: seconds)
        try writeHeader()
    }

    /// Adds zeros up to the next header.
    mutating func pad(after sizeBytes: UInt64) throws(PackError) {
        let count = TarHeader.paddingBytes(sizeBytes: sizeBytes)
        let zeros = TarHeader.endMark
        try write(zeros.span.extracting(first: count))
    }

    mutating func write(_ bytes: Span<UInt8>) throws(PackError) {
        do throws(ZstdError) {
            try compressor.append(bytes, to: &output)
        } catch { throw Self.failure(error) }
        if output.count >= Self.pieceSizeBytes { try flush() }
    }

    /// Ends the object and closes its file.
    mutating func finish() throws(PackError) -> PackWriter.Result {
        let endMark = TarHeader.endMark
        try write(endMark.span)
        do throws(ZstdError) {
            try compressor.finish(to: &output)
        } catch { throw Self.failure(error) }
        if file != nil {
            try flush()
            file = nil
        }
        let bytes = output
        output = []
        hasher.update(bytes.span)
        sizeBytes += UInt64(bytes.count)
        return PackWriter.Result(digest: hasher.finalize(), sizeBytes: sizeBytes, bytes: bytes)
    }

    mutating func close() { file = nil }

    private mutating func writeHeader() throws(PackError) {
        let block = header.block
        do throws(ZstdError) {
            try compressor.append(block.span, to: &output)
        } catch { throw Self.failure(error) }
    }

    private mutating func flush() throws(PackError) {
        guard file != nil else { return }
        do {
            let bytes = output
            do throws(SystemError) {
                try file?.write(bytes.span)
            } catch { throw PackError.system(error) }
            hasher.update(bytes.span)
            sizeBytes += UInt64(bytes.count)
        }
        output.removeAll(keepingCapacity: true)
    }

    private static func failure(_ error: ZstdError) -> PackError {
        switch error {
        case .outOfMemory: .outOfMemory
        case .damaged(let detail), .failed(let detail): .damaged(detail: detail)
        }
    }
}
