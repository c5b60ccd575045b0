import EvidenceModel
import EvidenceStore
import Platform
import TransparencyLog

// Packs: records and payloads of one collection, lock and hold.
extension Replicator {
    /// The most records that wait before packs are closed early, for the memory that they take.
    private static let waitingLimit = 1_000_000

    /// Begins the next pack that is full, old enough, or asked for.
    func planPacks(_ now: UInt64) {
        guard inHand[.packs] == nil, mayTry(.packs, now), let home = nextHome() else { return }
        let candidates = book.begin(home, limitBytes: configuration.packBytes, if: mayPack)
        inHand[.packs] = IndexRanges(candidates.map(\.index))
        let path = "\(folder)/\(candidates[0].index).tar.zst.tmp"
        let entries = candidates.map { candidate in
            PackEntry(
                index: candidate.index,
                content: candidate.isLarge
                    ? .object(candidate.payload, book.payloadKey(of: candidate.index, as: home))
                    : .payload(candidate.payload)
            )
        }
        run(.packs) { [self] () throws(ReplicationFailure) in
            try sendPack(candidates, entries, home, path)
        } then: { replicator, result in
            replicator.inHand[.packs] = nil
            replicator.book.end(candidates)
            switch result {
            case .success(.made(let entry)): replicator.finish(entry)
            case .success(.unreadable(let index, let error)):
                replicator.rest(index, because: error)
                replicator.reassess(IndexRanges(candidates.map(\.index)))
            case .success(.changed), .failure:
                // Each waits where it belongs by now, if it is needed anywhere.
                replicator.reassess(IndexRanges(candidates.map(\.index)))
            }
        }
    }

    /// Whether a pack may name a record: a payload object that it refers to has to stand before.
    ///
    /// So a start finds what still lacks its object: it is in no pack.
    private func mayPack(_ index: RecordIndex) -> Bool {
        resting[index] == nil && largeWaiting[index] == nil
    }

    private func nextHome() -> PackHome? {
        let time = now
        let isCrowded = book.waiting.count > Self.waitingLimit
        var best: (home: PackHome, sizeBytes: UInt64)?
        for (home, group) in book.groups {
            guard let oldest = group.candidates.first(where: { mayPack($0.index) }) else {
                continue
            }
            let age = (time.milliseconds - oldest.received.milliseconds) / 1_000
            let isDue =
                group.sizeBytes >= configuration.packBytes || group.isUrgent || isCrowded
                || age >= Int64(configuration.packSeconds)
                || oldest.index.value < flushBelow.value
            if isDue, best.map({ group.sizeBytes > $0.sizeBytes }) ?? true {
                best = (home, group.sizeBytes)
            }
        }
        return best?.home
    }

    private func finish(_ entry: LedgerEntry) {
        book.record(entry)
        // Acts may have come while the pack was on its way.
        reassess(entry.records)
        // Objects that kept these records before may be let go.
        if entry.home?.kind != .original { isAdjusting = true }
        var changes = TargetLedger.Changes()
        changes.entries = [entry]
        packedMark = book.firstUnpacked.map { TreeSize($0.value) } ?? journaled
        changes.marks[.packed] = packedMark
        _ = note(changes)
    }

    private enum PackOutcome<Made: Sendable>: Sendable {
        case made(Made)
        /// A record was erased or changed its home meanwhile.
        case changed
        case unreadable(RecordIndex, StoreError)
    }

    private func sendPack(
        _ candidates: [PackCandidate],
        _ entries: [PackEntry],
        _ home: PackHome,
        _ path: String
    ) throws(ReplicationFailure) -> PackOutcome<LedgerEntry> {
        do throws(SystemError) {
            try FileSystem.unlinkIfPresent(path)
        } catch {
            throw .local("\(error)")
        }
        let result: PackWriter.Result
        switch try writePack(candidates, entries, home, path) {
        case .made(let written): result = written
        case .changed: return .changed
        case .unreadable(let index, let error): return .unreadable(index, error)
        }
        let received = candidates.map(\.received).max() ?? now
        let lock = objectLock(home, received: received, sizeBytes: result.sizeBytes)
        var entry = LedgerEntry(
            key: ObjectLayout.pack(
                home,
                first: candidates[0].index,
                count: UInt64(candidates.count),
                digest: result.digest
            ),
            kind: .pack,
            records: IndexRanges(candidates.map(\.index)),
            home: home,
            digest: result.digest,
            sizeBytes: result.sizeBytes,
            lock: lock,
            hold: home.needsHold ? .on : .off,
            state: .planned,
            version: nil
        )
        try write(entry)
        let request = entry.request(
            .file(path: path, offset: 0, sizeBytes: result.sizeBytes)
        )
        let uploader = uploader
        entry.version = try stored { () throws(StoreFailure) in try uploader.store(request) }
        entry.state = .stored
        do throws(SystemError) {
            try FileSystem.unlink(path)
        } catch {
            throw .local("\(error)")
        }
        return .made(entry)
    }

    private func writePack(
        _ candidates: [PackCandidate],
        _ entries: [PackEntry],
        _ home: PackHome,
        _ path: String
    ) throws(ReplicationFailure) -> PackOutcome<PackWriter.Result> {
        let origin = store.description.origin
        do throws(PackError) {
            let writer = try PackWriter(
                .pack(origin: origin, home, entries),
                indexTime: candidates[0].received,
                to: .file(path: path)
            )
            for candidate in candidates {
                if isStopping { throw PackError.source(detail: "the server is stopping") }
                let replica: Replica
                do throws(StoreError) {
                    replica = try store.replica(at: candidate.index)
                } catch {
                    try writer.abandon()
                    return .unreadable(candidate.index, error)
                }
                guard let facts = RecordFacts(replica.stored), replica.candidate == candidate,
                    store.withState({ $0.home(of: facts) }) == home
                else {
                    try writer.abandon()
                    return .changed
                }
                try writer.append(replica)
            }
            return .made(try writer.finish())
        } catch {
            throw .local("\(error)")
        }
    }
}
