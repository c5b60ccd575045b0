import EvidenceModel
import Platform
import TransparencyLog

/// A copy of the active segment's file without what was erased, or with what was damaged put back,
/// made beside it until it takes its place.
///
/// LMDB marks what is deleted as free: the bytes stay, in free pages and in the gaps of others,
/// until something else happens to be written there. A fresh file has never seen them.
///
/// 1. In the background (`copy`): records, tiles, and the payloads and openings that stand, batch
///    by batch, each synced and read back. Appends go on; records never change, so a batch needs no
///    view of the file but that of its own moment.
/// 2. On the sequencer's thread (`copyRest`): what was appended since, which is little.
/// 3. There too (`replace`): the copy is renamed over the segment's file, the directory is synced,
///    and the segment goes on in the copy. The rename is what makes the rewrite take effect: before
///    it the old file is whole, after it the new one. A copy that is left over is removed at the
///    start.
///
/// LMDB keeps its readers and its mutexes in a file named after the data's, and the environment
/// that closes clears all slots of its process there. So old and new must not share it: the copy is
/// opened under its temporary name, with a lock file of its own, that is renamed after the data.
/// Both environments know their files by descriptor, not by name; readers in the old one go on, and
/// it closes when the last of them is done.
///
/// `@unchecked Sendable`: one thread at a time uses it, first the one that copies, then the
/// sequencer's.
final class SegmentRewrite: @unchecked Sendable {
    /// The segment as it is until then.
    let source: UnsealedSegment
    private let target: UnsealedSegment
    private let erased: IndexRanges
    private let replacements: [RecordIndex: Replacement]
    private let paths: StorePaths
    private let afterStep: (_ step: String) -> Void
    /// How many of the segment's records are in the copy.
    private(set) var copiedCount: UInt64 = 0

    /// What the copy has in the place of what the segment has; `nil` is that.
    struct Replacement: Sendable {
        var chunk: [UInt8]?
        var opening: [UInt8]?
    }

    /// What the copy's name ends with.
    static let suffix = ".new"
    /// Small, so that no sync of a batch keeps one of the sequencer's waiting for long.
    private static let batchBytes = 1 << 20
    private static let batchRecords = 1024

    /// Begins a copy, empty.
    ///
    /// There is one at a time of a segment, and none while it is sealed: the seal leaves out what
    /// is erased too.
    init(
        of source: UnsealedSegment,
        without erased: IndexRanges,
        replacing replacements: [RecordIndex: Replacement] = [:],
        paths: StorePaths,
        afterStep: @escaping (_ step: String) -> Void = { _ in }
    ) throws(StoreError) {
        try Self.remove(source.number, paths)
        self.source = source
        self.erased = erased
        self.replacements = replacements
        self.paths = paths
        self.afterStep = afterStep
        target = try UnsealedSegment(toReplace: source, paths: paths)
        afterStep("copy made")
    }

    /// Copies the segment's first `count` records, but for those that are in the copy, and has
    /// zeros written ahead of the appends to come.
    ///
    /// To be repeated while many were appended meanwhile. Any thread.
    ///
    /// `count`: of records that were published.
    /// - Throws: `damaged`, `system`, `storageFull`: nothing was changed; `abandon` the copy.
    func copy(upTo count: UInt64) throws(StoreError) {
        try copyRest(upTo: count)
        target.grow()
    }

    /// Copies what is missing of the segment's first `count` records.
    ///
    /// - Throws: As `copy`.
    func copyRest(upTo count: UInt64) throws(StoreError) {
        while copiedCount < count { try copyBatch(upTo: count) }
    }

