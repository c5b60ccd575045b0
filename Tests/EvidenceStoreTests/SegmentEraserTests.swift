import Cryptography
import EvidenceModel
import Platform
import Testing
import TransparencyLog

@testable import EvidenceStore

@Suite struct SegmentEraserTests {
    private let segment = SegmentNumber(0)

    /// A log whose segment 0 is sealed; some more records are in the active one.
    private func sealedLog() throws -> ErasureLog {
        let log = try ErasureLog(255)
        try log.append(20, payloadBytes: 600)
        log.waitForSeal(of: segment)
        return log
    }

    private func inSegment(_ log: ErasureLog, _ isChosen: (Int) -> Bool) -> IndexRanges {
        log.records { $0.index.value < 256 && isChosen(Int($0.index.value)) }
    }

    @Test func erasedBytesAreGoneAndTheRestReadsBackEqual() throws {
        let log = try sealedLog()
        try log.expectTokens(without: .none)
        var random = SeededGenerator("erasedBytesAreGoneAndTheRestReadsBackEqual")
        var erased = IndexRanges.none
        // Three times, so that generations follow each other.
        for _ in 0..<3 {
            let more = inSegment(log) { _ in Int.random(in: 0..<4, using: &random) == 0 }
            erased = erased.union(more)
            let result = try log.fixture.eraser.erase(erased, in: segment)
            #expect(result.files == 3)
            try log.expectStanding(without: erased)
            try log.expectTokens(without: erased)
        }
        let names = try FileSystem.list(log.paths.segment(segment))
        #expect(names.count { $0.hasSuffix("C.4.mdb") } == 3, "\(names)")
        #expect(names.count == 5, "\(names)")
        try log.fixture.reopen {
            let report = try fsck(log.fixture.path, erased: erased, purged: erased)
            #expect(report.findings == [])
            #expect(report.erasedPayloads == erased.count)
            // Without the word of the log that they are erased, they are missing.
            let unknown = try fsck(log.fixture.path, erased: .none)
            #expect(!unknown.isClean)
        }
        try log.expectStanding(without: erased)
    }

    @Test func groupOfWhichNothingStandsLosesItsFile() throws {
        let log = try sealedLog()
        let directory = log.paths.segment(segment)
        // Every third record has the same lock.
        let group = inSegment(log) { $0 % 3 == 1 }
        let before = try FileSystem.list(directory)
        _ = try log.fixture.eraser.erase(group, in: segment)
        let after = try FileSystem.list(directory)
        #expect(after.count == before.count - 1)
        #expect(after.allSatisfy { before.contains($0) })
        try log.expectStanding(without: group)

        let all = inSegment(log) { _ in true }
        _ = try log.fixture.eraser.erase(all, in: segment)
        #expect(try FileSystem.list(directory) == ["SHA256SUMS", "log.mdb"])
        try log.expectStanding(without: all)
        try log.expectTokens(without: all)
        try log.fixture.reopen {
            try expectSound(log.fixture.path, erased: all, purged: all)
        }
        try log.expectStanding(without: all)
    }

    @Test func secondCallChangesNothing() throws {
        let log = try sealedLog()
        let erased = inSegment(log) { $0 % 2 == 0 }
        #expect(try log.fixture.eraser.erase(.none, in: segment) == ErasedBytes())
        _ = try log.fixture.eraser.erase(erased, in: segment)
        let list = try FileSystem.contents(log.paths.digests(segment))
        let inodes = try inodes(log)
        #expect(try log.fixture.eraser.erase(erased, in: segment) == ErasedBytes())
        #expect(try FileSystem.contents(log.paths.digests(segment)) == list)
        #expect(try self.inodes(log) == inodes)
        // Records of other segments are none of its business.
        let others = log.records { $0.index.value >= 256 }
        #expect(try log.fixture.eraser.erase(others, in: segment) == ErasedBytes())
        try log.expectStanding(without: erased)
    }

    private func inodes(_ log: ErasureLog) throws -> [UInt64?] {
        let directory = log.paths.segment(segment)
        return try FileSystem.list(directory).map {
            try FileSystem.information("\(directory)/\($0)")?.inode
        }
    }

