internal import EvidenceModel
internal import TransparencyLog

/// What a report is about: a time, and perhaps one collection.
struct ReportScope: Equatable {
    /// The first moment of the period.
    let from: Timestamp
    /// The first moment behind it.
    let to: Timestamp
    /// Nil: all collections.
    let collection: CollectionName?

    func contains(_ time: Timestamp) -> Bool { time >= from && time < to }

    /// Whether a collection is reported on.
    func covers(_ name: CollectionName) -> Bool { collection.map { $0 == name } ?? true }
}

/// What a log was caught at: the name of the rule and what proves it.
struct ReportFinding: Equatable {
    /// As `LogViolation.Rule` and `MonitorViolation.Rule` have it.
    let rule: String
    let detail: String
    let records: [RecordIndex]
}

/// What the records of a log say that a report needs; nothing in it comes from elsewhere.
///
/// Times never go back in a log, so the records of a period are neighbours.
struct ReportFacts {
    /// Acts of one kind in the period.
    struct Kind {
        var count: UInt64 = 0
        /// All of them.
        var records: [ClosedRange<UInt64>] = []
        /// The first of them, up to ``maximumShownCount``.
        var shown: [(index: RecordIndex, act: ActRecord)] = []
        var last: (index: RecordIndex, act: ActRecord)?

        mutating func take(_ act: ActRecord, at index: RecordIndex) {
            count += 1
            ReportFacts.append(index, to: &records)
            if shown.count < ReportFacts.maximumShownCount { shown.append((index, act)) }
            last = (index, act)
        }
    }

    /// Evidence of one collection that came in the period.
    struct Taken {
        var count: UInt64 = 0
        var sealedCount: UInt64 = 0
        var first: RecordIndex
        var last: RecordIndex
        var firstSequence: SequenceNumber
        var lastSequence: SequenceNumber
        var complianceCount: UInt64 = 0
        var awaitingCount: UInt64 = 0
        /// The earliest and the latest end; nil while all await an event.
        var earliest: (until: Timestamp, index: RecordIndex)?
        var latest: (until: Timestamp, index: RecordIndex)?
        /// By years: how many have a lock that may end sooner, or be bypassed, and the first.
        var weaker: [Int: (count: UInt64, first: RecordIndex)] = [:]
    }

    /// An erasure of the period.
    struct Erasure {
        let index: RecordIndex
        let received: Timestamp
        let count: UInt64
        /// The copies that there were: the disk's and those of targets.
        let copies: [String]
    }

    /// All evidence as it stands at the checkpoint.
    struct Standing: Equatable {
        var count: UInt64 = 0
        var erased: UInt64 = 0
        var locked: UInt64 = 0
        /// Past the lock, and under a hold.
        var held: UInt64 = 0
        /// Past the lock; whether a hold covers it only its sealed description would tell.
        var unknown: UInt64 = 0
        /// Past the lock, not held, not erased.
        var due: UInt64 = 0
        var dueRecords: [ClosedRange<UInt64>] = []
        /// The first of them.
        var firstDue: [RecordIndex] = []
    }

    /// The most acts of a kind, or rows of a table, that are shown one by one.
    static let maximumShownCount = 200

    let scope: ReportScope
    /// The record that made the log.
    var creation: LogCreation?
    /// How many records were taken, from the first on.
    var size: UInt64 = 0
    /// The records of the period; nil if there is none.
    var records: ClosedRange<UInt64>?
    var firstReceived: Timestamp?
    var lastReceived: Timestamp?
    /// The first record behind the period; nil if the log does not reach so far.
    var firstBehind: RecordIndex?
    var evidenceCount: UInt64 = 0
    var kinds: [RecordKind: Kind] = [:]
    var taken: [CollectionName: Taken] = [:]
    var erasures: [Erasure] = []
    /// Erased pieces of which only the opening would have told whether a hold covered them.
    var hiddenErasures: UInt64 = 0
    /// Probes of the period that found a rule that is not enforced.
    var failedProbes = Kind()
    /// The log as it was when the period began.
    var beginning: LogAudit
    /// The log as it was when the period ended, or at the checkpoint if that is earlier.
    var ending: LogAudit
    /// The log as it was at the checkpoint.
    var final: LogAudit
    var standing = Standing()
    /// What the log was caught at; what follows was not judged.
    var finding: ReportFinding?

    init(origin: String, scope: ReportScope) {
        self.scope = scope
        let empty = LogAudit(origin: origin)
        (beginning, ending, final) = (empty, empty, empty)
    }

    /// The last moment of the period that the log tells of: what ended by itself has ended by then.
    var end: Timestamp {
        guard firstBehind != nil else { return ending.order.lastReceived }
        return Timestamp(milliseconds: scope.to.milliseconds - 1) ?? scope.to
    }

    /// Acts of a kind in the period; none is none.
    func acts(_ kind: RecordKind) -> Kind { kinds[kind] ?? Kind() }
}

extension ReportFacts {
    /// Adds an index that is not below the last range.
    static func append(_ index: RecordIndex, to ranges: inout [ClosedRange<UInt64>]) {
        guard let last = ranges.last, last.upperBound + 1 == index.value else {
            ranges.append(index.value...index.value)
            return
        }
        ranges[ranges.count - 1] = last.lowerBound...index.value
    }
}
