import Cryptography
import EvidenceModel
import EvidenceStore
import TransparencyLog

/// Compares the log with its copy in a target, and repairs the damaged side from the other.
///
/// 1. Every object that the ledger knows is looked at in the store: is its version there, with its
///    size, checksum, lock and hold, and does nothing stand over it? The store's checksum is
///    believed; where it tells none the bytes are read.
/// 2. Every payload and opening of the log is read.
/// 3. Local damage is repaired first, from objects that stand; then objects are made anew from what
///    the log has. What is damaged here and there is reported, and neither side is touched.
/// 4. Objects at the copy's keys that this log did not store are strays: told, and left alone.
///
/// Whatever is taken over hashes to what a record says. A node that is fenced repairs nothing.
/// Belongs to one thread.
final class Reconciliation {
    let replicator: Replicator
    let isRepairing: Bool
    private let isStopping: () -> Bool
    private let progress: (Double) -> Void
    private var steps = (done: 0, all: 1)

    private(set) var findings: [ReconcileReport.Finding] = []
    var strays: [ReconcileReport.Stray] = []
    var checkedObjects: UInt64 = 0
    private var checkedPayloads: UInt64 = 0
    /// By key, with what is wrong.
    var damagedObjects: [ObjectKey: ObjectDamage] = [:]
    /// Entries that stand, by which local damage can be repaired.
    var standing: [LedgerEntry] = []
    /// What the ledger had at the beginning, to look keys up in.
    var book = PackBook()
    /// Records whose payload or opening is damaged here, and stays so.
    private(set) var lost: Set<RecordIndex> = []
    /// Those of them whose payload is an object of its own.
    private(set) var lostLarge: Set<RecordIndex> = []

    var store: EvidenceStore { replicator.store }
    var target: any ObjectStore { replicator.target }

    init(
        _ replicator: Replicator,
        repairing: Bool,
        isStopping: @escaping () -> Bool,
        progress: @escaping (Double) -> Void
    ) {
        self.replicator = replicator
        isRepairing = repairing
        self.isStopping = isStopping
        self.progress = progress
    }

    func run() throws(ReplicationFailure) -> ReconcileReport {
        if isRepairing { try refuseIfFenced() }
        let (objects, segments) = (try knownObjects(), store.segmentNumbers)
        steps.all = objects.count + segments.count + 1
        let listed = try listing()
        try examine(objects, listed)
        try findStrays(listed)
        for number in segments {
            try reconcileLocally(number)
            try advance()
        }
        for damage in damagedObjects.values.sorted(by: { $0.object.key < $1.object.key }) {
            try reconcile(damage)
            try checkStopping()
        }
        try reconcileRegister(listed)
        progress(1)
        return ReconcileReport(
            checkedObjects: checkedObjects,
            checkedPayloads: checkedPayloads,
            findings: findings,
            strays: strays
        )
    }

    /// What a node has that lost the race, or was set back, is not what the copy should hold.
    private func refuseIfFenced() throws(ReplicationFailure) {
        if case .fenced(let reason) = replicator.progress.health { throw .fenced(reason) }
        try replicator.register.check()
    }

    func advance() throws(ReplicationFailure) {
        steps.done += 1
        progress(Double(steps.done) / Double(steps.all))
        try checkStopping()
    }

    /// - Throws: If the replication ends: then its ledger is closed soon.
    func checkStopping() throws(ReplicationFailure) {
        if isStopping() { throw .local("the server is stopping; begin it anew when it runs again") }
    }

    func report(
        _ side: ReconcileReport.Finding.Side,
        _ what: String,
        _ problem: String,
        isRepaired: Bool
    ) {
        findings.append(
            ReconcileReport.Finding(
                side: side,
                what: what,
                problem: problem,
                isRepaired: isRepaired
            )
        )
    }

    // MARK: This side

