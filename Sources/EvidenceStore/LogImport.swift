import Cryptography
package import EvidenceModel
import LMDBKit
import Platform
package import TransparencyLog

/// Puts a log together from its records, and then from their payloads, in the store's own formats.
///
/// 1. `append` takes the records' bytes, in order. They go through the same commits as new ones;
///    nothing is known of payloads yet.
/// 2. The caller compares `tree` with a signed checkpoint. What all acts amount to (`state`) tells
///    what was erased, and must not be brought back.
/// 3. `place` takes payloads and openings, in any order, each compared with its record.
/// 4. `finish` reads all of it back, seals the full segments, and writes `log.json`: with it the
///    directory is a log.
///
/// Before that it is none; after an error, or a crash, the directory is of no use. Belongs to one
/// thread at a time.
package final class LogImport {
    package let description: LogDescription
    let paths: StorePaths
    let uploads: UploadDirectory
    let metrics = StoreMetrics()
    let compressor = PayloadStaging.compressor()
    private let lock: LockFile
    private let upper: UpperTree

    /// Over the records so far.
    package private(set) var tree = CompactRange()
    /// What the acts so far amount to.
    package private(set) var state = LogState()
    private var lastReceived = Timestamp.earliest
    private var active: UnsealedSegment?
    private var pending: [PendingRecord] = []
    private var pendingBytes = 0

    /// Segments that payloads are placed in, the last used last.
    private var open: [UnsealedSegment] = []
    /// Payloads on their way into the segment that was used last.
    private var placed: [PendingRecord] = []
    private var placedBytes = 0

    private static let batchBytes = 8 << 20
    private static let batchRecords = 4_096
    private static let openLimit = 4

    /// Begins a log in a directory that is empty but for a signing key, or does not exist.
    ///
    /// `firstRecord`: the record `log.created`, of the log that has that name.
    /// - Throws: `invalid`, `system`.
    package init(
        at path: String,
        firstRecord: [UInt8],
        origin: String
    ) throws(StoreError) {
        paths = StorePaths(path)
        guard case .logCreated(let creation)? = try? Record(parsing: firstRecord.span),
            let geometry = SegmentGeometry(height: creation.segmentHeight)
        else { throw .invalid("the first record is not that of a log") }
        guard creation.origin == origin, let first = creation.verifierKeys.first
        else { throw .invalid("the log is \(creation.origin), not \(origin)") }
        description = LogDescription(
            origin: creation.origin,
            geometry: geometry,
            verifierKey: first
        )
        upper = UpperTree(geometry: geometry)
        uploads = UploadDirectory(paths)
        try EvidenceStore.makeDirectories(paths)
        lock = try LockFile(paths)
        try UploadDirectory.create(paths)
        try append(firstRecord)
    }

    // MARK: Records

    /// Takes the next record.
    ///
    /// - Throws: `damaged` if no log can hold it at this place.
    package func append(_ bytes: [UInt8]) throws(StoreError) {
        let geometry = description.geometry
        let index = RecordIndex(tree.size.value)
        let segment: UnsealedSegment
        if let active {
            segment = active
        } else {
            segment = try UnsealedSegment(
                geometry.segment(of: index),
                geometry: geometry,
                paths: paths
            )
            active = segment
        }
        let record = try Record.stored(bytes.span, at: index, in: segment.path)
        guard (index.value == 0) == (record.kind == .logCreated), record.received >= lastReceived
        else {
            throw .damaged(path: segment.path, detail: "record \(index) cannot stand where it does")
        }
        lastReceived = record.received
        if record.collection == nil {
            try state.take(StoredAct(index: index, bytes: bytes), in: segment.path)
        }
        let leaf = MerkleTree.leafHash(bytes.span)
        tree.append(leaf)
        segment.tree.append(leaf)
        let frame = RecordFrame.withoutPayload.encoded(record: bytes.span)
        pending.append(
            PendingRecord(index: index, frameBytes: frame, chunk: nil, openingBytes: nil)
        )
        pendingBytes += frame.count
        if segment.tree.isFull {
            upper.append(segmentRoot: segment.tree.node(level: segment.tree.height, 0))
            try endSegment()
        } else if pendingBytes >= Self.batchBytes || pending.count >= Self.batchRecords {
            try commit()
        }
    }

    /// Ends the records: from here on payloads are placed.
    package func endRecords() throws(StoreError) { try endSegment() }

    private func endSegment() throws(StoreError) {
        try commit()
        active?.close()
        active = nil
    }

    private func commit() throws(StoreError) {
        guard let active, let first = pending.first?.index else { return }
        var tiles: [CompletedTile] = []
        for tile in TileCoordinate.completed(from: TreeSize(first.value), to: tree.size) {
            let hashes = tile.nodeIDs.map { active.node($0, upper) }
            tiles.append(CompletedTile(coordinate: tile, bytes: TileHashes.encode(hashes)))
        }
        try active.commit(pending, tiles: tiles, metrics: metrics)
        pending.removeAll(keepingCapacity: true)
        pendingBytes = 0
    }

    // MARK: Payloads

    /// A record that lacks its payload, or its opening.
    struct Wanting {
        let record: Record
        let bytes: [UInt8]
    }

    /// The record, if it is evidence that was not erased and whose payload is not there.
    func wanting(_ index: RecordIndex) throws(StoreError) -> Wanting? {
        guard index.value < tree.size.value, state.erasure(of: index) == nil,
            !placed.contains(where: { $0.index == index })
        else { return nil }
        let segment = try segment(of: index)
        let (frame, bytes) = try segment.beginRead().record(at: index)
        guard frame.payload == .none else { return nil }
        let record = try Record.stored(bytes.span, at: index, in: segment.path)
        return record.collection == nil ? nil : Wanting(record: record, bytes: bytes)
    }

    /// Whether a record is evidence that was not erased and whose payload is not there.
    package func isWanting(_ index: RecordIndex) throws(StoreError) -> Bool {
        try wanting(index) != nil
    }

    /// Puts what belongs to a record in its place, with the next batch.
    func put(_ item: PendingRecord) throws(StoreError) {
        let number = description.geometry.segment(of: item.index)
        if let last = placed.last, description.geometry.segment(of: last.index) != number {
            try flush()
        }
        placed.append(item)
        placedBytes += item.sizeBytes
        if placedBytes >= Self.batchBytes || placed.count >= 256 { try flush() }
    }

    /// Makes durable what was placed.
    package func flush() throws(StoreError) {
        guard let first = placed.first else { return }
        try segment(of: first.index).commit(placed, tiles: [], mode: .replace, metrics: metrics)
        placed.removeAll(keepingCapacity: true)
        placedBytes = 0
    }

    private func segment(of index: RecordIndex) throws(StoreError) -> UnsealedSegment {
        let geometry = description.geometry
        let number = geometry.segment(of: index)
        if let place = open.lastIndex(where: { $0.number == number }) {
            let segment = open[place]
            if place != open.count - 1 {
                open.remove(at: place)
                open.append(segment)
            }
            return segment
        }
        if open.count >= Self.openLimit { open.removeFirst().close() }
        let segment = try UnsealedSegment(number, geometry: geometry, paths: paths)
        open.append(segment)
        return segment
    }

    private func closeSegments() {
        for segment in open { segment.close() }
        open = []
    }

    // MARK: The end

    /// The records that still lack their payloads, ascending.
    ///
    /// Neighbours are one range; acts between them do not part it.
    package func missing() throws(StoreError) -> [ClosedRange<UInt64>] {
        try flush()
        var ranges: [ClosedRange<UInt64>] = []
        var isOpen = false
        for value in 0..<tree.size.value {
            let index = RecordIndex(value)
            let segment = try segment(of: index)
            guard state.erasure(of: index) == nil else { continue }
            let isMissing = try segment.beginRead().withRecord(at: index) { frame, bytes in
                frame.payload != .none ? false : Self.isEvidence(bytes) ? true : nil
            }
            guard let isMissing else { continue }
            if isMissing, isOpen, let last = ranges.popLast() {
                ranges.append(last.lowerBound...value)
            } else if isMissing {
                ranges.append(value...value)
            }
            isOpen = isMissing
        }
        return ranges
    }

    private static func isEvidence(_ bytes: Span<UInt8>) -> Bool {
        (try? Record(parsing: bytes))?.collection != nil
    }

    /// Reads everything back, seals the full segments, and makes the directory a log.
    ///
    /// `checkpoint`: signed, of the tree that the records give.
    /// `progress`: called after each segment.
    /// - Returns: The records that were read back without their payloads.
    /// - Throws: `damaged` if what is read back gives another tree.
    package func finish(
        checkpoint: SignedCheckpoint,
        readOnly: String?,
        progress: (_ segment: UInt64, _ of: UInt64) -> Void = { _, _ in }
    ) throws(StoreError) {
        try flush()
        closeSegments()
        try uploads.settle()
        let geometry = description.geometry
        let note = Array(checkpoint.encoded.utf8)
        let count = (tree.size.value + geometry.capacity - 1) >> UInt64(geometry.height)
        let sealer = SegmentSealer(paths: paths, geometry: geometry)
        var readBack = CompactRange()
        for value in 0..<count {
            let number = SegmentNumber(value)
            let segment = try UnsealedSegment(number, geometry: geometry, paths: paths)
            try readBackAll(segment, into: &readBack)
            if segment.tree.isFull {
                let erased = state.erased(in: geometry.range(of: number))
                _ = try sealer.seal(segment, checkpoint: note, without: erased)
            }
            segment.close()
            try sealer.removeLeftovers(number)
            progress(value + 1, count)
        }
        guard readBack.size == checkpoint.checkpoint.size,
            readBack.root == checkpoint.checkpoint.root
        else { throw .damaged(path: paths.segments, detail: "it was read back changed") }
        let store = try StateStore(paths)
        try store.keep(checkpoint: note)
        store.close()
        let access = state.lastAccessDigest.map {
            AccessLog.Position(count: $0.count, head: $0.head)
        }
        try RestoreMark(size: tree.size, readOnly: readOnly, access: access).write(paths)
        // Last: with this file the directory is a log.
        try description.write(paths)
        lock.release()
    }

    private func readBackAll(
        _ segment: UnsealedSegment,
        into tree: inout CompactRange
    ) throws(StoreError) {
        let reader = try segment.beginRead()
        let first = description.geometry.firstIndex(of: segment.number).value
        for value in first..<first + (try reader.recordCount()) {
            let leaf = try reader.withRecord(at: RecordIndex(value)) { MerkleTree.leafHash($1) }
            segment.tree.append(leaf)
            tree.append(leaf)
        }
    }
}

extension UnsealedSegment {
    /// A node of the tree that ends in this segment.
    fileprivate func node(_ id: NodeID, _ upper: UpperTree) -> MerkleHash {
        guard id.level >= geometry.height else {
            let shift = UInt64(geometry.height - id.level)
            return tree.node(level: Int(id.level), Int(id.index & ((1 << shift) - 1)))
        }
        guard let hash = upper.node(id) else {
            preconditionFailure("a tile is complete when its segment is")
        }
        return hash
    }
}
