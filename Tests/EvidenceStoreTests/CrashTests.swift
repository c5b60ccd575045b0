import EvidenceModel
import Platform
import Testing
import TransparencyLog

@testable import EvidenceStore

/// What a crash leaves on disk, put together from copies of a log at chosen points.
@Suite struct CrashTests {
    /// A log whose segment 0 is full, before and after its seal.
    private final class Stages {
        let fixture: Fixture
        private let directory: TemporaryDirectory
        var open: StorePaths { StorePaths(directory.path + "/open") }
        var sealed: StorePaths { StorePaths(directory.path + "/sealed") }
        var work: StorePaths { StorePaths(directory.path + "/work") }
        let size: TreeSize
        let note: String
        let large: RecordIndex
        let largePayload = Random.bytes(count: 1_300_000)
        let segment = SegmentNumber(0)

        init() throws {
            directory = try TemporaryDirectory()
            fixture = try Fixture()
            large = try fixture.append(fixture.submission(largePayload, key: "large"))
            try fixture.fill(244, keyed: true)
            for number in 0..<10 {
                _ = try fixture.append(
                    fixture.submission([UInt8(number)], key: "s\(number)", isSealed: true)
                )
            }
            size = fixture.store.checkpoint.size
            note = fixture.store.checkpoint.note
            fixture.store.close()
            try FileSystem.copyTree(fixture.path, to: open.root)
            try fixture.reopen()
            fixture.waitForSeals()
            fixture.store.close()
            try FileSystem.copyTree(fixture.path, to: sealed.root)
        }

        /// Begins with a copy of a stage, changes it, and expects the log whole and clean.
        func expectWhole(from stage: StorePaths, _ change: (StorePaths) throws -> Void) throws {
            try FileSystem.removeTree(work.root)
            try FileSystem.copyTree(stage.root, to: work.root)
            try change(work)
            let store = try EvidenceStore(path: work.root, keys: SigningKeys(fixture.signer)) {
                error in
                Issue.record("the log stopped: \(error)")
            }
            #expect(store.checkpoint.size == size)
            #expect(store.checkpoint.note == note)
            for value in 1..<size.value {
                _ = try store.receipt(for: RecordIndex(value))
                #expect(try store.payload(at: RecordIndex(value)).sizeBytes > 0)
            }
            #expect(try Fixture.payload(large, of: store) == largePayload)
            while store.unsealedSegmentCount > 1 { Clock.sleep(milliseconds: 2) }
            for value in 1..<size.value { _ = try store.receipt(for: RecordIndex(value)) }
            #expect(try Fixture.payload(large, of: store) == largePayload)
            store.close()
            #expect(try fsck(work.root).findings == [])
            let names = try FileSystem.list(work.segment(segment))
            #expect(names.allSatisfy { !$0.contains(".tmp") && !$0.contains("active") }, "\(names)")
            #expect(try FileSystem.list(work.incoming) == [])
        }

        func sealedFiles() throws -> [String] { try FileSystem.list(sealed.segment(segment)) }

        func copy(_ name: String, to paths: StorePaths, as new: String? = nil) throws {
            try FileSystem.copyFile(
                "\(sealed.segment(segment))/\(name)",
                to: "\(paths.segment(segment))/\(new ?? name)"
            )
        }
    }

    @Test func everyPointOfASealIsMadeGood() throws {
        let stages = try Stages()
        let files = try stages.sealedFiles()
        #expect(files.count == 3)
        try stages.expectWhole(from: stages.open) { _ in }
        try stages.expectWhole(from: stages.sealed) { _ in }
        // Temporary files, whole, cut and strange.
        try stages.expectWhole(from: stages.open) { work in
            for name in files { try stages.copy(name, to: work, as: name + ".tmp") }
            let directory = work.segment(stages.segment)
            for name in ["log.mdb.tmp-lock", "x.tmp"] {
                _ = try File("\(directory)/\(name)", .create(permissions: 0o600))
            }
            let log = try File("\(directory)/log.mdb.tmp", .readWrite)
            try log.truncate(toSizeBytes: 5000)
        }
        // Some of the final names are there, but not that which makes the seal.
        try stages.expectWhole(from: stages.open) { work in
            for name in files where name != "log.mdb" { try stages.copy(name, to: work) }
            try stages.copy("log.mdb", to: work, as: "log.mdb.tmp")
        }
        // The seal is made, the open form still there.
        try stages.expectWhole(from: stages.open) { work in
            for name in files { try stages.copy(name, to: work) }
            try FileSystem.removeTree(work.incoming)
            try FileSystem.copyTree(stages.sealed.payloads, to: work.payloads)
            try FileSystem.makeDirectoryIfAbsent(work.incoming)
        }
    }

    @Test func everyStateOfTheNextSegmentIsMadeGood() throws {
        let stages = try Stages()
        let next = stages.segment.next
        func without(_ stage: StorePaths, _ change: (StorePaths) throws -> Void) throws {
            try stages.expectWhole(from: stage) { work in
                try FileSystem.removeTree(work.segment(next))
                try FileSystem.removeTree(work.segment(next.next))
                try change(work)
            }
        }
        for stage in [stages.open, stages.sealed] {
            try without(stage) { _ in }
            try without(stage) { work in try FileSystem.makeDirectory(work.segment(next)) }
            try without(stage) { work in
                try FileSystem.makeDirectory(work.segment(next))
                _ = try File(work.active(next), .create(permissions: 0o600))
            }
        }
        try stages.expectWhole(from: stages.sealed) { work in
            try FileSystem.makeDirectoryIfAbsent(work.segment(next.next))
        }
    }

