import EvidenceModel
import EvidenceStore
import Platform
import StoreDouble
import Testing
import TransparencyLog

@testable import Replication

/// Both sides are compared; the damaged one is repaired from the other, never both.
@Suite struct ReconcileTests {
    /// A log of sealed segments with payload files, and its copy.
    private final class Bench {
        let fixture: CopyFixture
        let large: [RecordIndex]
        let all: [RecordIndex]

        init() throws {
            fixture = try CopyFixture()
            let short = LockRequest(retention: .duration(try RetentionDuration(3, .years)))
            var (all, large): ([RecordIndex], [RecordIndex]) = ([], [])
            for round in 0..<5 {
                all += try fixture.fill(100, bytes: 300, isSealed: round == 1)
                all += try fixture.fill(100, bytes: 300, lock: short, isSealed: round == 2)
                large += try fixture.fill(3, bytes: 1_100_000)
                _ = try fixture.settle()
            }
            self.large = large
            self.all = all + large
            let store = fixture.store
            _ = fixture.eventually { Bench.groupFiles(store).count >= 6 }
        }

        var bucket: MemoryBucket { fixture.bucket }

        func reconcile(repairing: Bool = true) throws -> ReconcileReport {
            try fixture.service.reconcile(fixture.name, repairing: repairing) { _ in }
        }

        /// The files of payloads of sealed segments.
        static func groupFiles(_ store: EvidenceStore) -> [String] {
            let root = store.paths.segments
            let folders = ((try? FileSystem.list(root)) ?? []).sorted()
            return folders.flatMap { folder in
                let names = (try? FileSystem.list("\(root)/\(folder)")) ?? []
                // Sealed is what has its list of files.
                guard names.contains("SHA256SUMS"), !names.contains("active.mdb") else {
                    return [String]()
                }
                return names.filter { $0.hasPrefix("payloads-") && $0.hasSuffix(".mdb") }.sorted()
                    .map { "\(root)/\(folder)/\($0)" }
            }
        }

        func payloadFile(_ index: RecordIndex) throws -> String {
            try fixture.store.payloadFile(of: index).path
        }

        func flip(_ path: String, at offset: UInt64) throws {
            try FileSystem.setPermissions(path, 0o600)
            let file = try File(path, .readWrite)
            let byte = try file.read(count: 1, at: offset)
            try file.write([byte[0] ^ 0x20].span, at: offset)
        }

        /// Both sides have everything, and say so.
        func expectSoundness() throws {
            let report = try reconcile(repairing: false)
            #expect(report.findings.isEmpty, "\(report.findings)")
            #expect(report.checkedPayloads == UInt64(all.count))
            for index in all {
                let reader = try fixture.store.payload(at: index)
                var offset: UInt64 = 0
                while offset < reader.sizeBytes {
                    offset += UInt64(try reader.read(at: offset, limit: 1 << 20).count)
                }
            }
            for version in bucket.versions() where version.name.key != ObjectLayout.checkpoint {
                #expect(!version.isDeleteMarker)
                #expect(version.lock != nil, "\(version.name)")
            }
        }
    }

    @Test func equalSidesHaveNoFindings() throws {
        let bench = try Bench()
        try bench.expectSoundness()
        let progress = Mutex<[Double]>([])
        _ = try bench.fixture.service.reconcile(bench.fixture.name, repairing: true) { share in
            progress.withLock { $0.append(share) }
        }
        let shares = progress.withLock { $0 }
        #expect(shares == shares.sorted() && shares.last == 1)
    }

    @Test func twentyDamagesOfTheTargetAreRepaired() throws {
        let bench = try Bench()
        var random = SystemRandomNumberGenerator()
        let names = bench.bucket.versions().map(\.name)
            .filter { $0.key != ObjectLayout.checkpoint }.shuffled(using: &random).prefix(20)
        #expect(names.count == 20)
        for (number, name) in names.enumerated() {
            switch number % 4 {
            case 0: bench.bucket.vanish(name)
            case 1: bench.bucket.overwrite(name.key, with: [1, 2, 3])
            case 2: bench.bucket.mark(name.key)
            default:
                bench.bucket.vanish(name)
                bench.bucket.overwrite(name.key, with: [1, 2, 3])
            }
        }
        let before = try bench.reconcile(repairing: false)
        #expect(Set(before.findings.map(\.what)) == Set(names.map(\.key.text)))
        #expect(before.findings.allSatisfy { $0.side == .target && !$0.isRepaired })
        let report = try bench.reconcile()
        #expect(report.findings.count == 20)
        #expect(report.findings.allSatisfy { $0.isRepaired }, "\(report.findings)")
        try bench.expectSoundness()
        // The next start takes it from the ledger.
        try bench.fixture.reopen()
        try bench.expectSoundness()
    }

