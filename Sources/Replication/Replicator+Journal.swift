import EvidenceModel
import EvidenceStore
import Platform
import TransparencyLog

// The newest records, the tiles of the tree, and large payloads.
extension Replicator {
    // MARK: Journal

    /// Begins the next journal object, if it is time.
    ///
    /// While nobody waits for one they are as far apart as is configured: each costs requests.
    func planJournal(_ now: UInt64) {
        let size = store.checkpoint.size
        guard inHand[.journal] == nil, size > journaled, mayTry(.journal, now) else { return }
        let isDue =
            now - journalStartedNanoseconds >= configuration.journalMilliseconds * 1_000_000
        guard
            isDue || store.gate.isWaitedFor || flushBelow > journaled
                || size.value - journaled.value >= JournalJob.maximumRecords
        else { return }
        journalStartedNanoseconds = now
        let job = JournalJob(first: RecordIndex(journaled.value), end: size)
        inHand[.journal] = job.records
        let until = journalEnd
        // Whoever waits for the bucket must hear of another node first.
        let isRegistering = waitsForTarget || isRegisterDue(now)
        run(.journal) { [self] () throws(ReplicationFailure) in
            let contents: JournalJob.Contents
            do throws(ReplicationFailure) {
                contents = try send(job, lockedUntil: until)
            } catch {
                // The register tells whether it is another node's object that stands there.
                if case .store(.corrupt) = error { try register.check() }
                throw error
            }
            if isRegistering { try register.write(contents.size) }
            return contents
        } then: { replicator, result in
            replicator.inHand[.journal] = nil
            guard case .success(let contents) = result else { return }
            replicator.finish(contents)
            if isRegistering { replicator.noteRegistered(contents.size) }
        }
    }

    /// Makes and stores a journal object, on a worker.
    func send(
        _ job: JournalJob,
        lockedUntil until: Timestamp
    ) throws(ReplicationFailure) -> JournalJob.Contents {
        var (contents, bytes) = try job.make(store, lockedUntil: until)
        try write(contents.entry)
        let entry = contents.entry
        let uploader = uploader
        contents.entry.version = try stored { () throws(StoreFailure) in
            try uploader.store(entry.request(.bytes(bytes)))
        }
        contents.entry.state = .stored
        return contents
    }

    // MARK: Register

    /// The least time between two checkpoints in the register while nobody waits for the target.
    private static let registerNanoseconds: UInt64 = 2_500_000_000

    private var waitsForTarget: Bool {
        let name = name
        return store.withState { $0.targets[name]?.phase.waitsForTarget } ?? false
    }

    private func isRegisterDue(_ now: UInt64) -> Bool {
        now - registeredNanoseconds >= Self.registerNanoseconds || flushBelow > registered
            || isRegisterLost
    }

    /// Begins to write the newest checkpoint to the register, if no journal object will.
    func planRegister(_ now: UInt64) {
        guard inHand[.journal] == nil, registered < journaled || isRegisterLost,
            isRegisterDue(now), mayTry(.journal, now)
        else { return }
        inHand[.journal] = IndexRanges.none
        let size = journaled
        run(.journal) { [self] () throws(ReplicationFailure) in
            try register.write(size)
        } then: { replicator, result in
            replicator.inHand[.journal] = nil
            if case .success = result { replicator.noteRegistered(size) }
        }
    }

    private func noteRegistered(_ size: TreeSize) {
        registered = size
        isRegisterLost = false
        registeredNanoseconds = Clock.monotonicNanoseconds()
    }

    var journalEnd: Timestamp {
        let milliseconds = Int64(configuration.journalLockSeconds) * 1_000
        guard let end = now.adding(milliseconds: milliseconds)?.roundedUpToSecond() else {
            preconditionFailure("the lock of a journal object ends within the calendar")
        }
        return end
    }

    /// Writes an entry to the ledger, on a worker, before its upload begins.
    func write(_ entry: LedgerEntry) throws(ReplicationFailure) {
        let ledger = ledger
        try logged { () throws(StoreError) in try ledger.write(entry) }
        // Whatever becomes of the upload: it may stand there.
        post { $0.book.record(entry) }
    }

    private func finish(_ contents: JournalJob.Contents) {
        var changes = TargetLedger.Changes()
        changes.entries = [contents.entry]
        changes.marks[.journaled] = contents.size
        guard note(changes) else { return }
        book.record(contents.entry)
        journaled = contents.size
        for (candidate, home) in contents.evidence {
            book.wait(candidate, for: home, isUrgent: false)
            if candidate.isLarge { waitForLarge(candidate.index, home) }
        }
        for (_, act) in contents.acts {
            do throws(ReplicationFailure) {
                try take(act)
            } catch {
                // What was missed is found again at the next start.
                update { $0.health = .fenced("a change of locks cannot be followed: \(error)") }
            }
        }
    }

    // MARK: Tiles

    private static let bundleWidth = UInt64(EntryBundleCoordinate.fullWidth)
    /// One of so many objects is read back; reconciliation looks at all.
    private static let readBackEvery: UInt64 = 32

