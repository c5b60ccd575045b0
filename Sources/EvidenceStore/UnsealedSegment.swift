import Cryptography
import EvidenceModel
import LMDBKit
import Platform
import Synchronization
import TransparencyLog

/// A segment in `active.mdb`: the one that is appended to, or a full one that waits for its seal.
///
/// One LMDB file with four tables and no index: keys only ascend, so that a commit touches a few
/// pages at the right edge. What search and idempotency need is in memory (`index`).
final class UnsealedSegment: Sendable {
    let number: SegmentNumber
    let geometry: SegmentGeometry
    /// Where the segment's file is; that of a copy once it has taken its place.
    let path: String
    let tree: SegmentTree
    let index: SegmentIndex
    private let environment: LMDBKit.Environment
    private let records: Database
    private let payloads: Database
    private let openings: Database
    private let tiles: Database
    private let growth: FileGrowth

    /// The names of its tables, sorted.
    static let tables = [
        TableName.openings, TableName.payloads, TableName.records, TableName.tiles,
    ]

    /// Opens a segment's file, or makes it with its directory, durably.
    convenience init(
        _ number: SegmentNumber,
        geometry: SegmentGeometry,
        paths: StorePaths
    ) throws(StoreError) {
        try onDisk { () throws(SystemError) in
            try FileSystem.makeDirectoryIfAbsent(paths.segment(number))
        }
        try self.init(
            number,
            file: paths.active(number),
            paths: paths,
            tree: SegmentTree(geometry: geometry),
            index: SegmentIndex(),
            geometry: geometry
        )
        // Also of a file that was there: who made it may have ended before this.
        try onDisk { () throws(SystemError) in
            try FileSystem.syncDirectory(paths.segment(number))
            try FileSystem.syncDirectory(paths.segments)
        }
    }

    /// Makes an empty file that is to take the place of another segment's file.
    ///
    /// The two share the tree and the index, which the sequencer goes on filling.
    convenience init(
        toReplace segment: UnsealedSegment,
        paths: StorePaths
    ) throws(StoreError) {
        try self.init(
            segment.number,
            file: paths.rewritten(segment.number),
            paths: paths,
            tree: segment.tree,
            index: segment.index,
            geometry: segment.geometry
        )
    }

    private init(
        _ number: SegmentNumber,
        file: String,
        paths: StorePaths,
        tree: SegmentTree,
        index: SegmentIndex,
        geometry: SegmentGeometry
    ) throws(StoreError) {
        self.number = number
        self.geometry = geometry
        path = paths.active(number)
        self.tree = tree
        self.index = index
        do throws(LMDBError) {
            environment = try LMDBKit.Environment(
                path: file,
                access: .readWrite(mapSizeBytes: Self.mapSizeBytes(geometry)),
                maxDatabases: 4
            )
            let transaction = try environment.beginWrite()
            records = try transaction.createDatabase(TableName.records)
            payloads = try transaction.createDatabase(TableName.payloads)
            openings = try transaction.createDatabase(TableName.openings)
            tiles = try transaction.createDatabase(TableName.tiles)
            try transaction.commit()
            _ = try environment.clearStaleReaders()
            growth = FileGrowth(
                path: file,
                usedBytes: try environment.information().usedBytes,
                sizeBytes: try environment.fileSizeBytes,
                stepBytes: geometry.height == 8 ? 256 << 10 : 4 << 20
            )
        } catch {
            throw StoreError(error, path: file)
        }
    }

    /// Room for the largest records and payloads that a segment can hold: address space only.
    private static func mapSizeBytes(_ geometry: SegmentGeometry) -> Int {
        Int(geometry.capacity) * (PayloadFile.chunkSizeBytes + (160 << 10)) + (64 << 20)
    }

    // MARK: Writing, by the sequencer

