/// The header of a regular file or directory in an archive, in the one form in which it is written
/// here.
///
/// Read-only (files 0444, directories 0755), of nobody (0), without names; so equal members have
/// equal bytes on every machine, and a reader can demand exactly these. It is written by hand, not
/// by libarchive: the bytes must not change with a library's version, and an archive of small files
/// has as many bytes of headers as of content.
///
/// ```
///   0  100  name            257  8  "ustar", 0, "00"
/// 100    8  mode            265 64  names of user and group: zeros
/// 108    8  user: 0         329 16  device: 0, 0
/// 116    8  group: 0        345 155 prefix, 12 zeros
/// 124   12  size
/// 136   12  time: octal digits, from the year 2242 on base 256
/// 148    8  checksum: the sum of the header's bytes, with blanks in place of the checksum
/// 156    1  "0": a file; "5": a directory, whose name ends with a slash
/// ```
///
/// A path of more than 100 bytes is split at its last slash: prefix, and name.
///
/// Reference: POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar manual, "Extensions to the
/// Format".
package struct TarHeader: Hashable, Sendable {
    /// The size of a header, and what contents are filled up to.
    package static let blockSizeBytes = 512
    /// The longest name.
    package static let maximumNameBytes = 100
    /// The longest prefix.
    package static let maximumPrefixBytes = 155
    /// 8 GiB - 1.
    package static let maximumSizeBytes: UInt64 = 1 << 33 - 1

    /// What ends an archive: two blocks of zeros.
    package static let endMark = [UInt8](repeating: 0, count: 2 * blockSizeBytes)

    /// A relative path, without links and special parts.
    package let name: String
    package let sizeBytes: UInt64
    /// Since 1970.
    package let modifiedSeconds: UInt64

    /// Whether it is one, by its name.
    package var isDirectory: Bool { name.utf8.last == UInt8(ascii: "/") }

    package init(name: String, sizeBytes: UInt64, modifiedSeconds: UInt64) {
        self.name = name
        self.sizeBytes = sizeBytes
        self.modifiedSeconds = modifiedSeconds
    }

    /// How many zeros follow a content of `sizeBytes`.
    package static func paddingBytes(sizeBytes: UInt64) -> Int {
        Int((UInt64(blockSizeBytes) - sizeBytes % UInt64(blockSizeBytes)) % UInt64(blockSizeBytes))
    }

    /// Reads a header; `nil` unless it is exactly what `TarHeaderWriter` writes.
    package init?(parsing block: Span<UInt8>) {
        guard block.count == Self.blockSizeBytes, block[0] != 0 else { return nil }
        var nameBytes = Self.text(block, Field.prefix)
        if !nameBytes.isEmpty { nameBytes.append(UInt8(ascii: "/")) }
        nameBytes += Self.text(block, Field.name)
        guard let name = String(validating: nameBytes, as: UTF8.self),
            let size = Self.octal(block, Field.size), let time = Self.time(block)
        else { return nil }
        self.init(name: name, sizeBytes: size, modifiedSeconds: time)
        let isDirectory = nameBytes.last == UInt8(ascii: "/")
        guard TarHeaderWriter.fits(name: nameBytes.span), !isDirectory || size == 0 else {
            return nil
        }
        var writer = TarHeaderWriter()
        writer.set(name: nameBytes.span, sizeBytes: size, modifiedSeconds: time)
        let written = writer.block.span
        for index in written.indices where written[index] != block[index] { return nil }
    }

    /// The bytes of a field up to the first zero.
    private static func text(_ block: Span<UInt8>, _ field: Range<Int>) -> [UInt8] {
        var bytes: [UInt8] = []
        for index in field {
            guard block[index] != 0 else { break }
            bytes.append(block[index])
        }
        return bytes
    }

    private static func octal(_ block: Span<UInt8>, _ field: Range<Int>) -> UInt64? {
        var value: UInt64 = 0
        for index in field.lowerBound..<field.upperBound - 1 {
            let digit = block[index] &- UInt8(ascii: "0")
            guard digit < 8 else { return nil }
            value = value << 3 | UInt64(digit)
        }
        return value
    }

    private static func time(_ block: Span<UInt8>) -> UInt64? {
        let field = Field.time
        guard block[field.lowerBound] == 0x80 else { return octal(block, field) }
        var value: UInt64 = 0
        for index in field.upperBound - 8..<field.upperBound {
            value = value << 8 | UInt64(block[index])
        }
        return value
    }
}

