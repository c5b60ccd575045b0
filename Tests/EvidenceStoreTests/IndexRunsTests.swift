import Cryptography
import EvidenceModel
import Platform
import Testing
import TransparencyLog

@testable import EvidenceStore

@Suite struct IndexRunsTests {
    private let reference = SearchTests()

    /// A log of at least `count` records, a third of them sealed, of which some are erased.
    private func log(
        _ count: Int,
        _ random: inout SeededGenerator
    ) throws -> (Fixture, [StoredRecord]) {
        let fixture = try Fixture()
        while fixture.store.checkpoint.size.value < UInt64(count) {
            _ = try fixture.append(
                (0..<500).map { _ in try reference.submission(fixture, &random) }
            )
        }
        fixture.waitForRuns()
        return (fixture, try records(of: fixture))
    }

    private func records(of fixture: Fixture) throws -> [StoredRecord] {
        try (0..<fixture.store.checkpoint.size.value).map {
            try fixture.store.record(at: RecordIndex($0))
        }
    }

    private func places(_ fixture: Fixture) -> [RunPlace] { fixture.store.runs.places }

    private func runFiles(_ fixture: Fixture) throws -> [String] {
        try FileSystem.list(StorePaths(fixture.path).runs).sorted()
    }

    private func changeByte(of path: String, at place: Int) throws {
        var bytes = try FileSystem.contents(path, limitBytes: 1 << 28)
        bytes[place] ^= 0x10
        try FileSystem.unlink(path)
        try File(path, .create(permissions: 0o440)).write(bytes.span)
    }

    @Test func resultsAreThoseOfAScanWithRunsAndWithout() throws {
        var random = SeededGenerator("resultsAreThoseOfAScanWithRunsAndWithout")
        let (fixture, records) = try log(4_700, &random)
        #expect(places(fixture) == [RunPlace(level: 1, number: 0)])
        try reference.expectEqual(fixture, records, &random, rounds: 100)
        let built = fixture.store.metrics.indexRunsBuilt.value
        #expect(built == 1 && fixture.store.metrics.unindexedSegments.value < 16)
        // The run is taken over by the next start.
        try fixture.reopen()
        #expect(places(fixture) == [RunPlace(level: 1, number: 0)])
        #expect(fixture.store.metrics.indexRunsBuilt.value == 0)
        try reference.expectEqual(fixture, records, &random, rounds: 20)
        // Without the catalog: first without runs, then with those that were made anew.
        let file = StorePaths(fixture.path).runs + "/1-0000000000.run"
        let before = try FileSystem.contents(file, limitBytes: 1 << 28)
        try fixture.reopen { try FileSystem.removeTree(StorePaths(fixture.path).catalog) }
        try reference.expectEqual(fixture, records, &random, rounds: 15)
        fixture.waitForRuns()
        #expect(places(fixture) == [RunPlace(level: 1, number: 0)])
        #expect(try FileSystem.contents(file, limitBytes: 1 << 28) == before)
        try reference.expectEqual(fixture, records, &random, rounds: 15)
        fixture.store.close()
        let report = try fsck(fixture.path, erased: .none)
        #expect(report.findings.isEmpty && report.indexRuns == 1)
        try fixture.reopen()
    }

    @Test func pagesAreWholeWhileTheLogGrows() throws {
        var random = SeededGenerator("pagesAreWholeWhileTheLogGrows")
        let fixture = try Fixture()
        try fixture.fill(3_900, keyed: false)
        let size = fixture.store.checkpoint.size.value
        let expected = try records(of: fixture).reversed().filter {
            $0.description?.labels["parity"] == "even"
        }.map(\.index.value)
        var found: [UInt64] = []
        var query = SearchQuery()
        query.labels = [("parity", "even")]
        query.limit = 40
        query.before = RecordIndex(size)
        while true {
            let page = try fixture.store.search(query)
            found += page.entries.map(\.index.value)
            guard let next = page.next else { break }
            query.before = next
            // Seals and the first run come in between.
            try fixture.fill(Int.random(in: 1...60, using: &random))
            if found.count > 400 { fixture.waitForRuns() }
        }
        #expect(found == expected)
        #expect(places(fixture).count == 1)
    }

    @Test func erasedOpeningsStandInNoRun() throws {
        let log = try ErasureLog(4_400)
        let fixture = log.fixture
        fixture.waitForRuns()
        let erased = log.records { $0.index.value % 3 != 0 }
        // Of sealed records a run never had anything but the collection; keys are cut in its bytes,
        // so they are looked at one by one.
        let run = try IndexRun(
            RunPlace(level: 1, number: 0),
            in: log.paths.runs,
            cache: RunBlockCache(limitBytes: 1 << 20)
        )
        let sealed = Set(log.pieces.filter(\.isSealed).map(\.index.value))
        var scanner = RunScanner(run)
        var names = 0
        while try scanner.advance() {
            guard scanner.key[0] != RunKey.collectionTag else { continue }
            let key = scanner.key
            let offset = BigEndian.read(UInt32.self, from: key.span, at: key.count - 4)
            #expect(!sealed.contains(UInt64(try #require(offset))))
            if key[0] == RunKey.nameTag { names += 1 }
        }
        #expect(names == log.pieces.count { !$0.isSealed && $0.index.value < 4096 })
        for number in 0..<UInt64(16) {
            _ = try fixture.eraser.erase(erased, in: SegmentNumber(number))
        }
        for piece in log.pieces where piece.index.value < 4096 && piece.index.value % 7 < 2 {
            var query = SearchQuery()
            query.labels = [("owner", ErasureLog.labelMarker + piece.token)]
            let isThere = !piece.isSealed || !erased.contains(piece.index)
            let found = try fixture.store.search(query).entries.map(\.index)
            #expect(found == (isThere ? [piece.index] : []))
        }
        #expect(places(fixture).count == 1 && fixture.store.metrics.indexRunsDamaged.value == 0)
    }

