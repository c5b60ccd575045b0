import TransparencyLog

extension Act {
    /// A limit of the kind that the act breaks: the member, and the rule.
    ///
    /// `nil` for all acts that are written; together the limits keep every act below
    /// `Record.maximumSizeBytes`.
    var fault: (member: String, rule: String)? {
        switch self {
        case .policySet(_, let policy):
            policy.retention.weakestMode == policy.retention.mode
                ? nil : ("policy", "must grant no weaker mode than its own")
        case .lockExtended(let records, _), .lockBypassed(let records): Self.fault(records)
        case .eventRecorded(_, _, let records, let lock): Self.fault(records) ?? Self.fault(lock)
        case .holdPlaced(_, let scope): scope.fault
        case .holdReleased(_, let records): records.flatMap { Self.fault($0) }
        case .payloadErased(let erased): erased.fault
        case .payloadPurged(_, let copy, let count, let objects):
            Self.fault(copy, objects) ?? Self.fault("count", count)
        case .clockResynced(let from, let to, let warrant):
            from < to ? warrant.fault(to: to) : ("to", "must be later than from")
        case .census(let before, let part, let parts, let collections):
            Self.fault(before, part, parts, collections)
        case .accessChanged(.created(let grant)): grant.fault
        case .accessChanged(.revoked): nil
        case .accessDigest(let count, _, let day):
            Self.isDay(day) ? Self.fault("count", count) : ("day", "must be a day, YYYY-MM-DD")
        case .accessExported(let export):
            export.count <= export.before.value
                ? Self.fault("before", export.before.value) : ("count", "must be at most before")
        case .targetAdded(let description): description.fault
        case .targetPhase(let change): change.fault
        case .keyRotated(let rotation): rotation.fault
        case .targetProbed, .targetRemoved, .logClosed: nil
        }
    }

    /// Whether `text` is a day of the calendar, `YYYY-MM-DD`.
    static func isDay(_ text: String) -> Bool {
        text.utf8.count == 10 && Timestamp(rfc3339Seconds: text + "T00:00:00Z") != nil
    }

    /// A target tells what was deleted there; the disk has no names for it.
    private static func fault(
        _ copy: String,
        _ objects: PurgedObjects?
    ) -> (member: String, rule: String)? {
        guard copy != LogState.localCopy else {
            return objects == nil ? nil : ("objects", "must be absent for the local copy")
        }
        do { _ = try TargetName(copy) } catch { return ("copy", error.rule) }
        guard let objects else { return ("objects", "must be there for a target") }
        return objects.fault
    }

    private static func fault(_ lock: Lock) -> (member: String, rule: String)? {
        guard case .awaiting = lock.end else { return nil }
        return ("lock", "must end at a date")
    }

    fileprivate static func fault(_ records: IndexRanges) -> (member: String, rule: String)? {
        guard !records.isEmpty, records.ranges.count <= IndexRanges.maximumRangeCount else {
            return ("records", "must be 1 to \(IndexRanges.maximumRangeCount) ranges")
        }
        return fault("records", records.last?.value ?? 0)
    }

    fileprivate static func fault(
        _ member: String,
        _ value: UInt64
    ) -> (member: String, rule: String)? {
        value <= UInt64(JSONValue.maximumInteger) ? nil : (member, "must be below 2^53")
    }

    private static func fault(
        _ before: RecordIndex,
        _ part: Int,
        _ parts: Int,
        _ collections: [CollectionName: CensusEntry]
    ) -> (member: String, rule: String)? {
        guard (1...maximumPartCount).contains(parts), (1...parts).contains(part) else {
            return ("part", "must be from 1 to the number of parts")
        }
        guard !collections.isEmpty, collections.count <= maximumCensusEntryCount else {
            return ("collections", "must be 1 to \(maximumCensusEntryCount)")
        }
        guard collections.values.allSatisfy({ $0.last < before }) else {
            return ("last", "must be below before")
        }
        return fault("before", before.value)
    }

    /// More parts than any log has collections for.
    static let maximumPartCount = 1_000_000_000
}

extension HoldScope {
    fileprivate var fault: (member: String, rule: String)? {
        switch self {
        case .records(let records): Act.fault(records)
        case .selection(_, let before, let count, _, _):
            count <= before.value
                ? Act.fault("before", before.value) : ("count", "must be at most before")
        }
    }
}

extension PayloadErased {
    /// The most bytes of all items together.
    static let maximumItemsSizeBytes = 60_000

    fileprivate var fault: (member: String, rule: String)? {
        guard clock.wall != nil else { return ("clock", "must have both clocks") }
        guard !items.isEmpty else { return ("items", "must be at least one") }
        var sizeBytes = 0
        for item in items {
            if let fault = Act.fault(item.records) ?? item.fault { return fault }
            sizeBytes += item.maximumSizeBytes
        }
        guard sizeBytes <= Self.maximumItemsSizeBytes else {
            return ("items", "must be at most \(Self.maximumItemsSizeBytes) bytes")
        }
        let starts = items.compactMap(\.records.first)
        guard zip(starts, starts.dropFirst()).allSatisfy(<) else {
            return ("items", "must ascend by their first record")
        }
        guard items.reduce(0, { $0 + $1.records.count }) == count, records.count == count else {
            return ("count", "must be that of the records, each of them once")
        }
        if let policy, let fault = Act.fault("policy", policy.value) { return fault }
        guard case .bypass(let index) = ground else { return nil }
        return Act.fault("bypass", index.value)
    }
}

extension PayloadErased.Item {
    fileprivate var fault: (member: String, rule: String)? {
        guard history.count <= Self.maximumHistoryCount,
            zip(history, history.dropFirst()).allSatisfy(<)
        else { return ("history", "must ascend, and be at most \(Self.maximumHistoryCount)") }
        return history.last.flatMap { Act.fault("history", $0.value) }
    }

    /// The size of the item in a record, at most: 16 digits a number.
    var maximumSizeBytes: Int {
        Self.maximumSizeBytes(rangeCount: records.ranges.count, historyCount: history.count)
    }

    /// Members, lock and punctuation are at most 160 bytes; `n,` at 16 digits is 17.
    static func maximumSizeBytes(rangeCount: Int, historyCount: Int) -> Int {
        160 + rangeSizeBytes * rangeCount + 17 * historyCount
    }

    /// `[n,n],` at 16 digits each.
    static let rangeSizeBytes = 36
}

extension AccessGrant {
    fileprivate var fault: (member: String, rule: String)? {
        guard let collections else { return nil }
        guard (1...Self.maximumCollectionCount).contains(collections.count) else {
            return ("collections", "must be 1 to \(Self.maximumCollectionCount)")
        }
        return nil
    }
}
