import Cryptography
import EvidenceModel
import EvidenceStore
import Platform
import TransparencyLog

// The target is repaired from the log.
extension Reconciliation {
    /// Reports a damaged object, and repairs it.
    func reconcile(_ damage: ObjectDamage) throws(ReplicationFailure) {
        let key = damage.object.key
        let problem = damage.problems.joined(separator: "; ")
        if !damage.isStanding, let index = missingRecord(of: damage.object) {
            return report(
                .both,
                key.text,
                "\(problem); the payload of record \(index), which is in it, is damaged here too",
                isRepaired: false
            )
        }
        guard isRepairing else {
            return report(.target, key.text, problem, isRepaired: false)
        }
        do throws(ReplicationFailure) {
            if !damage.isStanding {
                try replace(damage)
            } else {
                if damage.isWeak { try strengthen(damage.object) }
                try uncover(damage)
            }
            report(.target, key.text, problem, isRepaired: true)
        } catch {
            report(.target, key.text, "\(problem); not repaired: \(error)", isRepaired: false)
        }
    }

    /// A record whose bytes the object must have and this log has not.
    private func missingRecord(of object: KnownObject) -> RecordIndex? {
        guard case .entry(let entry) = object.content else { return nil }
        let needed = entry.kind == .payload ? lostLarge : lost.subtracting(lostLarge)
        return needed.filter { entry.records.contains($0) }.min()
    }

    private func strengthen(_ object: KnownObject) throws(ReplicationFailure) {
        let target = target
        let name = VersionedKey(object.key, object.version)
        try stored { () throws(StoreFailure) in
            if object.lock.until > replicator.now {
                try target.setRetention(object.lock, of: name)
            }
            if object.hold == .on { try target.setLegalHold(.on, of: name) }
            let head = try target.head(name.key, version: name.version)
            guard object.hold == .off || head.hold == .on,
                object.lock.until <= replicator.now || head.lock == object.lock
            else { throw .corrupt(detail: "\(name) did not take its lock or hold") }
        }
    }

    /// Removes what stands over an object whose own version is as it should be.
    private func uncover(_ damage: ObjectDamage) throws(ReplicationFailure) {
        try remove(damage.covers)
    }

    /// Deletes versions and markers.
    func remove(_ names: [VersionedKey]) throws(ReplicationFailure) {
        guard !names.isEmpty else { return }
        guard let openDeleting = replicator.openDeleting else {
            throw .local(
                "what stands there cannot be removed, as the target has no --retention-profile"
            )
        }
        let deleting = try stored { () throws(StoreFailure) in try openDeleting() }
        for name in names {
            do throws(StoreFailure) {
                try deleting.delete(name)
            } catch .notFound {
                // It is missing: that is what is being repaired.
            } catch {
                throw .store(error)
            }
        }
    }

    /// Stores an object anew from the log; what stands at its key goes if it can, else lies below.
    private func replace(_ damage: ObjectDamage) throws(ReplicationFailure) {
        let object = damage.object
        let path = "\(replicator.folder)/reconcile-object.tmp"
        try? FileSystem.unlinkIfPresent(path)
        defer { try? FileSystem.unlinkIfPresent(path) }
        guard let made = try make(object, path) else { return try forget(object.key) }
        let isClear: Bool
        do throws(ReplicationFailure) {
            try remove(damage.covers + [VersionedKey(object.key, object.version)])
            isClear = true
        } catch {
            isClear = false
        }
        let (target, uploader, request) = (target, replicator.uploader, made.request)
        let version = try stored { () throws(StoreFailure) in
            if isClear || request.key != object.key { return try uploader.store(request) }
            let result = try target.put(request)
            return try uploader.verify(Uploader.Expected(request), result.version)
        }
        var changes = TargetLedger.Changes()
        switch made.kept {
        case .entry(var entry):
            entry.version = version
            entry.state = .stored
            changes.entries = [entry]
        case .tile(_, let until): changes.tiles = [(object.key, version, until)]
        }
        if made.request.key != object.key { changes.removed = [object.key] }
        try replicator.adopt(changes)
    }

    private func forget(_ key: ObjectKey) throws(ReplicationFailure) {
        var changes = TargetLedger.Changes()
        changes.removed = [key]
        try replicator.adopt(changes)
    }

    private typealias Made = (request: PutRequest, kept: KnownObject.Content)

    /// The object as the log has it; `nil` if all that it held was erased.
    private func make(
        _ object: KnownObject,
        _ path: String
    ) throws(ReplicationFailure) -> Made? {
        let lock = replicator.acceptable(object.lock, sizeBytes: object.sizeBytes)
        switch object.content {
        case .tile(let bytes, _):
            var request = PutRequest(key: object.key, bytes: bytes)
            request.lock = lock
            return (request, .tile(bytes, until: lock.until))
        case .entry(var entry):
            entry.lock = lock
            switch entry.kind {
            case .journal: return try makeJournal(entry)
            case .pack: return try makePack(entry, path)
            case .payload: return try makePayload(entry)
            }
        }
    }