/// Writes headers, one after the other into the same block.
package struct TarHeaderWriter {
    /// The header that was set last.
    package private(set) var block: [UInt8]
    private var nameSizeBytes = 0
    private var prefixSizeBytes = 0

    package init() {
        block = [UInt8](repeating: 0, count: TarHeader.blockSizeBytes)
        put("0000000", at: 108)
        put("0000000", at: 116)
        put("ustar", at: 257)
        put("00", at: 263)
        put("0000000", at: 329)
        put("0000000", at: 337)
    }

    /// Describes a member.
    ///
    /// - Precondition: `fits(name:)`, and the size is below 8 GiB; 0 for a directory.
    package mutating func set(name: Span<UInt8>, sizeBytes: UInt64, modifiedSeconds: UInt64) {
        guard let prefixCount = Self.prefixCount(of: name) else {
            preconditionFailure("no name for ustar")
        }
        let start = prefixCount == 0 ? 0 : prefixCount + 1
        let isDirectory = name[name.count - 1] == UInt8(ascii: "/")
        precondition(!isDirectory || sizeBytes == 0, "a directory has no content")
        precondition(sizeBytes <= TarHeader.maximumSizeBytes, "too large for ustar")
        put(name.extracting(start...), in: Field.name, over: nameSizeBytes)
        nameSizeBytes = name.count - start
        put(name.extracting(..<prefixCount), in: Field.prefix, over: prefixSizeBytes)
        prefixSizeBytes = prefixCount
        put(isDirectory ? "0000755" : "0000444", at: 100)
        put(isDirectory ? "5" : "0", at: 156)
        putOctal(sizeBytes, in: Field.size)
        if modifiedSeconds >> 33 == 0 {
            putOctal(modifiedSeconds, in: Field.time)
        } else {
            putBase256(modifiedSeconds, in: Field.time)
        }
        putChecksum()
    }

    /// Whether a path can be written.
    package static func fits(name: Span<UInt8>) -> Bool { prefixCount(of: name) != nil }

    /// How many bytes go into the prefix, without the slash behind it; `nil`: it does not fit.
    private static func prefixCount(of name: Span<UInt8>) -> Int? {
        guard name.count > TarHeader.maximumNameBytes else { return name.isEmpty ? nil : 0 }
        var slash = name.count - 2
        while slash > 0, name[slash] != UInt8(ascii: "/") { slash -= 1 }
        let isFitting =
            slash > 0 && slash <= TarHeader.maximumPrefixBytes
            && name.count - slash - 1 <= TarHeader.maximumNameBytes
        return isFitting ? slash : nil
    }

    /// Writes text over one of `count` bytes.
    private mutating func put(_ text: Span<UInt8>, in field: Range<Int>, over count: Int) {
        for index in text.indices { block[field.lowerBound + index] = text[index] }
        for index in text.count..<max(count, text.count) { block[field.lowerBound + index] = 0 }
    }

    private mutating func put(_ text: StaticString, at offset: Int) {
        for index in 0..<text.utf8CodeUnitCount {
            block[offset + index] = unsafe text.utf8Start[index]
        }
    }

    /// As many digits as there is room for, and a zero byte.
    private mutating func putOctal(_ value: UInt64, in field: Range<Int>) {
        var rest = value
        block[field.upperBound - 1] = 0
        for index in (field.lowerBound..<field.upperBound - 1).reversed() {
            block[index] = UInt8(ascii: "0") + UInt8(rest & 7)
            rest >>= 3
        }
    }

    private mutating func putBase256(_ value: UInt64, in field: Range<Int>) {
        var rest = value
        for index in field.reversed() {
            block[index] = UInt8(truncatingIfNeeded: rest)
            rest >>= 8
        }
        block[field.lowerBound] = 0x80
    }

    private mutating func putChecksum() {
        for index in Field.checksum { block[index] = UInt8(ascii: " ") }
        var sum: UInt64 = 0
        for byte in block { sum &+= UInt64(byte) }
        // Six digits, a zero byte, and the blank that is there.
        putOctal(sum, in: Field.checksum.lowerBound..<Field.checksum.upperBound - 1)
    }
}

private enum Field {
    static let name = 0..<100
    static let size = 124..<136
    static let time = 136..<148
    static let checksum = 148..<156
    static let prefix = 345..<500
}
