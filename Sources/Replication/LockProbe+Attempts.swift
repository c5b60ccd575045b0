import Cryptography
import EvidenceModel

// What the steps of a probe are made of.
extension ProbeRun {
    /// How a lock was changed, by what is told afterwards.
    enum Change: CustomStringConvertible {
        case allowed
        case refused(StoreFailure)

        var description: String {
            switch self {
            case .allowed: "the store has done it"
            case .refused(let failure): "\(failure)"
            }
        }
    }

    func key(_ name: String) throws(StoreFailure) -> ObjectKey {
        guard let key = ObjectKey(folder + name) else {
            throw .local(detail: "\(folder)\(name) is no key")
        }
        return key
    }

    /// When a lock that begins now is to end.
    func end() throws(StoreFailure) -> Timestamp {
        let now = probe.clock.now().adding(milliseconds: probe.lockSeconds * 1_000)
        guard let until = now?.roundedUpToSecond() else {
            throw .local(detail: "the machine's clock is beyond the year 9999")
        }
        return until
    }

    func lock(
        _ mode: RetentionMode,
        _ until: Timestamp,
        plus seconds: Int64
    ) throws(StoreFailure) -> ObjectLock {
        let date = until.adding(milliseconds: seconds * 1_000)
        guard let date, let lock = ObjectLock(mode: mode, until: date) else {
            throw .local(detail: "the machine's clock is beyond the year 9999")
        }
        return lock
    }

    /// What the store says against it; `nil` if it is done.
    ///
    /// Failures that say nothing of locks are thrown.
    func refusal(
        _ body: () throws(StoreFailure) -> Void
    ) throws(StoreFailure) -> StoreFailure? {
        do throws(StoreFailure) {
            try body()
            return nil
        } catch {
            switch error {
            case .locked, .accessDenied, .rejected, .unsupported, .conflict, .preconditionFailed,
                .notFound, .deleteMarker:
                return error
            case .throttled, .unavailable, .circuitOpen, .invalid, .corrupt, .transport, .local:
                throw error
            }
        }
    }

    func isThere(_ name: VersionedKey) throws(StoreFailure) -> Bool {
        do throws(StoreFailure) {
            _ = try store.head(name.key, version: name.version)
            return true
        } catch .notFound {
            return false
        } catch .deleteMarker {
            return false
        }
    }

    /// Stores an object under COMPLIANCE, and compares what is told of it.
    mutating func locked(
        _ text: String,
        _ until: Timestamp,
        hold: LegalHold = .off
    ) throws(StoreFailure) -> VersionedKey {
        var request = PutRequest(key: try key(text), bytes: Array(text.utf8))
        let lock = try lock(.compliance, until, plus: 0)
        request.lock = lock
        request.hold = hold
        let stored = try store.put(request)
        guard let version = stored.version else {
            throw .corrupt(detail: "the store gave \(request.key) no version id")
        }
        let name = VersionedKey(request.key, version)
        let head = try store.head(name.key, version: version)
        var missing: [String] = []
        if head.version != version { missing.append("the version") }
        let locks = [head.lock, try store.retention(of: name)]
        if locks != [lock, lock] { missing.append("the lock") }
        if hold == .on {
            let holds = [head.hold, try store.legalHold(of: name)]
            if holds != [.on, .on] { missing.append("the hold") }
        }
        if missing.isEmpty {
            if findings[.lockTold] == nil { findings[.lockTold] = .enforced }
        } else {
            if findings[.lockTold] != .ignored {
                let words = missing.joined(separator: " and ")
                notes.append("of \(request.key) the store does not tell \(words) as asked for")
            }
            findings[.lockTold] = .ignored
        }
        return name
    }

    /// Asks for another lock; told is what counts, unless nothing is told.
    func change(
        _ name: VersionedKey,
        to lock: ObjectLock
    ) throws(StoreFailure) -> Change {
        let refused = try refusal { () throws(StoreFailure) in
            try store.setRetention(lock, of: name)
        }
        let told = try store.retention(of: name)
        if told == lock { return .allowed }
        if let refused { return .refused(refused) }
        guard told != nil else { return .allowed }
        return .refused(.corrupt(detail: "the store says that it is done, and it is not"))
    }

    /// Whether `If-None-Match` and `If-Match` hold where they must, and only there.
    mutating func tryConditions() throws(StoreFailure) -> Bool {
        var request = PutRequest(key: try key("register"), bytes: Array("one".utf8))
        request.condition = .absent
        let first = try store.put(request)
        let second = try refusal { () throws(StoreFailure) in _ = try store.put(request) }
        request = PutRequest(key: request.key, bytes: Array("two".utf8))
        request.condition = .matching(first.tag)
        let third = try refusal { () throws(StoreFailure) in _ = try store.put(request) }
        request = PutRequest(key: request.key, bytes: Array("three".utf8))
        request.condition = .matching(first.tag)
        let fourth = try refusal { () throws(StoreFailure) in _ = try store.put(request) }
        let isKept =
            second == .preconditionFailed && third == nil && fourth == .preconditionFailed
        if !isKept { notes.append("conditions of uploads are not kept: there is no fence") }
        return isKept
    }

    /// Whether a checksum is compared with the bytes, and told afterwards.
    mutating func tryChecksums() throws(StoreFailure) -> Bool {
        let request = PutRequest(key: try key("checksum"), bytes: Array("checksum".utf8))
        let stored = try store.put(request)
        let head = try store.head(request.key, version: stored.version)
        let other = PutRequest(
            key: try key("checksum-other"),
            body: .bytes(Array("others".utf8)),
            checksum: request.checksum
        )
        let isRefused: Bool
        do throws(StoreFailure) {
            isRefused = try refusal { () throws(StoreFailure) in _ = try store.put(other) } != nil
        } catch .corrupt {
            isRefused = true
        }
        let isKept = head.checksum == .whole(request.checksum) && isRefused
        if !isKept { notes.append("checksums are not compared, or not told") }
        return isKept
    }
}
