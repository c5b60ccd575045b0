package import EvidenceModel
import Platform

/// The clock that a probe waits by.
package struct ProbeClock: Sendable {
    package let now: @Sendable () -> Timestamp
    package let sleep: @Sendable (_ milliseconds: UInt64) -> Void

    package init(
        now: @escaping @Sendable () -> Timestamp,
        sleep: @escaping @Sendable (_ milliseconds: UInt64) -> Void
    ) {
        self.now = now
        self.sleep = sleep
    }

    /// The machine's.
    package static let machine = ProbeClock(
        now: { Timestamp(milliseconds: Clock.wallMilliseconds()) ?? .earliest },
        sleep: { Clock.sleep(milliseconds: $0) }
    )
}

/// Tries whether a store keeps the rules of Object Lock, with tiny objects under short COMPLIANCE
/// locks below `probe/`.
///
/// A refusal proves something only where the same would be allowed without the lock. So beside
/// each thing that must be refused stands one that must be allowed: an object without a lock is
/// deleted, a lock is extended, an object whose lock has ended is deleted before the held one is
/// tried. Where that fails, the finding is `unknown`, not `enforced`. What the store *did* counts
/// more than what it said: each object is looked at again.
///
/// A run takes about as long as the locks last. What it leaves behind is removed by later runs,
/// where the credentials allow deletion.
package struct LockProbe: Sendable {
    let store: any ObjectStore
    let remover: any ObjectStore
    let clock: ProbeClock
    let lockSeconds: Int64

    /// `deleting`: the store with the credentials that may delete; without it the writing ones are
    /// tried.
    package init(
        _ store: any ObjectStore,
        deleting: (any ObjectStore)?,
        clock: ProbeClock = .machine,
        lockSeconds: Int64 = 12
    ) {
        precondition(lockSeconds >= 4, "a lock must outlive the requests that try it")
        self.store = store
        remover = deleting ?? store
        self.clock = clock
        self.lockSeconds = lockSeconds
    }

    /// Tries everything.
    ///
    /// - Throws: what kept it from trying: there is no report then.
    package func run() throws(StoreFailure) -> ProbeReport {
        var run = ProbeRun(self)
        do throws(StoreFailure) {
            try run.tryAll()
        } catch {
            // The failure is what counts; what stays is removed by a later run.
            _ = try? run.tidy()
            throw error
        }
        return run.report
    }
}

/// One run of a probe.
struct ProbeRun {
    static let prefix = "probe/"
    /// Left by earlier runs, when it is this old.
    private static let leftoverMilliseconds: Int64 = 3_600_000
    private static let lateness = " was tried too late: the store is slow"
    /// Tries, a second apart, until the store finds that a lock has ended.
    private static let endTries = 30

    let probe: LockProbe
    let folder: String
    var findings: [ProbeReport.Rule: ProbeReport.Finding] = [:]
    var notes: [String] = []
    var hasConditions = false
    var hasChecksums = false
    /// Whether these credentials may delete what is not locked.
    private var mayDelete = false

    var store: any ObjectStore { probe.store }
    private var remover: any ObjectStore { probe.remover }

