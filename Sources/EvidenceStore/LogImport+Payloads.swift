import Cryptography
package import EvidenceModel
import Platform
import TransparencyLog

extension LogImport {
    /// What became of a payload that was offered.
    package enum Placement: Equatable, Sendable {
        case placed
        /// The record has it already, or was erased, or is none that has one.
        case unwanted
        /// It is not the record's: why.
        case refused(String)
    }

    /// Places the payload of a record that is not larger than 1 MiB.
    ///
    /// `record`: the record's bytes as they came with the payload. `opening`: that of a sealed
    /// record.
    package func place(
        _ index: RecordIndex,
        record: [UInt8],
        opening: SealedOpening?,
        payload: [UInt8]
    ) throws(StoreError) -> Placement {
        try place(index, record: record, opening: opening) { description throws(StoreError) in
            guard UInt64(payload.count) == description.payloadSize,
                payload.count <= PayloadFile.chunkSizeBytes,
                SHA256.hash(payload.span) == description.payloadDigest
            else { return nil }
            let content = try PayloadStaging.content(of: payload, compressor)
            guard case .chunk(let bytes, let codec, let checksum) = content else { return nil }
            return (.table(codec: codec, checksum: checksum), UInt64(bytes.count), bytes)
        }
    }

    /// Places a payload that has an object of its own: `file` holds the object's bytes.
    package func place(
        _ index: RecordIndex,
        record: [UInt8],
        opening: SealedOpening?,
        file: ImportedFile
    ) throws(StoreError) -> Placement {
        let (size, checksum) = try file.finish()
        let placement = try place(index, record: record, opening: opening) {
            description throws(StoreError) in
            guard try file.holds(description, of: index) else { return nil }
            return (.file(file.id, checksum: checksum), size, nil)
        }
        guard placement == .placed else { return placement }
        file.keep()
        uploads.markTaken(file.id)
        try uploads.settle()
        return .placed
    }

    /// Begins a file for the bytes of a payload's object.
    package func beginFile() throws(StoreError) -> ImportedFile { try ImportedFile(paths) }

    private func place(
        _ index: RecordIndex,
        record: [UInt8],
        opening: SealedOpening?,
        _ store: (EvidenceDescription) throws(StoreError) -> (
            place: RecordFrame.PayloadPlace, storedSizeBytes: UInt64, chunk: [UInt8]?
        )?
    ) throws(StoreError) -> Placement {
        guard let wanting = try wanting(index) else { return .unwanted }
        guard wanting.bytes == record else { return .refused("the record is another") }
        let description: EvidenceDescription
        switch (wanting.record, opening) {
        case (.evidence(let evidence), nil): description = evidence.description
        case (.sealedEvidence(let evidence), let opening?)
        where opening.commitment == evidence.commitment:
            description = opening.evidence
        default: return .refused("the opening is missing or wrong")
        }
        guard let stored = try store(description) else {
            return .refused("the payload is another than the record says")
        }
        // What was asked of the lock is nowhere in the copy; most requests ask for nothing.
        let fingerprint =
            description.idempotencyKey == nil
            ? nil : RequestFingerprint(description: description, lockRequest: .standard)
        let frame = RecordFrame(
            payload: stored.place,
            payloadSizeBytes: description.payloadSize,
            storedPayloadSizeBytes: stored.storedSizeBytes,
            fingerprint: fingerprint
        )
        try put(
            PendingRecord(
                index: index,
                frameBytes: frame.encoded(record: record.span),
                chunk: stored.chunk,
                opening: opening
            )
        )
        return .placed
    }
}

/// A payload file that comes as it is; gone again unless a record takes it.
///
/// Belongs to one thread at a time.
package final class ImportedFile {
    let id: UploadID
    private let path: String
    private let file: File
    private var sizeBytes: UInt64 = 0
    private var hasher = SHA256Hasher()
    private var isKept = false

    init(_ paths: StorePaths) throws(StoreError) {
        guard let id = UploadID(Random.bytes(count: 16).span) else {
            preconditionFailure("16 bytes make an upload id")
        }
        self.id = id
        path = paths.incoming(id)
        do throws(SystemError) {
            file = try File(path, .create(permissions: 0o440))
        } catch { throw .system(error) }
    }

    deinit {
        // No log was made yet that could name it.
        if !isKept { try? FileSystem.unlinkIfPresent(path) }
    }

    /// Takes the next bytes.
    package func write(_ bytes: Span<UInt8>) throws(StoreError) {
        do throws(SystemError) {
            try file.write(bytes)
        } catch { throw .system(error) }
        hasher.update(bytes)
        sizeBytes += UInt64(bytes.count)
    }

    func finish() throws(StoreError) -> (sizeBytes: UInt64, checksum: UInt64) {
        do throws(SystemError) {
            try file.sync()
        } catch { throw .system(error) }
        return (sizeBytes, hasher.finalize().word0)
    }

    func keep() { isKept = true }

    /// Whether the file is the form of exactly this payload, read from its first byte to its last.
    func holds(
        _ description: EvidenceDescription,
        of index: RecordIndex
    ) throws(StoreError) -> Bool {
        do throws(StoreError) {
            let opened: File
            do throws(SystemError) {
                opened = try File(path, .read)
            } catch { throw StoreError.system(error) }
            let reader = try PayloadReader(
                index: index,
                digest: description.payloadDigest,
                sizeBytes: description.payloadSize,
                file: opened
            )
            var offset: UInt64 = 0
            while offset < description.payloadSize {
                offset += UInt64(
                    try reader.read(at: offset, limit: PayloadFile.chunkSizeBytes).count
                )
            }
            return true
        } catch {
            guard case .damaged = error else { throw error }
            return false
        }
    }
}