    /// Makes records and completed tiles durable in one transaction.
    ///
    /// All or nothing. `mode`: `.replace` gives records that are there other frames, and what
    /// belongs to them.
    func commit(
        _ batch: [PendingRecord],
        tiles completed: [CompletedTile],
        mode: PutMode = .append,
        metrics: StoreMetrics
    ) throws(StoreError) {
        do throws(LMDBError) {
            let used = try environment.information().usedBytes
            let bound = used + Self.growthBound(batch, completed)
            let isTime = growth.reserve(upTo: bound)
            if isTime { wantsGrowth.store(true, ordering: .relaxed) }
            let transaction = try environment.beginWrite()
            for pending in batch {
                try put(pending, mode, in: transaction)
            }
            for tile in completed {
                try TableKey.tile(tile.coordinate).withSpan { key throws(LMDBError) in
                    try transaction.put(key, tile.bytes.span, in: tiles, mode: .append)
                }
            }
            let begin = Clock.monotonicNanoseconds()
            try transaction.commit()
            metrics.commitSeconds.record(
                Double(Clock.monotonicNanoseconds() - begin) / 1_000_000_000
            )
            guard try environment.information().usedBytes <= bound else {
                throw LMDBError.damaged(detail: "it grew beyond what was reserved for the commit")
            }
        } catch {
            throw StoreError(error, path: path)
        }
    }

    private func put(
        _ pending: PendingRecord,
        _ mode: PutMode,
        in transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        try TableKey.record(pending.index).withSpan { key throws(LMDBError) in
            try transaction.put(key, pending.frameBytes.span, in: records, mode: mode)
            if let opening = pending.openingBytes {
                try transaction.put(key, opening.span, in: openings, mode: mode)
            }
        }
        if let chunk = pending.chunk {
            try TableKey.chunk(pending.index, 0).withSpan { key throws(LMDBError) in
                try transaction.put(key, chunk.span, in: payloads, mode: mode)
            }
        }
    }

    /// More bytes than LMDB can add to the file for this batch: a page for each value beyond its
    /// own pages, the right edges of all trees, and a margin.
    private static func growthBound(_ batch: [PendingRecord], _ tiles: [CompletedTile]) -> UInt64 {
        let page = 4096
        func pages(_ bytes: Int) -> Int { bytes / page + 3 }
        var count = 256 + tiles.count * 5
        for pending in batch {
            count += pages(pending.frameBytes.count)
            if let chunk = pending.chunk { count += pages(chunk.count) }
            if let opening = pending.openingBytes { count += pages(opening.count) }
        }
        return UInt64(count * page)
    }

    /// Set by `commit` when `grow` should be called, on another thread.
    let wantsGrowth = Atomic<Bool>(false)

    /// Writes zeros ahead of the appends.
    func grow() {
        wantsGrowth.store(false, ordering: .relaxed)
        // Only a help: without it the file grows as LMDB writes, which tells what is wrong.
        try? growth.grow()
    }

    // MARK: Reading, by any thread

    /// A consistent view of the file as of now.
    func beginRead() throws(StoreError) -> SegmentReader {
        do throws(LMDBError) {
            return SegmentReader(
                transaction: try environment.beginRead(),
                records: records,
                payloads: payloads,
                openings: openings,
                tiles: tiles,
                path: path
            )
        } catch {
            throw StoreError(error, path: path)
        }
    }

    /// The path of the file that LMDB keeps beside this one.
    static func lockPath(of path: String) -> String { path + "-lock" }

    /// Bytes of the file that LMDB has taken into use.
    var usedBytes: UInt64 {
        get throws(StoreError) {
            do throws(LMDBError) {
                return try environment.information().usedBytes
            } catch {
                throw StoreError(error, path: path)
            }
        }
    }

    /// Ends the use of the file, as soon as nobody reads in it.
    func close() { environment.close() }
}

/// A tile that has all its hashes and waits for the commit.
struct CompletedTile {
    let coordinate: TileCoordinate
    let bytes: [UInt8]
}

/// A record that has its index and time and waits for the commit.
struct PendingRecord {
    let index: RecordIndex
    let frameBytes: [UInt8]
    let chunk: [UInt8]?
    /// Salt and description.
    let openingBytes: [UInt8]?

    var sizeBytes: Int {
        frameBytes.count + (chunk?.count ?? 0) + (openingBytes?.count ?? 0)
    }
}

extension PendingRecord {
    init(index: RecordIndex, frameBytes: [UInt8], chunk: [UInt8]?, opening: SealedOpening?) {
        self.init(
            index: index,
            frameBytes: frameBytes,
            chunk: chunk,
            openingBytes: opening.map { $0.salt + $0.description }
        )
    }
}