    init(_ probe: LockProbe) {
        self.probe = probe
        let letters = Random.bytes(count: 8).map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }
        folder = Self.prefix + letters.joined() + "/"
    }

    var report: ProbeReport {
        ProbeReport(
            findings: findings,
            hasConditions: hasConditions,
            hasChecksums: hasChecksums,
            detail: notes.isEmpty ? nil : notes.joined(separator: "; ")
        )
    }

    mutating func tryAll() throws(StoreFailure) {
        guard try tryFree() else { return }
        hasConditions = try tryConditions()
        hasChecksums = try tryChecksums()
        try tryShorter()
        try tryWeaker()
        if mayDelete {
            try tryLocked()
            try tryMixed()
            try tryHeld()
        }
        try tidy()
    }

    // MARK: Steps

    /// Without a lock: whether there are versions, and whether these credentials may delete.
    private mutating func tryFree() throws(StoreFailure) -> Bool {
        let request = PutRequest(key: try key("free"), bytes: Array("free".utf8))
        guard let version = try store.put(request).version else {
            findings[.lockTold] = .ignored
            notes.append("the store gives no version ids, so it locks nothing")
            return false
        }
        let name = VersionedKey(request.key, version)
        let refused = try refusal { () throws(StoreFailure) in try remover.delete(name) }
        let isGone = try !isThere(name)
        mayDelete = refused == nil && isGone
        if !mayDelete {
            let answer = refused.map { "\($0)" } ?? "it says that it is gone, and it is there"
            notes.append(
                "deletion cannot be tried: an object without a lock could not be deleted "
                    + "(\(answer))"
            )
        }
        return true
    }

    private mutating func tryLocked() throws(StoreFailure) {
        let until = try end()
        let name = try locked("locked", until)
        let refused = try refusal { () throws(StoreFailure) in try remover.delete(name) }
        try judge(.deleteLocked, name, refused, lockedUntil: until)
    }

    private mutating func tryShorter() throws(StoreFailure) {
        let until = try end()
        let name = try locked("shorter", until)
        let shorter = try lock(.compliance, until, plus: -probe.lockSeconds / 2)
        let change = try change(name, to: shorter)
        // A date that is over may be refused for that alone.
        guard probe.clock.now() < shorter.until else {
            notes.append("\(ProbeReport.Rule.shortenLock.rawValue)\(Self.lateness)")
            return
        }
        try judge(.shortenLock, name, change, lockedUntil: until)
    }

    private mutating func tryWeaker() throws(StoreFailure) {
        let until = try end()
        let name = try locked("weaker", until)
        let change = try change(name, to: try lock(.governance, until, plus: 0))
        try judge(.weakenMode, name, change, lockedUntil: until)
    }

    private mutating func tryMixed() throws(StoreFailure) {
        let until = try end()
        let name = try locked("mixed", until)
        let request = PutRequest(key: try key("mixed-free"), bytes: Array("free".utf8))
        guard let version = try store.put(request).version else { return }
        let free = VersionedKey(request.key, version)
        var outcomes: [DeleteOutcome] = []
        let refused = try refusal { () throws(StoreFailure) in
            outcomes = try remover.delete([free, name])
        }
        if refused == nil, try isThere(name), outcomes.first?.failure != nil {
            let answer = outcomes[0].failure.map { "\($0)" } ?? ""
            notes.append("deletion of several cannot be tried: a free one stayed (\(answer))")
            return
        }
        try judge(
            .deleteMixed,
            name,
            refused ?? outcomes.last?.failure,
            lockedUntil: until
        )
    }

    /// Two with the same lock, one of them held: when the store lets the other go, the lock of both
    /// has ended by the store's own clock.
    private mutating func tryHeld() throws(StoreFailure) {
        let until = try end()
        let control = try locked("expired", until)
        let name = try locked("held", until, hold: .on)
        let wait = until.milliseconds - probe.clock.now().milliseconds + 1_500
        if wait > 0 { probe.clock.sleep(UInt64(wait)) }
        var refused: StoreFailure?
        for round in 0..<Self.endTries {
            if round > 0 { probe.clock.sleep(1_000) }
            refused = try refusal { () throws(StoreFailure) in try remover.delete(control) }
            if refused == nil { break }
        }
        if let refused {
            notes.append("a hold cannot be tried: a lock did not end at its date (\(refused))")
            return
        }
        let held = try refusal { () throws(StoreFailure) in try remover.delete(name) }
        try judge(.deleteHeld, name, held, lockedUntil: nil)
        guard try isThere(name) else { return }
        try store.setLegalHold(.off, of: name)
        let kept = try refusal { () throws(StoreFailure) in try remover.delete(name) }
        if let kept { notes.append("what was held cannot be deleted after its release (\(kept))") }
    }

    /// What became of a lock that must not be changed so; one that may be changed in no way shows
    /// nothing.
    private mutating func judge(
        _ rule: ProbeReport.Rule,
        _ name: VersionedKey,
        _ change: Change,
        lockedUntil until: Timestamp
    ) throws(StoreFailure) {
        guard case .refused = change else {
            findings[rule] = .ignored
            notes.append("\(rule.rawValue): \(change)")
            return
        }
        let longer = try self.change(name, to: try lock(.compliance, until, plus: 1))
        guard case .allowed = longer else {
            notes.append(
                "\(rule.rawValue) cannot be tried: a lock could not be extended (\(longer))"
            )
            return
        }
        findings[rule] = .enforced
    }

    /// What became of a deletion that must not be.
    private mutating func judge(
        _ rule: ProbeReport.Rule,
        _ name: VersionedKey,
        _ refused: StoreFailure?,
        lockedUntil until: Timestamp?
    ) throws(StoreFailure) {
        guard try isThere(name) else {
            if let until, probe.clock.now() >= until {
                notes.append("\(rule.rawValue)\(Self.lateness)")
                return
            }
            findings[rule] = .ignored
            let answer = refused.map { "; it said: \($0)" } ?? ""
            notes.append("\(rule.rawValue): \(name.key) was deleted\(answer)")
            return
        }
        switch refused {
        case nil:
            notes.append("\(rule.rawValue): the store says that it is gone, and it is there")
        case .unsupported(let detail): notes.append("\(rule.rawValue): \(detail)")
        default: findings[rule] = .enforced
        }
    }

    // MARK: Tidying

    /// Removes what this run has left, and what stayed of earlier ones, as far as it is not locked.
    mutating func tidy() throws(StoreFailure) {
        guard mayDelete else { return }
        var cursor: ListCursor?
        let old = probe.clock.now().adding(milliseconds: -Self.leftoverMilliseconds)
        // Bounded: what is left then is for the next run.
        for _ in 0..<10 {
            let page = try store.listVersions(
                prefix: Self.prefix,
                depth: .all,
                after: cursor,
                limit: 1_000
            )
            for entry in page.entries {
                let key = entry.name.key.text
                let isOld = entry.modified.flatMap { time in old.map { time < $0 } } ?? false
                // The last is what a `TargetCheck` has left.
                guard key.hasPrefix(folder) || isOld || key.hasSuffix("/check") else { continue }
                if key.hasSuffix("/held"), case .object = entry.content {
                    _ = try refusal { () throws(StoreFailure) in
                        try store.setLegalHold(.off, of: entry.name)
                    }
                }
                // Refused is what is locked; it is for a later run.
                _ = try refusal { () throws(StoreFailure) in try remover.delete(entry.name) }
            }
            cursor = page.next
            if cursor == nil { break }
        }
    }
}
