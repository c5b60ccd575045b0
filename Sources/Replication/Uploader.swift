import Cryptography
import EvidenceModel

/// Stores objects in a target and reads back what the store says of them.
///
/// Nothing counts as stored before its size, checksum, lock, hold and version were compared.
struct Uploader: Sendable {
    let store: any ObjectStore
    /// Whether the store tells checksums; if not, the bytes are read back.
    let tellsChecksums: Bool

    /// How much is looked at after the upload.
    enum Check: Sendable {
        case readBack
        /// The store's reply is enough: for what is looked at later or by sample.
        case reply
    }

    /// Objects larger than this go in parts.
    static let multipartLimitBytes: UInt64 = 5 << 30
    static let partBytes: UInt64 = 64 << 20

    /// Stores an object that nothing may stand in for; one that is there already must be the same.
    ///
    /// - Returns: The version that is verified.
    func store(
        _ request: PutRequest,
        _ check: Check = .readBack
    ) throws(StoreFailure) -> ObjectVersion {
        var request = request
        request.condition = .absent
        let version: ObjectVersion?
        if request.body.sizeBytes > Self.multipartLimitBytes {
            version = try storeInParts(request)
        } else {
            do throws(StoreFailure) {
                let result = try store.put(request)
                if check == .reply, let version = result.version { return version }
                version = result.version
            } catch .preconditionFailed {
                // An earlier try has stored it, or somebody else something.
                version = nil
            }
        }
        let expected = Expected(request)
        guard let version else { return try adopt(expected) }
        return try verify(expected, version)
    }

    /// Takes over what an earlier try has stored: it was locked from an earlier moment on.
    ///
    /// - Throws: `notFound`, or `corrupt` if something else stands there.
    func adopt(_ expected: Expected) throws(StoreFailure) -> ObjectVersion {
        let head = try store.head(expected.key, version: nil)
        if let lock = expected.lock, let found = head.lock, found.mode == lock.mode,
            found.until < lock.until, let version = head.version
        {
            try store.setRetention(lock, of: VersionedKey(expected.key, version))
        }
        // It may have been released since: the same records held for the same matter again.
        if expected.hold == .on, head.hold != .on, let version = head.version {
            try store.setLegalHold(.on, of: VersionedKey(expected.key, version))
        }
        return try verify(expected, head.version)
    }

    /// What must be found in the store.
    struct Expected: Sendable {
        let key: ObjectKey
        let sizeBytes: UInt64
        let checksum: SHA256Digest
        let lock: ObjectLock?
        let hold: LegalHold

        init(_ request: PutRequest) {
            key = request.key
            sizeBytes = request.body.sizeBytes
            checksum = request.checksum
            lock = request.lock
            hold = request.hold
        }

        init(_ entry: LedgerEntry) {
            key = entry.key
            sizeBytes = entry.sizeBytes
            checksum = entry.digest
            lock = entry.lock
            hold = entry.hold
        }
    }

    /// Compares an object with what it should be; without a version the newest.
    func verify(
        _ request: Expected,
        _ version: ObjectVersion?
    ) throws(StoreFailure) -> ObjectVersion {
        let key = request.key
        let head = try store.head(key, version: version)
        guard let told = head.version, version == nil || told == version else {
            throw .corrupt(detail: "\(key): the store tells no version, or another")
        }
        guard head.sizeBytes == request.sizeBytes else {
            throw .corrupt(
                detail: "\(key) has \(head.sizeBytes) bytes in the store, not "
                    + "\(request.sizeBytes)"
            )
        }
        if let lock = request.lock {
            guard let found = head.lock, found.mode == lock.mode, found.until >= lock.until else {
                let state = head.lock.map { "\($0)" } ?? "without a lock"
                throw .corrupt(detail: "\(key) is \(state) in the store, not \(lock)")
            }
        }
        guard request.hold == .off || head.hold == .on else {
            throw .corrupt(detail: "\(key) is under no legal hold in the store")
        }
        switch head.checksum {
        case .whole(let digest)?:
            guard digest == request.checksum else { throw Self.other(key) }
        case .composite?: try compareBytes(request, told)
        case nil:
            guard !tellsChecksums else {
                throw .corrupt(detail: "\(key): the store tells no checksum, which it used to")
            }
            try compareBytes(request, told)
        }
        return told
    }

    private func compareBytes(
        _ request: Expected,
        _ version: ObjectVersion
    ) throws(StoreFailure) {
        let digest = DigestSink()
        _ = try store.get(request.key, version: version, range: nil) { digest.append($0) }
        guard digest.finalize() == request.checksum else { throw Self.other(request.key) }
    }

    private static func other(_ key: ObjectKey) -> StoreFailure {
        .corrupt(detail: "\(key) has other bytes in the store than were sent")
    }

    // MARK: Parts

    private func storeInParts(_ request: PutRequest) throws(StoreFailure) -> ObjectVersion? {
        guard case .file(let path, let start, let sizeBytes) = request.body else {
            preconditionFailure("what is in memory fits into one request")
        }
        var multipart = MultipartRequest(key: request.key)
        multipart.lock = request.lock
        multipart.hold = request.hold
        multipart.mediaType = request.mediaType
        let upload = try store.beginMultipart(multipart)
        do throws(StoreFailure) {
            var parts: [UploadedPart] = []
            var offset: UInt64 = 0
            while offset < sizeBytes {
                let count = min(Self.partBytes, sizeBytes - offset)
                let body = ObjectBody.file(path: path, offset: start + offset, sizeBytes: count)
                parts.append(
                    try store.uploadPart(
                        upload,
                        number: parts.count + 1,
                        body: body,
                        checksum: try FileDigest.sha256(path, start + offset, count)
                    )
                )
                offset += count
            }
            return try store.completeMultipart(upload, parts: parts, condition: .absent).version
        } catch .preconditionFailed {
            try store.abortMultipart(upload)
            return nil
        } catch {
            // What the store keeps of it costs money; the first failure says more than a second.
            try? store.abortMultipart(upload)
            throw error
        }
    }
}

/// Hashes what is handed to it; a reference, so that closures can share it.
final class DigestSink {
    private var hasher = SHA256Hasher()

    func append(_ bytes: Span<UInt8>) { hasher.update(bytes) }

    func finalize() -> SHA256Digest { hasher.finalize() }
}
