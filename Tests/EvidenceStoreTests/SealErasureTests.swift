import EvidenceModel
import Platform
import Testing
import TransparencyLog

@testable import EvidenceStore

/// Erasures before a seal: the sealed files never get what was erased.
@Suite struct SealErasureTests {
    private let number = SegmentNumber(0)

    /// A log whose segment 0 is full and not sealed, closed; and its checkpoint.
    private func fullLog() throws -> (ErasureLog, checkpoint: [UInt8]) {
        let log = try ErasureLog(255)
        let note = Array(log.fixture.store.checkpoint.note.utf8)
        log.fixture.store.close()
        return (log, note)
    }

    private func seal(
        _ log: ErasureLog,
        _ checkpoint: [UInt8],
        without erased: IndexRanges
    ) throws -> SegmentSummary {
        let geometry = log.fixture.store.view.geometry
        let segment = try UnsealedSegment.opened(number, geometry, log.paths)
        defer { segment.close() }
        let sealer = SegmentSealer(paths: log.paths, geometry: geometry)
        let (summary, _) = try sealer.seal(segment, checkpoint: checkpoint, without: erased)
        return summary
    }

    @Test func erasedRecordsAreLeftOut() throws {
        let (log, note) = try fullLog()
        // All of one group, some of another.
        let erased = log.records { $0.index.value % 3 == 1 || $0.index.value % 6 == 2 }
        let summary = try seal(log, note, without: erased)
        try log.fixture.reopen()
        #expect(try FileSystem.list(log.paths.segment(number)).count == 4)
        try log.expectStanding(without: erased)
        try log.expectTokens(without: erased)
        // The manifest tells what the leaves tell.
        #expect(summary.payloadFiles.values.reduce(0) { $0 + $1.payloads } == 255)
        #expect(summary.payloadFiles.values.reduce(0) { $0 + $1.openings } == 127)
        // A key of a sealed record that was erased before is not in the filter either.
        try log.fixture.reopen {
            let report = try fsck(log.fixture.path, erased: erased, purged: erased)
            #expect(report.findings == [])
        }
        // What is erased later goes the other way.
        let more = erased.union(log.records { $0.index.value % 5 == 0 })
        _ = try log.fixture.eraser.erase(more, in: number)
        try log.expectStanding(without: more)
        try log.expectTokens(without: more)
        try log.fixture.reopen {
            try expectSound(log.fixture.path, erased: more, purged: more)
        }
    }

    @Test func segmentOfWhichAllIsErasedHasNoPayloadFile() throws {
        let (log, note) = try fullLog()
        let erased = log.records { _ in true }
        _ = try seal(log, note, without: erased)
        try log.fixture.reopen()
        #expect(try FileSystem.list(log.paths.segment(number)) == ["SHA256SUMS", "log.mdb"])
        try log.expectStanding(without: erased)
        try log.expectTokens(without: erased)
        try log.fixture.reopen {
            try expectSound(log.fixture.path, erased: erased, purged: erased)
        }
    }

    /// A seal that was interrupted had its files named already; then more was erased.
    @Test func interruptedSealLeavesNothingOfWhatIsErasedSince() throws {
        let (log, note) = try fullLog()
        let aside = try TemporaryDirectory()
        try FileSystem.copyTree(log.fixture.path, to: aside.path + "/log")
        _ = try seal(log, note, without: .none)
        let directory = log.paths.segment(number)
        let open = StorePaths(aside.path + "/log").active(number)
        try FileSystem.unlink(log.paths.log(number))
        try FileSystem.copyFile(open, to: log.paths.active(number))
        let erased = log.records { $0.index.value % 3 == 1 }
        _ = try seal(log, note, without: erased)
        #expect(try FileSystem.list(directory).count { PayloadFileName($0) != nil } == 2)
        try log.fixture.reopen()
        try log.expectStanding(without: erased)
        try log.expectTokens(without: erased)
    }

    @Test func actsAreIndexed() throws {
        let (log, note) = try fullLog()
        _ = try seal(log, note, without: .none)
        let sealed = try SealedSegment(number, paths: log.paths)
        #expect(try sealed.acts() == [RecordIndex(0)])
        let withoutActs = try rewriteLog(log) { table in table != TableName.acts }
        #expect(withoutActs.findings == [])
        #expect(try SealedSegment(number, paths: log.paths).acts() == [RecordIndex(0)])
        let extra = try rewriteLog(log, acts: [0, 7])
        #expect(extra.findings.contains { $0.detail.contains("acts") })
    }

