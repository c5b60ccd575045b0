import EvidenceModel
import Platform
import Testing
import TransparencyLog

@testable import EvidenceStore

/// Erasures through the store: from the act in the log to the last byte on the disk.
@Suite struct ErasureFlowTests {
    private static let reason = try? Reason("a test")

    /// A log with a sealed segment, an active one and payload files, all of whose locks are over.
    private func expiredLog() throws -> ErasureLog {
        let wall = try #require(Timestamp(milliseconds: Clock.wallMilliseconds()))
        let clock = TestClock(wall: wall)
        var configuration = StoreConfiguration()
        configuration.time = clock.source
        let log = try ErasureLog(
            300,
            large: 2,
            lock: LockRequest(retention: .duration(try RetentionDuration(60, .seconds))),
            configuration: configuration
        )
        log.waitForSeal(of: SegmentNumber(0))
        clock.run(seconds: 120)
        return log
    }

    private func erase(_ records: IndexRanges, in log: ErasureLog) throws {
        let report = try log.fixture.store.eraseDue(
            collection: nil,
            records: records,
            by: .anonymous,
            reason: Self.reason
        )
        #expect(report.erased == records.count)
    }

    private func waitForPurge(_ log: ErasureLog) {
        while log.fixture.store.withState({ !$0.unpurged.isEmpty }) {
            Clock.sleep(milliseconds: 2)
        }
    }

    /// What a search for the name, and one for the label, find.
    private func found(_ piece: ErasureLog.Piece, in store: EvidenceStore) throws -> [RecordIndex] {
        var byName = SearchQuery()
        byName.namePrefix = "dir/" + ErasureLog.nameMarker + piece.token
        var byLabel = SearchQuery()
        byLabel.labels = [(key: "owner", value: ErasureLog.labelMarker + piece.token)]
        let name = try store.search(byName).entries.map(\.index)
        let label = try store.search(byLabel).entries.map(\.index)
        #expect(name == label)
        return name
    }

    private func expectFound(_ log: ErasureLog, without erased: IndexRanges) throws {
        for piece in log.pieces {
            let isForgotten = piece.isSealed && erased.contains(piece.index)
            #expect(
                try found(piece, in: log.fixture.store) == (isForgotten ? [] : [piece.index])
            )
        }
    }

    @Test func nothingOfASealedRecordIsLeft() throws {
        let log = try expiredLog()
        let first = log.records { $0.index.value % 3 == 0 }
        try erase(first, in: log)
        // At once, whatever is on the disk still.
        try expectFound(log, without: first)
        try log.expectStanding(without: first)
        waitForPurge(log)
        try log.expectTokens(without: first)
        try log.fixture.reopen {
            let report = try fsck(log.fixture.path)
            #expect(report.findings == [])
            #expect(report.erasedPayloads == first.count)
        }
        try expectFound(log, without: first)
        try log.expectStanding(without: first)

        // The rest, and what was the active segment is sealed.
        let all = log.records { _ in true }
        try erase(all.subtracting(first), in: log)
        waitForPurge(log)
        try log.fixture.fill(300)
        log.waitForSeal(of: SegmentNumber(1))
        try log.expectStanding(without: all)
        try log.expectTokens(without: all)
        try log.fixture.reopen {
            let report = try fsck(log.fixture.path)
            #expect(report.findings == [])
        }
        try expectFound(log, without: all)
    }

    /// Nothing can be removed, and the process ends: the next one does it, and forgets before that.
    @Test func whatWasLeftToDoIsDoneAfterTheNextStart() throws {
        let log = try expiredLog()
        let path = log.paths.digests(SegmentNumber(0))
        let list = try FileSystem.contents(path)
        try FileSystem.unlink(path)
        let erased = log.records { $0.index.value % 2 == 0 }
        try erase(erased, in: log)
        while log.fixture.store.metrics.purgeFailures.value == 0 { Clock.sleep(milliseconds: 2) }
        try log.expectTokens(without: .none)
        try log.fixture.reopen()
        try expectFound(log, without: erased)
        try log.expectStanding(without: erased)
        #expect(log.fixture.store.withState { !$0.unpurged.isEmpty })
        try FileSystem.writeDurably(list.span, to: path, permissions: 0o440)
        waitForPurge(log)
        try expectFound(log, without: erased)
        try log.expectStanding(without: erased)
        try log.expectTokens(without: erased)
        log.fixture.store.close()
        #expect(try fsck(log.fixture.path).findings == [])
        try log.fixture.reopen()
    }

    /// As from a disk that lost an unlink.
    @Test func purgedFileThatComesBackIsDamage() throws {
        let log = try expiredLog()
        let before = try TemporaryDirectory()
        try FileSystem.copyTree(log.paths.payloads, to: before.path + "/payloads")
        let erased = log.records { $0.payload.count > 1 << 20 }
        try erase(erased, in: log)
        waitForPurge(log)
        log.fixture.store.close()
        #expect(try fsck(log.fixture.path).findings == [])
        try FileSystem.copyTree(before.path + "/payloads", to: log.paths.payloads)
        #expect(try fsck(log.fixture.path).findings.count == 2)
        try FileSystem.removeTree(log.paths.payloads)
        try UploadDirectory.create(log.paths)
        try log.fixture.reopen()
    }
}
