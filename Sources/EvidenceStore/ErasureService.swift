import EvidenceModel
import Platform
import TransparencyLog

/// Removes the bytes of payloads whose erasure is on record, on a thread of its own.
///
/// What is to be done is never kept: it follows from the log (`LogState.unpurged`), so that it goes
/// on after a crash. Each step may be done twice. When all bytes of an erasure are gone,
/// `payload.purged` says so.
final class ErasureService: Sendable {
    private struct State {
        var isWoken = true
        var isStopping = false
        var thread: Thread?
        /// Since when a large active segment has held erased bytes.
        var waitingSince: [SegmentNumber: UInt64] = [:]
    }

    private let view: LogView
    private let metrics: StoreMetrics
    private let eraser: SegmentEraser
    private let sealer: SegmentSealer
    private let queue: AppendQueue
    private let state = Mutex(State())
    private let changed = Condition()
    /// Files of segments are written anew under this: by an erasure, or by a repair.
    private let changing = Mutex(())

    private static let retryNanoseconds: UInt64 = 1_000_000_000

    init(view: LogView, uploads: UploadDirectory, queue: AppendQueue, metrics: StoreMetrics) {
        self.view = view
        self.queue = queue
        self.metrics = metrics
        sealer = SegmentSealer(paths: view.paths, geometry: view.geometry)
        eraser = SegmentEraser(
            paths: view.paths,
            geometry: view.geometry,
            sealed: view.sealed,
            uploads: uploads
        )
    }

    func start() {
        let thread = Thread(name: "eraser", priority: .background) { [self] in run() }
        state.withLock { $0.thread = thread }
    }

    /// Ends after the segment at hand; the next start goes on.
    func stop() {
        let thread = state.withLock { state in
            state.isStopping = true
            return state.thread.take()
        }
        changed.broadcast()
        thread?.join()
    }

    /// There may be something to remove.
    func wake() {
        state.withLock { $0.isWoken = true }
        changed.broadcast()
    }

    private var isStopping: Bool { state.withLock { $0.isStopping } }

    private func run() {
        while true {
            let deadline = Clock.monotonicNanoseconds() + Self.retryNanoseconds
            let isStopping = state.withLock(
                when: { $0.isWoken || $0.isStopping },
                on: changed,
                deadlineNanoseconds: deadline
            ) { state in
                state.isWoken = false
                return state.isStopping
            }
            if isStopping { return }
            do throws(StoreError) {
                try removeAll()
            } catch {
                if !self.isStopping { metrics.purgeFailures.add() }
            }
        }
    }

    /// Removes what all unpurged erasures name, segment by segment.
    private func removeAll() throws(StoreError) {
        let erasures = view.withState { $0.unpurged }
        guard !erasures.isEmpty else { return }
        var waiting = IndexRanges.none
        let all = erasures.values.reduce(IndexRanges.none) { $0.union($1) }
        for (number, records) in all.bySegment(view.geometry) {
            guard !isStopping else { return }
            if try !remove(records, in: number) { waiting = waiting.union(records) }
        }
        for (erasure, records) in erasures.sorted(by: { $0.key < $1.key })
        where records.subtracting(waiting) == records {
            try certify(erasure)
        }
    }

    /// Removes the bytes of one segment's erased records.
    ///
    /// - Returns: False if they still stand, since the segment is about to be sealed.
    private func remove(
        _ records: IndexRanges,
        in number: SegmentNumber
    ) throws(StoreError) -> Bool {
        let removed: ErasedBytes
        if let segment = view.unsealedSegment(number) {
            let bytes = try changing.withLock { _ throws(StoreError) in
                segment.tree.isFull ? nil : try rewrite(segment)
            }
            guard let bytes else { return false }
            removed = bytes
        } else {
            removed = try changing.withLock { _ throws(StoreError) in
                // The open form has it all; it is still there if its removal failed after the seal.
                try sealer.removeLeftovers(number)
                return try eraser.erase(erased(in: number), in: number)
            }
        }
        metrics.purgedPayloads.add(records.count)
        metrics.purgedBytes.add(removed.bytes)
        return true
    }

    /// All records of a segment whose erasure is on record.
    private func erased(in number: SegmentNumber) -> IndexRanges {
        view.withState { $0.erased(in: view.geometry.range(of: number)) }
    }
}

// MARK: - Repair

