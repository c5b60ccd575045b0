import EvidenceModel
import EvidenceStore
import TransparencyLog

// What is to be done follows from the ledger and the log.
extension Replicator {
    func load() throws(ReplicationFailure) {
        let ledger = ledger
        let isNew = try logged { () throws(StoreError) in
            guard try ledger.mark(.journaled) == .zero else { return false }
            return try ledger.entries(limit: 1).isEmpty
        }
        if isNew, try register.read() != nil {
            try Adoption(store: store, target: target, ledger: ledger)
                .run(upTo: store.checkpoint.size)
        }
        let marks = try logged { () throws(StoreError) in
            (
                journaled: try ledger.mark(.journaled), tiles: try ledger.mark(.tiles),
                packed: try ledger.mark(.packed)
            )
        }
        (journaled, tileMark, packedMark) = (marks.journaled, marks.tiles, marks.packed)
        guard journaled <= store.checkpoint.size else {
            throw .fenced(
                "\(journaled) records were copied, but the log has "
                    + "\(store.checkpoint.size): it was set back to an older copy"
            )
        }
        try loadEntries()
        isAdjusting = true
        try settlePlanned()
        try findUnpacked()
        try assessChanges()
    }

    private static let pageSize = 10_000

    /// Journal objects that tiles and packs cover stay in the ledger: there may be millions.
    private func loadEntries() throws(ReplicationFailure) {
        let (ledger, covered) = (ledger, min(tileMark, packedMark).value)
        var last: ObjectKey?
        while true {
            let behind = last
            let page = try logged { () throws(StoreError) in
                try ledger.entries(behind: behind, limit: Self.pageSize)
            }
            for entry in page {
                let isOld = entry.records.last.map { $0.value < covered } ?? false
                if entry.kind == .journal, entry.state == .stored, isOld {
                    book.countArchived(entry)
                } else {
                    book.record(entry)
                }
            }
            guard let key = page.last?.key else { return }
            last = key
        }
    }

    /// Uploads that a crash interrupted: what stands there is taken over, the rest forgotten.
    private func settlePlanned() throws(ReplicationFailure) {
        for entry in book.entries.values where entry.state == .planned {
            var changes = TargetLedger.Changes()
            do throws(StoreFailure) {
                try settle(entry, &changes)
            } catch {
                throw .store(error)
            }
            for settled in changes.entries { book.record(settled) }
            for key in changes.removed { book.forget(key) }
            let (ledger, final) = (ledger, changes)
            try logged { () throws(StoreError) in try ledger.write(final) }
        }
    }

    /// Takes over what stands in the store, and forgets what does not.
    func settle(
        _ entry: LedgerEntry,
        _ changes: inout TargetLedger.Changes
    ) throws(StoreFailure) {
        do throws(StoreFailure) {
            var settled = entry
            settled.version = try uploader.adopt(.init(entry))
            settled.state = .stored
            changes.entries.append(settled)
        } catch .notFound, .deleteMarker {
            changes.removed.append(entry.key)
        } catch .corrupt {
            // Another node's object: ours was refused. Reconciliation tells of it.
            if try !hasStored(entry) { changes.removed.append(entry.key) }
        }
    }

    /// Whether a version of the key may be what was sent.
    private func hasStored(_ entry: LedgerEntry) throws(StoreFailure) -> Bool {
        let page = try target.listVersions(
            prefix: entry.key.text,
            depth: .all,
            after: nil,
            limit: 1_000
        )
        for version in page.entries where version.name.key == entry.key {
            guard version.content.sizeBytes == entry.sizeBytes else { continue }
            let head = try target.head(entry.key, version: version.name.version)
            if case .whole(let digest)? = head.checksum, digest != entry.digest { continue }
            return true
        }
        return page.next != nil
    }

    /// Evidence below `journaled` that is in no verified pack.
    private func findUnpacked() throws(ReplicationFailure) {
        guard journaled > packedMark else { return }
        let range = packedMark.value...(journaled.value - 1)
        guard let all = IndexRanges(ranges: [range]) else { return }
        let packed = IndexRanges(
            book.entries(.pack, with: all).lazy.filter { $0.state == .stored }
                .flatMap { $0.records.indexes }
        )
        for index in all.subtracting(packed).indexes {
            let store = store
            let replica = try logged { () throws(StoreError) in
                try store.replicaFacts(at: index)
            }
            guard let (candidate, facts) = replica else { continue }
            let home = store.withState { $0.home(of: facts) }
            book.wait(candidate, for: home, isUrgent: false)
            if candidate.isLarge { waitForLarge(index, home) }
        }
    }

    func waitForLarge(_ index: RecordIndex, _ home: PackHome) {
        let entry = book.payloadObject(of: index, in: home.collection)
        if entry?.state != .stored { largeWaiting[index] = home }
    }

    /// All records whose locks or holds acts have changed.
    private func assessChanges() throws(ReplicationFailure) {
        let (changed, selections) = store.withState { state in
            var changed = IndexRanges(state.changedLocks(notAfter: .latest))
            var selections: [Selection] = []
            for matter in state.matters.values where !matter.isReleased {
                changed = changed.union(matter.explicit.ranges)
                selections += matter.selections.map(\.selection)
            }
            return (changed, selections)
        }
        try assess(changed)
        for selection in selections {
            let store = store
            let matches = try logged { () throws(StoreError) in try store.matches(selection) }
            try assess(matches.indexes)
        }
    }

    /// What an act that is in the journal means for the copy.
    func take(_ act: Act) throws(ReplicationFailure) {
        let store = store
        switch act {
        case .lockExtended(let records, _): try assess(records)
        case .eventRecorded(_, _, let records, _):
            try assess(records)
            isAdjusting = true
        case .holdReleased: isAdjusting = true
        case .holdPlaced(_, .records(let records)): try assess(records)
        case .holdPlaced(_, .selection(let selection, _, _, _, _)):
            let matches = try logged { () throws(StoreError) in try store.matches(selection) }
            try assess(matches.indexes)
        case .payloadErased(let erased):
            for index in erased.records.indexes {
                book.cancel(index)
                largeWaiting[index] = nil
                strongerWaiting[index] = nil
            }
            nextPurgeNanoseconds = 0
        default: break
        }
    }

    /// Lets records whose lock or hold in the target is too weak wait for a pack of their own.
    func assess(_ records: IndexRanges) throws(ReplicationFailure) {
        for index in records.indexes where index.value < journaled.value {
            let store = store
            let found = try logged { () throws(StoreError) in try store.replicaFacts(at: index) }
            guard let (candidate, facts) = found else { continue }
            let home = store.withState { $0.home(of: facts) }
            var weak: [LedgerEntry] = []
            if candidate.isLarge, let object = book.payloadObject(of: index, in: facts.collection),
                object.state == .stored, !object.keeps(as: home)
            {
                weak.append(object)
                isAdjusting = true
            }
            if book.isKept(index, as: home, without: doomed) {
                book.leave(index)
            } else {
                let packs = book.packs(of: index)
                weak += packs
                book.wait(candidate, for: home, isUrgent: !packs.isEmpty)
            }
            if let until = weak.map(\.lock.until).max() {
                book.suspend(index, until: until)
            } else {
                book.settle(index)
            }
        }
    }
}

extension LedgerEntry {
    /// How it is asked for.
    func request(_ body: ObjectBody) -> PutRequest {
        var request = PutRequest(key: key, body: body, checksum: digest)
        request.lock = lock
        request.hold = hold
        return request
    }
}
