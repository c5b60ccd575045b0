public import Cryptography
public import TransparencyLog

/// What all acts of a log come to: policies, locks that were changed, holds, erasures, tokens,
/// targets.
///
/// The fold over the acts, in the order of their indexes, is the only way to a state: whoever has
/// the log has the same state, and `exported` has the same bytes. A state is a value; copies share
/// what they do not change. It knows nothing of evidence but what acts say: what is asked of a
/// record takes the facts of that record.
public struct LogState: Equatable, Sendable {
    /// A policy that was set, and the record that set it.
    struct PolicySetting: Equatable {
        let policy: CollectionPolicy
        let index: RecordIndex
    }

    /// What acts did to the lock of a record.
    struct LockChange: Equatable {
        /// The lock that the last of them gave.
        var lock: Lock?
        /// The event that the record awaited, once it is recorded.
        var event: EventName?
        /// The `lock.bypassed` record, if there is one.
        var bypassed: RecordIndex?
        /// All of them, ascending.
        var history: [RecordIndex] = []
    }

    /// An erasure, and the copies in which its bytes are gone.
    struct Erasure: Equatable {
        let records: IndexRanges
        var copies: [String] = []
    }

    /// A part of a census that is not yet complete.
    struct CensusProgress: Equatable {
        let before: RecordIndex
        let part: Int
        let parts: Int
    }

    /// What the newest census says of a collection.
    struct CensusMention: Equatable {
        let entry: CensusEntry
        let index: RecordIndex
    }

    /// The newest `access.digest`.
    public struct AccessDigest: Equatable, Sendable {
        /// Its record.
        public let index: RecordIndex
        /// The day that it ends.
        public let day: String
        /// The lines of the access log up to there.
        public let count: UInt64
        /// The head of the hash chain.
        public let head: SHA256Digest
    }

    /// The persons who made the log.
    let founders: [ExactText]
    var policySettings: [CollectionName: PolicySetting] = [:]
    var lockChanges = IndexMap<LockChange>()
    /// Explicit holds, by record; the same as `explicit` of all matters.
    var heldBy = IndexMap<[Matter]>()
    /// Matters with holds by selection, ascending.
    var selecting: [Matter] = []
    var erasedBy = IndexMap<RecordIndex>()
    var erasures: [RecordIndex: Erasure] = [:]
    var tokensByName: [PrincipalName: TokenState] = [:]
    var censusMentions: [CollectionName: CensusMention] = [:]
    var censusProgress: CensusProgress?
    /// What has to be purged from targets: of each the erasures since it was added that lack their
    /// `payload.purged`; follows from `erasures` and `targets`.
    var owed: [TargetName: [RecordIndex: IndexRanges]] = [:]
    /// Targets that were removed, and the records that did it: their names are never given again.
    var removedTargets: [TargetName: RecordIndex] = [:]
    /// The last act.
    var lastAct: RecordIndex?

    /// The keys with which the log signs or signed, the oldest first.
    public internal(set) var keys: [LogKey]

    /// All matters ever named.
    public internal(set) var matters: [Matter: MatterState] = [:]
    /// Erasures whose local bytes may still stand: `payload.erased` without a `payload.purged` of
    /// the copy `local`.
    public internal(set) var unpurged: [RecordIndex: IndexRanges] = [:]
    /// The last part of the newest complete census, and the index below which it counted.
    public internal(set) var lastCensus: (index: RecordIndex, before: RecordIndex)? {
        get { lastCensusValue.map { ($0.index, $0.before) } }
        set {
            lastCensusValue = newValue.map { CompleteCensus(index: $0.index, before: $0.before) }
        }
    }
    /// The targets that there are, at most ``maximumTargetCount``.
    public internal(set) var targets: [TargetName: TargetState] = [:]
    /// The newest `access.digest`.
    public internal(set) var lastAccessDigest: AccessDigest?
    /// The `log.closed` record, if the log is closed.
    public internal(set) var closed: RecordIndex?
    /// How many acts there are.
    public internal(set) var actCount: UInt64 = 0

    /// A tuple has no `==` of its own.
    private struct CompleteCensus: Equatable {
        let index: RecordIndex
        let before: RecordIndex
    }

    private var lastCensusValue: CompleteCensus?

    /// The state of a log without acts.
    ///
    /// `founders`: as the record `log.created` names them; they decide who counts as a person of
    /// their own when two are needed.
    public init(founders: [String] = []) {
        self.founders = founders.map { ExactText($0) }
        keys = []
    }

    /// The state of a log that holds nothing but its first record.
    public init(_ creation: LogCreation) {
        self.init(founders: creation.founders)
        keys = creation.verifierKeys.map { LogKey(key: $0, rotated: nil, until: nil) }
    }
}

/// The lock of one record, as it stands.
public struct LockStanding: Equatable, Sendable {
    /// The lock in force: that of the leaf, of extensions, or of the event, whichever is latest.
    public let lock: Lock
    /// The `lock.bypassed` record, if there is one.
    public let bypassed: RecordIndex?
    /// The `payload.erased` record, if the payload is gone.
    public let erased: RecordIndex?
    /// The acts that changed the lock, ascending: extensions, events, a bypass.
    public let history: [RecordIndex]
}

extension LogState {
    // MARK: Policies

