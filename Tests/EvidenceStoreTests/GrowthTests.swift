import Cryptography
import EvidenceModel
import Platform
import Synchronization
import Testing
import TransparencyLog

@testable import EvidenceStore

/// Zeros are written ahead of LMDB in its own file: they must never meet its pages.
@Suite struct GrowthTests {
    private enum Shape: CaseIterable { case tiny, half, largest, payloads, openings, mixed }

    private func pending(
        _ index: UInt64,
        _ shape: Shape,
        using random: inout SeededGenerator
    ) throws -> PendingRecord {
        let shape = shape == .mixed ? Shape.allCases.randomElement(using: &random) ?? .tiny : shape
        let size =
            switch shape {
            case .tiny: 1
            // About the size above which LMDB gives a value pages of its own.
            case .half: Int.random(in: 1900...2100, using: &random)
            case .largest: 65_535
            default: 300
            }
        let record = [UInt8](repeating: UInt8(index % 251), count: size)
        var chunk: [UInt8]?
        if shape == .payloads {
            // Sizes around whole pages, and the largest.
            let pages = Int.random(in: 0...256, using: &random)
            chunk = [UInt8](
                repeating: UInt8(index % 250 + 1),
                count: max(0, min(1 << 20, pages * 4096 + Int.random(in: -17...17, using: &random)))
            )
        }
        var opening: SealedOpening?
        if shape == .openings {
            let description = EvidenceDescription(
                name: try EvidenceName(String(repeating: "n", count: 1024)),
                mediaType: .octetStream,
                labels: try Labels(
                    (0..<32).map { number in
                        (key: "k\(number)", value: String(repeating: "v", count: 200))
                    }
                ),
                payloadDigest: SHA256.hash(record.span),
                payloadSize: 1,
                idempotencyKey: nil,
                submitter: .anonymous,
                traceparent: nil
            )
            opening = SealedOpening(salt: Random.bytes(count: 32), evidence: description)
        }
        return PendingRecord(
            index: RecordIndex(index),
            frameBytes: RecordFrame.withoutPayload.encoded(record: record.span),
            chunk: chunk,
            opening: opening
        )
    }

    /// `commit` itself fails if LMDB went beyond what was reserved for it.
    @Test(arguments: [UInt8(8), 16])
    func adversarialBatchesKeepTheirBytes(_ height: UInt8) throws {
        var random = SeededGenerator("adversarialBatchesKeepTheirBytes")
        let directory = try TemporaryDirectory()
        let paths = StorePaths(directory.path)
        try FileSystem.makeDirectory(paths.segments)
        let geometry = try #require(SegmentGeometry(height: height))
        let segment = try UnsealedSegment(SegmentNumber(0), geometry: geometry, paths: paths)
        let isDone = Atomic<Bool>(false)
        let grower = Thread(name: "grower") {
            while !isDone.load(ordering: .relaxed) { segment.grow() }
        }
        var sums: [(record: UInt64, chunk: UInt64?)] = []
        for round in 0..<(height == 8 ? 60 : 30) {
            let shape = Shape.allCases[round % Shape.allCases.count]
            let many = height == 8 ? 4 : (shape == .tiny ? 4000 : 60)
            var batch: [PendingRecord] = []
            for _ in 0..<Int.random(in: 1...many, using: &random) {
                let next = try pending(UInt64(sums.count), shape, using: &random)
                batch.append(next)
                sums.append(
                    (
                        RecordFrame.shortChecksum(next.frameBytes.span),
                        next.chunk.map { RecordFrame.shortChecksum($0.span) }
                    )
                )
            }
            try segment.commit(batch, tiles: [], metrics: StoreMetrics())
        }
        isDone.store(true, ordering: .relaxed)
        grower.join()
        segment.close()
        // The whole structure is walked when it is opened; then every byte is compared.
        let again = try UnsealedSegment(SegmentNumber(0), geometry: geometry, paths: paths)
        let reader = try again.beginRead()
        #expect(try reader.recordCount() == UInt64(sums.count))
        for (index, sum) in sums.enumerated() {
            let (frame, bytes) = try reader.record(at: RecordIndex(UInt64(index)))
            #expect(RecordFrame.shortChecksum(frame.encoded(record: bytes.span).span) == sum.record)
            if let chunk = sum.chunk {
                try reader.checkChunk(of: RecordIndex(UInt64(index)), checksum: chunk)
            }
        }
    }

    @Test func growthThatFailsIsHarmless() throws {
        let growth = FileGrowth(path: "/nowhere/x", usedBytes: 0, sizeBytes: 0, stepBytes: 4096)
        #expect(growth.reserve(upTo: 100))
        #expect(throws: SystemError.self) { try growth.grow() }
        #expect(growth.reserve(upTo: 200))
    }

    /// A rewrite gives the name to another file.
    @Test func zerosGoIntoTheFileAndNotToItsName() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/file"
        _ = try File(path, .create(permissions: 0o600))
        let growth = FileGrowth(path: path, usedBytes: 0, sizeBytes: 0, stepBytes: 1 << 16)
        let other = try File(path + ".new", .create(permissions: 0o600))
        try FileSystem.rename(path + ".new", to: path)
        try growth.grow()
        #expect(try other.sizeBytes() == 0)
    }

    @Test func zerosStayAboveWhatIsReserved() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/file"
        let file = try File(path, .create(permissions: 0o600))
        let ones = [UInt8](repeating: 1, count: 10_000)
        try file.write(ones.span)
        let growth = FileGrowth(path: path, usedBytes: 5000, sizeBytes: 10_000, stepBytes: 1 << 16)
        #expect(growth.reserve(upTo: 20_000))
        try file.write(ones.span, at: 10_000)
        try growth.grow()
        #expect(try file.read(count: 20_000, at: 0) == ones + ones)
        #expect(try file.sizeBytes() >= 20_000 + (1 << 16))
        #expect(!growth.reserve(upTo: 20_000))
    }

    @Test func storeWithAdversarialBatchesIsClean() throws {
        var random = SeededGenerator("storeWithAdversarialBatchesIsClean")
        let fixture = try Fixture(height: 16)
        let long = (0..<32).map { number in
            (key: "k\(number)", value: String(repeating: "\"", count: 250))
        }
        for round in 0..<12 {
            var batch: [Submission] = []
            switch round % 3 {
            case 0:
                for _ in 0..<6 {
                    let size = Int.random(in: 900_000...1 << 20, using: &random)
                    batch.append(try fixture.submission(Random.bytes(count: size)))
                }
            case 1:
                for number in 0..<60 {
                    batch.append(
                        try fixture.submission(
                            [1],
                            name: String(repeating: "x", count: 1024),
                            labels: long,
                            isSealed: number % 2 == 0
                        )
                    )
                }
            default:
                let one = try fixture.submission([2])
                batch = [Submission](repeating: one, count: 3000)
            }
            _ = try fixture.append(batch)
        }
        try fixture.reopen {
            let findings = try fsck(fixture.path).findings
            #expect(findings == [])
        }
    }
}
