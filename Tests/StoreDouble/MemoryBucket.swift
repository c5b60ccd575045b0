import Cryptography
package import EvidenceModel
import Platform
package import Replication

/// What `MemoryStore`s keep their objects in, and the switches that make them go wrong.
///
/// All keys here are whole ones, with the prefix of the store that wrote them.
package final class MemoryBucket: Sendable {
    private enum Time {
        /// Milliseconds ahead of the machine's clock.
        case machine(ahead: Int64)
        case still(Timestamp)
    }

    private struct Setting {
        var time = Time.machine(ahead: 0)
        var faults: [StoreFault] = []
        var requests: [SeenRequest] = []
        var intercept: (@Sendable (SeenRequest) throws(StoreFailure) -> Void)?
    }

    let contents = Mutex(BucketContents())
    private let setting = Mutex(Setting())

    package init() {}

    // MARK: Clock

    /// The store's time.
    package var now: Timestamp {
        setting.withLock { setting in
            switch setting.time {
            case .still(let time): time
            case .machine(let ahead):
                Timestamp(milliseconds: Clock.wallMilliseconds() + ahead) ?? .latest
            }
        }
    }

    /// Sets the clock; it stands still from then on.
    package func setClock(_ time: Timestamp) {
        setting.withLock { $0.time = .still(time) }
    }

    /// Puts the clock on; whether it runs or stands still stays as it is.
    package func advance(milliseconds: Int64) {
        setting.withLock { setting in
            switch setting.time {
            case .still(let time):
                setting.time = .still(time.adding(milliseconds: milliseconds) ?? .latest)
            case .machine(let ahead): setting.time = .machine(ahead: ahead + milliseconds)
            }
        }
    }

    // MARK: Set-up

    /// What the bucket says of itself; with `defaultLock` versions without a lock get one.
    package func setUp(
        versioning: BucketFacts.Versioning = .enabled,
        hasObjectLock: Bool = true,
        defaultLock: (mode: RetentionMode, days: Int64)? = nil,
        region: String? = "us-east-1"
    ) {
        contents.withLock { contents in
            contents.versioning = versioning
            contents.hasObjectLock = hasObjectLock
            contents.defaultLock = defaultLock
            contents.region = region
        }
    }

    /// The rules that are not kept.
    package var ignoring: Set<StoreRule> {
        get { contents.withLock { $0.ignored } }
        set { contents.withLock { $0.ignored = newValue } }
    }

    /// The most entries of a page, however many are asked for.
    package var pageLimit: Int {
        get { contents.withLock { $0.pageLimit } }
        set { contents.withLock { $0.pageLimit = newValue } }
    }

    // MARK: Failures

    /// Lets the next so many of these requests fail.
    ///
    /// `effect`: `.done` is a reply that is lost. `prefix`: of the keys; a listing's key is its
    /// prefix, and other requests about many keys are meant by the empty one only.
    package func fail(
        next count: Int = 1,
        _ operations: Set<StoreOperation> = Set(StoreOperation.allCases),
        below prefix: String = "",
        with failure: StoreFailure,
        effect: StoreFault.Effect = .none
    ) {
        let fault = StoreFault(
            remaining: count,
            operations: operations,
            prefix: prefix,
            failure: failure,
            effect: effect
        )
        setting.withLock { $0.faults.append(fault) }
    }

    /// Nothing fails any more.
    package func heal() { setting.withLock { $0.faults = [] } }

    /// Called before each request, on its thread and outside of all locks: it may wait, or fail.
    package func intercept(
        _ body: (@Sendable (SeenRequest) throws(StoreFailure) -> Void)?
    ) {
        setting.withLock { $0.intercept = body }
    }

    /// All requests since the last call of `forgetRequests`.
    package var requests: [SeenRequest] { setting.withLock { $0.requests } }

    package func forgetRequests() { setting.withLock { $0.requests = [] } }

    /// Notes a request, and tells with what it is to fail.
    func begin(
        _ request: SeenRequest
    ) throws(StoreFailure) -> (failure: StoreFailure, effect: StoreFault.Effect)? {
        let intercept = setting.withLock { setting in
            setting.requests.append(request)
            return setting.intercept
        }
        if let intercept { try intercept(request) }
        return setting.withLock { setting in
            let place = setting.faults.firstIndex { fault in
                fault.remaining > 0 && fault.operations.contains(request.operation)
                    && (fault.prefix.isEmpty || request.key?.text.hasPrefix(fault.prefix) == true)
            }
            guard let place else { return nil }
            setting.faults[place].remaining -= 1
            return (setting.faults[place].failure, setting.faults[place].effect)
        }
    }

    // MARK: What is there, and damage that asks no lock

    /// All versions and delete markers, by key, of each the newest first.
    package func versions(below prefix: String = "") -> [StoredVersion] {
        contents.withLock { contents in
            contents.keys(below: prefix).flatMap { (contents.versions[$0] ?? []).reversed() }
        }
    }

    /// The bytes of a key's newest version; `nil` if there is none, or it is a marker.
    package func bytes(of key: ObjectKey) -> [UInt8]? {
        contents.withLock { $0.versions[key]?.last?.bytes }
    }

    /// Uploads in parts that were begun and neither completed nor given up.
    package var openUploads: Int { contents.withLock { $0.uploads.count } }

    /// Takes a version away, as no store may.
    package func vanish(_ name: VersionedKey) {
        contents.withLock { $0.remove(name) }
    }

    /// Takes all versions of a key away.
    package func vanish(_ key: ObjectKey) {
        contents.withLock { $0.versions[key] = nil }
    }

    /// Turns a bit of a version over; what the store says of it stays.
    package func flipBit(of name: VersionedKey, at offset: Int) {
        contents.withLock { contents in
            contents.change(name) { version in
                version.bytes?[offset] ^= 1
            }
        }
    }

    /// Puts a newer version with other bytes over a key.
    @discardableResult
    package func overwrite(_ key: ObjectKey, with bytes: [UInt8]) -> ObjectVersion {
        let now = now
        return contents.withLock { contents in
            contents.add(
                key,
                bytes: bytes,
                tag: BucketContents.tag(of: bytes),
                checksum: .whole(SHA256.hash(bytes.span)),
                lock: nil,
                hold: nil,
                at: now
            )
        }
    }

    /// Puts a delete marker over a key.
    @discardableResult
    package func mark(_ key: ObjectKey) -> ObjectVersion {
        let now = now
        return contents.withLock { contents in
            contents.add(
                key,
                bytes: nil,
                tag: nil,
                checksum: nil,
                lock: nil,
                hold: nil,
                at: now
            )
        }
    }

    /// Sets a version's lock, to whatever; `nil` takes it off.
    package func setLock(_ lock: ObjectLock?, of name: VersionedKey) {
        contents.withLock { contents in contents.change(name) { $0.lock = lock } }
    }

    /// Sets a version's hold; `nil`: it never was under one.
    package func setHold(_ hold: LegalHold?, of name: VersionedKey) {
        contents.withLock { contents in contents.change(name) { $0.hold = hold } }
    }
}

/// One version of an object, or a delete marker.
package struct StoredVersion: Equatable, Sendable {
    package let name: VersionedKey
    /// `nil`: a delete marker.
    package fileprivate(set) var bytes: [UInt8]?
    package let tag: ObjectTag?
    package let checksum: ObjectChecksum?
    package internal(set) var lock: ObjectLock?
    package internal(set) var hold: LegalHold?
    package let modified: Timestamp

    package var isDeleteMarker: Bool { bytes == nil }

    init(
        name: VersionedKey,
        bytes: [UInt8]?,
        tag: ObjectTag?,
        checksum: ObjectChecksum?,
        lock: ObjectLock?,
        hold: LegalHold?,
        modified: Timestamp
    ) {
        self.name = name
        self.bytes = bytes
        self.tag = tag
        self.checksum = checksum
        self.lock = lock
        self.hold = hold
        self.modified = modified
    }
}