    @Test func damageIsNoticedAndTheRunMadeAnew() throws {
        var random = SeededGenerator("damageIsNoticedAndTheRunMadeAnew")
        let (fixture, records) = try log(4_400, &random)
        let file = StorePaths(fixture.path).runs + "/1-0000000000.run"
        let before = try FileSystem.contents(file, limitBytes: 1 << 28)
        let ranks = try IndexRun(
            RunPlace(level: 1, number: 0),
            in: StorePaths(fixture.path).runs,
            cache: RunBlockCache(limitBytes: 1 << 20)
        ).footer.ranksOffset
        // Blocks of entries and of the tree, ranks, filter, footer.
        for place in [100, Int(ranks) - 30, Int(ranks) + 9, before.count - 3000] {
            try fixture.reopen {
                try changeByte(of: file, at: place)
                guard place == 100 else { return }
                let report = try fsck(fixture.path, erased: .none)
                #expect(report.findings.count { $0.path == file } == 1, "byte \(place)")
            }
            fixture.store.runs.setPaused(true)
            try reference.expectEqual(fixture, records, &random, rounds: 20)
            fixture.store.runs.setPaused(false)
            fixture.waitForRuns()
            // A byte that no search came by is not noticed, and changed nothing.
            let damaged = fixture.store.metrics.indexRunsDamaged.value
            if damaged == 0 { try fixture.reopen { try FileSystem.unlink(file) } }
            fixture.waitForRuns()
            #expect(try FileSystem.contents(file, limitBytes: 1 << 28) == before)
            try reference.expectEqual(fixture, records, &random, rounds: 5)
        }
    }

    @Test func aRunThatLiesIsNotBelieved() throws {
        let fixture = try Fixture()
        try fixture.fill(4_200)
        fixture.waitForRuns()
        let paths = StorePaths(fixture.path)
        let place = RunPlace(level: 1, number: 0)
        // Whole by its checks, but with labels that the records do not have.
        let subtree = try #require(fixture.store.view.upper.node(place.node))
        let term = RunKey.label(try CollectionName("tests"), "parity", "odd")
        try fixture.reopen {
            try FileSystem.unlink("\(paths.runs)/\(place.fileName)")
            let writer = try RunWriter(
                place,
                subtree: subtree,
                in: paths.runs,
                expectedTerms: 10
            ) {}
            for offset in UInt32(0)..<100 { try writer.append(RunKey.key(term, offset).span) }
            try writer.finish()
        }
        var query = SearchQuery()
        query.collection = try CollectionName("tests")
        query.labels = [("parity", "odd")]
        query.before = RecordIndex(90)
        let expected = try records(of: fixture).prefix(90).reversed().filter {
            $0.description?.labels["parity"] == "odd"
        }
        #expect(try fixture.store.search(query).entries.map(\.index) == expected.map(\.index))
        #expect(fixture.store.metrics.indexRunsDamaged.value == 1)
        fixture.waitForRuns()
        #expect(places(fixture) == [place])
        #expect(try fixture.store.search(query).entries.map(\.index) == expected.map(\.index))
    }

    @Test func whatDoesNotFitIsRemovedAtTheStart() throws {
        let other = try Fixture()
        try other.fill(4_200)
        other.waitForRuns()
        let foreign = try FileSystem.contents(
            StorePaths(other.path).runs + "/1-0000000000.run",
            limitBytes: 1 << 28
        )
        let fixture = try Fixture()
        try fixture.fill(4_200)
        fixture.waitForRuns()
        let runs = StorePaths(fixture.path).runs
        let own = try FileSystem.contents(runs + "/1-0000000000.run", limitBytes: 1 << 28)
        func put(_ bytes: [UInt8], _ name: String) throws {
            try FileSystem.unlinkIfPresent("\(runs)/\(name)")
            try File("\(runs)/\(name)", .create(permissions: 0o440)).write(bytes.span)
        }
        // A half-written one; one of another log beside others under wrong names.
        let cases: [[(bytes: [UInt8], name: String)]] = [
            [(Array(own.prefix(own.count / 2)), "1-0000000000.run")],
            [
                (foreign, "1-0000000000.run"), (own, "1-0000000001.run"), (own, "2-0000000000.run"),
                (own, "1-0000000000.run.tmp"), (own, "strange"),
            ],
        ]
        for files in cases {
            try fixture.reopen {
                for (bytes, name) in files { try put(bytes, name) }
            }
            fixture.waitForRuns()
            #expect(try runFiles(fixture) == ["1-0000000000.run"])
            #expect(
                try FileSystem.contents(runs + "/1-0000000000.run", limitBytes: 1 << 28) == own
            )
        }
    }
}
