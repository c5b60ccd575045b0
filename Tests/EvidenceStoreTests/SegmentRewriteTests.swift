import Cryptography
import EvidenceModel
import Platform
import Synchronization
import Testing
import TransparencyLog

@testable import EvidenceStore

/// Records, chunks and openings of made-up bytes in an unsealed segment, and what they must be.
private final class RawSegment {
    let directory: TemporaryDirectory
    let paths: StorePaths
    let geometry: SegmentGeometry
    var segment: UnsealedSegment
    private(set) var written: [PendingRecord] = []

    init() throws {
        directory = try TemporaryDirectory()
        paths = StorePaths(directory.path)
        try FileSystem.makeDirectory(paths.segments)
        geometry = try #require(SegmentGeometry(height: 16))
        segment = try UnsealedSegment(SegmentNumber(0), geometry: geometry, paths: paths)
    }

    /// Appends as the sequencer does; every second record has a chunk, every third an opening.
    func append(_ count: Int, chunkBytes: Int = 500) throws {
        let first = written.count
        var batch: [PendingRecord] = []
        for number in first..<first + count {
            let record = Array("record \(number) ".utf8) + Random.bytes(count: 20)
            batch.append(
                PendingRecord(
                    index: RecordIndex(UInt64(number)),
                    frameBytes: RecordFrame.withoutPayload.encoded(record: record.span),
                    chunk: number % 2 == 0 ? Random.bytes(count: chunkBytes) : nil,
                    openingBytes: number % 3 == 0 ? Random.bytes(count: 100) : nil
                )
            )
            segment.tree.append(MerkleTree.leafHash(record.span))
        }
        let tiles = TileCoordinate.completed(
            from: TreeSize(UInt64(first)),
            to: TreeSize(UInt64(first + count))
        ).map { tile in
            CompletedTile(
                coordinate: tile,
                bytes: TileHashes.encode(
                    tile.nodeIDs.map { segment.tree.node(level: Int($0.level), Int($0.index)) }
                )
            )
        }
        try segment.commit(batch, tiles: tiles, metrics: StoreMetrics())
        written += batch
    }

    /// Everything that a view of the segment holds is what was written, without what is erased.
    func expectEqual(
        _ reader: borrowing SegmentReader,
        count: Int? = nil,
        without erased: IndexRanges = .none
    ) throws {
        let count = count ?? written.count
        #expect(try reader.recordCount() == UInt64(count))
        for record in written[..<count] {
            let isErased = erased.contains(record.index)
            let isEqual =
                try reader.frameBytes(at: record.index) == record.frameBytes
                && reader.chunkBytes(of: record.index) == (isErased ? nil : record.chunk)
                && reader.openingBytes(of: record.index) == (isErased ? nil : record.openingBytes)
            #expect(isEqual, "record \(record.index)")
        }
        for tile in TileCoordinate.completed(from: .zero, to: TreeSize(UInt64(count))) {
            let hashes = try reader.tile(tile)
            #expect(
                hashes
                    == tile.nodeIDs.map { segment.tree.node(level: Int($0.level), Int($0.index)) }
            )
        }
    }
}

@Suite struct SegmentRewriteTests {
    private func everyFifth(_ count: Int) -> IndexRanges {
        IndexRanges(stride(from: 0, to: count, by: 5).map { RecordIndex(UInt64($0)) })
    }