    /// Writes `log.mdb` anew, with some of its tables or other acts.
    private func rewriteLog(
        _ log: ErasureLog,
        acts: [UInt64]? = nil,
        keeping isKept: (String) -> Bool = { _ in true }
    ) throws -> FsckReport {
        let path = log.paths.log(number)
        do {
            let old = try SealedFile(path: path)
            let writer = try SealedFileWriter(path: path + ".tmp")
            let copied = old.tableNames.filter { table in
                isKept(table) && table != TableName.digests
                    && (acts == nil || table != TableName.acts)
            }
            for table in copied {
                var entries: [IndexEntries.Entry] = []
                try old.scan(table, prefix: []) { key, value in
                    entries.append(
                        ((0..<key.count).map { key[$0] }, (0..<value.count).map { value[$0] })
                    )
                    return true
                }
                try writer.append(entries, to: table)
            }
            for act in acts ?? [] {
                try writer.append([(BigEndian.bytes(of: act), [])], to: TableName.acts)
            }
            try writer.finish()
        }
        try FileSystem.setPermissions(path + ".tmp", 0o440)
        try FileSystem.rename(path + ".tmp", to: path)
        var list = try SegmentDigests(of: number, log.paths)
        try list.add("log.mdb", ofFileAt: path)
        try FileSystem.writeDurably(
            list.encoded.span,
            to: log.paths.digests(number),
            permissions: 0o440
        )
        try log.fixture.reopen()
        log.fixture.store.close()
        return try fsck(log.fixture.path)
    }

    @Test func dueListsOfSealedAndUnsealedSegmentsAreThoseOfTheLeaves() throws {
        let log = try ErasureLog(255)
        let note = Array(log.fixture.store.checkpoint.note.utf8)
        let active = try #require(log.fixture.store.view.unsealedSegment(number))
        let locks = try log.pieces.map { piece in
            let lock = try log.fixture.store.record(at: piece.index).record.lock
            return (piece.index, try #require(lock))
        }
        let ends = Set(locks.map(\.1.until))
        #expect(ends.count >= 3)
        log.fixture.store.close()
        _ = try seal(log, note, without: .none)
        let sealed = try SealedSegment(number, paths: log.paths)
        for end in ends {
            for time in [end, try #require(Timestamp(milliseconds: end.milliseconds - 1))] {
                let expected = locks.filter { $0.1.until <= time }.map(\.0)
                #expect(try sealed.due(notAfter: time) == expected)
                let offsets = expected.map { Int($0.value) }
                #expect(active.index.due(notAfter: time, from: 0, limit: 1000) == offsets)
                #expect(
                    active.index.due(notAfter: time, from: 100, limit: 5)
                        == Array(offsets.filter { $0 >= 100 }.prefix(5))
                )
            }
        }
        #expect(active.index.lock(at: 0) == nil)
        #expect(active.index.lock(at: 256) == nil)
        #expect(active.index.lock(at: 2)?.mode == .compliance)
        #expect(active.index.lock(at: 2)?.until == locks[1].1.until)
    }

    @Test func forgottenDescriptionIsFoundNoMore() throws {
        let log = try ErasureLog(20)
        let index = try #require(log.fixture.store.view.unsealedSegment(number)).index
        func found(_ piece: ErasureLog.Piece) throws -> Bool {
            var byName = SearchQuery()
            byName.namePrefix = "dir/" + ErasureLog.nameMarker + piece.token
            var byLabel = SearchQuery()
            byLabel.labels = [(key: "owner", value: ErasureLog.labelMarker + piece.token)]
            let (name, label) = (
                index.search(byName, below: 1000, limit: 10),
                index.search(byLabel, below: 1000, limit: 10)
            )
            #expect(name == label)
            return !name.isEmpty
        }
        for piece in log.pieces { #expect(try found(piece)) }
        index.forget([3, 4, 5, 6, 1000])
        for piece in log.pieces {
            let isForgotten = piece.isSealed && (3...6).contains(piece.index.value)
            #expect(try found(piece) == !isForgotten)
        }
        // What every leaf tells is known as before.
        #expect(index.search(SearchQuery(), below: 1000, limit: 100).count == 20)
    }
}

extension UnsealedSegment {
    /// A segment of a log that nobody has open, with its tree.
    static func opened(
        _ number: SegmentNumber,
        _ geometry: SegmentGeometry,
        _ paths: StorePaths
    ) throws -> UnsealedSegment {
        let segment = try UnsealedSegment(number, geometry: geometry, paths: paths)
        let reader = try segment.beginRead()
        let first = geometry.firstIndex(of: number).value
        for value in first..<first + (try reader.recordCount()) {
            segment.tree.append(
                try reader.withRecord(at: RecordIndex(value)) { MerkleTree.leafHash($1) }
            )
        }
        return segment
    }
}