    /// Puts the copy in the place of the segment's file.
    ///
    /// On the sequencer's thread, when all records are copied. What is returned takes the place of
    /// `source` for writing and for readers that begin from then on; tree and index are the same.
    ///
    /// - Throws: What the log cannot go on from: nobody knows which file has the name.
    func replace() throws(StoreError) -> UnsealedSegment {
        precondition(
            copiedCount == UInt64(source.tree.count),
            "a copy that replaces a segment has all its records"
        )
        let (old, new) = (paths.active(source.number), paths.rewritten(source.number))
        try onDisk { () throws(SystemError) in
            try FileSystem.rename(new, to: old)
            afterStep("copy renamed")
            try FileSystem.syncDirectory(paths.segment(source.number))
            try FileSystem.rename(
                UnsealedSegment.lockPath(of: new),
                to: UnsealedSegment.lockPath(of: old)
            )
            afterStep("lock renamed")
        }
        return target
    }

    /// Gives the copy up; the segment stays as it is.
    func abandon() throws(StoreError) {
        target.close()
        try Self.remove(source.number, paths)
    }

    private static func remove(_ number: SegmentNumber, _ paths: StorePaths) throws(StoreError) {
        let path = paths.rewritten(number)
        try onDisk { () throws(SystemError) in
            try FileSystem.unlinkIfPresent(path)
            try FileSystem.unlinkIfPresent(UnsealedSegment.lockPath(of: path))
        }
    }

    private func copyBatch(upTo count: UInt64) throws(StoreError) {
        let first = source.geometry.firstIndex(of: source.number).value
        // A view of its own for each batch: while one lives LMDB uses no freed page again.
        let reader = try source.beginRead()
        var batch: [PendingRecord] = []
        var bytes = 0
        var next = first + copiedCount
        while next < first + count, bytes < Self.batchBytes, batch.count < Self.batchRecords {
            let index = RecordIndex(next)
            let record = try pending(index, reader)
            bytes += record.sizeBytes
            batch.append(record)
            next += 1
        }
        let completed = TileCoordinate.completed(
            from: TreeSize(first + copiedCount),
            to: TreeSize(next)
        )
        let tiles = try completed.map { tile throws(StoreError) in
            guard let bytes = try reader.tileBytes(tile) else {
                throw StoreError.damaged(path: source.path, detail: "\(tile) is missing")
            }
            return CompletedTile(coordinate: tile, bytes: bytes)
        }
        try target.commit(batch, tiles: tiles, metrics: StoreMetrics())
        try verify(batch, tiles)
        copiedCount = next - first
        afterStep("batch copied")
    }

    private func pending(
        _ index: RecordIndex,
        _ reader: borrowing SegmentReader
    ) throws(StoreError) -> PendingRecord {
        let frameBytes = try reader.frameBytes(at: index)
        guard !erased.contains(index) else {
            return PendingRecord(
                index: index,
                frameBytes: frameBytes,
                chunk: nil,
                openingBytes: nil
            )
        }
        var (chunk, opening) = (replacements[index]?.chunk, replacements[index]?.opening)
        if chunk == nil { chunk = try reader.chunkBytes(of: index) }
        if opening == nil { opening = try reader.openingBytes(of: index) }
        return PendingRecord(
            index: index,
            frameBytes: frameBytes,
            chunk: chunk,
            openingBytes: opening
        )
    }

    /// Reads a batch back: each leaf is the tree's, and the rest as it was written.
    private func verify(
        _ batch: [PendingRecord],
        _ tiles: [CompletedTile]
    ) throws(StoreError) {
        let reader = try target.beginRead()
        for record in batch {
            let offset = source.geometry.offset(of: record.index)
            let leaf = try reader.withRecord(at: record.index) { MerkleTree.leafHash($1) }
            guard leaf == source.tree.node(level: 0, offset),
                try reader.chunkBytes(of: record.index) == record.chunk,
                try reader.openingBytes(of: record.index) == record.openingBytes
            else {
                throw .damaged(
                    path: source.path,
                    detail: "record \(record.index) was copied, and read back changed"
                )
            }
        }
        for tile in tiles {
            guard try reader.tileBytes(tile.coordinate) == tile.bytes else {
                throw .damaged(
                    path: source.path,
                    detail: "\(tile.coordinate) was copied, and read back changed"
                )
            }
        }
    }
}
