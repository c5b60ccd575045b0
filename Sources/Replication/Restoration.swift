internal import Cryptography
internal import EvidenceModel
internal import EvidenceStore
internal import TransparencyLog

/// Rebuilds a whole node from a bucket alone, and proves the tree before anything is of use.
///
/// 1. The register, verified with the pinned key, says what was signed last. Records come from the
///    entry bundles, the newest from journal objects, whose checkpoints may be newer still. Of
///    objects that disagree those count that lead to the register's root (`JournalSearch`).
/// 2. Every leaf counts: the tree must have the root of each checkpoint that is known.
/// 3. What all acts amount to tells what was erased: that is not brought back. The other payloads
///    come from packs, objects of their own, and journal objects; each is compared with its record,
///    in whatever object it comes.
/// 4. `LogImport` reads all of it back and makes the directory a log.
///
/// Of an object that is never changed the first version counts, whatever came later. The bucket is
/// not changed. Belongs to one thread.
package final class Restoration {
    let request: RestorationRequest
    let walk: ObjectWalk
    let source: RestorationSource
    let progress: (RestorationProgress) -> Void

    /// Full entry bundles without a gap.
    var bundles: [ObjectWalk.Found] = []
    var journal = JournalSearch([]) { _ in nil }
    /// Checkpoints that are known, each verified, the smallest first: what the tree must come by.
    var heads: [KnownHead] = []
    /// The size of the register's.
    var registered = TreeSize.zero
    /// Whether two nodes went on from the register with different records.
    var isForked = false
    var findings: [String] = []
    private var payloads: UInt64 = 0
    private var payloadBytes: UInt64 = 0

    private static let findingLimit = 1_000

    /// A checkpoint, and where it is known from.
    struct KnownHead {
        let signed: SignedCheckpoint
        let place: String

        var size: TreeSize { signed.checkpoint.size }
    }

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
        try readHeads()
        try findRecords()
        let (log, head) = try importRecords()
        try placePayloads(log)
        let missing = try logged { () throws(StoreError) in try log.missing() }
        let signing = decide(log, head)
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
            newestKnown: max(head.checkpoint.size, heads.last?.size ?? .zero),
            payloads: payloads,
            payloadBytes: payloadBytes,
            erased: log.state.erased(in: 0...TreeSize.maximum.value).count,
            missing: missing,
            findings: findings,
            tokens: log.state.tokens.count { $0.revoked == nil }
        )
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
        for journal in journal.objects {
            let range = journal.first...journal.end - 1
            guard missing.contains(where: { $0.overlaps(range) }) else { continue }
            try placePayloads(of: journal.found, log)
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
        guard index.origin == request.origin else {
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

    /// Only what excludes that anything newer was signed counts.
    ///
    /// That the log's phase waited for the bucket does not: a checkpoint is published before the
    /// bucket has its records, and only the acknowledgement waits.
    private func decide(
        _ log: LogImport,
        _ head: SignedCheckpoint
    ) -> RestorationReport.Signing {
        let size = head.checkpoint.size
        if let successor = request.successor {
            return .refused("the log \(successor) goes on for it from \(size) records on")
        }
        if isForked {
            return .refused(
                "two nodes have gone on with this log after the checkpoint in the register"
            )
        }
        if let beyond = journal.objects.last(where: { $0.end > size.value }) {
            return .refused(
                "the bucket holds \(beyond.found.key), which does not go on from the "
                    + "\(size) records that were restored: more was signed"
            )
        }
        if let closed = log.state.closed, closed.value + 1 == size.value {
            return .allowed("its last record is log.closed")
        }
        if request.atLeast != nil {
            return .allowed("the checkpoint that was given is covered")
        }
        return .refused(
            "something newer may have been signed than this bucket holds, for the log was not "
                + "closed; name the newest checkpoint that is known elsewhere with --at-least, or "
                + "begin a successor with --successor"
        )
    }

    // MARK: Errors

    func logged<Value>(
        _ body: () throws(StoreError) -> Value
    ) throws(RestorationError) -> Value {
        do throws(StoreError) { return try body() } catch { throw .log(error) }
    }

    /// What an object gives; `nil`, and a finding, if it is damaged.
    func object<Value>(
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

    func note(_ found: ObjectWalk.Found, _ detail: String) {
        guard findings.count < Self.findingLimit else { return }
        findings.append("\(found.key): \(detail)")
    }
}