    @Test func everyStateOfTheCatalogIsMadeGood() throws {
        let stages = try Stages()
        try stages.expectWhole(from: stages.sealed) { work in
            try FileSystem.removeTree(work.catalog)
        }
        // Behind: as the seal's crash leaves it. Ahead: as of a log that was longer.
        try stages.expectWhole(from: stages.sealed) { work in
            try FileSystem.copyFile(stages.open.catalogFile, to: work.catalogFile)
        }
        try stages.expectWhole(from: stages.open) { work in
            try FileSystem.copyFile(stages.sealed.catalogFile, to: work.catalogFile)
        }
        for garbage in [[], Array("garbage".utf8), Random.bytes(count: 20_000)] {
            try stages.expectWhole(from: stages.sealed) { work in
                try FileSystem.unlink(work.catalogFile)
                let file = try File(work.catalogFile, .create(permissions: 0o600))
                try file.write(garbage.span)
            }
        }
    }

    @Test func changedCatalogIsMadeAnew() throws {
        let stages = try Stages()
        // The number that the next record of the collection is counted from.
        try stages.expectWhole(from: stages.sealed) { work in
            var bytes = try FileSystem.contents(work.catalogFile, limitBytes: 1 << 30)
            let needle = Array("\"lastSequence\":".utf8)
            let found = places(of: needle, in: bytes)
            #expect(!found.isEmpty)
            for place in found { bytes[place + needle.count] ^= 1 }
            try FileSystem.writeDurably(bytes.span, to: work.catalogFile, permissions: 0o600)
        }
    }

    @Test func stateMayBeLost() throws {
        let stages = try Stages()
        try stages.expectWhole(from: stages.sealed) { work in
            try FileSystem.removeTree(work.state)
        }
        try stages.expectWhole(from: stages.open) { work in
            try FileSystem.unlink(work.stateFile)
        }
    }

    /// A log that was set back does not start, and keeps what its newer copy would need.
    @Test func logThatWasSetBackIsRefusedAndLeftAsItIs() throws {
        let fixture = try Fixture()
        try fixture.fill(10)
        fixture.store.close()
        let paths = StorePaths(fixture.path)
        let active = paths.active(SegmentNumber(0))
        let older = try FileSystem.contents(active, limitBytes: 1 << 30)
        try fixture.reopen()
        let payload = Random.bytes(count: 1_200_000)
        let index = try fixture.append(fixture.submission(payload))
        fixture.store.close()
        let newer = try FileSystem.contents(active, limitBytes: 1 << 30)
        let uploads = try FileSystem.list(paths.incoming)
        #expect(uploads.count == 1)
        try FileSystem.writeDurably(older.span, to: active, permissions: 0o600)
        for _ in 0..<2 {
            do throws(StoreError) {
                _ = try EvidenceStore(path: fixture.path, keys: SigningKeys(fixture.signer)) { _ in
                }
                Issue.record("a log that was set back is opened")
            } catch {
                guard case .damaged = error else { throw error }
            }
        }
        #expect(try !fsck(fixture.path).isClean)
        #expect(try FileSystem.list(paths.incoming) == uploads)
        try FileSystem.writeDurably(newer.span, to: active, permissions: 0o600)
        try fixture.reopen()
        #expect(try fixture.payload(index) == payload)
    }

    @Test func missingSegmentIsNamed() throws {
        let fixture = try Fixture()
        try fixture.fill(700)
        fixture.waitForSeals()
        fixture.store.close()
        let paths = StorePaths(fixture.path)
        let log = paths.log(SegmentNumber(1))
        for path in [log, paths.segment(SegmentNumber(1))] {
            let aside = fixture.path + "/aside"
            try FileSystem.rename(path, to: aside)
            do throws(StoreError) {
                _ = try EvidenceStore(path: fixture.path, keys: SigningKeys(fixture.signer)) { _ in
                }
                Issue.record("a log without a segment is opened")
            } catch {
                guard case .damaged(let named, _) = error else { throw error }
                #expect(named.contains("0000000001"))
            }
            #expect(try fsck(fixture.path).findings.contains { $0.path.contains("0000000001") })
            try FileSystem.rename(aside, to: path)
        }
        try fixture.reopen()
    }

    @Test func missingMonthFileIsAFinding() throws {
        let fixture = try Fixture()
        try fixture.fill(300)
        fixture.waitForSeals()
        fixture.store.close()
        let directory = StorePaths(fixture.path).segment(SegmentNumber(0))
        let name = try #require(
            try FileSystem.list(directory).first { PayloadGroup(fileName: $0) != nil }
        )
        try FileSystem.unlink("\(directory)/\(name)")
        let report = try fsck(fixture.path)
        #expect(report.findings.contains { $0.path.hasSuffix(name) })
        #expect(report.records == 302)
        try fixture.reopen()
        do throws(StoreError) {
            _ = try fixture.store.payload(at: RecordIndex(5))
            Issue.record("a payload without its file is served")
        } catch {
            guard case .damaged = error else { throw error }
        }
        _ = try fixture.store.receipt(for: RecordIndex(5))
    }
}
