import Cryptography
import EvidenceModel
import Platform
import Testing
import TransparencyLog

@testable import EvidenceStore

/// Payloads over 1 MiB, which have files of their own.
@Suite struct UploadErasureTests {
    private let segment = SegmentNumber(0)

    private func files(_ path: String) throws -> [String] {
        try FileSystem.list(path + "/payloads").flatMap { directory in
            try FileSystem.list("\(path)/payloads/\(directory)").map {
                "\(path)/payloads/\(directory)/\($0)"
            }
        }
    }

    @Test func filesOfErasedRecordsGoInSealedAndUnsealedSegments() throws {
        let log = try ErasureLog(1, large: 4)
        let active = try #require(log.fixture.store.view.unsealedSegment(segment))
        let first = IndexRanges([log.pieces[1].index, log.pieces[0].index])
        let result = try log.fixture.eraser.erasePayloadFiles(of: first, in: active)
        #expect(result.files == 1)
        #expect(result.bytes >= UInt64(ErasureLog.largePayloadBytes))
        #expect(try files(log.fixture.path).count == 3)
        #expect(
            try log.fixture.eraser.erasePayloadFiles(of: first, in: active) == ErasedBytes()
        )
        try log.append(255, payloadBytes: 10)
        log.waitForSeal(of: segment)
        #expect(try FileSystem.list(log.paths.incoming) == [])
        let second = first.union(IndexRanges([log.pieces[2].index, log.pieces[4].index]))
        let more = try log.fixture.eraser.erase(second, in: segment)
        #expect(more.bytes >= 2 * UInt64(ErasureLog.largePayloadBytes))
        #expect(try files(log.fixture.path).count == 1)
        try log.expectStanding(without: second)
        try log.fixture.reopen {
            try expectSound(log.fixture.path, erased: second, purged: second)
        }
        try log.expectStanding(without: second)
    }

    /// The content is given back at once, and the reader is told why it cannot go on.
    @Test func slowReaderGetsAnErrorAndNoWrongBytes() throws {
        let log = try ErasureLog(0, large: 2)
        let store = log.fixture.store
        let gone = StoreError.notFound("erased")
        let isErased = Platform.Mutex(false)
        let piece = log.pieces[0]
        let frame = try store.record(at: piece.index).frame
        guard case .file(let id, _) = frame.payload else {
            Issue.record("a large payload has a file")
            return
        }
        let watched = try store.uploads.open(id)
        let reader = try PayloadReader(
            index: piece.index,
            digest: SHA256.hash(piece.payload.span),
            sizeBytes: UInt64(piece.payload.count),
            file: store.uploads.open(id),
            erasure: { isErased.withLock { $0 } ? gone : nil }
        )
        let start = try reader.read(at: 0, limit: 1000)
        #expect(start.elementsEqual(piece.payload[..<1000]))
        isErased.withLock { $0 = true }
        let active = try #require(store.view.unsealedSegment(segment))
        let erased = IndexRanges(piece.index)
        _ = try log.fixture.eraser.erasePayloadFiles(of: erased, in: active)
        // No block is kept for the descriptors that are open.
        #expect(try watched.sizeBytes() == 0)
        // The rest of what was read and checked before, then the end.
        let rest = try reader.read(at: 1000, limit: 1000)
        #expect(rest.elementsEqual(piece.payload[1000..<2000]))
        #expect(throws: gone) { try reader.read(at: 1 << 20, limit: 1000) }
        isErased.withLock { $0 = false }
        #expect {
            try reader.read(at: 1 << 20, limit: 1000)
        } throws: { error in
            if case StoreError.damaged? = error as? StoreError { true } else { false }
        }
        try log.expectStanding(without: erased)
    }

    /// Between the records and the files: what a crash in the middle leaves is finished.
    @Test func everyStepCanBeTheLast() throws {
        let log = try ErasureLog(1, large: 3)
        let erased = IndexRanges([log.pieces[1].index, log.pieces[3].index])
        let store = log.fixture.store
        let frame = try store.record(at: log.pieces[1].index).frame
        guard case .file(let id, _) = frame.payload else {
            Issue.record("a large payload has a file")
            return
        }
        // Cut, and not yet unlinked.
        let path = log.paths.incoming(id)
        try FileSystem.setPermissions(path, 0o600)
        try File(path, .readWrite).truncate(toSizeBytes: 0)
        store.close()
        #expect(try fsck(log.fixture.path, erased: erased).isClean)
        #expect(try !fsck(log.fixture.path, erased: .none).isClean)
        #expect(try !fsck(log.fixture.path, erased: erased, purged: erased).isClean)
        try log.fixture.reopen()
        let active = try #require(log.fixture.store.view.unsealedSegment(segment))
        let result = try log.fixture.eraser.erasePayloadFiles(of: erased, in: active)
        #expect(result.files == 2)
        #expect(try files(log.fixture.path).count == 1)
        try log.fixture.reopen {
            try expectSound(log.fixture.path, erased: erased, purged: erased)
        }
        try log.expectStanding(without: erased)
    }

    @Test func fileThatIsOnItsWayIsNotMissed() throws {
        let directory = try TemporaryDirectory()
        let paths = StorePaths(directory.path)
        try UploadDirectory.create(paths)
        let uploads = UploadDirectory(paths)
        for round in 0..<20 {
            let ids = try (0..<20).map { number in
                let bytes = [UInt8](repeating: UInt8(number), count: 15) + [UInt8(round)]
                let id = UploadID(bytes.span)
                return try #require(id)
            }
            for id in ids {
                _ = try File(paths.incoming(id), .create(permissions: 0o440))
                uploads.markTaken(id)
            }
            let settler = Thread(name: "settler") {
                do { try uploads.settle() } catch { Issue.record("\(error)") }
            }
            _ = try uploads.erase(ids)
            settler.join()
            #expect(try files(directory.path) == [])
        }
    }
}