    /// Looks at the payloads of a segment, and puts back what is damaged.
    private func reconcileLocally(_ number: SegmentNumber) throws(ReplicationFailure) {
        let store = store
        let survey: PayloadSurvey
        do throws(StoreError) {
            survey = try store.surveyPayloads(of: number, isStopping: isStopping)
        } catch {
            try checkStopping()
            return report(
                .local,
                "segment \(number)",
                "its records cannot be read: \(error); restore the log from the target",
                isRepaired: false
            )
        }
        checkedPayloads += survey.checkedPayloads
        guard !survey.damaged.isEmpty || !survey.files.isEmpty else { return }
        var reason: String?
        var rest = survey
        if isRepairing {
            do throws(ReplicationFailure) {
                reason = try repair(survey)
            } catch .store(let failure) {
                throw .store(failure)
            } catch {
                reason = "\(error)"
            }
            try checkStopping()
            rest = try logged { () throws(StoreError) in try store.surveyPayloads(of: number) }
        }
        report(files: survey, rest, reason)
        report(records: survey, rest, reason)
    }

    private func report(files survey: PayloadSurvey, _ rest: PayloadSurvey, _ reason: String?) {
        for file in survey.files {
            let isRepaired = isRepairing && !rest.files.contains { $0.name == file.name }
            var advice = ""
            if isRepairing, !isRepaired {
                advice = "; not repaired: \(reason ?? "what is damaged in it stands nowhere else")"
            }
            report(
                .local,
                "segment \(survey.segment), \(file.name)",
                file.problem + advice,
                isRepaired: isRepaired
            )
        }
    }

    private func report(records survey: PayloadSurvey, _ rest: PayloadSurvey, _ reason: String?) {
        for (index, problem) in survey.damaged.sorted(by: { $0.key < $1.key }) {
            let isRepaired = rest.damaged[index] == nil
            let isLarge = survey.damagedLarge.contains(index)
            let hasSource = isRepaired || hasSource(of: index, isLarge: isLarge)
            var advice = hasSource ? "" : "; no object that stands has it either"
            if isRepairing, hasSource, !isRepaired {
                let cause = survey.isSealed || isLarge ? nil : "its segment is about to be sealed"
                advice = "; not repaired: \(reason ?? cause ?? "no copy of it fits")"
            }
            report(
                hasSource ? .local : .both,
                "record \(index)",
                problem + advice,
                isRepaired: isRepaired
            )
            // What can be repaired from the target is not lost, though it was not asked for.
            guard isRepairing ? !isRepaired : !hasSource else { continue }
            lost.insert(index)
            if isLarge { lostLarge.insert(index) }
        }
    }
}

/// What is wrong with an object of the target.
struct ObjectDamage: Sendable {
    let object: KnownObject
    var problems: [String] = []
    /// Whether its version is there, with its bytes.
    var isStanding = true
    /// Whether its lock or hold is less than it should be.
    var isWeak = false
    /// What stands over it, or at its key.
    var covers: [VersionedKey] = []

    var isSound: Bool { problems.isEmpty }
}

/// An object that should be in the target.
struct KnownObject: Sendable {
    enum Content: Sendable {
        case entry(LedgerEntry)
        /// A tile or entry bundle, as this log serves it.
        case tile([UInt8], until: Timestamp)
    }

    let key: ObjectKey
    let version: ObjectVersion
    let sizeBytes: UInt64
    let digest: SHA256Digest
    let lock: ObjectLock
    let hold: LegalHold
    let content: Content

    /// `nil` of an entry that has no version.
    init?(_ entry: LedgerEntry) {
        guard let version = entry.version else { return nil }
        (key, self.version) = (entry.key, version)
        (sizeBytes, digest) = (entry.sizeBytes, entry.digest)
        (lock, hold) = (entry.lock, entry.hold)
        content = .entry(entry)
    }

    /// `nil` if `until` is not a whole second.
    init?(tile key: ObjectKey, _ version: ObjectVersion, _ bytes: [UInt8], until: Timestamp) {
        guard let lock = ObjectLock(mode: .compliance, until: until) else { return nil }
        (self.key, self.version, self.lock) = (key, version, lock)
        (sizeBytes, digest) = (UInt64(bytes.count), SHA256.hash(bytes.span))
        hold = .off
        content = .tile(bytes, until: until)
    }
}
