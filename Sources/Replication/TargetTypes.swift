package import EvidenceModel
package import EvidenceStore
package import TransparencyLog

/// What the operator may set of replication, for all targets.
package struct ReplicationConfiguration: Sendable {
    /// A pack is closed at this size, before compression, or at this age of its first record.
    package var packBytes: UInt64 = 64 << 20
    package var packSeconds: UInt64 = 86_400
    /// The least time between two journal objects while nobody waits for one.
    package var journalMilliseconds: UInt64 = 1_400
    /// How long journal objects are locked.
    package var journalLockSeconds: UInt64 = 30 * 86_400
    /// Requests to a target that are under way at once.
    package var uploadsInFlight = 4
    /// How long an append waits for the target, in phases that wait, before it has to ask again.
    package var acknowledgementSeconds: UInt64 = 30
    /// How often it is tried whether the target enforces locks.
    package var probeIntervalSeconds: UInt64 = 7 * 86_400
    /// How long the locks of a probe last, at least 4; a probe takes as long.
    package var probeLockSeconds: Int64 = 12
    /// After how long payloads over 1 MiB of sealed segments leave the disk, in `s3-primary`; 0:
    /// never.
    package var evictAfterSeconds: UInt64 = 0
    /// How long a start waits for the target to say what it holds.
    package var startSeconds: UInt64 = 10

    package init() {}
}

/// With which credentials a store is opened.
package enum TargetPurpose: Sendable {
    /// Writes and reads; cannot delete.
    case writing
    /// Deletes versions, and nothing else.
    case deleting
}

/// Opens the store of a target; `S3` does it, tests hand in doubles.
package typealias StoreOpener =
    @Sendable (TargetDescription, TargetPurpose) throws(StoreFailure) -> any ObjectStore

/// Why something with a target was not done.
package enum TargetError: Error, Sendable, CustomStringConvertible {
    /// There is no target of that name.
    case unknown(TargetName)
    /// There is one already.
    case exists(TargetName)
    /// What was found at the target forbids it: what, where and what to do next.
    case unsuitable(String)
    /// As things stand it is not allowed: what would have to be different.
    case refused(String)
    /// The store did not do what it was asked for.
    case store(StoreFailure, while: String)
    /// The log refused or failed.
    case log(StoreError)

    package var description: String {
        switch self {
        case .unknown(let name): "there is no target \(name)"
        case .exists(let name): "there is a target \(name) already"
        case .unsuitable(let detail), .refused(let detail): detail
        case .store(let failure, let activity): "\(activity): \(failure)"
        case .log(let error): "\(error)"
        }
    }
}

/// How a target stands, for people and metrics.
package struct TargetStatus: Sendable {
    /// Whether its copy grows.
    package enum Health: Sendable {
        case running
        /// It cannot go on for now, and tries again: why.
        case failing(String)
        /// Another node writes to the bucket, or this one was set back: it has stopped for good.
        case fenced(String)
    }

    package let description: TargetDescription
    package let phase: TargetPhase
    package let health: Health
    /// The log's size when this was put together.
    package let size: TreeSize
    /// All records below stand verified in the target: in journal objects, or packs and tiles.
    package let replicated: TreeSize
    /// The time since the oldest record at or above `replicated` was taken; 0 if there is none.
    package let lagSeconds: Double
    /// Records that are in no verified pack yet.
    package let unpacked: UInt64
    /// Records whose newer lock or hold is not yet in force in the target, and the earliest end of
    /// the lock that is.
    package let pending: UInt64
    package let pendingUntil: Timestamp?
    /// Erased records of which versions still stand.
    package let unpurged: UInt64
    /// Objects that stand verified, and their bytes.
    package let objects: UInt64
    package let objectBytes: UInt64
    /// Whether a lost race for the register would be noticed by the store.
    package let isFenced: Bool
    package let lastProbe: (index: RecordIndex, isCompliant: Bool, at: Timestamp)?
    package let statistics: StoreStatistics

    package init(
        description: TargetDescription,
        phase: TargetPhase,
        health: Health,
        size: TreeSize,
        replicated: TreeSize,
        lagSeconds: Double,
        unpacked: UInt64,
        pending: UInt64,
        pendingUntil: Timestamp?,
        unpurged: UInt64,
        objects: UInt64,
        objectBytes: UInt64,
        isFenced: Bool,
        lastProbe: (index: RecordIndex, isCompliant: Bool, at: Timestamp)?,
        statistics: StoreStatistics
    ) {
        self.description = description
        self.phase = phase
        self.health = health
        self.size = size
        self.replicated = replicated
        self.lagSeconds = lagSeconds
        self.unpacked = unpacked
        self.pending = pending
        self.pendingUntil = pendingUntil
        self.unpurged = unpurged
        self.objects = objects
        self.objectBytes = objectBytes
        self.isFenced = isFenced
        self.lastProbe = lastProbe
        self.statistics = statistics
    }
}
