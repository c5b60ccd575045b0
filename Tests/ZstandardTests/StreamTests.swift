import Testing

@testable import Zstandard

private func sample(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: ($0 / 7 &* 31) ^ ($0 >> 5)) }
}

private func compressed(_ bytes: [UInt8], pieceSize: Int) throws -> [UInt8] {
    let stream = ZstdCompressionStream(checksum: true)
    var output: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: pieceSize) {
        let piece = Array(bytes[start..<min(bytes.count, start + pieceSize)])
        try stream.append(piece.span, to: &output)
    }
    try stream.finish(to: &output)
    return output
}

/// Feeds pieces of `inputSize` bytes, and takes out at most `limit` at a time.
private func decompressed(
    _ frame: [UInt8],
    inputSize: Int = 1_000,
    limit: Int = 500,
    windowLog: Int32 = 23
) throws(ZstdError) -> (bytes: [UInt8], taken: Int, isFinished: Bool) {
    let stream = ZstdDecompressionStream(maximumWindowLog: windowLog)
    var output: [UInt8] = []
    var position = 0
    while !stream.isFinished {
        let piece = Array(frame[position..<min(frame.count, position + inputSize)])
        let before = output.count
        let taken = try stream.decompress(piece.span, limitBytes: limit, to: &output)
        #expect(output.count - before <= limit)
        position += taken
        if taken == 0 && output.count == before { break }
    }
    return (output, position, stream.isFinished)
}

@Suite struct StreamTests {
    @Test(arguments: [1, 511, 70_000, 400_000]) func roundTrips(count: Int) throws {
        let bytes = sample(count)
        let frame = try compressed(bytes, pieceSize: 4_096)
        for (inputSize, limit) in [(1, 1 << 20), (1_000, 77), (1 << 20, 1 << 20)] {
            let result = try decompressed(frame, inputSize: inputSize, limit: limit)
            #expect(result.bytes == bytes)
            #expect(result.taken == frame.count && result.isFinished)
        }
    }

    @Test func piecesDoNotChangeTheFrame() throws {
        let bytes = sample(500_000)
        let frame = try compressed(bytes, pieceSize: bytes.count)
        for pieceSize in [1_000, 131_072, 300_001] {
            #expect(try compressed(bytes, pieceSize: pieceSize) == frame)
        }
    }

    @Test func aStreamMakesOneFrameAfterTheOther() throws {
        let stream = ZstdCompressionStream(checksum: true)
        for count in [10, 200_000, 10] {
            var output: [UInt8] = []
            let bytes = sample(count)
            try stream.append(bytes.span, to: &output)
            try stream.finish(to: &output)
            #expect(try decompressed(output).bytes == bytes)
        }
    }

    @Test func whatFollowsTheFrameIsLeft() throws {
        let frame = try compressed(sample(1_000), pieceSize: 1_000)
        #expect(try decompressed(frame + [1, 2, 3]).taken == frame.count)
    }

    @Test func aCutFrameDoesNotEnd() throws {
        let frame = try compressed(sample(2_000), pieceSize: 1_000)
        for count in 0..<frame.count {
            #expect(try !decompressed(Array(frame[..<count])).isFinished)
        }
    }

    @Test func eachChangedByteIsNoticed() throws {
        let bytes = sample(3_000)
        let frame = try compressed(bytes, pieceSize: 3_000)
        for place in frame.indices {
            var changed = frame
            changed[place] ^= 0x10
            let result = try? decompressed(changed)
            // A bit of the header may only ask for more memory: then the content is the same.
            #expect(result?.isFinished != true || result?.bytes == bytes, "byte \(place)")
        }
    }

    @Test func largeWindowsAreRefused() throws {
        let frame = try compressed(sample(3_000), pieceSize: 3_000)
        #expect(throws: ZstdError.self) { try decompressed(frame, windowLog: 10) }
        #expect(try decompressed(frame, windowLog: 19).isFinished)
    }

    @Test func skippableFramesAreNoContent() throws {
        // Magic, size 4, four bytes.
        let skippable: [UInt8] = [0x50, 0x2A, 0x4D, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]
        let result = try decompressed(skippable)
        #expect(result.bytes.isEmpty && result.isFinished)
    }
}
