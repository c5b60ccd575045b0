import Platform
import Zstandard

/// A payload over 1 MiB in a file of its own: independent zstd frames of 1 MiB each, then a seek
/// table, so that any part is found without reading what stands before it.
///
/// ```
/// frame 0 | frame 1 | … | frame n-1 | seek table
///
/// seek table, little-endian, itself a skippable frame that zstd tools pass over:
///   4  magic 0x184D2A5E
///   4  size of what follows: 8 n + 9
///   n times: 4 stored size of the frame, 4 original size
///   4  n
///   1  0: the table has no checksums (each frame ends with its own)
///   4  magic 0x8F92EAB1
/// ```
///
/// Reference: Zstandard Seekable Format 0.1.0; `zstd -d` reads the file.
enum PayloadFile {
    /// Original bytes in a frame, and the largest payload that stays in the segment's table.
    static let chunkSizeBytes = 1 << 20
    static let compressionLevel: Int32 = 1

    private static let skippableMagic: UInt32 = 0x184D_2A5E
    private static let seekTableMagic: UInt32 = 0x8F92_EAB1
    private static let footerSizeBytes = 9

    /// Where a frame is.
    struct Frame: Equatable, Sendable {
        let offset: UInt64
        let storedSizeBytes: Int
        let originalSizeBytes: Int
    }

    static func seekTable(_ frames: [Frame]) -> [UInt8] {
        var bytes: [UInt8] = []
        append(skippableMagic, to: &bytes)
        append(UInt32(8 * frames.count + footerSizeBytes), to: &bytes)
        for frame in frames {
            append(UInt32(frame.storedSizeBytes), to: &bytes)
            append(UInt32(frame.originalSizeBytes), to: &bytes)
        }
        append(UInt32(frames.count), to: &bytes)
        bytes.append(0)
        append(seekTableMagic, to: &bytes)
        return bytes
    }

    /// Reads the seek table of a file whose payload has `sizeBytes` original bytes.
    ///
    /// - Throws: `damaged` if the table and the file's length do not fit each other exactly.
    static func frames(
        in file: borrowing File,
        sizeBytes: UInt64
    ) throws(StoreError) -> [Frame] {
        let path = file.path
        func damaged(_ detail: String) -> StoreError { .damaged(path: path, detail: detail) }
        let chunk = UInt64(chunkSizeBytes)
        let count = (sizeBytes + chunk - 1) / chunk
        let tableSize = 8 * count + 8 + UInt64(footerSizeBytes)
        let (fileSize, table) = try read(file, last: tableSize)
        guard fileSize > tableSize, UInt64(table.count) == tableSize else {
            throw damaged("it is shorter than its seek table")
        }
        let end = Int(tableSize)
        guard word(table, 0) == skippableMagic, UInt64(word(table, 4)) == tableSize - 8,
            UInt64(word(table, end - 9)) == count, table[end - 5] == 0,
            word(table, end - 4) == seekTableMagic
        else { throw damaged("its seek table is not that of a payload of \(sizeBytes) bytes") }
        var frames: [Frame] = []
        var (offset, rest): (UInt64, UInt64) = (0, sizeBytes)
        for number in 0..<Int(count) {
            let stored = word(table, 8 + 8 * number)
            let original = word(table, 12 + 8 * number)
            guard UInt64(original) == min(rest, chunk) else {
                throw damaged("its seek table gives frame \(number) \(original) bytes")
            }
            frames.append(
                Frame(
                    offset: offset,
                    storedSizeBytes: Int(stored),
                    originalSizeBytes: Int(original)
                )
            )
            offset += UInt64(stored)
            rest -= UInt64(original)
        }
        guard offset == fileSize - tableSize else {
            throw damaged("its frames do not end where its seek table begins")
        }
        return frames
    }

    private static func read(
        _ file: borrowing File,
        last count: UInt64
    ) throws(StoreError) -> (fileSize: UInt64, bytes: [UInt8]) {
        do throws(SystemError) {
            let size = try file.sizeBytes()
            guard size > count else { return (size, []) }
            return (size, try file.read(count: Int(count), at: size - count))
        } catch {
            throw .system(error)
        }
    }

    private static func append(_ value: UInt32, to bytes: inout [UInt8]) {
        for shift: UInt32 in [0, 8, 16, 24] {
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    private static func word(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << UInt32(8 * $1) }
    }
}
