import Cryptography
import EvidenceModel
import Platform
package import Replication

/// An `ObjectStore` in memory, strict as Amazon's: locks, holds, versions, delete markers,
/// conditions and checksums.
///
/// The bucket has the clock, the switches that turn single rules off, and the failures that are to
/// come. A failure comes once: the double sends nothing again.
package final class MemoryStore: ObjectStore {
    package let bucket: MemoryBucket
    let prefix: String
    private let allowed: Set<StoreOperation>
    private let counts = Mutex(StoreStatistics())

    /// A store with credentials for these operations, whose keys stand below `prefix`.
    package init(
        _ bucket: MemoryBucket = MemoryBucket(),
        prefix: String = "",
        allowing allowed: Set<StoreOperation> = Set(StoreOperation.allCases)
    ) {
        self.bucket = bucket
        self.prefix = prefix
        self.allowed = allowed
    }

    package var statistics: StoreStatistics { counts.withLock { $0 } }

    /// The key as the bucket has it.
    func whole(_ key: ObjectKey) throws(StoreFailure) -> ObjectKey {
        guard let key = ObjectKey(prefix + key.text) else {
            throw .rejected(detail: "KeyTooLongError: \(key)")
        }
        return key
    }

    func whole(_ name: VersionedKey) throws(StoreFailure) -> VersionedKey {
        VersionedKey(try whole(name.key), name.version)
    }

    /// Without the prefix.
    func short(_ key: ObjectKey) throws(StoreFailure) -> ObjectKey {
        let text = String(decoding: key.text.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
        guard let key = ObjectKey(text) else { throw .corrupt(detail: "an empty key") }
        return key
    }

    /// One request: what is asked of the bucket, with its failures.
    func perform<Result>(
        _ operation: StoreOperation,
        _ key: ObjectKey?,
        _ body: (inout BucketContents, _ now: Timestamp) throws(StoreFailure) -> Result
    ) throws(StoreFailure) -> Result {
        counts.withLock { $0.requests += 1 }
        let fault: (failure: StoreFailure, effect: StoreFault.Effect)?
        do throws(StoreFailure) {
            fault = try bucket.begin(SeenRequest(operation: operation, key: key))
            if let fault, fault.effect == .none { throw fault.failure }
        } catch {
            counts.withLock { $0.faults += 1 }
            throw error
        }
        guard allowed.contains(operation) else {
            throw .accessDenied(detail: "AccessDenied (status 403): \(operation)")
        }
        let now = bucket.now
        let result = try bucket.contents.withLock { contents throws(StoreFailure) in
            try body(&contents, now)
        }
        if let fault {
            counts.withLock { $0.faults += 1 }
            throw fault.failure
        }
        return result
    }

    func bytes(of body: ObjectBody) throws(StoreFailure) -> [UInt8] {
        counts.withLock { $0.sentBytes += body.sizeBytes }
        switch body {
        case .bytes(let bytes): return bytes
        case .file(let path, let offset, let sizeBytes):
            do {
                return try File(path, .read).read(count: Int(sizeBytes), at: offset)
            } catch {
                throw .local(detail: "\(error)")
            }
        }
    }

    package func put(_ request: PutRequest) throws(StoreFailure) -> PutResult {
        let key = try whole(request.key)
        let bytes = try bytes(of: request.body)
        return try perform(.put, key) { contents, now throws(StoreFailure) in
            guard
                !contents.keeps(.checksumVerified)
                    || SHA256.hash(bytes.span) == request.checksum
            else { throw .corrupt(detail: "BadDigest (status 400): \(key)") }
            try contents.check(request.condition, key)
            let granted = try contents.granted(
                request.lock,
                request.hold,
                kept: .lockKept,
                at: now
            )
            guard let tag = BucketContents.tag(of: bytes) else {
                throw .local(detail: "there is no MD5 on this machine")
            }
            let version = contents.add(
                key,
                bytes: bytes,
                tag: tag,
                checksum: .whole(request.checksum),
                lock: granted.lock,
                hold: granted.hold,
                at: now
            )
            return PutResult(
                version: contents.versioning == .never ? nil : version,
                tag: tag,
                confirmation: .reply
            )
        }
    }

    package func get(
        _ key: ObjectKey,
        version: ObjectVersion?,
        range: ClosedRange<UInt64>?,
        receive: (Span<UInt8>) throws -> Void
    ) throws(StoreFailure) -> HeadResult {
        let key = try whole(key)
        let (head, bytes) = try perform(.get, key) { contents, _ throws(StoreFailure) in
            let found = try contents.version(key, version)
            return (contents.head(found), found.bytes ?? [])
        }
        var piece = bytes[...]
        if let range {
            guard range.lowerBound < UInt64(bytes.count) else {
                throw .rejected(detail: "InvalidRange (status 416): \(range) of \(key)")
            }
            let end = min(range.upperBound, UInt64(bytes.count) - 1)
            piece = bytes[Int(range.lowerBound)...Int(end)]
        }
        counts.withLock { $0.receivedBytes += UInt64(piece.count) }
        // In pieces, as from a network.
        while !piece.isEmpty {
            let next = Array(piece.prefix(65_536))
            do {
                try receive(next.span)
            } catch {
                throw .local(detail: "\(error)")
            }
            piece = piece.dropFirst(next.count)
        }
        return head
    }

    package func head(
        _ key: ObjectKey,
        version: ObjectVersion?
    ) throws(StoreFailure) -> HeadResult {
        let key = try whole(key)
        return try perform(.head, key) { contents, _ throws(StoreFailure) in
            contents.head(try contents.version(key, version))
        }
    }

    package func delete(_ name: VersionedKey) throws(StoreFailure) {
        let name = try whole(name)
        try perform(.delete, name.key) { contents, now throws(StoreFailure) in
            do throws(StoreFailure) {
                try contents.checkDeletion(
                    of: name,
                    lock: .deleteLocked,
                    hold: .deleteHeld,
                    at: now
                )
            } catch {
                throw explained(error)
            }
            contents.remove(name)
        }
    }

    package func delete(_ names: [VersionedKey]) throws(StoreFailure) -> [DeleteOutcome] {
        guard !names.isEmpty else { return [] }
        precondition(names.count <= 1_000, "a store deletes at most 1,000 versions in one request")
        var wholes: [VersionedKey] = []
        for name in names { wholes.append(try whole(name)) }
        return try perform(.deleteMany, nil) { contents, now in
            zip(names, wholes).map { name, whole in
                do throws(StoreFailure) {
                    try contents.checkDeletion(
                        of: whole,
                        lock: .deleteMixed,
                        hold: .deleteMixed,
                        at: now
                    )
                    contents.remove(whole)
                    return DeleteOutcome(name: name, failure: nil)
                } catch {
                    return DeleteOutcome(name: name, failure: explained(error))
                }
            }
        }
    }

    /// Who may delete, but not look, is not told of the lock.
    private func explained(_ failure: StoreFailure) -> StoreFailure {
        guard case .locked = failure, !allowed.contains(.head) else { return failure }
        return .accessDenied(detail: "AccessDenied (status 403)")
    }

    package func retention(of name: VersionedKey) throws(StoreFailure) -> ObjectLock? {
        let name = try whole(name)
        return try perform(.retention, name.key) { contents, _ throws(StoreFailure) in
            contents.head(try contents.version(name.key, name.version)).lock
        }
    }

    package func setRetention(
        _ lock: ObjectLock,
        of name: VersionedKey
    ) throws(StoreFailure) {
        let name = try whole(name)
        try perform(.setRetention, name.key) { contents, now throws(StoreFailure) in
            try contents.setRetention(lock, of: name, at: now)
        }
    }

    package func legalHold(of name: VersionedKey) throws(StoreFailure) -> LegalHold {
        let name = try whole(name)
        return try perform(.legalHold, name.key) { contents, _ throws(StoreFailure) in
            contents.head(try contents.version(name.key, name.version)).hold ?? .off
        }
    }

    package func setLegalHold(
        _ hold: LegalHold,
        of name: VersionedKey
    ) throws(StoreFailure) {
        let name = try whole(name)
        try perform(.setLegalHold, name.key) { contents, _ throws(StoreFailure) in
            _ = try contents.version(name.key, name.version)
            guard contents.hasObjectLock else {
                throw .rejected(detail: "InvalidRequest: the bucket has no Object Lock")
            }
            guard hold == .on || contents.keeps(.holdReleased) else { return }
            contents.change(name) { $0.hold = hold }
        }
    }

    package func bucketFacts() throws(StoreFailure) -> BucketFacts {
        try perform(.bucketFacts, nil) { contents, _ in
            let standard = contents.defaultLock.map { "\($0.mode), \($0.days) days" }
            return BucketFacts(
                versioning: contents.versioning,
                objectLocking: contents.hasObjectLock
                    ? BucketFacts.ObjectLocking(defaultRetention: standard) : nil,
                region: contents.region
            )
        }
    }
}
