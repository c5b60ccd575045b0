import Testing

@testable import Zstandard

// `#expect` cannot take a `Span` apart, so the tests speak of arrays.

private func compressed(
    _ bytes: [UInt8],
    level: Int32 = 1,
    checksum: Bool = true
) throws -> [UInt8] {
    try ZstdCompressor(level: level, checksum: checksum).compress(bytes.span)
}

private func decompressed(_ frame: [UInt8], _ originalSize: Int) throws -> [UInt8] {
    try ZstdDecompressor().decompress(frame.span, originalSize: originalSize)
}

private func isDamaged(_ frame: [UInt8], _ originalSize: Int) -> Bool {
    do throws(ZstdError) {
        _ = try ZstdDecompressor().decompress(frame.span, originalSize: originalSize)
        return false
    } catch {
        guard case .damaged = error else { return false }
        return true
    }
}

private func sample(_ count: Int, seed: Int = 1) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: ($0 / 7 &* seed) ^ ($0 >> 5)) }
}

@Suite struct ZstandardTests {
    @Test(arguments: [0, 1, 2, 100, 1_000, 65_536, 1 << 20], [Int32(1), 3, 19])
    func roundTrips(count: Int, level: Int32) throws {
        let bytes = sample(count)
        for checksum in [false, true] {
            let frame = try compressed(bytes, level: level, checksum: checksum)
            #expect(frame.count <= ZstdCompressor.outputBound(sizeBytes: count))
            #expect(try decompressed(frame, count) == bytes)
        }
    }

    @Test func contextsAndMemoryAreReused() throws {
        let compressor = ZstdCompressor(level: 3, checksum: true)
        let decompressor = ZstdDecompressor()
        var frame: [UInt8] = [1, 2, 3]
        var content: [UInt8] = [4]
        for count in [100_000, 10, 0, 5_000, 100_000] {
            let bytes = sample(count, seed: count + 3)
            try compressor.compress(bytes.span, into: &frame)
            try decompressor.decompress(frame.span, originalSize: count, into: &content)
            #expect(content == bytes)
            #expect(frame == (try compressed(bytes, level: 3)))
        }
    }

    @Test func aFailedCallDoesNotSpoilTheNext() throws {
        let decompressor = ZstdDecompressor()
        let bytes = sample(10_000)
        let frame = try compressed(bytes)
        var broken = frame
        broken[frame.count / 2] ^= 0xff
        for _ in 0..<3 {
            var content: [UInt8] = [9]
            #expect(throws: ZstdError.self) {
                try decompressor.decompress(broken.span, originalSize: 10_000, into: &content)
            }
            #expect(content == [])
            try decompressor.decompress(frame.span, originalSize: 10_000, into: &content)
            #expect(content == bytes)
        }
    }

    /// Made with the `zstd` command, version 1.5.4: `printf strongroom > f; zstd f`.
    @Test func aFrameOfAnotherWriter() throws {
        let frame: [UInt8] = [
            0x28, 0xb5, 0x2f, 0xfd, 0x24, 0x0a, 0x51, 0x00, 0x00, 0x73, 0x74, 0x72, 0x6f, 0x6e,
            0x67, 0x72, 0x6f, 0x6f, 0x6d, 0x05, 0xf4, 0x2f, 0x16,
        ]
        #expect(try decompressed(frame, 10) == Array("strongroom".utf8))
    }

    /// Made with `printf strongroom | zstd`, which cannot know the size beforehand.
    @Test func aFrameThatDoesNotTellItsSizeIsRefused() {
        let frame: [UInt8] = [
            0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x51, 0x00, 0x00, 0x73, 0x74, 0x72, 0x6f, 0x6e,
            0x67, 0x72, 0x6f, 0x6f, 0x6d, 0x05, 0xf4, 0x2f, 0x16,
        ]
        #expect(isDamaged(frame, 10))
    }

    @Test func everyFlippedByteIsRefused() throws {
        let bytes = sample(300)
        let frame = try compressed(bytes)
        for index in frame.indices {
            for bit in 0..<8 {
                var changed = frame
                changed[index] ^= 1 << bit
                // Some bits of the header carry nothing; no other content may come out.
                let content = try? decompressed(changed, bytes.count)
                #expect(content == nil || content == bytes)
            }
        }
    }

    @Test func everyTruncationIsRefused() throws {
        let bytes = sample(300)
        let frame = try compressed(bytes, checksum: false)
        for count in frame.indices {
            #expect(isDamaged(Array(frame.prefix(count)), bytes.count))
        }
    }

    @Test func otherSizesAreRefused() throws {
        let frame = try compressed(sample(300))
        for size in [-1, 0, 299, 301, 1 << 20, Int.max] {
            #expect(isDamaged(frame, size))
        }
    }

    @Test func trailingBytesAreRefused() throws {
        let bytes = sample(300)
        let frame = try compressed(bytes)
        #expect(isDamaged(frame + [0], 300))
        #expect(isDamaged(frame + frame, 300))
        #expect(isDamaged(frame + frame, 600))
        let empty = try compressed([])
        #expect(isDamaged(frame + empty, 300))
        #expect(isDamaged(empty + frame, 300))
        // A skippable frame of no content, after and before.
        let skippable: [UInt8] = [0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]
        #expect(isDamaged(frame + skippable, 300))
        #expect(isDamaged(skippable + frame, 300))
        #expect(isDamaged(skippable, 0))
    }

    @Test func whatIsNoFrameIsRefused() {
        #expect(isDamaged([], 0))
        #expect(isDamaged([1], 1))
        #expect(isDamaged(Array("not a frame at all".utf8), 18))
    }

    /// A frame that claims four exabytes must not be believed.
    @Test func hugeClaimsAreNotBelieved() {
        let claim: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0x40, 1, 0, 0]
        #expect(isDamaged(claim, 1 << 62))
        #expect(isDamaged(claim, 10))
    }
}
