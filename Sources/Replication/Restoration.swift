internal import Cryptography
internal import EvidenceModel
internal import EvidenceStore
internal import TransparencyLog

/// Rebuilds a whole node from a bucket alone, and proves the tree before anything is of use.
///
/// 1. The register, verified with the pinned key, says what was signed last. Records come from the
///    entry bundles, the newest from journal objects, whose checkpoints may be newer still.
/// 2. Every leaf counts: the tree must have the root of the newest checkpoint that all records are
///    there for, and that of every other that is known.
/// 3. What all acts amount to tells what was erased: that is not brought back. The other payloads
///    come from packs, objects of their own, and journal objects; each is compared with its record,
///    in whatever object it comes.
/// 4. `LogImport` reads all of it back and makes the directory a log.
///
/// Of an object that is never changed the first version counts, whatever came later. The bucket is
/// not changed. Belongs to one thread.
package final class Restoration {
    private struct Journal {
        let first: UInt64
        let count: UInt64
        let object: ObjectWalk.Found

        var end: UInt64 { first + count }
    }

    private let request: RestorationRequest
    private let walk: ObjectWalk
    private let source: RestorationSource
    private let progress: (RestorationProgress) -> Void

    private var bundles: [UInt64: ObjectWalk.Found] = [:]
    private var journals: [Journal] = []
    /// The records behind the last bundle.
    private var tail: [[UInt8]] = []
    /// Checkpoints that are known, each verified: what the tree must come by.
    private var heads: [(checkpoint: SignedCheckpoint, place: String)] = []
    private var findings: [String] = []
    private var payloads: UInt64 = 0
    private var payloadBytes: UInt64 = 0

    private static let bundlesAtOnce = 64
    private static let findingLimit = 1_000

    private init(
        _ request: RestorationRequest,
        _ store: any ObjectStore,
        _ progress: @escaping (RestorationProgress) -> Void
    ) {
        self.request = request
        self.progress = progress
        walk = ObjectWalk(store: store)
        source = RestorationSource(store: store)
    }

    /// Restores a log.
    ///
    /// - Throws: `unverified`, `lagging`, `store`, `log`. What was begun in the directory is of no
    ///   use then; remove it.
    package static func run(
        _ request: RestorationRequest,
        from store: any ObjectStore,
        progress: @escaping (RestorationProgress) -> Void = { _ in }
    ) throws(RestorationError) -> RestorationReport {
        try Restoration(request, store, progress).run()
    }

    private func run() throws(RestorationError) -> RestorationReport {
        try readRegister()
        try findRecords()
        let head = try newestHead()
        let log = try importRecords(upTo: head)
        try placePayloads(log)
        let missing = try logged { () throws(StoreError) in try log.missing() }
        let signing = try decide(log, head)
        let readOnly: String? = if case .refused(let why) = signing { why } else { nil }
        try logged { () throws(StoreError) in
            try log.finish(checkpoint: head, readOnly: readOnly) { segment, total in
                progress(.segments(segment, of: total))
            }
        }
        return RestorationReport(
            description: log.description,
            checkpoint: head,
            signing: signing,
            payloads: payloads,
            payloadBytes: payloadBytes,
            erased: log.state.erased(in: 0...TreeSize.maximum.value).count,
            missing: missing,
            findings: findings,
            tokens: log.state.tokens.count { $0.revoked == nil }
        )
    }

    // MARK: What was signed

    private func readRegister() throws(RestorationError) {
        guard let bytes = try source.register(ObjectLayout.checkpoint) else {
            throw .unverified(
                "there is no \(ObjectLayout.checkpoint) below the prefix '\(request.prefix)': "
                    + "nothing was replicated there, or bucket or prefix are others"
            )
        }
        heads.append((try verified(bytes, ObjectLayout.checkpoint.text), "the register"))
        if let note = request.atLeast {
            heads.append((try verified(Array(note.utf8), "--at-least"), "--at-least"))
        }
    }

    private func verified(
        _ note: [UInt8],
        _ place: String
    ) throws(RestorationError) -> SignedCheckpoint {
        do throws(NoteError) {
            return try SignedCheckpoint.open(
                String(decoding: note, as: UTF8.self),
                origin: request.key.name,
                keys: [request.key]
            )
        } catch {
            throw .unverified("\(place) is not signed by \(request.key): \(error)")
        }
    }

    /// The newest checkpoint of a tree all of whose records are there.
    private func newestHead() throws(RestorationError) -> SignedCheckpoint {
        let available = UInt64(bundles.count) * 256 + UInt64(tail.count)
        let register = heads[0].checkpoint
        let lag =
            "the bucket lags: its register is a checkpoint of size \(register.checkpoint.size), "
            + "but it holds the first \(available) records only"
        guard register.checkpoint.size.value <= available || request.acceptsLoss else {
            throw .lagging(lag)
        }
        let covered = heads.map(\.checkpoint).filter { $0.checkpoint.size.value <= available }
        guard let newest = covered.max(by: { $0.checkpoint.size < $1.checkpoint.size }) else {
            throw .lagging(lag + ", and no checkpoint of a smaller tree to prove them with")
        }
        return newest
    }

    // MARK: Records

    private func findRecords() throws(RestorationError) {
        try walk.each(below: "log/tile/entries/") { found in
            guard case .entryBundle(let bundle) = ObjectLayout.meaning(of: found.key) else {
                return
            }
            bundles[bundle.index] = found
        }
        // Those behind a gap are of no use.
        let count = (0...UInt64(bundles.count)).first { bundles[$0] == nil } ?? 0
        bundles = bundles.filter { $0.key < count }
        try walk.each(below: ObjectLayout.Folder.journal.rawValue) { found in
            guard case .journal(let first, let count) = ObjectLayout.meaning(of: found.key) else {
                return
            }
            journals.append(Journal(first: first.value, count: count, object: found))
        }
        journals.sort { ($0.first, $0.count) < ($1.first, $1.count) }
        var position = count * 256
        for journal in journals where journal.end > position && journal.first <= position {
            let found = try object(journal.object) { () throws(PackError) in
                try recordsAndCheckpoint(of: journal)
            }
            guard let (records, signedNote) = found else { continue }
            tail += records[Int(position - journal.first)...]
            position = journal.end
            let signed = try? verified(Array(signedNote.utf8), journal.object.key.text)
            if let signed {
                heads.append((signed, journal.object.key.text))
            } else {
                note(journal.object, "its checkpoint is not signed by \(request.key)")
            }
        }
    }

    private func recordsAndCheckpoint(
        of journal: Journal
    ) throws(PackError) -> (records: [[UInt8]], checkpoint: String) {
        let reader = PackReader(source: source.pieces(journal.object))
        guard case .journal(request.key.name, let first, let entries) = try reader.index(),
            first.value == journal.first, UInt64(entries.count) == journal.count
        else { throw .damaged(detail: "it is another than its key says") }
        var records: [[UInt8]] = []
        var checkpoint = ""
        while let member = try reader.next() {
            switch member {
            case .record(_, let bytes): records.append(bytes)
            case .checkpoint(let note): checkpoint = note
            case .opening, .payload: break
            }
        }
        return (records, checkpoint)
    }

    private func importRecords(
        upTo head: SignedCheckpoint
    ) throws(RestorationError) -> LogImport {
        let size = head.checkpoint.size.value
        var log: LogImport?
        func take(_ record: [UInt8]) throws(RestorationError) {
            try logged { () throws(StoreError) in
                if let log {
                    if log.tree.size.value < size { try log.append(record) }
                } else {
                    log = try LogImport(
                        at: request.path,
                        firstRecord: record,
                        key: request.key
                    )
                }
            }
            if let log { try compare(log.tree) }
        }
        let count = min(UInt64(bundles.count), (size + 255) / 256)
        for start in stride(from: 0, to: count, by: Self.bundlesAtOnce) {
            let places = start..<min(count, start + UInt64(Self.bundlesAtOnce))
            let objects = places.compactMap { bundles[$0] }
            for (object, bytes) in zip(objects, try source.whole(objects)) {
                guard let records = try? EntryBundle.decode(bytes.span, count: 256) else {
                    throw .unverified("\(object.key) is no bundle of 256 records")
                }
                for record in records { try take(record) }
            }
            progress(.records(min(size, places.upperBound * 256), of: size))
        }
        for record in tail { try take(record) }
        guard let log else { throw .lagging("the bucket holds no records") }
        try logged { () throws(StoreError) in try log.endRecords() }
        progress(.records(size, of: size))
        return log
    }

    /// Where a checkpoint is known, the tree must have its root.
    private func compare(_ tree: CompactRange) throws(RestorationError) {
        for (signed, place) in heads where signed.checkpoint.size == tree.size {
            guard signed.checkpoint.root == tree.root else {
                throw .unverified(
                    "the records of the bucket do not give the root that \(place) has at size "
                        + "\(tree.size): they were changed, or the log was signed in two ways"
                )
            }
        }
    }

    // MARK: Payloads

    private func placePayloads(_ log: LogImport) throws(RestorationError) {
        try walk.each(below: ObjectLayout.Folder.packs.rawValue) {
            (
                found
            ) throws(RestorationError)
            in
            guard case .pack = ObjectLayout.meaning(of: found.key) else { return }
            try placePayloads(of: found, log)
        }
        let missing = try logged { () throws(StoreError) in try log.missing() }
        for journal in journals {
            let range = journal.first...journal.end - 1
            guard missing.contains(where: { $0.overlaps(range) }) else { continue }
            try placePayloads(of: journal.object, log)
        }
    }

    private func placePayloads(
        of found: ObjectWalk.Found,
        _ log: LogImport
    ) throws(RestorationError) {
        let reader = PackReader(source: source.pieces(found))
        guard let index = try object(found, { () throws(PackError) in try reader.index() }) else {
            return
        }
        guard index.origin == request.key.name else {
            return note(found, "it is of the log \(index.origin)")
        }
        let run = PayloadRun(log: log, source: source, walk: walk)
        var isWanted = false
        for entry in index.entries
        where try logged({ () throws(StoreError) in
            try log.isWanting(entry.index)
        }) {
            isWanted = true
            break
        }
        guard isWanted else { return }
        let outcome = Result { () throws(PayloadRun.Failure) in try run.take(index, reader) }
        for refused in run.refused { note(found, refused) }
        payloads += run.payloads
        payloadBytes += run.payloadBytes
        try logged { () throws(StoreError) in try log.flush() }
        progress(.payloads(payloads, bytes: payloadBytes))
        switch outcome {
        case .success: break
        case .failure(.pack(let error)):
            _ = try object(found) { () throws(PackError) in
                throw error
            }
        case .failure(.restoration(let error)): throw error
        }
    }

    // MARK: Whether it may go on

    private func decide(
        _ log: LogImport,
        _ head: SignedCheckpoint
    ) throws(RestorationError) -> RestorationReport.Signing {
        let size = head.checkpoint.size
        if let known = heads.first(where: { $0.checkpoint.checkpoint.size > size }) {
            return .refused(
                "a checkpoint of size \(known.checkpoint.checkpoint.size) was signed "
                    + "(\(known.place)), and the bucket holds \(size) records"
            )
        }
        if let closed = log.state.closed, closed.value + 1 == size.value {
            return .allowed("its last record is log.closed")
        }
        let here = log.state.targets.values.first { target in
            target.description.bucket == request.bucket
                && target.description.prefix == request.prefix
        }
        if let here, here.phase.waitsForTarget {
            return .allowed(
                "all that was acknowledged since it went \(here.phase) is in this bucket"
            )
        }
        if request.atLeast != nil {
            return .allowed("the checkpoint that was given is covered")
        }
        return .refused(
            "something newer may have been signed than this bucket holds: the log was not closed, "
                + "and its phase did not wait for the bucket; name the newest checkpoint that is "
                + "known elsewhere with --at-least, or begin a successor"
        )
    }

    // MARK: Errors

    private func logged<Value>(
        _ body: () throws(StoreError) -> Value
    ) throws(RestorationError) -> Value {
        do throws(StoreError) { return try body() } catch { throw .log(error) }
    }

    /// What an object gives; `nil`, and a finding, if it is damaged.
    private func object<Value>(
        _ found: ObjectWalk.Found,
        _ body: () throws(PackError) -> Value
    ) throws(RestorationError) -> Value? {
        do throws(PackError) {
            return try body()
        } catch {
            switch error {
            case .damaged, .truncated:
                note(found, "\(error)")
                return nil
            case .source(let detail):
                throw .store(.unavailable(detail: detail), while: "reading \(found.key)")
            case .system(let error): throw .log(.system(error))
            case .outOfMemory: throw .log(.unavailable("out of memory"))
            }
        }
    }

    private func note(_ found: ObjectWalk.Found, _ detail: String) {
        guard findings.count < Self.findingLimit else { return }
        findings.append("\(found.key): \(detail)")
    }
}