    @Test func twentyDamagesOfTheLogAreRepaired() throws {
        let bench = try Bench()
        let files = Bench.groupFiles(bench.fixture.store)
        var random = SystemRandomNumberGenerator()
        var damages = 0
        for (number, index) in bench.large.enumerated() {
            let path = try bench.payloadFile(index)
            if number % 2 == 0 {
                try FileSystem.unlink(path)
            } else {
                try bench.flip(path, at: UInt64.random(in: 0..<1_000_000, using: &random))
            }
            damages += 1
        }
        for (number, path) in files.enumerated() {
            if number % 2 == 0 {
                try FileSystem.unlink(path)
            } else {
                // Beyond the pages that LMDB begins with.
                let size = try #require(try FileSystem.information(path)).sizeBytes
                try bench.flip(path, at: UInt64.random(in: 16_384..<size, using: &random))
            }
            damages += 1
        }
        #expect(damages >= 20)
        let before = try bench.reconcile(repairing: false)
        #expect(before.findings.count >= damages)
        #expect(before.findings.allSatisfy { $0.side == .local && !$0.isRepaired })
        let report = try bench.reconcile()
        #expect(report.findings.allSatisfy { $0.isRepaired && $0.side == .local })
        #expect(report.findings.count >= damages)
        try bench.expectSoundness()
    }

    /// What is damaged here and there is told, and neither side is touched.
    @Test func damageOfBothSidesIsReportedAndNothingIsOverwritten() throws {
        let bench = try Bench()
        let index = bench.large[0]
        let path = try bench.payloadFile(index)
        try bench.flip(path, at: 1_000)
        let key = ObjectLayout.payload(bench.fixture.collection, index)
        let object = try #require(bench.bucket.versions(below: key.text).first?.name)
        bench.bucket.vanish(object)
        // And one that only one side has lost.
        try FileSystem.unlink(try bench.payloadFile(bench.large[1]))
        let bytes = try FileSystem.contents(path, limitBytes: 1 << 30)
        let versions = bench.bucket.versions()
        let report = try bench.reconcile()
        let both = report.findings.filter { $0.side == .both }
        #expect(Set(both.map(\.what)) == ["record \(index)", key.text])
        #expect(both.allSatisfy { !$0.isRepaired })
        let others = report.findings.filter { $0.side != .both }
        #expect(others.map(\.what) == ["record \(bench.large[1])"])
        #expect(others.allSatisfy { $0.isRepaired })
        #expect(try FileSystem.contents(path, limitBytes: 1 << 30) == bytes)
        #expect(bench.bucket.versions() == versions)
    }

    /// What the disk and all objects have lost: nothing is written in its place.
    @Test func smallPayloadsLostOnBothSidesAreLeftAlone() throws {
        let bench = try Bench()
        let file = try #require(Bench.groupFiles(bench.fixture.store).first)
        let size = try #require(try FileSystem.information(file)).sizeBytes
        for offset in stride(from: UInt64(16_384), to: size, by: 97) {
            try bench.flip(file, at: offset)
        }
        let bytes = try FileSystem.contents(file, limitBytes: 1 << 30)
        for prefix in ["packs/", "journal/"] {
            for version in bench.bucket.versions(below: prefix) {
                bench.bucket.vanish(version.name)
            }
        }
        for isRepairing in [false, true, true] {
            let report = try bench.reconcile(repairing: isRepairing)
            let lost = report.findings.filter { $0.side == .both && $0.what.hasPrefix("record ") }
            #expect(lost.count > 50 && lost.allSatisfy { !$0.isRepaired })
            #expect(try FileSystem.contents(file, limitBytes: 1 << 30) == bytes)
            let names = Set(lost.map(\.what))
            for prefix in ["packs/", "journal/"] {
                for version in bench.bucket.versions(below: prefix) {
                    let records = try bench.fixture.contents(version.name).records.keys
                    #expect(records.allSatisfy { !names.contains("record \($0)") })
                }
            }
        }
    }

    /// A lock or hold that somebody took off is put back.
    @Test func weakLocksAreMadeStrong() throws {
        let bench = try Bench()
        let pack = try #require(bench.bucket.versions(below: "packs/").first)
        bench.bucket.setLock(nil, of: pack.name)
        let report = try bench.reconcile()
        #expect(report.findings.map(\.what) == [pack.name.key.text])
        #expect(report.findings.allSatisfy { $0.side == .target && $0.isRepaired })
        #expect(bench.bucket.versions(below: "packs/").first?.lock == pack.lock)
        try bench.expectSoundness()
    }

