package import Cryptography
package import EvidenceModel
import Platform
import TransparencyLog

/// Which records to look at for an erasure.
package struct DueQuery: Sendable {
    package var collection: CollectionName?
    /// Also what is not due, with the reason.
    package var includesNotDue = false
    /// Only records behind this one: where the last page ended.
    package var after: RecordIndex?
    /// How many entries at most.
    package var limit = 1000

    package static let limitMaximum = 4096

    package init() {}
}

/// A record that an erasure may be about.
package struct DueEntry: Sendable {
    package let facts: RecordFacts
    package let standing: LockStanding
    /// Why it must stand; nil: it is due.
    package let refusal: Refusal?
}

/// A page of them, ascending.
package struct DuePage: Sendable {
    package let entries: [DueEntry]
    /// Where the next page begins (`DueQuery.after`); nil: there is no more.
    package let next: RecordIndex?
}

/// What an erasure did.
package struct ErasureReport: Sendable {
    /// The records that say so: `payload.erased`, each after its `lock.bypassed` if there is one.
    package var acts: [RecordIndex] = []
    package var erased: UInt64 = 0
    package var refused: [(index: RecordIndex, refusal: Refusal)] = []
}

/// What is known of a record's lock.
package struct LockReport: Sendable {
    package let facts: RecordFacts
    package let standing: LockStanding
    /// The matters that hold it.
    package let matters: [Matter]
    /// The acts that changed its lock, hold it or erased it, ascending.
    package let history: [(index: RecordIndex, act: ActRecord)]
}

/// The records that a selection covers at a moment.
package struct SelectionMatches: Sendable {
    /// Only records below this one were looked at.
    package let before: RecordIndex
    package let count: UInt64
    /// SHA-256 over the indexes, 8 bytes each, big-endian, ascending.
    package let digest: SHA256Digest
    package let indexes: IndexRanges
}

extension EvidenceStore {
    /// What decisions need to know of a piece of evidence.
    ///
    /// - Throws: `notFound` if the record is not there or is no evidence.
    package func facts(of index: RecordIndex) throws(StoreError) -> RecordFacts {
        let stored = try record(at: index)
        guard let facts = RecordFacts(stored) else {
            throw .notFound("record \(index) is no evidence and has no lock")
        }
        return facts
    }

    /// The record's lock in force, its holds, and how they came about.
    package func lockReport(of index: RecordIndex) throws(StoreError) -> LockReport {
        let facts = try facts(of: index)
        let (standing, matters, indexes) = withState { state in
            let standing = state.lockStanding(of: index, lock: facts.lock)
            let matters = state.mattersHolding(facts)
            var indexes = standing.history
            for matter in matters { indexes += state.matters[matter]?.acts ?? [] }
            if let erased = standing.erased { indexes.append(erased) }
            return (standing, matters, Set(indexes).sorted())
        }
        var history: [(index: RecordIndex, act: ActRecord)] = []
        for act in indexes {
            if case .act(let record) = try record(at: act).record { history.append((act, record)) }
        }
        return LockReport(facts: facts, standing: standing, matters: matters, history: history)
    }

    /// The record that certifies the erasure of a payload; nil: it was not erased.
    package func certificate(for index: RecordIndex) throws(StoreError) -> RecordIndex? {
        try checkExists(index)
        return withState { $0.erasure(of: index) }
    }

    /// The records that a selection covers now.
    package func matches(_ selection: Selection) throws(StoreError) -> SelectionMatches {
        let before = RecordIndex(view.checkpoint.size.value)
        var query = SearchQuery()
        query.collection = selection.collection
        query.namePrefix = selection.namePrefix
        query.labels = selection.labels.sorted.map { ($0.key, $0.value) }
        return try matches(query, before: before) { _ in true }
    }

    /// The records below `before` that a query finds and that are `meant`.
    func matches(
        _ query: SearchQuery,
        before: RecordIndex,
        _ isMeant: (StoredRecord) -> Bool
    ) throws(StoreError) -> SelectionMatches {
        var query = query
        query.limit = SearchQuery.limitMaximum
        query.before = before
        var indexes: [RecordIndex] = []
        while true {
            let page = try search(query)
            indexes += page.entries.lazy.filter(isMeant).map(\.index)
            guard let next = page.next else { break }
            query.before = next
        }
        var hasher = SHA256Hasher()
        for index in indexes.reversed() {
            hasher.update(BigEndian.bytes(of: index.value).span)
        }
        return SelectionMatches(
            before: before,
            count: UInt64(indexes.count),
            digest: hasher.finalize(),
            indexes: IndexRanges(indexes)
        )
    }

    // MARK: Erasure

