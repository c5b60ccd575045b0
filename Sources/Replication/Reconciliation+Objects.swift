import Cryptography
import EvidenceModel
import EvidenceStore
import TransparencyLog

// What should be in the target, and what is.
extension Reconciliation {
    /// Everything that the ledger says is stored, but journal objects whose lock is over: these go.
    func knownObjects() throws(ReplicationFailure) -> [KnownObject] {
        var objects: [KnownObject] = []
        let now = replicator.now
        for entry in try storedEntries() {
            if entry.kind == .payload { book.record(entry) }
            if entry.kind == .journal, entry.lock.until <= now { continue }
            guard let object = KnownObject(entry) else { continue }
            objects.append(object)
        }
        let ledger = replicator.ledger
        let tiles = try logged { () throws(StoreError) in try ledger.tileEntries() }
        for tile in tiles {
            guard let version = tile.version else { continue }
            do throws(StoreError) {
                guard let bytes = try tileBytes(tile.key),
                    let object = KnownObject(tile: tile.key, version, bytes, until: tile.until)
                else { continue }
                objects.append(object)
            } catch {
                report(
                    .local,
                    tile.key.text,
                    "it cannot be made from the log's records: \(error)",
                    isRepaired: false
                )
            }
        }
        return objects
    }

    func storedEntries() throws(ReplicationFailure) -> [LedgerEntry] {
        let ledger = replicator.ledger
        return try logged { () throws(StoreError) in try ledger.entries() }
            .filter { $0.state == .stored }
    }

    private func tileBytes(_ key: ObjectKey) throws(StoreError) -> [UInt8]? {
        switch ObjectLayout.meaning(of: key) {
        case .tile(let tile): try store.tile(tile)
        case .entryBundle(let bundle): try store.entryBundle(bundle)
        default: nil
        }
    }

    /// Looks at all objects; fills `damagedObjects` and `standing`.
    func examine(
        _ objects: [KnownObject],
        _ listed: [ObjectKey: [VersionEntry]]
    ) throws(ReplicationFailure) {
        for object in objects {
            let damage = try inspect(object, listed[object.key] ?? [])
            checkedObjects += 1
            if damage.isStanding, case .entry(let entry) = object.content {
                standing.append(entry)
            }
            if !damage.isSound { damagedObjects[object.key] = damage }
            try advance()
        }
        guard !damagedObjects.isEmpty else { return }
        // What replication has changed or deleted meanwhile is no damage.
        let entries = try storedEntries()
        let current = Dictionary(uniqueKeysWithValues: entries.map { ($0.key, $0.version) })
        damagedObjects = damagedObjects.filter { key, damage in
            guard case .entry = damage.object.content else { return true }
            return current[key] == .some(damage.object.version)
        }
    }

    /// All versions below the folders of the copy, of each key the newest first.
    ///
    /// Level by level: some stores lose keys between the pages of a longer listing.
    func listing() throws(ReplicationFailure) -> [ObjectKey: [VersionEntry]] {
        var listed: [ObjectKey: [VersionEntry]] = [:]
        var folders = [ObjectLayout.Folder.log, .journal, .packs, .payloads].map(\.rawValue)
        while let folder = folders.popLast() {
            var cursor: ListCursor?
            repeat {
                let (target, from) = (target, cursor)
                let page = try stored { () throws(StoreFailure) in
                    try target.listVersions(
                        prefix: folder,
                        depth: .level,
                        after: from,
                        limit: 1_000
                    )
                }
                for entry in page.entries { listed[entry.name.key, default: []].append(entry) }
                folders += page.folders
                cursor = page.next
                try checkStopping()
            } while cursor != nil
        }
        return listed
    }

    private func inspect(
        _ object: KnownObject,
        _ listed: [VersionEntry]
    ) throws(ReplicationFailure) -> ObjectDamage {
        var damage = ObjectDamage(object: object)
        for entry in listed.prefix(while: { $0.name.version != object.version }) {
            damage.covers.append(entry.name)
            let isMarker = entry.content == .deleteMarker
            damage.problems.append(
                "\(isMarker ? "a delete marker" : "another version") "
                    + "(\(entry.name.version)) stands over it"
            )
        }
        let head: HeadResult
        do throws(StoreFailure) {
            head = try target.head(object.key, version: object.version)
        } catch .notFound, .deleteMarker {
            damage.isStanding = false
            damage.problems.append("the version \(object.version) is missing")
            return damage
        } catch {
            throw .store(error)
        }
        let isSame = try head.sizeBytes == object.sizeBytes ? hasBytes(head, of: object) : false
        guard isSame else {
            damage.isStanding = false
            damage.problems.append("the version \(object.version) has other bytes")
            return damage
        }
        if object.lock.until > replicator.now {
            let lock = head.lock
            if lock?.mode != object.lock.mode || lock.map({ $0.until < object.lock.until }) ?? true
            {
                damage.isWeak = true
                let told = lock.map { "\($0)" } ?? "none"
                damage.problems.append("its lock is \(told), not \(object.lock)")
            }
        }
        if object.hold == .on, head.hold != .on {
            damage.isWeak = true
            damage.problems.append("it is under no legal hold")
        }
        return damage
    }

    private func hasBytes(
        _ head: HeadResult,
        of object: KnownObject
    ) throws(ReplicationFailure) -> Bool {
        if case .whole(let digest)? = head.checksum { return digest == object.digest }
        let sink = DigestSink()
        let target = target
        _ = try stored { () throws(StoreFailure) in
            try target.get(object.key, version: object.version, range: nil) { sink.append($0) }
        }
        return sink.finalize() == object.digest
    }
}