    /// The policy of a collection; `defaults` if none was set.
    public func policy(
        for collection: CollectionName,
        defaults: CollectionPolicy = .standard
    ) -> CollectionPolicy {
        policySettings[collection]?.policy ?? defaults
    }

    /// The `policy.set` record in force.
    public func policyIndex(for collection: CollectionName) -> RecordIndex? {
        policySettings[collection]?.index
    }

    /// All policies that were set, by collection.
    public var policies:
        [(collection: CollectionName, policy: CollectionPolicy, index: RecordIndex)]
    {
        policySettings.sorted { $0.key < $1.key }.map { ($0.key, $0.value.policy, $0.value.index) }
    }

    // MARK: Locks

    /// The lock of a record; `lock`: that of its leaf.
    public func lockStanding(of index: RecordIndex, lock: Lock) -> LockStanding {
        let erased = erasure(of: index)
        guard let change = lockChanges.value(at: index) else {
            return LockStanding(lock: lock, bypassed: nil, erased: erased, history: [])
        }
        return LockStanding(
            lock: Self.inForce(leaf: lock, change),
            bypassed: change.bypassed,
            erased: erased,
            history: change.history
        )
    }

    /// The strongest of both in either respect; the event ends the waiting, nothing else does.
    private static func inForce(leaf: Lock, _ change: LockChange) -> Lock {
        guard let changed = change.lock else { return leaf }
        let mode = leaf.mode == .compliance ? leaf.mode : changed.mode
        switch (leaf.end, changed.end) {
        case (.until(let first), .until(let second)):
            return Lock(mode: mode, end: .until(max(first, second)))
        case (.awaiting(let event, _), .until) where event == change.event:
            return Lock(mode: mode, end: changed.end)
        case (.awaiting, _): return Lock(mode: mode, end: leaf.end)
        case (.until, .awaiting): return Lock(mode: mode, end: changed.end)
        }
    }

    /// Records whose lock was changed by acts to a date not after `limit`, and which are not
    /// erased, ascending: what an erasure has to look at besides the dates of leaves.
    public func changedLocks(notAfter limit: Timestamp) -> [RecordIndex] {
        var found: [RecordIndex] = []
        for (range, change) in lockChanges.runs {
            guard case .until(let until)? = change.lock?.end, until <= limit else { continue }
            for value in range where erasure(of: RecordIndex(value)) == nil {
                found.append(RecordIndex(value))
            }
        }
        return found
    }

    // MARK: Holds

    /// The matters that hold a record, ascending.
    public func mattersHolding(_ facts: RecordFacts) -> [Matter] {
        let explicit = heldBy.value(at: facts.index) ?? []
        let selected = selecting.filter { matter in
            matters[matter]?.selections.contains { $0.holds(facts) } == true
        }
        guard !selected.isEmpty else { return explicit }
        return Set(explicit).union(selected).sorted()
    }

    /// Whether some hold is by selection, so that descriptions of records are needed.
    public var hasSelectionHolds: Bool { !selecting.isEmpty }

    // MARK: Erasures

    /// The `payload.erased` record that covers a record.
    public func erasure(of index: RecordIndex) -> RecordIndex? { erasedBy.value(at: index) }

    /// The records of a range that are erased.
    public func erased(in range: ClosedRange<UInt64>) -> IndexRanges {
        var ranges: [ClosedRange<UInt64>] = []
        erasedBy.forEach(in: range) { range, _ in IndexRanges.append(range, to: &ranges) }
        return IndexRanges(canonical: ranges)
    }

    /// The copies of which `payload.purged` says that the bytes of an erasure are gone, in the
    /// order of these records.
    public func purgedCopies(of erasure: RecordIndex) -> [String] {
        erasures[erasure]?.copies ?? []
    }

    // MARK: Tokens

    /// The bearer of a token; `nil` if it is unknown, revoked, or expired by the later clock.
    public func principal(named name: PrincipalName, at clock: ClockReading) -> Principal? {
        guard let token = tokensByName[name], token.isValid(at: clock) else { return nil }
        return Principal(
            name: name,
            role: token.grant.role,
            rights: token.grant.rights,
            collections: token.grant.collections,
            chain: chain(of: name)
        )
    }

    /// A token's name, who made it, who made that one, and so on.
    ///
    /// A token made on the machine itself stands for a person of its own if the log has no founders
    /// or the token has a founder's name; else the chain ends with `local`, which makes all of
    /// these one person.
    public func chain(of name: PrincipalName) -> [PrincipalName] {
        var chain = [name]
        var next = tokensByName[name]
        while let token = next {
            if token.createdBy == .local {
                let isFounder = founders.contains(ExactText(token.name.text))
                return founders.isEmpty || isFounder ? chain : chain + [.local]
            }
            chain.append(token.createdBy)
            // Whoever made a token was there before it; so this ends.
            next = tokensByName[token.createdBy].flatMap { $0.created < token.created ? $0 : nil }
        }
        return chain
    }

    /// All tokens ever made, by name.
    public var tokens: [TokenState] { tokensByName.values.sorted { $0.name < $1.name } }

    /// Whether a token was ever made.
    public var hasTokens: Bool { !tokensByName.isEmpty }

    // MARK: Census

    /// The newest census record that names a collection.
    public func census(of collection: CollectionName) -> RecordIndex? {
        censusMentions[collection]?.index
    }
}
