import EvidenceModel
import Platform
import Testing
import TransparencyLog

@testable import EvidenceStore

/// What the offline check says of logs in which something was erased.
@Suite struct FsckErasureTests {
    private let segment = SegmentNumber(0)

    private func closedLog(
        erasing isErased: (UInt64) -> Bool
    ) throws -> (ErasureLog, IndexRanges) {
        let log = try ErasureLog(256)
        log.waitForSeal(of: segment)
        let erased = log.records { $0.index.value < 256 && isErased($0.index.value) }
        if !erased.isEmpty { _ = try log.fixture.eraser.erase(erased, in: segment) }
        log.fixture.store.close()
        return (log, erased)
    }

    @Test func erasedBytesMayBeThereUntilTheyArePurged() throws {
        let (log, _) = try closedLog { _ in false }
        let erased = log.records { $0.index.value % 4 == 1 }
        try expectSound(log.fixture.path, erased: erased)
        let report = try fsck(log.fixture.path, erased: erased, purged: erased)
        #expect(report.findings.count == Int(erased.count))
        #expect(report.findings.allSatisfy { $0.severity == .damage })
        // The active segment too.
        let last = IndexRanges(log.pieces[255].index)
        try expectSound(log.fixture.path, erased: last)
        #expect(try fsck(log.fixture.path, erased: last, purged: last).findings.count == 1)
    }

    @Test func missingFileOfStandingRecordsIsDamage() throws {
        let (log, erased) = try closedLog { $0 % 6 == 1 }
        let name = try #require(
            try FileSystem.list(log.paths.segment(segment)).first { $0.contains(".2.mdb") }
        )
        try FileSystem.unlink("\(log.paths.segment(segment))/\(name)")
        let report = try fsck(log.fixture.path, erased: erased)
        #expect(report.findings.contains { $0.severity == .damage && $0.path.hasSuffix(name) })
    }

    @Test func leftoversAreNotes() throws {
        let (log, erased) = try closedLog { $0 % 6 == 1 }
        let directory = log.paths.segment(segment)
        let name = try #require(
            try FileSystem.list(directory).first { $0.contains(".2.mdb") }
        )
        let names = [
            name.replacing(".2.mdb", with: ".mdb"), name.replacing(".2.mdb", with: ".3.mdb"),
            name + ".tmp", name + ".tmp-lock", "SHA256SUMS.tmp", "active.mdb", "active.mdb-lock",
            "active.mdb.new", "active.mdb.new-lock", "something",
        ]
        for other in names {
            try FileSystem.copyFile("\(directory)/\(name)", to: "\(directory)/\(other)")
        }
        let report = try fsck(log.fixture.path, erased: erased, purged: erased)
        #expect(Set(report.findings.map(\.path)) == Set(names.map { "\(directory)/\($0)" }))
        #expect(report.findings.allSatisfy { $0.severity == .note })
    }

    @Test func listThatForgetsAFileIsDamage() throws {
        let (log, erased) = try closedLog { $0 % 3 == 1 }
        var list = try SegmentDigests(of: segment, log.paths)
        let name = try #require(list.files.values.sorted().first)
        list.remove(name.text)
        try FileSystem.writeDurably(
            list.encoded.span,
            to: log.paths.digests(segment),
            permissions: 0o440
        )
        let report = try fsck(log.fixture.path, erased: erased, purged: erased)
        #expect(
            report.findings.contains {
                $0.severity == .damage && $0.detail.contains("SHA256SUMS does not name it")
            }
        )
    }

    /// Where all of a group is erased its file may be there or not, named or not.
    @Test func fileOfAGroupThatIsErasedMayBeLeft() throws {
        let aside = try TemporaryDirectory()
        let log = try ErasureLog(256)
        log.waitForSeal(of: segment)
        try FileSystem.copyTree(log.paths.segment(segment), to: aside.path + "/segment")
        let erased = log.records { $0.index.value < 256 && $0.index.value % 3 == 1 }
        _ = try log.fixture.eraser.erase(erased, in: segment)
        log.fixture.store.close()
        let directory = log.paths.segment(segment)
        try expectSound(log.fixture.path, erased: erased, purged: erased)
        let now = try FileSystem.list(directory)
        let gone = try #require(
            try FileSystem.list(aside.path + "/segment").first { !now.contains($0) }
        )
        try FileSystem.copyFile("\(aside.path)/segment/\(gone)", to: "\(directory)/\(gone)")
        let report = try fsck(log.fixture.path, erased: erased)
        #expect(report.findings.map(\.severity) == [.note])
        // The next erasure removes it.
        try log.fixture.reopen()
        _ = try log.fixture.eraser.erase(erased, in: segment)
        #expect(try FileSystem.list(directory) == now)
    }

    @Test func filterMayKnowKeysOfErasedRecordsAndNoOthers() throws {
        let (log, erased) = try closedLog { $0 % 2 == 0 }
        // Keys of sealed records were erased after the seal.
        #expect(log.pieces.contains { erased.contains($0.index) && $0.index.value % 5 == 1 })
        try expectSound(log.fixture.path, erased: erased, purged: erased)
        let sealed = try SealedSegment(segment, paths: log.paths)
        let filter = try #require(try sealed.filter())
        var contents = SegmentContents()
        #expect(!contents.mayHave(filter))
        let reader = try sealed.log.beginRead()
        for value in UInt64(0)..<256 {
            let index = RecordIndex(value)
            let (frame, bytes) = try reader.record(at: index)
            contents.append(
                try Record.stored(bytes.span, at: index, in: ""),
                bytes: bytes.span,
                frame: frame,
                opening: nil,
                at: index
            )
        }
        #expect(contents.forgottenKeys > 0)
        #expect(contents.mayHave(filter))
        #expect(!contents.mayHave(nil))
        #expect(!contents.mayHave(KeyFilter(capacity: contents.keys.count)))
        #expect(!contents.mayHave(KeyFilter(capacity: 300)))
    }
}