    /// The records that are due for erasure, or all with the reason why not.
    ///
    /// Changes nothing. What is due here may be held a moment later: the sequencer decides.
    package func due(_ query: DueQuery) throws(StoreError) -> DuePage {
        guard 1...DueQuery.limitMaximum ~= query.limit else {
            throw .invalid("'limit' must be 1 to \(DueQuery.limitMaximum)")
        }
        let reading = keeper.reading()
        let size = view.checkpoint.size.value
        let changed = withState { $0.changedLocks(notAfter: reading.releasing) }.map(\.value)
        var start = query.after.map { $0.value + 1 } ?? 0
        var entries: [DueEntry] = []
        while start < size {
            let number = view.geometry.segment(of: RecordIndex(start))
            let first = view.geometry.firstIndex(of: number).value
            let end = min(size, first + view.geometry.capacity)
            let candidates =
                query.includesNotDue
                ? Array(start..<end)
                : try candidates(in: number, start..<end, notAfter: reading.releasing, changed)
            for value in candidates {
                guard let entry = try dueEntry(RecordIndex(value), query, reading) else { continue }
                guard entries.count < query.limit else {
                    return DuePage(entries: entries, next: entries.last?.facts.index)
                }
                entries.append(entry)
            }
            start = end
        }
        return DuePage(entries: entries, next: nil)
    }

    /// Erases what is due: writes the records that say so; the bytes go right behind.
    ///
    /// Takes as long as it takes; holds that are placed meanwhile are honoured.
    ///
    /// `records`: only these, each refused with its reason if it is not due.
    package func eraseDue(
        collection: CollectionName?,
        records: IndexRanges?,
        by principal: Principal,
        reason: Reason?
    ) throws(StoreError) -> ErasureReport {
        var report = ErasureReport()
        if let records {
            var facts: [RecordFacts] = []
            for index in records.indexes { facts.append(try self.facts(of: index)) }
            for part in facts.parts(of: Self.erasureBite) {
                report.add(try propose(.erase(part), by: principal, reason: reason))
            }
        } else {
            var query = DueQuery()
            query.collection = collection
            // Small bites: appends wait while the sequencer decides.
            query.limit = Self.erasureBite
            while true {
                try checkRunning()
                let page = try due(query)
                let facts = page.entries.map(\.facts)
                if !facts.isEmpty {
                    report.add(try propose(.erase(facts), by: principal, reason: reason))
                }
                guard let next = page.next else { break }
                query.after = next
            }
        }
        erasure.wake()
        return report
    }

    /// Records that are proposed for erasure at once.
    private static let erasureBite = 1024

    /// Erases under a GOVERNANCE lock, with the right to it and a reason.
    package func bypass(
        _ records: IndexRanges,
        by principal: Principal,
        reason: Reason?
    ) throws(StoreError) -> ErasureReport {
        var report = ErasureReport()
        var facts: [RecordFacts] = []
        for index in records.indexes { facts.append(try self.facts(of: index)) }
        // One `lock.bypassed` record each.
        for part in facts.parts(of: IndexRanges.maximumRangeCount) {
            report.add(try propose(.bypass(part), by: principal, reason: reason))
        }
        erasure.wake()
        return report
    }

    /// The records of a segment whose date has come, by their own leaf or by an act.
    private func candidates(
        in number: SegmentNumber,
        _ range: Range<UInt64>,
        notAfter now: Timestamp,
        _ changed: [UInt64]
    ) throws(StoreError) -> [UInt64] {
        let first = view.geometry.firstIndex(of: number).value
        var found: Set<UInt64> = []
        if let segment = view.unsealedSegment(number) {
            let limit = Int(view.geometry.capacity)
            for offset in segment.index.due(notAfter: now, from: 0, limit: limit) {
                found.insert(first + UInt64(offset))
            }
        } else {
            for index in try view.sealed.segment(number).due(notAfter: now) {
                found.insert(index.value)
            }
        }
        let erased = withState { $0.erased(in: view.geometry.range(of: number)) }
        found.formUnion(changed)
        return found.filter { range.contains($0) && !erased.contains(RecordIndex($0)) }.sorted()
    }

    private func dueEntry(
        _ index: RecordIndex,
        _ query: DueQuery,
        _ reading: ClockReading
    ) throws(StoreError) -> DueEntry? {
        guard let facts = RecordFacts(try record(at: index)) else { return nil }
        if let collection = query.collection, facts.collection != collection { return nil }
        let (standing, refusal) = withState { state in
            (
                state.lockStanding(of: index, lock: facts.lock),
                state.refusalToErase(facts, at: reading)
            )
        }
        if !query.includesNotDue, refusal != nil { return nil }
        return DueEntry(facts: facts, standing: standing, refusal: refusal)
    }
}

extension RecordFacts {
    /// Nil for a record that is no evidence.
    package init?(_ stored: StoredRecord) {
        guard let collection = stored.record.collection, let lock = stored.record.lock else {
            return nil
        }
        self.init(
            index: stored.index,
            collection: collection,
            lock: lock,
            received: stored.record.received,
            description: stored.description,
            leafHash: MerkleTree.leafHash(stored.bytes.span)
        )
    }
}

extension ErasureReport {
    fileprivate mutating func add(_ outcome: ActOutcome) {
        refused += outcome.refused
        for (index, bytes) in outcome.acts {
            acts.append(index)
            if case .act(let record)? = try? Record(parsing: bytes.span),
                case .payloadErased(let erased) = record.act
            {
                self.erased += erased.count
            }
        }
    }
}

extension [RecordFacts] {
    fileprivate func parts(of count: Int) -> [[RecordFacts]] {
        stride(from: 0, to: self.count, by: count).map { start in
            Array(self[start..<Swift.min(self.count, start + count)])
        }
    }
}
