import EvidenceModel
import EvidenceStore
import Platform
import TransparencyLog

// What time and acts ask of objects that stand already.
extension Replicator {
    private static let careNanoseconds: UInt64 = 60_000_000_000
    /// Each round looks at all payload objects and at all packs under a hold.
    private static let adjustingNanoseconds: UInt64 = 1_000_000_000
    private static let dayMilliseconds: Int64 = 86_400_000

    /// A change of one object.
    enum Care: Sendable {
        /// A later end of a lock that stays in its mode, another hold, or both.
        case adjust(LedgerEntry, from: LedgerEntry)
        case delete(LedgerEntry)
        case prolong(ObjectKey, ObjectVersion, until: Timestamp)
        /// What became of an upload that failed.
        case settle(LedgerEntry)
    }

    /// Begins what is due: locks of payload objects, holds that ended, old journal objects.
    func planCare(_ now: UInt64) {
        guard isAdjusting && now >= nextAdjustingNanoseconds || now >= nextCareNanoseconds,
            !isCaring, mayTry(.care, now)
        else { return }
        var plan: [Care] = []
        do throws(ReplicationFailure) {
            if isAdjusting {
                nextAdjustingNanoseconds = now + Self.adjustingNanoseconds
                plan += try payloadCare()
                plan += try holdCare()
            }
            isAdjusting = false
            if now >= nextCareNanoseconds {
                nextCareNanoseconds = now + Self.careNanoseconds
                plan += try journalCare() + uploadCare()
                plan += try tileCare()
            }
        } catch {
            isAdjusting = true
            for case .delete(let entry) in plan { leaving.remove(entry.key) }
            return failed(.care, error)
        }
        guard !plan.isEmpty else { return }
        isCaring = true
        let steps = plan
        run(.care) { [self] () throws(ReplicationFailure) in
            perform(steps)
        } then: { replicator, result in
            replicator.isCaring = false
            for case .delete(let entry) in steps { replicator.leaving.remove(entry.key) }
            guard case .success(let (changes, failure)) = result else {
                replicator.isAdjusting = true
                return
            }
            if let failure {
                replicator.isAdjusting = true
                replicator.lastTileCare = .earliest
                replicator.failed(.care, failure)
            }
            replicator.finish(changes)
        }
    }

    private func finish(_ found: TargetLedger.Changes) {
        var changes = found
        // An upload that was begun anew meanwhile tells itself what becomes of it.
        changes.removed.removeAll { key in
            book.entries[key].map { $0.state != .planned || inHand[$0.kind.work] != nil } ?? true
        }
        guard note(changes) else { return }
        for key in changes.removed { book.forget(key) }
        for entry in changes.entries { book.record(entry) }
        // Acts may have come meanwhile: what was a hold too many is perhaps needed by now.
        for entry in changes.entries where entry.kind != .journal { reassess(entry.records) }
        if changes.entries.contains(where: { $0.state == .deleted }) { forgetDeleted() }
    }

    /// Uploads that failed at least one round ago: the store may have kept them all the same.
    private func uploadCare() -> [Care] {
        let planned = book.entries.values.filter { entry in
            entry.state == .planned && inHand[entry.kind.work] == nil
        }
        defer { unsettled = Set(planned.map(\.key)) }
        return planned.filter { unsettled.contains($0.key) }.map { .settle($0) }
    }

    /// One record an object: its lock is changed in place.
    private func payloadCare() throws(ReplicationFailure) -> [Care] {
        var plan: [Care] = []
        for entry in book.stored(.payload) {
            guard let index = entry.records.first else { continue }
            let store = store
            let found = try logged { () throws(StoreError) in try store.replicaFacts(at: index) }
            guard let (candidate, facts) = found else { continue }
            let home = store.withState { $0.home(of: facts) }
            guard home != entry.home else { continue }
            let lock = objectLock(home, received: candidate.received, sizeBytes: 0)
            guard entry.key == book.payloadKey(of: index, as: home) else {
                let isThere = book.payloadObject(of: index, in: facts.collection)?.keeps(as: home)
                if isThere != true { strongerWaiting[index] = home }
                continue
            }
            var changed = entry.moved(to: home)
            if lock.until > entry.lock.until { changed.lock = lock }
            changed.hold = home.needsHold ? .on : .off
            if changed.lock != entry.lock || changed.hold != entry.hold {
                plan.append(.adjust(changed, from: entry))
            }
        }
        return plan
    }

    /// Packs under a legal hold of which no record needs one any more.
    private func holdCare() throws(ReplicationFailure) -> [Care] {
        var plan: [Care] = []
        for entry in book.stored(.pack) where entry.hold == .on {
            var isNeeded = false
            for index in entry.records.indexes where !isNeeded {
                let store = store
                let found = try logged { () throws(StoreError) in
                    try store.replicaFacts(at: index)
                }
                guard let (_, facts) = found else { continue }
                let home = store.withState { $0.home(of: facts) }
                // As long as the record stands nowhere else as it should, it stays as it is.
                isNeeded =
                    home.needsHold
                    || !book.packs(of: index).contains {
                        $0.home.map { $0.lock.keeps(home.lock) } ?? false
                    }
            }
            if !isNeeded {
                var changed = entry
                changed.hold = .off
                plan.append(.adjust(changed, from: entry))
            }
        }
        return plan
    }

