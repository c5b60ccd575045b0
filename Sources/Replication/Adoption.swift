import Cryptography
import EvidenceModel
import EvidenceStore
import TransparencyLog

/// Learns from the bucket itself what stands there, for a node without a ledger: one that was
/// restored, or whose `state/` is lost.
struct Adoption {
    let store: EvidenceStore
    let target: any ObjectStore
    let ledger: TargetLedger

    /// Writes the ledger anew.
    ///
    /// `size`: of the log; objects of records beyond it are not ours.
    func run(upTo size: TreeSize) throws(ReplicationFailure) {
        var changes = TargetLedger.Changes()
        var journals = IndexRanges.none
        try walk("journal/") { object throws(ReplicationFailure) in
            guard case .journal(let first, let count) = ObjectLayout.meaning(of: object.key),
                count > 0, first.value + count <= size.value,
                let records = IndexRanges(ranges: [first.value...(first.value + count - 1)])
            else { return }
            // A node that lost the race for the register leaves other records.
            guard let entries = try ownJournal(object) else { return }
            let erased = entries.filter(\.isErased).map(\.index)
            let entry = try entry(object, .journal, records, bare: IndexRanges(erased), home: nil)
            changes.entries.append(entry)
            journals = journals.union(records)
        }
        try walk("packs/") { object throws(ReplicationFailure) in
            guard case .pack = ObjectLayout.meaning(of: object.key),
                case .pack(_, let home, let entries) = try index(of: object)
            else { return }
            let records = IndexRanges(entries.map(\.index))
            changes.entries.append(try entry(object, .pack, records, bare: .none, home: home))
        }
        try walk("payloads/") { object throws(ReplicationFailure) in
            guard case .payload(let collection, let index) = ObjectLayout.meaning(of: object.key)
            else { return }
            let records = IndexRanges(index)
            var entry = try entry(object, .payload, records, bare: .none, home: nil)
            guard let lock = Lock(mode: entry.lock.mode, until: entry.lock.until) else { return }
            entry = entry.moved(
                to: PackHome(collection: collection, lock: lock, kind: .original)
            )
            changes.entries.append(entry)
        }
        let tiles = try adoptTiles(&changes)
        var journaled = tiles
        for range in journals.ranges where range.lowerBound <= journaled.value {
            journaled = max(journaled, TreeSize(range.upperBound + 1))
        }
        changes.marks = [.journaled: journaled, .tiles: tiles]
        let (ledger, all) = (ledger, changes)
        try logged { () throws(StoreError) in try ledger.write(all) }
    }

    /// Below the size all full bundles and their hash tiles are there.
    private func adoptTiles(
        _ changes: inout TargetLedger.Changes
    ) throws(ReplicationFailure) -> TreeSize {
        var bundles: Set<UInt64> = []
        var hashes: Set<UInt64> = []
        var found: [(key: ObjectKey, version: ObjectVersion?, until: Timestamp)] = []
        try walk("log/tile/") { object throws(ReplicationFailure) in
            switch ObjectLayout.meaning(of: object.key) {
            case .entryBundle(let bundle): bundles.insert(bundle.index)
            case .tile(let tile): if tile.level == 0 { hashes.insert(tile.index) }
            default: return
            }
            // Their locks are prolonged with the next care, whatever they are.
            found.append((object.key, object.version, .earliest))
        }
        changes.tiles = found
        var count: UInt64 = 0
        while bundles.contains(count), hashes.contains(count) { count += 1 }
        return TreeSize(count * UInt64(EntryBundleCoordinate.fullWidth))
    }

    private func walk(
        _ prefix: String,
        _ body: (ObjectWalk.Found) throws(ReplicationFailure) -> Void
    ) throws(ReplicationFailure) {
        var objects: [ObjectWalk.Found] = []
        do throws(RestorationError) {
            try ObjectWalk(store: target).each(below: prefix) { objects.append($0) }
        } catch {
            throw .local("\(error)")
        }
        for object in objects { try body(object) }
    }

    private func index(of object: ObjectWalk.Found) throws(ReplicationFailure) -> PackIndex {
        do throws(PackError) {
            return try PackReader(source: RestorationSource(store: target).pieces(object)).index()
        } catch {
            throw .local("\(object.key): \(error)")
        }
    }

    /// The entries of a journal object, if its records are those of the log.
    private func ownJournal(
        _ object: ObjectWalk.Found
    ) throws(ReplicationFailure) -> [PackEntry]? {
        let reader = PackReader(source: RestorationSource(store: target).pieces(object))
        do throws(PackError) {
            let entries = try reader.index().entries
            while let member = try reader.next() {
                guard case .record(let index, let bytes) = member else { continue }
                guard try isOwn(bytes, at: index) else { return nil }
            }
            return entries
        } catch {
            throw .local("\(object.key): \(error)")
        }
    }

    private func isOwn(_ bytes: [UInt8], at index: RecordIndex) throws(PackError) -> Bool {
        do throws(StoreError) {
            return try store.record(at: index).bytes == bytes
        } catch {
            throw .source(detail: "\(error)")
        }
    }

    private func entry(
        _ object: ObjectWalk.Found,
        _ kind: LedgerEntry.Kind,
        _ records: IndexRanges,
        bare: IndexRanges,
        home: PackHome?
    ) throws(ReplicationFailure) -> LedgerEntry {
        let target = target
        let head = try stored { () throws(StoreFailure) in
            try target.head(object.key, version: object.version)
        }
        guard let lock = head.lock else {
            throw .store(.corrupt(detail: "\(object.key) is without a lock in the store"))
        }
        let digest: SHA256Digest
        if case .whole(let told)? = head.checksum {
            digest = told
        } else {
            let sink = DigestSink()
            _ = try stored { () throws(StoreFailure) in
                try target.get(object.key, version: object.version, range: nil) { sink.append($0) }
            }
            digest = sink.finalize()
        }
        return LedgerEntry(
            key: object.key,
            kind: kind,
            records: records,
            bare: bare,
            home: home,
            digest: digest,
            sizeBytes: head.sizeBytes,
            lock: lock,
            hold: head.hold ?? .off,
            state: .stored,
            version: object.version
        )
    }
}
