import Cryptography
import EvidenceModel
import Platform
import TransparencyLog

/// Brings a log to where appends can go on, from whatever a crash left.
///
/// The sealed segments' roots come from the catalog or their manifests, and must give the root of
/// the signed checkpoint in the last of them. The records of the others go through `LogWriter`, by
/// the function that confirms every commit.
struct Recovery {
    let paths: StorePaths
    let description: LogDescription
    let source: CheckpointSource
    let configuration: StoreConfiguration
    let metrics: StoreMetrics
    let uploads: UploadDirectory
    /// Records below came back from a copy.
    let restored: TreeSize

    struct Outcome {
        let view: LogView
        let writer: LogWriter
        let segments: SegmentSupply
        let sealing: SealingService
        let state: StateStore
        let clock: ClockKeeper
    }

    func run() throws(StoreError) -> Outcome {
        let geometry = description.geometry
        let survey = try SegmentSurvey(paths)
        let sealer = SegmentSealer(paths: paths, geometry: geometry)
        for number in survey.toTidy { try sealer.removeLeftovers(number) }
        let sealed = SealedSegmentCache(paths: paths, limit: configuration.openSegmentLimit)
        let (catalog, contents, state) = try openCatalog(survey, sealed)
        let view = LogView(
            geometry: geometry,
            paths: paths,
            configuration: configuration,
            sealed: sealed,
            state: state
        )
        let start = try start(from: contents, state, view)
        let sealing = SealingService(
            view: view,
            catalog: catalog,
            uploads: uploads,
            metrics: metrics
        )
        let segments = SegmentSupply(geometry: geometry, paths: paths)
        var segment = try UnsealedSegment(
            SegmentNumber(survey.sealedCount),
            geometry: geometry,
            paths: paths
        )
        let writer = LogWriter(
            view: view,
            active: segment,
            start: start,
            source: source,
            configuration: configuration,
            metrics: metrics,
            segments: segments,
            sealing: sealing,
            uploads: uploads,
            restored: restored
        )
        var named: Set<UploadID> = []
        while true {
            view.add(segment)
            named.formUnion(try writer.recover(segment))
            writer.publishRecovered()
            guard segment.tree.isFull else { break }
            segment = try UnsealedSegment(segment.number.next, geometry: geometry, paths: paths)
        }
        if let error = view.withState({ source.missingKey($0) }) { throw error }
        guard view.isPublished else {
            throw .damaged(
                path: paths.segments,
                detail: "its records do not give the tree that it was restored with"
            )
        }
        try checkEmpty(survey.unsealed.filter { $0 > segment.number })
        if let last = contents.segments.last {
            let segment = try sealed.segment(last.segment)
            try check(segment.checkpoint(), of: segment.log.path, view)
        }
        let kept = try StateStore(paths)
        if let note = try kept.contents().checkpoint { try check(note, of: paths.stateFile, view) }
        let clock = ClockKeeper(
            saved: try kept.contents().clock,
            lastReceived: writer.lastReceived,
            time: configuration.time
        )
        // What the start took from the budget must not be there again after a crash.
        try kept.beat(checkpoint: nil, clock: clock.saved())
        writer.start(clock)
        // Only now: a log that was set back would name fewer files than are needed.
        try uploads.sweep(keeping: named)
        return Outcome(
            view: view,
            writer: writer,
            segments: segments,
            sealing: sealing,
            state: kept,
            clock: clock
        )
    }

    // MARK: Sealed segments

    /// The catalog, brought up to the last sealed segment; made anew if it cannot be used.
    private func openCatalog(
        _ survey: SegmentSurvey,
        _ sealed: SealedSegmentCache
    ) throws(StoreError) -> (Catalog, CatalogContents, LogState) {
        do throws(StoreError) {
            return try foldedCatalog(survey, sealed)
        } catch {
            switch error {
            case .damaged, .unavailable: break
            default: throw error
            }
            try Catalog.remove(paths)
            return try foldedCatalog(survey, sealed)
        }
    }

    private func foldedCatalog(
        _ survey: SegmentSurvey,
        _ sealed: SealedSegmentCache
    ) throws(StoreError) -> (Catalog, CatalogContents, LogState) {
        let catalog = try Catalog(paths)
        var contents: CatalogContents
        let state: LogState
        var missing: [CatalogEntry] = []
        do throws(StoreError) {
            contents = try catalog.contents()
            guard contents.watermark.value <= survey.sealedCount else {
                throw .damaged(path: paths.catalogFile, detail: "it is ahead of the log")
            }
            for value in contents.watermark.value..<survey.sealedCount {
                let entry = try sealed.segment(SegmentNumber(value)).catalogEntry()
                contents.fold(entry)
                missing.append(entry)
            }
            state = try fold(contents.acts)
            try checkRoot(contents, sealed, state.verifierKeys)
            try append(missing, to: catalog)
        } catch {
            catalog.close()
            throw error
        }
        return (catalog, contents, state)
    }

