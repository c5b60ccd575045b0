package import Cryptography
import Platform
import Synchronization
import Zstandard

/// A payload on its way in: hashed and compressed as it arrives.
///
/// Up to 1 MiB stays in memory and goes into the segment with its record. What is larger goes to a
/// file under `payloads/incoming`, frame by frame. `finish` makes it durable; an upload that is not
/// finished, or whose staged payload no record takes, leaves nothing behind.
///
/// `@unchecked Sendable`: one thread at a time uses it, the one that serves the request.
package final class PayloadUpload: @unchecked Sendable {
    private let staging: PayloadStaging
    private var hasher = SHA256Hasher()
    private var buffer: [UInt8] = []
    private var sizeBytes: UInt64 = 0
    private var file: PayloadFileWriter?
    private var reservedBytes = 0

    init(staging: PayloadStaging, expectedSizeBytes: UInt64?) throws(StoreError) {
        self.staging = staging
        let chunk = PayloadFile.chunkSizeBytes
        let expected = Int(min(expectedSizeBytes ?? 0, UInt64(chunk)))
        try staging.reserve(expected)
        reservedBytes = expected
        buffer.reserveCapacity(expected)
    }

    deinit { staging.release(reservedBytes) }

    /// Takes the next bytes.
    ///
    /// - Throws: `invalid` beyond the payload limit, `storageFull`, `overloaded`, `system`.
    package func write(_ bytes: Span<UInt8>) throws(StoreError) {
        let (size, overflow) = sizeBytes.addingReportingOverflow(UInt64(bytes.count))
        guard !overflow, size <= staging.limitBytes else {
            throw .invalid("the payload is larger than the limit of \(staging.limitBytes) bytes")
        }
        sizeBytes = size
        hasher.update(bytes)
        var rest = bytes.extracting(first: bytes.count)
        while !rest.isEmpty {
            if buffer.count == PayloadFile.chunkSizeBytes { try spill() }
            let part = rest.extracting(first: PayloadFile.chunkSizeBytes - buffer.count)
            try hold(buffer.count + part.count)
            unsafe part.withUnsafeBufferPointer { unsafe buffer.append(contentsOf: $0) }
            rest = rest.extracting(droppingFirst: part.count)
        }
    }

    /// Ends the payload.
    ///
    /// If it has a file, that is durable on return.
    package func finish() throws(StoreError) -> StagedPayload {
        let digest = hasher.finalize()
        guard file != nil else {
            return StagedPayload(
                digest: digest,
                sizeBytes: sizeBytes,
                content: try staging.chunk(buffer)
            )
        }
        try spill()
        guard let file else { preconditionFailure("a spilled payload has a file") }
        let (stored, checksum) = try staging.failure.reportingSyncs { () throws(StoreError) in
            try file.finish(staging.metrics)
        }
        return StagedPayload(
            digest: digest,
            sizeBytes: sizeBytes,
            content: .file(file, storedSizeBytes: stored, checksum: checksum)
        )
    }

    /// Writes the buffer as the file's next frame.
    private func spill() throws(StoreError) {
        try staging.reserve.check(adding: UInt64(buffer.count))
        let writer: PayloadFileWriter
        if let file {
            writer = file
        } else {
            writer = try PayloadFileWriter(paths: staging.paths)
            file = writer
        }
        var chunk: [UInt8] = []
        swap(&chunk, &buffer)
        try writer.append(chunk.span)
        chunk.removeAll(keepingCapacity: true)
        swap(&chunk, &buffer)
    }

    /// Accounts for the buffer's memory, and grows it by doubling.
    private func hold(_ count: Int) throws(StoreError) {
        guard count > reservedBytes else { return }
        let wanted = min(max(count, 2 * reservedBytes, 4096), PayloadFile.chunkSizeBytes)
        try staging.reserve(wanted - reservedBytes)
        reservedBytes = wanted
        buffer.reserveCapacity(wanted)
    }
}

/// A whole payload that waits for its record.
package struct StagedPayload: Sendable {
    package let digest: SHA256Digest
    package let sizeBytes: UInt64
    let content: Content

    enum Content: Sendable {
        /// Up to 1 MiB: the chunk as it will be stored.
        case chunk([UInt8], codec: RecordFrame.PayloadCodec, checksum: UInt64)
        case file(PayloadFileWriter, storedSizeBytes: UInt64, checksum: UInt64)
    }
}

/// What all uploads of a store share: limits, compressors, where files go.
final class PayloadStaging: Sendable {
    let paths: StorePaths
    let reserve: DiskReserve
    let metrics: StoreMetrics
    let failure: FailureReport
    let limitBytes: UInt64
    private let memoryLimitBytes: Int
    private let memoryBytes = Atomic<Int>(0)
    /// Idle compressors; a server has at most as many as it has threads.
    private let compressors = Platform.Mutex<[ZstdCompressor]>([])

