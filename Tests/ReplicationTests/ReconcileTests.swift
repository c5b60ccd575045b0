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
