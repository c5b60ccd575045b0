import Cryptography
package import EvidenceModel
import Platform
package import TransparencyLog

/// The log as readers see it: the published checkpoint, and where each segment is.
///
/// The sequencer publishes; the sealer moves segments from their open form to the sealed one. A
/// reader that holds a segment goes on with it, whatever moves.
final class LogView: Sendable {
    let geometry: SegmentGeometry
    let paths: StorePaths
    let upper: UpperTree
    let sealed: SealedSegmentCache
    private let tiles: TileCache
    private let unsealed = Mutex<[SegmentNumber: UnsealedSegment]>([:])
    private let unsealedChanged = Condition()
    private let published: Mutex<PublishedCheckpoint?> = Mutex(nil)
    private let grown = Condition()
    /// What acknowledgements pass.
    let gate = AcknowledgementGate()
    private let summaries = Mutex<[SegmentSummary]>([])
    /// Sealed segments that were sealed with openings, ascending.
    private let opened = Mutex<[UInt64]>([])
    private let state: Mutex<LogState>

    init(
        geometry: SegmentGeometry,
        paths: StorePaths,
        configuration: StoreConfiguration,
        sealed: SealedSegmentCache,
        state: LogState
    ) {
        self.state = Mutex(state)
        self.sealed = sealed
        self.geometry = geometry
        self.paths = paths
        upper = UpperTree(geometry: geometry)
        tiles = TileCache(capacity: configuration.tileCacheCapacity)
    }

    // MARK: Publication

    /// The newest checkpoint that was signed.
    ///
    /// There is one from the end of recovery on.
    var checkpoint: PublishedCheckpoint {
        guard let checkpoint = published.withLock({ $0 }) else {
            preconditionFailure("the log is read before it was recovered")
        }
        return checkpoint
    }

    /// Whether there is one yet.
    var isPublished: Bool { published.withLock { $0 != nil } }

    func publish(_ checkpoint: PublishedCheckpoint) {
        published.withLock { $0 = checkpoint }
        grown.broadcast()
    }

    /// Waits until the log has more than `size` records, or the time is over.
    func waitForGrowth(beyond size: TreeSize, deadlineNanoseconds: UInt64) {
        published.withLock(
            when: { $0.map { $0.size > size } ?? false },
            on: grown,
            deadlineNanoseconds: deadlineNanoseconds
        ) { _ in }
    }

    /// Lends what all durable acts amount to; keep it short, others wait.
    func withState<Result, Failure: Error>(
        _ body: (borrowing LogState) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try state.withLock { state throws(Failure) in try body(state) }
    }

    /// Begins the fold, at the log's first record.
    func begin(_ first: LogState) { state.withLock { $0 = first } }

    /// Takes in an act that was read back.
    func apply(
        _ act: ActRecord,
        at index: RecordIndex,
        in path: String
    ) throws(StoreError) {
        do throws(ActFault) {
            try state.withLock { state throws(ActFault) in try state.apply(act, at: index) }
        } catch {
            throw .damaged(path: path, detail: "record \(index): \(error)")
        }
        if case .payloadErased(let erased) = act.act { forget(erased.records) }
    }

    /// Searches find erased sealed records no more by what stands in no leaf.
    private func forget(_ erased: IndexRanges) {
        for segment in unsealed.withLock({ Array($0.values) }) {
            let own = geometry.range(of: segment.number)
            for range in erased.ranges where range.overlaps(own) {
                let offsets = range.clamped(to: own).lazy.map { Int($0 - own.lowerBound) }
                segment.index.forget(offsets)
            }
        }
    }

    // MARK: Segments

    func add(_ segment: UnsealedSegment) {
        unsealed.withLock { $0[segment.number] = segment }
    }

    /// Readers turn to the sealed form from now on.
    func markSealed(_ number: SegmentNumber, _ summary: SegmentSummary) {
        addSealed(summary)
        unsealed.withLock { _ = $0.removeValue(forKey: number) }
        unsealedChanged.broadcast()
    }

    func addSealed(_ summary: SegmentSummary) {
        summaries.withLock { summaries in
            precondition(UInt64(summaries.count) == summary.segment.value, "sealed in order")
            summaries.append(summary)
        }
        let hasOpenings = summary.payloadFiles.values.contains { $0.openings > 0 }
        if hasOpenings { opened.withLock { $0.append(summary.segment.value) } }
    }

    /// How many segments are sealed.
    var sealedCount: UInt64 { summaries.withLock { UInt64($0.count) } }

    /// The segments in a range that were sealed with openings, the highest first.
    ///
    /// `collection`: only those with evidence of it.
    func segmentsWithOpenings(
        in range: Range<UInt64>,
        of collection: CollectionName?
    ) -> [SegmentNumber] {
        let found = opened.withLock { opened in
            let start = opened.partition(before: range.lowerBound)
            let end = opened.partition(before: range.upperBound)
            return Array(opened[start..<end].reversed())
        }
        guard let collection else { return found.map { SegmentNumber($0) } }
        return summaries.withLock { summaries in
            found.filter { summaries[Int($0)].collections[collection.text] != nil }
                .map { SegmentNumber($0) }
        }
    }