    init(
        paths: StorePaths,
        configuration: StoreConfiguration,
        reserve: DiskReserve,
        metrics: StoreMetrics,
        failure: FailureReport
    ) {
        self.failure = failure
        self.paths = paths
        self.reserve = reserve
        self.metrics = metrics
        limitBytes = configuration.payloadLimitBytes
        memoryLimitBytes = configuration.uploadLimitBytes
    }

    func reserve(_ bytes: Int) throws(StoreError) {
        let total = memoryBytes.wrappingAdd(bytes, ordering: .relaxed).newValue
        guard total <= memoryLimitBytes else {
            memoryBytes.wrappingSubtract(bytes, ordering: .relaxed)
            throw .overloaded(retryAfterSeconds: 1)
        }
    }

    func release(_ bytes: Int) { memoryBytes.wrappingSubtract(bytes, ordering: .relaxed) }

    /// The form in which a small payload is stored: compressed if that is shorter.
    func chunk(_ bytes: [UInt8]) throws(StoreError) -> StagedPayload.Content {
        let compressor = compressors.withLock { $0.popLast() } ?? Self.compressor()
        defer { compressors.withLock { $0.append(compressor) } }
        return try Self.content(of: bytes, compressor)
    }

    static func content(
        of bytes: [UInt8],
        _ compressor: ZstdCompressor
    ) throws(StoreError) -> StagedPayload.Content {
        do throws(ZstdError) {
            let compressed = try compressor.compress(bytes.span)
            let isShorter = compressed.count < bytes.count
            let stored = isShorter ? compressed : bytes
            return .chunk(
                stored,
                codec: isShorter ? .zstd : .asItIs,
                checksum: RecordFrame.shortChecksum(stored.span)
            )
        } catch {
            throw .unavailable("zstd cannot compress: \(error)")
        }
    }

    static func compressor() -> ZstdCompressor {
        ZstdCompressor(level: PayloadFile.compressionLevel, checksum: true)
    }

    /// The same bytes as in `chunk`, where that compresses.
    static func compressed(_ bytes: [UInt8]) throws(StoreError) -> [UInt8] {
        do throws(ZstdError) {
            return try compressor().compress(bytes.span)
        } catch {
            throw .unavailable("zstd cannot compress: \(error)")
        }
    }
}

/// Writes a payload file under `payloads/incoming`, and removes it again unless a record took it.
///
/// `@unchecked Sendable`: the request's thread writes; then the sequencer marks it as taken.
final class PayloadFileWriter: @unchecked Sendable {
    let id: UploadID
    private let path: String
    private let directory: String
    private let file: File
    private let compressor: ZstdCompressor
    private var compressed: [UInt8] = []
    private var frames: [PayloadFile.Frame] = []
    private var offset: UInt64 = 0
    private var hasher = SHA256Hasher()
    private var isTaken = false

    init(paths: StorePaths) throws(StoreError) {
        guard let id = UploadID(Random.bytes(count: 16).span) else {
            preconditionFailure("16 bytes make an upload id")
        }
        self.id = id
        path = paths.incoming(id)
        directory = paths.incoming
        compressor = PayloadStaging.compressor()
        do throws(SystemError) {
            file = try File(path, .create(permissions: 0o440))
        } catch {
            throw .system(error)
        }
    }

    deinit {
        // Nothing names the file, and recovery removes it too: a failure here is harmless.
        if !isTaken { try? FileSystem.unlinkIfPresent(path) }
    }

    func append(_ bytes: Span<UInt8>) throws(StoreError) {
        var frame: [UInt8] = []
        swap(&frame, &compressed)
        do throws(ZstdError) {
            try compressor.compress(bytes, into: &frame)
        } catch {
            throw .unavailable("zstd cannot compress: \(error)")
        }
        try write(frame.span)
        frames.append(
            PayloadFile.Frame(
                offset: offset,
                storedSizeBytes: frame.count,
                originalSizeBytes: bytes.count
            )
        )
        offset += UInt64(frame.count)
        swap(&frame, &compressed)
    }

    /// Writes the seek table and makes file and name durable.
    ///
    /// - Returns: The file's length in bytes, and the first 8 bytes of its SHA-256.
    func finish(
        _ metrics: StoreMetrics
    ) throws(StoreError) -> (sizeBytes: UInt64, checksum: UInt64) {
        let table = PayloadFile.seekTable(frames)
        try write(table.span)
        compressed = []
        let begin = Clock.monotonicNanoseconds()
        do throws(SystemError) {
            try file.sync()
            try FileSystem.syncDirectory(directory)
        } catch {
            throw .system(error)
        }
        metrics.payloadSyncSeconds.record(
            Double(Clock.monotonicNanoseconds() - begin) / 1_000_000_000
        )
        return (offset + UInt64(table.count), hasher.finalize().word0)
    }

    /// A durable record names the file now: it stays.
    func markTaken() { isTaken = true }

    private func write(_ bytes: Span<UInt8>) throws(StoreError) {
        hasher.update(bytes)
        do throws(SystemError) {
            try file.write(bytes)
        } catch {
            throw .system(error)
        }
    }
}