    /// Lets the catalog catch up; if it cannot be written (a full disk), it stays behind.
    private func append(
        _ missing: [CatalogEntry],
        to catalog: Catalog
    ) throws(StoreError) {
        guard !missing.isEmpty else { return }
        do throws(StoreError) {
            try catalog.append(missing)
        } catch {
            if case .damaged = error { throw error }
            metrics.catalogFailures.add()
        }
    }

    /// The sealed segments' roots together must give what was signed when the last was full.
    private func checkRoot(
        _ contents: CatalogContents,
        _ sealed: SealedSegmentCache,
        _ keys: [VerifierKey]
    ) throws(StoreError) {
        var tree = CompactRange()
        for summary in contents.segments {
            tree.append(subtree: summary.root, level: description.geometry.height)
        }
        guard let last = contents.segments.last else { return }
        let segment = try sealed.segment(last.segment)
        // A restored segment has the checkpoint that it was restored with: it is compared when
        // that tree is there, and the keys that signed it are known.
        let note = try segment.checkpoint()
        let claim = (try? SignedNote(parsing: note)).flatMap { try? Checkpoint(parsing: $0.text) }
        if let claim, claim.size > tree.size { return }
        let signed = try opened(note, of: segment.log.path, keys)
        guard signed.size == tree.size, signed.root == tree.root else {
            throw .damaged(
                path: paths.segments,
                detail: "the sealed segments do not give the root that was signed at size "
                    + "\(signed.size)"
            )
        }
    }

    /// A signed checkpoint that a file holds.
    private func opened(
        _ note: [UInt8],
        of path: String,
        _ keys: [VerifierKey]
    ) throws(StoreError) -> Checkpoint {
        let signed = try? SignedCheckpoint.open(
            String(decoding: note, as: UTF8.self),
            origin: description.origin,
            keys: keys
        )
        guard let signed else {
            throw .damaged(path: path, detail: "its checkpoint is not signed by the log")
        }
        return signed.checkpoint
    }

    /// What the acts of the sealed segments amount to.
    private func fold(_ acts: [StoredAct]) throws(StoreError) -> LogState {
        var state = LogState()
        for stored in acts { try state.take(stored, in: paths.catalogFile) }
        return state
    }

    private func start(
        from contents: CatalogContents,
        _ state: LogState,
        _ view: LogView
    ) throws(StoreError) -> LogWriter.Start {
        var start = LogWriter.Start(
            verified: CompactRange(),
            lastReceived: .earliest,
            heads: [:],
            keys: IdempotencyKeys(windowSeconds: configuration.idempotencyWindowSeconds),
            state: state
        )
        for (summary, filter) in zip(contents.segments, contents.filters) {
            start.verified.append(subtree: summary.root, level: description.geometry.height)
            view.upper.append(segmentRoot: summary.root)
            view.addSealed(summary)
            start.keys.seal(summary.segment, filter: filter, lastReceived: summary.lastReceived)
            start.lastReceived = summary.lastReceived
        }
        for (name, part) in contents.collections {
            guard let collection = try? CollectionName(name),
                let sequence = SequenceNumber(part.lastSequence)
            else {
                throw .damaged(path: paths.catalogFile, detail: "it names a collection '\(name)'")
            }
            start.heads[collection] = CensusEntry(
                count: sequence,
                last: RecordIndex(part.lastIndex)
            )
        }
        return start
    }

    // MARK: The rest

    /// Segments that were made ahead hold nothing.
    private func checkEmpty(_ numbers: [SegmentNumber]) throws(StoreError) {
        for number in numbers {
            let segment = try UnsealedSegment(number, geometry: description.geometry, paths: paths)
            defer { segment.close() }
            let count = try segment.beginRead().recordCount()
            guard count == 0 else {
                throw .damaged(
                    path: paths.active(SegmentNumber(number.value - 1)),
                    detail: "it is not full, but segment \(number) has records"
                )
            }
        }
    }

    /// What was once signed, and kept in a file, must still be a part of the tree.
    private func check(
        _ note: [UInt8],
        of path: String,
        _ view: LogView
    ) throws(StoreError) {
        let signed = try opened(note, of: path, view.withState { $0.verifierKeys })
        let size = signed.size
        guard size <= view.checkpoint.size else {
            throw .damaged(
                path: paths.segments,
                detail: "the log has \(view.checkpoint.size) records, but a checkpoint of \(size) "
                    + "was signed: it was cut or set back to an older copy"
            )
        }
        let root = try RootComputation.root(size, from: view)
        guard root == signed.root else {
            throw .damaged(
                path: paths.segments,
                detail: "its root at size \(size) is not the one that was signed"
            )
        }
    }
}