    /// The records of sealed segments outside of which none was received in a time.
    ///
    /// Segments that are not sealed count as received in it.
    func bounds(since: Timestamp?, until: Timestamp?, below end: UInt64) -> Range<UInt64> {
        guard since != nil || until != nil else { return 0..<end }
        return summaries.withLock { summaries in
            let isMeant = { (summary: SegmentSummary) in
                (since.map { summary.lastReceived >= $0 } ?? true)
                    && (until.map { summary.firstReceived < $0 } ?? true)
            }
            let sealedEnd = UInt64(summaries.count) << UInt64(geometry.height)
            let first = summaries.firstIndex(where: isMeant).map { UInt64($0) }
            let low = first.map { $0 << UInt64(geometry.height) } ?? sealedEnd
            guard end <= sealedEnd else { return min(low, end)..<end }
            let last = summaries.lastIndex(where: isMeant).map { UInt64($0) + 1 } ?? 0
            let high = min(end, last << UInt64(geometry.height))
            return min(low, high)..<high
        }
    }

    /// The manifest of a sealed segment.
    func summary(of number: SegmentNumber) -> SegmentSummary? {
        summaries.withLock { summaries in
            number.value < UInt64(summaries.count) ? summaries[Int(number.value)] : nil
        }
    }

    func unsealedSegment(_ number: SegmentNumber) -> UnsealedSegment? {
        unsealed.withLock { $0[number] }
    }

    /// Ends the use of the open segments' files, as soon as nobody reads in them.
    func close() {
        unsealed.withLock { segments in
            for segment in segments.values { segment.close() }
        }
    }

    /// Waits until fewer than `limit` segments are in their open form, or the time is over.
    func waitForSeals(limit: Int, deadlineNanoseconds: UInt64) -> Bool {
        unsealed.withLock(
            when: { $0.count < limit },
            on: unsealedChanged,
            deadlineNanoseconds: deadlineNanoseconds
        ) { $0.count < limit }
    }

    var unsealedCount: Int { unsealed.withLock { $0.count } }

    /// A view of the file that holds the segment's records.
    func beginRead(_ number: SegmentNumber) throws(StoreError) -> SegmentReader {
        if let segment = unsealedSegment(number) { return try segment.beginRead() }
        return try sealed.segment(number).log.beginRead()
    }

    // MARK: Tree

    /// A complete node of a published tree.
    func node(_ id: NodeID) throws(StoreError) -> MerkleHash {
        if id.level >= geometry.height {
            guard let hash = upper.node(id) else {
                preconditionFailure("node \(id) is not complete")
            }
            return hash
        }
        let shift = UInt64(geometry.height - id.level)
        let number = SegmentNumber(id.index >> shift)
        if let segment = unsealedSegment(number) {
            return segment.tree.node(
                level: Int(id.level),
                Int(id.index & ((1 << shift) - 1))
            )
        }
        let above = Int(id.level) % TileCoordinate.height
        let index = id.index >> UInt64(TileCoordinate.height - above)
        let tile = try expandedTile(
            level: Int(id.level) / TileCoordinate.height,
            index: index,
            segment: number
        )
        return tile.node(
            level: above,
            Int(id.index & ((1 << UInt64(TileCoordinate.height - above)) - 1))
        )
    }

    private func expandedTile(
        level: Int,
        index: UInt64,
        segment number: SegmentNumber
    ) throws(StoreError) -> ExpandedTile {
        let key = TileCache.Key(level: level, index: index)
        if let tile = tiles.tile(key) { return tile }
        guard let coordinate = TileCoordinate(level: level, index: index) else {
            preconditionFailure("a node has a tile")
        }
        let log = try sealed.segment(number).log
        guard let hashes = try log.beginRead().tile(coordinate) else {
            throw .damaged(path: log.path, detail: "\(coordinate) is missing")
        }
        let tile = ExpandedTile(hashes: hashes)
        // Up to the segment's root, which is in memory and was signed.
        let top = NodeID(level: UInt8((level + 1) * TileCoordinate.height), index: index)
        guard tile.root == (try node(top)) else {
            throw .damaged(path: log.path, detail: "\(coordinate) is not what the records give")
        }
        tiles.insert(tile, for: key)
        return tile
    }
}

extension [UInt64] {
    /// How many of the ascending numbers are below a bound.
    fileprivate func partition(before bound: UInt64) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < bound { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension LogView: NodeReader {
    func nodes(_ ids: [NodeID]) throws(StoreError) -> [MerkleHash] {
        var hashes: [MerkleHash] = []
        hashes.reserveCapacity(ids.count)
        for id in ids { hashes.append(try node(id)) }
        return hashes
    }
}

/// A signed tree head, and what proofs against it need.
package final class PublishedCheckpoint: Sendable {
    package let size: TreeSize
    package let root: MerkleHash
    /// The signed note's text.
    package let note: String
    /// When it was published, milliseconds since 1970.
    package let timestamp: Timestamp
    let edge: RightEdge

    /// `signers`: at least one, all of the log's name.
    convenience init(_ tree: CompactRange, signers: [NoteSigner], timestamp: Timestamp) {
        let note: String
        do throws(NoteError) {
            note = try SignedCheckpoint.sign(
                try Checkpoint(origin: signers[0].name, size: tree.size, root: tree.root),
                by: signers
            ).encoded
        } catch {
            preconditionFailure("a signer signs for its own name: \(error)")
        }
        self.init(tree, note: note, timestamp: timestamp)
    }

    /// A tree that was signed before.
    init(_ tree: CompactRange, note: String, timestamp: Timestamp) {
        edge = RightEdge(tree)
        size = tree.size
        root = edge.root
        self.timestamp = timestamp
        self.note = note
    }
}