    /// A store takes no lock that has ended, and an object without one is no copy.
    @Test func aPackWhoseLockIsOverIsLockedShortly() throws {
        let fixture = try CopyFixture()
        let short = LockRequest(retention: .duration(try RetentionDuration(60, .seconds)))
        let indexes = try fixture.fill(10, lock: short)
        _ = try fixture.settle()
        fixture.advance(seconds: 3_600)
        let pack = try #require(fixture.bucket.versions(below: "packs/").first)
        fixture.bucket.vanish(pack.name)
        let report = try fixture.service.reconcile(fixture.name, repairing: true) { _ in }
        #expect(report.findings.map(\.what) == [pack.name.key.text])
        #expect(report.findings.allSatisfy { $0.isRepaired }, "\(report.findings)")
        let anew = try #require(fixture.bucket.versions(below: "packs/").first)
        #expect(anew.name.key == pack.name.key && anew.bytes == pack.bytes)
        let now = fixture.store.clock.reading.granting
        #expect(try #require(anew.lock).until > now)
        #expect(anew.lock?.mode == pack.lock?.mode)
        // And it is purged as any other.
        fixture.advance(seconds: 3_600)
        let facts = try indexes.map { try fixture.store.facts(of: $0) }
        _ = try fixture.store.propose(.erase(facts), by: .system, reason: nil)
        #expect(fixture.eventually { fixture.bucket.versions(below: "packs/").isEmpty })
    }

    /// The register is no object of the ledger, and has no lock.
    @Test func aRegisterThatIsGoneIsWrittenAnew() throws {
        let fixture = try CopyFixture()
        try fixture.fill(3)
        _ = try fixture.settle()
        let note = fixture.bucket.bytes(of: ObjectLayout.checkpoint)
        fixture.bucket.mark(ObjectLayout.checkpoint)
        let found = try fixture.service.reconcile(fixture.name, repairing: false) { _ in }
        #expect(found.findings.map(\.what) == ["log/checkpoint"])
        #expect(fixture.bucket.bytes(of: ObjectLayout.checkpoint) == nil)
        let report = try fixture.service.reconcile(fixture.name, repairing: true) { _ in }
        #expect(report.findings.map(\.isRepaired) == [true], "\(report.findings)")
        #expect(fixture.bucket.bytes(of: ObjectLayout.checkpoint) == note)
    }

    /// What another node with the same key has left is told, and is neither taken over nor removed.
    @Test func journalObjectsOfAnotherNodeAreStrays() throws {
        let fixture = try CopyFixture()
        let indexes = try fixture.fill(8)
        _ = try fixture.settle()
        let (first, last) = (indexes[2], indexes[4])
        let note = try fixture.store.signedCheckpoint(at: TreeSize(last.value + 1)).note
        func journal(_ first: RecordIndex, other: RecordIndex?, origin: String) throws -> [UInt8] {
            let range = (first.value...last.value).map { RecordIndex($0) }
            let entries = range.map { PackEntry(index: $0, content: .none) }
            let now = fixture.store.clock.reading.granting
            let writer = try PackWriter(
                .journal(origin: origin, first: first, entries),
                indexTime: now,
                to: .memory
            )
            for index in range {
                var bytes = try fixture.store.recordBytes(at: index)
                if index == other { bytes[bytes.count - 3] ^= 1 }
                try writer.append(index: index, record: bytes.span, received: now, opening: nil)
            }
            try writer.checkpoint(note)
            return try writer.finish().bytes
        }
        let origin = fixture.store.description.origin
        let key = ObjectLayout.journal(first: first, count: 3)
        let version = fixture.bucket.overwrite(
            key,
            with: try journal(first, other: indexes[3], origin: origin)
        )
        let own = ObjectLayout.journal(first: indexes[3], count: 2)
        fixture.bucket.overwrite(own, with: try journal(indexes[3], other: nil, origin: origin))
        let foreign = ObjectLayout.journal(first: indexes[4], count: 1)
        fixture.bucket.overwrite(foreign, with: try journal(indexes[4], other: nil, origin: "x/y"))
        fixture.bucket.overwrite(try #require(ObjectKey("journal/junk")), with: [1, 2, 3])
        let before = fixture.bucket.versions().filter { $0.name.key != ObjectLayout.checkpoint }
        let report = try fixture.service.reconcile(fixture.name, repairing: true) { _ in }
        #expect(report.findings.isEmpty, "\(report.findings)")
        let said = Dictionary(uniqueKeysWithValues: report.strays.map { ($0.what, $0.problem) })
        #expect(said.count == 4)
        let other = try #require(said[key.text])
        #expect(other.contains("another node") && other.contains("record \(indexes[3])"))
        #expect(report.strays.contains { $0.what == key.text && $0.version == version.text })
        #expect(said[own.text]?.contains("those of this log") == true)
        #expect(said[foreign.text]?.contains("x/y") == true)
        #expect(said["journal/junk"] != nil)
        let after = fixture.bucket.versions().filter { $0.name.key != ObjectLayout.checkpoint }
        #expect(after == before)
    }

    /// A node that lost the race has nothing that the copy should be repaired from.
    @Test func whoIsFencedRepairsNothing() throws {
        let fixture = try CopyFixture()
        try fixture.fill(3)
        _ = try fixture.settle()
        let pack = try #require(fixture.bucket.versions(below: "packs/").first)
        fixture.bucket.vanish(pack.name)
        try fixture.service.replicator(fixture.name).update { $0.health = .fenced("another node") }
        let found = try fixture.service.reconcile(fixture.name, repairing: false) { _ in }
        #expect(found.findings.map(\.what) == [pack.name.key.text])
        #expect {
            _ = try fixture.service.reconcile(fixture.name, repairing: true) { _ in }
        } throws: { error in
            "\(error)".contains("another node") && "\(error)".contains("target-fenced.md")
        }
        #expect(fixture.bucket.versions(below: "packs/").isEmpty)
    }

