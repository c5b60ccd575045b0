import Cryptography
import EvidenceModel
import Platform
import Testing
import TransparencyLog

@testable import EvidenceStore

/// Payloads and openings that a copy gives back.
@Suite struct SegmentRepairTests {
    private let segment = SegmentNumber(0)

    /// A log with what a copy of its segment 0 would have; that is sealed, or goes on.
    private final class Bench {
        let log: ErasureLog
        let folder: String
        private(set) var copy: [RecordIndex: SuppliedPayload] = [:]

        init(large: Int = 0, isSealed: Bool = true) throws {
            log = try ErasureLog(isSealed ? 255 - large : 40, large: large)
            if isSealed {
                try log.append(20, payloadBytes: 600)
                log.waitForSeal(of: SegmentNumber(0))
            }
            folder = log.fixture.path + "/state"
            let store = log.fixture.store
            for piece in log.pieces {
                let path = "\(folder)/copy-\(piece.index)"
                let stored = try store.record(at: piece.index)
                var supply = SuppliedPayload(opening: stored.opening)
                if case .file(let id, _) = stored.frame.payload {
                    let bytes = try FileSystem.contents(
                        log.paths.payloadFile(id),
                        limitBytes: 1 << 30
                    )
                    try FileSystem.writeDurably(bytes.span, to: path, permissions: 0o600)
                    supply.content = .payloadFile(path: path)
                } else {
                    try FileSystem.writeDurably(piece.payload.span, to: path, permissions: 0o600)
                    supply.content = .bytes(path: path)
                }
                copy[piece.index] = supply
            }
        }

        var files: [String] {
            get throws {
                try FileSystem.list(log.paths.segment(SegmentNumber(0)))
                    .filter { $0.hasPrefix("payloads-") }.sorted()
                    .map { "\(log.paths.segment(SegmentNumber(0)))/\($0)" }
            }
        }

        func file(of index: RecordIndex) throws -> String {
            guard case .file(let id, _) = try log.fixture.store.record(at: index).frame.payload
            else { throw StoreError.notFound("\(index) has no file") }
            return log.paths.payloadFile(id)
        }

        func damage(_ path: String, at offset: UInt64) throws {
            try FileSystem.setPermissions(path, 0o600)
            let file = try File(path, .readWrite)
            let byte = try file.read(count: 1, at: offset)
            try file.write([byte[0] ^ 0xff].span, at: offset)
        }

        func survey() throws -> PayloadSurvey {
            try log.fixture.store.surveyPayloads(of: SegmentNumber(0))
        }

        /// What is damaged, from the copy.
        func repair(_ survey: PayloadSurvey) throws -> IndexRanges {
            let wanted = copy.filter { survey.damaged[$0.key] != nil }
            return try log.fixture.store.repairPayloads(survey, with: wanted)
        }

        /// The offset of a payload's bytes in a file, or of what `marker` stands before.
        func offset(
            of piece: ErasureLog.Piece,
            in path: String,
            marker: String = ErasureLog.payloadMarker
        ) throws -> UInt64? {
            let bytes = try FileSystem.contents(path, limitBytes: 1 << 30)
            return places(of: Array((marker + piece.token).utf8), in: bytes).first
                .map { UInt64($0) }
        }

        func expectSoundness(without erased: IndexRanges = .none) throws {
            let survey = try survey()
            #expect(survey.damaged.isEmpty && survey.files.isEmpty, "\(survey)")
            try log.expectStanding(without: erased)
            for path in copy.keys.map({ "\(folder)/copy-\($0)" }) {
                try FileSystem.unlinkIfPresent(path)
            }
            try log.fixture.reopen {
                let report = try fsck(log.fixture.path, erased: erased, purged: erased)
                #expect(report.findings == [])
            }
        }
    }

    @Test func whatIsSoundIsLeftAlone() throws {
        let bench = try Bench(large: 1)
        let before = try bench.files
        let survey = try bench.survey()
        #expect(survey.damaged.isEmpty && survey.files.isEmpty)
        #expect(survey.checkedPayloads == 255)
        #expect(try bench.repair(survey) == .none)
        #expect(try bench.files == before)
    }

    @Test func aLostFileIsWrittenAnew() throws {
        let bench = try Bench()
        let lost = try bench.files[1]
        try FileSystem.unlink(lost)
        let survey = try bench.survey()
        #expect(survey.damaged.count > 50)
        #expect(survey.files.map(\.name) == [FileSystem.name(of: lost)])
        let repaired = try bench.repair(survey)
        #expect(repaired.count == UInt64(survey.damaged.count))
        try bench.expectSoundness()
    }

    @Test func aFlippedPayloadComesBackAndTheOthersStay() throws {
        let bench = try Bench()
        let piece = bench.log.pieces[3]
        for path in try bench.files {
            guard let offset = try bench.offset(of: piece, in: path) else { continue }
            try bench.damage(path, at: offset)
        }
        let survey = try bench.survey()
        #expect(survey.damaged[piece.index] != nil)
        #expect(try bench.repair(survey).contains(piece.index))
        try bench.expectSoundness()
    }

    @Test func filesOfPayloadsComeBack() throws {
        let bench = try Bench(large: 4)
        let large = bench.log.pieces.filter { $0.payload.count > 1 << 20 }.map(\.index)
        #expect(large.count == 4)
        try FileSystem.unlink(try bench.file(of: large[0]))
        try bench.damage(try bench.file(of: large[1]), at: 1_000)
        let survey = try bench.survey()
        #expect(Set(survey.damaged.keys) == Set(large[..<2]))
        #expect(try bench.repair(survey) == IndexRanges(Array(large[..<2])))
        try bench.expectSoundness()
    }