    @Test func spaceIsGivenBack() throws {
        let log = try sealedLog()
        let directory = log.paths.segment(segment)
        let full = try ErasureLog.allocatedBytes(directory)
        let erased = inSegment(log) { $0 % 2 == 0 }
        let result = try log.fixture.eraser.erase(erased, in: segment)
        let half = try ErasureLog.allocatedBytes(directory)
        #expect(full - half == result.bytes)
        let payloads = log.pieces.reduce(0) {
            $0 + (erased.contains($1.index) ? UInt64($1.payload.count) : 0)
        }
        #expect(result.bytes >= payloads * 9 / 10)
    }

    /// Who reads in the old file goes on; it is given back when the last of them is done.
    @Test func readerInTheOldFileGoesOn() throws {
        let log = try sealedLog()
        let sealed = try log.fixture.store.view.sealed.segment(segment)
        let piece = log.pieces[1]
        let lock = try #require(try log.fixture.store.record(at: piece.index).record.lock)
        let group = PayloadGroup(lock)
        do {
            let file = try #require(try sealed.payloadFile(group))
            let reader = try file.beginRead()
            let erased = inSegment(log) { $0 == 3 || $0 == 8 }
            _ = try log.fixture.eraser.erase(erased, in: segment)
            #expect(try reader.chunkBytes(of: piece.index) == piece.payload)
            #expect(try deletedMappings(below: log.fixture.path).count == 1)
            #expect(try log.fixture.payload(log.pieces[4].index) == log.pieces[4].payload)
        }
        #expect(try deletedMappings(below: log.fixture.path) == [])
    }

    /// Readers that run while files are replaced see what stands, and nothing else.
    @Test func readersDuringErasuresSeeWhatStands() throws {
        let log = try sealedLog()
        let stays = log.pieces.filter { $0.index.value < 256 && $0.index.value % 7 == 0 }
        let store = log.fixture.store
        let done = Platform.Mutex(false)
        let failures = Platform.Mutex<[String]>([])
        let threads = (0..<3).map { number in
            Thread(name: "reader-\(number)") {
                while !done.withLock({ $0 }) {
                    for piece in stays {
                        do {
                            let bytes = try Fixture.payload(piece.index, of: store)
                            guard bytes != piece.payload else { continue }
                            failures.withLock { $0.append("\(piece.index) differs") }
                        } catch {
                            failures.withLock { $0.append("\(error)") }
                        }
                    }
                }
            }
        }
        var erased = IndexRanges.none
        for number in 0..<20 {
            erased = erased.union(inSegment(log) { $0 % 7 != 0 && $0 % 20 == number })
            _ = try log.fixture.eraser.erase(erased, in: segment)
        }
        done.withLock { $0 = true }
        for thread in threads { thread.join() }
        #expect(failures.withLock { $0 } == [])
        try log.expectStanding(without: erased)
    }

    @Test func everyStepCanBeTheLast() throws {
        let log = try sealedLog()
        let stages = try TemporaryDirectory()
        // One file goes, one shrinks, one is not touched.
        let erased = inSegment(log) { $0 % 3 == 1 || $0 % 6 == 2 }
        var steps: [String] = []
        let names = Platform.Mutex<[String]>([])
        var eraser = log.fixture.eraser
        let (source, target) = (log.fixture.path, stages.path)
        eraser.afterStep = { step in
            names.withLock { names in
                names.append(step)
                do {
                    try FileSystem.copyTree(source, to: "\(target)/\(names.count - 1)")
                } catch {
                    Issue.record("\(error)")
                }
            }
        }
        _ = try eraser.erase(erased, in: segment)
        steps = names.withLock { $0 }
        for step in ["copy written", "copy named", "list written", "list renamed", "file unlinked"]
        {
            #expect(steps.contains(step))
        }
        for (number, step) in steps.enumerated() {
            let root = "\(stages.path)/\(number)"
            let half = try fsck(root, erased: erased)
            #expect(half.isClean, "after \(step): \(half.findings)")
            let store = try EvidenceStore(path: root, keys: SigningKeys(log.fixture.signer)) { _ in
            }
            for piece in log.pieces where !erased.contains(piece.index) {
                #expect(try Fixture.payload(piece.index, of: store) == piece.payload)
            }
            _ = try Fixture.eraser(of: store).erase(erased, in: segment)
            try log.expectStanding(without: erased, in: store)
            store.close()
            try log.expectTokens(without: erased, in: root)
            try expectSound(root, erased: erased, purged: erased)
            #expect(try FileSystem.list(StorePaths(root).segment(segment)).count == 4)
        }
    }
}