    /// A comparison may take hours; neither a stop nor a second one waits for it.
    @Test func aComparisonEndsWhenTheServiceStops() throws {
        let fixture = try CopyFixture()
        try fixture.fill(3)
        _ = try fixture.settle()
        let (begun, outcome) = (Switch(), Mutex<String?>(nil))
        let (service, name) = (fixture.service, fixture.name)
        let gate = Switch()
        let thread = Thread(name: "comparison") {
            do {
                _ = try service.reconcile(name, repairing: false) { _ in
                    begun.isOn = true
                    while !gate.isOn { Clock.sleep(milliseconds: 1) }
                }
                outcome.withLock { $0 = "done" }
            } catch {
                outcome.withLock { $0 = "\(error)" }
            }
        }
        #expect(fixture.eventually { begun.isOn })
        #expect(throws: TargetError.self) {
            _ = try service.reconcile(name, repairing: false) { _ in }
        }
        #expect(throws: TargetError.self) {
            _ = try service.remove(name, by: try CopyFixture.boss(), reason: try Reason("r"))
        }
        let stopper = Thread(name: "stopper") { service.stop() }
        #expect(fixture.eventually { service.isStopping })
        gate.isOn = true
        stopper.join()
        thread.join()
        #expect(outcome.withLock { $0 }?.contains("stopping") == true)
        try fixture.reopen()
        let report = try fixture.service.reconcile(name, repairing: false) { _ in }
        #expect(report.findings.isEmpty, "\(report.findings)")
    }

    /// What was erased is not brought back to either side.
    @Test func erasedPayloadsStayErased() throws {
        let fixture = try CopyFixture()
        let short = LockRequest(retention: .duration(try RetentionDuration(60, .seconds)))
        let indexes = try fixture.fill(40, lock: short)
        _ = try fixture.settle()
        fixture.advance(seconds: 3_600)
        let facts = try indexes.prefix(30).map { try fixture.store.facts(of: $0) }
        _ = try fixture.store.propose(.erase(facts), by: .system, reason: nil)
        let pack = try #require(fixture.bucket.versions(below: "packs/").first?.name)
        #expect(
            fixture.eventually {
                !fixture.bucket.versions(below: "packs/").contains { $0.name == pack }
            }
        )
        for version in fixture.bucket.versions(below: "packs/") {
            fixture.bucket.vanish(version.name)
        }
        let report = try fixture.service.reconcile(fixture.name, repairing: true) { _ in }
        #expect(report.findings.allSatisfy { $0.isRepaired }, "\(report.findings)")
        for version in fixture.bucket.versions(below: "packs/") {
            let contents = try fixture.contents(version.name)
            #expect(contents.payloads.keys.allSatisfy { !indexes.prefix(30).contains($0) })
        }
        for index in indexes.prefix(30) {
            #expect(throws: StoreError.self) { try fixture.store.payload(at: index) }
        }
    }
}