    @Test func copyTakesThePlaceOfTheFile() throws {
        let raw = try RawSegment()
        try raw.append(6000)
        let erased = everyFifth(6000)
        let rewrite = try SegmentRewrite(of: raw.segment, without: erased, paths: raw.paths)
        try rewrite.copy(upTo: 6000)
        // Until it is in place nothing is changed.
        try raw.append(300)
        try raw.expectEqual(try raw.segment.beginRead())
        try rewrite.copy(upTo: 6200)
        try rewrite.copyRest(upTo: 6300)
        raw.segment = try rewrite.replace()
        try raw.expectEqual(try raw.segment.beginRead(), without: erased)
        try raw.append(700)
        try raw.expectEqual(try raw.segment.beginRead(), without: erased)
        #expect(
            try FileSystem.list(raw.paths.segment(SegmentNumber(0)))
                == ["active.mdb", "active.mdb-lock"]
        )
        raw.segment.close()
        let again = try UnsealedSegment(
            SegmentNumber(0),
            geometry: raw.geometry,
            paths: raw.paths
        )
        try raw.expectEqual(try again.beginRead(), without: erased)
    }

    /// A reader in the old file sees it to its end; its end does not disturb those in the new.
    @Test func readersOfBothFilesGoOn() throws {
        let raw = try RawSegment()
        try raw.append(2000)
        let directory = raw.paths.segment(SegmentNumber(0))
        for round in 0..<3 {
            let before = raw.written.count
            let erased = everyFifth(2000)
            let rewrite = try SegmentRewrite(of: raw.segment, without: erased, paths: raw.paths)
            try rewrite.copy(upTo: UInt64(before))
            do {
                let old = try raw.segment.beginRead()
                raw.segment = try rewrite.replace()
                try raw.append(100)
                try raw.expectEqual(old, count: before, without: round == 0 ? .none : erased)
                #expect(
                    try deletedMappings(below: directory).contains { $0.contains("active.mdb ") }
                )
            }
        }
        // LMDB uses freed pages again unless it sees this reader's slot.
        let count = raw.written.count
        let reader = try raw.segment.beginRead()
        let erased = everyFifth(2000)
        let rewrite = try SegmentRewrite(of: raw.segment, without: erased, paths: raw.paths)
        try rewrite.abandon()
        for _ in 0..<60 { try raw.append(20) }
        try raw.expectEqual(reader, count: count, without: erased)
        try raw.expectEqual(try raw.segment.beginRead(), without: erased)
    }

    @Test func oldFileIsGivenBackWithItsLastReader() throws {
        let raw = try RawSegment()
        try raw.append(1000, chunkBytes: 2000)
        let directory = raw.paths.segment(SegmentNumber(0))
        let before = try ErasureLog.allocatedBytes(directory)
        try Self.replaceAll(raw)
        #expect(try deletedMappings(below: directory) == [])
        let after = try ErasureLog.allocatedBytes(directory)
        // 500 chunks of 2,000 bytes; the copy has zeros written ahead, as every active segment.
        #expect(before + (4 << 20) >= after + 900_000)
        #expect(raw.written.count == 1000)
    }

    /// Holds no reference to the old segment when it returns.
    private static func replaceAll(_ raw: RawSegment) throws {
        let erased = IndexRanges((0..<1000).map { RecordIndex($0) })
        let rewrite = try SegmentRewrite(of: raw.segment, without: erased, paths: raw.paths)
        try rewrite.copy(upTo: 1000)
        raw.segment = try rewrite.replace()
        try raw.expectEqual(try raw.segment.beginRead(), without: erased)
    }

    /// The sequencer appends and zeros are written ahead while another thread copies.
    @Test func appendsGoOnMeanwhile() throws {
        let raw = try RawSegment()
        try raw.append(3000)
        let erased = everyFifth(3000)
        let old = raw.segment
        let rewrite = try SegmentRewrite(of: old, without: erased, paths: raw.paths)
        let isDone = Atomic<Bool>(false)
        let grower = Thread(name: "grower") {
            while !isDone.load(ordering: .relaxed) { old.grow() }
        }
        let published = Platform.Mutex(UInt64(3000))
        let copier = Thread(name: "copier") {
            for _ in 0..<20 {
                do {
                    try rewrite.copy(upTo: published.withLock { $0 })
                } catch {
                    Issue.record("\(error)")
                }
            }
        }
        for _ in 0..<40 {
            try raw.append(50)
            published.withLock { $0 = UInt64(raw.written.count) }
        }
        copier.join()
        try rewrite.copyRest(upTo: UInt64(raw.written.count))
        raw.segment = try rewrite.replace()
        // Zeros for the old file must not reach the new one, which has its name now.
        for _ in 0..<40 { try raw.append(50) }
        isDone.store(true, ordering: .relaxed)
        grower.join()
        try raw.expectEqual(try raw.segment.beginRead(), without: erased)
        raw.segment.close()
        let again = try UnsealedSegment(
            SegmentNumber(0),
            geometry: raw.geometry,
            paths: raw.paths
        )
        try raw.expectEqual(try again.beginRead(), without: erased)
    }

    /// A copy that an earlier run left is no part of the next.
    @Test func everyStepCanBeTheLast() throws {
        let log = try ErasureLog(100, large: 1)
        let erased = log.records { $0.index.value % 3 == 0 && $0.index.value <= 100 }
        log.fixture.store.close()
        let stages = try TemporaryDirectory()
        var steps: [String] = []
        do {
            let segment = try UnsealedSegment.opened(
                SegmentNumber(0),
                log.fixture.store.view.geometry,
                log.paths
            )
            let rewrite = try SegmentRewrite(of: segment, without: erased, paths: log.paths) {
                steps.append($0)
                do {
                    let target = "\(stages.path)/\(steps.count - 1)"
                    try FileSystem.copyTree(log.fixture.path, to: target)
                } catch {
                    Issue.record("\(error)")
                }
            }
            try rewrite.copy(upTo: 60)
            try rewrite.copyRest(upTo: 102)
            try rewrite.replace().close()
        }
        #expect(
            steps == [
                "copy made", "batch copied", "batch copied", "copy renamed", "lock renamed",
            ]
        )
        for (number, step) in steps.enumerated() {
            let root = "\(stages.path)/\(number)"
            let isDone = number >= 3
            #expect(try fsck(root, erased: erased).isClean, "after \(step)")
            let store = try EvidenceStore(path: root, keys: SigningKeys(log.fixture.signer)) { _ in
            }
            try log.expectStanding(without: isDone ? erased : .none, in: store)
            try log.expectTokens(without: isDone ? erased : .none, in: root)
            #expect(
                try FileSystem.list(StorePaths(root).segment(SegmentNumber(0)))
                    == ["active.mdb", "active.mdb-lock"]
            )
            store.close()
            try expectSound(root, erased: erased, purged: isDone ? erased : .none)
        }
        try log.fixture.reopen()
        try log.expectStanding(without: erased)
    }
}
