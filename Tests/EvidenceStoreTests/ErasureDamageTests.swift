import Cryptography
import EvidenceModel
import Platform
import Testing
import TransparencyLog

@testable import EvidenceStore

/// An erasure must neither hide damage nor cost evidence where it finds some.
@Suite struct ErasureDamageTests {
    private let segment = SegmentNumber(0)

    private func sealedLog() throws -> ErasureLog {
        let log = try ErasureLog(256)
        log.waitForSeal(of: segment)
        return log
    }

    private func flip(_ path: String, at place: Int, bit: UInt8 = 1) throws {
        var bytes = try FileSystem.contents(path, limitBytes: 1 << 30)
        bytes[place] ^= bit
        try FileSystem.setPermissions(path, 0o600)
        try FileSystem.writeDurably(bytes.span, to: path, permissions: 0o440)
    }

    private func file(_ log: ErasureLog, of piece: ErasureLog.Piece) throws -> String {
        let lock = try #require(try log.fixture.store.record(at: piece.index).record.lock)
        return log.paths.payloads(segment, PayloadGroup(lock))
    }

    @Test func damageOfAFileThatIsNotTouchedStaysNoticed() throws {
        let log = try sealedLog()
        // A byte that belongs to nothing: only the digest of the whole file tells.
        let path = try file(log, of: log.pieces[0])
        log.fixture.store.close()
        let bytes = try FileSystem.contents(path, limitBytes: 1 << 30)
        let gap = try #require(
            (4096 * 2..<bytes.count).first { place in
                bytes[place..<min(place + 64, bytes.count)].allSatisfy { $0 == 0 }
            }
        )
        try flip(path, at: gap + 32)
        #expect(try !fsck(log.fixture.path, erased: .none).isClean)
        try log.fixture.reopen()
        let erased = log.records { $0.index.value % 3 == 2 || $0.index.value == 3 }
        _ = try log.fixture.eraser.erase(erased, in: segment)
        log.fixture.store.close()
        let report = try fsck(log.fixture.path, erased: erased)
        #expect(report.findings.contains { $0.severity == .damage && $0.path == path })
        try log.fixture.reopen()
    }

    @Test func aListThatNamesAnotherFileCostsNothingAndIsNoticed() throws {
        let log = try sealedLog()
        let path = log.paths.digests(segment)
        let list = try FileSystem.contents(path)
        let names = Set(try #require(SegmentDigests(parsing: list)).digests.keys)
        // One bit away from another list that can be read, with another name in it.
        let lists = list.indices.flatMap { place in
            (0..<8).map { bit in
                var changed = list
                changed[place] ^= 1 << UInt8(bit)
                return changed
            }
        }.filter { changed in
            SegmentDigests(parsing: changed).map { Set($0.digests.keys) != names } ?? false
        }
        #expect(lists.count > 10)
        for changed in stride(from: 0, to: lists.count, by: max(1, lists.count / 4)).map({
            lists[$0]
        }) {
            log.fixture.store.close()
            try FileSystem.writeDurably(changed.span, to: path, permissions: 0o440)
            let report = try fsck(log.fixture.path, erased: .none)
            #expect(!report.isClean)
            #expect(report.findings.contains { "\($0)".contains(SegmentDigests.fileName) })
            try log.fixture.reopen()
            try log.expectStanding(without: .none)
        }
    }

    @Test func damagedNeighbourIsCarriedOverAndStaysNoticed() throws {
        let log = try sealedLog()
        // Of the same group; the second is sealed.
        for (victim, erased) in [(log.pieces[6], log.pieces[0]), (log.pieces[9], log.pieces[3])] {
            let path = try file(log, of: victim)
            log.fixture.store.close()
            let name = try #require(PayloadFileName(FileSystem.name(of: path)))
            let current = try SegmentDigests(of: segment, log.paths).files[name.group]
            let currentPath = log.paths.payloads(segment, try #require(current))
            let bytes = try FileSystem.contents(currentPath, limitBytes: 1 << 30)
            let place = try #require(places(of: victim.payload, in: bytes).first)
            try flip(currentPath, at: place + 300)
            try log.fixture.reopen()
            _ = try log.fixture.eraser.erase(IndexRanges(erased.index), in: segment)
            #expect(throws: StoreError.self) { try log.fixture.payload(victim.index) }
            log.fixture.store.close()
            let report = try fsck(log.fixture.path, erased: IndexRanges(erased.index))
            #expect(
                report.findings.contains { $0.detail.contains("record \(victim.index) ") },
                "\(report.findings)"
            )
            let left = try ErasureLog.tokens(in: log.fixture.path)
            #expect(!left.payloads.contains(erased.token))
            try log.fixture.reopen()
        }
    }

    /// Whatever the list of files says: an erasure never takes away what stands.
    @Test func damagedListCostsNoEvidence() throws {
        let log = try sealedLog()
        let erased = log.records { $0.index.value % 6 == 2 }
        _ = try log.fixture.eraser.erase(erased, in: segment)
        log.fixture.store.close()
        let path = log.paths.digests(segment)
        let bytes = try FileSystem.contents(path)
        let more = log.records { $0.index.value % 5 == 0 }.union(erased)
        let stages = try TemporaryDirectory()
        let root = StorePaths(stages.path + "/log")
        var random = SeededGenerator("damagedListCostsNoEvidence")
        let places = (0..<30).map { _ in Int.random(in: bytes.indices, using: &random) }
        // Digits of months and generations: they make the list name other files.
        let digits = bytes.indices.dropLast().filter { place in
            bytes[place + 1] == UInt8(ascii: "-") || bytes[place + 1] == UInt8(ascii: ".")
        }
        for (number, place) in (digits + [64, 66] + places).enumerated() {
            try FileSystem.removeTree(root.root)
            try FileSystem.makeDirectory(root.root)
            try FileSystem.makeDirectory(root.segments)
            try FileSystem.copyTree(log.paths.segment(segment), to: root.segment(segment))
            try flip(
                root.digests(segment),
                at: place,
                bit: number < digits.count ? 1 : 1 << UInt8.random(in: 0..<8, using: &random)
            )
            let eraser = SegmentEraser(
                paths: root,
                geometry: log.fixture.store.view.geometry,
                sealed: SealedSegmentCache(paths: root, limit: 4),
                uploads: UploadDirectory(root)
            )
            do throws(StoreError) {
                _ = try eraser.erase(more, in: segment)
            } catch {
                guard case .damaged = error else { throw error }
            }
            let left = try ErasureLog.tokens(in: root.root)
            for piece in log.pieces where !more.contains(piece.index) && piece.index.value < 256 {
                #expect(left.payloads.contains(piece.token), "flip at \(place)")
                #expect(left.names.contains(piece.token))
            }
        }
        try log.fixture.reopen()
    }

    /// A file that cannot be read keeps nothing else from being erased; it goes in its own time.
    @Test func fileThatCannotBeReadStopsNothingElse() throws {
        let log = try sealedLog()
        let path = try file(log, of: log.pieces[0])
        log.fixture.store.close()
        try FileSystem.setPermissions(path, 0o600)
        try File(path, .readWrite).truncate(toSizeBytes: 5000)
        try log.fixture.reopen()
        // Some of the damaged file, some of the next, all of the third.
        let inSegment = log.records { $0.index.value < 256 }
        let erased = IndexRanges(
            inSegment.indexes.filter { $0.value % 6 <= 2 || $0.value % 3 == 0 }
        )
        #expect {
            try log.fixture.eraser.erase(erased, in: segment)
        } throws: { error in
            if case .damaged(path, _)? = error as? StoreError { true } else { false }
        }
        let left = try ErasureLog.tokens(in: log.paths.segment(segment))
        let damaged = IndexRanges(inSegment.indexes.filter { $0.value % 3 == 1 })
        for piece in log.pieces where piece.index.value < 256 && !damaged.contains(piece.index) {
            #expect(left.payloads.contains(piece.token) == !erased.contains(piece.index))
        }
        let more = erased.union(damaged)
        _ = try log.fixture.eraser.erase(more, in: segment)
        try log.expectStanding(without: more)
        try log.expectTokens(without: more)
        try log.fixture.reopen {
            try expectSound(log.fixture.path, erased: more, purged: more)
        }
    }

    @Test func copyThatHasNoRoomIsNotBegun() throws {
        let log = try sealedLog()
        let paths = log.paths
        let eraser = SegmentEraser(
            paths: paths,
            geometry: log.fixture.store.view.geometry,
            sealed: log.fixture.store.view.sealed,
            uploads: log.fixture.store.uploads,
            reserve: try DiskReserve(path: paths.root, reserveBytes: 1 << 60)
        )
        let before = try FileSystem.list(paths.segment(segment))
        let some = log.records { $0.index.value == 8 }
        #expect {
            try eraser.erase(some, in: segment)
        } throws: { error in
            if case .storageFull? = error as? StoreError { true } else { false }
        }
        #expect(try FileSystem.list(paths.segment(segment)) == before)
        // What goes wholly needs no room.
        let group = log.records { $0.index.value < 256 && $0.index.value % 3 == 1 }
        _ = try eraser.erase(group, in: segment)
        try log.expectStanding(without: group)
    }

    @Test func listThatIsMissingIsNotMadeUp() throws {
        let log = try sealedLog()
        let path = log.paths.digests(segment)
        let bytes = try FileSystem.contents(path)
        try FileSystem.unlink(path)
        let erased = log.records { $0.index.value == 7 }
        #expect(throws: StoreError.self) { try log.fixture.eraser.erase(erased, in: segment) }
        #expect(try !FileSystem.exists(path))
        // Readers find the files without it.
        try log.fixture.reopen()
        try log.expectStanding(without: .none)
        try FileSystem.writeDurably(bytes.span, to: path, permissions: 0o440)
        _ = try log.fixture.eraser.erase(erased, in: segment)
        try log.expectStanding(without: erased)
    }

    @Test func onlyNamesThatTheSealOrAnErasureGivesAreRead() throws {
        let until = try #require(Timestamp(rfc3339: "2033-11-22T00:00:00.000Z"))
        let lock = try #require(Lock(mode: .compliance, until: until))
        let first = PayloadFileName(PayloadGroup(lock))
        #expect(first.text == "payloads-2033-11-C.mdb")
        #expect(first.next.text == "payloads-2033-11-C.2.mdb")
        for name in [first, first.next, first.next.next] {
            #expect(PayloadFileName(name.text) == name)
        }
        for text in [
            "payloads-2033-11-C.1.mdb", "payloads-2033-11-C.02.mdb", "payloads-2033-11-C.mdb.tmp",
            "payloads-2033-11-C.2", "payloads-2033-11-C.-2.mdb", "payloads-2033-11-C.2.3.mdb",
            "payloads-2033-11-X.mdb", "payloads-2033-11-C..mdb", "log.mdb", ".mdb", "",
        ] {
            #expect(PayloadFileName(text) == nil, "\(text)")
        }
    }

    /// Every form of the list but one is refused.
    @Test func listIsReadStrictly() throws {
        let log = try sealedLog()
        let bytes = try FileSystem.contents(log.paths.digests(segment))
        let list = try #require(SegmentDigests(parsing: bytes))
        #expect(list.files.count == 3)
        #expect(list.encoded == bytes)
        for place in bytes.indices {
            var changed = bytes
            changed[place] ^= 0x20
            if let read = SegmentDigests(parsing: changed) { #expect(read != list) }
            #expect(SegmentDigests(parsing: Array(bytes[..<place])) != list)
        }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map { String($0) }
        let second = lines[1].replacing("C.mdb", with: "C.2.mdb")
        let strange: [[String]] = [
            lines.reversed(), Array(lines.dropFirst()) + [""], [lines[0]] + lines,
            lines.filter { !$0.hasSuffix("log.mdb") }, lines + [second], [],
        ]
        for text in strange.map({ $0.map { $0 + "\n" }.joined() }) + [lines.joined(separator: "\n")]
        {
            #expect(SegmentDigests(parsing: Array(text.utf8)) == nil, "\(text)")
        }
    }
}