    private func makeJournal(_ entry: LedgerEntry) throws(ReplicationFailure) -> Made {
        guard let first = entry.records.first, let last = entry.records.last else {
            throw .local("\(entry.key) has no records")
        }
        let job = JournalJob(first: first, end: TreeSize(last.value + 1), isWhole: true)
        let (contents, bytes) = try job.make(store, lockedUntil: entry.lock.until)
        return (contents.entry.request(.bytes(bytes)), .entry(contents.entry))
    }

    private func makePayload(
        _ entry: LedgerEntry
    ) throws(ReplicationFailure) -> Made? {
        guard let index = entry.records.first else { throw .local("\(entry.key) has no record") }
        let store = store
        if store.withState({ $0.erasure(of: index) }) != nil { return nil }
        let file = try logged { () throws(StoreError) in try store.payloadFile(of: index) }
        let kept = entry.remade(key: entry.key, entry.records, file.digest, file.sizeBytes)
        let body = ObjectBody.file(path: file.path, offset: 0, sizeBytes: file.sizeBytes)
        return (kept.request(body), .entry(kept))
    }

    /// Of what was not erased; then it has another name, as it has other bytes.
    private func makePack(
        _ entry: LedgerEntry,
        _ path: String
    ) throws(ReplicationFailure) -> Made? {
        guard let home = entry.home else { throw .local("\(entry.key) has no home") }
        let store = store
        var candidates: [PackCandidate] = []
        for index in entry.records.indexes {
            let found = try logged { () throws(StoreError) in try store.replicaFacts(at: index) }
            if let found { candidates.append(found.candidate) }
        }
        guard let first = candidates.first else { return nil }
        // Since it was made a stronger object may have come beside that of a large payload.
        let book = book
        var result = try write(candidates, home, path) { ObjectLayout.payload(home.collection, $0) }
        if result.digest != entry.digest, candidates.contains(where: \.isLarge) {
            result = try write(candidates, home, path) { book.payloadKey(of: $0, as: home) }
        }
        let key = ObjectLayout.pack(
            home,
            first: first.index,
            count: UInt64(candidates.count),
            digest: result.digest
        )
        let records = IndexRanges(candidates.map(\.index))
        let kept = entry.remade(key: key, records, result.digest, result.sizeBytes)
        let body = ObjectBody.file(path: path, offset: 0, sizeBytes: result.sizeBytes)
        return (kept.request(body), .entry(kept))
    }

    /// Writes a pack to a file; `object`: where a large payload stands.
    private func write(
        _ candidates: [PackCandidate],
        _ home: PackHome,
        _ path: String,
        object: (RecordIndex) -> ObjectKey
    ) throws(ReplicationFailure) -> PackWriter.Result {
        let store = store
        let entries = candidates.map { candidate in
            PackEntry(
                index: candidate.index,
                content: candidate.isLarge
                    ? .object(candidate.payload, object(candidate.index))
                    : .payload(candidate.payload)
            )
        }
        do throws(PackError) {
            do throws(SystemError) {
                try FileSystem.unlinkIfPresent(path)
            } catch {
                throw .system(error)
            }
            let writer = try PackWriter(
                .pack(origin: store.description.origin, home, entries),
                indexTime: candidates[0].received,
                to: .file(path: path)
            )
            for candidate in candidates {
                let replica: Replica
                do throws(StoreError) {
                    replica = try store.replica(at: candidate.index)
                } catch {
                    throw .source(detail: "\(error)")
                }
                guard replica.candidate == candidate else {
                    throw .source(detail: "record \(candidate.index) was erased meanwhile")
                }
                try writer.append(replica)
            }
            return try writer.finish()
        } catch {
            throw .local("\(error)")
        }
    }
}

extension LedgerEntry {
    /// The same object with other bytes.
    fileprivate func remade(
        key: ObjectKey,
        _ records: IndexRanges,
        _ digest: SHA256Digest,
        _ sizeBytes: UInt64
    ) -> LedgerEntry {
        LedgerEntry(
            key: key,
            kind: kind,
            records: records,
            home: home,
            digest: digest,
            sizeBytes: sizeBytes,
            lock: lock,
            hold: hold,
            state: .planned,
            version: nil
        )
    }
}

extension Replicator {
    /// Takes over what a reconciliation has stored or found gone; durable on return.
    func adopt(_ changes: TargetLedger.Changes) throws(ReplicationFailure) {
        let ledger = ledger
        try logged { () throws(StoreError) in try ledger.write(changes) }
        let (entries, removed) = (changes.entries, changes.removed)
        post { replicator in
            for key in removed { replicator.book.forget(key) }
            for entry in entries { replicator.book.record(entry) }
        }
    }
}