    /// Journal objects go when tiles and packs have all of theirs, and are locked on until then.
    private func journalCare() throws(ReplicationFailure) -> [Care] {
        let reading = store.clock.reading
        let third = Int64(configuration.journalLockSeconds) * 1_000 / 3
        let name = name
        let erased = store.withState { $0.unpurged(in: name) }
            .values.reduce(IndexRanges.none) { $0.union($1) }
        var plan: [Care] = []
        guard let soon = reading.granting.adding(milliseconds: third) else { return [] }
        try recallJournals(before: reading.releasing)
        for entry in book.stored(.journal) where !leaving.contains(entry.key) {
            if !isCovered(entry, without: erased) {
                guard entry.lock.until < soon,
                    !isCovered(entry, without: erased, countingAll: true)
                else { continue }
                var changed = entry
                guard let lock = ObjectLock(mode: entry.lock.mode, until: journalEnd) else {
                    continue
                }
                changed.lock = lock
                plan.append(.adjust(changed, from: entry))
            } else if openDeleting != nil, entry.lock.until < reading.releasing {
                // From here on it covers no other.
                leaving.insert(entry.key)
                plan.append(.delete(entry))
            } else if !entry.payloads.intersects(erased) {
                book.archive(entry.key)
            }
        }
        return plan
    }

    private static let journalsARound = 2_000

    /// Takes back journal objects whose lock is over, some at a time: they may go.
    private func recallJournals(before time: Timestamp) throws(ReplicationFailure) {
        guard openDeleting != nil else { return }
        let (ledger, place) = (ledger, journalPlace)
        let page = try logged { () throws(StoreError) in
            try ledger.entries(below: "journal/", behind: place, limit: Self.journalsARound)
        }
        journalPlace = page.count < Self.journalsARound ? nil : page.last?.key
        for entry in page where entry.lock.until < time { book.recall(entry) }
    }

    /// Locks of tiles are prolonged once a year, so that they never end.
    private func tileCare() throws(ReplicationFailure) -> [Care] {
        let time = now
        guard time.milliseconds - lastTileCare.milliseconds > Self.dayMilliseconds else {
            return []
        }
        lastTileCare = time
        let year = Int64(365) * Self.dayMilliseconds
        guard let end = description.logRetention.end(from: time)?.roundedUpToMidnight() else {
            return []
        }
        let ledger = ledger
        let entries = try logged { () throws(StoreError) in try ledger.tileEntries() }
        return entries.compactMap { entry in
            guard let version = entry.version,
                end.milliseconds - entry.until.milliseconds > year
            else { return nil }
            return .prolong(entry.key, version, until: end)
        }
    }

    /// Makes the changes, on a worker; one that fails does not hold up the others.
    private func perform(_ plan: [Care]) -> (TargetLedger.Changes, ReplicationFailure?) {
        var changes = TargetLedger.Changes()
        var old: [LedgerEntry] = []
        var first: ReplicationFailure?
        for step in plan {
            let target = target
            do throws(StoreFailure) {
                switch step {
                case .adjust(let entry, let old):
                    try adjust(entry, from: old)
                    changes.entries.append(entry)
                case .delete(let entry): old.append(entry)
                case .prolong(let key, let version, let until):
                    guard let lock = ObjectLock(mode: .compliance, until: until) else { continue }
                    try target.setRetention(lock, of: VersionedKey(key, version))
                    changes.tiles.append((key, version, until))
                case .settle(let entry): try settle(entry, &changes)
                }
            } catch {
                first = first ?? .store(error)
            }
        }
        do throws(ReplicationFailure) {
            changes.entries += try delete(old)
        } catch {
            first = first ?? error
        }
        return (changes, first)
    }
}

extension Replicator {
    /// Nothing counts as in force before the store has told all of it.
    private func adjust(_ entry: LedgerEntry, from old: LedgerEntry) throws(StoreFailure) {
        guard let version = entry.version else { return }
        let name = VersionedKey(entry.key, version)
        if entry.lock != old.lock {
            try target.setRetention(entry.lock, of: name)
            guard let lock = try target.retention(of: name), lock.mode == entry.lock.mode,
                lock.until >= entry.lock.until
            else { throw .corrupt(detail: "\(entry.key) did not take \(entry.lock)") }
        }
        if entry.hold != old.hold {
            try target.setLegalHold(entry.hold, of: name)
            guard try target.legalHold(of: name) == entry.hold else {
                throw .corrupt(detail: "\(entry.key) did not take a legal hold, or kept it")
            }
        }
    }
}

extension LedgerEntry.Kind {
    /// The work that makes such objects.
    var work: Replicator.Work {
        switch self {
        case .journal: .journal
        case .pack: .packs
        case .payload: .large
        }
    }
}

extension LedgerEntry {
    /// The same object, kept for another reason.
    func moved(to home: PackHome) -> LedgerEntry {
        LedgerEntry(
            key: key,
            kind: kind,
            records: records,
            bare: bare,
            home: home,
            digest: digest,
            sizeBytes: sizeBytes,
            lock: lock,
            hold: hold,
            state: state,
            version: version
        )
    }
}
