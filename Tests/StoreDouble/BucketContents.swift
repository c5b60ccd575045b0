import Cryptography
import EvidenceModel
import Replication

/// The objects of a bucket and the rules that it keeps to.
struct BucketContents {
    struct Upload {
        /// The whole one.
        let key: ObjectKey
        let request: MultipartRequest
        var parts: [Int: (bytes: [UInt8], part: UploadedPart)] = [:]
    }

    var versioning = BucketFacts.Versioning.enabled
    var hasObjectLock = true
    var defaultLock: (mode: RetentionMode, days: Int64)?
    var region: String? = "us-east-1"
    var ignored: Set<StoreRule> = []
    var pageLimit = 1_000

    /// Of each key the oldest first.
    var versions: [ObjectKey: [StoredVersion]] = [:]
    var uploads: [String: Upload] = [:]
    private var lastName: UInt64 = 0

    func keeps(_ rule: StoreRule) -> Bool { !ignored.contains(rule) }

    // MARK: Names

    /// A text that was never given before, and in no order.
    mutating func freshName() -> String {
        lastName += 1
        let bytes = Array("\(lastName)".utf8)
        return String(SHA256.hash(bytes.span).hex.prefix(32))
    }

    /// The MD5, in quotation marks.
    static func tag(of bytes: [UInt8]) -> ObjectTag? {
        guard let digest = MD5Hasher.hash(bytes.span) else { return nil }
        return ObjectTag("\"\(Hex.encode(digest.span))\"")
    }

    /// In the order of a listing.
    func keys(below prefix: String) -> [ObjectKey] {
        versions.keys.filter { $0.text.utf8.starts(with: prefix.utf8) }.sorted()
    }

    // MARK: Versions

    func newest(_ key: ObjectKey) -> StoredVersion? { versions[key]?.last }

    /// The named version, or the newest.
    func version(
        _ key: ObjectKey,
        _ version: ObjectVersion?
    ) throws(StoreFailure) -> StoredVersion {
        let all = versions[key] ?? []
        let found = version.map { name in all.last { $0.name.version == name } } ?? all.last
        guard let found else { throw .notFound }
        guard !found.isDeleteMarker else { throw .deleteMarker }
        return found
    }

    mutating func change(_ name: VersionedKey, _ body: (inout StoredVersion) -> Void) {
        let place = versions[name.key]?.firstIndex { $0.name == name }
        guard let place else { return }
        body(&versions[name.key, default: []][place])
    }

    mutating func remove(_ name: VersionedKey) {
        versions[name.key]?.removeAll { $0.name == name }
        if versions[name.key]?.isEmpty == true { versions[name.key] = nil }
    }

    /// Adds a version, whatever is there; returns its id.
    mutating func add(
        _ key: ObjectKey,
        bytes: [UInt8]?,
        tag: ObjectTag?,
        checksum: ObjectChecksum?,
        lock: ObjectLock?,
        hold: LegalHold?,
        at now: Timestamp
    ) -> ObjectVersion {
        guard let id = ObjectVersion(versioning == .enabled ? freshName() : "null") else {
            preconditionFailure("a version id is hexadecimal")
        }
        let isAlone = versioning == .never || !keeps(.versionsKept)
        versions[key, default: []].removeAll { isAlone || $0.name.version == id }
        versions[key, default: []].append(
            StoredVersion(
                name: VersionedKey(key, id),
                bytes: bytes,
                tag: tag,
                checksum: checksum,
                lock: lock,
                hold: hold,
                modified: now
            )
        )
        return id
    }

    // MARK: Rules

    func check(
        _ condition: PutRequest.Condition,
        _ key: ObjectKey
    ) throws(StoreFailure) {
        let newest = newest(key)
        switch condition {
        case .none: return
        case .absent:
            guard keeps(.absentCondition), newest?.bytes != nil else { return }
            throw .preconditionFailed
        case .matching(let tag):
            guard keeps(.matchingCondition) else { throw .preconditionFailed }
            guard let newest, newest.bytes != nil else { throw .notFound }
            guard newest.tag == tag else { throw .preconditionFailed }
        }
    }

    /// What a new version is to be locked with, and whether it may be at all.
    func granted(
        _ lock: ObjectLock?,
        _ hold: LegalHold,
        kept rule: StoreRule,
        at now: Timestamp
    ) throws(StoreFailure) -> (lock: ObjectLock?, hold: LegalHold?) {
        guard lock != nil || hold == .on else {
            let until = defaultLock.flatMap { standard in
                now.adding(milliseconds: standard.days * 86_400_000)?.roundedUpToSecond()
            }
            guard let defaultLock, let until else { return (nil, nil) }
            return (ObjectLock(mode: defaultLock.mode, until: until), nil)
        }
        guard hasObjectLock else {
            throw .rejected(detail: "InvalidRequest: the bucket has no Object Lock")
        }
        if let lock, lock.until <= now, keeps(.futureLock) {
            throw .rejected(detail: "InvalidArgument: the lock must end in the future")
        }
        guard keeps(rule) else { return (nil, nil) }
        return (lock, hold == .on ? .on : nil)
    }

    /// Throws `locked` if the version must stay by one of the rules.
    func checkDeletion(
        of name: VersionedKey,
        lock lockRule: StoreRule,
        hold holdRule: StoreRule,
        at now: Timestamp
    ) throws(StoreFailure) {
        guard let found = versions[name.key]?.first(where: { $0.name == name }) else { return }
        if let lock = found.lock, lock.until >= now, keeps(lockRule) {
            throw .locked(detail: "\(name) is under \(lock)")
        }
        if found.hold == .on, keeps(holdRule) {
            throw .locked(detail: "\(name) is under a legal hold")
        }
    }

    mutating func setRetention(
        _ lock: ObjectLock,
        of name: VersionedKey,
        at now: Timestamp
    ) throws(StoreFailure) {
        let found = try version(name.key, name.version)
        guard hasObjectLock else {
            throw .rejected(detail: "InvalidRequest: the bucket has no Object Lock")
        }
        if let old = found.lock, old.until >= now {
            if lock.until < old.until, keeps(.shortenLock) {
                throw .locked(detail: "\(name) is under \(old)")
            }
            if lock.mode != old.mode, keeps(.weakenMode) {
                throw .locked(detail: "\(name) is under \(old)")
            }
        }
        if lock.until <= now, keeps(.futureLock) {
            throw .rejected(detail: "InvalidArgument: the lock must end in the future")
        }
        change(name) { $0.lock = lock }
    }

    func head(_ version: StoredVersion) -> HeadResult {
        HeadResult(
            sizeBytes: UInt64(version.bytes?.count ?? 0),
            tag: version.tag,
            version: versioning == .never ? nil : version.name.version,
            lock: keeps(.lockTold) ? version.lock : nil,
            hold: keeps(.lockTold) ? version.hold : nil,
            checksum: keeps(.checksumTold) ? version.checksum : nil
        )
    }
}
