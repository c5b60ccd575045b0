import EvidenceModel
import EvidenceStore
import Platform
import TransparencyLog

// What was erased goes from the target too: whole objects, once their others stand elsewhere.
extension Replicator {
    private static let purgeNanoseconds: UInt64 = 1_000_000_000
    private static let purgeBatch = 100

    /// Begins to delete what is erased and no longer locked.
    func planPurges(_ now: UInt64) {
        guard !isPurging, now >= nextPurgeNanoseconds, mayTry(.purge, now) else { return }
        nextPurgeNanoseconds = now + Self.purgeNanoseconds
        let name = name
        let owed = store.withState { $0.unpurged(in: name) }
        guard !owed.isEmpty else {
            recalled = .none
            return
        }
        let erased = owed.values.reduce(IndexRanges.none) { $0.union($1) }
        guard recall(erased) else { return }
        condemn(erased)
        writeAnew(erased, now)
        let ready = deletable(erased)
        let certificates = owed.filter { !stands($0.value, without: ready) }.keys.sorted()
        guard !ready.isEmpty || !certificates.isEmpty else { return }
        isPurging = true
        run(.purge) { [self] () throws(ReplicationFailure) in
            try delete(ready)
        } then: { replicator, result in
            replicator.isPurging = false
            for entry in ready { replicator.leaving.remove(entry.key) }
            guard case .success(let deleted) = result else { return }
            var changes = TargetLedger.Changes()
            changes.entries = deleted
            guard replicator.note(changes) else { return }
            for entry in deleted {
                replicator.book.record(entry)
                replicator.doomed.remove(entry.key)
            }
            replicator.certify(owed)
        }
    }

    /// Looks up the journal objects with erased records that are in the ledger only.
    private func recall(_ erased: IndexRanges) -> Bool {
        let fresh = erased.subtracting(recalled)
        guard !fresh.isEmpty else { return true }
        do throws(StoreError) {
            for entry in try ledger.journals(with: fresh) { book.recall(entry) }
        } catch {
            stopLocally(error)
            return false
        }
        recalled = erased
        return true
    }

    /// Packs with erased records go; the others in them have to stand elsewhere first.
    private func condemn(_ erased: IndexRanges) {
        var survivors = IndexRanges.none
        for entry in book.entries(.pack, with: erased)
        where entry.state == .stored && !doomed.contains(entry.key)
            && entry.payloads.intersects(erased)
        {
            doomed.insert(entry.key)
            survivors = survivors.union(entry.records.subtracting(erased))
        }
        if !survivors.isEmpty { reassess(survivors) }
    }

    /// Objects with erased records that nothing else needs, and whose lock is over.
    private func deletable(_ erased: IndexRanges) -> [LedgerEntry] {
        let time = store.clock.reading.releasing
        var ready: [LedgerEntry] = []
        for entry in book.entries(with: erased)
        where entry.state == .stored && entry.payloads.intersects(erased)
            && entry.lock.until < time && !leaving.contains(entry.key)
        {
            let isNeeded =
                entry.kind == .journal
                ? !isCovered(entry, without: erased)
                : entry.records.subtracting(erased).indexes.contains { book.isUnpacked($0) }
            if !isNeeded {
                leaving.insert(entry.key)
                ready.append(entry)
            }
            if ready.count == Self.purgeBatch { break }
        }
        return ready
    }

    /// Whether all records of a journal object stand in tiles and packs, or in journal objects
    /// without erased payloads, that stay: of two that have the same records one must.
    ///
    /// `countingAll`: also in packs that are to go once their records stand elsewhere.
    func isCovered(
        _ entry: LedgerEntry,
        without erased: IndexRanges,
        countingAll: Bool = false
    ) -> Bool {
        guard let last = entry.records.last else { return true }
        // Most are: what is old stands in tiles and packs.
        let isOld = book.firstUnpacked.map { last < $0 } ?? true
        if isOld && last.value < tileMark.value { return true }
        var rest = IndexRanges(
            entry.records.indexes.filter { index in
                index.value >= tileMark.value
                    || book.isUnpacked(index) && !(countingAll && !book.packs(of: index).isEmpty)
            }
        )
        for other in book.entries(.journal, with: rest)
        where other.state == .stored && other.key != entry.key && !leaving.contains(other.key)
            && !other.payloads.intersects(erased)
        {
            rest = rest.subtracting(other.records)
        }
        return rest.isEmpty
    }