extension ErasureService {
    /// Puts back what a copy has supplied; see `SegmentRepair`, of the active segment
    /// `SegmentRewrite`.
    ///
    /// - Returns: The records whose payloads or openings were put back.
    func repair(
        _ survey: PayloadSurvey,
        with supplied: [RecordIndex: SuppliedPayload],
        reserve: DiskReserve
    ) throws(StoreError) -> IndexRanges {
        try changing.withLock { _ throws(StoreError) in
            var eraser = eraser
            eraser.reserve = reserve
            let repair = SegmentRepair(eraser: eraser, survey: survey, supplied: supplied)
            guard let segment = view.unsealedSegment(survey.segment) else {
                return try repair.run(without: erased(in: survey.segment))
            }
            let replacements = try repair.replacements(in: segment)
            guard !replacements.isEmpty, !segment.tree.isFull else { return .none }
            try reserve.check(adding: try segment.usedBytes)
            guard try writeAnew(segment, replacing: replacements) != nil else { return .none }
            return IndexRanges(replacements.keys.sorted())
        }
    }
}

// MARK: - The active segment

extension ErasureService {
    /// A file up to this size is written anew at once; a larger one when a day has passed.
    private static let rewriteLimitBytes: UInt64 = 64 << 20
    private static let rewriteDelayNanoseconds: UInt64 = 86_400_000_000_000

    /// Writes the active segment anew without what was erased, and lets that take its place.
    ///
    /// - Returns: Nil if that has to wait, or the segment was full meanwhile.
    private func rewrite(_ segment: UnsealedSegment) throws(StoreError) -> ErasedBytes? {
        guard try isTime(for: segment) else { return nil }
        var removed = try eraser.erasePayloadFiles(of: erased(in: segment.number), in: segment)
        let before = try segment.usedBytes
        guard let replaced = try writeAnew(segment, replacing: [:]) else { return nil }
        let after = try replaced.usedBytes
        removed += ErasedBytes(files: 0, bytes: before - min(before, after))
        return removed
    }

    /// Lets a copy of the active segment take its place: without what is erased, and with what
    /// replaces what was damaged.
    ///
    /// - Returns: Nil if the segment was full meanwhile.
    private func writeAnew(
        _ segment: UnsealedSegment,
        replacing replacements: [RecordIndex: SegmentRewrite.Replacement]
    ) throws(StoreError) -> UnsealedSegment? {
        let rewrite = try SegmentRewrite(
            of: segment,
            without: erased(in: segment.number),
            replacing: replacements,
            paths: view.paths
        )
        do throws(StoreError) {
            let first = view.geometry.firstIndex(of: segment.number).value
            try rewrite.copy(upTo: min(view.checkpoint.size.value - first, view.geometry.capacity))
            let answer = Answer<Void>()
            try queue.enqueue(
                .replaceActive(ActiveReplacement(rewrite: rewrite) { answer.give($0) })
            )
            try answer.wait()
        } catch {
            try rewrite.abandon()
            throw error
        }
        guard let replaced = view.unsealedSegment(segment.number), replaced !== segment else {
            return nil
        }
        return replaced
    }

    private func isTime(for segment: UnsealedSegment) throws(StoreError) -> Bool {
        if try segment.usedBytes <= Self.rewriteLimitBytes { return true }
        let now = Clock.bootNanoseconds()
        return state.withLock { state in
            let since = state.waitingSince[segment.number] ?? now
            state.waitingSince = [segment.number: since]
            return now - since >= Self.rewriteDelayNanoseconds
        }
    }

    /// Records that the bytes of an erasure are gone here.
    private func certify(_ erasure: RecordIndex) throws(StoreError) {
        if let records = view.withState({ $0.unpurged[erasure] }) {
            try ExportedBundles.remove(holding: records, in: view.paths)
        }
        let answer = Answer<ActOutcome>()
        try queue.enqueue(
            .act(
                ActRequest(
                    proposal: .purged(erasure: erasure, copy: "local"),
                    principal: .system,
                    reason: nil
                ) { answer.give($0) }
            )
        )
        _ = try answer.wait()
    }
}

extension IndexRanges {
    /// The part in each segment, ascending.
    fileprivate func bySegment(
        _ geometry: SegmentGeometry
    ) -> [(number: SegmentNumber, records: IndexRanges)] {
        var parts: [SegmentNumber: [ClosedRange<UInt64>]] = [:]
        for range in ranges {
            var start = range.lowerBound
            while start <= range.upperBound {
                let number = geometry.segment(of: RecordIndex(start))
                let end = geometry.firstIndex(of: number).value + geometry.capacity - 1
                parts[number, default: []].append(start...min(end, range.upperBound))
                start = end + 1
            }
        }
        return parts.sorted { $0.key < $1.key }.compactMap { number, ranges in
            IndexRanges(ranges: ranges).map { (number, $0) }
        }
    }
}