    /// LMDB's pages are not changed under the sequencer: the file is written anew, and goes on.
    @Test func theActiveSegmentIsWrittenAnewWithWhatWasDamaged() throws {
        let bench = try Bench(isSealed: false)
        let path = bench.log.paths.active(segment)
        let hit = Array(bench.log.pieces.prefix(6))
        for piece in hit {
            let offset = try #require(try bench.offset(of: piece, in: path))
            try bench.damage(path, at: offset + 30)
        }
        let sealed = try #require(bench.log.pieces.dropFirst(6).first { $0.isSealed })
        let name = try bench.offset(of: sealed, in: path, marker: ErasureLog.nameMarker)
        try bench.damage(path, at: try #require(name) + 6)
        let all = Set((hit + [sealed]).map(\.index))
        let survey = try bench.survey()
        #expect(Set(survey.damaged.keys) == all && !survey.isSealed)
        // Nothing is supplied: nothing is written.
        #expect(try bench.log.fixture.store.repairPayloads(survey, with: [:]) == .none)
        let part = bench.copy.filter { $0.key == hit[0].index || $0.key == sealed.index }
        let repaired = try bench.log.fixture.store.repairPayloads(survey, with: part)
        #expect(repaired == IndexRanges([hit[0].index, sealed.index]))
        try bench.log.append(5, payloadBytes: 600)
        let rest = try bench.survey()
        #expect(Set(rest.damaged.keys) == all.subtracting([hit[0].index, sealed.index]))
        #expect(try bench.repair(rest) == IndexRanges(rest.damaged.keys.sorted()))
        try bench.log.append(5, payloadBytes: 600)
        try bench.expectSoundness()
    }

    /// What is put back must be compressed to the bytes that the record's frame has a checksum of.
    @Test func compressedPayloadsComeBack() throws {
        let log = try ErasureLog(4)
        let payload = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 / 900) }
        let submission = try log.fixture.submission(
            payload,
            name: "compressible",
            key: nil,
            labels: [],
            lock: .standard,
            isSealed: false
        )
        let index = try #require(try log.fixture.append([submission]).first).index
        let store = log.fixture.store
        let stored = try #require(try store.view.beginRead(segment).chunkBytes(of: index))
        #expect(stored.count < payload.count / 2)
        let path = log.paths.active(segment)
        let bytes = try FileSystem.contents(path, limitBytes: 1 << 30)
        let offset = try #require(places(of: Array(stored), in: bytes).first)
        let file = try File(path, .readWrite)
        try file.write([bytes[offset + 20] ^ 1].span, at: UInt64(offset + 20))
        let survey = try store.surveyPayloads(of: segment)
        #expect(Array(survey.damaged.keys) == [index])
        let copy = log.fixture.path + "/state/copy"
        try FileSystem.writeDurably(payload.span, to: copy, permissions: 0o600)
        let supply = SuppliedPayload(content: .bytes(path: copy))
        #expect(try store.repairPayloads(survey, with: [index: supply]) == IndexRanges(index))
        #expect(try Fixture.payload(index, of: store) == payload)
    }

    /// Other bytes than the record says are not taken, whatever is missing.
    @Test func nothingElseIsTakenOver() throws {
        let bench = try Bench(large: 1)
        let lost = try bench.files[0]
        try FileSystem.unlink(lost)
        let survey = try bench.survey()
        let pieces = bench.log.pieces.filter { survey.damaged[$0.index] != nil }
        var wrong = bench.copy.filter { survey.damaged[$0.key] != nil }
        let foreign = wrong[pieces[1].index]
        wrong[pieces[0].index]?.content = foreign?.content
        #expect(throws: StoreError.self) {
            try bench.log.fixture.store.repairPayloads(survey, with: wrong)
        }
        #expect(try bench.survey().damaged.count == survey.damaged.count)
        let isSealed = pieces.filter(\.isSealed).map(\.index)
        wrong = bench.copy.filter { survey.damaged[$0.key] != nil }
        let stranger = wrong[isSealed[1]]
        wrong[isSealed[0]]?.opening = stranger?.opening
        #expect(throws: StoreError.self) {
            try bench.log.fixture.store.repairPayloads(survey, with: wrong)
        }
        #expect(try bench.repair(survey).count == UInt64(survey.damaged.count))
        try bench.expectSoundness()
    }

    @Test func whatIsSuppliedInPartComesBackInPart() throws {
        let bench = try Bench()
        try FileSystem.unlink(try bench.files[2])
        let survey = try bench.survey()
        let half = survey.damaged.keys.sorted().prefix(20)
        let some = bench.copy.filter { half.contains($0.key) }
        let repaired = try bench.log.fixture.store.repairPayloads(survey, with: some)
        #expect(repaired == IndexRanges(Array(half)))
        let rest = try bench.survey()
        #expect(rest.damaged.count == survey.damaged.count - 20)
        #expect(try bench.repair(rest).count == UInt64(rest.damaged.count))
        try bench.expectSoundness()
    }

    /// What was erased since is not brought back.
    @Test func erasedPayloadsStayErased() throws {
        let fixture = try Fixture()
        let uploads = fixture.store.uploads
        let random = Random.bytes(count: 16)
        let parsed = UploadID(random.span)
        let id = try #require(parsed)
        let path = fixture.path + "/state/copy"
        try FileSystem.writeDurably([1, 2, 3].span, to: path, permissions: 0o600)
        #expect(try !uploads.restore(id, from: path) { true })
        #expect(try !FileSystem.exists(fixture.store.paths.payloadFile(id)))
        #expect(try uploads.restore(id, from: path) { false })
        #expect(try FileSystem.exists(fixture.store.paths.payloadFile(id)))
    }
}
