import Cryptography
package import EvidenceModel
import Platform
package import TransparencyLog

/// Tries everything that a target needs, before the log says a word of it.
///
/// What it leaves behind is one object below `probe/` under a lock of seconds, which the next lock
/// probe removes.
package struct TargetCheck {
    let store: any ObjectStore
    let deleting: (any ObjectStore)?
    let description: TargetDescription
    let clock: ProbeClock
    private let folder: String

    private static let lockMilliseconds: Int64 = 5_000
    /// Stores refuse requests beyond 15 minutes; from this on somebody should look.
    private static let skewMilliseconds: Int64 = 5 * 60_000

    /// Tries the bucket's set-up, its register, and all that is done with objects later on.
    ///
    /// `origin`: of this log, whose checkpoints `keys` have signed. `deleting`: the store with the
    /// credentials that delete, if there are any. `root`: of this log at a size; `nil` if it is not
    /// that large.
    ///
    /// - Throws: `unsuitable` with what is wrong, where, and what to do; `store` for what may pass.
    package static func run(
        _ store: any ObjectStore,
        _ description: TargetDescription,
        origin: String,
        keys: [VerifierKey],
        deleting: (any ObjectStore)?,
        clock: ProbeClock = .machine,
        root: (TreeSize) -> MerkleHash?
    ) throws(TargetError) -> BucketFacts {
        let check = TargetCheck(store, description, deleting, clock)
        let facts = try check.checkBucket()
        try check.checkRegister(origin: origin, keys: keys, root: root)
        try check.checkWriting()
        try check.checkDeleting()
        return facts
    }

    private init(
        _ store: any ObjectStore,
        _ description: TargetDescription,
        _ deleting: (any ObjectStore)?,
        _ clock: ProbeClock
    ) {
        self.store = store
        self.description = description
        self.deleting = deleting
        self.clock = clock
        folder = "probe/\(Hex.encode(Random.bytes(count: 8).span))/"
    }

    // MARK: The bucket

    private func checkBucket() throws(TargetError) -> BucketFacts {
        let facts = try asking("read how it is set up") { () throws(StoreFailure) in
            try store.bucketFacts()
        }
        var faults: [String] = []
        switch facts.versioning {
        case .enabled: break
        case .suspended: faults.append("its versioning is suspended")
        case .never: faults.append("its versioning is off")
        }
        if facts.objectLocking == nil { faults.append("it has no Object Lock") }
        guard faults.isEmpty else {
            throw unsuitable(
                "\(faults.joined(separator: " and "))",
                "nothing there would be kept from deletion: make a bucket with Object Lock "
                    + "enabled, which turns its versioning on, and name that one"
            )
        }
        if let retention = facts.objectLocking?.defaultRetention {
            throw unsuitable(
                "it has a default retention (\(retention))",
                "it would lock what is not to be locked, the register and journals among it: "
                    + "take it off the bucket; each object is locked by its own date"
            )
        }
        return facts
    }

    // MARK: The register

    private func checkRegister(
        origin: String,
        keys: [VerifierKey],
        root: (TreeSize) -> MerkleHash?
    ) throws(TargetError) {
        guard let text = try register() else { return try checkEmpty() }
        let elsewhere = "choose another bucket, or another prefix with --prefix"
        let checkpoint: Checkpoint
        do throws(NoteError) {
            checkpoint = try Checkpoint(parsing: SignedNote(parsing: text).text)
        } catch {
            throw unsuitable(
                "its \(ObjectLayout.checkpoint) is no checkpoint (\(error))",
                elsewhere
            )
        }
        guard checkpoint.origin.utf8.elementsEqual(origin.utf8) else {
            throw unsuitable(
                "it belongs to another log, \(checkpoint.origin), whose "
                    + "\(ObjectLayout.checkpoint) is there",
                elsewhere
            )
        }
        do throws(NoteError) {
            _ = try SignedCheckpoint.open(text, origin: origin, keys: keys)
        } catch {
            throw unsuitable(
                "its \(ObjectLayout.checkpoint) has the name of this log and not its signature "
                    + "(\(error))",
                "another log was given the same origin: \(elsewhere)"
            )
        }
        guard let own = root(checkpoint.size) else {
            throw unsuitable(
                "it holds a checkpoint of \(checkpoint.size) records, and this log is smaller",
                "this directory was set back to an older copy, or another node goes on with the "
                    + "log: stop the other one, or restore this one from the bucket"
            )
        }
        guard own == checkpoint.root else {
            throw unsuitable(
                "its checkpoint of \(checkpoint.size) records has another root than this log",
                "two nodes have gone on with the same log: stop one, keep both as they are, and "
                    + "see ops/runbooks for what to do with a fork"
            )
        }
    }

    /// The register's text; `nil` if there is none.
    private func register() throws(TargetError) -> String? {
        let sink = BoundedBytes(limit: SignedNote.maximumBytes)
        do throws(StoreFailure) {
            _ = try store.get(ObjectLayout.checkpoint, version: nil, range: nil) { piece in
                try sink.append(piece)
            }
        } catch .notFound {
            return nil
        } catch .deleteMarker {
            throw unsuitable(
                "a delete marker stands over its \(ObjectLayout.checkpoint)",
                "somebody has deleted the register of a log: find out who, and delete the marker "
                    + "if the bucket is this log's"
            )
        } catch .local(let detail) where sink.isFull {
            throw unsuitable(
                "its \(ObjectLayout.checkpoint) is no checkpoint (\(detail))",
                "choose another bucket, or another prefix with --prefix"
            )
        } catch {
            throw explained(error, "read its register")
        }
        return String(decoding: sink.bytes, as: UTF8.self)
    }

    /// Without a register there must be nothing where this log would write.
    private func checkEmpty() throws(TargetError) {
        let page = try asking("list its objects") { () throws(StoreFailure) in
            try store.listVersions(prefix: "", depth: .level, after: nil, limit: 1_000)
        }
        let ours = ObjectLayout.Folder.allCases.filter { $0 != .probe }.map(\.rawValue)
        let found = page.folders.filter(ours.contains)
        guard found.isEmpty else {
            throw unsuitable(
                "there are objects below \(found.joined(separator: ", ")), but no register",
                "they may be the copy of another log: choose another bucket, or another prefix "
                    + "with --prefix"
            )
        }
    }

    // MARK: Objects

    /// Writes, reads back, reads, extends, holds, releases and lists.
    private func checkWriting() throws(TargetError) {
        let bytes = Array("strongroom \(folder)".utf8)
        let lock = try lock(after: Self.lockMilliseconds)
        var request = PutRequest(key: try validKey("check"), bytes: bytes)
        request.lock = lock
        request.hold = .on
        request.condition = .absent
        let stored = try asking("write objects under a lock and a hold") {
            () throws(StoreFailure) in try store.put(request)
        }
        guard let version = stored.version else {
            throw unsuitable("it gives no version ids", "use a store that keeps versions")
        }
        let name = VersionedKey(request.key, version)
        do throws(TargetError) {
            try checkTold(name, request)
            try checkRead(name, bytes)
            try checkListing(name)
            let longer = try self.lock(after: Self.lockMilliseconds + 1_000)
            try asking("extend locks") { () throws(StoreFailure) in
                try store.setRetention(longer, of: name)
            }
        } catch {
            // The first failure is what counts.
            _ = try? store.setLegalHold(.off, of: name)
            throw error
        }
        try asking("release legal holds") { () throws(StoreFailure) in
            try store.setLegalHold(.off, of: name)
        }
    }

    private func checkTold(
        _ name: VersionedKey,
        _ request: PutRequest
    ) throws(TargetError) {
        let head = try asking("read what is told of objects") { () throws(StoreFailure) in
            try store.head(name.key, version: name.version)
        }
        let advice = "use a store that keeps Object Lock as Amazon S3 does"
        guard head.lock == request.lock else {
            let told = head.lock.map { "\($0)" } ?? "none"
            throw unsuitable(
                "an object was written \(request.lock.map { "\($0)" } ?? ""), and the lock that "
                    + "is told of it is \(told)",
                advice
            )
        }
        guard head.hold == .on else {
            throw unsuitable("of an object under a legal hold no hold is told", advice)
        }
        let isWhole = head.checksum.map { $0 == .whole(request.checksum) } ?? true
        guard head.sizeBytes == request.body.sizeBytes, isWhole, head.version == name.version
        else {
            throw unsuitable("of an object another size, checksum or version is told", advice)
        }
    }

    private func checkRead(_ name: VersionedKey, _ bytes: [UInt8]) throws(TargetError) {
        let sink = BoundedBytes(limit: bytes.count)
        _ = try asking("read objects") { () throws(StoreFailure) in
            try store.get(name.key, version: name.version, range: nil) { try sink.append($0) }
        }
        guard sink.bytes == bytes else {
            throw unsuitable(
                "an object was read with other bytes than were written",
                "something between this machine and the store changes them: find it"
            )
        }
    }

    /// Finds the object in a listing; its date tells the store's clock.
    private func checkListing(_ name: VersionedKey) throws(TargetError) {
        let now = clock.now()
        let page = try asking("list versions") { () throws(StoreFailure) in
            try store.listVersions(prefix: folder, depth: .all, after: nil, limit: 10)
        }
        guard let entry = page.entries.first(where: { $0.name == name }) else {
            throw unsuitable(
                "an object that was written is in no listing",
                "use a store whose listings show what was written before"
            )
        }
        guard let modified = entry.modified else { return }
        let skew = modified.milliseconds - now.milliseconds
        guard abs(skew) <= Self.skewMilliseconds else {
            let direction = skew > 0 ? "ahead of" : "behind"
            throw unsuitable(
                "its clock is \(abs(skew) / 1_000) s \(direction) this machine's",
                "set both by NTP: locks are dated by these clocks"
            )
        }
    }

    private func checkDeleting() throws(TargetError) {
        guard let deleting else { return }
        let request = PutRequest(key: try validKey("check-free"), bytes: Array("free".utf8))
        let stored = try asking("write objects") { () throws(StoreFailure) in
            try store.put(request)
        }
        guard let version = stored.version else {
            throw unsuitable("it gives no version ids", "use a store that keeps versions")
        }
        let name = VersionedKey(request.key, version)
        do throws(StoreFailure) {
            try deleting.delete(name)
        } catch {
            // As far as the credentials that write can.
            _ = try? store.delete(name)
            let profile = description.retentionProfile.map { "the profile \($0)" }
            let who = profile ?? "the credentials that delete"
            throw explained(error, "delete versions, as \(who) should")
        }
        do throws(StoreFailure) {
            _ = try store.head(name.key, version: name.version)
        } catch .notFound {
            return
        } catch {
            throw explained(error, "read what is told of objects")
        }
        throw unsuitable(
            "a version that was deleted is still there",
            "use a store that deletes what it is asked to delete"
        )
    }

    // MARK: Helpers

    private func validKey(_ name: String) throws(TargetError) -> ObjectKey {
        do throws(StoreFailure) {
            return try key(folder + name)
        } catch {
            throw .store(error, while: "naming an object")
        }
    }

    private func key(_ text: String) throws(StoreFailure) -> ObjectKey {
        guard let key = ObjectKey(text) else { throw .local(detail: "\(text) is no key") }
        return key
    }

    private func lock(after milliseconds: Int64) throws(TargetError) -> ObjectLock {
        let until = clock.now().adding(milliseconds: milliseconds)?.roundedUpToSecond()
        guard let until, let lock = ObjectLock(mode: .compliance, until: until) else {
            throw .refused("the clock of this machine is beyond the year 9999: set it")
        }
        return lock
    }

    private func asking<Result>(
        _ what: String,
        _ body: () throws(StoreFailure) -> Result
    ) throws(TargetError) -> Result {
        do throws(StoreFailure) {
            return try body()
        } catch {
            throw explained(error, what)
        }
    }

    private func explained(_ failure: StoreFailure, _ what: String) -> TargetError {
        TargetError(failure, description, doing: what)
    }

    private func unsuitable(_ what: String, _ advice: String) -> TargetError {
        .unsuitable("\(description.place): \(what); \(advice)")
    }
}

/// Takes bytes together, up to a limit; a reference, so that closures can share it.
private final class BoundedBytes {
    private(set) var bytes: [UInt8] = []
    private(set) var isFull = false
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    func append(_ piece: Span<UInt8>) throws(StoreFailure) {
        guard piece.count <= limit - bytes.count else {
            isFull = true
            throw .corrupt(detail: "larger than \(limit) bytes")
        }
        unsafe piece.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    }
}