    /// Begins to send the next full entry bundle with the tiles that it completes.
    ///
    /// Of records that the register does not name yet there are no tiles and no large payloads:
    /// whoever loses the race for it must not have taken their keys from the other node.
    func planTiles(_ now: UInt64) {
        guard tilesUnderWay == 0, mayTry(.tiles, now) else { return }
        let end = min(journaled, registered).value / Self.bundleWidth * Self.bundleWidth
        guard tileMark.value < end else { return }
        // Several at once, in order: the mark says below which all stand.
        let last = min(end, tileMark.value + Self.bundleWidth * 8)
        let range = (from: tileMark, to: TreeSize(last))
        tilesUnderWay = 1
        let until = tileEnd
        run(.tiles) { [self] () throws(ReplicationFailure) in
            try sendTiles(range.from, range.to, until)
        } then: { replicator, result in
            replicator.tilesUnderWay = 0
            guard case .success(var changes) = result else { return }
            changes.marks[.tiles] = range.to
            if replicator.note(changes) { replicator.tileMark = range.to }
        }
    }

    private var tileEnd: Timestamp {
        description.logRetention.end(from: now)?.roundedUpToMidnight() ?? Lock.withoutEnd
    }

    private func sendTiles(
        _ from: TreeSize,
        _ to: TreeSize,
        _ until: Timestamp
    ) throws(ReplicationFailure) -> TargetLedger.Changes {
        guard let lock = ObjectLock(mode: .compliance, until: until) else {
            preconditionFailure("midnight is a whole second")
        }
        var changes = TargetLedger.Changes()
        func send(_ key: ObjectKey, _ bytes: [UInt8], _ number: UInt64) throws(ReplicationFailure) {
            var request = PutRequest(key: key, bytes: bytes)
            request.lock = lock
            let check: Uploader.Check = number % Self.readBackEvery == 0 ? .readBack : .reply
            let (uploader, asked) = (uploader, request)
            let version = try stored { () throws(StoreFailure) in
                try uploader.store(asked, check)
            }
            changes.tiles.append((key, version, until))
        }
        let store = store
        var first = from.value
        while first < to.value {
            let number = first / Self.bundleWidth
            guard let bundle = EntryBundleCoordinate(index: number),
                let bytes = try logged({ () throws(StoreError) in try store.entryBundle(bundle) })
            else { preconditionFailure("a full bundle below the size is there") }
            try send(ObjectLayout.entryBundle(bundle), bytes, number)
            first += Self.bundleWidth
        }
        for tile in TileCoordinate.completed(from: from, to: to) {
            guard let bytes = try logged({ () throws(StoreError) in try store.tile(tile) }) else {
                preconditionFailure("a completed tile is there")
            }
            try send(ObjectLayout.tile(tile), bytes, tile.level == 0 ? tile.index + 16 : 0)
        }
        return changes
    }

    // MARK: Large payloads

    /// Begins to send the next payload that is an object of its own.
    func planLarge(_ now: UInt64) {
        func next(_ waiting: [RecordIndex: PackHome]) -> RecordIndex? {
            waiting.keys.lazy.filter { self.resting[$0] == nil }.min()
        }
        guard inHand[.large] == nil, mayTry(.large, now),
            let index = next(largeWaiting) ?? next(strongerWaiting),
            let home = largeWaiting[index] ?? strongerWaiting[index]
        else { return }
        guard index.value < registered.value else {
            // Not before the register names it, as with tiles; that is due now.
            registeredNanoseconds = 0
            return
        }
        inHand[.large] = IndexRanges(index)
        let key = book.payloadKey(of: index, as: home)
        run(.large) { [self] () throws(ReplicationFailure) in
            try sendLarge(index, home, key)
        } then: { replicator, result in
            replicator.inHand[.large] = nil
            guard case .success(let outcome) = result else { return }
            switch outcome {
            case .stored(let entry):
                guard replicator.note(entry) else { return }
                replicator.book.record(entry)
            case .unreadable(let error): return replicator.rest(index, because: error)
            case .erased: break
            }
            replicator.largeWaiting[index] = nil
            replicator.strongerWaiting[index] = nil
            // Its lock may have changed meanwhile.
            replicator.reassess(IndexRanges(index))
        }
    }

    private enum LargeOutcome: Sendable {
        case stored(LedgerEntry)
        /// Meanwhile.
        case erased
        case unreadable(StoreError)
    }

    private func sendLarge(
        _ index: RecordIndex,
        _ home: PackHome,
        _ key: ObjectKey
    ) throws(ReplicationFailure) -> LargeOutcome {
        let file: PayloadFileFacts
        let record: Record
        do throws(StoreError) {
            record = try store.record(at: index).record
            file = try store.payloadFile(of: index)
        } catch .erased {
            return .erased
        } catch {
            return .unreadable(error)
        }
        let lock = objectLock(home, received: record.received, sizeBytes: file.sizeBytes)
        var entry = LedgerEntry(
            key: key,
            kind: .payload,
            records: IndexRanges(index),
            home: home,
            digest: file.digest,
            sizeBytes: file.sizeBytes,
            lock: lock,
            hold: home.needsHold ? .on : .off,
            state: .planned,
            version: nil
        )
        try write(entry)
        let request = entry.request(
            .file(path: file.path, offset: 0, sizeBytes: file.sizeBytes)
        )
        let uploader = uploader
        entry.version = try stored { () throws(StoreFailure) in try uploader.store(request) }
        entry.state = .stored
        return .stored(entry)
    }

    /// Looks at records again, on the coordinator's thread.
    func reassess(_ records: IndexRanges) {
        do throws(ReplicationFailure) {
            try assess(records)
        } catch {
            update { $0.health = .fenced("locks cannot be followed: \(error)") }
        }
    }
}