    /// Makes a journal object anew whose erased payloads go before its records stand elsewhere.
    private func writeAnew(_ erased: IndexRanges, _ now: UInt64) {
        guard inHand[.journal] == nil, mayTry(.journal, now),
            let entry = book.entries(.journal, with: erased).first(where: { entry in
                entry.state == .stored && entry.payloads.intersects(erased)
                    && !isCovered(entry, without: erased)
            }), let first = entry.records.first, let last = entry.records.last
        else { return }
        // One record more, or several: the key must be another.
        var end = last.value + 2
        while end <= journaled.value,
            book.entries[ObjectLayout.journal(first: first, count: end - first.value)] != nil
        { end += 1 }
        guard end <= journaled.value else { return }
        let job = JournalJob(first: first, end: TreeSize(end), isWhole: true)
        inHand[.journal] = job.records
        let until = journalEnd
        run(.journal) { [self] () throws(ReplicationFailure) in
            try send(job, lockedUntil: until)
        } then: { replicator, result in
            replicator.inHand[.journal] = nil
            guard case .success(let contents) = result, replicator.note(contents.entry) else {
                return
            }
            replicator.book.record(contents.entry)
        }
    }

    private func stands(_ records: IndexRanges, without ready: [LedgerEntry]) -> Bool {
        let going = Set(ready.map(\.key))
        // A job may have read them before they were erased.
        return inHand.values.contains { $0.intersects(records) }
            || book.entries(with: records).contains { entry in
                entry.state != .deleted && !going.contains(entry.key)
                    && entry.payloads.intersects(records)
            }
    }

    /// Deletes versions, on a worker.
    func delete(_ entries: [LedgerEntry]) throws(ReplicationFailure) -> [LedgerEntry] {
        guard !entries.isEmpty else { return [] }
        let deleting = try openedForDeleting()
        var deleted: [LedgerEntry] = []
        for entry in entries {
            guard let version = entry.version else { continue }
            let name = VersionedKey(entry.key, version)
            var gone = entry
            do throws(StoreFailure) {
                if entry.hold == .on {
                    try target.setLegalHold(.off, of: name)
                    gone.hold = .off
                }
                try deleting.delete(name)
            } catch .notFound {
                // Deleted by an earlier run.
            } catch .locked {
                // The store's clock is behind ours: the next round tries again.
                continue
            } catch {
                guard deleted.isEmpty else { break }
                throw .store(error)
            }
            gone.state = .deleted
            deleted.append(gone)
        }
        return deleted
    }

    private func openedForDeleting() throws(ReplicationFailure) -> any ObjectStore {
        guard let openDeleting else {
            throw .local(
                "versions that were erased cannot be deleted in the target: it has no "
                    + "--retention-profile"
            )
        }
        return try stored { () throws(StoreFailure) in try openDeleting() }
    }

    /// Records the purges that are complete.
    private func certify(_ owed: [RecordIndex: IndexRanges]) {
        var done: [(erasure: RecordIndex, objects: PurgedObjects)] = []
        for (erasure, records) in owed where !stands(records, without: []) {
            let versions = book.entries(with: records).compactMap {
                entry -> (key: String, version: String)? in
                guard entry.state == .deleted, entry.payloads.intersects(records),
                    let version = entry.version
                else { return nil }
                return (entry.key.text, version.text)
            }
            done.append((erasure, PurgedObjects(versions)))
        }
        guard !done.isEmpty else { return }
        let (complete, store, name) = (done, store, name)
        isPurging = true
        run(.purge) { () throws(ReplicationFailure) in
            for (erasure, objects) in complete {
                try logged { () throws(StoreError) in
                    _ = try store.propose(
                        .purged(erasure: erasure, copy: name.text, objects: objects),
                        by: .system,
                        reason: nil
                    )
                }
            }
        } then: { replicator, result in
            replicator.isPurging = false
            if case .success = result { replicator.forgetDeleted() }
        }
    }

    /// Deleted objects whose purge is on record are of no more use.
    func forgetDeleted() {
        let name = name
        let owed = store.withState { $0.unpurged(in: name) }
            .values.reduce(IndexRanges.none) { $0.union($1) }
        var changes = TargetLedger.Changes()
        for entry in book.entries.values
        where entry.state == .deleted && !entry.payloads.intersects(owed) {
            changes.removed.append(entry.key)
        }
        guard !changes.removed.isEmpty, note(changes) else { return }
        for key in changes.removed { book.forget(key) }
    }
}

extension IndexRanges {
    /// Whether both have a record in common.
    func intersects(_ other: IndexRanges) -> Bool {
        guard let first, let last, let low = other.first, let high = other.last, first <= high,
            low <= last
        else { return false }
        var (left, right) = (ranges[...], other.ranges[...])
        while let first = left.first, let second = right.first {
            if first.overlaps(second) { return true }
            if first.upperBound < second.lowerBound {
                left.removeFirst()
            } else {
                right.removeFirst()
            }
        }
        return false
    }
}
